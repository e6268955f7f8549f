"""Profiles that are refused: every problem at its line, none with a value in it, and never a traceback."""

import os
import tomllib
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from example_profiles import CANARY, ENVIRON, EXAMPLES, GOOD, load, problems, spell_toml
from hypothesis import example, given
from hypothesis import strategies as st

from restoreproof.providers.profile import Profile, ProfileError, load_profile

CASES = [
    case
    for file in sorted((Path(__file__).parent / "bad_profiles").glob("*.toml"))
    for case in tomllib.loads(file.read_text(encoding="utf-8"))["case"]
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["expected"].partition(";")[0])
def test_a_bad_profile_is_refused_with_line_and_reason(tmp_path, case):
    text = EXAMPLES[case["example"]]
    before, old, after = text.rpartition(case["replace"]) if "replace" in case else (text, "", "")
    expected = case["expected"].replace("{folder}", str(tmp_path)).strip().splitlines()

    assert old == case.get("replace", "")
    assert problems(tmp_path, before + case["by"] + after) == expected


@pytest.mark.parametrize(
    ("half", "value", "expected"),
    [
        ("id", "user:name", "holds a ':'; the first ':' ends the key id in SQL Server's credential (CRED-03)"),
        ("secret", CANARY + ":", "holds a ':'; SQL Server refuses a secret with ':' (CRED-04)"),
        ("secret", CANARY + "\n", "holds a character that no key has"),
        ("secret", "\u00e9" + CANARY, "holds a character that no key has"),
        ("secret", "\udcff" + CANARY, "holds a character that no key has"),
        ("id", "abc", "has fewer than 4 characters"),
        ("secret", "@#!", "has fewer than 4 characters"),
    ],
)
def test_a_key_that_sql_server_cannot_use_is_refused(tmp_path, half, value, expected):
    (tmp_path / "acme.toml").write_text(GOOD)
    variable = f"ACME_{half.upper()}"

    with pytest.raises(ProfileError) as error:
        load_profile(str(tmp_path / "acme.toml"), ENVIRON | {variable: value})

    assert f"[keys.backup].{half}: the {half} in the variable {variable} {expected}" in str(error.value)
    assert value not in str(error.value)


def test_every_problem_is_told_at_once_in_the_order_of_lines(tmp_path):
    text = GOOD.replace('"acme"', '"Acme!"').replace("https", "http").replace("ACME_SECRET", "acme-secret")

    assert [line.partition(":")[0] for line in problems(tmp_path, text + "[limits]\nx = 1\ny = 2\n")] == [
        "1", "5", "9", "11", "12",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b'name = "acme"\ntitle = \n', "F:2: no valid TOML: Invalid value (column 9)"),
        (b'name = "acme', "F:1: no valid TOML: "),
        (b'name = "a"\nname = "b"\n', "F:2: no valid TOML: Cannot overwrite a value"),
        (b"x = " + b"9" * 5000, "F:1: no valid TOML: a number is out of bounds"),
        (b"x = " + b"[" * 5000, "F: is nested too deeply"),
        (b"x = " + b"[" * 400 + b"]" * 400, "F: is nested too deeply"),
        (b"x = " + b"[" * 100 + b"]" * 100, "F:1: [keys].backup: is missing"),
        (b'name = "a"\n\xff', "F:2: is not UTF-8 text; save it as UTF-8"),
        ("x = 1".encode("utf-16"), "F: is UTF-16; save it as UTF-8"),
        (None, "F: there is no such file; restoreproof profile new writes a starter"),
    ],
)
def test_a_file_that_is_no_toml_is_refused(tmp_path, data, expected):
    file = tmp_path / "acme.toml"
    if data is not None:
        file.write_bytes(data)

    with pytest.raises(ProfileError) as error:
        load_profile(str(file), ENVIRON)

    assert str(error.value).replace(str(file), "F").startswith(expected)


def test_a_profile_that_is_no_regular_file_is_refused_and_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "acme.toml")

    with pytest.raises(ProfileError, match="is no regular file"):
        load_profile(str(tmp_path / "acme.toml"), ENVIRON)


def test_a_key_with_one_right_is_refused_without_the_others(tmp_path):
    file = tmp_path / "acme.toml"
    file.write_text('[keys.put_only]\nid = "ACME_BACKUP_ID"\nsecret = "ACME_BACKUP_SECRET"\n')

    with pytest.raises(ProfileError, match="give all of"):
        load_profile(str(file), ENVIRON)


def _values():
    """Every key of a complete profile, with the canary where its value should be."""
    keys = ("name", "title", *(f"endpoint.{key}" for key in ("url", "image", "program", "region", "style", "bucket")))
    keys += tuple(f"endpoint.{key}" for key in ("domain", "ca", "addresses", "port", "command", "nonsense"))
    keys += tuple(f"keys.{role}.{half}" for role in ("backup", "restore") for half in ("id", "secret", "secret_file"))
    keys += tuple(
        f"{table}.{key}" for table, key in (("capabilities", "etag"), ("limits", "parts"), ("cleanup", "after"))
    )
    return (*keys, "capabilities.checksums", "cleanup.mechanism", "labels.lab", "keys", "endpoint", "deviations")


@pytest.mark.parametrize("key", _values())
@pytest.mark.parametrize("shape", ["{}", "[{}]", "{{x = {}}}"])
def test_no_message_repeats_a_value(tmp_path, key, shape):
    value = shape.format(f'"{CANARY}"')

    assert not any(
        CANARY in line for line in problems(tmp_path, f"{key} = {value}\n") if "].secret_file: the file" not in line
    )


@given(st.text())
@example("[endpoint]\nurl = 'https://h'\n")
def test_any_text_is_a_profile_or_refused(text):
    _check_loading(text)


@given(st.binary())
def test_any_bytes_are_a_profile_or_refused(data):
    _check_loading(data)


KEYS_AND_MORE = st.sampled_from(
    ["name", "title", "endpoint", "keys", "capabilities", "limits", "cleanup", "deviations", "labels", "url", "ca",
     "image", "program", "addresses", "environment", "command", "backup", "id", "id_file", "checksums", "x"]
)  # fmt: skip
LEAVES = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8)
TREES = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS_AND_MORE, inner, max_size=4)
)


@given(st.dictionaries(KEYS_AND_MORE, TREES, max_size=8))
def test_values_of_any_type_are_a_profile_or_refused(tree):
    _check_loading("".join(f"{key} = {spell_toml(value)}\n" for key, value in tree.items()))


def _check_loading(text):
    with TemporaryDirectory() as folder:
        try:
            profile = load(Path(folder), text)
        except ProfileError as error:
            assert str(error).startswith(folder)  # noqa: PT017  # either outcome is right, a traceback is not
        else:
            assert isinstance(profile, Profile)
