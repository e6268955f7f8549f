"""Deviations that come and go: they buy nothing, and hide nothing that others show."""

from dataclasses import replace

import pytest
from example_runs import header, requirement

from restoreproof.fixtures.verdicts import Declared, Excuse, Observation, block, combine
from restoreproof.providers.capabilities import CAPABILITIES
from restoreproof.reports.outcome import judge
from restoreproof.reports.record import Record
from restoreproof.reports.register import load_register

GATE = replace(requirement(), id="BAK-01.one-url", capability="list_uploads", after=(), needs=(), any_of="")
BEHIND = replace(GATE, id="BAK-02.differential", capability="", after=(GATE.id,))
EXCUSE = Excuse("InternalError", "a race", "https://vendor.example.test/known", intermittent=True)
DECLARED = Declared({GATE.id: EXCUSE})
SERVER = {"build": [16, 0, 4205, 1], "edition": "Developer", "platform": "Linux", "standin": False, "encrypts": True}


def records(outcome, symptom=""):
    gate = combine(GATE, [Observation(GATE.id, "", outcome, symptom=symptom)], DECLARED)
    behind = combine(BEHIND, [Observation(BEHIND.id, "", "failed", symptom="bytes-differ")], DECLARED)
    return block([gate, behind])


@pytest.mark.parametrize(
    ("outcome", "symptom", "verdicts"),
    [("passed", "", ["deviates", "fails"]), ("failed", "InternalError", ["deviates", "not run"])],
)
def test_only_a_failure_that_showed_itself_stands_before_others(outcome, symptom, verdicts):
    assert [record.verdict for record in records(outcome, symptom)] == verdicts


def test_symptom_is_that_of_this_run():
    assert [records("passed")[0].symptom, records("failed", "InternalError")[0].symptom] == ["", "InternalError"]


def test_pass_still_disproves_what_the_profile_denies():
    declared = replace(DECLARED, denied={"list_uploads": ("NotImplemented",)})

    record = combine(GATE, [Observation(GATE.id, "", "passed")], declared)

    assert (record.verdict, "list_uploads = false" in record.reason) == ("stale", True)


@pytest.mark.parametrize("lacking", sorted(name for name, word in CAPABILITIES.items() if word.default is False))
def test_certificate_hangs_on_nothing_that_a_store_need_not_have(lacking):
    """Beside the register's verdicts: what needs a capability that is off by default may never cost a certificate."""
    seen = [
        Record(
            entry, "not run" if lacking in entry.needs else "unsupported" if entry.capability == lacking else "conforms"
        )
        for entry in load_register()
    ]

    assert judge(header(engine=SERVER), seen)[0] == "certified"
