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
def test_restore_key_cannot_write(operation, restore, guarded, guarded_digest, evidence):
    """A key that may list and get is refused to write or delete, and the object stays as it was."""
    answer = restore.attempt(operation, guarded)

    evidence.keep("answer", answer.outcome)
    answer.must_be_refused()
    assert restore.digest(guarded) == guarded_digest


@pytest.mark.parametrize("role", ["backup", "restore"])
@pytest.mark.requirement("PERM-06.absent-key-is-404")
def test_head_of_an_absent_key_is_404(role, client_of, bucket, evidence):
    """HEAD of an absent key is answered 404 to whoever may list the bucket."""
    answer = client_of(role).head(bucket.key("absent.bak"))

    evidence.keep("answer", answer.outcome)
    answer.must_be("HTTP-404")


@pytest.mark.requirement("PERM-02.backup-key-replaces")
def test_backup_key_replaces_an_object(backup, restore, bucket):
    """A key that may list and put replaces an object, as BACKUP WITH FORMAT does."""
    key = bucket.key("replaced.bak")
    backup.put(key, b"the first").must_succeed()

    backup.put(key, b"the second").must_succeed()

    assert restore.get(key).must_succeed().body == b"the second"


@pytest.mark.parametrize("operation", ["part", "complete", "abort"])
@pytest.mark.requirement("PERM-04.restore-key-leaves-uploads-alone")
def test_restore_key_has_no_say_in_uploads(operation, backup, restore, housekeeping, bucket, evidence):
    """A key that may list and get is refused to add to, complete or abort an open upload, which stays open."""
    upload = backup.open_upload(bucket.key("running.bak"))
    tag = upload.send(1, b"a part of the backup")
    calls = {
        "part": lambda: upload.by(restore).part(2, b"a part of somebody's"),
        "complete": lambda: upload.by(restore).complete([tag]),
        "abort": lambda: upload.by(restore).abort(),
    }

    answer = calls[operation]()

    evidence.keep("answer", answer.outcome)
    answer.must_be_refused()
    upload.by(housekeeping).abort().must_succeed()


@pytest.mark.requirement("PERM-05.backup-key-cannot-delete")
def test_backup_key_cannot_delete(backup, restore, guarded, guarded_digest, evidence):
    """A key that may list and put is refused to delete, and the object stays."""
    answer = backup.delete(guarded)

    evidence.keep("answer", answer.outcome)
    answer.must_be_refused()
    assert restore.digest(guarded) == guarded_digest


@pytest.mark.parametrize("operation", ["abort", "list-uploads", "location", "create-bucket"])
@pytest.mark.requirement("PERM-05.backup-key-cannot-administer")
def test_backup_key_cannot_administer(operation, backup, bucket, evidence):
    """A key that may list and put is refused to abort, to list uploads, to ask for the region and to make a bucket."""
    calls = {
        "abort": lambda: backup.open_upload(bucket.key("running.bak")).abort(),
        "list-uploads": lambda: backup.list_uploads(bucket.prefix),
        "location": lambda: backup.call("GET", query={"location": ""}),
        "create-bucket": lambda: backup.in_bucket(bucket.absent()).call("PUT"),
    }

    answer = calls[operation]()

    evidence.keep("answer", answer.outcome)
    answer.must_be_refused()


@pytest.mark.requirement("PERM-05.backup-outlives-refusals")
def test_backup_goes_on_after_refusals(backup, restore, bucket, content, evidence):
    """A backup whose key was refused a delete, a list of uploads and an abort goes on and completes."""
    media = content.make("media", 64 * content.KIB)
    upload = backup.open_upload(bucket.key("refused.bak"))
    asked = [backup.delete(bucket.key("refused.bak")), backup.list_uploads(bucket.prefix)]
    tag = upload.send(1, media)
    asked += [backup.call("GET", query={"location": ""}), upload.abort().must_be_refused()]

    evidence.keep("answers", [answer.outcome for answer in asked])
    upload.complete([tag]).must_succeed()

    assert restore.digest(upload.key) == content.digest(media)


@pytest.mark.requirement("BAK-09.existing-is-never-absent")
def test_existing_object_is_not_called_absent(backup, guarded, evidence):
    """HEAD of an object that exists is never answered 404 to a key that may list and put."""
    answer = backup.head(guarded)

    evidence.keep("answer", answer.outcome)
    answer.must_be("HTTP-200", "HTTP-403")


@pytest.mark.parametrize("role", ["backup", "restore"])
@pytest.mark.requirement("LIST-03.head-bucket")
def test_bucket_can_be_asked_for(role, client_of):
    """HEAD of the bucket succeeds with the backup key and with the restore key."""
    client_of(role).call("HEAD").must_succeed()


@pytest.mark.requirement("LIST-03.one-row-list")
def test_backup_key_looks_a_key_up(backup, bucket):
    """A list of one row shows the backup key whether its object is there."""
    key = bucket.key("looked-up.bak")

    before = backup.list(key, max_keys="1").must_succeed().texts("Key")
    backup.put(key, b"!").must_succeed()
    after = backup.list(key, max_keys="1").must_succeed().texts("Key")

    assert (before, after) == ([], [key])


@pytest.mark.parametrize("operation", ["put", "get", "create-upload", "delete"])
@pytest.mark.requirement("PERM-05.list-key-only-lists")
def test_list_key_only_lists(operation, client_of, restore, guarded, guarded_digest, evidence):
    """A key that may list and nothing else lists, and is refused to put, to get and to delete."""
    key = client_of("list_only")
    shown = list(key.keys(guarded))

    answer = key.attempt(operation, guarded)

    evidence.keep("answer", answer.outcome)
    answer.must_be_refused()
    assert (shown, restore.digest(guarded)) == ([guarded], guarded_digest)


@pytest.mark.parametrize("operation", ["list", "get", "delete"])
@pytest.mark.requirement("PERM-05.put-key-only-puts")
def test_put_key_only_puts(operation, client_of, restore, bucket, evidence):
    """A key that may put and nothing else puts, and is refused to list, to get and to delete."""
    key, name = client_of("put_only"), bucket.key("put.bak")
    key.put(name, b"what was put").must_succeed()

    answer = key.attempt(operation, name)

    evidence.keep("answer", answer.outcome)
    answer.must_be_refused()
    assert restore.get(name).must_succeed().body == b"what was put"


@pytest.mark.parametrize("operation", ["list", "put", "create-upload", "delete"])
@pytest.mark.requirement("PERM-05.get-key-only-gets")
def test_get_key_only_gets(operation, client_of, guarded, guarded_digest, evidence):
    """A key that may get and nothing else gets, and is refused to list, to put and to delete."""
    key = client_of("get_only")

    answer = key.attempt(operation, guarded)

    evidence.keep("answer", answer.outcome)
    answer.must_be_refused()
    assert key.digest(guarded) == guarded_digest
