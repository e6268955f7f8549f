"""Runs with an engine, as a user starts them: what they say, what they leave, and what they never tell."""

import json
import signal
import sys
from contextlib import closing, suppress
from pathlib import Path

import pytest
from defective_runs import laboratory
from live_runs import Store, ledgers, live_run
from scripted_sql import DRIVER, NO_DRIVER

from restoreproof.fixtures.engines.connection import Connection
from restoreproof.fixtures.engines.standin import login_of, start_standin
from restoreproof.reports.census import answers, read_census
from restoreproof.reports.outcome import REHEARSED, judge
from restoreproof.reports.record import CONFORMS, NOT_RUN

pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="the embedded endpoint runs on Linux only"),
    pytest.mark.skipif(bool(NO_DRIVER), reason=NO_DRIVER),
]

STANDIN = ("--engine", "standin")
FEW = ("BAK-01.one-url", "BAK-03.log-chain", "CRED-18.second-instance", "ERR-03.wrong-secret", "REG-01.default-region")
OTHERWISE = {
    "probe": "head",
    "tiny": "put",
    "payload_hash": "UNSIGNED-PAYLOAD",
    "parts_in_flight": 8,
    "part_sizes": "ceiling",
    "range_bytes": 1_048_576,
    "parallel_ranges": 8,
    "newest_tls": "1.3",
    "region_hosts": "none",
}
"""The other answer to the open questions about what SQL Server sends, as far as the documented rights allow it."""


@pytest.fixture(scope="module")
def lab():
    with laboratory("round_trips") as running:
        yield running


@pytest.fixture(scope="module")
def store(lab):
    return Store(lab)


def only(*checks):
    return [word for check in checks for word in ("--check", check)]


@pytest.fixture(scope="module")
def rehearsal(lab, tmp_path_factory):
    """A run of a few checks with the stand-in and two workers, and where it wrote."""
    folder = tmp_path_factory.mktemp("rehearsal")
    done, run = lab.certify(*STANDIN, "-n", "2", "--require", "as-declared", *only(*FEW), report_dir=str(folder))
    return done, run, folder


def test_rehearsal_says_that_it_is_one(rehearsal):
    done, run, _ = rehearsal

    assert done.returncode == 0, done.stdout
    assert {record.id for record in run.records if record.verdict == CONFORMS} == set(FEW)
    assert run.header.engine["standin"]
    assert "stand-in" in run.header.engine["edition"]
    assert "it rehearses, and certifies nothing" in done.stdout
    assert judge(run.header, run.records)[0] != REHEARSED  # a part of the checks has no outcome


@pytest.mark.usefixtures("rehearsal")
def test_rehearsal_leaves_nothing(lab, store):
    assert store.holds() == {}
    assert ledgers(lab) == []


