"""A run of all checks that need no engine, started once: how it is judged, and whether it did what its plan says.

That one which asks for no more than it reaches ends well is shown with the wheel (test_packaging.py).
"""

import sys

import pytest
from defective_runs import laboratory

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the embedded endpoint runs on Linux only")

MIB = 1024 * 1024


@pytest.fixture(scope="module")
def whole_run():
    with laboratory() as lab:
        done, run = lab.certify()
        return done, run, {path.name for path in lab.folder.iterdir()}


def test_exit_code_says_that_a_rehearsed_endpoint_is_not_certified(whole_run):
    done, run, _ = whole_run

    assert (done.returncode, run.footer.rung, run.footer.as_declared) == (1, "wire conformant", True)


def test_run_leaves_no_cache_in_the_folder_where_it_was_started(whole_run):
    assert ".hypothesis" not in whole_run[2]


def test_plan_is_an_honest_bound(whole_run):
    """Never more than planned, and the plan never more than three times, or three above, what was needed."""
    wrong = []
    for record in (record for record in whole_run[1].records if record.requirement.phase == "wire"):
        plan = record.requirement.reach("smoke")
        mib = round((record.sent + record.received) / MIB)
        for word, needed, planned in (("requests", record.requests, plan.requests), ("MiB", mib, plan.mib)):
            if not needed <= planned <= max(3 * needed, needed + 3):
                wrong.append(f"{record.id}: {needed} {word}, planned {planned}")

    assert wrong == []
