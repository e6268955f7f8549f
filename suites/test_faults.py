"""Faults between SQL Server and the store: a statement ends in an error or in right data, never in wrong data."""

import pytest

ON_THE_WAY_UP = ["busy", "lost-part", "lost-completion", "slow"]
ON_THE_WAY_DOWN = ["flipped", "short", "cut-reads"]


@pytest.mark.requirement("WIRE-11.faults-while-writing")
@pytest.mark.parametrize("fault", ON_THE_WAY_UP)
def test_faults_while_writing_make_no_wrong_backup(large_database, faulty, right_or_refused, fault):
    """Busy answers, lost answers and slow parts during a backup end in an error, or in a backup with every row."""
    right_or_refused(large_database, faulty(fault, "backup.bak"))


@pytest.mark.requirement("ERR-11.faults-while-reading")
@pytest.mark.parametrize("fault", ON_THE_WAY_DOWN)
def test_faults_while_reading_make_no_wrong_database(large_database, faulty, right_or_refused, fault):
    """A flipped bit, short answers and reads that are cut off end in an error, or in a database with every row."""
    right_or_refused(large_database, faulty(fault, "backup.bak"), "CHECKSUM")


@pytest.mark.requirement("WIRE-11.busy-for-ever")
def test_store_that_stays_busy_ends_the_backup(large_database, faulty, restore):
    """A backup whose parts are all answered with 503 SlowDown ends in an error, and leaves no object."""
    large_database.backup_must_fail(faulty("always-busy", "backup.bak"))

    restore.get(faulty.key("always-busy", "backup.bak")).must_be_refused()


@pytest.mark.requirement("ERR-03.clock-skew")
def test_clock_skew_is_access_denied(database, faulty):
    """A store that finds the clocks too far apart is told as Msg 3201, operating system error 5, access is denied."""
    failure = database.backup_must_fail(faulty("skewed", "backup.bak"))

    assert (3201 in failure.numbers, failure.system_errors) == (True, (5,))
