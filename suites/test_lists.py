"""Lists: what finds backups, and deletes old ones, sees all of them and nothing else."""

import pytest

ROUNDS = range(8)


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
