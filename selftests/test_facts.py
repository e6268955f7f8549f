"""Files of facts: each word known with its sources or listed as unknown, and every mistake named at its line."""

from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from example_profiles import spell_toml
from hypothesis import given
from hypothesis import strategies as st

from restoreproof.providers.capabilities import CAPABILITIES, LIMITS
from restoreproof.providers.facts import (
    ASK,
    CERTAINTIES,
    VOCABULARY,
    ProfileError,
    load_facts,
    read_facts,
    shipped_facts,
)
from restoreproof.providers.profile import load_profile, shipped_profiles
from restoreproof.reports.register import load_register

KNOWN = """\
[sources]
limits = "https://acme.test/limits"

[multipart.max_parts]
value = 1000
certainty = "documented"
source = ["limits"]
"""
UNKNOWN = f"unknown = {sorted(VOCABULARY.keys() - {'multipart.max_parts'})}\n".replace("'", '"')
HEAD = 'vendor = "Acme"\noffering = "Store"\nkind = "software"\n'
GOOD = HEAD + UNKNOWN + KNOWN


def read(tmp_path, text, variant=None):
    file = tmp_path / "acme.toml"
    file.write_text(text)
    return read_facts(file, variant)


def test_every_word_says_what_shows_it():
    checks = load_register().requirements
    probes = {word.probe for word in VOCABULARY.values()}

    assert probes - {ASK} - CAPABILITIES.keys() - LIMITS.keys() <= set(checks)
    assert all(word.sentence.endswith(".") for word in VOCABULARY.values())


@pytest.mark.parametrize("slug", shipped_facts())
def test_shipped_facts_are_sound(slug):
    facts = load_facts(slug)

    assert facts.known.keys() | set(facts.unknown) == VOCABULARY.keys()
    assert {fact.certainty for fact in facts.known.values()} <= set(CERTAINTIES)


def test_every_profile_of_a_vendor_has_its_facts_and_every_file_of_facts_a_profile():
    profiles = [load_profile(name, {}, load_register().requirements, require_keys=False) for name in shipped_profiles()]

    assert {profile.facts for profile in profiles} - {None} == set(shipped_facts())


OF_FACTS = {word.name: word.probe for word in VOCABULARY.values() if word.probe in CAPABILITIES}
OF_FACTS |= {"credentials.colon_possible": "colon_in_keys"}


@pytest.mark.parametrize("name", shipped_profiles())
def test_a_profile_and_its_facts_say_the_same(name):
    profile = load_profile(name, {}, load_register().requirements, require_keys=False)
    if profile.facts is None:
        return
    facts = load_facts(profile.facts, profile.labels.get("variant"))
    there = {OF_FACTS[fact.name] for fact in facts.known.values() if fact.name in OF_FACTS and fact.value is True}

    assert {word for word in facts.unknown if OF_FACTS.get(word) in profile.given} == set()
    assert {name for name in there - {"virtual_host"} if profile.capabilities[name] is False} == set()


@pytest.mark.parametrize("name", shipped_profiles())
def test_virtual_hosts_that_somebody_has_to_set_up_are_left_unknown(name):
    profile = load_profile(name, {}, load_register().requirements, require_keys=False)

    ours = profile.endpoint.kind != "url"
    assert ours or profile.endpoint.style == "virtual" or "virtual_host" not in profile.given


@pytest.mark.parametrize(
    ("labels", "algorithms", "conditions"),
    [({}, 1, "ignored"), ({"firmware": "11.9"}, 1, "ignored"), ({"firmware": "12.1"}, 4, "rejected")],
)
def test_a_release_that_does_otherwise_has_lines_of_its_own(labels, algorithms, conditions):
    known = load_register().requirements
    capabilities = load_profile("netapp_storagegrid", {}, known, require_keys=False, labels=labels).capabilities

    assert (len(capabilities["checksums"]), capabilities["conditional_writes"]) == (algorithms, conditions)


def test_facts_are_read_with_the_addresses_of_their_sources(tmp_path):
    facts = read(tmp_path, GOOD)

    assert facts.known["multipart.max_parts"].value == 1000
    assert facts.known["multipart.max_parts"].sources == ("https://acme.test/limits",)
    assert facts.value("multipart.max_parts") == 1000
    assert facts.value("region.default") is None


