"""Abort and orphans: what a killed backup leaves behind, and what must not come back from it."""

import pytest


@pytest.fixture
def old_backup(backup, bucket, content):
    """The key of a good backup that a later one is about to overwrite."""
    key = bucket.key("nightly.bak")
    backup.upload(key, content.make("old backup", 64 * content.KIB))
    return key


@pytest.fixture
def old_digest(content):
    """SHA-256 of what ``old_backup`` holds."""
    return content.digest(content.make("old backup", 64 * content.KIB))


@pytest.fixture
def orphan(backup, bucket, content):
    """An open upload with one part, as a killed backup leaves it."""
    upload = backup.open_upload(bucket.key("killed.bak"))
    upload.send(1, content.make("killed", content.KIB))
    return upload


@pytest.mark.requirement("ABORT-04.open-upload-invisible")
def test_open_upload_is_not_an_object(restore, orphan, evidence):
    """An upload that is not complete is no object: it can't be read, and no list shows it."""
    listed = evidence.keep("listed", list(restore.keys(orphan.key)))

    restore.get(orphan.key).must_be_refused()
    assert listed == []


@pytest.mark.requirement("ABORT-05.open-upload-keeps-old")
def test_open_upload_leaves_the_old_object(backup, restore, old_backup, old_digest, content):
    """While a backup is being overwritten the old one is still there, byte for byte."""
    upload = backup.open_upload(old_backup)

    upload.send(1, content.make("unfinished", 64 * content.KIB))

    assert restore.digest(old_backup) == old_digest


@pytest.mark.requirement("ABORT-05.abort-keeps-old")
def test_abort_leaves_the_old_object(backup, restore, housekeeping, old_backup, old_digest, content):
    """After an overwrite was aborted the old backup is still there, byte for byte."""
    upload = backup.open_upload(old_backup)
    upload.send(1, content.make("unfinished", content.KIB))

    upload.by(housekeeping).abort().must_succeed()

    assert restore.digest(old_backup) == old_digest


@pytest.mark.requirement("ABORT-03.listed-by-exact-key")
def test_open_upload_is_listed_under_its_key(housekeeping, orphan):
    """An open upload is listed under its exact key, so that the operator can find what a killed backup left."""
    listed = housekeeping.open_uploads(orphan.key)

    assert listed == [(orphan.key, orphan.id)]


@pytest.mark.requirement("ABORT-03.listed-by-prefix")
def test_open_upload_is_listed_under_a_prefix(housekeeping, bucket, orphan):
    """An open upload is listed under a prefix of its key."""
    listed = housekeeping.open_uploads(bucket.prefix)

    assert listed == [(orphan.key, orphan.id)]


@pytest.mark.requirement("ABORT-03.abort-frees-upload")
def test_aborted_upload_is_listed_no_more(housekeeping, orphan):
    """An aborted upload is no longer listed and its parts are gone."""
    orphan.by(housekeeping).abort().must_succeed()

    listed = housekeeping.open_uploads(orphan.key)

    orphan.by(housekeeping).list_parts().must_be_refused()
    assert listed == []


@pytest.mark.requirement("ABORT-03.aborted-cannot-complete")
def test_aborted_upload_cannot_be_completed(backup, restore, housekeeping, bucket, content, evidence):
    """An aborted upload can't be completed any more, and no object appears."""
    upload = backup.open_upload(bucket.key("aborted.bak"))
    tag = upload.send(1, content.make("aborted", content.KIB))
    upload.by(housekeeping).abort().must_succeed()

    answer = upload.complete([tag])

    evidence.keep("answer", answer.outcome)
    answer.must_be_refused()
    restore.get(upload.key).must_be_refused()


@pytest.mark.requirement("ABORT-06.second-upload-survives")
def test_second_upload_on_a_key_survives_the_abort_of_the_first(backup, restore, housekeeping, bucket, content):
    """A backup repeated under the same key completes beside the orphan of the first, and survives its abort."""
    key, second = bucket.key("repeated.bak"), content.make("second", 64 * content.KIB)
    first = backup.open_upload(key)
    first.send(1, content.make("first", 64 * content.KIB))

    backup.upload(key, second)
    first.by(housekeeping).abort()

    assert restore.digest(key) == content.digest(second)


@pytest.mark.requirement("ABORT-07.no-residue")
def test_completed_upload_leaves_no_residue(backup, housekeeping, bucket, content):
    """A completed upload is listed as open no longer."""
    upload = backup.open_upload(bucket.key("clean.bak"))
    tag = upload.send(1, content.make("clean", content.KIB))
    before = len(housekeeping.open_uploads(upload.key))

    upload.complete([tag]).must_succeed()

    assert (before, len(housekeeping.open_uploads(upload.key))) == (1, 0)


@pytest.mark.requirement("ABORT-01.cut-part-discarded")
def test_part_cut_off_in_the_middle_is_discarded(backup, housekeeping, bucket, content, cutter, watch):
    """A part whose connection broke in the middle is no part of the upload."""
    upload = backup.open_upload(bucket.key("cut.bak"))
    part = content.make("cut", content.MIB)
    seen = upload.by(housekeeping)

    cutter.send_whole_part(upload, 2, part)
    cutter.send_part(upload, 1, part, stop_after=content.MIB // 2)
    numbers = watch(lambda: seen.list_parts().must_succeed().texts("PartNumber"), 1, lambda shown: "1" in shown)

    assert numbers == ["2"]


@pytest.mark.requirement("ABORT-05.failed-completion-keeps-old")
def test_failed_completion_leaves_the_old_object(backup, restore, old_backup, old_digest, content):
    """After the completion of an overwrite was refused the old backup is still there, byte for byte."""
    upload = backup.open_upload(old_backup)
    upload.send(1, content.make("unfinished", content.KIB))

    upload.complete([(1, '"00000000000000000000000000000000"')]).must_be_refused()

    assert restore.digest(old_backup) == old_digest
