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
    """An open upload is listed under its exact key, so that what a killed backup left can be found and aborted."""
    listed = housekeeping.open_uploads(orphan.key)

    assert listed == [(orphan.key, orphan.id)]
    housekeeping.abort_all(listed)


@pytest.mark.requirement("ABORT-03.listed-by-prefix")
def test_open_upload_is_listed_under_a_prefix(housekeeping, bucket, orphan):
    """An open upload is listed under a prefix of its key, with the id that aborts it."""
    listed = housekeeping.open_uploads(bucket.prefix)

    assert listed == [(orphan.key, orphan.id)]
    housekeeping.abort_all(listed)


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
    first.by(housekeeping).abort().must_succeed()

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
def test_part_cut_off_in_the_middle_is_discarded(housekeeping, rested):
    """A part whose connection broke in the middle is no part of the upload."""
    [(upload, at_once, _)] = rested.after(1)
    later = upload.by(housekeeping).list_parts().must_succeed().texts("PartNumber")

    assert {"at once": [number for number, _ in at_once], "later": later} == {"at once": [2], "later": ["2"]}


@pytest.mark.requirement("ABORT-05.failed-completion-keeps-old")
def test_failed_completion_leaves_the_old_object(backup, restore, old_backup, old_digest, content):
    """After the completion of an overwrite was refused the old backup is still there, byte for byte."""
    upload = backup.open_upload(old_backup)
    upload.send(1, content.make("unfinished", content.KIB))

    upload.complete([(1, '"00000000000000000000000000000000"')]).must_be_refused()

    assert restore.digest(old_backup) == old_digest


@pytest.fixture
def open_on(backup, bucket, content):
    """``open_on(name)``: an open upload with one part under that name, as a killed backup leaves it."""

    def make(name):
        upload = backup.open_upload(bucket.key(name))
        upload.send(1, content.make(name, content.KIB))
        return upload

    return make


@pytest.fixture
def three_orphans(open_on):
    """Three open uploads on three keys, in the order of their keys."""
    return [open_on(name) for name in ("killed-1.bak", "killed-2.bak", "killed-3.bak")]


@pytest.fixture
def twins(open_on):
    """Two open uploads on one key."""
    return [open_on("twice-killed.bak"), open_on("twice-killed.bak")]


@pytest.mark.requirement("ABORT-01.part-without-its-last-byte")
def test_part_cut_off_before_its_last_byte_is_discarded(housekeeping, rested):
    """A part that lacks nothing but its last byte is no part of the upload."""
    [(upload, at_once, _)] = rested.after(1)
    later = upload.by(housekeeping).list_parts().must_succeed().texts("PartNumber")

    assert {"at once": [number for number, _ in at_once], "later": later} == {"at once": [2], "later": ["2"]}


@pytest.mark.requirement("ABORT-03.unknown-upload-code")
def test_abort_of_an_unknown_upload_is_refused(housekeeping, bucket):
    """Aborting an upload that never was is refused as NoSuchUpload."""
    answer = housekeeping.call("DELETE", bucket.key("never.bak"), {"uploadId": "none"})

    answer.must_be("NoSuchUpload")


@pytest.mark.requirement("ABORT-03.abort-twice")
def test_second_abort_does_no_harm(housekeeping, orphan, evidence):
    """An upload that is aborted again is gone already: success or NoSuchUpload, and nothing else."""
    upload = orphan.by(housekeeping)
    upload.abort().must_succeed()

    again = upload.abort()

    evidence.keep("answer", again.outcome)
    again.must_be("HTTP-204", "HTTP-200", "NoSuchUpload")


@pytest.mark.requirement("ABORT-03.abort-under-way")
def test_abort_while_a_part_is_under_way(backup, housekeeping, bucket, content, cutter, evidence):
    """A part that is under way while its upload is aborted brings nothing back."""
    upload = backup.open_upload(bucket.key("under-way.bak"))
    seen = upload.by(housekeeping)

    status = cutter.send_part_around(upload, 1, content.make("under way", content.MIB), halfway=seen.abort)

    evidence.keep("status_of_the_part", status)
    seen.list_parts().must_be_refused()
    assert housekeeping.open_uploads(upload.key) == []


@pytest.mark.requirement("ABORT-03.late-part")
def test_late_part_brings_no_upload_back(housekeeping, orphan, content, evidence):
    """A part that comes after the abort does not bring the upload back."""
    orphan.by(housekeeping).abort().must_succeed()

    late = orphan.part(2, content.make("late", content.KIB))

    evidence.keep("answer", late.outcome)
    assert housekeeping.open_uploads(orphan.key) == []


@pytest.mark.requirement("ABORT-03.several-on-one-key")
def test_all_uploads_of_one_key_are_listed(housekeeping, twins):
    """Every upload that is open on one key is listed, each with its own id, which aborts it."""
    listed = housekeeping.open_uploads(twins[0].key)

    assert sorted(listed) == sorted((upload.key, upload.id) for upload in twins)
    housekeeping.abort_all(listed)


