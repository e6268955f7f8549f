"""Completing an upload: the moment at which parts become a backup, and what must not pass for one."""

import pytest


@pytest.mark.requirement("WIRE-08.wrong-etag-refused")
def test_completion_with_a_wrong_etag_is_refused(backup, restore, bucket, content, evidence):
    """A completion that names a part by a wrong ETag is refused, and no object appears."""
    key = bucket.key("wrong-etag.bak")
    upload = backup.open_upload(key)
    upload.send(1, content.make("etag", content.KIB))

    answer = upload.complete([(1, '"00000000000000000000000000000000"')])

    evidence.keep("answer", answer.outcome)
    answer.must_be_refused()
    restore.get(key).must_be_refused()


@pytest.mark.requirement("WIRE-08.missing-part-refused")
def test_completion_with_a_missing_part_is_refused(backup, restore, bucket, content, evidence):
    """A completion that names a part nobody sent is refused, and no object appears."""
    key = bucket.key("missing-part.bak")
    upload = backup.open_upload(key)
    number, tag = upload.send(1, content.make("missing", content.PART))

    answer = upload.complete([(number, tag), (2, tag)])

    evidence.keep("answer", answer.outcome)
    answer.must_be_refused()
    restore.get(key).must_be_refused()


@pytest.mark.requirement("MPU-13.etag-agrees")
def test_completion_names_the_etag_that_head_shows(backup, restore, bucket, content, evidence):
    """The completion's answer names the ETag that HEAD then shows."""
    key = bucket.key("etag.bak")
    upload = backup.open_upload(key)

    answer = upload.complete([upload.send(1, content.make("tag", content.KIB))]).must_succeed()
    shown = restore.head(key).must_succeed().header("ETag")

    assert evidence.keep("completion", answer.text("ETag")).strip('"') == evidence.keep("head", shown).strip('"')


@pytest.mark.requirement("WIRE-12.completion-sent-twice")
def test_completion_sent_again_leaves_the_object(backup, restore, bucket, content, evidence):
    """A completion that is sent again, as after a lost answer, leaves the object as it is."""
    key, part = bucket.key("twice.bak"), content.make("twice", 64 * content.KIB)
    upload = backup.open_upload(key)
    tags = [upload.send(1, part)]
    upload.complete(tags).must_succeed()

    again = upload.complete(tags)

    evidence.keep("second_answer", again.outcome)
    assert restore.digest(key) == content.digest(part)
