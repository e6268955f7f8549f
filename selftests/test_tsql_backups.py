"""The engine stand-in's BACKUP: what it says, what it refuses, and that it stops when it is told to."""

import time

import pytest
from folder_backups import FolderBackups
from shops import SECRET, URL, Shop
from tsql_client import Client

from restoreproof.standins.sqlserver.session import Cancelled
from restoreproof.standins.sqlserver.sql.engine import StandinEngine
from restoreproof.standins.sqlserver.sql.pagelog import LOGGED, PAGE, images
from restoreproof.standins.sqlserver.sql.parsing import parse


@pytest.fixture(scope="module")
def objects(tmp_path_factory):
    return FolderBackups(tmp_path_factory.mktemp("objects"))


@pytest.fixture(scope="module")
def engine(tmp_path_factory, objects):
    engine = StandinEngine(tmp_path_factory.mktemp("instance"), "secret word", objects)
    Client(engine).ok(f"CREATE CREDENTIAL [{URL}] WITH IDENTITY = 'S3 Access Key', SECRET = 'key:{SECRET}'")
    yield engine
    engine.close()


@pytest.fixture
def shop(engine):
    return Shop(engine)


def test_a_striped_backup_comes_back_under_another_name(shop):
    urls = [shop.url(f"stripe{n}.bak") for n in range(3)]
    listed = ", ".join(f"URL = '{url}'" for url in urls)
    options = "FORMAT, COMPRESSION, CHECKSUM, STATS = 25, NAME = 'n', MAXTRANSFERSIZE = 20971520, BLOCKSIZE = 65536"
    before = shop.state()

    backup = shop.client.ok(f"BACKUP DATABASE {shop.name} TO {listed} WITH {options}")
    shop.add()
    copy = shop.name + "_copy"
    moves = f"MOVE '{shop.name}' TO '/c/{copy}.mdf', MOVE '{shop.name}_log' TO '/c/{copy}.ldf'"
    restored = shop.client.ok(f"RESTORE DATABASE {copy} FROM {listed} WITH {moves}, STATS")

    assert [number for number, _ in backup.infos] == [3211] * 4 + [4035, 4035, 3014]
    assert backup.texts[0] == "25 percent processed."
    assert backup.texts[-1].startswith("BACKUP DATABASE successfully processed ")
    assert restored.texts[-1].startswith("RESTORE DATABASE successfully processed ")
    assert shop.state(copy) == before != shop.state()
    assert shop.client.fails(f"RESTORE DATABASE x FROM URL = '{urls[0]}' WITH REPLACE") == [3132, 3013]


def test_the_header_tells_what_was_asked_for(shop):
    shop.back_up("full", options="FORMAT, NAME = N'Näme', DESCRIPTION = 'd', MEDIANAME = 'm', COMPRESSION, CHECKSUM")
    shop.add()
    shop.back_up("diff", options="DIFFERENTIAL")
    rows = [shop.client.ok(f"RESTORE HEADERONLY FROM URL = '{shop.url(key)}'") for key in ("full", "diff")]
    full, diff = (dict(zip(output.names, output.rows[0], strict=True)) for output in rows)
    label = shop.client.ok(f"RESTORE LABELONLY FROM URL = '{shop.url('full')}'").rows[0]
    files = shop.client.ok(f"RESTORE FILELISTONLY FROM URL = '{shop.url('full')}'").rows

    assert (full["BackupName"], full["BackupType"], full["DeviceType"], full["Position"]) == ("Näme", 1, 9, 1)
    assert (full["HasBackupChecksums"], full["Compressed"], full["IsCopyOnly"]) == (True, 1, False)
    assert diff["BackupType"] == 5
    assert diff["DatabaseBackupLSN"] == diff["DifferentialBaseLSN"] == full["CheckpointLSN"]
    assert diff["DifferentialBaseGUID"] == full["BackupSetGUID"]
    assert label[0] == "m"
    assert [row[:3] for row in files] == [
        (shop.name, f"/var/opt/mssql/data/{shop.name}.mdf", "D"),
        (f"{shop.name}_log", f"/var/opt/mssql/data/{shop.name}_log.ldf", "L"),
    ]
    assert shop.client.ok(f"RESTORE VERIFYONLY FROM URL = '{shop.url('full')}' WITH CHECKSUM").infos == [
        (3262, "The backup set on file 1 is valid.")
    ]
    assert shop.client.fails(f"RESTORE VERIFYONLY FROM URL = '{shop.url('diff')}' WITH CHECKSUM") == [3187, 3013]


