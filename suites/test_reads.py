"""Reads: a restore sees exactly the bytes that were written, at once, in any range, every time."""

import pytest

ROUNDS = range(6)
CLIENTS = range(8)

PLACES = {
    "first block": (0, 65_535),
    "second block": (65_536, 131_071),
    "unaligned": (4_097, 9_999),
    "single byte": (4_097, 4_097),
    "across parts": (5_242_880 - 512, 5_242_880 + 511),
    "first byte of a part": (5_242_880, 5_242_880),
    "last byte": (5_242_880 + 70_000, 5_242_880 + 70_000),
}
"""Ranges of the object of two parts: first and last byte."""


@pytest.fixture
def media(content):
    """Two parts of a backup, the second of an odd size."""
    return [content.make("media 1", content.PART), content.make("media 2", 70_001)]


@pytest.fixture
def two_part_backup(backup, bucket, media):
    """The key of a completed backup of two parts."""
    key = bucket.key("two-parts.bak")
    backup.upload(key, *media)
    return key


@pytest.fixture
def small_backup(backup, bucket, content):
    """The key of a small object."""
    key = bucket.key("small.bak")
    backup.upload(key, content.make("small", 16 * content.KIB))
    return key


@pytest.fixture
def put_and_read(backup, restore):
    """Writes an object in one piece and reads it, or a range of it, at once."""

    def both(key, body, *place):
        backup.put(key, body).must_succeed()
        return restore.get(key, *place).must_succeed().body

    return both


@pytest.mark.requirement("WIRE-05.range-bytes")
def test_range_holds_exactly_its_bytes(restore, two_part_backup, media, content, together):
    """A closed range of bytes is answered with exactly these bytes, whatever its place."""
    whole = b"".join(media)

    read = together(lambda name: restore.get(two_part_backup, *PLACES[name]).must_succeed().body, list(PLACES))

    seen = {name: content.digest(body) for name, body in zip(PLACES, read, strict=True)}
    assert seen == {name: content.digest(whole[start : end + 1]) for name, (start, end) in PLACES.items()}


@pytest.mark.requirement("WIRE-05.every-block")
def test_object_is_read_whole_in_blocks(backup, restore, bucket, content, together):
    """An object that is read in blocks of 64 KiB, some of them at the same time, is read byte for byte."""
    key, media = bucket.key("blocks.bak"), content.make("blocks", content.MIB + 4_321)
    backup.put(key, media).must_succeed()
    places = content.steps(len(media), 64 * content.KIB)

    blocks = together(lambda place: restore.get(key, *place).must_succeed().body, places)

    assert content.digest(*blocks) == content.digest(media)


@pytest.mark.requirement("WIRE-05.largest-transfers")
def test_object_is_read_whole_in_largest_transfers(backup, restore, bucket, content):
    """An object that is read in ranges of 20 MiB, the largest transfer that SQL Server makes, is read byte for byte."""
    key = bucket.key("transfers.bak")
    parts = [content.make(f"transfer {number}", content.PART) for number in range(4)] + [content.make("tail", 4_321)]
    backup.upload(key, *parts)

    places = content.steps(sum(len(part) for part in parts), 20 * content.MIB)
    transfers = [restore.get(key, *place).must_succeed().body for place in places]

    assert content.digest(*transfers) == content.digest(*parts)


@pytest.mark.requirement("WIRE-05.range-beyond-the-end")
def test_range_that_ends_past_the_end_is_cut(restore, small_backup, content):
    """A range that begins inside an object and ends behind it is answered with the bytes up to the end."""
    answer = restore.get(small_backup, 16_000, 20_000).must_succeed()

    assert answer.body == content.make("small", 16 * content.KIB)[16_000:]


@pytest.mark.requirement("WIRE-05.ranges-of-64-objects")
def test_ranges_of_many_objects_are_kept_apart(backup, restore, bucket, content, together):
    """Ranges of 64 objects, read at the same time, as by a restore from 64 stripes, are kept apart."""
    media = {bucket.key(f"stripe-{number}.bak"): content.make(f"stripe {number}", 2_048) for number in range(64)}
    lanes = [list(media)[lane::16] for lane in range(16)]
    together(lambda lane: [backup.put(key, media[key]).must_succeed() for key in lane], lanes)

    read = together(lambda lane: [restore.get(key, 512, 1_535).must_succeed().body for key in lane], lanes)

    assert read == [[media[key][512:1_536] for key in lane] for lane in lanes]


@pytest.mark.requirement("WIRE-05.accept-ranges")
def test_head_says_that_ranges_are_served(restore, small_backup, evidence):
    """HEAD says that ranges of bytes are served."""
    answer = restore.head(small_backup).must_succeed()

    assert evidence.keep("accept_ranges", answer.header("Accept-Ranges")) == "bytes"


@pytest.mark.requirement("META-06.small-range")
def test_small_range_of_a_big_object_sends_no_more(restore, two_part_backup, media, evidence):
    """A small range at either end of a big object sends its bytes and no more."""
    last = sum(len(part) for part in media) - 1

    answers = [restore.get(two_part_backup, *place).must_succeed() for place in ((0, 511), (last - 511, last))]

    evidence.keep("seconds", [round(answer.seconds, 4) for answer in answers])
    assert [len(answer.body) for answer in answers] == [512, 512]


