"""Versioned and locked buckets: what a bucket's own rules must not change for SQL Server, which knows none of them."""

import pytest

NO_LOCK = (
    "HTTP-200",
    "ObjectLockConfigurationNotFoundError",
    "NoSuchObjectLockConfiguration",
    "NotImplemented",
    "MethodNotAllowed",
    "HTTP-404",
    "HTTP-405",
    "HTTP-501",
)
"""How a bucket answers that may be locked but is not, or that can't be."""


@pytest.fixture
def versioned(housekeeping, versioned_bucket):
    """The operator's client in a versioned bucket."""
    return housekeeping.in_bucket(versioned_bucket.name)


@pytest.fixture
def overwritten(versioned, versioned_bucket, content):
    """The key of a backup in a versioned bucket that a longer one has replaced."""
    key = versioned_bucket.key("weekly.bak")
    versioned.upload(key, content.make("old week", content.KIB))
    versioned.upload(key, content.make("new week", 2 * content.KIB))
    return key


@pytest.fixture
def deleted(versioned, versioned_bucket, content):
    """The key of a backup in a versioned bucket that was deleted: a delete marker lies on it."""
    key = versioned_bucket.key("deleted.bak")
    versioned.upload(key, content.make("deleted", content.KIB))
    versioned.delete(key).must_succeed()
    return key


@pytest.mark.requirement("LCK-01.target-not-locked")
def test_target_bucket_is_not_locked(lock_settings, evidence):
    """The bucket that backups go to has Object Lock off."""
    evidence.keep("answer", lock_settings.outcome)

    lock_settings.must_be(*NO_LOCK)
    assert lock_settings.text("ObjectLockEnabled") != "Enabled"


@pytest.mark.requirement("LCK-02.no-checksum-demanded")
def test_default_retention_demands_no_checksum(housekeeping, lockable_bucket, retention_rule, content, evidence):
    """A bucket with default retention takes parts without a checksum, which is how SQL Server sends them."""
    store = housekeeping.in_bucket(lockable_bucket.name)
    store.configure("object-lock", retention_rule).must_succeed()

    answer = store.open_upload(lockable_bucket.key("kept.bak")).part(1, content.make("kept", content.KIB))

    evidence.keep("answer", answer.outcome)
    assert answer.is_success


@pytest.mark.requirement("LCK-04.newest-read")
def test_versioned_bucket_reads_the_newest(versioned, overwritten, content):
    """After an overwrite in a versioned bucket the new backup is read, whole and in ranges."""
    new = content.make("new week", 2 * content.KIB)

    piece = versioned.get(overwritten, 512, 1535).must_succeed().body

    assert (piece, versioned.digest(overwritten)) == (new[512:1536], content.digest(new))


@pytest.mark.requirement("LCK-04.newest-size")
def test_versioned_bucket_tells_the_newest_size(versioned, overwritten, content):
    """After an overwrite in a versioned bucket HEAD tells the size of the new backup."""
    answer = versioned.head(overwritten).must_succeed()

    assert answer.header("Content-Length") == str(2 * content.KIB)


@pytest.mark.requirement("LCK-04.newest-listed")
def test_versioned_bucket_lists_the_newest(versioned, overwritten, content):
    """After an overwrite in a versioned bucket a list shows the backup once, with its new size."""
    rows = versioned.list(overwritten).must_succeed().rows("Contents")

    assert [(row.get("Key"), row.get("Size")) for row in rows] == [(overwritten, str(2 * content.KIB))]


@pytest.mark.requirement("LCK-05.marker-is-missing")
def test_delete_marker_reads_as_missing(versioned, deleted, evidence):
    """A backup that was deleted in a versioned bucket is missing: HEAD says 404 and GET NoSuchKey."""
    status = evidence.keep("status_of_head", versioned.head(deleted).status)

    versioned.get(deleted).must_be("NoSuchKey")
    assert status == 404


@pytest.mark.requirement("LCK-05.marker-unlisted")
def test_delete_marker_is_not_listed(versioned, deleted):
    """A backup that was deleted in a versioned bucket is listed no more."""
    listed = versioned.keys(deleted)

    assert list(listed) == []


@pytest.mark.requirement("LCK-05.written-again")
def test_deleted_name_can_be_written_again(versioned, deleted, content):
    """A backup written under a name that was deleted in a versioned bucket is read again."""
    again = content.make("again", content.KIB)

    versioned.upload(deleted, again)

    assert versioned.digest(deleted) == content.digest(again)


@pytest.mark.requirement("LCK-06.encryption-transparent")
def test_default_encryption_is_transparent(housekeeping, own_bucket, encryption_rule, content):
    """A bucket that encrypts all it is given takes and gives back a backup without being asked to."""
    store, key = housekeeping.in_bucket(own_bucket.name), own_bucket.key("secret.bak")
    store.configure("encryption", encryption_rule).must_succeed()

    store.upload(key, content.make("secret", content.KIB))

    assert store.digest(key) == content.digest(content.make("secret", content.KIB))
