"""Files and filegroups: databases that are backed up and restored in pieces."""

import pytest


@pytest.mark.requirement("BAK-04.file")
def test_file_comes_back_under_its_log(filed_database, url):
    """The backup of one file, restored over the database and followed by the tail of the log, brings every row."""
    filed_database.backup(url("full.bak"))
    filed_database.backup_part("FILE = N'archive'", url("file.bak"))
    filed_database.write_everywhere(50)
    expected = filed_database.everything()
    filed_database.backup_log(url("tail.trn"), "NORECOVERY")

    # by its filegroup: Microsoft lists the logical names of files among what RESTORE from S3 does not take
    filed_database.restore_part("FILEGROUP = N'archive'", url("file.bak"), "NORECOVERY")
    filed_database.restore_log(url("tail.trn"))

    assert filed_database.everything() == expected


@pytest.mark.requirement("BAK-04.filegroups")
def test_filegroups_come_back_one_by_one(filed_database, url, partly_restored):
    """A database comes back from a backup of each filegroup and of the log, with every row."""
    filed_database.backup(url("full.bak"))
    filed_database.backup_part("FILEGROUP = N'PRIMARY'", url("primary.bak"))
    filed_database.write_everywhere(50)
    filed_database.backup_part("FILEGROUP = N'archive'", url("archive.bak"))
    filed_database.write_everywhere(50)
    filed_database.backup_log(url("log.trn"))

    copy = partly_restored(filed_database, "FILEGROUP = N'PRIMARY'", url("primary.bak"), "NORECOVERY")
    move = copy.move_of_archive(filed_database)
    copy.restore_part("FILEGROUP = N'archive'", url("archive.bak"), move, "NORECOVERY")
    copy.restore_log(url("log.trn"))

    assert copy.everything() == filed_database.everything()


@pytest.mark.requirement("BAK-21.read-write-filegroups")
def test_read_write_filegroups_come_back(filed_database, url, partly_restored):
    """A backup of READ_WRITE_FILEGROUPS comes back, and the read-only filegroup from an older backup of its own."""
    filed_database.freeze()
    filed_database.backup_part("FILEGROUP = N'archive'", url("archive.bak"))
    filed_database.write(50)
    filed_database.backup_part("READ_WRITE_FILEGROUPS", url("partial.bak"))

    copy = partly_restored(filed_database, "READ_WRITE_FILEGROUPS", url("partial.bak"), "NORECOVERY")
    move = copy.move_of_archive(filed_database)
    copy.restore_part("FILEGROUP = N'archive'", url("archive.bak"), move, "NORECOVERY")
    copy.recover()

    assert copy.everything() == filed_database.everything()


@pytest.mark.requirement("BAK-21.header-tells-the-part")
def test_header_tells_what_part_it_is(filed_database, url):
    """RESTORE HEADERONLY tells the backup of a file, and a partial one, from a full one."""
    filed_database.backup(url("full.bak"))
    filed_database.backup_part("FILE = N'archive'", url("file.bak"))
    filed_database.backup_part("READ_WRITE_FILEGROUPS", url("partial.bak"))

    assert [filed_database.header(url(name))["BackupType"] for name in ("file.bak", "partial.bak")] == [4, 7]


@pytest.mark.requirement("RST-10.partial")
def test_primary_filegroup_comes_back_alone(filed_database, url, partly_restored):
    """RESTORE WITH PARTIAL opens the database with the rows of the primary filegroup, before the others are there."""
    filed_database.backup(url("full.bak"))

    copy = partly_restored(filed_database, "FILEGROUP = N'PRIMARY'", url("full.bak"))

    assert copy.rows() == filed_database.rows()


@pytest.mark.requirement("BAK-01.memory-optimised")
def test_memory_optimised_table_comes_back(memory_database, url, folder_copy):
    """A memory-optimised table comes back with every row, those that only the log holds included."""
    memory_database.backup(url("full.bak"))
    memory_database.add_rows(101, 150)
    memory_database.backup_log(url("log.trn"))

    copy = folder_copy(memory_database, url("full.bak"), "NORECOVERY")
    copy.restore_log(url("log.trn"))

    assert copy.kept() == memory_database.kept()


@pytest.mark.requirement("BAK-01.filestream")
def test_filestream_comes_back(streams_database, url, folder_copy):
    """Values that FILESTREAM keeps as files come back, every byte of them."""
    streams_database.backup(url("streams.bak"))

    assert folder_copy(streams_database, url("streams.bak")).kept() == streams_database.kept()


@pytest.mark.requirement("BAK-16.metadata-only")
def test_record_of_a_snapshot_is_written(suspended_database, url):
    """A backup WITH METADATA_ONLY writes the record of a snapshot, and lets the database be written again."""
    suspended_database.backup(url("snapshot.bkm"), "METADATA_ONLY", "FORMAT")
    suspended_database.write(1)

    header = suspended_database.header(url("snapshot.bkm"), "METADATA_ONLY")

    assert (header["DatabaseName"], header["BackupType"]) == (suspended_database.name, 1)