@pytest.mark.requirement("WIRE-05.range-status")
def test_range_is_answered_206_with_its_place(restore, small_backup, evidence):
    """A range is answered with status 206 and a Content-Range that names its place and the object's size."""
    answer = restore.get(small_backup, 512, 1_023)

    seen = (evidence.keep("status", answer.status), answer.header("Content-Range"))

    assert seen == (206, "bytes 512-1023/16384")


@pytest.mark.requirement("WIRE-06.exact-size")
def test_head_shows_the_exact_size(restore, two_part_backup, media, evidence):
    """HEAD shows the exact number of bytes that the parts had."""
    answer = restore.head(two_part_backup).must_succeed()

    length = evidence.keep("content_length", answer.header("Content-Length"))

    assert length == str(sum(len(part) for part in media))


@pytest.mark.parametrize("size", [1, 70_001, 5_242_879])
@pytest.mark.requirement("WIRE-06.one-size-everywhere")
def test_size_is_the_same_everywhere(size, backup, restore, bucket, content, evidence):
    """HEAD, a list, a range and a read tell the same size of an object, that of what was written."""
    key = bucket.key("sized.bak")
    backup.put(key, content.make("sized", size)).must_succeed()

    answers = [restore.head(key), restore.get(key), restore.get(key, 0, 0)]

    lengths = [answer.must_succeed().header("Content-Length") for answer in answers]
    total = answers[2].header("Content-Range").rpartition("/")[2]
    seen = evidence.keep("sizes", [*lengths, total, restore.sizes(key).get(key)])
    assert seen == [str(size), str(size), "1", str(size), size]


@pytest.mark.requirement("WIRE-06.empty-object")
def test_empty_object_is_empty_everywhere(backup, restore, bucket):
    """An object without a byte is kept: HEAD and a list say 0, and a read gives nothing."""
    key = bucket.key("empty.bak")

    backup.put(key, b"").must_succeed()

    head, read = restore.head(key).must_succeed(), restore.get(key).must_succeed()
    assert (head.header("Content-Length"), restore.sizes(key), read.body) == ("0", {key: 0}, b"")


@pytest.mark.requirement("WIRE-06.not-transformed")
def test_what_compresses_well_is_not_compressed(backup, restore, bucket, content, evidence):
    """What compresses well is read as it was written, and not compressed on the way."""
    key, media = bucket.key("zeros.bak"), bytes(64 * content.KIB)
    backup.put(key, media).must_succeed()

    answer = restore.get(key).must_succeed()

    coding = evidence.keep("content_encoding", answer.header("Content-Encoding"))
    assert (coding in ("", "identity"), answer.body == media) == (True, True)


@pytest.mark.requirement("RST-14.same-range-again")
def test_same_range_is_the_same_again(restore, small_backup, content):
    """The same range, read again, has the same bytes every time."""
    answers = [restore.get(small_backup, 1_024, 2_047).must_succeed() for _ in ROUNDS]

    written = content.make("small", 16 * content.KIB)[1_024:2_048]

    assert {content.digest(answer.body) for answer in answers} == {content.digest(written)}


@pytest.mark.requirement("RST-14.same-etag-again")
def test_same_object_has_the_same_etag_again(restore, small_backup, evidence):
    """The same object, read again, has the same ETag every time."""
    answers = [restore.get(small_backup, 1_024, 2_047).must_succeed() for _ in ROUNDS]

    tags = evidence.keep("etags", sorted({answer.header("ETag") for answer in answers}))

    assert len(tags) == 1


@pytest.mark.requirement("RST-14.etag-of-a-range")
def test_range_shows_the_etag_that_head_shows(restore, small_backup, evidence):
    """A range shows the same ETag as HEAD."""
    answers = [restore.head(small_backup), restore.get(small_backup, 512, 1_023)]

    tags = evidence.keep("etags", [answer.must_succeed().header("ETag") for answer in answers])

    assert tags[0] == tags[1]


@pytest.mark.requirement("RST-14.if-match-served")
def test_object_with_the_etag_asked_for_is_served(restore, small_backup, content):
    """A read that asks for the ETag of the object is served."""
    tag = restore.head(small_backup).must_succeed().header("ETag")

    answer = restore.call("GET", small_backup, headers={"If-Match": tag}).must_succeed()

    assert answer.body == content.make("small", 16 * content.KIB)


@pytest.mark.requirement("RST-14.if-match-refused")
def test_object_with_another_etag_is_not_served(restore, small_backup):
    """A read that asks for another ETag than that of the object is refused as PreconditionFailed."""
    other = '"00000000000000000000000000000000"'

    answer = restore.call("GET", small_backup, headers={"If-Match": other})

    answer.must_be("PreconditionFailed", "HTTP-412")


