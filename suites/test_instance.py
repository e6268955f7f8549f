"""The instance itself: what backups and restores leave on SQL Server beside databases, compared before and after."""

import pytest


@pytest.mark.requirement("CU-06.no-session-left")
@pytest.mark.parametrize("way", ["kill", "hang_up"])
def test_no_session_of_an_interrupted_backup_stays(large_database, url, interrupt, removed, way):
    """The session of a backup that was killed or cut off is soon gone from SQL Server's list of sessions."""
    cut = interrupt(large_database, url("cut.bak"), way, before=removed(url("cut.bak")))

    assert not cut.session_stays()


@pytest.mark.requirement("CU-02.memory-given-back")
def test_memory_of_backups_is_given_back(back_up_often, memory):
    """SQL Server holds no more memory for backups after some more backups and restores than before."""
    back_up_often(1)
    before = memory.kilobytes()

    back_up_often(2)

    assert memory.grown_since(before) == {}


@pytest.mark.requirement("CU-04.no-severe-error")
def test_no_severe_error_is_logged(database, url, restored, error_log):
    """A backup, a backup that is refused, and a restore write no error of severity 17 or more to the error log."""
    database.backup(url("once.bak"))
    restored(database, url("once.bak"))
    database.backup_must_fail(url("once.bak"))

    assert error_log.severe(failed=database) == []


@pytest.mark.requirement("CU-04.no-dump")
def test_no_dump_is_written(database, url, restored, new_dumps):
    """From the run's start up to this check SQL Server has written no memory dump, not even where a backup failed."""
    database.backup(url("once.bak"))
    database.backup_must_fail(url("once.bak"))
    restored(database, url("once.bak"))

    assert new_dumps() == []
