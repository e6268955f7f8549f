"""Completing an upload: the moment at which parts become a backup, and what must not pass for one."""

from urllib.parse import unquote

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


@pytest.mark.requirement("WIRE-12.late-part-leaves-the-object")
def test_part_after_the_completion_leaves_the_object(backup, restore, bucket, content, evidence):
    """A part that comes again after the completion, as one sent twice may, leaves the object as it is."""
    key, part = bucket.key("late.bak"), content.make("late", 64 * content.KIB)
    upload = backup.open_upload(key)
    upload.complete([upload.send(1, part)]).must_succeed()

    late = upload.part(1, part)

    evidence.keep("answer", late.outcome)
    assert restore.digest(key) == content.digest(part)


@pytest.mark.requirement("WIRE-08.no-parts-once-complete")
def test_complete_upload_takes_no_more_parts(backup, bucket, content, evidence):
    """An upload that is complete takes no more parts: nobody would ever find them again."""
    upload = backup.open_upload(bucket.key("done.bak"))
    upload.complete([upload.send(1, content.make("whole", content.KIB))]).must_succeed()

    late = upload.part(2, content.make("late", content.KIB))

    evidence.keep("answer", late.outcome)
    late.must_be_refused()


@pytest.mark.requirement("WIRE-08.swapped-etags-refused")
def test_completion_with_exchanged_etags_is_refused(backup, restore, bucket, content, evidence):
    """A completion that exchanges the ETags of two parts is refused, and no object appears."""
    upload = backup.open_upload(bucket.key("swapped.bak"))
    tags = [upload.send(1, content.make("swapped", content.PART))[1], upload.send(2, b"tail")[1]]

    answer = upload.complete([(1, tags[1]), (2, tags[0])])

    evidence.keep("answer", answer.outcome)
    answer.must_be_refused()
    restore.get(upload.key).must_be_refused()


@pytest.mark.requirement("WIRE-08.part-named-twice-refused")
def test_completion_that_names_a_part_twice_is_refused(backup, bucket, content, evidence):
    """A completion that names a part twice is refused."""
    upload = backup.open_upload(bucket.key("named-twice.bak"))
    tag = upload.send(1, content.make("named twice", content.KIB))

    answer = upload.complete([tag, tag])

    evidence.keep("answer", answer.outcome)
    answer.must_be_refused()


@pytest.mark.requirement("WIRE-08.no-parts-refused")
def test_completion_without_parts_is_refused(backup, bucket, content, evidence):
    """A completion that names no part is refused as the client's mistake."""
    upload = backup.open_upload(bucket.key("no-parts.bak"))
    upload.send(1, content.make("no parts", content.KIB))

    answer = upload.complete([])

    evidence.keep("answer", answer.outcome)
    answer.must_be_client_error().must_be_refused()


@pytest.mark.requirement("WIRE-08.only-named-parts")
def test_completion_builds_in_what_it_names(backup, restore, bucket, content, evidence):
    """A completion that names some of the parts makes an object of exactly these, or is refused."""
    upload, body = backup.open_upload(bucket.key("named.bak")), content.make("named", content.PART)
    tags = [upload.send(1, body), upload.send(2, content.make("not named", content.KIB))]

    answer = upload.complete(tags[:1])

    evidence.keep("answer", answer.outcome)
    assert not answer.is_success or restore.digest(upload.key) == content.digest(body)


@pytest.mark.requirement("WIRE-08.refused-completion-is-no-200")
def test_refused_completion_has_no_status_of_success(backup, bucket, content, evidence):
    """A completion that is refused has no status of success."""
    upload = backup.open_upload(bucket.key("refused.bak"))
    number, tag = upload.send(1, content.make("refused", content.PART))

    answer = upload.complete([(number, tag), (2, tag)])

    evidence.keep("answer", answer.outcome)
    assert evidence.keep("status", answer.status) >= 400


