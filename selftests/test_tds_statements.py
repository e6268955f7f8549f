"""Statements by Microsoft's driver: results, messages, errors, cancelling, transactions."""

import threading

import pytest
from scripted_engine import PASSWORD, drained, serving
from tds_client import BATCH, HEADERS, client, packet

from restoreproof.fixtures.engines.driver import import_pyodbc
from restoreproof.standins.sqlserver.session import Cancelled, Column, SqlError, SqlType

pyodbc = import_pyodbc()


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    with serving(tmp_path_factory.mktemp("tds")) as service:
        yield service


@pytest.fixture
def service(running):
    running.engine.waiting.clear()
    return running


@pytest.fixture
def connection(service):
    with service.connect() as connected:
        yield connected
    connected.close()


@pytest.fixture
def cursor(connection):
    return connection.cursor()


@pytest.fixture
def script(service):
    """Says what the batch `it` does."""
    return lambda does: service.engine.scripts.__setitem__("it", does)


def session(service):
    return service.engine.sessions[-1]


def refused(call, *arguments):
    with pytest.raises(pyodbc.Error) as problem:
        call(*arguments)
    return problem.value.args[0], problem.value.args[1].rpartition("[SQL Server]")[2]


def cancelling(cursor, service, act):
    """Run `wait` in this thread, and act once it runs."""
    watcher = threading.Thread(target=lambda: service.engine.waiting.wait(10) and act())
    watcher.start()
    try:
        return refused(cursor.execute, "wait")
    finally:
        watcher.join()


def test_several_results_come_in_order(cursor, script):
    script(lambda batch: (batch.give(1, 2), batch.give(), batch.give("x", kind=SqlType("nvarchar", 5))))

    cursor.execute("it")

    assert drained(cursor)[1] == [[(1,), (2,)], [], [("x",)]]


def test_columns_have_names_and_types(cursor, script):
    columns = [Column("id", SqlType("int")), Column("größe", SqlType("decimal", precision=9, scale=2))]
    script(lambda batch: (batch.output.columns(columns), batch.output.done(0)))

    description = cursor.execute("it").description

    assert [(entry[0], entry[1].__name__) for entry in description] == [
        ("id", "int"),
        ("größe", "Decimal"),
    ]
    assert description[1][4:6] == (9, 2)


@pytest.mark.parametrize(("rows", "count"), [(3, 3), (0, 0), (None, -1)])
def test_rows_that_were_changed_are_counted(cursor, script, rows, count):
    script(lambda batch: batch.output.done(rows))

    assert cursor.execute("it").rowcount == count


@pytest.mark.parametrize("size", [512, 4096, 16_384, 32_767])
def test_packets_have_the_size_that_was_asked_for(service, script, size):
    script(lambda batch: batch.give(*range(5000)))
    with service.connect("TrustServerCertificate=yes", f"PacketSize={size}") as connection:
        rows = connection.execute("it").fetchall()

    assert [row[0] for row in rows] == list(range(5000))


def test_long_batch_arrives_whole(cursor, service):
    text = f"echo {'x' * 200_000}"
    cursor.execute(text)

    assert session(service).done[-1] == text


def test_messages_come_one_by_one(cursor, script):
    script(lambda batch: [batch.output.info(0, text) or batch.output.done() for text in ("hello", "world")])

    cursor.execute("it")

    assert drained(cursor)[0] == [["hello"], ["world"]]


def test_progress_shows_while_the_batch_runs(cursor, script):
    seen = threading.Event()

    def backup(batch):
        for percent in (10, 20):
            batch.output.info(3211, f"{percent} percent processed.", line=1)
        assert seen.wait(10)
        batch.output.info(3014, "BACKUP DATABASE successfully processed 1 pages.")
        batch.output.done()

    script(backup)
    cursor.execute("it")
    first = [text.rpartition("]")[2] for _, text in cursor.messages]
    seen.set()

    assert first == ["10 percent processed."]
    assert drained(cursor)[0] == [
        ["10 percent processed."],
        ["20 percent processed."],
        ["BACKUP DATABASE successfully processed 1 pages."],
    ]


