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


@pytest.mark.requirement("MPU-03.part-of-5-mib")
def test_smallest_part_is_accepted(backup, restore, bucket, content):
    """A part of exactly 5,242,880 bytes, the least that MAXTRANSFERSIZE allows, is accepted before another."""
    key = bucket.key("smallest.bak")
    parts = [content.make("smallest", content.PART), content.make("smallest tail", 200_000)]

    backup.upload(key, *parts)

    assert restore.digest(key) == content.digest(*parts)


@pytest.mark.requirement("MPU-03.part-of-10-mib")
def test_part_of_the_default_size_is_accepted(backup, restore, bucket, content):
    """A part of 10 MiB, the default of MAXTRANSFERSIZE, is accepted and kept."""
    key, part = bucket.key("default.bak"), content.make("default", 10 * content.MIB)

    backup.upload(key, part)

    assert restore.digest(key) == content.digest(part)


@pytest.mark.parametrize("size", [512, 65_536])
@pytest.mark.requirement("MPU-06.small-last-part")
def test_last_part_of_a_few_blocks_is_kept(size, backup, restore, bucket, content):
    """A last part of one or of a few blocks is kept."""
    key = bucket.key("small-tail.bak")
    parts = [content.make("body", content.PART), content.make("small tail", size)]

    backup.upload(key, *parts)

    assert restore.digest(key) == content.digest(*parts)


@pytest.mark.requirement("MPU-07.put-object")
def test_object_without_parts_is_accepted(backup, restore, bucket, content):
    """A PutObject of 64 KiB is accepted, should a log backup be written without parts."""
    key, log = bucket.key("log.trn"), content.make("plain log", 64 * content.KIB)

    backup.put(key, log).must_succeed()

    assert restore.digest(key) == content.digest(log)


@pytest.mark.requirement("MPU-07.empty-part")
def test_upload_of_one_empty_part_is_accepted(backup, restore, bucket, evidence):
    """An upload of one empty part becomes an empty object."""
    key = bucket.key("empty.bak")

    backup.upload(key, b"")

    length = restore.head(key).must_succeed().header("Content-Length")
    assert evidence.keep("content_length", length) == "0"


@pytest.mark.requirement("MPU-14.parallel-parts")
def test_parts_under_way_at_the_same_time_are_kept_apart(backup, restore, bucket, content, lines):
    """Parts that are under way at the same time over several connections are all kept, each in its place."""
    key, tail = bucket.key("parallel.bak"), content.make("parallel tail", 64 * content.KIB)
    parts = {1: content.make("parallel 1", content.PART), 2: content.make("parallel 2", content.PART), 3: tail}
    upload = backup.open_upload(key)

    upload.complete(lines.send_parts(upload, parts)).must_succeed()

    assert restore.digest(key) == content.digest(*parts.values())


@pytest.mark.requirement("MPU-14.numbers-with-gaps")
def test_part_numbers_may_have_gaps(backup, restore, bucket, content):
    """Part numbers may have gaps."""
    key, tail = bucket.key("gaps.bak"), content.make("gap tail", content.KIB)
    body = content.make("gap body", content.PART)
    upload = backup.open_upload(key)

    upload.complete([upload.send(3, body), upload.send(7, tail)]).must_succeed()

    assert restore.digest(key) == content.digest(body, tail)


@pytest.mark.requirement("WIRE-12.shorter-copy-of-a-part")
def test_shorter_copy_of_a_part_replaces_all_of_it(backup, restore, bucket, content):
    """A part that is sent again and is shorter leaves nothing of its first copy."""
    key, shorter = bucket.key("shorter.bak"), content.make("shorter", 10 * content.KIB)
    upload = backup.open_upload(key)

    upload.send(1, content.make("longer", 64 * content.KIB))
    upload.complete([upload.send(1, shorter)]).must_succeed()

    assert restore.digest(key) == content.digest(shorter)


@pytest.mark.requirement("WIRE-12.part-after-lost-answer")
def test_part_is_sent_again_after_a_lost_answer(backup, restore, bucket, content, lines):
    """A part whose answer was lost can be sent again, and is in the object once."""
    key, part = bucket.key("lost-answer.bak"), content.make("lost answer", content.KIB)
    upload = backup.open_upload(key)

    lines.send_part_unheard(upload, 1, part)
    upload.complete([upload.send(1, part)]).must_succeed()

    assert restore.digest(key) == content.digest(part)


@pytest.mark.requirement("WIRE-12.part-again-while-under-way")
def test_part_is_sent_again_while_its_first_copy_is_under_way(backup, restore, bucket, content, lines):
    """A part is sent again and kept while its first copy is still under way."""
    key, again = bucket.key("under-way.bak"), content.make("second copy", 64 * content.KIB)
    upload = backup.open_upload(key)

    with lines.part_under_way(upload, 1, content.make("first copy", 64 * content.KIB)):
        tags = lines.send_parts(upload, {1: again})
    upload.complete(tags).must_succeed()

    assert restore.digest(key) == content.digest(again)


@pytest.mark.requirement("WIRE-12.same-bytes-same-etag")
def test_same_bytes_are_given_the_same_etag(backup, bucket, content, evidence):
    """A part that is sent again with the same bytes is given the same ETag."""
    upload = backup.open_upload(bucket.key("same-etag.bak"))
    part = content.make("same bytes", content.KIB)

    tags = [upload.send(1, part) for _ in range(2)]

    assert evidence.keep("etags", tags[0]) == evidence.keep("etags_again", tags[1])


