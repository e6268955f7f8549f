"""Interruptions: what a backup that is killed, cancelled or cut off leaves behind, and that the next one works."""

import pytest

WAYS = pytest.mark.parametrize("way", ["kill", "cancel", "hang_up"])


@pytest.fixture
def interrupted(large_database, url, key_of, interrupt, removed, way):
    """The key of a backup that was killed, cancelled or cut off while it moved data."""
    interrupt(large_database, url("interrupted.bak"), way, before=removed(url("interrupted.bak")))
    return key_of(url("interrupted.bak"))


@pytest.mark.requirement("ABORT-04.interrupted-backup-invisible")
@WAYS
def test_interrupted_backup_is_no_object(interrupted, restore):
    """A backup that was killed, cancelled or cut off leaves no object under its name."""
    restore.get(interrupted).must_be_refused()


@pytest.mark.requirement("ABORT-03.interrupted-backup-swept")
@WAYS
def test_what_an_interrupted_backup_leaves_can_be_swept(interrupted, housekeeping, evidence):
    """What a backup that was killed, cancelled or cut off left open can be listed and aborted, and nothing remains."""
    evidence.keep("left_open", housekeeping.open_uploads(interrupted))

    housekeeping.abort_listed(interrupted)

    assert housekeeping.open_uploads(interrupted) == []


@pytest.mark.requirement("ABORT-06.next-backup-works")
@WAYS
@pytest.mark.usefixtures("interrupted")
def test_next_backup_works(large_database, url, restored):
    """After a backup was killed, cancelled or cut off the next one under the same name works and comes back."""
    large_database.backup(url("interrupted.bak"), "FORMAT")

    assert restored(large_database, url("interrupted.bak")).proof() == large_database.proof()


@pytest.mark.requirement("ABORT-05.killed-overwrite-keeps-old")
def test_killed_overwrite_keeps_the_old_backup(large_database, database, url, interrupt, restored):
    """A backup WITH FORMAT that is killed on its way leaves the old backup under its name as it was."""
    nightly = url("nightly.bak")

    interrupt(large_database, nightly, "kill", before=lambda: database.backup(nightly, "FORMAT"))

    assert restored(database, nightly).proof() == database.proof()


@pytest.mark.requirement("RST-06.killed-restore-repeated")
def test_killed_restore_can_be_repeated(large_database, url, killed_restore):
    """A restore that was killed on its way can be repeated and brings every row."""
    copy = killed_restore(large_database, url("full.bak"))
    copy.restore(url("full.bak"), "REPLACE", *copy.moves(large_database))

    assert copy.proof() == large_database.proof()
