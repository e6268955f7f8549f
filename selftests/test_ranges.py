"""Ranges of releases: one profile that is right on the old build and on the fixed one."""

import pytest
from example_profiles import DEVIATION, GOOD, STARTED, load, problems
from hypothesis import given
from hypothesis import strategies as st

from restoreproof.commands.profile import check_profile
from restoreproof.providers.profile import load_profile
from restoreproof.providers.ranges import Bound, LabelError, parse_labels, parse_range, version_of

OLD = DEVIATION + 'seen_in = "firmware >= 11.9, firmware < 12.1"\n'
VARIANT = """\
[[variants]]
when = "firmware < 12.1"
[variants.capabilities]
list_uploads = false
[variants.limits]
parts = 1000
[variants.cleanup]
mechanism = "lifecycle"
"""


@pytest.mark.parametrize(
    ("release", "declared"),
    [("11.8.9", 0), ("11.9", 1), ("11.10", 1), ("12.0.99", 1), ("12.1", 0), ("12.1.0", 0), ("12.10", 0), ("13", 0)],
)
def test_a_deviation_is_declared_in_its_range_alone(tmp_path, release, declared):
    profile = load(tmp_path, GOOD + OLD, labels={"firmware": release})

    assert (len(profile.deviations), len(profile.elsewhere)) == (declared, 1 - declared)
    assert profile.ranges == {"firmware >= 11.9, firmware < 12.1": bool(declared)}


@pytest.mark.parametrize(("release", "parts", "mechanism"), [("12.0", 1000, "lifecycle"), ("12.1", 10_000, "manual")])
def test_a_variant_changes_what_its_releases_do(tmp_path, release, parts, mechanism):
    profile = load(tmp_path, GOOD + VARIANT, labels={"firmware": release})

    assert (profile.limits["parts"], profile.cleanup.mechanism) == (parts, mechanism)
    assert profile.capabilities["list_uploads"] is (release == "12.1")
    assert profile.capabilities["lifecycle_rules"] is (release == "12.0")


def test_the_last_variant_has_the_last_word(tmp_path):
    more = VARIANT + '[[variants]]\nwhen = "firmware < 11"\n[variants.limits]\nparts = 500\n'

    assert load(tmp_path, GOOD + more, labels={"firmware": "10.4"}).limits["parts"] == 500
    assert load(tmp_path, GOOD + more, labels={"firmware": "11.4"}).limits["parts"] == 1000


def test_the_command_line_is_stronger_than_the_profile(tmp_path):
    text = GOOD + OLD + '[labels]\nfirmware = "12.0"\nlab = "program"\n'

    assert load(tmp_path, text, labels={}).deviations
    assert not load(tmp_path, text, labels={"firmware": "12.1"}).deviations
    labels = {"firmware": "12.1", "topology": "4-node"}
    assert load(tmp_path, text, labels=labels).labels == {**labels, "lab": "program"}


def test_two_deviations_of_one_check_may_be_of_different_releases(tmp_path):
    later = DEVIATION.replace('"timeout"', '"reset"') + 'seen_in = "firmware >= 12.1"\n'

    assert load(tmp_path, GOOD + OLD + later, labels={"firmware": "12.0"}).deviations[0].symptom == "timeout"
    assert load(tmp_path, GOOD + OLD + later, labels={"firmware": "12.1"}).deviations[0].symptom == "reset"
    told = problems(tmp_path, GOOD + OLD + DEVIATION, labels={"firmware": "12.0"})
    assert told == ["17: [[deviations]].check: has been declared before; one check has one symptom"]


def test_a_run_without_the_label_is_refused_and_told_how_to_give_it(tmp_path):
    told = (
        "[[variants]].when: the run has no label 'firmware'; did you mean 'firmwear'?; "
        "say --label firmware=VERSION, or write it under [labels]"
    )

    assert problems(tmp_path, GOOD + VARIANT + OLD, labels={"firmwear": "12"}) == [f"11: {told}"]