@pytest.mark.requirement("ABORT-03.pages-of-one-key")
def test_pages_of_one_key_show_every_upload_once(housekeeping, twins, open_on):
    """The open uploads of one key are listed in pages that show each of them once, with the id that aborts it."""
    uploads = [*twins, open_on("twice-killed.bak")]

    listed = housekeeping.open_uploads_in_pages(uploads[0].key, size=2)

    assert sorted(listed) == sorted((upload.key, upload.id) for upload in uploads)
    housekeeping.abort_all(listed)


@pytest.mark.requirement("ABORT-03.pages-of-many-keys")
def test_pages_of_many_keys_show_every_upload_once(housekeeping, bucket, three_orphans):
    """The open uploads of many keys are listed in pages that show each of them once, with the id that aborts it."""
    listed = housekeeping.open_uploads_in_pages(bucket.prefix, size=2)

    assert listed == [(upload.key, upload.id) for upload in three_orphans]
    housekeeping.abort_all(listed)


@pytest.mark.requirement("ABORT-03.swept")
def test_aborting_all_that_is_listed_leaves_nothing(housekeeping, twins, open_on):
    """Aborting every upload that a list shows leaves none of them, and touches no other."""
    spared = open_on("running.bak")

    housekeeping.abort_listed(twins[0].key)

    left = housekeeping.open_uploads(twins[0].key) + housekeeping.open_uploads(spared.key)
    assert left == [(spared.key, spared.id)]


@pytest.mark.requirement("ABORT-06.abort-spares-same-key")
def test_abort_spares_another_upload_of_its_key(backup, restore, housekeeping, open_on, content):
    """Aborting an upload leaves another upload of the same key alone: it can be completed."""
    killed, again = open_on("sales.bak"), content.make("again", content.KIB)
    running = backup.open_upload(killed.key)
    tag = running.send(1, again)

    killed.by(housekeeping).abort().must_succeed()
    running.complete([tag]).must_succeed()

    assert restore.digest(running.key) == content.digest(again)


@pytest.mark.requirement("ABORT-06.abort-spares-other-keys")
def test_abort_spares_an_upload_of_a_longer_key(backup, restore, housekeeping, open_on, bucket, content):
    """Aborting an upload leaves uploads of other keys alone, even of those that begin alike."""
    killed, other = open_on("sales.bak"), content.make("other", content.KIB)
    running = backup.open_upload(bucket.key("sales.bak.1"))
    tag = running.send(1, other)

    killed.by(housekeeping).abort().must_succeed()
    running.complete([tag]).must_succeed()

    assert restore.digest(running.key) == content.digest(other)


@pytest.mark.requirement("ABORT-03.initiated-shown")
def test_list_shows_when_an_upload_was_begun(housekeeping, orphan, evidence):
    """The list of open uploads shows when each was begun, so that old ones can be told from new ones."""
    listed = housekeeping.list_uploads(orphan.key).must_succeed()

    begun = evidence.keep("initiated", listed.moments("Initiated"))
    assert [abs((moment - listed.date()).total_seconds()) < 900 for moment in begun] == [True]


@pytest.mark.requirement("ABORT-08.stranded-bytes")
def test_parts_of_an_orphan_are_listed_with_their_sizes(housekeeping, orphan, content, evidence):
    """The parts of an open upload are listed with their sizes, so that stranded bytes can be counted."""
    orphan.send(2, content.make("stranded", 3 * content.KIB))

    sizes = [int(size) for size in orphan.by(housekeeping).list_parts().must_succeed().texts("Size")]

    assert evidence.keep("stranded_bytes", sum(sizes)) == 4 * content.KIB


@pytest.mark.requirement("ABORT-02.no-early-end")
def test_no_clock_ends_a_running_backup(backup, bucket, abandoned_after, evidence):
    """No clock of the store ends an upload within a day: neither the one in the profile nor one named to the client."""
    answer = backup.create_upload(bucket.key("long.bak")).must_succeed()

    hours = evidence.keep("hours_until_abandoned", abandoned_after(answer))

    assert [name for name in hours if hours[name] < 24] == []


@pytest.mark.requirement("ABORT-03.lifecycle-rule")
def test_lifecycle_rule_is_kept(housekeeping, own_bucket, lifecycle_rule):
    """A lifecycle rule that aborts incomplete uploads can be put on a bucket, and reads back as it was put."""
    store = housekeeping.in_bucket(own_bucket.name)

    store.configure("lifecycle", lifecycle_rule).must_succeed()
    answer = store.call("GET", query={"lifecycle": ""}).must_succeed()

    assert (answer.texts("Status"), answer.texts("DaysAfterInitiation")) == (["Enabled"], ["7"])