def test_a_variant_goes_before_the_rest(tmp_path):
    text = GOOD + KNOWN.replace("[multipart.max_parts]", "[variants.big.region.default]").partition("\n\n")[2]
    text += '[variants.big]\nunknown = ["multipart.max_parts"]\n'

    facts = read(tmp_path, text, "big")

    assert facts.value("region.default") == 1000
    assert facts.value("multipart.max_parts") is None
    assert "region.default" not in facts.unknown
    assert facts.known.keys() | set(facts.unknown) == VOCABULARY.keys()
    assert read(tmp_path, text, "small").value("multipart.max_parts") == 1000


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("[multipart.max_parts]", "[multipart.parts]", ":8: [multipart].parts: unknown key; did you mean 'max_parts'?"),
        ("[multipart.max_parts]", "[multpart.max_parts]", ":8: multpart: unknown key; did you mean 'multipart'?"),
        ("[multipart.max_parts]", "[multipart]\nmax_parts = 1\n[x]", ":9: [multipart].max_parts: must be a table, is"),
        ('"documented"', '"docmented"', "is none of documented, observed, inferred; did you mean 'documented'?"),
        ("value = 1000", "value = 1.5", ":9: [multipart.max_parts].value: must be a text in quotes, is a number with"),
        ("value = 1000", "", "[multipart.max_parts].value: is missing"),
        ('["limits"]', "[]", ":11: [multipart.max_parts].source: names no source; what nobody can look up does not"),
        ('source = ["limits"]', "", "[multipart.max_parts].source: names no source"),
        ('["limits"]', '["limit"]', ":11: [multipart.max_parts].source: names a source that [sources] does not have"),
        ("https://acme.test", "acme.test", ":6: [sources].limits: must be a web address, https://..."),
        ("[sources]\n", '[sources]\nmore = "https://acme.test/2"\n', ":6: [sources].more: is a source of nothing"),
        ("unknown = [", 'unknown = ["multipart.max_parts", ', ":4: unknown: holds multipart.max_parts, which the file"),
        ("unknown = [", 'unknown = ["region.default", ', ":4: unknown: names something twice"),
        ('"region.default"', '"region.defalt"', "the vocabulary does not have; did you mean 'region.default'?"),
        ('"region.default"', '"region.defalt"', "unknown: lacks region.default, which is not known either"),
        ('vendor = "Acme"', "", "vendor: is missing"),
        ("[sources]", '[[setup]]\nwhat = "x"\nsource = ["limits"]\n[sources]', "[[setup]].how: is missing"),
        ("[sources]", '[[setup]]\nwhat = "x"\nhow = "y"\n[sources]', "[[setup]].source: names no source"),
        ("[sources]", '[[setup]]\nwhat = "x"\nhow = "y"\nrights = "all"\n[sources]', "[[setup]].rights: must be true"),
        ("[sources]", '[[quirks]]\nwhat = "x"\nsource = ["limits"]\n[sources]', "[[quirks]].certainty: is missing"),
        ("[sources]", "[variants.x.region.defult]\nvalue = 1\n[sources]", "did you mean 'default'?"),
    ],
)  # fmt: skip
def test_a_mistake_is_named_at_its_line(tmp_path, old, new, expected):
    assert old in GOOD

    with pytest.raises(ProfileError) as error:
        read(tmp_path, GOOD.replace(old, new, 1))

    assert expected in str(error.value)
    assert all(line.startswith(str(tmp_path / "acme.toml")) for line in str(error.value).splitlines())


WORDS = st.sampled_from(
    ["vendor", "unknown", "sources", "setup", "quirks", "variants", "multipart", "max_parts", "value", "certainty",
     "source", "what", "how", "documented", "limits", "https://acme.test"]
)  # fmt: skip
LEAVES = st.booleans() | st.integers() | st.text(max_size=4) | WORDS
TREES = st.recursive(LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=4))


@given(st.dictionaries(WORDS, TREES, max_size=8))
def test_values_of_any_type_are_facts_or_refused(tree):
    text = "".join(f"{key} = {spell_toml(value)}\n" for key, value in tree.items())

    with TemporaryDirectory() as folder, pytest.raises(ProfileError) as error:
        read(Path(folder), text)

    assert str(error.value).startswith(folder)


def test_facts_that_are_not_shipped_are_refused():
    with pytest.raises(ProfileError, match="no facts are shipped under that name"):
        load_facts("acme")