@pytest.mark.requirement("RST-14.resumed-read")
def test_read_that_broke_off_is_taken_up_again(restore, reader, two_part_backup, media, content):
    """A read that broke off in the middle and is taken up again has every byte."""
    last, held = sum(len(part) for part in media) - 1, 300_000

    first = reader.read_some(restore, two_part_backup, (0, last), held)
    rest = restore.get(two_part_backup, held, last).must_succeed()

    assert content.digest(first, rest.body) == content.digest(*media)


@pytest.mark.requirement("WIRE-07.range-past-the-end")
def test_range_past_the_end_is_refused(restore, small_backup, evidence):
    """A range past the end of the object is refused as InvalidRange."""
    answer = restore.get(small_backup, 16_384, 20_000)

    evidence.keep("answer", answer.outcome)
    answer.must_be("InvalidRange", "HTTP-416")


@pytest.mark.requirement("WIRE-09.read-after-write")
def test_new_object_is_read_at_once(write_and_read, bucket, content):
    """A new object is read back at once, every time."""
    media = {bucket.key(f"new-{number}.bak"): content.make(f"new {number}", content.KIB) for number in ROUNDS}

    read = {key: write_and_read(key, body) for key, body in media.items()}

    assert read == {key: content.digest(body) for key, body in media.items()}


@pytest.mark.requirement("WIRE-09.read-after-overwrite")
def test_overwritten_object_is_never_read_again(write_and_read, bucket, content):
    """After an overwrite the new bytes are read at once, and nothing of the old ones, even where they were more."""
    key = bucket.key("overwritten.bak")
    versions = [content.make(f"version {number}", (9 - number) * content.KIB) for number in ROUNDS]

    read = [write_and_read(key, body) for body in versions]

    assert read == [content.digest(body) for body in versions]


@pytest.mark.requirement("WIRE-09.range-after-overwrite")
def test_range_of_an_overwritten_object_is_new(put_and_read, bucket, content):
    """After an overwrite a range that was read before has the new bytes at once."""
    key = bucket.key("overwritten-ranges.bak")
    versions = [content.make(f"range version {number}", 16 * content.KIB) for number in range(3)]

    read = [put_and_read(key, body, 4_096, 12_287) for body in versions]

    assert read == [body[4_096:12_288] for body in versions]


@pytest.mark.requirement("WIRE-09.one-version-at-a-time")
def test_read_in_the_middle_of_an_overwrite_sees_the_old(backup, restore, reader, bucket, content):
    """A read in the middle of an overwrite gives the old bytes, and one behind it the new, never a mix of both."""
    key = bucket.key("contended.bak")
    old, new = (content.make(f"contended {name}", 256 * content.KIB) for name in ("old", "new"))
    backup.put(key, old).must_succeed()

    read = [reader.read_beside_write(restore, key, new, backup).must_succeed().body, restore.get(key).body]

    assert [content.digest(body) for body in read] == [content.digest(old), content.digest(new)]


@pytest.mark.requirement("WIRE-09.read-after-write-under-load")
def test_new_objects_are_read_at_once_while_others_are_written(put_and_read, bucket, content, together):
    """While eight clients write, each reads its own new object back at once."""
    media = {bucket.key(f"busy-{number}.bak"): content.make(f"busy {number}", content.KIB) for number in CLIENTS}

    read = together(lambda key: put_and_read(key, media[key]), list(media))

    assert read == list(media.values())


@pytest.mark.requirement("WIRE-09.read-after-delete")
def test_deleted_object_is_not_read(put_and_read, restore, housekeeping, bucket, content):
    """A deleted object that was read before is refused at once as NoSuchKey."""
    key = bucket.key("deleted.bak")
    put_and_read(key, content.make("deleted", content.KIB))
    housekeeping.delete(key).must_succeed()

    restore.get(key).must_be("NoSuchKey", "HTTP-404")


@pytest.mark.requirement("BAK-09.found-once-complete")
def test_object_is_found_as_soon_as_it_is_complete(backup, restore, bucket, content):
    """An object that was looked for before it was there is found as soon as its upload is complete."""
    key = bucket.key("found.bak")
    before = (restore.head(key).is_success, list(backup.keys(key)))

    backup.upload(key, content.make("found", content.KIB))

    after = (restore.head(key).is_success, list(backup.keys(key)))
    assert (before, after) == ((False, []), (True, [key]))


@pytest.mark.requirement("BAK-09.not-found-once-deleted")
def test_object_is_not_found_once_it_is_deleted(backup, restore, housekeeping, bucket, content):
    """An object that was there before is not found any more as soon as it is deleted."""
    key = bucket.key("removed.bak")
    backup.put(key, content.make("removed", content.KIB)).must_succeed()
    before = restore.head(key).is_success

    housekeeping.delete(key).must_succeed()

    assert (before, restore.head(key).is_success, list(backup.keys(key))) == (True, False, [])


@pytest.mark.requirement("META-07.head-and-get-agree")
def test_head_and_get_of_a_missing_object_agree(restore, bucket, evidence):
    """HEAD and GET of an object that does not exist are both answered 404."""
    key = bucket.key("missing.bak")

    statuses = evidence.keep("statuses", [restore.head(key).status, restore.get(key).status])

    assert statuses == [404, 404]
