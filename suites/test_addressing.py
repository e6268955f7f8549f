"""Addressing: the URL forms that SQL Server takes, and the names that people give their backups."""

import pytest


@pytest.mark.requirement("URL-02.path-style")
def test_bucket_in_the_path_is_served(backup, restore, bucket, content):
    """The bucket may stand in the path of the URL, for itself and for what is in it."""
    key, media = bucket.key("path.bak"), content.make("path", content.KIB)

    backup.in_style("path").put(key, media).must_succeed()
    backup.in_style("path").call("HEAD").must_succeed()

    assert restore.in_style("path").digest(key) == content.digest(media)


@pytest.mark.requirement("URL-03.virtual-host")
def test_bucket_in_the_host_name_is_served(backup, restore, bucket, content):
    """The bucket may stand in the host name of the URL, for writing and for reading."""
    key, media = bucket.key("virtual.bak"), content.make("virtual", content.KIB)

    backup.in_style("virtual").put(key, media).must_succeed()

    assert restore.in_style("virtual").digest(key) == content.digest(media)


@pytest.mark.requirement("URL-03.virtual-host-multipart")
def test_parts_go_to_a_bucket_in_the_host_name(backup, restore, bucket, content):
    """A backup is uploaded in parts to a bucket in the host name."""
    key = bucket.key("virtual-parts.bak")
    parts = [content.make("virtual part 1", content.PART), content.make("virtual part 2", content.KIB)]

    backup.in_style("virtual").upload(key, *parts)

    assert restore.in_style("virtual").digest(key) == content.digest(*parts)


@pytest.mark.requirement("URL-03.virtual-host-range")
def test_range_of_an_object_in_a_bucket_in_the_host_name_is_served(backup, restore, bucket, content):
    """A closed range of an object is read from a bucket in the host name."""
    key, media = bucket.key("virtual-range.bak"), content.make("virtual range", 4 * content.KIB)
    backup.in_style("virtual").put(key, media).must_succeed()

    answer = restore.in_style("virtual").get(key, 512, 1_023).must_succeed()

    assert answer.body == media[512:1_024]


@pytest.mark.requirement("URL-03.virtual-host-list")
def test_bucket_in_the_host_name_is_listed(backup, restore, bucket, content):
    """A bucket in the host name is found by HEAD, and lists what lies in it."""
    key = bucket.key("virtual-list.bak")
    backup.in_style("virtual").put(key, content.make("virtual list", 700)).must_succeed()

    restore.in_style("virtual").call("HEAD").must_succeed()

    assert restore.in_style("virtual").sizes(bucket.prefix) == {key: 700}


@pytest.mark.requirement("URL-04.one-object-by-either-style")
def test_object_is_the_same_by_either_style(backup, restore, bucket, content):
    """What was written with the bucket in the path is read with the bucket in the host name, and the other way."""
    by_path, by_host = bucket.key("by-path.bak"), bucket.key("by-host.bak")
    backup.in_style("path").put(by_path, content.make("by path", 700)).must_succeed()
    backup.in_style("virtual").put(by_host, content.make("by host", 700)).must_succeed()

    read = [restore.in_style("virtual").digest(by_path), restore.in_style("path").digest(by_host)]

    assert read == [content.digest(content.make(name, 700)) for name in ("by path", "by host")]


@pytest.mark.requirement("URL-05.host-as-typed")
def test_host_typed_in_capitals_is_served(endpoint, restore, bucket, evidence):
    """A host name typed in capitals, its port behind it, is accepted, and so is what was signed with it."""
    host = endpoint.netloc(bucket.name, endpoint.style).upper().replace(bucket.name.upper(), bucket.name)

    query = restore.listing(bucket.prefix)
    answer = restore.call("GET", query=query, headers={"Host": evidence.keep("host", host)})

    answer.must_succeed()


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
