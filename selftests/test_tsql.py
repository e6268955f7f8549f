"""The engine stand-in's T-SQL: sessions, flow, tables, values and system views."""

import datetime as dt
import re
import threading
import time
from decimal import Decimal
from uuid import UUID

import pytest
from folder_backups import FolderBackups
from hypothesis import given, settings
from hypothesis import strategies as st
from tsql_client import Client, Recording

from restoreproof.standins.sqlserver.session import Cancelled, SqlError
from restoreproof.standins.sqlserver.sql.engine import StandinEngine
from restoreproof.standins.sqlserver.sql.lexer import tokenize
from restoreproof.standins.sqlserver.sql.parsing import parse

WORDS = """
    SELECT INSERT INTO UPDATE SET DELETE FROM WHERE IF ELSE BEGIN END TRY CATCH WHILE BREAK BACKUP DATABASE LOG
    RESTORE TO URL DISK = ( ) , ; WITH NORECOVERY MIRROR CREATE TABLE CREDENTIAL IDENTITY SECRET DROP ALTER t [a] N'x'
    'y' @v 1 0xFF 2.5 CASE WHEN THEN UNION ALL DECLARE int EXEC sp_executesql PRINT THROW RAISERROR DBCC CHECKDB KILL
    USE GO . * + - PRIMARY KEY NOT NULL DEFAULT varchar max MOVE ENCRYPTION ALGORITHM
"""
BATCHES = st.lists(st.sampled_from(WORDS.split()), max_size=14).map(" ".join)


@pytest.fixture(scope="module")
def engine(tmp_path_factory):
    folder = tmp_path_factory.mktemp("instance")
    engine = StandinEngine(folder, "secret word", FolderBackups(tmp_path_factory.mktemp("objects")))
    yield engine
    engine.close()


@pytest.fixture
def client(engine, request):
    client = Client(engine)
    name = re.sub(r"\W", "_", request.node.name)[:100]
    client.ok(f"CREATE DATABASE [{name}]", f"USE [{name}]")
    yield client
    client.ok("USE master", f"DROP DATABASE [{name}]")
    client.session.close()


def errors_of(text):
    try:
        parse(text)
    except SqlError as found:
        return [found.number]
    return []


@settings(max_examples=150, deadline=None)
@given(BATCHES | st.text(max_size=40))
def test_the_parser_gives_statements_or_an_error_of_sql_server(text):
    assert set(errors_of(text)) <= {102, 103, 105, 113, 2715, 50001}


@settings(max_examples=100, deadline=None)
@given(st.text(max_size=60))
def test_strings_and_names_survive_the_tokens(text):
    tokens = tokenize(f"N'{text.replace(chr(39), chr(39) * 2)}' [{text.replace(']', ']]')}]")

    assert [token.value for token in tokens] == [text, text, ""]


