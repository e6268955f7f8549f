"""The engine stand-in's RESTORE: chains in their order, moments in time, and data as they were."""

from datetime import timedelta

import pytest
from folder_backups import FolderBackups
from hypothesis import given, settings
from hypothesis import strategies as st
from shops import FINGERPRINT, SECRET, URL, Shop
from tsql_client import Client, Recording

from restoreproof.standins.sqlserver.sql.database import now
from restoreproof.standins.sqlserver.sql.engine import StandinEngine


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


@pytest.fixture
def stranger(objects, tmp_path):
    """A client of another instance, which has none of the first one's certificates and leaves nothing at its end."""
    folder = tmp_path / "second"
    folder.mkdir()
    second = StandinEngine(folder, "secret word", objects)
    client = Client(second)
    client.ok(f"CREATE CREDENTIAL [{URL}] WITH IDENTITY = 'S3 Access Key', SECRET = 'key:x'")
    yield client
    second.close()
    assert list(folder.iterdir()) == []


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


def test_an_encrypted_backup_needs_its_certificate(shop, stranger, tmp_path):
    shop.client.ok(
        "CREATE MASTER KEY ENCRYPTION BY PASSWORD = 'p'",
        f"CREATE CERTIFICATE {shop.name} WITH SUBJECT = 'backups'",
        f"BACKUP CERTIFICATE {shop.name} TO FILE = '{tmp_path}/c.cer' "
        f"WITH PRIVATE KEY (FILE = '{tmp_path}/c.pvk', ENCRYPTION BY PASSWORD = 'pw')",
    )
    shop.back_up("sealed", options=f"COMPRESSION, ENCRYPTION (ALGORITHM = AES_256, SERVER CERTIFICATE = {shop.name})")
    restore = f"RESTORE DATABASE {shop.name} FROM URL = '{shop.url('sealed')}'"
    load = (
        f"CREATE CERTIFICATE c FROM FILE = '{tmp_path}/c.cer' "
        f"WITH PRIVATE KEY (FILE = '{tmp_path}/c.pvk', DECRYPTION BY PASSWORD = '{{}}')"
    )

    without = stranger.fails(restore)
    keyless = stranger.fails(load.format("pw"))
    stranger.ok("CREATE MASTER KEY ENCRYPTION BY PASSWORD = 'q'")
    wrong = stranger.fails(load.format("guess"))
    stranger.ok(load.format("pw"), restore)
    state = stranger.ok(f"{FINGERPRINT}{shop.name}.dbo.t").rows[0]

    assert (without, keyless, wrong) == ([33111, 3013], [15581], [15465])
    assert state == shop.state()


def test_the_backup_of_an_encrypted_database_needs_its_certificate(shop, stranger):
    client, switch = Client(shop.engine), f"ALTER DATABASE {shop.name} SET ENCRYPTION ON"
    key = f"CREATE DATABASE ENCRYPTION KEY WITH ALGORITHM = AES_256 ENCRYPTION BY SERVER CERTIFICATE {shop.name}"
    state = f"SELECT encryption_state FROM sys.dm_database_encryption_keys WHERE database_id = DB_ID('{shop.name}')"
    client.ok(f"USE {shop.name}")
    too_early = [client.fails(switch), client.fails(key)]
    shop.client.ok(
        "CREATE MASTER KEY ENCRYPTION BY PASSWORD = 'p'",
        f"CREATE CERTIFICATE {shop.name} WITH SUBJECT = 'databases'",
    )
    warned = client.ok(key)
    before = client.ok(state).rows
    client.ok(switch, "USE master")
    shop.back_up("encrypted", options="FORMAT, COMPRESSION")
    shop.add()
    shop.back_up("log", "LOG")
    restore = f"RESTORE DATABASE {shop.name} FROM URL = '{shop.url('encrypted')}'"
    refused = stranger.fails(restore)
    copy = f"copy_of_{shop.name}"
    restored = [shop.restore("encrypted", options="NORECOVERY", into=copy), shop.restore("log", "LOG", into=copy)]

    assert (too_early, refused) == ([[33106], [15151]], [33111, 3013])
    assert [number for number, _ in warned.infos] == [33091]
    assert (before, client.ok(state).rows) == ([(1,)], [(3,)])
    assert [one.numbers for one in restored] == [[], []]
    assert shop.state(copy) == shop.state()
    assert client.ok(f"SELECT is_encrypted FROM sys.databases WHERE name = '{copy}'").rows == [(True,)]
    assert shop.client.fails(f"DROP CERTIFICATE {shop.name}") == [3716]
    shop.client.ok(f"DROP DATABASE {copy}; DROP DATABASE {shop.name}; DROP CERTIFICATE {shop.name}")


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


