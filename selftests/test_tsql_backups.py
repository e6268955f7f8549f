"""The engine stand-in's BACKUP and RESTORE: what they say, their chains, and that data come back as they were."""

import itertools
import time
from datetime import timedelta

import pytest
from folder_backups import FolderBackups
from hypothesis import given, settings
from hypothesis import strategies as st
from tsql_client import Client, Recording

from restoreproof.standins.sqlserver.session import Cancelled
from restoreproof.standins.sqlserver.sql.database import now
from restoreproof.standins.sqlserver.sql.engine import StandinEngine
from restoreproof.standins.sqlserver.sql.parsing import parse

URL = "s3://store.test:9000/bucket/"
SECRET = "pl4nted/SECRET+key"
FINGERPRINT = "SELECT COUNT_BIG(*), CHECKSUM_AGG(BINARY_CHECKSUM(*)) FROM "
COUNTER = itertools.count(1)


@pytest.fixture(scope="module")
def objects(tmp_path_factory):
    return FolderBackups(tmp_path_factory.mktemp("objects"))


@pytest.fixture(scope="module")
def engine(tmp_path_factory, objects):
    engine = StandinEngine(tmp_path_factory.mktemp("instance"), "secret word", objects)
    Client(engine).ok(f"CREATE CREDENTIAL [{URL}] WITH IDENTITY = 'S3 Access Key', SECRET = 'key:{SECRET}'")
    yield engine
    engine.close()


class Shop:
    """A database with a table, and the statements that are run on it."""

    def __init__(self, engine, rows=20):
        self.engine, self.client, self.name = engine, Client(engine), f"shop{next(COUNTER)}"
        self.client.ok(f"CREATE DATABASE {self.name}")
        self.client.ok(
            f"CREATE TABLE {self.name}.dbo.t (id int IDENTITY PRIMARY KEY, v varchar(100), b varbinary(8000))"
        )
        self.add(rows)

    def add(self, rows=5):
        self.client.ok(
            f"INSERT INTO {self.name}.dbo.t (v, b) SELECT CONCAT('row ', value), CRYPT_GEN_RANDOM(3000) "
            f"FROM GENERATE_SERIES(1, {rows})"
        )

    def url(self, key):
        return f"{URL}{self.name}/{key}"

    def back_up(self, key, what="DATABASE", options="FORMAT"):
        return self.client.ok(f"BACKUP {what} {self.name} TO URL = '{self.url(key)}' WITH {options}")

    def restore(self, key, what="DATABASE", options="RECOVERY", into=""):
        moves = (
            f", MOVE '{self.name}' TO '/copy/{into}.mdf', MOVE '{self.name}_log' TO '/copy/{into}.ldf'" if into else ""
        )
        moves = moves if what == "DATABASE" else ""
        return self.client.run(f"RESTORE {what} {into or self.name} FROM URL = '{self.url(key)}' WITH {options}{moves}")

    def state(self, name=""):
        return self.client.ok(f"{FINGERPRINT}{name or self.name}.dbo.t").rows[0]


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
        ("BACKUP DATABASE {db} FILEGROUP = 'PRIMARY' TO URL = '{url}'", [50001]),
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


def test_a_chain_comes_back_in_its_order_only(shop):
    shop.back_up("full")
    shop.add()
    shop.back_up("log1", "LOG")
    shop.add()
    shop.back_up("diff", options="DIFFERENTIAL")
    shop.back_up("copy", options="COPY_ONLY")
    at_diff = shop.state()
    shop.add()
    shop.back_up("log2", "LOG")
    at_end = shop.state()

    new = shop.name + "_new"
    assert shop.restore("log1", "LOG", into=new).numbers == [3118, 3013]
    assert shop.restore("diff", options="RECOVERY", into=new).numbers == [3118, 3013]
    assert shop.restore("full", options="NORECOVERY", into=new).numbers == []
    assert shop.client.fails(f"USE {new}") == [927]
    assert shop.restore("log2", "LOG", into=new).numbers == [4305, 3013]
    assert shop.restore("log1", "DATABASE", into=new).numbers == [3135, 3013]
    assert shop.restore("diff", options="NORECOVERY", into=new).numbers == []
    assert shop.restore("log1", "LOG", into=new).numbers == [4326, 3013]
    assert shop.restore("log2", "LOG", "STANDBY = '/undo'", into=new).numbers == []
    assert shop.state(new) == at_end != at_diff
    assert shop.client.fails(f"DELETE FROM {new}.dbo.t") == [3906]
    assert shop.client.ok(f"RESTORE DATABASE {new} WITH RECOVERY").numbers == []
    assert shop.restore("log2", "LOG", into=new).numbers == [3117, 3013]
    shop.client.ok(f"DELETE FROM {new}.dbo.t", f"DROP DATABASE {new}")
    assert shop.restore("copy", options="NORECOVERY", into=new).numbers == []
    assert shop.restore("diff", options="RECOVERY", into=new).numbers == [3136, 3013]


