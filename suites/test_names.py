"""Names: what people and their scripts call backups is kept, letter for letter, and nothing is taken for another."""

import pytest


@pytest.mark.parametrize(
    "name",
    [
        pytest.param("Sales DB.bak", id="space"),
        pytest.param("a+b.bak", id="plus"),
        pytest.param("100%25.bak", id="percent"),
        pytest.param("Größe-売上.bak", id="unicode"),
        pytest.param("~tilde.bak", id="tilde"),
        pytest.param("o'clock.bak", id="quote"),
        pytest.param("a=b,c@d.bak", id="equals"),
        pytest.param("SRV$INST_db.bak", id="dollar"),
        pytest.param("a&b;c.bak", id="ampersand"),
        pytest.param("a#b?.bak", id="hash"),
    ],
)
@pytest.mark.requirement("URL-12.special-characters")
def test_key_with_special_characters_is_kept(name, backup, restore, bucket, content):
    """A key with characters that need percent-encoding is written, listed and read under exactly that name."""
    key, media = bucket.key(name), content.make(name, 64 * content.KIB)

    backup.upload(key, media)

    assert list(restore.keys(bucket.prefix)) == [key]
    assert restore.get(key, 512, 1023).must_succeed().body == media[512:1024]


@pytest.mark.requirement("URL-12.case-distinct")
def test_keys_that_differ_in_case_are_two_objects(backup, restore, bucket, content):
    """Keys that differ only in case are two objects, so no backup overwrites another."""
    upper, lower = bucket.key("Sales.bak"), bucket.key("sales.bak")

    backup.put(upper, content.make("upper", content.KIB)).must_succeed()
    backup.put(lower, content.make("lower", content.KIB)).must_succeed()

    assert restore.digest(upper) == content.digest(content.make("upper", content.KIB))