@pytest.mark.requirement("MPU-13.etag-covers-every-byte")
def test_etag_covers_every_byte(backup, bucket, content, evidence):
    """Parts that differ in the last byte alone are given different ETags."""
    upload = backup.open_upload(bucket.key("last-byte.bak"))
    part = content.make("last byte", 64 * content.KIB)

    tags = [upload.send(number, part[:-1] + last)[1] for number, last in ((1, b"a"), (2, b"b"))]

    assert len(set(evidence.keep("etags", tags))) == 2


@pytest.mark.requirement("MPU-13.parts-listed")
def test_listed_parts_are_as_they_were_sent(backup, housekeeping, bucket, content):
    """ListParts shows number, size and ETag of every part as they were sent and answered."""
    upload = backup.open_upload(bucket.key("listed.bak"))
    sizes = {1: 700, 2: 3_001}
    tags = dict(upload.send(number, content.make(f"listed {number}", size)) for number, size in sizes.items())

    rows = upload.by(housekeeping).list_parts().must_succeed().rows("Part")

    seen = [(row.get("PartNumber"), row.get("Size"), row.get("ETag", "").strip('"')) for row in rows]
    assert seen == [(str(number), str(sizes[number]), tags[number].strip('"')) for number in sizes]


@pytest.mark.requirement("MPU-13.parts-in-pages")
def test_list_of_parts_in_pages_shows_every_part_once(backup, housekeeping, bucket, content, evidence):
    """A list of parts in pages shows every part once and in order."""
    upload = backup.open_upload(bucket.key("pages.bak"))
    sent = [str(upload.send(number, content.make(f"page {number}", 10))[0]) for number in range(1, 6)]

    shown = upload.by(housekeeping).part_numbers_in_pages(2)

    assert evidence.keep("part_numbers", list(shown)) == sent


@pytest.mark.parametrize("number", [0, 10_001])
@pytest.mark.requirement("MPU-02.number-beyond-limits-refused")
def test_part_number_beyond_the_limits_is_refused(number, backup, housekeeping, bucket, content, evidence):
    """A part number of 0 or of 10,001 is refused as the client's mistake, and the upload stays open."""
    upload = backup.open_upload(bucket.key("beyond.bak"))

    answer = upload.part(number, content.make("beyond", content.KIB))

    evidence.keep("answer", answer.outcome)
    answer.must_be_client_error()
    upload.by(housekeeping).abort().must_succeed()


@pytest.mark.parametrize("number", ["-1", "one"])
@pytest.mark.requirement("MPU-02.no-number-refused")
def test_part_number_that_is_none_is_refused(number, backup, housekeeping, bucket, content, evidence):
    """A part number that is none is refused as the client's mistake, and the upload stays open."""
    upload = backup.open_upload(bucket.key("no-number.bak"))

    answer = upload.part(number, content.make("no number", content.KIB))

    evidence.keep("answer", answer.outcome)
    answer.must_be_client_error()
    upload.by(housekeeping).abort().must_succeed()


@pytest.mark.requirement("WIRE-15.short-upload-id")
def test_upload_id_is_short(backup, bucket, evidence):
    """An upload id has at most 256 characters, for it stands in the URL of every part."""
    upload = backup.open_upload(bucket.key("short-id.bak"))

    assert evidence.keep("upload_id_characters", len(upload.id)) <= 256


@pytest.mark.requirement("WIRE-15.unique-ids")
def test_every_upload_has_an_id_of_its_own(backup, housekeeping, bucket, evidence):
    """Every upload has an id of its own, uploads to the same key too: each is there to abort."""
    key = bucket.key("ids.bak")

    uploads = [backup.open_upload(key) for _ in range(3)]

    assert evidence.keep("upload_ids", len({upload.id for upload in uploads})) == 3
    [upload.by(housekeeping).abort().must_succeed() for upload in uploads]


@pytest.mark.parametrize("operation", ["part", "completion"])
@pytest.mark.requirement("WIRE-15.id-of-another-key-refused")
def test_upload_id_of_another_key_is_refused(operation, backup, housekeeping, bucket, content, evidence):
    """An upload id is worth nothing under another key: parts and completions are refused, and it stays open."""
    upload, part = backup.open_upload(bucket.key("own.bak")), content.make("own", content.KIB)
    stray, tags = upload.under(bucket.key("other.bak")), [upload.send(1, part)]
    calls = {"part": lambda: stray.part(1, part), "completion": lambda: stray.complete(tags)}

    answer = calls[operation]()

    evidence.keep("answer", answer.outcome)
    answer.must_be_refused()
    upload.by(housekeeping).abort().must_succeed()


@pytest.mark.requirement("WIRE-04.no-checksum-needed")
def test_part_without_any_checksum_is_accepted(backup, bucket, content):
    """A part is accepted without any checksum: no Content-MD5, no x-amz-checksum header, no hash in the signature."""
    upload = backup.open_upload(bucket.key("no-checksum.bak"))

    answer = upload.by(backup.without_payload_hash()).part(1, content.make("no checksum", content.KIB))

    answer.must_succeed()


@pytest.mark.requirement("MPU-01.content-type-kept")
def test_content_type_of_an_upload_is_kept(backup, restore, bucket, content, evidence):
    """The Content-Type with which an upload was opened is shown by HEAD."""
    upload = backup.open_upload(bucket.key("typed.bak"), Content_Type="application/x-backup")
    upload.complete([upload.send(1, content.make("typed", content.KIB))]).must_succeed()

    shown = restore.head(upload.key).must_succeed().header("Content-Type")

    assert evidence.keep("content_type", shown) == "application/x-backup"