def test_the_tail_of_the_log_is_not_overwritten_by_chance(shop, engine):
    shop.back_up("full")
    other = Shop(engine)
    other.back_up("full")
    shop.add()
    user = Client(engine, shop.name)

    in_use = shop.restore("full").numbers
    itself = user.fails(f"RESTORE DATABASE {shop.name} FROM URL = '{shop.url('full')}'")
    user.ok("USE master")
    tail_missing = shop.restore("full").numbers
    another = shop.client.fails(f"RESTORE DATABASE {shop.name} FROM URL = '{other.url('full')}'")
    clash = shop.client.fails(f"RESTORE DATABASE elsewhere FROM URL = '{shop.url('full')}'")
    unknown = shop.client.fails(f"RESTORE DATABASE elsewhere FROM URL = '{shop.url('full')}' WITH MOVE 'a' TO 'b'")
    before = shop.state()
    shop.back_up("tail", "LOG", "NORECOVERY")

    assert (in_use, itself, tail_missing) == ([3101, 3013], [3102, 3013], [3159, 3013])
    assert (another, clash, unknown) == ([3154, 3013], [1834, 3156, 3119, 3013], [3234, 3013])
    assert shop.client.fails(f"USE {shop.name}") == [927]
    assert shop.restore("full", options="NORECOVERY").numbers == []
    assert shop.restore("tail", "LOG").numbers == []
    assert shop.state() == before


def test_stopat_brings_back_a_moment_within_a_log(shop):
    shop.back_up("full")
    moments = []
    for _ in range(3):
        shop.add(2)
        moments.append((now(), shop.state()))
    shop.add(2)
    shop.back_up("log", "LOG")
    shop.add(2)
    shop.back_up("late", "LOG")
    moment, state = moments[1]
    early = moments[0][0] - timedelta(hours=1)

    copies = [f"{shop.name}_{n}" for n in range(2)]
    assert shop.restore("full", options=f"STOPAT = '{early.isoformat()}'", into=copies[1]).numbers == [4338, 3013]
    for copy in copies:
        assert shop.restore("full", options="NORECOVERY", into=copy).numbers == []
    assert shop.restore("log", "LOG", f"STOPAT = '{moment.isoformat()}'", into=copies[0]).numbers == []
    assert shop.state(copies[0]) == state
    later = (now() + timedelta(hours=1)).isoformat()
    unreached = shop.restore("log", "LOG", f"STOPAT = '{later}', RECOVERY", into=copies[1])
    assert "left in the Restoring state" in unreached.texts[0]
    assert shop.restore("log", "LOG", f"NORECOVERY, STOPAT = '{early.isoformat()}'", into=copies[1]).numbers == [
        4335,
        3013,
    ]
    assert shop.restore("late", "LOG", into=copies[1]).numbers == []
    assert shop.state(copies[1]) == shop.state()


def test_a_log_of_a_branch_that_was_left_is_refused(shop):
    shop.back_up("full")
    shop.add()
    shop.back_up("log1", "LOG")
    shop.add()
    shop.back_up("abandoned", "LOG")
    copy = shop.name + "_copy"
    shop.restore("full", options="REPLACE, NORECOVERY")
    shop.restore("log1", "LOG")
    shop.add(1)
    shop.back_up("branch", "LOG")
    state = shop.state()

    assert shop.restore("full", options="NORECOVERY", into=copy).numbers == []
    assert shop.restore("log1", "LOG", "NORECOVERY", into=copy).numbers == []
    assert shop.restore("branch", "LOG", "NORECOVERY", into=copy).numbers == []
    assert shop.restore("abandoned", "LOG", into=copy).numbers in ([4330, 3013], [4326, 3013])
    assert shop.client.ok(f"RESTORE DATABASE {copy} WITH RECOVERY").numbers == []
    assert shop.state(copy) == state


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


def test_a_restore_that_fails_leaves_the_old_database_or_one_that_waits_for_more(shop, objects):
    shop.add(600)
    shop.back_up("full")
    shop.add()
    shop.back_up("log", "LOG")
    before = shop.state()
    missing = shop.restore("nothing", options="REPLACE").numbers
    kept = shop.state()
    copy = shop.name + "_copy"
    shop.restore("full", options="NORECOVERY", into=copy)
    objects.damage(shop.url("log"))
    log = shop.restore("log", "LOG", into=copy).numbers
    recovered = shop.client.ok(f"RESTORE DATABASE {copy} WITH RECOVERY").numbers
    objects.damage(shop.url("full"), 1)
    damaged = shop.restore("full", options="REPLACE").numbers

    assert (missing, kept) == ([3201, 3013], before)
    assert (log, recovered) == ([3241, 3013], [])
    assert damaged == [3241, 3013]
    assert shop.client.fails(f"USE {shop.name}") == [927]
    assert shop.client.fails(f"RESTORE DATABASE {shop.name} WITH RECOVERY") == [3117, 3013]
    shop.client.ok(f"DROP DATABASE {shop.name}")


