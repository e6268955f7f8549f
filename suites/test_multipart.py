"""Multipart upload: how every backup is written, and where a store most easily loses a piece of it."""

import pytest


@pytest.mark.requirement("MPU-15.bytes-exact")
def test_object_is_byte_for_byte_what_was_uploaded(backup, restore, bucket, content):
    """An object assembled from parts is read back byte for byte."""
    key = bucket.key("exact.bak")
    parts = [content.make(f"exact {number}", content.PART) for number in (1, 2)]

    backup.upload(key, *parts)

    assert restore.digest(key) == content.digest(*parts)


@pytest.mark.requirement("MPU-05.unequal-parts")
def test_parts_of_unequal_size_are_accepted(backup, restore, bucket, content):
    """Parts of one upload may differ in size, as they do whenever a backup is compressed."""
    key = bucket.key("unequal.bak")
    sizes = (content.PART, content.PART + 1_300_512, content.PART + 1, 2 * content.KIB)
    parts = [content.make(f"unequal {number}", size) for number, size in enumerate(sizes)]

    backup.upload(key, *parts)

    assert restore.digest(key) == content.digest(*parts)


@pytest.mark.requirement("MPU-03.part-of-20-mib")
def test_largest_part_is_accepted(backup, restore, bucket, content):
    """A part of 20 MiB, the largest that MAXTRANSFERSIZE allows, is accepted and kept."""
    key, part = bucket.key("largest.bak"), content.make("largest", 20 * content.MIB)

    backup.upload(key, part)

    assert restore.digest(key) == content.digest(part)


@pytest.mark.requirement("MPU-06.tiny-last-part")
def test_last_part_of_one_byte_is_kept(backup, restore, bucket, content):
    """A last part of a single byte is kept."""
    key = bucket.key("tiny-tail.bak")
    parts = [content.make("body", content.PART), b"!"]

    backup.upload(key, *parts)

    assert restore.get(key, content.PART - 1, content.PART).must_succeed().body == parts[0][-1:] + b"!"


@pytest.mark.requirement("MPU-07.one-small-part")
def test_upload_of_one_small_part_is_accepted(backup, restore, bucket, content):
    """An upload of a single part of 64 KiB is accepted, as a log backup is."""
    key, part = bucket.key("log.trn"), content.make("log", 64 * content.KIB)

    backup.upload(key, part)

    assert restore.digest(key) == content.digest(part)


@pytest.mark.requirement("MPU-14.out-of-order-arrival")
def test_parts_are_joined_by_number_not_by_arrival(backup, restore, bucket, content):
    """Parts that arrive in another order are joined by their numbers."""
    key, tail = bucket.key("order.bak"), content.make("third", content.KIB)
    parts = {1: content.make("first", content.PART), 2: content.make("second", content.PART), 3: tail}
    upload = backup.open_upload(key)

    tags = [upload.send(number, parts[number]) for number in (3, 1, 2)]
    upload.complete(sorted(tags)).must_succeed()

    assert restore.digest(key) == content.digest(*parts.values())


@pytest.mark.requirement("WIRE-12.last-copy-of-a-part-wins")
def test_part_sent_again_replaces_the_first_copy(backup, restore, bucket, content):
    """A part that is sent again replaces its first copy, as it must when SQL Server retries."""
    key, again = bucket.key("again.bak"), content.make("again", 64 * content.KIB)
    upload = backup.open_upload(key)

    upload.send(1, content.make("first copy", 64 * content.KIB))
    upload.complete([upload.send(1, again)]).must_succeed()

    assert restore.digest(key) == content.digest(again)


@pytest.mark.requirement("MPU-02.part-number-10000")
def test_part_number_10000_is_accepted(backup, housekeeping, bucket, content):
    """Part number 10,000 is accepted, the last that SQL Server uses."""
    upload = backup.open_upload(bucket.key("ten-thousand.bak"))

    upload.send(10_000, content.make("last", content.KIB))

    assert upload.by(housekeeping).list_parts().must_succeed().texts("PartNumber") == ["10000"]


@pytest.mark.requirement("WIRE-14.compact-xml")
def test_answer_that_opens_an_upload_is_compact(backup, bucket, evidence):
    """The answer that opens an upload is at most 1,024 bytes long and declares at most one namespace."""
    answer = backup.create_upload(bucket.key("compact.bak")).must_succeed()

    size = evidence.keep("bytes", len(answer.body))
    namespaces = evidence.keep("namespaces", answer.body.count(b"xmlns"))

    assert answer.text("UploadId") != ""
    assert size <= 1024
    assert namespaces <= 1


@pytest.mark.requirement("WIRE-16.sixteen-uploads-at-once")
def test_uploads_at_the_same_time_are_kept_apart(backup, restore, bucket, content, together):
    """Sixteen uploads at the same time are all kept, each with its own bytes, as stripes of one backup are."""
    parts = {bucket.key(f"stripe-{number}.bak"): content.make(f"stripe {number}", 200_000) for number in range(16)}

    together(lambda key: backup.upload(key, parts[key]), list(parts))

    assert {key: restore.digest(key) for key in parts} == {key: content.digest(part) for key, part in parts.items()}
