"""All parts at once: the suites' client, the driver, the stand-in, and real S3 software behind it."""

import sys

import pytest
from scripted_sql import NO_DRIVER
from store_endpoint import prefix, store_endpoint

from restoreproof.fixtures.engines import tsql
from restoreproof.fixtures.engines.answers import SqlFailure
from restoreproof.fixtures.engines.connection import Connection
from restoreproof.fixtures.engines.starting import EngineSettings, engine_for
from restoreproof.fixtures.engines.tsql import Backup, Restore
from restoreproof.providers.secrets import Secret

pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="the embedded endpoint runs on Linux only"),
    pytest.mark.skipif(bool(NO_DRIVER), reason=NO_DRIVER),
]

SALES = "sales'] x"


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


def url(endpoint, name):
    return f"{prefix(endpoint)}/{name}"


def test_what_was_backed_up_comes_back(connection, endpoint):
    full, log = [url(endpoint, "full-1.bak"), url(endpoint, "full'2.bak")], [url(endpoint, "log.trn")]
    transfer = {"max_transfer_size": 5_242_880, "buffer_count": 2, "block_size": 65_536, "region": endpoint.region}
    connection.run(tsql.create_database(SALES))
    connection.run(tsql.set_recovery(SALES, tsql.FULL))
    connection.run(f"USE {tsql.name(SALES)}")
    connection.run("CREATE TABLE orders (id int PRIMARY KEY, who nvarchar(40) NOT NULL)")
    connection.run("INSERT INTO orders VALUES (?, ?)", 1, "Zoë's")
    connection.run("USE master")

    options = Backup(compression=True, checksum=True, stats=25, name="o'clock", description="d", **transfer)
    backed_up = connection.run(tsql.backup_database(SALES, full, options))
    connection.run(f"INSERT INTO {tsql.name(SALES)}.dbo.orders VALUES (2, N'later')")
    connection.run(tsql.backup_log(SALES, log))
    connection.run(tsql.drop_database(SALES))
    reading = Restore(region=endpoint.region)
    header = connection.run(tsql.restore_headeronly(full, reading)).rows[0]
    files = connection.run(tsql.restore_filelistonly(full, reading)).rows
    label = connection.run(tsql.restore_labelonly(full[0], reading)).rows[0]
    connection.run(tsql.restore_verifyonly(full, Restore(checksum=True, region=endpoint.region)))
    moves = {row["LogicalName"]: f"{row['PhysicalName']}.again" for row in files}
    restoring = Restore(moves=moves, replace=True, norecovery=True, stats=25, region=endpoint.region)
    connection.run(tsql.restore_database("again", full, restoring))
    connection.run(tsql.restore_log("again", log, Restore(norecovery=True)))
    connection.run(tsql.recover("again"))

    assert 3014 in backed_up.numbers
    assert (header["BackupName"], header["DatabaseName"]) == ("o'clock", SALES)
    assert label["FamilyCount"] == 2
    rows = connection.run("SELECT id, who FROM again.dbo.orders ORDER BY id").rows
    assert rows == ({"id": 1, "who": "Zoë's"}, {"id": 2, "who": "later"})
    connection.run(tsql.drop_database("again"))


def test_an_encrypted_backup_to_two_mirrors(connection, endpoint):
    connection.run(tsql.create_master_key(Secret("Planted }secret' 1")))
    connection.run(tsql.create_certificate("backups'", "for [backups]"))
    connection.run(tsql.create_database("sealed"))
    options = Backup(overwrite=True, certificate="backups'", media_name="set")
    mirrors = [[url(endpoint, "mirror.bak")]]
    connection.run(tsql.backup_database("sealed", [url(endpoint, "sealed.bak")], options, mirrors))
    connection.run(tsql.drop_database("sealed"))
    connection.run(tsql.restore_database("sealed", mirrors[0], Restore(media_name="set")))
    connection.run(tsql.drop_database("sealed"))
    connection.run(tsql.drop_certificate("backups'"))


def test_keys_that_are_refused_are_told_by_number_and_by_no_other_word(connection, endpoint):
    connection.run(tsql.alter_credential(prefix(endpoint), endpoint.keys["get_only"]))
    connection.run(tsql.create_database("refused"))
    with pytest.raises(SqlFailure) as caught:
        connection.run(tsql.backup_database("refused", [url(endpoint, "refused.bak")]))
    connection.run(tsql.drop_database("refused"))

    assert caught.value.numbers[0] == 3201
    assert caught.value.system_errors == (5,)
