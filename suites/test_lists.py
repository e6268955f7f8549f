"""Lists: what finds backups, and deletes old ones, sees all of them and nothing else."""

from urllib.parse import unquote_plus

import pytest

ROUNDS = range(6)
CLIENTS = range(8)


@pytest.fixture
def write(backup, bucket, content):
    """Writes a small object under each name, one after the other; their keys in the order of their letters."""

    def write(*names):
        keys = sorted(bucket.key(name) for name in names)
        for key in keys:
            backup.put(key, content.make(key, 10)).must_succeed()
        return keys

    return write


def names_in(page):
    """The keys of a page, decoded if it says that they are encoded, as SDKs do it."""
    keys = [row.get("Key", "") for row in page.rows("Contents")]
    return [unquote_plus(key) for key in keys] if page.text("EncodingType") == "url" else keys


@pytest.mark.requirement("LIST-02.paged-list")
def test_list_in_pages_shows_every_key_once(backup, restore, bucket, content):
    """A list in pages shows every key exactly once."""
    keys = [bucket.key(f"page-{number}.bak") for number in range(5)]
    written = [backup.upload(key, content.make(key, 10)).key for key in keys]

    listed = restore.keys_in_pages(bucket.prefix, 3)

    assert sorted(listed) == sorted(written)


@pytest.mark.requirement("WIRE-09.list-after-write")
def test_new_object_is_listed_at_once(backup, restore, bucket, content):
    """A new object is listed at once with its size, every time."""
    keys = [bucket.key(f"listed-{number}.bak") for number in ROUNDS]

    seen = [restore.sizes(backup.upload(key, content.make(key, 700)).key) for key in keys]

    assert seen == [{key: 700} for key in keys]


@pytest.mark.requirement("WIRE-09.list-after-write-under-load")
def test_new_objects_are_listed_at_once_while_others_are_written(backup, restore, bucket, content, together):
    """While eight clients write, each finds its own new object listed at once."""
    keys = [bucket.key(f"busy-{number}.bak") for number in CLIENTS]

    def put_and_list(key):
        backup.put(key, content.make(key, 10)).must_succeed()
        return restore.keys(bucket.prefix)

    listed = together(put_and_list, keys)

    assert [key for key, seen in zip(keys, listed, strict=True) if key not in seen] == []


@pytest.mark.requirement("WIRE-09.list-after-delete")
def test_deleted_object_is_not_listed(write, restore, housekeeping, bucket):
    """A deleted object is not listed any more, at once, and what lies beside it is."""
    first, deleted, last = write("a.bak", "b.bak", "c.bak")

    housekeeping.delete(deleted).must_succeed()

    assert list(restore.keys(bucket.prefix)) == [first, last]


@pytest.mark.requirement("LIST-02.no-neighbours")
def test_list_of_a_folder_shows_no_neighbours(write, restore, bucket):
    """A list of a folder shows nothing of folders whose names begin in the same way."""
    keys = write("sales/full.bak", "sales2/full.bak", "sales_old/full.bak", "Sales/full.bak", "sales-eu/full.bak")

    listed = list(restore.keys(bucket.prefix + "sales/"))

    assert listed == [key for key in keys if "/sales/" in key]


@pytest.mark.requirement("LIST-02.prefix-as-typed")
def test_prefix_is_taken_letter_by_letter(write, restore, together):
    """A list finds folders whose names need percent-encoding."""
    keys = write("a+b/1.bak", "a b/1.bak", "100%25/1.bak", "R&D/1.bak", "Größe/1.bak", "SQL01$PROD/1.bak")

    listed = together(lambda key: list(restore.keys(key.removesuffix("1.bak"))), keys)

    assert listed == [[key] for key in keys]


@pytest.mark.requirement("LIST-02.grouped-by-folder")
def test_list_with_a_delimiter_shows_folders(write, restore, bucket):
    """A list with a delimiter shows what lies in the folder itself, and each folder below it once."""
    keys = write("full.bak", "hr/1.bak", "sales/1.bak", "sales/2.bak")

    page = restore.list(bucket.prefix, delimiter="/").must_succeed()

    folders = [row.get("Prefix") for row in page.rows("CommonPrefixes")]
    assert (names_in(page), folders) == (keys[:1], [bucket.prefix + "hr/", bucket.prefix + "sales/"])


@pytest.mark.requirement("LIST-02.missing-folder")
def test_list_of_a_missing_folder_is_empty(restore, bucket):
    """A list of a folder that is not there is answered with success and without keys."""
    page = restore.list(bucket.prefix, delimiter="/").must_succeed()

    assert names_in(page) == []


@pytest.mark.requirement("LIST-02.encoded-names")
def test_encoded_names_can_be_decoded(write, restore, bucket):
    """A list that is asked to encode its names, as SDKs ask, shows names that decode to the keys."""
    keys = write("a+b.bak", "a b.bak", "100%25.bak", "R&D.bak", "Größe.bak")

    page = restore.list(bucket.prefix, encoding_type="url").must_succeed()

    assert sorted(names_in(page)) == keys


@pytest.mark.requirement("LIST-02.rows-agree-with-head")
def test_list_shows_what_head_shows(write, restore, bucket):
    """A list shows the size and the ETag that HEAD shows."""
    (key,) = write("row.bak")

    rows = restore.list(bucket.prefix).must_succeed().rows("Contents")

    head = restore.head(key).must_succeed()
    shown = [(row.get("Size"), row.get("ETag", "").strip('"')) for row in rows]
    assert shown == [(head.header("Content-Length"), head.header("ETag").strip('"'))]


@pytest.mark.requirement("LIST-02.order")
def test_list_is_in_the_order_of_bytes(write, restore, bucket):
    """A list shows keys in the order of their UTF-8 bytes."""
    keys = write("B.bak", "a.bak", "_.bak", "a-1.bak", "Größe.bak", "\uff5e.bak", "🚀.bak")

    assert list(restore.keys(bucket.prefix)) == keys


@pytest.mark.requirement("LIST-02.max-keys")
def test_page_is_no_longer_than_asked(write, restore, bucket):
    """A page has no more keys than were asked for, and says that it is not the last."""
    keys = write("a.bak", "b.bak", "c.bak")

    page = restore.list(bucket.prefix, max_keys="2").must_succeed()

    assert (names_in(page), page.text("IsTruncated")) == (keys[:2], "true")


@pytest.mark.requirement("LIST-02.key-count")
def test_list_counts_its_keys(write, restore, bucket, evidence):
    """A list says how many keys it shows."""
    keys = write("a.bak", "b.bak", "c.bak")

    page = restore.list(bucket.prefix).must_succeed()

    assert evidence.keep("key_count", page.text("KeyCount")) == str(len(keys))


@pytest.mark.requirement("LIST-02.start-after")
def test_list_starts_after_a_key(write, restore, bucket):
    """A list that starts after a key shows the keys behind it."""
    keys = write("a.bak", "b.bak", "c.bak")

    page = restore.list(bucket.prefix, start_after=keys[0]).must_succeed()

    assert names_in(page) == keys[1:]


@pytest.mark.requirement("LIST-02.first-version")
def test_first_version_of_list_is_answered(write, restore, bucket):
    """The first version of ListObjects, which older tools send, is answered."""
    keys = write("a.bak", "b.bak")

    page = restore.call("GET", query={"prefix": bucket.prefix}).must_succeed()

    assert names_in(page) == keys
