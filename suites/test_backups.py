"""Backups: every form of BACKUP that the documentation promises on S3, proven by the rows that come back."""

import pytest

MIB = 1024 * 1024


@pytest.mark.requirement("BAK-01.one-url")
def test_full_backup_comes_back(database, url, restored):
    """A full backup to one URL comes back with every row."""
    database.backup(url("full.bak"))

    assert restored(database, url("full.bak")).proof() == database.proof()


@pytest.mark.requirement("BAK-15.stripes")
@pytest.mark.parametrize("stripes", [2, 8, 64])
def test_striped_backup_comes_back(database, urls, restored, stripes):
    """A backup striped over 2, 8 or 64 URLs comes back with every row."""
    database.backup(urls("striped", stripes))

    assert restored(database, urls("striped", stripes)).proof() == database.proof()


@pytest.mark.requirement("BAK-15.any-order")
def test_stripes_are_read_in_any_order(database, urls, restored):
    """The stripes of a backup may be named in another order when they are restored."""
    database.backup(urls("shuffled", 3))

    assert restored(database, urls("shuffled", 3)[::-1]).proof() == database.proof()


@pytest.mark.requirement("BAK-19.larger-than-a-part")
def test_backup_larger_than_a_part_comes_back(large_database, url, restored):
    """A database that takes several parts comes back with every row."""
    large_database.backup(url("large.bak"))

    assert restored(large_database, url("large.bak")).proof() == large_database.proof()


@pytest.mark.requirement("MPU-01.more-than-a-hundred-parts")
def test_backup_of_more_than_a_hundred_parts_comes_back(larger_than, small_parts, must_exceed, url, restored, scale):
    """A backup of more than a hundred parts comes back with every row."""
    database = larger_than(scale.number)
    database.backup(url("parts.bak"), *small_parts)
    must_exceed(scale.number, [url("parts.bak")])

    assert restored(database, url("parts.bak")).proof() == database.proof()


@pytest.mark.requirement("LIM-03.striped-for-its-size")
def test_database_too_large_for_a_url_comes_back(
    larger_than, small_parts, must_exceed, urls, restored, most_parts, scale
):
    """A database that needs more parts than the 10,000 of one URL comes back with every row from two of them."""
    parts = most_parts(scale.number)
    database = larger_than(parts)
    database.backup(urls("striped", 2), *small_parts)
    must_exceed(parts, urls("striped", 2))

    assert restored(database, urls("striped", 2)).proof() == database.proof()


@pytest.mark.requirement("ERR-06.too-many-parts")
def test_backup_of_too_many_parts_is_refused(larger_than, small_parts, narrow, restore, scale):
    """A backup that needs more parts than the 10,000 of its URL ends in Msg 3202 or 3236, and leaves no object."""
    target = narrow(scale.number)
    failure = larger_than(target.parts).backup_must_fail(target.url, *small_parts)

    restore.get(target.key).must_be_refused()
    assert restore.keys(target.key) == []
    assert {3202, 3236}.intersection(failure.numbers)
    assert {87, 1117}.issuperset(failure.system_errors)


@pytest.mark.requirement("BAK-02.differential")
def test_differential_backup_comes_back(database, url, restored):
    """A differential backup, restored after its full one, brings the rows that were written in between."""
    database.backup(url("full.bak"))
    database.write(50)
    database.backup(url("changes.bak"), "DIFFERENTIAL")

    copy = restored(database, url("full.bak"), "NORECOVERY")
    copy.restore(url("changes.bak"))

    assert copy.proof() == database.proof()


@pytest.mark.requirement("BAK-03.log-chain")
def test_log_chain_comes_back(database, url, restored):
    """A full backup and two log backups after it bring every row that was committed before the last of them."""
    database.backup(url("full.bak"))
    database.write(50)
    database.backup_log(url("first.trn"))
    database.write(50)
    database.backup_log(url("second.trn"))

    copy = restored(database, url("full.bak"), "NORECOVERY")
    copy.restore_log(url("first.trn"), "NORECOVERY")
    copy.restore_log(url("second.trn"))

    assert copy.proof() == database.proof()


