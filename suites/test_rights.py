"""Rights: each key can do its own work, and nothing else."""

import pytest


@pytest.mark.requirement("PERM-01.backup-key-suffices")
def test_backup_key_can_back_up(backup, bucket, content):
    """A key that may list the bucket and put objects can do all that a backup needs."""
    key = bucket.key("rights.bak")

    listed = backup.keys(key)
    upload = backup.upload(key, content.make("rights", 64 * content.KIB))

    assert (list(listed), bool(upload.id), list(backup.keys(key))) == ([], True, [key])


@pytest.mark.requirement("PERM-01.backup-key-cannot-read")
def test_backup_key_cannot_read(backup, guarded, evidence):
    """A key that may list and put is refused to read objects."""
    answer = backup.get(guarded)

    evidence.keep("answer", answer.outcome)
    answer.must_be_refused()


@pytest.mark.requirement("PERM-03.restore-key-suffices")
def test_restore_key_can_restore(backup, restore, bucket, content):
    """A key that may list the bucket and get objects can do all that a restore needs."""
    key, media = bucket.key("rights.bak"), content.make("media", 64 * content.KIB)
    backup.upload(key, media)

    listed = restore.list(key, max_keys="1").must_succeed().texts("Key")
    restore.head(key).must_succeed()
    header = restore.get(key, 0, 511).must_succeed()

    assert (listed, header.body) == ([key], media[:512])


@pytest.mark.parametrize("operation", ["put", "create-upload", "delete"])
@pytest.mark.requirement("PERM-03.restore-key-cannot-write")
def test_restore_key_cannot_write(operation, restore, guarded, content, evidence):
    """A key that may list and get is refused to write or delete, and the object stays as it was."""
    calls = {
        "put": lambda: restore.put(guarded, b"overwritten"),
        "create-upload": lambda: restore.create_upload(guarded),
        "delete": lambda: restore.delete(guarded),
    }

    answer = calls[operation]()

    evidence.keep("answer", answer.outcome)
    answer.must_be_refused()
    assert restore.digest(guarded) == content.digest(content.make("guarded", content.KIB))


@pytest.mark.parametrize("role", ["backup", "restore"])
@pytest.mark.requirement("PERM-06.absent-key-is-404")
def test_head_of_an_absent_key_is_404(role, client_of, bucket, evidence):
    """HEAD of an absent key is answered 404 to whoever may list the bucket."""
    answer = client_of(role).head(bucket.key("absent.bak"))

    evidence.keep("answer", answer.outcome)
    answer.must_be("HTTP-404")