def test_who_does_not_judge_by_a_profile_needs_no_label(tmp_path):
    profile = load(tmp_path, GOOD + VARIANT + OLD)

    assert (profile.deviations, profile.limits["parts"]) == ((), 10_000)
    assert set(profile.ranges.values()) == {None}


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (DEVIATION + 'intermittent = "yes"', "[[deviations]].intermittent: must be true or false, is a text"),
        (DEVIATION + "seen_in = 12", "must be a text in quotes, is a whole number"),
        *(
            (f'{DEVIATION}seen_in = "{text}"', "is no range; write a label, a comparison and a version, such as")
            for text in (
                "12.1",
                "firmware",
                "firmware ~ 12",
                "firmware < 12.x",
                "firmware <",
                "firmware < 12,",
                "F < 1",
            )
        ),
        (OLD + '[labels]\nfirmware = "RELEASE-1"', "the label 'firmware' is none; write it as 12.1 or 12.1.0.4"),
        ('[[variants]]\nwhen = "firmware < 1"', "[[variants]]: changes nothing; write [variants.capabilities]"),
        (VARIANT.replace("when", "wenn"), "[[variants]].when: is missing"),
        (VARIANT.replace("parts", "partz"), "[[variants.limits]].partz: unknown key; did you mean 'parts'?"),
        (VARIANT.replace("list_uploads", "list_upload"), "unknown key; did you mean 'list_uploads'?"),
        (VARIANT.replace("lifecycle", "lifecycles"), "did you mean 'lifecycle'?"),
        (
            VARIANT.replace("list_uploads", "path_style"),
            '.path_style: must be true, for the endpoint says style = "path"',
        ),
    ],
)
def test_what_is_no_range_or_no_variant_is_told_with_its_line(tmp_path, text, told):
    found = problems(tmp_path, GOOD + text + "\n", labels={"firmware": "11.9"} if "[labels]" not in text else {})

    assert any(told in line and line.split(":")[0].isdigit() for line in found), found


NUMBERS = st.lists(st.integers(0, 10**6), min_size=1, max_size=5)


@given(NUMBERS, NUMBERS, st.sampled_from(["<", "<=", "==", "!=", ">=", ">"]))
def test_versions_compare_number_by_number(here, bound, comparison):
    version, text = (".".join(map(str, numbers)) for numbers in (here, bound))
    (parsed,) = parse_range(f"firmware {comparison} {text}")
    padded, other = (numbers + [0] * (5 - len(numbers)) for numbers in (here, bound))

    assert parsed.holds(version_of(version)) is eval(f"{padded} {comparison} {other}")


@given(st.text(max_size=40))
def test_no_text_breaks_the_reader_of_ranges(text):
    assert all(isinstance(bound, Bound) for bound in parse_range(text))


def test_labels_of_the_command_line():
    assert parse_labels(["firmware=12.1", "topology=4-node", "note=a=b"]) == {
        "firmware": "12.1",
        "topology": "4-node",
        "note": "a=b",
    }


@pytest.mark.parametrize("word", ["firmware", "=12", "firmware=", "Firm ware=1", "firmware=a\nb", f"x={'1' * 101}"])
def test_words_that_are_no_labels_are_refused(word):
    with pytest.raises(LabelError, match=r"write it as --label firmware=12\.1$"):
        parse_labels([word])


def test_a_label_has_one_value():
    with pytest.raises(LabelError, match="--label firmware is given twice"):
        parse_labels(["firmware=1", "firmware=2"])


def test_profile_check_shows_what_applies(tmp_path, capsys):
    file = tmp_path / "acme.toml"
    file.write_text(STARTED + VARIANT + OLD)

    for labels, shown in (
        (None, "firmware < 12.1: not known; add --label NAME=VERSION"),
        ({"firmware": "12.0"}, "deviations  TLS-02.trusted (timeout in firmware >= 11.9, firmware < 12.1)"),
        ({"firmware": "12.1"}, "elsewhere   TLS-02.trusted (timeout in firmware >= 11.9, firmware < 12.1)"),
    ):
        assert check_profile(str(file), ("TLS-02.trusted",), labels) == 0
        assert shown in capsys.readouterr().out
    assert check_profile(str(file), ("TLS-02.trusted",), {"topology": "4-node"}) == 4


@pytest.mark.parametrize(
    ("name", "release", "said"),
    [
        ("netapp_ontap_s3", "9.10.1", {"versioning": False, "object_lock": False, "conditional_writes": "unknown"}),
        ("netapp_ontap_s3", "9.13.1", {"versioning": True, "object_lock": False, "mechanism": "admin-rule"}),
        ("netapp_ontap_s3", "9.12.1", {"versioning": True, "mechanism": "manual"}),
        ("netapp_ontap_s3", "9.19.1", {"object_lock": True, "conditional_writes": "enforced"}),
        ("netapp_storagegrid", "11.9", {"checksums": ("SHA256",), "conditional_writes": "ignored"}),
        ("netapp_storagegrid", "12.1", {"conditional_writes": "rejected"}),
        ("pure_flashblade", "4.1.9", {"checksums": (), "checksum_trailers": False}),
        ("pure_flashblade", "4.4.10", {"checksum_trailers": True}),
    ],
)
def test_shipped_profiles_say_what_each_release_does(name, release, said):
    profile = load_profile(name, {}, require_keys=False, labels={"firmware": release})
    told = {**profile.capabilities, "mechanism": profile.cleanup.mechanism}

    assert {word: told[word] for word in said} == said