@pytest.mark.requirement("BAK-03.tail-log")
def test_tail_of_the_log_comes_back(database, url, restored):
    """The tail of the log, taken WITH NORECOVERY, brings the rows that no other backup holds."""
    database.backup(url("full.bak"))
    database.write(50)
    expected = database.proof()
    database.backup_log(url("tail.trn"), "NORECOVERY")

    copy = restored(database, url("full.bak"), "NORECOVERY")
    copy.restore_log(url("tail.trn"))

    assert copy.proof() == expected


@pytest.mark.requirement("BAK-03.tail-norecovery")
def test_tail_of_the_log_leaves_the_database_restoring(database, url):
    """BACKUP LOG WITH NORECOVERY leaves the database restoring, so that nothing is written behind the tail."""
    database.backup(url("full.bak"))

    database.backup_log(url("tail.trn"), "NORECOVERY")

    assert database.state() == "RESTORING"


@pytest.mark.requirement("BAK-03.tail-standby")
def test_tail_of_the_log_leaves_the_database_readable(database, url, undo_file):
    """BACKUP LOG WITH STANDBY leaves the database readable, with every row."""
    database.backup(url("full.bak"))
    expected = database.rows()

    database.backup_log(url("tail.trn"), f"STANDBY = N'{undo_file}'")

    assert database.rows() == expected


@pytest.mark.requirement("BAK-03.no-truncate")
def test_log_that_is_not_truncated_comes_back_twice(database, url, restored):
    """A log backup WITH NO_TRUNCATE comes back, and leaves all of the log to the backup after it."""
    database.backup(url("full.bak"))
    database.write(50)
    first = database.proof()
    database.backup_log(url("first.trn"), "NO_TRUNCATE")
    database.write(50)
    database.backup_log(url("whole.trn"))

    copies = [restored(database, url("full.bak"), "NORECOVERY") for _ in range(2)]
    copies[0].restore_log(url("first.trn"))
    copies[1].restore_log(url("whole.trn"))

    assert [copy.proof() for copy in copies] == [first, database.proof()]


@pytest.mark.requirement("BAK-05.copy-only")
def test_copy_only_backup_is_no_base(database, url, restored):
    """A copy-only backup comes back by itself and leaves the base of the next differential as it was."""
    database.backup(url("full.bak"))
    database.write(50)
    database.backup(url("copy.bak"), "COPY_ONLY")
    copied = database.proof()
    database.write(50)
    database.backup(url("changes.bak"), "DIFFERENTIAL")

    copy = restored(database, url("full.bak"), "NORECOVERY")
    copy.restore(url("changes.bak"))

    assert (restored(database, url("copy.bak")).proof(), copy.proof()) == (copied, database.proof())


@pytest.mark.requirement("BAK-06.compression")
def test_compressed_backup_comes_back(database, url, restored):
    """A compressed backup comes back with every row."""
    database.backup(url("compressed.bak"), "COMPRESSION")

    assert restored(database, url("compressed.bak")).proof() == database.proof()


@pytest.mark.requirement("MPU-02.transfer-sizes")
@pytest.mark.parametrize("size", [5 * MIB, 10 * MIB, 20 * MIB], ids=["5-mib", "10-mib", "20-mib"])
def test_every_transfer_size_comes_back(large_database, url, restored, size):
    """Compressed backups with a MAXTRANSFERSIZE of 5, 10 and 20 MiB come back with every row."""
    large_database.backup(url("large.bak"), "COMPRESSION", f"MAXTRANSFERSIZE = {size}")

    assert restored(large_database, url("large.bak")).proof() == large_database.proof()


@pytest.mark.requirement("BAK-08.checksum")
def test_backup_with_checksum_is_verified(database, url, restored):
    """A backup WITH CHECKSUM says so, is verified, and comes back with its checksums looked at."""
    database.backup(url("checked.bak"), "CHECKSUM")

    header = database.header(url("checked.bak"))
    database.verify(url("checked.bak"), "CHECKSUM")

    assert header["HasBackupChecksums"]
    assert restored(database, url("checked.bak"), "CHECKSUM").proof() == database.proof()


