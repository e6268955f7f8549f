"""The client of the suites: to the end, in bounded time, and without a secret; by Microsoft's driver."""

import pickle
import socket
import time
import traceback
from dataclasses import replace

import pytest
from scripted_sql import DRIVER, NO_DRIVER, SqlServer, scripted

from restoreproof.fixtures.engines.answers import Discretion, Message, SqlFailure, failure_of, sealed
from restoreproof.fixtures.engines.connection import Connection
from restoreproof.fixtures.statements import found
from restoreproof.fixtures.subjects import SetupError
from restoreproof.fixtures.waiting import watch
from restoreproof.providers.secrets import Secret
from restoreproof.standins.certificates import Authority
from restoreproof.standins.sqlserver.tds.server import listen

needs_driver = pytest.mark.skipif(bool(NO_DRIVER), reason=NO_DRIVER)

CREDENTIAL = "CREATE CREDENTIAL [s3://x] WITH IDENTITY = N'S3 Access Key', SECRET = N'AKIDEXAMPLE:it''s/+hidden'"
HIDDEN = ("AKIDEXAMPLE", "it''s/+hidden", "it's/+hidden", "/+hidden")


@pytest.fixture
def served(tmp_path):
    with scripted(tmp_path) as (engine, login):
        yield engine, login


@pytest.fixture
def connection(served):
    with Connection(served[1], DRIVER, droppable=True) as connection:
        yield connection


def failure(connection, sql, **options):
    with pytest.raises(SqlFailure) as caught:
        connection.run(sql, **options)
    return caught.value


@needs_driver
@pytest.mark.parametrize("encrypt", ["yes", "strict"])
def test_login_over_both_kinds_of_tls(served, encrypt):
    with Connection(replace(served[1], encrypt=encrypt), DRIVER) as connection:
        assert connection.spid == 51


@needs_driver
def test_servers_of_different_authorities_are_told_apart(tmp_path, served):
    other = Authority()
    pem = tmp_path / "other.pem"
    pem.write_text(other.leaf("localhost").bundle, encoding="ascii")
    with listen(SqlServer(), pem) as listener:
        login = replace(served[1], port=listener.port)
        with Connection(replace(login, ca=other.pem), DRIVER), Connection(served[1], DRIVER):
            pass
        with pytest.raises(SqlFailure, match="certificate verify failed"):
            Connection(login, DRIVER, login_seconds=5)


@needs_driver
def test_a_certificate_of_another_name_is_refused(tmp_path):
    wrong = {"host": "127.0.0.1", "certificate_host": "elsewhere.example"}
    with scripted(tmp_path, **wrong) as (_, login), pytest.raises(SqlFailure, match="does not match"):
        Connection(login, DRIVER, login_seconds=5)


@needs_driver
def test_an_address_is_as_good_as_a_name(tmp_path):
    with scripted(tmp_path, host="127.0.0.1") as (_, login), Connection(login, DRIVER) as connection:
        assert connection.spid == 51


@needs_driver
def test_a_server_that_says_nothing_is_given_up(tmp_path):
    with (
        socket.create_server(("127.0.0.1", 0)) as silent,
        scripted(tmp_path, port=silent.getsockname()[1]) as (_, login),
    ):
        began = time.monotonic()
        with pytest.raises(SqlFailure):
            Connection(login, DRIVER, login_seconds=1)
        assert time.monotonic() - began < 10


@needs_driver
def test_all_results_and_messages_are_read(connection):
    answer = connection.run("TWO")

    assert answer.rows == ({"same": 1, "2": 2, "3": "x"},)
    assert [result.rows for result in answer.results[1:]] == [({"value": 3}, {"value": None})]
    assert answer.messages == (Message(0, "between"),)
    assert (answer.value, answer.numbers) == (1, (0,))


@needs_driver
def test_a_backup_runs_to_its_end_and_shows_how_far_it_is(served, connection):
    statement = connection.start("BACKUP")
    watch(lambda: statement.messages, 5, bool, 0.01)

    assert (statement.percent, statement.spid, statement.active) == (20.0, connection.spid, True)
    with pytest.raises(RuntimeError, match="one statement at a time"):
        connection.run("TWO")

    served[0].proceed.set()
    assert statement.wait(5).numbers == (3211, 3211, 3014)


@needs_driver
def test_an_error_after_messages_is_seen(connection):
    seen = failure(connection, "BROKEN")

    assert (seen.sqlstate, seen.numbers, seen.system_errors) == ("42000", (3201, 3211), (12175,))
    assert connection.run("TWO").value == 1


@needs_driver
@pytest.mark.parametrize(("batch", "number"), [("FATAL", 3624), ("FATAL AFTER AN ERROR", 3201)])
def test_an_error_that_ends_the_session_says_so_and_is_what_every_later_statement_meets(served, batch, number):
    with Connection(served[1], DRIVER) as connection:
        first = failure(connection, batch)
        later = failure(connection, "SELECT")

    assert (first.fatal, first.lost, later, found(later).symptom) == (True, False, first, f"Msg-{number}")
    assert (str(first).count(f"Msg {number}: "), str(first).count("connection ended by SQL Server")) == (1, 1)
    assert pickle.loads(pickle.dumps(first)).fatal
    with Connection(served[1], DRIVER) as another:
        assert another.run("SELECT").value