def test_an_encrypted_backup_needs_its_certificate(shop, objects, tmp_path):
    shop.client.ok(
        "CREATE MASTER KEY ENCRYPTION BY PASSWORD = 'p'",
        f"CREATE CERTIFICATE {shop.name} WITH SUBJECT = 'backups'",
        f"BACKUP CERTIFICATE {shop.name} TO FILE = '{tmp_path}/c.cer' "
        f"WITH PRIVATE KEY (FILE = '{tmp_path}/c.pvk', ENCRYPTION BY PASSWORD = 'pw')",
    )
    shop.back_up("sealed", options=f"COMPRESSION, ENCRYPTION (ALGORITHM = AES_256, SERVER CERTIFICATE = {shop.name})")
    folder = tmp_path / "second"
    folder.mkdir()
    second = StandinEngine(folder, "secret word", objects)
    client = Client(second)
    client.ok(f"CREATE CREDENTIAL [{URL}] WITH IDENTITY = 'S3 Access Key', SECRET = 'key:x'")
    restore = f"RESTORE DATABASE {shop.name} FROM URL = '{shop.url('sealed')}'"
    load = (
        f"CREATE CERTIFICATE c FROM FILE = '{tmp_path}/c.cer' "
        f"WITH PRIVATE KEY (FILE = '{tmp_path}/c.pvk', DECRYPTION BY PASSWORD = '{{}}')"
    )

    without = client.fails(restore)
    keyless = client.fails(load.format("pw"))
    client.ok("CREATE MASTER KEY ENCRYPTION BY PASSWORD = 'q'")
    wrong = client.fails(load.format("guess"))
    client.ok(load.format("pw"), restore)
    state = client.ok(f"{FINGERPRINT}{shop.name}.dbo.t").rows[0]
    second.close()

    assert (without, keyless, wrong) == ([33111, 3013], [15581], [15465])
    assert state == shop.state()
    assert list(folder.iterdir()) == []


STEPS = st.lists(
    st.sampled_from(["write", "delete", "full", "copy", "diff", "log", "log", "checkpoint"]), min_size=3, max_size=14
)


@settings(max_examples=25, deadline=None)
@given(STEPS)
def test_every_way_through_a_chain_gives_the_state_of_its_last_backup(engine, steps):
    shop, made = Shop(engine, rows=3), []
    shop.back_up("0")
    made.append(("full", "0", shop.state()))
    for number, step in enumerate(steps, 1):
        key = str(number)
        if step == "write":
            shop.add(number)
        elif step == "delete":
            shop.client.ok(f"DELETE FROM {shop.name}.dbo.t WHERE id % 3 = {number % 3}")
        elif step == "checkpoint":
            shop.client.ok(f"USE {shop.name}", "CHECKPOINT", "USE master")
        else:
            options = {"full": "FORMAT", "copy": "COPY_ONLY", "diff": "DIFFERENTIAL", "log": "FORMAT"}[step]
            shop.back_up(key, "LOG" if step == "log" else "DATABASE", options)
            made.append((step, key, shop.state()))

    for copy, chain in enumerate(ways(made)):
        name = f"{shop.name}_{copy}"
        for kind, key, _ in chain:
            found = shop.restore(key, "LOG" if kind == "log" else "DATABASE", "NORECOVERY", into=name)
            assert found.numbers == [], (made, chain)
        shop.client.ok(f"RESTORE DATABASE {name} WITH RECOVERY")
        assert shop.state(name) == chain[-1][2]
        assert shop.client.run(f"DBCC CHECKDB ({name}) WITH NO_INFOMSGS", output=Recording()).numbers == []
        shop.client.ok(f"DROP DATABASE {name}")


def ways(made):
    """To the end: by every full backup, with and without its last differential, and all logs behind."""
    found = []
    for place, (kind, _, _) in enumerate(made):
        if kind not in ("full", "copy"):
            continue
        logs = [one for one in made[place:] if one[0] == "log"]
        found.append([made[place], *logs])
        base_ends = next((n for n, one in enumerate(made) if n > place and one[0] == "full"), len(made))
        diffs = [n for n in range(place, base_ends) if made[n][0] == "diff"]
        if kind == "full" and diffs:
            found.append([made[place], made[diffs[-1]], *(one for one in made[diffs[-1] :] if one[0] == "log")])
    return found
