"""Runs whose SQL Server or store goes away, or that are interrupted while a statement runs."""

import os
import signal
import sys
from contextlib import closing

import pytest
from defective_runs import laboratory
from live_runs import Store, ledgers, live_run
from scripted_sql import DRIVER, NO_DRIVER

from restoreproof.fixtures.engines.connection import Connection
from restoreproof.fixtures.engines.standin import login_of, start_standin
from restoreproof.reports.reader import read_run

pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="the embedded endpoint runs on Linux only"),
    pytest.mark.skipif(bool(NO_DRIVER), reason=NO_DRIVER),
]


@pytest.fixture
def lab():
    with laboratory("mishaps") as running:
        yield running


@pytest.fixture
def instance(lab, tmp_path):
    program, engine = start_standin(DRIVER, lab.endpoint.ca, {})
    with closing(program):
        login = login_of(program.ready)
        (tmp_path / "engine.pem").write_text(login.ca)
        lab.environment.update(MSSQL_USER=login.user, MSSQL_PASSWORD=login.password.reveal())
        yield program, engine, ("--engine-host", f"localhost:{login.port}", "--engine-ca", str(tmp_path / "engine.pem"))


def certify(lab, tmp_path, *words):
    reports = ("--report-dir", str(tmp_path / "runs"), "--require", "as-declared")
    return ("certify", "--engine", "instance", "--provider", str(lab.profile), *reports, *words)


@pytest.mark.parametrize("moment", ["BAK-19.larger-than-a-part", "MPU-02.transfer-sizes"])
def test_ctrl_c_while_a_statement_runs_ends_cleanly(lab, instance, tmp_path, moment):
    _, engine, words = instance
    with live_run(lab, tmp_path / "said", *certify(lab, tmp_path, "--check", moment, *words)) as run:
        run.wait_until_it_says(moment)
        run.press_ctrl_c()
        code = run.code()
        run.wait_until_nothing_lives()

    assert (code, "Traceback" in run.said) == (2, False), run.said
    with Connection.to(engine) as connection:
        held = connection.run("SELECT name FROM sys.databases WHERE name LIKE 'restoreproof%'").rows
    assert (held, Store(lab).holds(), ledgers(lab)) == ((), {}, [])


OF_SOMEBODY = (
    "CREATE MASTER KEY ENCRYPTION BY PASSWORD = 'Of-somebody-1'",
    "CREATE CERTIFICATE somebodys WITH SUBJECT = 'somebody'",
    "CREATE DATABASE somebodys",
    "USE somebodys",
    "CREATE DATABASE ENCRYPTION KEY WITH ALGORITHM = AES_256 ENCRYPTION BY SERVER CERTIFICATE somebodys",
    "USE master",
    "ALTER DATABASE somebodys SET ENCRYPTION ON",
)


def test_encrypted_database_goes_before_its_certificate_and_nothing_is_left(lab, instance, tmp_path):
    _, engine, words = instance
    asked = ("sys.databases WHERE name LIKE 'restoreproof%'", "sys.certificates")
    with Connection.to(engine) as connection:
        for statement in OF_SOMEBODY:
            connection.run(statement)

    done = lab.command(*certify(lab, tmp_path, "--check", "BAK-18.encrypted-database", *words))

    with Connection.to(engine) as connection:
        held = [[row["name"] for row in connection.run(f"SELECT name FROM {view}").rows] for view in asked]
    assert (done.returncode, held, ledgers(lab)) == (0, [[], ["somebodys"]], []), done.stdout


def test_no_database_is_encrypted_where_none_was_before(lab, instance, tmp_path):
    _, engine, words = instance

    done = lab.command(*certify(lab, tmp_path, "--check", "BAK-18.encrypted-database", *words))

    with Connection.to(engine) as connection:
        keys = connection.run("SELECT database_id FROM sys.dm_database_encryption_keys").rows
    assert "the first would encrypt its tempdb, too" in done.stdout
    assert keys == ()


def test_statement_that_takes_too_long_is_cancelled_and_nothing_is_left(lab, tmp_path):
    check, waits = "ERR-15.closed-port", ("--behave", "retry_seconds=60", "--behave", "longest_retry_seconds=60")
    words = ("--engine", "standin", *waits, "--check-deadline", "2", "--require", "as-declared", "--check", check)

    _, run = lab.certify(*words, report_dir=str(tmp_path))

    record = next(record for record in run.records if record.id == check)
    assert (record.verdict, record.symptom) == ("fails", "timeout"), record
    assert "not over after 4 s; it was cancelled" in record.observed
    assert (run.footer.cleanup["error"], Store(lab).holds(), ledgers(lab)) == ("", {}, [])


def test_error_that_ends_the_session_fails_the_check_and_leaves_the_next_ones_alone(lab):
    checks = ("CU-04.no-severe-error", "CU-04.no-dump", "CU-06.no-session-left")

    run = lab.observe("refusal-ends-the-session", checks)

    seen = {record.id: record for record in run.records if record.id in checks}
    assert [seen[check].verdict for check in checks] == ["fails", "fails", "conforms"]
    for check in checks[:2]:
        assert seen[check].symptom == "Msg-3624", seen[check]
        assert "Msg 3624: A system assertion check has failed" in seen[check].observed
        assert "connection ended by SQL Server, which is severity 20 or more" in seen[check].observed


def test_engine_that_dies_ends_the_run_and_blames_nobody_else(lab, instance, tmp_path):
    program, _, words = instance
    with live_run(lab, tmp_path / "said", *certify(lab, tmp_path, "--area", "backups", *words)) as run:
        run.wait_until_it_says("BAK-01.one-url")
        os.kill(program.process.pid, signal.SIGKILL)
        code = run.code()

    seen = read_run(next((tmp_path / "runs").rglob("run.jsonl")))
    verdicts = [record.verdict for record in seen.records if record.requirement.area == "backups"]
    assert code == 1
    assert verdicts.count("fails") == 0
    assert 1 <= verdicts.count("error") <= 2
    assert any(record.reason.startswith("SQL Server stopped answering") for record in seen.records)
    assert Store(lab).holds() == {}


def test_store_that_dies_ends_the_run(lab, instance, tmp_path):
    with live_run(lab, tmp_path / "said", *certify(lab, tmp_path, "--area", "backups", *instance[2])) as run:
        run.wait_until_it_says("BAK-01.one-url")
        lab.stop()
        code = run.code()

    seen = read_run(next((tmp_path / "runs").rglob("run.jsonl")))
    verdicts = [record.verdict for record in seen.records if record.requirement.area == "backups"]
    assert code == 1
    assert 1 <= verdicts.count("fails") + verdicts.count("error") <= 2
    assert any(record.reason.startswith("the endpoint stopped answering") for record in seen.records)
