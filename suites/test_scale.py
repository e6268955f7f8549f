"""Scale: how far a store goes with what a large backup asks for. Each run proves it as far as its --scale goes."""

import pytest


@pytest.mark.requirement("MPU-02.ten-thousand-parts")
def test_upload_of_ten_thousand_parts_is_completed(send_stream, differing, bucket, content, scale):
    """An upload of 10,000 parts is completed, and its bytes stand in order to the last one."""
    key, backup_set = bucket.key("parts.bak"), content.stream("parts", scale.number * scale.part, scale.part)

    send_stream(key, backup_set)

    assert differing(key, backup_set) == []


@pytest.mark.requirement("MPU-08.largest-object")
def test_largest_object_is_kept(send_stream, differing, bucket, content, scale):
    """An object of 195.3 GiB, the largest that SQL Server can write, is kept with its size and bytes."""
    key, backup_set = bucket.key("largest.bak"), content.stream("largest", scale.number * content.MIB, 20 * content.MIB)

    send_stream(key, backup_set)

    assert differing(key, backup_set) == []


@pytest.mark.requirement("MPU-12.megabyte-completion")
def test_completion_of_a_megabyte_is_taken(backup, restore, bucket, content):
    """A completion of a megabyte of XML, which is what 10,000 parts make, is taken."""
    key, part = bucket.key("long.bak"), content.make("long", content.KIB)
    upload = backup.open_upload(key)

    upload.complete([upload.send(1, part)], length=content.MIB).must_succeed()

    assert restore.digest(key) == content.digest(part)


@pytest.mark.requirement("META-06.far-end-at-once")
def test_far_end_of_a_large_object_is_read_at_once(send_stream, restore, bucket, content, scale, evidence):
    """64 KiB near the end of a large object are read as soon as its first, give or take two seconds."""
    key, backup_set = bucket.key("far.bak"), content.stream("far", scale.number * content.MIB, 20 * content.MIB)
    send_stream(key, backup_set)
    far = backup_set.size - 128 * content.KIB

    first = restore.get(key, 0, 64 * content.KIB - 1).must_succeed()
    last = restore.get(key, far, far + 64 * content.KIB - 1).must_succeed()

    assert evidence.keep("far_seconds", last.seconds) - evidence.keep("first_seconds", first.seconds) < 2


@pytest.mark.requirement("BAK-15.stripes-at-once")
def test_stripes_are_written_and_read_at_the_same_time(open_all, restore, bucket, content, scale, together):
    """64 stripes are written at the same time and read at the same time, each with its own bytes."""
    stripes = {bucket.key(f"{number}.bak"): content.make(f"stripe {number}", 200_000) for number in scale.each}

    uploads = open_all(stripes)
    together(lambda upload: upload.complete([upload.send(1, stripes[upload.key])]).must_succeed(), uploads)
    read = together(restore.digest, list(stripes))

    assert read == [content.digest(stripe) for stripe in stripes.values()]


@pytest.mark.requirement("PERF-06.parts-at-once")
def test_parts_of_one_upload_are_taken_at_the_same_time(backup, housekeeping, bucket, content, scale, lines):
    """64 parts of one upload are taken at the same time, and none of them is sent away."""
    upload = backup.open_upload(bucket.key("wide.bak"))

    lines.send_parts(upload, {number: content.make(f"wide {number}", 64 * content.KIB) for number in scale.each})

    shown = upload.by(housekeeping).list_parts().must_succeed().texts("PartNumber")
    assert sorted(map(int, shown)) == [*scale.each]


@pytest.mark.requirement("PERF-07.uploads-open-at-once")
def test_many_uploads_are_open_at_once(open_all, restore, housekeeping, bucket, content, scale, together):
    """256 uploads, four databases of 64 stripes, are open at once: one is completed, each other is there to abort."""
    first, *others = open_all([bucket.key(f"{number}.bak") for number in scale.each])
    part = content.make("first of many", content.KIB)

    first.complete([first.send(1, part)]).must_succeed()
    together(lambda upload: upload.by(housekeeping).abort().must_succeed(), others)

    assert restore.digest(first.key) == content.digest(part)


@pytest.mark.requirement("LIST-02.many-keys")
def test_every_one_of_many_keys_is_listed(put_all, restore, bucket, scale):
    """10,000 keys are listed to the last one, a thousand a page."""
    keys = [bucket.key(f"log-{number:05}.trn") for number in scale.each]
    put_all(keys)

    seen = restore.keys_in_pages(bucket.prefix, 1000)

    assert sorted(seen) == keys


@pytest.mark.requirement("WIRE-09.every-time")
def test_new_object_is_seen_at_once_every_time(seen_at_once, bucket, scale):
    """A new object is shown by HEAD, read and listed at once, a hundred times out of a hundred."""
    assert [miss for number in scale.each for miss in seen_at_once(bucket.key(f"{number}.trn"))] == []


@pytest.mark.requirement("WIRE-17.idle-upload")
def test_idle_upload_is_taken_up_again(rested, restore, content, scale):
    """An upload that nobody touched for an hour takes its next part and is completed."""
    [(upload, tags, first)] = rested.after(scale.number)
    tail = content.make("after the rest", content.KIB)

    upload.complete([*tags, upload.send(2, tail)]).must_succeed()

    assert restore.digest(upload.key) == content.digest(first, tail)
