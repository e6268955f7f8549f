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


@pytest.mark.requirement("ABORT-08.full-store")
@pytest.mark.parametrize("fault", ["over-quota", "bucket-quota", "disk-full"])
def test_full_store_ends_the_backup_and_keeps_the_old(two_part_database, database, faulty, restored, fault):
    """A backup WITH FORMAT that finds the store full on its way ends in an error, and leaves the old one as it was."""
    database.backup(faulty.around(fault, "refused.bak"))

    two_part_database.backup_must_fail(faulty(fault, "refused.bak"), "FORMAT")

    assert restored(database, faulty.around(fault, "refused.bak")).proof() == database.proof()


@pytest.mark.requirement("ABORT-08.left-in-a-full-store")
def test_what_is_left_in_a_full_store_is_listed_and_swept(two_part_database, faulty, taken, housekeeping, evidence):
    """What a backup leaves in a full store is listed with all its bytes, and nothing remains once it is aborted."""
    key = faulty.key("over-quota", "left.bak")
    two_part_database.backup_must_fail(faulty("over-quota", "left.bak"))

    stranded = evidence.keep("stranded_bytes", housekeeping.stranded_bytes(key))
    housekeeping.abort_listed(key)

    assert (stranded, housekeeping.open_uploads(key)) == (taken(key), [])


@pytest.mark.requirement("ABORT-06.room-again")
def test_next_backup_works_once_there_is_room(two_part_database, database, faulty, housekeeping, restored):
    """Once there is room again the next backup under the same name works and comes back."""
    two_part_database.backup_must_fail(faulty("over-quota", "again.bak"))
    housekeeping.abort_listed(faulty.key("over-quota", "again.bak"))

    database.backup(faulty("over-quota", "again.bak"))

    assert restored(database, faulty("over-quota", "again.bak")).proof() == database.proof()


@pytest.mark.requirement("WIRE-11.store-restarts")
def test_restart_of_the_store_makes_no_wrong_backup(two_part_database, away, right_or_refused):
    """A restart of the store in mid-backup ends in an error, or in a backup with every row."""
    right_or_refused(two_part_database, away.for_a_moment("restarted.bak"))


@pytest.mark.requirement("ABORT-05.store-goes-away")
def test_store_that_goes_away_keeps_the_old_backup(two_part_database, database, url, away, restored):
    """A backup WITH FORMAT whose store goes away on its way ends in an error, and leaves the old one as it was."""
    database.backup(url("gone.bak"))

    two_part_database.backup_must_fail(away.for_good("gone.bak"), "FORMAT")

    assert restored(database, url("gone.bak")).proof() == database.proof()


@pytest.mark.requirement("ABORT-06.store-comes-back")
def test_next_backup_works_once_the_store_is_back(two_part_database, database, away, restored):
    """After a store went away in mid-backup and came back the next backup under the same name works and comes back."""
    two_part_database.backup_must_fail(away.for_good("back.bak"))
    away.come_back()

    database.backup(away.urls("back.bak"), "FORMAT")

    assert restored(database, away.urls("back.bak")).proof() == database.proof()