@pytest.mark.requirement("WIRE-12.completion-after-lost-answer")
def test_completion_is_sent_again_after_a_lost_answer(restore, content, evidence, rested):
    """A completion whose answer was lost has made the object, or makes it when it is sent again."""
    uploads = rested.after(1)

    evidence.keep("second_answers", [upload.complete(tags).outcome for upload, tags, _ in uploads])

    read = {upload.key: restore.digest(upload.key) for upload, _, _ in uploads}
    assert read == {upload.key: content.digest(part) for upload, _, part in uploads}


@pytest.mark.requirement("MPU-01.last-completion-wins")
def test_upload_that_is_completed_last_is_the_object(backup, restore, bucket, content):
    """Of several uploads to one key, the one that is completed last is the object."""
    key, parts = bucket.key("contested.bak"), [content.make(f"contender {number}", 7_000) for number in range(3)]
    uploads = [backup.open_upload(key) for _ in parts]
    tags = [upload.send(1, part) for upload, part in zip(uploads, parts, strict=True)]

    answers = [uploads[number].complete([tags[number]]).must_succeed() for number in (1, 2, 0)]

    assert (len(answers), restore.digest(key)) == (3, content.digest(parts[0]))


@pytest.mark.requirement("MPU-13.etags-as-entities")
def test_quotes_of_etags_may_be_entities(backup, bucket, content, spell_completion):
    """A completion may write the quotes of its ETags as &quot;."""
    upload = backup.open_upload(bucket.key("entities.bak"))
    tags = [upload.send(1, content.make("entities", content.KIB))]

    answer = upload.complete_with(spell_completion("entities", tags))

    answer.must_succeed()


@pytest.mark.requirement("MPU-13.etags-without-quotes")
def test_etags_may_come_without_quotes(backup, bucket, content):
    """A completion may name ETags without their quotes."""
    upload = backup.open_upload(bucket.key("unquoted.bak"))
    number, tag = upload.send(1, content.make("unquoted", content.KIB))

    answer = upload.complete([(number, tag.strip('"'))])

    answer.must_succeed()


@pytest.mark.parametrize("spelling", ["bare", "declared"])
@pytest.mark.requirement("MPU-12.spelling-of-the-list")
def test_list_of_parts_may_be_spelled_in_several_ways(spelling, backup, bucket, content, spell_completion):
    """A completion may leave the namespace out, or begin with an XML declaration and be indented."""
    upload = backup.open_upload(bucket.key(f"{spelling}.bak"))
    tags = [upload.send(1, content.make(spelling, content.KIB))]

    answer = upload.complete_with(spell_completion(spelling, tags))

    answer.must_succeed()


@pytest.mark.requirement("MPU-12.answer-names-the-object")
def test_answer_to_a_completion_names_the_object(backup, bucket, content, evidence):
    """The answer to a completion names bucket, key and place of the object."""
    upload = backup.open_upload(bucket.key("answered.bak"))

    answer = upload.complete([upload.send(1, content.make("answered", content.KIB))]).must_succeed()

    seen = [evidence.keep(name, answer.text(name)) for name in ("Bucket", "Key", "Location")]
    assert (seen[:2], unquote(seen[2]).endswith(upload.key)) == ([bucket.name, upload.key], True)


@pytest.mark.requirement("WIRE-14.compact-completion")
def test_answer_to_a_completion_is_compact(backup, bucket, content, evidence):
    """The answer to a completion is at most 1,024 bytes long and declares at most one namespace."""
    upload = backup.open_upload(bucket.key("compact.bak"))

    answer = upload.complete([upload.send(1, content.make("compact", content.KIB))]).must_succeed()

    size, namespaces = len(answer.body), answer.body.count(b"xmlns")
    assert evidence.keep("bytes", size) <= 1024
    assert evidence.keep("namespaces", namespaces) <= 1


@pytest.mark.requirement("MPU-01.multipart-etag")
def test_etag_shows_the_number_of_parts(backup, restore, bucket, content, evidence):
    """The ETag of an object made of parts ends in a hyphen and the number of its parts."""
    key = bucket.key("hyphen.bak")
    backup.upload(key, content.make("hyphen", content.KIB))

    tag = restore.head(key).must_succeed().header("ETag")

    assert evidence.keep("etag", tag).strip('"')[-2:] == "-1"
