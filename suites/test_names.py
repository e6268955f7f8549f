"""Names: what people and their scripts call backups is kept, letter for letter, and nothing is taken for another."""

import pytest

LONGEST_URL = 259

SCRIPTED = (
    "SQL01$PROD/Sales/FULL/SQL01$PROD_Sales_FULL_20260101_220000.bak",
    "SQL01$PROD/Größe/LOG/SQL01$PROD_Größe_LOG_20260101_221500.trn",
    "SQL01/HR Data/FULL_COPY_ONLY/SQL01_HR Data_FULL_COPY_ONLY_20260101_220000_1.bak",
    "SQL01/HR Data/FULL_COPY_ONLY/SQL01_HR Data_FULL_COPY_ONLY_20260101_220000_2.bak",
    f"SQL01/{'Д' * 30}/FULL/SQL01_{'Д' * 30}_FULL_20260101_220000.bak",
    "CLU01$AG1/Sales/DIFF/CLU01$AG1_Sales_DIFF_20260101_220000.bak",
    "Sales_202601012200-1-of-2.bak",
    "Sales_202601012200-2-of-2.bak",
)
"""As SQL Server Maintenance Solution (an instance, stripes of a copy, an availability group) and dbatools name them."""


@pytest.fixture
def longest_key(endpoint, bucket):
    """A key that fills the URL as SQL Server is given it."""
    start = f"s3://{endpoint.netloc(bucket.name, endpoint.style)}/"
    start += f"{bucket.name}/" if endpoint.style == "path" else ""
    return bucket.key("n" * (LONGEST_URL - len(start + bucket.prefix)))


@pytest.fixture
def write(backup, bucket, content):
    """Writes an object under each name, one after the other; their keys in the order of their letters."""

    def write(*names):
        keys = sorted(bucket.key(name) for name in names)
        for key in keys:
            backup.put(key, content.make(key, content.KIB)).must_succeed()
        return keys

    return write


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


@pytest.mark.requirement("URL-12.script-names")
def test_names_that_scripts_write_are_kept(write, restore, bucket, content, together):
    """Names as backup scripts write them are kept side by side, and found by their folder."""
    keys = write(*SCRIPTED)

    assert together(restore.digest, keys) == [content.digest(content.make(key, content.KIB)) for key in keys]
    assert sorted(restore.keys(bucket.prefix)) == keys
    assert sorted(restore.keys(bucket.prefix + "SQL01$PROD/")) == [key for key in keys if "SQL01$PROD/" in key]


@pytest.mark.requirement("URL-12.supplementary-characters")
def test_characters_beyond_the_basic_plane_are_kept(backup, restore, bucket, content):
    """A key with characters beyond the basic plane of Unicode is written, listed and read under exactly that name."""
    key, media = bucket.key("𠮷野家 🚀.bak"), content.make("supplementary", content.KIB)

    backup.upload(key, media)

    assert list(restore.keys(bucket.prefix)) == [key]
    assert restore.get(key, 512, 1023).must_succeed().body == media[512:1024]


@pytest.mark.parametrize(
    ("name", "other"),
    [
        pytest.param("sales/full.bak", "sales//full.bak", id="doubled-slash"),
        pytest.param("sales/full.bak", "sales/./full.bak", id="dot-segment"),
        pytest.param("full.bak", "sales/../full.bak", id="dot-dot-segment"),
        pytest.param("full.bak", " full.bak", id="leading-space"),
        pytest.param("full.bak", "full.bak ", id="trailing-space"),
        pytest.param("full.bak", "full.bak.", id="trailing-dot"),
        pytest.param("Gr\u00f6\u00dfe.bak", "Gro\u0308\u00dfe.bak", id="decomposed"),
    ],
)
@pytest.mark.requirement("URL-12.look-alikes-apart")
def test_key_that_looks_like_another_never_replaces_it(name, other, backup, restore, bucket, content):
    """A key that only looks like another is kept apart or refused, but never replaces it."""
    key, look_alike, media = bucket.key(name), bucket.key(other), content.make("first", content.KIB)
    backup.put(key, media).must_succeed()

    backup.put(look_alike, content.make("second", content.KIB))

    assert restore.digest(key) == content.digest(media)


@pytest.mark.requirement("URL-12.doubled-slash")
def test_key_with_a_doubled_slash_is_kept(backup, restore, bucket, content):
    """A key with a doubled slash is written, listed and read under exactly that name."""
    key, media = bucket.key("sales//full.bak"), content.make("doubled slash", content.KIB)

    backup.upload(key, media)

    assert list(restore.keys(bucket.prefix)) == [key]
    assert restore.get(key, 512, 1023).must_succeed().body == media[512:1024]


@pytest.mark.parametrize(
    ("name", "spelling"),
    [
        pytest.param("a+b.bak", "a+b.bak", id="plain-plus"),
        pytest.param("Größe.bak", "Gr%c3%b6%c3%9fe.bak", id="lower-case-escapes"),
        pytest.param("a(1).bak", "a(1).bak", id="plain-brackets"),
    ],
)
@pytest.mark.requirement("URL-12.other-escapes")
def test_key_escaped_in_another_way_is_the_same(name, spelling, backup, restore, reader, bucket, content):
    """A key whose escapes are written in another way, and signed in the usual one, names the same object."""
    key, media = bucket.key(name), content.make(name, content.KIB)
    backup.put(key, media).must_succeed()

    answer = reader.get_as_spelt(restore, key, bucket.prefix + spelling).must_succeed()

    assert content.digest(answer.body) == content.digest(media)


@pytest.mark.requirement("URL-06.longest-url")
def test_longest_url_is_accepted(longest_key, backup, restore, bucket, content):
    """A key that makes the URL 259 characters long, the most that SQL Server takes, is written, listed and read."""
    media = content.make("longest url", content.KIB)

    backup.upload(longest_key, media)

    assert list(restore.keys(bucket.prefix)) == [longest_key]
    assert restore.digest(longest_key) == content.digest(media)