@needs_driver
def test_an_error_that_leaves_the_session_open_is_not_fatal(connection):
    assert not failure(connection, "BROKEN").fatal
    assert connection.run("SELECT").value == connection.spid


@needs_driver
def test_a_connection_that_is_lost_without_a_word_blames_nobody(served, connection):
    statement = connection.start("HANG")
    assert served[0].waiting.wait(5)
    statement.drop_connection()
    lost = statement.wait(5)

    assert (lost.lost, lost.fatal, lost.numbers, failure(connection, "SELECT").lost) == (True, False, (), True)
    assert isinstance(found(lost), SetupError)
    assert "lost without a word" in str(found(lost))


@needs_driver
def test_session_that_is_over_is_lost_whatever_the_driver_calls_it(served, connection):
    """On Linux the driver may say of a session that was ended no more than that it may have been."""
    said = Message(0, "Unspecified error occurred on SQL Server. Connection may have been terminated by the server.")
    vague, alive = (SqlFailure("HY000", (said,), statement="BACKUP") for _ in range(2))
    connection.examine(alive)
    with Connection(served[1], DRIVER) as another:
        another.run(f"KILL {connection.spid}")
    connection.examine(vague)

    assert (alive.lost, vague.lost, vague.fatal, isinstance(found(vague), SetupError)) == (False, True, False, True)


@needs_driver
@pytest.mark.parametrize("way", ["cancel", "kill", "drop_connection"])
def test_a_backup_can_be_ended_in_three_ways(served, connection, way):
    statement = connection.start("BACKUP")
    watch(lambda: statement.messages, 5, bool, 0.01)
    getattr(statement, way)()

    outcome = statement.wait(5)

    assert isinstance(outcome, SqlFailure)
    assert outcome.sqlstate == ("HY008" if way == "cancel" else "08S01")
    assert 3211 in outcome.numbers
    assert served[0].ended.wait(5)


@needs_driver
def test_what_hangs_is_given_up_and_says_so(served, connection):
    seen = failure(connection, "HANG", seconds=0.2)

    assert seen.timed_out
    assert "not over after 0.2 s; it was cancelled" in str(seen)
    assert served[0].ended.wait(5)
    assert connection.run("TWO").value == 1


@needs_driver
def test_whenever_it_is_cancelled_the_process_lives_on(connection):
    seen = set()
    for number in range(24):
        statement = connection.start(("HANG", "TWO")[number % 2])
        watch(lambda statement=statement: statement.active, number / 2400, lambda active: not active, 0.001)
        statement.cancel()
        outcome = statement.wait(5)
        seen.add(outcome.sqlstate if isinstance(outcome, SqlFailure) else "over")

    assert seen <= {"HY008", "over"}
    assert connection.run("TWO").value == 1


@needs_driver
def test_closing_ends_what_runs(served):
    with Connection(served[1], DRIVER) as connection:
        connection.start("HANG")
        assert served[0].waiting.wait(5)
    assert served[0].ended.wait(5)


@needs_driver
def test_only_what_is_droppable_can_be_dropped(served):
    with Connection(served[1], DRIVER) as connection:
        statement = connection.start("TWO")
        with pytest.raises(ValueError, match="droppable"):
            statement.drop_connection()
        statement.wait(5)


@needs_driver
@pytest.mark.parametrize("make", [str, Secret])
def test_no_secret_of_a_statement_is_told(connection, make):
    seen = failure(connection, make(CREDENTIAL))
    told = "".join(traceback.format_exception(seen)) + repr(seen) + repr(vars(seen))

    assert seen.numbers == (102,)
    assert "SECRET = '***'" in seen.statement
    assert [hidden for hidden in HIDDEN if hidden in told] == []


@needs_driver
def test_no_traceback_shows_a_statement_as_an_argument(connection):
    with pytest.raises(SqlFailure) as caught:
        connection.run(CREDENTIAL)
    frames = [entry.frame.f_locals for entry in caught.traceback if "selftests" not in str(entry.path)]

    assert frames
    assert [hidden for hidden in HIDDEN if hidden in repr([list(frame.values()) for frame in frames])] == []


def test_several_records_are_told_apart():
    makers = "[Microsoft][ODBC Driver 18 for SQL Server][SQL Server]"
    text = f"[42000] {makers}Cannot open (a) 'x'. (3201) (SQLExecDirectW); [42000] {makers}Over. (3013)"
    seen = failure_of(RuntimeError("42000", text), sealed("BACKUP"), Discretion(sealed("BACKUP")))

    assert seen.errors == (Message(3201, "Cannot open (a) 'x'."), Message(3013, "Over."))


def test_a_failure_survives_the_way_to_the_controller():
    seen = SqlFailure("42000", (Message(3201, "x"),), (Message(3211, "y"),), "BACKUP", 1.5)

    assert pickle.loads(pickle.dumps(seen)) == seen
    assert hash(seen)
