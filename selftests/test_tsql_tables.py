"""The engine stand-in's tables: their rules, transactions, queries and system views."""

import datetime as dt
import re
import threading
import time
from decimal import Decimal
from uuid import UUID

import pytest
from folder_backups import FolderBackups
from tsql_client import Client, Recording

from restoreproof.fixtures.doctor.folder import FILES, FOLDER
from restoreproof.standins.sqlserver.session import Cancelled
from restoreproof.standins.sqlserver.sql.engine import StandinEngine


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


@pytest.mark.parametrize(
    ("query", "rows"),
    [
        ("SELECT DISTINCT label FROM t WHERE at > '2024-01-01' ORDER BY label", [("a",), ("b",)]),
        ("SELECT x.n FROM (VALUES (1, 'x'), (2, 'y')) AS x(n, s) WHERE s = 'Y'", [(2,)]),
        ("SELECT a.id, b.id FROM t a LEFT JOIN t AS b ON b.id = a.id + 2 ORDER BY 1", [(1, 3), (2, None), (3, None)]),
        ("SELECT label, COUNT(*) AS c, SUM(id) FROM t GROUP BY label HAVING COUNT(*) > 1", [("a", 2, 4)]),
        ("WITH c AS (SELECT id FROM t WHERE label IN ('A')) SELECT MAX(id) FROM c", [(3,)]),
        ("SELECT id FROM t ORDER BY id OFFSET 1 ROWS FETCH NEXT 1 ROWS ONLY", [(2,)]),
        ("SELECT TOP (1) id FROM t WHERE EXISTS (SELECT 1 FROM t AS u WHERE u.id > t.id) ORDER BY id DESC", [(2,)]),
        ("SELECT (SELECT MAX(id) FROM t), CASE WHEN 1 = 2 THEN 1 END", [(3, None)]),
        ("SELECT id FROM t WHERE label LIKE 'B%' UNION ALL SELECT 9 ORDER BY 1", [(2,), (9,)]),
        ("SELECT id FROM t WHERE at IN ('2024-02-01') AND price = 2.5", [(2,)]),
        ("SELECT AVG(price), AVG(id) FROM t", [(Decimal("2.166667"), 2)]),
        ("SELECT COUNT(*) FROM msdb..backupset WHERE 1 = 0", [(0,)]),
    ],
)
def test_queries_give_what_they_give_in_sql_server(client, query, rows):
    client.ok(
        "CREATE TABLE t (id int PRIMARY KEY, label varchar(9), at datetime2(0), price decimal(5, 1))",
        "INSERT INTO t VALUES (1, 'a', '2024-01-01', 1.5), (2, 'b', '2024-02-01', 2.50), (3, 'a', '2024-03-01', 2.5)",
    )

    assert client.ok(query).rows == rows


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


def test_texts_compare_as_their_collation_says(client):
    client.ok(
        "CREATE TABLE w (own nvarchar(9), cased varchar(9) COLLATE Latin1_General_CS_AS, "
        "bytes varchar(9) COLLATE Latin1_General_BIN2)",
        "INSERT INTO w VALUES ('a', 'a', 'a'), ('A', 'A', 'A')",
    )

    found = [client.ok(f"SELECT COUNT(*) FROM w WHERE {column} = N'a'").rows for column in ("own", "cased", "bytes")]

    assert found == [[(2,)], [(1,)], [(1,)]]
    assert client.fails("CREATE TABLE x (t varchar(9) COLLATE Finnish_Swedish_CI_AS)") == [50001]


def test_computed_columns_compute_and_take_no_values(client):
    client.ok("CREATE TABLE c (net int, gross AS (net + 1) PERSISTED, twice AS (2 * net))", "INSERT INTO c VALUES (4)")

    assert client.ok("SELECT * FROM c").rows == [(4, 5, 8)]
    assert client.fails("UPDATE c SET gross = 1") == [271]
    assert client.fails("INSERT INTO c (net, twice) VALUES (1, 2)") == [271]
    assert client.fails("CREATE TABLE x (a AS (LOWER('A')))") == [50001]


def test_folders_of_a_host_are_refused_as_an_object_that_is_not_there(client):
    query = FILES.replace("?", f"N'{FOLDER}'", 1).replace("?", "N'*'")

    assert client.fails(query) == [208]


def test_translation_is_made_anew_wherever_its_tables_are_others(client):
    """Statements are translated once: what they mean must not outlive a table, a database or an option."""
    client.ok("CREATE TABLE kept (id int PRIMARY KEY, a varchar(5))", "INSERT INTO kept VALUES (1, 'one')")
    star, add = "SELECT * FROM kept", "INSERT INTO kept VALUES (2, 2)"
    assert client.ok(star).rows == client.ok(star).rows == [(1, "one")]
    client.ok(add, "DROP TABLE kept")
    assert client.fails(star) == [208]

    client.ok("CREATE TABLE kept (id int IDENTITY(7, 1), a int, b decimal(5, 2) DEFAULT 1.5)")
    client.ok("INSERT INTO kept (a) VALUES (3)")
    again = client.ok(star)
    assert (again.names, again.rows) == (["id", "a", "b"], [(7, 3, Decimal("1.50"))])
    client.ok(add)
    assert client.ok(star).rows[1] == (8, 2, Decimal("2.00"))

    explicit = "INSERT INTO kept (id, a) VALUES (20, 0)"
    client.ok("SET IDENTITY_INSERT kept ON", explicit, "SET IDENTITY_INSERT kept OFF")
    assert client.fails(explicit) == [544]

    here = client.session.database
    assert client.ok("SELECT COUNT(*) FROM kept", "SELECT COUNT(*) FROM kept").rows == [(3,)]
    client.ok("USE model")
    assert client.fails("SELECT COUNT(*) FROM kept") == [208]
    client.ok(f"USE [{here}]")


def test_translation_knows_the_types_of_its_variables(client):
    doubled = "SELECT @it + @it"

    assert client.run(doubled, it=2).rows == client.run(doubled, it=2).rows == [(4,)]
    assert client.run(doubled, it="2").rows == [("22",)]