def test_rehearsal_tells_no_secret(lab, rehearsal):
    done, _, folder = rehearsal
    told = {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    told["output"] = (done.stdout + done.stderr).encode()

    assert [place for place, text in told.items() for secret in lab.endpoint.secrets if secret.encode() in text] == []
    assert any(path.endswith("census.jsonl") for path in told)


def test_census_answers_what_can_be_seen(lab, rehearsal):
    census = next(rehearsal[2].rglob("census.jsonl"))

    found = {answer.number: answer.answer for answer in answers(read_census(census))}
    printed = lab.command("census", str(census.parent))

    assert len(found) == 22
    assert found[18].startswith("us-east-1 (")
    assert found[3].startswith("sha256 (")
    assert printed.returncode == 0
    assert found[7] in printed.stdout


def test_stand_in_behaves_like_a_census(lab, rehearsal, tmp_path):
    census = next(rehearsal[2].rglob("census.jsonl"))
    lines = [{**line, "shown": {**line["shown"], "user-agent": "Planted/1"}} for line in read_census(census)]
    (tmp_path / "census.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    words = (*STANDIN, "--behave-like", str(tmp_path), "--require", "as-declared")

    _, run = lab.certify(*words, *only("REG-01.default-region"), report_dir=str(tmp_path / "runs"))

    seen = read_census(next((tmp_path / "runs").rglob("census.jsonl")))
    assert {line["shown"]["user-agent"] for line in seen} == {"Planted/1"}
    assert run.footer.counts[CONFORMS] == 1


def test_census_of_a_run_that_has_none_is_refused_in_one_line(lab, tmp_path):
    done = lab.command("census", str(tmp_path))

    assert (done.returncode, done.stderr.count("\n"), done.stdout) == (4, 1, "")


@pytest.mark.parametrize("name", OTHERWISE)
def test_suites_pass_whatever_the_answer_to_an_open_question_is(lab, name):
    words = ("--behave", f"{name}={OTHERWISE[name]}", "--require", "as-declared")

    done, run = lab.certify(*STANDIN, *words, *only("BAK-01.one-url", "BAK-15.any-order", "RST-02.missing-stripe"))

    assert done.returncode == 0, done.stdout
    assert [record.verdict for record in run.records if record.verdict != NOT_RUN] == [CONFORMS] * 3


def test_without_an_engine_its_checks_are_not_run_and_say_why(lab):
    _, run = lab.certify("--engine", "none", "--area", "backups", "--check", "TLS-01.handshake")
    _, run = lab.certify("--engine", "none", "--area", "backups", "--area", "tls", "--require", "as-declared")

    reasons = {record.reason for record in run.records if record.requirement.area == "backups"}
    assert reasons == {"no SQL Server took part: no engine was asked for"}
    assert run.header.engine is None


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--engine", "stand-in"), "did you mean 'standin'?"),
        (("--engine", "instance"), "--engine-host HOST"),
        (("--engine", "standin", "--engine-host", "x"), "goes with --engine instance"),
        (("--engine-host", "x:y"), "the port is no number"),
        (("--engine-host", "x:99999"), "the port is no number from 1 to 65535"),
        (("--engine-host", "x,1433"), "write HOST or HOST:PORT"),
        (("--engine-host", r"x\INST"), "a named instance goes by its port"),
        (("--engine-host", "x", "--engine-ca", __file__), "no certificate in it"),
        (("--engine", "none", "--behave", "probe=head"), "turns switches of the stand-in"),
        (("--engine", "auto", "--engine-driver", "/nowhere"), "/nowhere"),
        (("--engine-host", "x", "--engine-ca", "missing.pem"), "--engine-ca missing.pem: No such file"),
        (("--engine", "none", "--defect", "copy-only-ignored"), "only the stand-in plays"),
        (("--behave", "probe=ask", "--engine", "standin"), "probe is one of head, list, both"),
        (("--engine", "container"), "--accept-eula"),
        (("--engine-host", "localhost:1"), "MSSQL_USER is not set"),
        (("--behave", "prob=head"), "No switch of the connector: prob"),
        (("--engine", "standin", "--engine-driver", "/nowhere"), "/nowhere"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_what_is_wrong_with_an_engine_is_told_in_one_line(lab, tmp_path, words, told):
    asked = ("--provider", str(lab.profile), "--report-dir", str(tmp_path), "--check", "BAK-01.one-url")

    done = lab.command("certify", *asked, *(words if "--engine" in words else ("--engine", "auto", *words)))

    assert done.returncode == (1 if "/nowhere" in words else 4)
    assert told in done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr
    assert list(tmp_path.rglob("run.jsonl")) == []


@pytest.fixture
def instance(lab, tmp_path, monkeypatch):
    """A SQL Server that runs already, the words that name it, and what it holds of ours."""
    program, engine = start_standin(DRIVER, lab.endpoint.ca, {})
    with closing(program):
        login = login_of(program.ready)
        (tmp_path / "engine.pem").write_text(login.ca)
        monkeypatch.setitem(lab.environment, "MSSQL_USER", login.user)
        monkeypatch.setitem(lab.environment, "MSSQL_PASSWORD", login.password.reveal())
        words = ("--engine-host", f"localhost:{login.port}", "--engine-ca", str(tmp_path / "engine.pem"))
        yield engine, ("--engine", "instance", *words)


HELD = """SELECT name FROM sys.databases WHERE name LIKE 'restoreproof%' UNION ALL SELECT name FROM sys.credentials
UNION ALL SELECT database_name FROM msdb.dbo.backupset WHERE database_name LIKE 'restoreproof%'"""


def held(engine):
    with Connection.to(engine) as connection:
        return [row["name"] for row in connection.run(HELD).rows]


def test_run_on_an_instance_leaves_nothing_there(lab, instance):
    engine, words = instance
    checks = only("BAK-01.one-url", "ABORT-04.interrupted-backup-invisible", "RST-02.missing-stripe")

    done, run = lab.certify(*words, "-n", "2", "--require", "as-declared", *checks)

    assert done.returncode == 0, done.stdout
    assert run.header.engine["standin"]
    assert held(engine) == []
    assert ledgers(lab) == []


def test_killed_run_on_an_instance_is_finished_by_the_next(lab, store, instance, tmp_path):
    engine, words = instance
    asked = ("certify", "--provider", str(lab.profile), "--report-dir", str(tmp_path), "--area", "backups", *words)
    with live_run(lab, tmp_path / "said", *asked) as run:
        run.wait_until_it_says("BAK-01.one-url")
        run.tell_all(signal.SIGKILL)
        run.wait_until_nothing_lives()
    left = len(held(engine))
    swept = lab.command("sweep", "--provider", str(lab.profile))

    done, _ = lab.certify(*words, "--require", "as-declared", *only("BAK-01.one-url"))

    assert done.returncode == 0, done.stdout
    assert f"left on SQL Server, instance localhost:{engine.login.port}: " in swept.stdout
    assert (left > 0, held(engine)) == (True, [])
    assert (store.holds(), ledgers(lab)) == ({}, [])


def test_ctrl_c_leaves_nothing(lab, store, tmp_path):
    asked = ("certify", "--provider", str(lab.profile), "--report-dir", str(tmp_path), "--area", "backups", *STANDIN)
    with live_run(lab, tmp_path / "said", *asked, "-n", "2") as run:
        run.wait_until_it_says("BAK-01.one-url")
        run.press_ctrl_c()
        code = run.code()
        run.wait_until_nothing_lives()

    assert code == 2, run.said
    assert (store.holds(), ledgers(lab)) == ({}, [])
    assert "Traceback" not in run.said


def command_line(pid):
    with suppress(FileNotFoundError):
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    return b""


def test_one_instance_under_two_names_is_no_second_one(lab, instance, tmp_path):
    engine, words = instance
    twice = (*words, "--engine-host", f"127.0.0.1:{engine.login.port}", "--check", "CRED-18.second-instance")

    done = lab.command("certify", "--provider", str(lab.profile), "--report-dir", str(tmp_path), *twice)

    assert (done.returncode, "both names lead to the same SQL Server" in done.stdout + done.stderr) == (1, True)


def test_password_of_the_engine_is_on_no_command_line(lab, instance, tmp_path):
    asked = ("certify", "--provider", str(lab.profile), "--report-dir", str(tmp_path), "--check", "BAK-01.one-url")
    with live_run(lab, tmp_path / "said", *asked, *instance[1]) as run:
        run.wait_until_it_says("BAK-01.one-url")
        lines = [command_line(pid) for pid in run.processes()]
        run.code()

    assert any(lines)
    assert not any(lab.environment["MSSQL_PASSWORD"].encode() in line for line in lines)
