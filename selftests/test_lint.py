"""Each rule of the linter is turned on by one fault, at its line and column, and silent without it."""

import re
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from restoreproof.commands.linting.finding import NOT_JUDGED, Setting, Store
from restoreproof.commands.linting.linter import lint
from restoreproof.commands.linting.servers import EDITIONS
from restoreproof.fixtures.engines import limits
from restoreproof.reports.rules import load_rules

RULES = load_rules()
FILE = Path(__file__).with_name("linted.sql")
ROOT = "s3://s3.example.test:9000/sqlbackups"
MARK = "¤"
HEADER = re.compile(r"^--: (\S+) (\S+) ?(\S*)\n", re.MULTILINE)

STORES = {
    "acme": Store("acme", "eu-west-1", "yes", "path", False, "s3.example.test:9000", limits.MOST_PARTS),
    "parts": Store("acme", "eu-west-1", "no", "path", False, "", 1_000),
    "port": Store("acme", "us-east-1", "yes", "path", True, "s3.example.test:9443", limits.MOST_PARTS),
    "virtual": Store("acme", "us-east-1", "yes", "virtual", False, "s3.example.test:9000", limits.MOST_PARTS),
    "house": Store("acme", "us-east-1", "no", "path", False, "store.example.test:9000", limits.MOST_PARTS),
}


@dataclass(frozen=True)
class Fault:
    """A fault of the file, and the script that does without it."""

    rule: str
    severity: str
    setting: Setting
    bad: str
    good: str

    @property
    def place(self):
        before = self.bad.partition(MARK)[0]
        return before.count("\n") + 1, len(before) - before.rfind("\n")


def filled(text):
    """A script of the file, its braces filled in."""
    urls = re.sub(r"\{(\d+) URLs\}", lambda match: urls_of("s", int(match[1])), text)
    urls = re.sub(r"\{(\d+) mirrors\}", lambda match: urls_of("m", int(match[1])), urls)
    return re.sub(r"\{(\d+)\}", lambda match: int(match[1]) * "x", urls).replace("{ROOT}", ROOT).lstrip("\n")


def urls_of(title, number):
    return ", ".join(f"URL = N'{ROOT}/20261126_{title}{at}'" for at in range(number))


def setting(word):
    if re.match(r"\d", word):
        return Setting(build=tuple(map(int, word.split("."))))
    return Setting(edition=word) if word in EDITIONS else Setting(STORES.get(word))


def faults():
    head, *pieces = HEADER.split(FILE.read_text(encoding="utf-8"))
    assert head.startswith("--")
    for rule, severity, word, scripts in zip(*(pieces[at::4] for at in range(4)), strict=True):
        bad, good = scripts.split("--=\n")
        yield Fault(rule, severity, setting(word), filled(bad), filled(good))


FAULTS = list(faults())
BY_BUILD = {"CU-01", "CU-02", "CU-03", "CU-04", "CU-06"}
"""The newest of these builds has the one fault that the file shows; older ones have several at once."""


def found(script, setting, rule=""):
    """Rules, severities and places; that nothing is verified is a matter of its own scripts."""
    placed = lint(script, setting)
    assert {one.finding.rule for one in placed} <= {*RULES, NOT_JUDGED}
    return [
        (one.finding.rule, one.finding.severity, (one.line, one.column))
        for one in placed
        if rule == "OPS-04" or one.finding.rule != "OPS-04"
    ]


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.rule)
def test_a_fault_is_found_where_it_is_and_nothing_else(fault):
    assert fault.bad.count(MARK) == 1
    script = fault.bad.replace(MARK, "")

    assert found(script, fault.setting, fault.rule) == [(fault.rule, fault.severity, fault.place)]


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.rule)
def test_without_the_fault_its_rule_is_silent(fault):
    assert found(fault.good, fault.setting, fault.rule) == []


@pytest.mark.parametrize(
    ("build", "missing"),
    [
        ((16, 0, 4055, 3), BY_BUILD),
        ((16, 0, 4055, 4), BY_BUILD - {"CU-06"}),
        ((16, 0, 4065, 3), {"CU-03", "CU-04"}),
        ((16, 0, 4205, 1), set()),
        ((17, 0, 1000, 7), set()),
    ],
)
def test_every_build_lacks_the_fixes_that_came_after_it(build, missing):
    script = f"RESTORE VERIFYONLY FROM URL = '{ROOT}/20261126.bak'"

    assert {rule for rule, _, _ in found(script, Setting(build=build))} == missing


@pytest.mark.parametrize(
    ("checked", "wrong"),
    [
        ("yes", {"REG-03 error", "REG-05 error"}),
        ("unknown", {"REG-03 warning", "REG-05 warning"}),
        ("no", {"REG-03 warning"}),
    ],
)
def test_a_wrong_region_is_an_error_where_the_store_is_known_to_check_it(checked, wrong):
    region = '{"s3":{"region":"eu-west-1"}}'
    backup = f"BACKUP LOG a TO URL = '{ROOT}/20261126.trn' WITH CHECKSUM, BACKUP_OPTIONS = '{region}'"
    script = f"{backup}\nRESTORE VERIFYONLY FROM URL = '{ROOT}/20261126.trn'"
    store = replace(STORES["acme"], region_checked=checked)

    assert {f"{rule} {severity}" for rule, severity, _ in found(script, Setting(store))} == wrong
