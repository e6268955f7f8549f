"""SQL Server's way through Docker, tried on the stand-in's image: `.ci/engine` makes that, and runs this."""

import os
import subprocess
import sys
from contextlib import closing, suppress

import pytest
from docker import from_env
from docker.errors import DockerException
from scripted_sql import DRIVER, NO_DRIVER
from store_endpoint import prefix, store_endpoint

from restoreproof.commands.sweep import _sweep_engines
from restoreproof.fixtures.endpoints import Endpoint
from restoreproof.fixtures.engines import EngineError, container, tsql
from restoreproof.fixtures.engines.connection import Connection
from restoreproof.fixtures.engines.container import AUTHORITIES, ContainerSettings, forget_engines, running_container
from restoreproof.fixtures.engines.starting import EngineSettings, engine_for
from restoreproof.providers.secrets import Secret
from restoreproof.standins.certificates import Authority

IMAGE = "restoreproof-standin"
SETTINGS = ContainerSettings(IMAGE, accept_eula=True, ready_seconds=30)


def images():
    with suppress(DockerException), closing(from_env()) as client:
        return {tag.partition(":")[0] for image in client.images.list() for tag in image.tags}
    return set()


pytestmark = [
    pytest.mark.skipif(bool(NO_DRIVER), reason=NO_DRIVER),
    pytest.mark.skipif(IMAGE not in images(), reason="the image is not here: .ci/engine makes it and runs this"),
    pytest.mark.filterwarnings("default::ResourceWarning"),
]


@pytest.fixture(autouse=True)
def state(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    return tmp_path / "state"


@pytest.fixture
def docker():
    with closing(from_env()) as client:
        yield client


def ours(docker, run):
    return docker.containers.list(all=True, filters={"label": f"restoreproof.run={run}-engine"})


def test_a_container_lets_us_in_on_loopback_and_is_gone_afterwards(docker, state):
    with running_container(SETTINGS, DRIVER, "tried-1") as engine:
        [running] = ours(docker, "tried-1")
        with Connection.to(engine) as connection:
            assert connection.spid > 0
        assert {binding["HostIp"] for binding in running.ports["1433/tcp"]} == {"127.0.0.1"}
        assert running.attrs["HostConfig"]["Memory"] == 4 * 1024**3
        assert engine.standin
        assert engine.origin.startswith(f"container {IMAGE} sha256:")
        log = running.logs().decode()
        assert "is now ready for client connections" in log
        assert engine.login.password.reveal() not in log

    assert ours(docker, "tried-1") == []
    assert list(state.rglob("*.jsonl")) == []


def test_authorities_are_there_before_it_starts_and_names_lead_to_the_endpoint(docker):
    authorities = [Authority().pem, Authority().pem]
    endpoints = tuple(
        Endpoint(f"https://{name}:9000", ca, "us-east-1", "path", name, ("127.0.0.1",), "", {}, "url")
        for name, ca in zip(("s3.localhost", "s3.lab.test"), authorities, strict=True)
    )
    settings = EngineSettings(container=SETTINGS, endpoints=endpoints, buckets=("b",), run="tried-2", driver=DRIVER)
    with engine_for("auto", settings) as choice:
        [running] = ours(docker, "tried-2")
        python = running.attrs["Config"]["Entrypoint"][0]
        program = (
            f"import pathlib; print(*[p.read_text() for p in sorted(pathlib.Path('{AUTHORITIES}').iterdir())], sep='');"
            "print(open('/etc/hosts').read())"
        )
        seen = running.exec_run([python, "-c", program]).output.decode()

        assert (choice.reason, running.attrs["HostConfig"]["NetworkMode"]) == ("", "host")
        assert "store: 2" in running.logs().decode()
    assert all(ca in seen for ca in authorities)
    hosts = [line.split() for line in seen.splitlines()]
    assert all(
        ["127.0.0.1", f"{bucket}{name}"] in hosts for bucket in ("", "b.") for name in ("s3.localhost", "s3.lab.test")
    )


def test_it_backs_up_to_an_endpoint_on_the_loopback_of_this_machine(tmp_path):
    with store_endpoint(tmp_path) as store:
        settings = EngineSettings(container=SETTINGS, endpoints=(store,), run="tried-6", driver=DRIVER)
        with engine_for("container", settings) as choice, Connection.to(choice.engine) as connection:
            connection.run(tsql.create_credential(prefix(store), store.keys["backup"]))
            connection.run("CREATE DATABASE db")
            answer = connection.run(f"BACKUP DATABASE db TO URL = '{prefix(store)}/db.bak'")

    assert 3014 in answer.numbers


def test_what_ends_at_once_says_why(docker, monkeypatch):
    monkeypatch.setattr(container, "_password", lambda: Secret("weak"))
    with pytest.raises(EngineError, match="does not meet the policy"), running_container(SETTINGS, DRIVER, "tried-3"):
        pass
    assert ours(docker, "tried-3") == []


def test_who_lets_nobody_in_is_given_up_with_its_log(docker):
    hasty = ContainerSettings(IMAGE, accept_eula=True, ready_seconds=1)
    with (
        pytest.raises(EngineError, match=r"let nobody in within 1 s; the last try: .*; its log ends with: "),
        running_container(hasty, "/nowhere/driver.so", "tried-4"),
    ):
        pass
    assert ours(docker, "tried-4") == []


def test_an_image_that_is_not_here_says_how_to_get_it():
    absent = ContainerSettings("restoreproof-nobody:1", accept_eula=True)
    with pytest.raises(EngineError, match="say: docker pull restoreproof-nobody:1"), running_container(absent, "", "t"):
        pass


KILLED = """
import sys
from restoreproof.fixtures.engines.container import ContainerSettings, running_container
with running_container(ContainerSettings(sys.argv[1], accept_eula=True), sys.argv[2], "tried-5"):
    print("ready", flush=True)
    sys.stdin.read()
"""


def test_what_a_killed_run_left_goes_with_a_sweep(docker, capsys):
    command = [sys.executable, "-c", KILLED, IMAGE, DRIVER]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=os.environ) as run:
        assert run.stdout.readline() == b"ready\n"
        run.kill()
        run.communicate()
    assert len(ours(docker, "tried-5")) == 1

    assert _sweep_engines() == 0

    assert "1 SQL Server in containers removed" in capsys.readouterr().out
    assert ours(docker, "tried-5") == []
    assert forget_engines() == 0
