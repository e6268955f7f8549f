"""SQL Server in buckets with rules of their own, of which it knows nothing: they must not come between it and a backup.

A bucket with default retention is none of them: what a backup leaves there, no run could take away again.
"""

import pytest


@pytest.fixture
def versioned(housekeeping, versioned_bucket):
    """The operator's client in a versioned bucket."""
    return housekeeping.in_bucket(versioned_bucket.name)


@pytest.fixture
def versioned_url(urls_in, versioned_bucket):
    """The URLs of objects in a versioned bucket."""
    return urls_in(versioned_bucket)


@pytest.mark.requirement("LCK-04.format-in-versioned-bucket")
def test_format_in_versioned_bucket_replaces_the_backup(database, versioned_url, restored):
    """After a backup WITH FORMAT over an older one in a versioned bucket, RESTORE brings the new rows back."""
    database.backup(versioned_url("weekly.bak"))
    database.write(50)

    database.backup(versioned_url("weekly.bak"), "FORMAT")

    assert restored(database, versioned_url("weekly.bak")).proof() == database.proof()


@pytest.mark.requirement("LCK-04.old-version-stays")
def test_format_in_versioned_bucket_keeps_the_old_version(database, versioned, versioned_url, content):
    """A backup WITH FORMAT over an older one in a versioned bucket leaves that as a version, byte for byte."""
    url, key = versioned_url("monthly.bak"), versioned_url.key(versioned_url("monthly.bak"))
    database.backup(url)
    old, before = versioned.digest(key), versioned.head(key).must_succeed().header("x-amz-version-id")
    database.write(50)

    database.backup(url, "FORMAT")

    now = versioned.head(key).must_succeed().header("x-amz-version-id")
    kept = versioned.call("GET", key, {"versionId": before}).must_succeed().body
    assert (now != before, content.digest(kept)) == (True, old)


@pytest.mark.requirement("LCK-05.deleted-backup-is-missing")
def test_deleted_backup_is_msg_3201(database, versioned, versioned_url, restore_must_fail):
    """A restore of a backup that was deleted in a versioned bucket fails with Msg 3201."""
    database.backup(versioned_url("deleted.bak"))
    versioned.delete(versioned_url.key(versioned_url("deleted.bak"))).must_succeed()

    failure = restore_must_fail(database, versioned_url("deleted.bak"))

    assert 3201 in failure.numbers


@pytest.mark.requirement("LCK-05.deleted-name-is-free")
def test_deleted_name_takes_a_backup(database, versioned, versioned_url, restored):
    """A backup without FORMAT succeeds under a name that was deleted in a versioned bucket, and its rows come back."""
    database.backup(versioned_url("reused.bak"))
    versioned.delete(versioned_url.key(versioned_url("reused.bak"))).must_succeed()
    database.write(50)

    database.backup(versioned_url("reused.bak"))

    assert restored(database, versioned_url("reused.bak")).proof() == database.proof()


@pytest.mark.requirement("LCK-06.encrypted-bucket-round-trip")
def test_backup_in_an_encrypting_bucket_comes_back(
    database, housekeeping, own_bucket, encryption_rule, urls_in, restored
):
    """A backup in a bucket that encrypts all it is given comes back with every row."""
    housekeeping.in_bucket(own_bucket.name).configure("encryption", encryption_rule).must_succeed()
    url = urls_in(own_bucket)

    database.backup(url("secret.bak"))

    assert restored(database, url("secret.bak")).proof() == database.proof()


@pytest.mark.requirement("LCK-03.lockable-bucket")
def test_backup_in_a_lockable_bucket_comes_back(
    database, housekeeping, lockable_bucket, no_retention, urls_in, restored
):
    """A backup in a bucket with Object Lock on, and without default retention, comes back with every row."""
    housekeeping.in_bucket(lockable_bucket.name).configure("object-lock", no_retention).must_succeed()
    url = urls_in(lockable_bucket)

    database.backup(url("unlocked.bak"))

    assert restored(database, url("unlocked.bak")).proof() == database.proof()
