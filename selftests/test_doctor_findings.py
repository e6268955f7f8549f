"""Every planted misconfiguration is named: alone, and in pairs, less what the one hides of the other."""

import pytest
from planted_faults import FAULTS
from planted_store import Plan, examined

from restoreproof.fixtures.ledger import ledger_root
from restoreproof.reports.findings import AREAS, GOOD

ALWAYS = {"ca-on-linux", "ca-on-windows"}


@pytest.fixture(autouse=True)
def ledgers(tmp_path, monkeypatch):
    """Ledgers of the test's own, which has to leave none."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    yield
    assert not [path for path in ledger_root().glob("*") if path.is_dir()]


def test_healthy_store_has_no_finding(tmp_path):
    examination, store = examined(Plan(), tmp_path)

    assert names(examination) == set()
    assert [unlooked.what for unlooked in examination.unlooked] == []
    assert {finding.area for finding in examination.findings} == set(AREAS) - {"engine"}
    assert (store.objects, store.open) == ({}, {})


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_fault_is_named(fault, tmp_path):
    plan = Plan()
    fault.plant(plan)

    examination, store = examined(plan, tmp_path)

    assert names(examination) == expected(fault)
    assert store is None or (store.objects, store.open) == ({}, {})
    for finding in examination.findings:
        assert finding.severity == GOOD or (finding.seen and finding.dba_sees and finding.fix)


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_faults_are_named_in_pairs(fault, tmp_path):
    wrong = {}
    for other in FAULTS[FAULTS.index(fault) + 1 :]:
        if fault.knobs & other.knobs:
            continue
        plan = Plan()
        fault.plant(plan)
        other.plant(plan)
        examination, store = examined(plan, tmp_path)
        if names(examination) != expected(fault, other):
            wrong[other.name] = names(examination) ^ expected(fault, other)
        assert store is None or (store.objects, store.open) == ({}, {})

    assert wrong == {}


def names(examination):
    """What was found that is not good, the notes aside that every private CA comes with."""
    return {finding.name for finding in examination.findings if finding.severity != GOOD} - ALWAYS


def expected(*faults):
    """What is to be found: all that the faults make, less what one of them hides."""
    seen = set()
    for fault in faults:
        others = [other for other in faults if other is not fault]
        if all(fault.seen_at <= other.stops and fault.name not in other.hides for other in others):
            seen |= fault.findings
    return seen