def test_message_among_rows_ends_no_result(cursor, script):
    def warn(batch):
        batch.output.columns([Column("value", SqlType("int"))])
        batch.output.row([1])
        batch.output.info(8153, "Warning: Null value is eliminated by an aggregate.")
        batch.output.row([2])
        batch.output.done(2)

    script(warn)

    assert [row[0] for row in cursor.execute("it").fetchall()] == [1, 2]


@pytest.mark.parametrize(
    ("severity", "number", "state"),
    [(16, 208, "42S02"), (15, 102, "42000"), (14, 2627, "23000")],
)
def test_error_of_a_batch_is_raised(cursor, script, severity, number, state):
    def fail(_):
        raise SqlError(number, "This is wrong: größe.", severity=severity)

    script(fail)

    assert refused(cursor.execute, "it") == (state, f"This is wrong: größe. ({number}) (SQLExecDirectW)")
    assert cursor.execute("one").fetchval() == 1


def test_error_after_progress_comes_out_of_nextset(cursor, script):
    def fail(batch):
        batch.output.info(3211, "10 percent processed.")
        batch.output.info(3211, "20 percent processed.")
        batch.output.error(SqlError(3202, "Write on it failed."))
        raise SqlError(3013, "BACKUP DATABASE is terminating abnormally.")

    script(fail)
    cursor.execute("it")

    assert "(3202)" in refused(drained, cursor)[1]
    assert cursor.execute("one").fetchval() == 1


def test_first_of_two_errors_is_raised(cursor, script):
    def fail(batch):
        batch.output.error(SqlError(3201, "Cannot open backup device."))
        raise SqlError(3013, "BACKUP DATABASE is terminating abnormally.")

    script(fail)

    assert "(3201)" in refused(cursor.execute, "it")[1]


def test_error_among_rows_is_raised_behind_them(cursor, script):
    def fail(batch):
        batch.output.columns([Column("value", SqlType("int"))])
        batch.output.row([1])
        raise SqlError(8134, "Divide by zero error encountered.")

    script(fail)
    cursor.execute("it")

    assert "(8134)" in refused(cursor.fetchall)[1]


def test_batch_goes_on_after_an_error_that_ends_a_statement_only(cursor, script):
    went_on = []

    def fail(batch):
        batch.output.error(SqlError(3701, "No such table."))
        batch.output.done()
        batch.give(7)
        went_on.append(True)

    script(fail)

    assert "(3701)" in refused(cursor.execute, "it")[1]
    assert went_on == [True]


def test_fatal_error_ends_the_session(service, script):
    def fail(_):
        raise SqlError(823, "The disk is gone.", severity=24)

    script(fail)
    connection = service.connect()

    assert "(823)" in refused(connection.execute, "it")[1]
    assert session(service).closed.wait(10)
    assert refused(connection.execute, "one")[0] == "08S01"


def test_bug_of_the_engine_is_told_without_its_values(cursor, script):
    def stumble(_):
        raise KeyError(PASSWORD)

    script(stumble)

    told = refused(cursor.execute, "it")[1]
    assert "KeyError in test_tds_statements.py" in told
    assert PASSWORD not in told


def test_value_that_does_not_fit_its_column_is_an_error(cursor, script):
    script(lambda batch: batch.give("far too long", kind=SqlType("varchar", 3)))

    assert "can't send this str as varchar(3) (50001)" in refused(cursor.execute, "it")[1]
    assert cursor.execute("one").fetchval() == 1


def test_cancel_from_another_thread_ends_the_batch(cursor, service):
    assert cancelling(cursor, service, cursor.cancel)[0] == "HY008"
    assert cursor.execute("one").fetchval() == 1


def test_batch_that_ends_well_though_cancelled_counts_as_cancelled(cursor, service, script):
    script(lambda batch: (service.engine.waiting.set(), batch.cancelled.wait(10)))
    watcher = threading.Thread(target=lambda: service.engine.waiting.wait(10) and cursor.cancel())
    watcher.start()

    assert refused(cursor.execute, "it")[0] == "HY008"
    watcher.join()
    assert cursor.execute("one").fetchval() == 1


