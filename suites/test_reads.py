"""Reads: a restore sees exactly the bytes that were written, at once, in any range, every time."""

import pytest

ROUNDS = range(8)


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


@pytest.mark.parametrize(
    ("start", "end"),
    [
        pytest.param(0, 65_535, id="first-block"),
        pytest.param(4_097, 9_999, id="unaligned"),
        pytest.param(5_242_880 - 512, 5_242_880 + 511, id="across-parts"),
        pytest.param(5_242_880 + 70_000, 5_242_880 + 70_000, id="last-byte"),
    ],
)
@pytest.mark.requirement("WIRE-05.range-bytes")
def test_range_holds_exactly_its_bytes(start, end, restore, two_part_backup, media, content):
    """A closed range of bytes is answered with exactly these bytes, whatever its place."""
    answer = restore.get(two_part_backup, start, end).must_succeed()

    assert content.digest(answer.body) == content.digest(b"".join(media)[start : end + 1])


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