@settings(max_examples=40, deadline=None)
@given(BATCHES)
def test_no_batch_ends_with_anything_but_an_error_of_sql_server(engine, text):
    fragile = re.compile(r"KILL|CREATE|DROP|ALTER|BACKUP|RESTORE|WHILE", re.IGNORECASE)

    Client(engine).run(fragile.sub("", text))


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("7 / 2", 3),
        ("-7 / 2", -3),
        ("-7 % 3", -1),
        ("7 / 2.0", Decimal("3.500000")),
        ("1.5 + 2", Decimal("3.5")),
        ("CAST(2 AS bigint) * 3000000000", 6_000_000_000),
        ("'a' + N'b'", "ab"),
        ("'A' + CAST(NULL AS varchar(3))", None),
        ("CASE WHEN 'ABC' = 'abc' THEN 1 ELSE 0 END", 1),
        ("IIF(1.10 = 1.1, 'same', 'other')", "same"),
        ("LEN('ab  ')", 2),
        ("DATALENGTH(N'ab')", 4),
        ("DATALENGTH('ab')", 2),
        ("CONVERT(varchar(10), 0xABCD, 2)", "ABCD"),
        ("CONVERT(varbinary(4), '0xABCD', 1)", b"\xab\xcd"),
        ("CAST(258 AS varbinary(4))", b"\0\0\1\2"),
        ("CAST('12.345' AS decimal(6,2))", Decimal("12.35")),
        ("CAST('2024-02-29' AS date)", dt.date(2024, 2, 29)),
        ("CAST('20240229 13:14:15.123' AS time(3))", dt.time(13, 14, 15, 123000)),
        ("CONVERT(varchar(30), CAST('2024-02-29T01:02:03' AS datetime2(0)), 126)", "2024-02-29T01:02:03"),
        ("CAST(CAST('2024-02-29 23:59:59.999' AS datetime) AS varchar(30))", "Mar  1 2024 12:00AM"),
        ("DATEDIFF(second, '2024-01-01', '2024-01-02')", 86_400),
        ("CAST(DATEADD(minute, 5, CAST('2024-01-01' AS datetime2(0))) AS time(0))", dt.time(0, 5)),
        ("TRY_CAST('x' AS int)", None),
        ("ISNULL(NULL, 4)", 4),
        ("COALESCE(NULL, NULL, 'x')", "x"),
        ("REPLICATE('ab', 3)", "ababab"),
        ("CONVERT(varchar(9), HASHBYTES('SHA2_256', 'abc'), 1)", "0xBA7816B"),
        ("CONVERT(varchar(40), HASHBYTES('SHA1', N'a'), 2)", "0A04B971B03DA607CE6C455184037B660CA89F78"),
        ("CAST('6F9619FF-8B86-D011-B42D-00C04FC964FF' AS uniqueidentifier)",
         UUID("6f9619ff-8b86-d011-b42d-00c04fc964ff")),
        ("QUOTENAME('a]b')", "[a]]b]"),
        ("CAST(1 AS bit)", True),
        ("SUBSTRING('abcdef', 2, 3)", "bcd"),
    ],
)  # fmt: skip
def test_expressions_give_what_they_give_in_sql_server(engine, expression, value):
    assert Client(engine).value(expression) == value


@pytest.mark.parametrize(
    ("batch", "numbers"),
    [
        ("SELECT 1/0", [8134]),
        ("SELECT CAST('x' AS int)", [245]),
        ("SELECT CAST(300 AS tinyint)", [220]),
        ("SELECT CAST(3000000000 AS int)", [8115]),
        ("SELECT CAST('2024-13-01' AS date)", [241]),
        ("SELECT nothing", [207]),
        ("SELECT * FROM nowhere", [208]),
        ("SELECT @undeclared", [137]),
        ("DECLARE @a int, @a int", [134]),
        ("USE nowhere", [911]),
        ("SELEKT 1", [50001]),
        ("SELECT FROM WHERE", [102]),
        ("SELECT 'open", [105]),
        ("CREATE PROCEDURE p AS SELECT 1", [50001]),
        ("SELECT SOUNDEX('a')", [50001]),
        ("MERGE t USING u ON 1 = 1", [50001]),
        ("CREATE TABLE t (a xml)", [2715]),
        ("THROW 51000, N'mine', 1", [51000]),
        ("RAISERROR('%d of %s', 16, 1, 3, N'x')", [50000]),
        ("COMMIT", [3902]),
        ("KILL 4711", [6106]),
        ("DROP DATABASE nowhere", [3701]),
        ("SELECT 1/0; SELECT 1/0", [8134, 8134]),
        ("BACKUP DATABASE master TO DISK = 'x'", [50001, 3013]),
    ],
)
def test_what_is_wrong_or_unknown_is_refused(engine, batch, numbers):
    assert Client(engine).fails(batch) == numbers


def test_a_login_needs_the_right_password_and_a_database_that_opens(engine):
    with pytest.raises(SqlError) as wrong:
        Client(engine, password="guess")
    with pytest.raises(SqlError) as missing:
        Client(engine, database="nowhere")

    assert (wrong.value.number, missing.value.number) == (18456, 4060)
    assert "guess" not in str(wrong.value)


