"""Lifecycle rules, clean-up and limits: what the doctor holds against a backup's size, name and duration."""

from dataclasses import replace

import pytest
from planted_store import DAY, HOUR, SOURCES, Plan, examined, patient_of
from test_doctor_findings import names

from restoreproof.fixtures.doctor.chart import Chart
from restoreproof.fixtures.doctor.forms import look_at_forms
from restoreproof.providers.capabilities import LIMITS
from restoreproof.reports.findings import GOOD
from restoreproof.reports.redaction import Redactor

MIB = 1024 * 1024


@pytest.fixture(autouse=True)
def ledgers(tmp_path, monkeypatch):
    """Ledgers of the test's own."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))


DATED = "<Rule><ID>old</ID><Status>Enabled</Status><Expiration><Date>{}T00:00:00Z</Date></Expiration>{{}}</Rule>"
EXPIRATION = "<Rule><ID>old</ID><Status>Enabled</Status><Expiration><Days>30</Days></Expiration>{}</Rule>"
MOVE = "<Transition><Days>9</Days><StorageClass>GLACIER</StorageClass></Transition>"


@pytest.mark.parametrize(
    ("rules", "wrong"),
    [
        (EXPIRATION, {"objects-expire"}),
        (DATED.format("2031-01-01"), {"objects-expire"}),
        (f"<Rule><ID>a</ID><Status>Enabled</Status>{MOVE}{{}}</Rule>", {"objects-move"}),
        ("<Rule><ID>a</ID><Status>Disabled</Status>{}</Rule>", {"no-abort-rule"}),
        ("<Rule><ID>a</ID><Status>Enabled</Status><Filter><Prefix>logs/</Prefix></Filter>{}</Rule>", {"no-abort-rule"}),
        (
            "<Rule><ID>a</ID><Status>Enabled</Status><Filter><Tag><Key>k</Key></Tag></Filter>{}</Rule>",
            {"no-abort-rule"},
        ),
        ("<Rule><Status>Enabled</Status><Filter><Prefix>SQLPROD01/</Prefix></Filter>{}</Rule>", set()),
    ],
)
def test_lifecycle_rules_count_that_are_on_and_hold_for_backups(rules, wrong, tmp_path):
    examination, _ = examined(Plan(rules=rules), tmp_path)

    assert names(examination) == wrong


@pytest.mark.parametrize(
    ("facts", "cleanup", "advised"),
    [
        ("", "", False),
        ("", 'mechanism = "lifecycle"\nafter = "7d"', True),
        ("aws_s3", 'mechanism = "lifecycle"\nafter = "7d"', True),
        ("weka_s3", 'mechanism = "lifecycle"\nafter = "7d"', False),
        ("weka_s3", 'mechanism = "manual"', False),
    ],
)
def test_lifecycle_rule_is_advised_where_the_store_may_have_it(facts, cleanup, advised, tmp_path):
    plan = Plan(abort="", facts=facts, cleanup=f"[cleanup]\n{cleanup}" if cleanup else "")
    examination, _ = examined(plan, tmp_path)

    [found] = [finding for finding in examination.findings if finding.name == "no-abort-rule"]
    assert ("Add a lifecycle rule" in found.fix) == advised
    assert advised or "list open uploads yourself" in found.fix


@pytest.mark.parametrize(
    ("window", "mechanism", "wrong"),
    [
        (None, 'mechanism = "built-in"\nafter = "24h"', {"clean-up-bounds-backup"}),
        (24.0 * HOUR, 'mechanism = "built-in"\nafter = "24h"', set()),
        (25.0 * HOUR, 'mechanism = "built-in"\nafter = "24h"', {"clean-up-kills-backup"}),
        (20.0 * HOUR, 'mechanism = "built-in"\nafter = "24h"\nlongest_backup = "18h"', {"clean-up-kills-backup"}),
        (7.0 * DAY, "", set()),
        (7.0 * DAY + 60, "", {"lifecycle-kills-backup"}),
    ],
)
def test_clean_up_is_held_against_the_backup_window(window, mechanism, wrong, tmp_path):
    plan = Plan(window=window, cleanup=f"[cleanup]\n{mechanism}" if mechanism else "")

    examination, _ = examined(plan, tmp_path)

    assert names(examination) == wrong


@pytest.mark.parametrize(
    ("limits", "wrong"),
    [
        ({"part_minimum": 8 * MIB}, {"small-parts-refused"}),
        ({"part_maximum": 8 * MIB}, {"default-parts-refused"}),
        ({"part_maximum": 16 * MIB}, {"large-parts-refused"}),
        ({"part_maximum": 4 * MIB}, {"default-parts-refused"}),
        ({"part_maximum": 20 * MIB, "part_minimum": 0}, set()),
    ],
)
def test_limits_of_parts_are_held_against_maxtransfersize(limits, wrong, tmp_path):
    assert formal_names(tmp_path, limits=limits) == wrong


@pytest.mark.parametrize(
    ("limits", "suits"),
    [
        ({"part_maximum": 8 * MIB}, "MAXTRANSFERSIZE = 8388608 WITH"),
        ({"part_maximum": 5 * MIB + 1}, "MAXTRANSFERSIZE = 5242880 WITH"),
        ({"part_maximum": 5 * MIB - 1}, "no MAXTRANSFERSIZE"),
        ({"part_maximum": 8 * MIB, "part_minimum": 9 * MIB}, "no MAXTRANSFERSIZE"),
    ],
)
def test_no_maxtransfersize_is_advised_that_sql_server_refuses(limits, suits, tmp_path):
    [told] = [finding for finding in formal(tmp_path, limits=limits) if finding.name == "default-parts-refused"]

    assert suits in told.fix


@pytest.mark.parametrize(
    ("turned", "wrong"),
    [
        ({"key": "k" * (200 - len("s3://localhost:1/sqlbackups/"))}, set()),
        ({"key": "k" * (201 - len("s3://localhost:1/sqlbackups/"))}, {"url-long"}),
        ({"key": "k" * (259 - len("s3://localhost:1/sqlbackups/"))}, {"url-long"}),
        ({"key": "k" * (260 - len("s3://localhost:1/sqlbackups/"))}, {"url-too-long"}),
        *(({"key": key}, {"key-not-kept"}) for key in ("../x", "a/./x", "a\\x", "/x", "a\nx", "a\x1b[31mx", "..")),
        ({"key": "é" * (260 - len("s3://localhost:1/sqlbackups/"))}, {"url-too-long"}),
        ({"host": f"{'s' * 60}.{'t' * 41}.test"}, {"url-long"}),
        ({"host": f"{'s' * 60}.{'t' * 45}.test"}, {"url-long", "credential-name-too-long"}),
        ({"id": lambda role: role[0] * 40, "secret": lambda role: role[0] * 20}, {"keys-swapped"}),
    ],
)
def test_names_and_keys_have_the_length_that_sql_server_takes(turned, wrong, tmp_path):
    plan = Plan()
    vars(plan).update(turned)

    assert formal_names(tmp_path, plan) == wrong


def formal_names(folder, plan=None, limits=None):
    """What is wrong and shows without a connection."""
    return {finding.name for finding in formal(folder, plan, limits) if finding.severity != GOOD}


def formal(folder, plan=None, limits=None):
    """What shows without a connection."""
    patient = patient_of(plan or Plan(), 1, folder)
    known = {name: limit.default for name, limit in LIMITS.items()} | (limits or {})
    chart = Chart(SOURCES, Redactor(patient.endpoint.secrets))
    look_at_forms(replace(patient, profile=replace(patient.profile, limits=known)), chart)
    return chart.found
