"""Each defect turns red what it declares, and a seeded twentieth of all other checks that send little stays green.

Those that begin above what a smoke run reaches are played in test_scale.py; those that the embedded endpoint has of its
own are played at another server.
"""

import random
from dataclasses import replace

import pytest
from defective_runs import laboratory, many_parts_laboratory
from detection import differences, serious

from restoreproof.reports.outcome import NOT_CERTIFIED, judge
from restoreproof.reports.register import SCALES, load_register
from restoreproof.standins.catalogue import DEFECTS, ENGINE_DEFECTS

REGISTER = load_register()
MANY_REQUESTS = 20
WIRE = {entry.id for entry in REGISTER if entry.phase == "wire"}
LITTLE = {entry.id for entry in REGISTER if entry.reach(SCALES[0]).requests <= MANY_REQUESTS}
ROUND_TRIPS = set(REGISTER.requirements) - WIRE
FEW = 2
GATE = "BAK-01.one-url"
"""Whatever else a defect does, the simplest round trip shows that the rest of the engine works."""


@pytest.fixture(scope="module")
def lab():
    with laboratory() as running:
        yield running


@pytest.fixture(scope="module")
def other_lab():
    with many_parts_laboratory() as running:
        yield running


@pytest.mark.parametrize("name", [n for n, d in DEFECTS.items() if d.scale == SCALES[0] and n not in ENGINE_DEFECTS])
def test_defect_reddens_what_it_declares(name, lab, request):
    defect = DEFECTS[name]
    others = sorted(WIRE & LITTLE - set(defect.reddens) - lab.own)
    checks = [*(set(defect.reddens) - lab.own), *random.Random(name).sample(others, len(others) // 20)]
    if lab.own.issuperset(defect.reddens):
        lab, checks = request.getfixturevalue("other_lab"), defect.reddens
        assert lab.own.isdisjoint(checks)

    run = lab.observe(name, checks)

    red, declared = differences(defect, run, checks)
    assert red == declared
    if serious(defect, REGISTER):
        assert outcome_of(run) == NOT_CERTIFIED


@pytest.mark.parametrize("name", [n for n, d in ENGINE_DEFECTS.items() if d.scale == SCALES[0]])
def test_engine_defect_reddens_what_it_declares(name, lab):
    defect = ENGINE_DEFECTS[name]
    others = sorted(ROUND_TRIPS - set(defect.reddens) - {GATE})
    checks = [GATE, *defect.reddens, *random.Random(name).sample(others, FEW)]

    run = lab.observe(name, dict.fromkeys(checks))

    red, declared = differences(defect, run, checks)
    assert red == declared
    if serious(defect, REGISTER):
        assert outcome_of(run) == NOT_CERTIFIED


def outcome_of(run):
    """The outcome that a whole run would have: musts that were not asked for can't mend it."""
    return judge(replace(run.header, selection={**run.header.selection, "filtered": False}), run.records)[0]


def test_every_check_is_reddened_by_a_defect():
    reddened = {check for defect in DEFECTS.values() for check in defect.reddens}

    assert reddened == set(REGISTER.requirements)


def test_no_two_checks_are_reddened_by_the_same_defects():
    sets = {}
    for entry in REGISTER:
        sets.setdefault(frozenset(d.name for d in DEFECTS.values() if entry.id in d.reddens), []).append(entry.id)

    assert [ids for ids in sets.values() if len(ids) > 1] == []


def test_every_defect_breaks_what_it_reddens():
    assert [d.name for d in DEFECTS.values() if d.breaks not in d.reddens] == []


def test_serious_defects_redden_a_must():
    weak = [
        d.name
        for d in DEFECTS.values()
        if serious(d, REGISTER) and not any(REGISTER[check].level == "must" for check in d.reddens)
    ]

    assert weak == []