def test_the_instance_says_that_it_is_no_sql_server(engine):
    output = Client(engine).ok(
        "SELECT @@VERSION, SERVERPROPERTY('Edition'), SERVERPROPERTY('ProductVersion'), "
        "SERVERPROPERTY('EngineEdition'), IS_SRVROLEMEMBER('sysadmin'), SUSER_SNAME(), @@SPID"
    )
    row = output.rows[0]

    assert ["stand-in (not SQL Server)" in text for text in row[:2]] == [True, True]
    assert tuple(map(int, row[2].split(".")))[:3] == engine.version >= (16, 0, 4205)
    assert row[3:6] == (3, 1, "sa")


def test_flow_runs_as_written(engine):
    output = Client(engine).ok(
        """
        DECLARE @n int = 0, @text nvarchar(max) = N'';
        WHILE 1 = 1
        BEGIN
            SET @n += 1;
            IF @n = 2 CONTINUE;
            IF @n > 4 BREAK ELSE SET @text = @text + CAST(@n AS varchar(5)) + ',';
        END
        BEGIN TRY
            IF EXISTS (SELECT 1 WHERE 1 = 1) SELECT 1/0; ELSE PRINT 'not here';
            PRINT 'nor here';
        END TRY
        BEGIN CATCH
            PRINT CONCAT(@text, ERROR_NUMBER(), ' ', ERROR_MESSAGE());
        END CATCH
        EXEC (N'PRINT ''inner''');
        EXEC sp_executesql N'SELECT @a + 1 AS sum_', N'@a int, @b int', @b = 1, @a = 41;
        SELECT @n = 5, @text = 'x';
        PRINT @text + STR_SEPARATOR
        """.replace("+ STR_SEPARATOR", "+ '!'")
    )

    assert output.texts == ["1,3,4,8134 Divide by zero error encountered.", "inner", "x!"]
    assert (output.names, output.rows) == (["sum_"], [(42,)])


def test_a_thrown_error_ends_the_batch_and_an_ordinary_one_its_statement(engine):
    ordinary = Client(engine).run("SELECT 1/0; PRINT 'on'")
    thrown = Client(engine).run("THROW 50005, 'x', 3; PRINT 'on'")

    assert (ordinary.numbers, ordinary.texts) == ([8134], ["on"])
    assert (thrown.numbers, thrown.texts, thrown.errors[0].state) == ([50005], [], 3)


def test_columns_carry_names_and_types(client):
    client.ok(
        "CREATE TABLE t (id int IDENTITY(5, 2) PRIMARY KEY, name nvarchar(20) NOT NULL, price decimal(9, 2) "
        "DEFAULT 1.5, at datetime2(3) DEFAULT SYSUTCDATETIME(), flag bit, code uniqueidentifier DEFAULT NEWID(), "
        "raw varbinary(max))",
        "INSERT INTO t (name, flag, raw) VALUES (N'Ä', 1, 0x0102), ('b', 0, NULL)",
    )

    output = client.ok("SELECT *, COUNT_BIG(*) OVER () AS total, price * 2 FROM t ORDER BY id DESC")

    assert [(column.name, column.type.name) for column in output.results[0][0]] == [
        ("id", "int"), ("name", "nvarchar"), ("price", "decimal"), ("at", "datetime2"), ("flag", "bit"),
        ("code", "uniqueidentifier"), ("raw", "varbinary"), ("total", "bigint"), ("", "decimal"),
    ]  # fmt: skip
    assert [row[:3] for row in output.rows] == [(7, "b", Decimal("1.50")), (5, "Ä", Decimal("1.50"))]
    assert [type(value) for value in output.rows[1][3:7]] == [dt.datetime, bool, UUID, bytes]
    assert output.rows[0][8] == Decimal("3.00")