@pytest.mark.requirement("BAK-12.block-sizes")
@pytest.mark.parametrize("size", [512, 4096, 65_536])
def test_every_block_size_comes_back(database, url, restored, size):
    """Backups with a BLOCKSIZE of 512, 4,096 and 65,536 bytes come back with every row."""
    database.backup(url("blocks.bak"), f"BLOCKSIZE = {size}")

    assert restored(database, url("blocks.bak")).proof() == database.proof()


@pytest.mark.requirement("BAK-13.buffer-counts")
@pytest.mark.parametrize("buffers", [1, 16])
def test_every_buffer_count_comes_back(large_database, url, restored, buffers):
    """Backups with 1 and with 16 buffers come back with every row."""
    large_database.backup(url("buffers.bak"), f"BUFFERCOUNT = {buffers}")

    assert restored(large_database, url("buffers.bak")).proof() == large_database.proof()


@pytest.mark.requirement("BAK-09.format-replaces")
def test_backup_with_format_replaces_the_old_one(database, url, restored):
    """A backup WITH FORMAT replaces the object of its name, and the new rows come back."""
    database.backup(url("nightly.bak"))
    database.write(50)

    database.backup(url("nightly.bak"), "FORMAT")

    assert restored(database, url("nightly.bak")).proof() == database.proof()


@pytest.mark.requirement("BAK-09.existing-refused")
def test_backup_without_format_spares_the_old_one(database, url, restored):
    """A backup without FORMAT is refused where an object of its name exists, and the old backup still comes back."""
    database.backup(url("nightly.bak"))
    old = database.proof()
    database.write(50)

    database.backup_must_fail(url("nightly.bak"))

    assert restored(database, url("nightly.bak")).proof() == old


@pytest.mark.requirement("BAK-11.init-with-format")
def test_backup_with_init_and_format_comes_back(database, url, restored):
    """A backup WITH INIT, FORMAT works under a new name and once more under the same, and its rows come back."""
    database.backup(url("nightly.bak"), "CHECKSUM", "INIT", "FORMAT")
    database.write(50)

    database.backup(url("nightly.bak"), "CHECKSUM", "INIT", "FORMAT")

    assert restored(database, url("nightly.bak")).proof() == database.proof()


@pytest.mark.requirement("BAK-14.names-travel")
def test_names_and_descriptions_travel_inside(database, url):
    """NAME, DESCRIPTION, MEDIANAME and MEDIADESCRIPTION travel inside the backup, every character of them."""
    words = ["Nächtliche Sicherung", "für den Fall der Fälle", "Medium 1", "größer als eins"]
    options = ["NAME", "DESCRIPTION", "MEDIANAME", "MEDIADESCRIPTION"]

    database.backup(url("named.bak"), *(f"{option} = N'{word}'" for option, word in zip(options, words, strict=True)))
    header, label = database.header(url("named.bak")), database.label(url("named.bak"))

    seen = [header["BackupName"], header["BackupDescription"], label["MediaName"], label["MediaDescription"]]
    assert seen == words


@pytest.mark.requirement("BAK-20.msdb-names-the-url")
def test_msdb_names_the_url(database, url):
    """The history in msdb names the URL of a backup, device type 9."""
    database.backup(url("recorded.bak"))

    assert database.devices() == [(url("recorded.bak"), 9)]


@pytest.mark.requirement("BAK-01.object-as-written")
def test_objects_are_what_was_written(database, urls, key_of, restore, bucket):
    """After a striped backup the store lists one object for each URL, and nothing else."""
    database.backup(urls("striped", 4))

    assert sorted(restore.keys(bucket.prefix)) == sorted(key_of(url) for url in urls("striped", 4))


@pytest.mark.requirement("ABORT-07.nothing-open-after-backup")
def test_backup_leaves_no_open_upload(large_database, urls, key_of, housekeeping):
    """A backup that succeeded leaves no open upload behind."""
    large_database.backup(urls("striped", 2))

    assert [housekeeping.open_uploads(key_of(url)) for url in urls("striped", 2)] == [[], []]


