"""The scripts that people run: the statements that their nightly jobs print for S3, word for word."""

import pytest


@pytest.fixture
def nightly(url):
    """The URL of a backup as the maintenance scripts name it: instance, database, kind and time."""
    return lambda kind, suffix: url(f"SRV$INST_db_{kind}_20261126_010203.{suffix}")


@pytest.mark.requirement("OPS-01.maintenance-full")
def test_maintenance_script_backs_up_and_verifies(database, nightly, restored):
    """The full backup and the verification that the common maintenance procedure prints work, and come back."""
    database.run_as(
        "backup", f"BACKUP DATABASE {database.quoted} TO URL = N'{nightly('FULL', 'bak')}' WITH CHECKSUM, COMPRESSION"
    )
    database.run_as("restore", f"RESTORE VERIFYONLY FROM URL = N'{nightly('FULL', 'bak')}' WITH CHECKSUM")

    assert restored(database, nightly("FULL", "bak")).proof() == database.proof()


@pytest.mark.requirement("OPS-01.maintenance-chain")
def test_maintenance_script_backs_up_a_chain(database, nightly, restored):
    """The differential and log backups that the common maintenance procedure prints work, and come back."""
    to = f"{database.quoted} TO URL = N'"
    database.run_as("backup", f"BACKUP DATABASE {to}{nightly('FULL', 'bak')}' WITH CHECKSUM, COMPRESSION")
    database.write(50)
    database.run_as("backup", f"BACKUP DATABASE {to}{nightly('DIFF', 'bak')}' WITH CHECKSUM, COMPRESSION, DIFFERENTIAL")
    database.write(50)
    database.run_as("backup", f"BACKUP LOG {to}{nightly('LOG', 'trn')}' WITH CHECKSUM, COMPRESSION")

    copy = restored(database, nightly("FULL", "bak"), "NORECOVERY")
    copy.restore(nightly("DIFF", "bak"), "NORECOVERY")
    copy.restore_log(nightly("LOG", "trn"))

    assert copy.proof() == database.proof()


@pytest.mark.requirement("OPS-06.maintenance-credential")
def test_maintenance_script_may_name_the_credential(database, nightly, restored, credential_name):
    """A backup that names its credential, as the common maintenance procedure does, works and comes back."""
    with_credential = f"WITH CHECKSUM, COMPRESSION, CREDENTIAL = N'{credential_name}'"
    database.run_as(
        "backup", f"BACKUP DATABASE {database.quoted} TO URL = N'{nightly('FULL', 'bak')}' {with_credential}"
    )

    assert restored(database, nightly("FULL", "bak")).proof() == database.proof()


@pytest.mark.requirement("OPS-03.docs-striped")
def test_documented_striped_statement_works(database, urls, restored):
    """The striped statement of the documentation, with FORMAT, STATS and the largest transfer size, comes back."""
    stripes = ", ".join(f"URL = '{url}'" for url in urls("sales", 3))
    options = "WITH FORMAT, STATS = 10, COMPRESSION, MAXTRANSFERSIZE = 20971520"
    database.run_as("backup", f"BACKUP DATABASE {database.quoted} TO {stripes} {options}")

    assert restored(database, urls("sales", 3)).proof() == database.proof()
