"""The stand-in for SQL Server as a process, and as what a container runs."""

import os
import signal
import subprocess
import sys

import pytest
from running_standin import RunningStandin, module
from scripted_sql import DRIVER, NO_DRIVER

from restoreproof.fixtures.engines import EngineError
from restoreproof.fixtures.engines.answers import SqlFailure
from restoreproof.fixtures.engines.connection import Connection
from restoreproof.fixtures.engines.standin import login_of, start_standin
from restoreproof.fixtures.engines.starting import EngineSettings, engine_for
from restoreproof.standins.certificates import Authority
from restoreproof.standins.contract import StandinError
from restoreproof.standins.sqlserver import image
from restoreproof.standins.sqlserver.__main__ import serve

pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="stand-ins stop by signals as Linux knows them"),
    pytest.mark.skipif(bool(NO_DRIVER), reason=NO_DRIVER),
]

ACCEPTED = {"ACCEPT_EULA": "Y", "MSSQL_SA_PASSWORD": "Aa1-planted-secret", "MSSQL_TCP_PORT": "0"}
IMAGE = """
import sys, pathlib
from restoreproof.standins.sqlserver.image import main
main(authorities=pathlib.Path(sys.argv[1]))
"""


def test_it_says_who_it_is_and_certifies_nothing():
    with engine_for("standin", EngineSettings()) as choice:
        engine = choice.engine
        assert engine.standin
        assert engine.build[0] == 16
        assert (engine.origin, choice.reason) == ("stand-in", "")


def test_two_at_once_have_nothing_in_common_and_leave_nothing(tmp_path):
    first = RunningStandin(module("sqlserver"), tmp_path, {"name": "one", "password": "It's }the; first 1"})
    second = RunningStandin(module("sqlserver"), tmp_path)
    logins = [login_of(first.ready), login_of(second.ready)]

    assert len(first.folders()) == 2
    assert first.ready["password"] == "It's }the; first 1"
    for login in logins:
        with Connection(login, DRIVER) as connection:
            assert connection.run("SELECT @@SPID").value == connection.spid
    with pytest.raises(SqlFailure, match="Login failed"):
        Connection(login_of({**first.ready, "password": second.ready["password"]}), DRIVER)

    assert (first.stop(), second.stop()) == (0, 0)
    assert second.folders() == []


@pytest.mark.parametrize(
    ("settings", "told"),
    [({"passwort": "x"}, "passwort"), ({"name": "../x"}, "small letters")],
    ids=["setting", "name"],
)
def test_what_it_does_not_know_it_refuses(settings, told):
    with pytest.raises(StandinError, match=told), serve(settings):
        pass


def test_a_behaviour_that_does_not_exist_is_one_line():
    with pytest.raises(EngineError, match=r"the stand-in for SQL Server can't be started: .*probe"):
        start_standin(DRIVER, "", {"probe": "nonsense"})


@pytest.mark.parametrize(
    ("change", "told"),
    [({"ACCEPT_EULA": "N"}, "ACCEPT_EULA=Y"), ({"MSSQL_SA_PASSWORD": "alllowercase1"}, "the policy")],
    ids=["licence", "password"],
)
def test_the_image_refuses_what_the_real_one_refuses(tmp_path, capsys, change, told):
    with pytest.raises(SystemExit, match="1"):
        image.main({**ACCEPTED, **change}, tmp_path)

    said = capsys.readouterr().out
    assert told in said
    assert ACCEPTED["MSSQL_SA_PASSWORD"] not in said


def test_the_image_reads_its_authorities_says_when_it_is_ready_and_stops_when_told(tmp_path):
    for name in ("a.crt", "b.pem", "notes.txt"):
        (tmp_path / name).write_text(Authority().pem, encoding="ascii")
    command = [sys.executable, "-c", IMAGE, str(tmp_path)]
    environ = {**os.environ, **ACCEPTED, "TMPDIR": str(tmp_path)}
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=environ, text=True) as running:
        said = [running.stdout.readline() for _ in range(3)]
        running.send_signal(signal.SIGTERM)
        running.communicate()

    assert "store: 2" in said[0]
    assert "not SQL Server" in said[1]
    assert "now ready for client connections" in said[2]
    assert running.returncode == 0
    assert [path for path in tmp_path.iterdir() if path.is_dir()] == []


def test_only_fifty_authorities_are_read(tmp_path):
    for number in range(51):
        (tmp_path / f"{number:02}.crt").write_text(f"{number}", encoding="ascii")

    assert [text.strip() for text in image._trusted(tmp_path)] == [str(number) for number in range(50)]
