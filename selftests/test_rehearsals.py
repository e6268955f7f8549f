"""Every line of a profile is seen by a check, or named as one that none sees; and a stale or wrong one is red.

A profile is judged against an endpoint that has exactly its capabilities and limits. Then the same observations are
judged by the profile with one line left out (or turned round, where silence says nothing), and those of a plain
endpoint by a profile with one line too many.
"""

import os
import subprocess
import sys

import pytest
import rehearsals
from defective_runs import REGISTER
from live_runs import COMMAND, with_engine
from rehearsals import checks_for, having, lines_of, red, without

from restoreproof.fixtures.rehearsing import rehearsed
from restoreproof.providers.capabilities import CAPABILITIES, LIMITS
from restoreproof.providers.expectations import (
    NOT_AT_THIS_VALUE,
    OF_THE_REGISTER,
    QUOTED,
    differences,
    foretell,
    unseen_lines,
)
from restoreproof.providers.profile import load_profile, shipped_profiles
from restoreproof.reports.reader import read_run
from restoreproof.reports.record import CONFORMS, NOT_RUN, RED
from restoreproof.standins.proxy.catalogue import chosen
from restoreproof.standins.proxy.composed import PLAYS

linux = pytest.mark.skipif(sys.platform != "linux", reason="the embedded endpoint runs on Linux only")

MADE_UP = {
    "small": {
        "parts": 1000,
        "part_maximum": 16 * 2**20,
        "open_uploads": 15,
        "key_segment": 60,
        "equal_parts": "required",
        "contiguous_parts": "required",
        "lifecycle_rules": True,
        "default_encryption": True,
    },
    "odd": {
        "parts": 20_000,
        "part_minimum": 0,
        "list_uploads": False,
        "list_uploads_by_prefix": False,
        "listing_order": "none",
        "listing_delimiter": "none",
        "missing_head": ("500",),
        "tls_minimum": "1.1",
        "etag": "sha256",
        "slash_is_directory": True,
        "payload_hash_verified": False,
    },
    "other": {
        "part_minimum": 6 * 2**20,
        "listing_v2": False,
        "abort_frees_parts": False,
        "tls_minimum": "1.3",
        "bucket_creation": "admin",
        "virtual_host": False,
    },
}
"""What no shipped profile says."""

LEFT_OUT_UNSEEN = {"versioning", "bucket_creation"}
"""Lines without which checks are not run, or are an error of the run's own; see the tests of their own."""


def load(name):
    return load_profile(name, os.environ, REGISTER.requirements, require_keys=False)


def made_up(name):
    profile = load("embedded")
    for word, value in MADE_UP[name].items():
        profile = having(profile, word, value)
    return profile


def profile_of(name):
    return made_up(name) if name in MADE_UP else rehearsed(load(name), REGISTER.requirements)


ALL = [*shipped_profiles(), *MADE_UP]


# The tables


def test_every_word_is_seen_by_checks_or_named_as_one_that_none_sees():
    played, words = set(PLAYS), {*CAPABILITIES, *LIMITS}

    assert played | set(QUOTED) == words
    assert played & set(QUOTED) == set()
    assert set(NOT_AT_THIS_VALUE) <= played


def test_the_register_names_the_capabilities_that_are_said_to_be_its_own():
    named = {entry.capability for entry in REGISTER if entry.capability}
    needed = {need for entry in REGISTER for need in entry.needs if need in CAPABILITIES}

    assert named | needed == set(OF_THE_REGISTER)


def test_what_is_foretold_is_in_the_register():
    told = [foretell(profile_of(name).capabilities, profile_of(name).limits) for name in ALL]

    assert {check for lines in told for check in lines} <= set(REGISTER.requirements)
    assert all(foretold.symptoms for lines in told for foretold in lines.values())


@pytest.mark.parametrize("name", shipped_profiles())
def test_every_line_of_a_shipped_profile_is_seen_or_has_a_reason(name):
    profile = load(name)
    unseen = list(unseen_lines(profile.capabilities, profile.limits))

    assert all(why for _, _, why in unseen)
    assert len(unseen) + len(lines_of(profile)) == len(list(differences(profile.capabilities, profile.limits)))


def test_every_word_that_can_be_played_is_in_some_profile_that_is_rehearsed():
    said = {word for name in ALL for word, _ in lines_of(profile_of(name))}

    assert set(PLAYS) - said == {"path_style"}


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("partz=1", "did you mean 'parts'?"),
        ("parts=many", "its value has to be"),
        ("virtual_host=true", "its value has to be false"),
        ("=", "there are"),
    ],
)
def test_what_nothing_plays_is_refused_with_a_hint(name, said):
    with pytest.raises(LookupError) as problem:
        chosen([name])

    assert said in str(problem.value)