def test_output_of_a_cancelled_batch_raises(cursor, service, script):
    ended = []

    def talk(batch):
        service.engine.waiting.set()
        batch.cancelled.wait(10)
        try:
            batch.output.info(0, "still here")
        except Cancelled:
            ended.append("cancelled")
            raise

    script(talk)
    watcher = threading.Thread(target=lambda: service.engine.waiting.wait(10) and cursor.cancel())
    watcher.start()

    assert refused(cursor.execute, "it")[0] == "HY008"
    watcher.join()
    assert ended == ["cancelled"]


def test_cancel_of_rows_that_are_still_coming_frees_the_connection(connection, script):
    script(lambda batch: batch.give(*range(200_000)))
    cursor = connection.cursor()
    assert cursor.execute("it").fetchone()[0] == 0
    cursor.cancel()
    cursor.close()

    assert connection.execute("one").fetchval() == 1


def test_query_timeout_cancels_the_batch(connection):
    connection.timeout = 1
    cursor = connection.cursor()

    assert refused(cursor.execute, "wait")[0] == "HYT00"
    assert cursor.execute("one").fetchval() == 1


def test_hang_up_cancels_the_batch(service, script):
    ended = threading.Event()
    script(lambda batch: (service.engine.waiting.set(), batch.cancelled.wait(10) and ended.set()))
    with client(service.listener.port) as raw:
        assert raw.log_in(PASSWORD)
        raw.say(packet(BATCH, HEADERS + "it".encode("utf-16-le")))
        assert service.engine.waiting.wait(10)

    assert ended.wait(10)
    assert session(service).closed.wait(10)


def test_killed_session_is_gone(cursor, service):
    assert cancelling(cursor, service, session(service).disconnect.set)[0] == "08S01"
    assert session(service).closed.wait(10)


def test_killed_session_that_is_idle_is_gone(connection, service):
    killed = session(service)
    killed.disconnect.set()

    assert killed.closed.wait(10)
    assert refused(connection.execute, "one")[0] == "08S01"


def test_batch_that_ends_itself_as_cancelled_ends_the_session(cursor, service, script):
    def leave(_):
        raise Cancelled

    script(leave)

    assert "(596)" in refused(cursor.execute, "it")[1]
    assert session(service).closed.wait(10)


def test_transactions_are_begun_and_ended_by_the_driver(service):
    connection = service.connect(autocommit=False)
    connection.execute("one").fetchval()
    connection.commit()
    connection.execute("one").fetchval()
    connection.rollback()
    connection.autocommit = True
    connection.execute("one").fetchval()
    connection.close()

    done = session(service).done
    assert done[:7] == ["begin", "one", "commit", "begin", "one", "rollback", "begin"]
    assert done[-1] == "one"
    assert "begin" not in done[7:]


def test_close_rolls_back(service):
    connection = service.connect(autocommit=False)
    connection.execute("one").fetchval()
    connection.close()

    assert session(service).closed.wait(10)
    assert session(service).done[:3] == ["begin", "one", "rollback"]


def test_client_is_told_of_another_database(connection, script):
    def use(batch):
        batch.session.database = "msdb"
        batch.output.info(5701, "Changed database context to 'msdb'.", state=2)
        batch.output.done()

    script(use)
    cursor = connection.cursor()
    cursor.execute("it")

    assert drained(cursor)[0] == [["Changed database context to 'msdb'."]]
    assert connection.getinfo(pyodbc.SQL_DATABASE_NAME) == "msdb"


def test_pooled_session_is_refused_instead_of_not_reset(service):
    with client(service.listener.port) as raw:
        assert raw.log_in(PASSWORD)
        raw.say(packet(BATCH, HEADERS + "one".encode("utf-16-le"), status=0x09))

        assert "pooling".encode("utf-16-le") in raw.answer()
        assert raw.is_dropped()


def test_request_that_the_client_takes_back_is_not_carried_out(service):
    with client(service.listener.port) as raw:
        assert raw.log_in(PASSWORD)
        raw.say(packet(BATCH, HEADERS, status=0), packet(BATCH, b"x", status=3))
        raw.say(packet(BATCH, HEADERS + "one".encode("utf-16-le")))

        assert raw.answer()
        assert session(service).done == ["one"]