@pytest.mark.parametrize(
    ("statement", "number"),
    [
        ("INSERT INTO t VALUES (1, 'x', 1)", 2627),
        ("INSERT INTO t VALUES (2, 'too long', 1)", 2628),
        ("INSERT INTO t VALUES (2, NULL, 1)", 515),
        ("INSERT INTO t VALUES (2, 'x', 11)", 547),
        ("INSERT INTO t VALUES (2, 'x')", 213),
        ("INSERT INTO t (nope) VALUES (2)", 207),
        ("UPDATE t SET v = 'abcdefg' WHERE id = 1", 2628),
        ("INSERT INTO t SELECT 9000000000, 'x', 1", 8115),
    ],
)
def test_rules_of_a_table_are_kept_and_a_refused_statement_leaves_nothing(client, statement, number):
    client.ok(
        "CREATE TABLE t (id int PRIMARY KEY, v varchar(5) NOT NULL, c int CHECK (c < 10))",
        "INSERT INTO t VALUES (1, 'a', 1)",
    )

    assert client.fails(statement) == [number]
    assert client.ok("SELECT id, v, c FROM t").rows == [(1, "a", 1)]


def test_transactions_hide_what_is_not_committed_and_undo_it(client, engine):
    client.ok("CREATE TABLE t (id int)")
    other = Client(engine, client.session.database)
    client.session.begin()
    client.ok("INSERT INTO t VALUES (1)", "INSERT INTO t VALUES (2)")

    seen_by_others, seen_by_itself = other.value("COUNT(*) FROM t"), client.value("COUNT(*) FROM t")
    client.session.rollback()
    after_rollback = client.value("COUNT(*) FROM t")
    client.ok("BEGIN TRAN INSERT INTO t VALUES (3) COMMIT TRAN")
    other.session.close()

    assert (seen_by_others, seen_by_itself, after_rollback, client.value("COUNT(*) FROM t")) == (0, 2, 0, 1)


def test_a_writer_waits_for_another_until_it_is_cancelled(client, engine):
    client.ok("CREATE TABLE t (id int)", "BEGIN TRAN", "INSERT INTO t VALUES (1)")
    other = Client(engine, client.session.database)
    threading.Timer(0.2, other.cancelled.set).start()

    with pytest.raises(Cancelled):
        other.run("INSERT INTO t VALUES (2)")
    client.ok("COMMIT")
    other.ok("INSERT INTO t VALUES (3)")
    other.session.close()

    assert client.value("COUNT(*) FROM t") == 2


@pytest.mark.parametrize("batch", ["WAITFOR DELAY '00:01'", "WHILE 1 = 1 SET NOCOUNT ON",
                                   "SELECT COUNT(*) FROM GENERATE_SERIES(1, 2000000000)"])  # fmt: skip
def test_a_batch_ends_soon_after_it_is_cancelled_or_killed(engine, batch):
    victim, killer = Client(engine), Client(engine)
    threading.Timer(0.1, victim.cancelled.set).start()
    started = time.monotonic()
    with pytest.raises(Cancelled):
        victim.run(batch)
    threading.Timer(0.1, lambda: killer.ok(f"KILL {victim.session.id}")).start()
    with pytest.raises(Cancelled):
        victim.run(batch)

    assert time.monotonic() - started < 2
    assert victim.disconnect.is_set()


def test_a_filled_table_is_fast_and_its_fingerprint_cheap(client):
    client.ok("CREATE TABLE t (id int PRIMARY KEY, filler varbinary(8000))")
    started = time.monotonic()
    client.ok("INSERT INTO t (id, filler) SELECT value, CRYPT_GEN_RANDOM(8000) FROM GENERATE_SERIES(1, 2000)")
    filled = time.monotonic() - started

    first = client.ok("SELECT COUNT_BIG(*), CHECKSUM_AGG(BINARY_CHECKSUM(*)), COUNT(DISTINCT filler) FROM t").rows
    client.ok("UPDATE t SET filler = 0x00 WHERE id = 1000")
    second = client.ok("SELECT COUNT_BIG(*), CHECKSUM_AGG(BINARY_CHECKSUM(*)) FROM t").rows

    assert (first[0][0], first[0][2], second[0][0]) == (2000, 2000, 2000)
    assert first[0][1] != second[0][1]
    assert filled < 3