@pytest.mark.requirement("MIR-01.mirrors")
@pytest.mark.parametrize("mirror", ["first", "second"])
def test_each_mirror_comes_back(database, url, restored, mirror):
    """A mirrored backup comes back with every row from either of its mirrors."""
    database.backup_mirrored([url("first.bak")], [url("second.bak")], "FORMAT")

    assert restored(database, url(f"{mirror}.bak")).proof() == database.proof()


@pytest.mark.requirement("REG-02.region-named")
def test_region_may_be_named(database, url, restored, region_options):
    """A backup and a restore that name the store's region in their options work."""
    database.backup(url("region.bak"), region_options("BACKUP"))

    copy = restored(database, url("region.bak"), region_options("RESTORE"))

    assert copy.proof() == database.proof()


@pytest.mark.requirement("BAK-07.encryption")
def test_encrypted_backup_comes_back(database, url, restored, certificate):
    """A backup encrypted with AES 256 and a certificate comes back with every row, and its header names the key."""
    database.backup(url("secret.bak"), f"ENCRYPTION (ALGORITHM = AES_256, SERVER CERTIFICATE = [{certificate}])")

    header = database.header(url("secret.bak"))

    assert header["KeyAlgorithm"] == "aes_256"
    assert restored(database, url("secret.bak")).proof() == database.proof()


@pytest.mark.requirement("BAK-18.encrypted-database")
def test_backup_of_an_encrypted_database_comes_back(encrypted_database, url, restored):
    """A compressed backup of a database that is encrypted itself (TDE) comes back with every row."""
    encrypted_database.backup(url("tde.bak"), "COMPRESSION", f"MAXTRANSFERSIZE = {5 * MIB}")

    assert restored(encrypted_database, url("tde.bak")).proof() == encrypted_database.proof()


@pytest.mark.requirement("BAK-01.several-at-once")
def test_several_backups_at_once_come_back(databases, url, restored):
    """Four databases backed up at the same time come back with every row, each with its own."""
    several = databases(4)

    running = [database.start_backup(url(f"{database.name}.bak")) for database in several]
    ended = [statement.must_succeed() for statement in running]
    copies = [restored(database, url(f"{database.name}.bak")) for database in several]

    assert len(ended) == len(several)
    assert [copy.proof() for copy in copies] == [database.proof() for database in several]


@pytest.mark.requirement("BAK-01.odd-names")
@pytest.mark.parametrize(
    "name",
    ["Kunden für März.bak", "a+b=c.bak", "SRV$INST_db_FULL_20261126_010000.bak"],
    ids=["umlauts", "plus", "instance"],
)
def test_backup_under_a_name_people_use_comes_back(database, url, key_of, restored, restore, name):
    """A backup under a name with spaces, umlauts, plus or dollar signs lies under just that name, and comes back."""
    database.backup(url(name))

    assert restore.head(key_of(url(name))).is_success
    assert restored(database, url(name)).proof() == database.proof()


@pytest.mark.requirement("BAK-01.every-type")
def test_every_type_comes_back(specimen_database, url, restored):
    """Values of every usual type at their limits, NULLs, and a text longer than a part come back as they were."""
    specimen_database.backup(url("types.bak"))

    assert restored(specimen_database, url("types.bak")).specimens() == specimen_database.specimens()


@pytest.mark.requirement("BAK-01.collations")
def test_collations_come_back(collated_database, url, restored, collations):
    """The collations of a database and of its columns come back, and texts compare and sort as they did."""
    collated_database.backup(url("collations.bak"))

    assert collations(restored(collated_database, url("collations.bak"))) == collations(collated_database)


@pytest.mark.requirement("BAK-01.computed-columns")
def test_computed_columns_come_back(computing_database, url, restored, computed):
    """Computed columns, persisted or not, come back with their definitions, and go on computing."""
    computing_database.backup(url("computed.bak"))

    assert computed(restored(computing_database, url("computed.bak"))) == computed(computing_database)