# The rehearsals


@pytest.fixture(scope="module")
def stage():
    with rehearsals.stage() as running:
        yield running


@pytest.fixture(scope="module")
def rehearse(stage):
    """The run of a profile; profiles that say the same of what checks see share one."""
    runs = {}

    def run_of(name):
        profile = profile_of(name)
        lines = lines_of(profile)
        key = (profile.endpoint.style, *map(str, lines))
        if key not in runs:
            checks = [check for line in lines for check in checks_for(*line)]
            runs[key] = stage.rehearse(profile, *(checks or checks_for("virtual_host", False)))
        return runs[key]

    return run_of


@linux
@pytest.mark.parametrize("name", ALL)
def test_a_profile_is_right_about_an_endpoint_that_does_what_it_says(name, rehearse):
    profile, run = profile_of(name), rehearse(name)
    verdicts = {record.id: record.verdict for record in run.records}

    assert [(record.id, record.symptom, record.reason) for record in run.records if record.verdict in RED] == []
    assert run.footer.as_declared
    for line in lines_of(profile):
        assert {verdicts[check] for check in checks_for(*line)} - {NOT_RUN}, f"nobody saw {line}"


@linux
@pytest.mark.parametrize("name", ALL)
def test_a_line_left_out_is_red(name, rehearse):
    profile, run = profile_of(name), rehearse(name)

    for word, value in lines_of(profile):
        if word not in LEFT_OUT_UNSEEN:
            assert set(red(run, without(profile, word))) & set(checks_for(word, value)), f"{word} = {value}"


@pytest.fixture(scope="module")
def plain(stage):
    """The run of every check that some line concerns, against an endpoint that differs in nothing."""
    profile = load("embedded")
    lines = {(word, str(value)): (word, value) for name in ALL for word, value in lines_of(profile_of(name))}
    checks = [check for line in lines.values() for check in checks_for(*line)]
    return stage.rehearse(profile, *checks), [line for line in lines.values() if line[0] not in LEFT_OUT_UNSEEN]


@linux
def test_a_line_too_many_is_red(plain):
    run, lines = plain
    profile = load("embedded")

    for word, value in lines:
        if getattr(profile, "limits" if word in LIMITS else "capabilities")[word] != value:
            assert set(red(run, having(profile, word, value))) & set(checks_for(word, value)), f"{word} = {value}"


@linux
def test_versions_that_are_claimed_and_not_there_are_an_error(stage):
    profile = load("embedded")

    run = stage.judge(profile, "--defect", "versioning=false", "--check", "LCK-04.newest-size")

    assert "can't be given versions, though the profile says so" in next(
        record.reason for record in run.records if record.verdict == "error"
    )


@linux
def test_buckets_that_only_an_administrator_makes_are_an_error_where_the_profile_does_not_say_so(stage):
    run = stage.judge(load("embedded"), "--defect", "bucket_creation=admin", "--check", "MPU-07.put-object")

    assert {record.verdict for record in run.records} == {"error", NOT_RUN}


@linux
def test_a_rehearsal_needs_no_keys_and_is_no_certificate(tmp_path):
    file = tmp_path / "acme.toml"
    file.write_text(
        'name = "acme"\ntitle = "Acme"\n[endpoint]\nurl = "https://s3.acme.test"\nstyle = "virtual"\n'
        "[capabilities]\nvirtual_host = true\npath_style = false\n"
        '[[variants]]\nwhen = "firmware < 12.1"\n[variants.limits]\nparts = 1000\n'
        '[keys.backup]\nid = "ACME_ID"\nsecret = "ACME_SECRET"\n'
    )
    checks = ("--check", "MPU-02.part-number-10000", "--check", "URL-02.path-style", "--check", "URL-03.virtual-host")
    verdicts = {}
    for release in ("12.0", "12.1"):
        words = ("certify", "--provider", str(file), "--rehearse", "--label", f"firmware={release}", *checks)
        folder = tmp_path / release
        done = subprocess.run(
            [*COMMAND, *with_engine([*words, "--report-dir", str(folder)])],
            env={**os.environ, "XDG_STATE_HOME": str(tmp_path / "state")},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        run = read_run(next(folder.glob("*/*")))
        verdicts[release] = {record.id: record.verdict for record in run.records if record.verdict != NOT_RUN}
        assert run.header.endpoint["ours"]

    assert verdicts["12.0"]["MPU-02.part-number-10000"] == "unsupported"
    assert verdicts["12.1"]["MPU-02.part-number-10000"] == CONFORMS
    assert {verdicts[release]["URL-02.path-style"] for release in verdicts} == {"unsupported"}
    assert {verdicts[release]["URL-03.virtual-host"] for release in verdicts} == {CONFORMS}