def test_string_agg_keeps_its_order(client):
    client.ok("CREATE TABLE t (id int, v varchar(5))", "INSERT INTO t VALUES (2, 'b'), (10, 'c'), (1, 'a')")

    assert client.value("STRING_AGG(CONVERT(varchar(max), v), '|') WITHIN GROUP (ORDER BY id DESC) FROM t") == "c|b|a"


def test_parameters_keep_their_values(engine):
    values = {"i": 2**40, "t": "Ünï'", "b": b"\0\1", "n": None, "f": 0.1, "k": True}

    row = Client(engine).run("SELECT @i, @t, @b, @n, @f, @k", **values).rows[0]

    assert row == tuple(values.values())


def test_views_tell_of_databases_tables_and_sessions(client):
    name = client.session.database
    client.ok("CREATE TABLE Things (id int NOT NULL, label nvarchar(30) NULL)")

    state = client.ok(f"SELECT state_desc, recovery_model_desc FROM sys.databases WHERE name = '{name.upper()}'").rows
    columns = client.ok(
        "SELECT c.name, c.max_length FROM sys.tables t JOIN sys.columns c ON c.object_id = t.object_id "
        "WHERE t.object_id = OBJECT_ID(N'dbo.things') ORDER BY c.column_id"
    ).rows
    files = client.ok(
        f"SELECT type_desc, physical_name FROM sys.master_files WHERE database_id = DB_ID(N'{name}')"
    ).rows
    request = client.ok("SELECT command, status FROM sys.dm_exec_requests WHERE session_id = @@SPID").rows

    assert (state, columns) == ([("ONLINE", "FULL")], [("id", 4), ("label", 60)])
    assert [kind for kind, _ in files] == ["ROWS", "LOG"]
    assert request == [("SELECT", "running")]
    assert client.value("OBJECT_ID('nothing')") is None


@pytest.mark.parametrize("view", ["backupset", "backupmediafamily", "backupmediaset", "backupfile"])
def test_the_history_can_be_asked_before_there_is_any(engine, view):
    assert Client(engine).ok(f"SELECT * FROM msdb.dbo.{view} WHERE 1 = 0").rows == []


def test_a_database_that_is_offline_or_single_user_is_closed_to_others(client, engine):
    name = client.session.database
    other = Client(engine, name)
    client.ok(f"ALTER DATABASE [{name}] SET SINGLE_USER WITH ROLLBACK IMMEDIATE")
    thrown_out, refused = other.disconnect.is_set(), Client(engine).fails(f"USE [{name}]")
    other.session.close()
    client.ok(f"ALTER DATABASE [{name}] SET MULTI_USER", "USE master", f"ALTER DATABASE [{name}] SET OFFLINE")
    offline = client.fails(f"USE [{name}]")
    client.ok(f"ALTER DATABASE [{name}] SET ONLINE", f"USE [{name}]")

    assert (thrown_out, refused, offline) == (True, [924], [942])


def test_checkdb_finds_a_page_that_was_damaged(client, engine):
    client.ok("CREATE TABLE t (id int PRIMARY KEY, v varchar(200))",
              "INSERT INTO t SELECT value, REPLICATE('x', 200) FROM GENERATE_SERIES(1, 500)", "CHECKPOINT")  # fmt: skip
    sound = Recording()
    client.run("DBCC CHECKDB WITH NO_INFOMSGS, PHYSICAL_ONLY", output=sound)
    path = engine._instance.find(client.session.database).path
    with path.open("r+b") as file:
        file.seek(8192 * 8)
        file.write(b"\xff" * 4096)

    assert (sound.numbers, sound.infos) == ([], [])
    assert client.fails("DBCC CHECKDB WITH NO_INFOMSGS") == [8939]