def test_msdb_tells_of_every_backup(shop):
    shop.back_up("full")
    shop.back_up("log", "LOG", "COPY_ONLY")

    rows = shop.client.ok(
        "SELECT s.type, s.is_copy_only, f.physical_device_name, f.device_type, s.first_lsn, s.last_lsn "
        "FROM msdb.dbo.backupset s JOIN msdb.dbo.backupmediafamily f ON f.media_set_id = s.media_set_id "
        f"WHERE s.database_name = '{shop.name}' ORDER BY s.backup_set_id"
    ).rows

    assert [row[:4] for row in rows] == [("D", False, shop.url("full"), 9), ("L", True, shop.url("log"), 9)]
    assert rows[1][4] <= rows[0][5] < rows[1][5]


@pytest.mark.parametrize(
    ("statement", "numbers"),
    [
        ("BACKUP LOG {db} TO URL = '{url}'", [4214]),
        ("BACKUP DATABASE {db} TO URL = '{url}' WITH DIFFERENTIAL", [3035]),
        ("BACKUP DATABASE {db} TO URL = '{url}', DISK = 'x'", [3011]),
        ("BACKUP DATABASE {db} TO DISK = 'x'", [50001]),
        ("BACKUP DATABASE {db} TO mydevice", [3206]),
        ("BACKUP DATABASE {db} TO {many}", [3205]),
        ("BACKUP DATABASE {db} TO URL = '{url}' MIRROR TO URL = '{url}2'", [3215]),
        ("BACKUP DATABASE {db} TO URL = '{url}' MIRROR TO URL = '{url}2', URL = '{url}3' WITH FORMAT", [3010]),
        ("BACKUP DATABASE {db} TO URL = '{url}' WITH MAXTRANSFERSIZE = 1048576, COMPRESSION", [3250]),
        ("BACKUP DATABASE {db} TO URL = '{url}' WITH MAXTRANSFERSIZE = 5242881, COMPRESSION", [3217]),
        ("BACKUP DATABASE {db} TO URL = '{url}' WITH MAXTRANSFERSIZE = 20971520", [3217]),
        ("BACKUP DATABASE {db} TO URL = '{url}' WITH BLOCKSIZE = 1000", [3253]),
        ("BACKUP DATABASE {db} TO URL = '{url}' WITH FILE_SNAPSHOT", [3073]),
        ("BACKUP DATABASE {db} TO URL = '{url}' WITH NOREWIND", [3032]),
        ("BACKUP DATABASE {db} TO URL = '{url}' WITH BACKUP_OPTIONS = '{{}}'", [3217]),
        (
            "BACKUP DATABASE {db} TO URL = '{url}' WITH ENCRYPTION (ALGORITHM = AES_256, SERVER CERTIFICATE = no)",
            [15151],
        ),
        ("BACKUP DATABASE {db} FILEGROUP = 'nowhere' TO URL = '{url}'", [3027]),
        ("BACKUP DATABASE tempdb TO URL = '{url}'", [3147]),
        ("BACKUP DATABASE nowhere TO URL = '{url}'", [911]),
        ("BACKUP DATABASE {db} TO URL = 's3://other.test/bucket/x'", [3201]),
        ("BACKUP DATABASE {db} TO URL = 's3:/x/y/z'", [3078]),
        ("BACKUP DATABASE {db} TO URL = 'https://x/y/z'", [3297]),
        ("BACKUP DATABASE {db} TO URL = '{url}" + "x" * 240 + "'", [3057]),
        ("BACKUP DATABASE {db} TO URL = '{url}' WITH CREDENTIAL = 'nobody'", [3288]),
        ("BEGIN TRAN BACKUP DATABASE {db} TO URL = '{url}'", [3021]),
        ("RESTORE DATABASE {db} FROM URL = '{url}' WITH MAXTRANSFERSIZE = 1", [3032]),
        ("RESTORE DATABASE {db} FROM URL = '{url}' WITH FILE = 2", [3287]),
        ("RESTORE DATABASE {db} FROM URL = '{url}'", [3201]),
        ("RESTORE REWINDONLY FROM URL = '{url}'", [3216]),
    ],
)
def test_what_s3_or_the_chain_does_not_allow_is_refused_before_anything_is_sent(shop, objects, statement, numbers):
    many = ", ".join(f"URL = '{shop.url(str(n))}'" for n in range(65))

    found = shop.client.fails(statement.format(db=shop.name, url=shop.url("x"), many=many))
    shop.client.session.rollback()

    assert found == [*numbers, 3013]
    assert not objects.path(shop.url("x")).exists()