@pytest.fixture
def filed(shop):
    """A shop with an archive in a filegroup of its own."""
    shop.client.ok(
        f"ALTER DATABASE {shop.name} ADD FILEGROUP old",
        f"ALTER DATABASE {shop.name} ADD FILE (NAME = 'old_1', FILENAME = '/data/{shop.name}.ndf') TO FILEGROUP old",
        f"USE {shop.name}",
        "CREATE TABLE o (id int PRIMARY KEY, filler varbinary(8000)) ON old",
        "INSERT INTO o SELECT value, CRYPT_GEN_RANDOM(8000) FROM GENERATE_SERIES(1, 50)",
        "USE master",
    )
    return shop


def test_a_part_is_smaller_than_the_whole_and_holds_no_other(filed, objects):
    sizes = {}
    for part in ("", "FILE = 'old_1'", "FILEGROUP = 'PRIMARY'"):
        url = filed.url(part.strip("'")[-5:].strip() or "full")
        filed.client.ok(f"BACKUP DATABASE {filed.name} {part} TO URL = '{url}' WITH FORMAT")
        rows = filed.client.ok(f"RESTORE FILELISTONLY FROM URL = '{url}'")
        place = rows.names.index("IsPresent")
        sizes[part] = [row[place] for row in rows.rows], objects.path(url).stat().st_size

    assert [present for present, _ in sizes.values()] == [[1, 1, 1], [0, 1, 1], [1, 0, 1]]
    assert sum(size for _, size in list(sizes.values())[1:]) < sizes[""][1] * 1.1


def test_what_was_not_restored_is_offline_until_it_is(filed):
    source, new = filed.name, f"{filed.name}_new"
    place = filed.url
    filed.back_up("full")
    for part, url in (("FILEGROUP = 'PRIMARY'", "primary"), ("FILEGROUP = 'old'", "old")):
        filed.client.ok(f"BACKUP DATABASE {source} {part} TO URL = '{place(url)}'")
        filed.client.ok(f"INSERT INTO {source}.dbo.o VALUES ({100 + len(url)}, 0x01)")
    filed.back_up("log", "LOG")
    moves = ", ".join(f"MOVE '{name}' TO '/data/{new}{name}'" for name in (source, "old_1", f"{source}_log"))
    begin = f"RESTORE DATABASE {new} FILEGROUP = 'PRIMARY' FROM URL = '{place('primary')}' WITH PARTIAL, {moves}"
    query = f"SELECT COUNT(*) FROM {new}.dbo.o"

    filed.client.ok(begin)
    alone = filed.client.fails(query), filed.client.ok(f"DBCC CHECKDB ({new}) WITH NO_INFOMSGS").numbers
    wrong = filed.client.fails(f"RESTORE DATABASE {new} FILEGROUP = 'old' FROM URL = '{place('old')}'")
    filed.client.ok(f"DROP DATABASE {new}", f"{begin}, NORECOVERY")
    missing = filed.client.fails(f"RESTORE DATABASE {new} FILEGROUP = 'old' FROM URL = '{place('primary')}'")
    filed.client.ok(f"RESTORE DATABASE {new} FILEGROUP = 'old' FROM URL = '{place('old')}' WITH NORECOVERY")
    early = filed.client.fails(f"RESTORE DATABASE {new} WITH RECOVERY")
    filed.client.ok(f"RESTORE LOG {new} FROM URL = '{place('log')}'", f"DBCC CHECKDB ({new}) WITH NO_INFOMSGS")

    assert alone == ([8653], [])
    assert (wrong, missing, early) == ([3117, 3013], [3144, 3013], [4333, 3013])
    assert filed.client.ok(query).rows == [(52,)]


def test_a_filegroup_that_is_read_only_takes_no_rows(filed):
    filed.client.ok(f"ALTER DATABASE {filed.name} MODIFY FILEGROUP old READ_ONLY")

    assert filed.client.fails(f"DELETE FROM {filed.name}.dbo.o") == [652]
    assert filed.client.fails(f"BACKUP DATABASE {filed.name} FILE = 'x' TO URL = '{filed.url('x')}'") == [3235, 3013]
    assert filed.client.fails(f"USE {filed.name}; CREATE TABLE x (id int) ON nowhere") == [1921]
