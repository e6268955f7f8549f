"""All parts at once: the suites' client, the driver, the stand-in, and real S3 software behind it."""

import sys

import pytest
from scripted_sql import NO_DRIVER
from store_endpoint import prefix, store_endpoint

from restoreproof.fixtures.engines import tsql
from restoreproof.fixtures.engines.answers import SqlFailure
from restoreproof.fixtures.engines.connection import Connection
from restoreproof.fixtures.engines.starting import EngineSettings, engine_for

pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="the embedded endpoint runs on Linux only"),
    pytest.mark.skipif(bool(NO_DRIVER), reason=NO_DRIVER),
]

SALES = "[sales']] x]"


@pytest.fixture(scope="module")
def endpoint(tmp_path_factory):
    with store_endpoint(tmp_path_factory.mktemp("endpoint")) as endpoint:
        yield endpoint


@pytest.fixture(scope="module")
def server(endpoint):
    with engine_for("standin", EngineSettings(endpoints=(endpoint,))) as choice:
        yield choice.engine


@pytest.fixture
def connection(server, endpoint):
    with Connection.to(server, droppable=True, known=endpoint.secrets) as connection:
        connection.run(tsql.create_credential(prefix(endpoint), endpoint.keys["housekeeping"]))
        yield connection
        connection.run("USE master")
        connection.run(tsql.drop_credential(prefix(endpoint)))


def urls(endpoint, *names):
    quoted = (f"{prefix(endpoint)}/{name}".replace("'", "''") for name in names)
    return ", ".join(f"URL = N'{url}'" for url in quoted)


def test_what_was_backed_up_comes_back(connection, endpoint):
    full, log = urls(endpoint, "full-1.bak", "full'2.bak"), urls(endpoint, "log.trn")
    region = f"""'{{"s3": {{"region": "{endpoint.region}"}}}}'"""
    transfer = f"MAXTRANSFERSIZE = 5242880, BUFFERCOUNT = 2, BLOCKSIZE = 65536, STATS = 25, BACKUP_OPTIONS = {region}"
    reading = f"RESTORE_OPTIONS = {region}"
    connection.run(f"CREATE DATABASE {SALES}; ALTER DATABASE {SALES} SET RECOVERY FULL")
    connection.run(f"USE {SALES}")
    connection.run("CREATE TABLE orders (id int PRIMARY KEY, who nvarchar(40) NOT NULL)")
    connection.run("INSERT INTO orders VALUES (?, ?)", 1, "Zoë's")
    connection.run("USE master")

    said = f"COMPRESSION, CHECKSUM, NAME = N'o''clock', DESCRIPTION = 'd', {transfer}"
    backed_up = connection.run(f"BACKUP DATABASE {SALES} TO {full} WITH {said}")
    connection.run(f"INSERT INTO {SALES}.dbo.orders VALUES (2, N'later')")
    connection.run(f"BACKUP LOG {SALES} TO {log}; DROP DATABASE {SALES}")
    header = connection.run(f"RESTORE HEADERONLY FROM {full} WITH {reading}").rows[0]
    files = connection.run(f"RESTORE FILELISTONLY FROM {full} WITH {reading}").rows
    label = connection.run(f"RESTORE LABELONLY FROM {urls(endpoint, 'full-1.bak')} WITH {reading}").rows[0]
    connection.run(f"RESTORE VERIFYONLY FROM {full} WITH CHECKSUM, {reading}")
    moves = [f"MOVE {tsql.text(row['LogicalName'])} TO {tsql.text(row['PhysicalName'] + '.again')}" for row in files]
    restoring = ", ".join([*moves, "REPLACE", "NORECOVERY", "STATS = 25", reading])
    connection.run(f"RESTORE DATABASE again FROM {full} WITH {restoring}")
    connection.run(f"RESTORE LOG again FROM {log} WITH NORECOVERY; RESTORE DATABASE again WITH RECOVERY")

    assert 3014 in backed_up.numbers
    assert (header["BackupName"], header["DatabaseName"]) == ("o'clock", "sales'] x")
    assert label["FamilyCount"] == 2
    rows = connection.run("SELECT id, who FROM again.dbo.orders ORDER BY id").rows
    assert rows == ({"id": 1, "who": "Zoë's"}, {"id": 2, "who": "later"})
    connection.run("DROP DATABASE again")


def test_an_encrypted_backup_to_two_mirrors(connection, endpoint):
    connection.run("CREATE MASTER KEY ENCRYPTION BY PASSWORD = N'Planted }secret'' 1'")
    connection.run("CREATE CERTIFICATE [backups'] WITH SUBJECT = 'for [backups]'")
    connection.run("CREATE DATABASE sealed")
    mirror = urls(endpoint, "mirror.bak")
    sealing = "ENCRYPTION (ALGORITHM = AES_256, SERVER CERTIFICATE = [backups'])"
    options = f"FORMAT, {sealing}, MEDIANAME = 'set'"
    connection.run(f"BACKUP DATABASE sealed TO {urls(endpoint, 'sealed.bak')} MIRROR TO {mirror} WITH {options}")
    connection.run("DROP DATABASE sealed")
    connection.run(f"RESTORE DATABASE sealed FROM {mirror} WITH MEDIANAME = 'set'")
    connection.run("DROP DATABASE sealed; DROP CERTIFICATE [backups']")


def test_keys_that_are_refused_are_told_by_number_and_by_no_other_word(connection, endpoint):
    connection.run(tsql.alter_credential(prefix(endpoint), endpoint.keys["get_only"]))
    connection.run("CREATE DATABASE refused")
    with pytest.raises(SqlFailure) as caught:
        connection.run(f"BACKUP DATABASE refused TO {urls(endpoint, 'refused.bak')}")
    connection.run("DROP DATABASE refused")

    assert caught.value.numbers[0] == 3201
    assert caught.value.system_errors == (5,)