def test_errors_of_a_backup_in_try_are_seen_as_the_last_one(shop):
    batch = f"BEGIN TRY BACKUP LOG {shop.name} TO URL = 's3://a/b/c' END TRY BEGIN CATCH PRINT ERROR_NUMBER() END CATCH"

    output = shop.client.run(batch)

    assert (output.numbers, output.texts) == ([], ["3013"])


def test_an_object_that_exists_is_replaced_with_format_only(shop):
    shop.back_up("a", options="NOINIT")

    refused = shop.client.fails(f"BACKUP DATABASE {shop.name} TO URL = '{shop.url('a')}' WITH INIT")
    shop.back_up("a", options="FORMAT")

    assert refused == [3296, 3013]


def test_credentials_are_found_by_their_longest_name_and_never_shown(shop, engine, objects, caplog):
    client = Client(engine)
    folder = f"{URL}{shop.name}/deep"
    client.ok(f"CREATE CREDENTIAL [{folder}] WITH IDENTITY = 's3 access key', SECRET = 'other:{SECRET}'")
    shop.back_up("deep/a")
    deep = objects.credentials[0].key_id
    shop.back_up("deeper")
    plain = objects.credentials[0]
    client.ok(f"ALTER CREDENTIAL [{folder}] WITH IDENTITY = 'S3 Access Key', SECRET = 'nocolon{SECRET}'")
    denied = client.run(f"BACKUP DATABASE {shop.name} TO URL = '{shop.url('deep/b')}'")
    client.ok(f"ALTER CREDENTIAL [{folder}] WITH IDENTITY = 'Other', SECRET = 'a:{SECRET}'")
    wrong = client.run(f"BACKUP DATABASE {shop.name} TO URL = '{shop.url('deep/b')}'")
    broken = client.run(f"CREATE CREDENTIAL [x] WITH IDENTITY = 'a', SECRET '{SECRET}'")
    unclosed = client.run(f"CREATE CREDENTIAL [x] WITH IDENTITY = 'a', SECRET = '{SECRET}")
    listed = client.ok("SELECT * FROM sys.credentials").rows
    client.ok(f"DROP CREDENTIAL [{folder}]")

    assert (deep, plain.key_id, plain.secret) == ("other", "key", SECRET)
    assert denied.errors[0].text.endswith("Operating system error 5(Access is denied.).")
    assert wrong.numbers == [3233, 3013]
    shown = [error.text for output in (denied, wrong, broken, unclosed) for error in output.errors]
    assert SECRET not in repr((shown, listed, engine, plain, parse_repr(folder), caplog.text))
    assert client.fails(f"DROP CREDENTIAL [{folder}]") == [15151]
    assert client.fails(f"CREATE CREDENTIAL [{'x' * 129}] WITH IDENTITY = 'a', SECRET = 'b'") == [103]


def parse_repr(folder):
    return repr(parse(f"CREATE CREDENTIAL [{folder}] WITH IDENTITY = 'a', SECRET = '{SECRET}'"))


def test_simple_recovery_has_no_log_backups(shop):
    shop.back_up("full")
    shop.client.ok(f"ALTER DATABASE {shop.name} SET RECOVERY SIMPLE")
    simple = shop.client.fails(f"BACKUP LOG {shop.name} TO URL = '{shop.url('log')}'")
    shop.client.ok(f"ALTER DATABASE {shop.name} SET RECOVERY FULL")
    broken = shop.client.fails(f"BACKUP LOG {shop.name} TO URL = '{shop.url('log')}'")
    shop.back_up("diff", options="DIFFERENTIAL")
    shop.back_up("log", "LOG")

    assert (simple, broken) == ([4208, 3013], [4214, 3013])


def test_a_backup_is_of_one_moment_while_others_write(shop, objects):
    shop.add(600)
    states = [shop.state()]

    def write(_number):
        objects.on_piece = lambda _: None
        shop_writer.run(
            f"DELETE FROM {shop.name}.dbo.t WHERE id % 2 = 0; UPDATE {shop.name}.dbo.t SET b = 0x01; CHECKPOINT"
        )

    shop_writer = Client(shop.engine)
    objects.on_piece = write
    shop.back_up("full")
    shop.back_up("diff", options="DIFFERENTIAL")
    copy = shop.name + "_copy"
    shop.restore("full", options="NORECOVERY", into=copy)
    shop.client.ok(f"RESTORE DATABASE {copy} WITH RECOVERY")
    states.append(shop.state(copy))
    shop.client.ok(f"DROP DATABASE {copy}")
    shop.restore("full", options="NORECOVERY", into=copy)
    shop.restore("diff", into=copy)

    assert states[0] == states[1] != shop.state()
    assert shop.state(copy) == shop.state()


