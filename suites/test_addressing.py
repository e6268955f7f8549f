"""Addressing: the URL forms that SQL Server takes, and the names that people give their backups."""

import pytest


@pytest.mark.requirement("URL-02.path-style")
def test_bucket_in_the_path_is_served(backup, restore, bucket, content):
    """The bucket may stand in the path of the URL, for itself and for what is in it."""
    key, media = bucket.key("path.bak"), content.make("path", content.KIB)

    backup.in_style("path").put(key, media).must_succeed()
    restore.in_style("path").call("HEAD").must_succeed()

    assert restore.in_style("path").digest(key) == content.digest(media)


@pytest.mark.requirement("URL-03.virtual-host")
def test_bucket_in_the_host_name_is_served(backup, restore, bucket, content):
    """The bucket may stand in the host name of the URL, for writing and for reading."""
    key, media = bucket.key("virtual.bak"), content.make("virtual", content.KIB)

    backup.in_style("virtual").put(key, media).must_succeed()

    assert restore.in_style("virtual").digest(key) == content.digest(media)


@pytest.mark.requirement("URL-08.deep-prefix")
def test_key_under_folders_nobody_made_is_accepted(backup, restore, bucket, content):
    """A key with nine levels of folders that nobody created is written, listed and read."""
    key, media = bucket.key("a/b/c/d/e/f/g/h/i/deep.bak"), content.make("deep", content.KIB)

    backup.upload(key, media)

    assert restore.sizes(bucket.prefix) == {key: len(media)}
    assert restore.digest(key) == content.digest(media)


@pytest.mark.requirement("URL-08.file-and-folder-of-one-name")
def test_key_that_is_a_folder_of_another_is_accepted(backup, restore, bucket, content):
    """A key and another key below it live side by side, and both are listed."""
    file, below = bucket.key("sales"), bucket.key("sales/full.bak")

    backup.put(file, content.make("file", content.KIB)).must_succeed()
    backup.put(below, content.make("below", content.KIB)).must_succeed()

    digests = [restore.digest(file), restore.digest(below)]
    assert digests == [content.digest(content.make(name, content.KIB)) for name in ("file", "below")]
    assert list(restore.keys(bucket.prefix)) == [file, below]


@pytest.mark.requirement("BKT-02.missing-bucket-refused")
def test_upload_into_a_missing_bucket_is_refused(backup, bucket, evidence):
    """A multipart upload into a bucket that does not exist is refused as NoSuchBucket."""
    answer = backup.in_bucket(bucket.absent()).create_upload("full.bak")

    evidence.keep("answer", answer.outcome)
    answer.must_be("NoSuchBucket")


@pytest.mark.requirement("BKT-02.missing-bucket-stays-missing")
def test_missing_bucket_is_not_created(backup, housekeeping, bucket):
    """A multipart upload into a bucket that does not exist does not create it."""
    absent = bucket.absent()

    backup.in_bucket(absent).create_upload("full.bak")

    housekeeping.in_bucket(absent).call("HEAD").must_be_refused()