@pytest.mark.parametrize("how", ["cancel", "kill"])
def test_a_backup_that_is_stopped_ends_at_once_and_the_next_one_works(shop, objects, how):
    shop.add(1000)
    shop.back_up("full")
    shop.add(1)
    client, watcher, seen = Client(shop.engine), Client(shop.engine), []

    def stop(_number):
        objects.on_piece = lambda _: None
        query = f"SELECT command, percent_complete FROM sys.dm_exec_requests WHERE session_id = {client.session.id}"
        seen.extend(watcher.ok(query).rows)
        client.cancelled.set() if how == "cancel" else watcher.ok(f"KILL {client.session.id}")

    objects.on_piece = stop
    started = time.monotonic()
    with pytest.raises(Cancelled):
        client.run(f"BACKUP DATABASE {shop.name} TO URL = '{shop.url('stopped')}'")
    ended = time.monotonic() - started
    shop.back_up("log", "LOG")
    shop.back_up("stopped")

    assert [row[0] for row in seen] == ["BACKUP DATABASE"]
    assert 0 < seen[0][1] < 100
    assert ended < 1
    assert client.disconnect.is_set() == (how == "kill")


def test_a_suspended_database_waits_for_its_snapshot(shop):
    url = shop.url("snapshot")
    early = shop.client.fails(f"BACKUP DATABASE {shop.name} TO URL = '{url}' WITH METADATA_ONLY")
    shop.client.ok(f"ALTER DATABASE {shop.name} SET SUSPEND_FOR_SNAPSHOT_BACKUP = ON")
    lock = shop.client.session.instance.databases[shop.name].lock
    held = lock.owner is not None
    whole = shop.client.fails(f"BACKUP DATABASE {shop.name} TO URL = '{url}'")

    shop.client.ok(f"BACKUP DATABASE {shop.name} TO URL = '{url}' WITH METADATA_ONLY, FORMAT")

    header = shop.client.ok(f"RESTORE HEADERONLY FROM URL = '{url}' WITH METADATA_ONLY")
    shown = dict(zip(header.names, header.rows[0], strict=True))
    assert (early, held, whole, lock.owner) == ([50001, 3013], True, [50001, 3013], None)
    assert (shown["IsSnapshot"], shown["BackupType"], shown["BackupSize"]) == (True, 1, 0)
    assert shop.client.fails(f"RESTORE DATABASE x FROM URL = '{url}' WITH METADATA_ONLY") == [50001, 3013]


def test_memory_optimised_tables_need_their_filegroup(shop):
    table = f"CREATE TABLE {shop.name}.dbo.m (id int PRIMARY KEY NONCLUSTERED) WITH (MEMORY_OPTIMIZED = ON)"
    refused = shop.client.fails(table)
    shop.client.ok(
        f"ALTER DATABASE {shop.name} ADD FILEGROUP mem CONTAINS MEMORY_OPTIMIZED_DATA",
        f"ALTER DATABASE {shop.name} ADD FILE (NAME = mem1, FILENAME = '/data/{shop.name}_mem') TO FILEGROUP mem",
        table,
    )

    files = shop.client.ok(f"SELECT name, type FROM sys.master_files WHERE database_id = DB_ID('{shop.name}')").rows
    assert refused == [41337]
    assert files == [(shop.name, 0), ("mem1", 2), (f"{shop.name}_log", 1)]


def test_page_images_come_as_asked_for_whether_neighbours_or_not(tmp_path):
    pages = [bytes([number]) * PAGE for number in range(6)]
    (tmp_path / "file").write_bytes(b"".join(pages))
    (tmp_path / "log").write_bytes(b"".join(bytes(LOGGED - PAGE) + page for page in pages))
    with (tmp_path / "file").open("rb") as file, (tmp_path / "log").open("rb") as log:
        asked = [(file, 0), (file, 1), (log, 2), (log, 3), (log, 4), (file, 5), (file, 3), (log, 0)]
        steps = {file: PAGE, log: LOGGED}
        places = [(one.fileno(), (n + 1) * steps[one] - PAGE, steps[one]) for one, n in asked]

        assert [bytes(image) for image in images(places)] == [pages[n] for _, n in asked]
        assert list(images([])) == []
