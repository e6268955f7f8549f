"""Runs every defect against every check and writes docs/detection.md; fails where what is seen is not what is declared.

python selftests/detection.py [--only DEFECT ...] [--jobs N] [--output FILE]
"""

from __future__ import annotations

import argparse
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

from defective_runs import Laboratory, laboratory

from restoreproof.reports.outcome import NOT_CERTIFIED
from restoreproof.reports.record import ERROR, RED
from restoreproof.reports.register import Register, load_register
from restoreproof.standins.proxy.catalogue import DEFECTS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from restoreproof.reports.record import Run
    from restoreproof.standins.proxy.defect import Defect

DOCUMENT = Path(__file__).parent.parent / "docs" / "detection.md"

INTRODUCTION = """\
# What the suites detect

Written by `make detection`, which plays every defect of the catalogue before the embedded endpoint and runs all checks
against it. A defect is one way in which a store may be wrong; a check that no defect turns red could not fail, and two
checks with the same set of defects would be one check. The run fails where what was seen differs from what the
catalogue declares, so this page is what was seen.

| | |
| --- | --- |
| defects played | {defects} |
| defects detected | {detected} |
| defects that lose data or let a stranger in, and changed the outcome | {serious} of {serious_all} |
| checks | {checks} |
| checks turned red by a defect | {reddened} |
| checks red without a defect | {false_alarms} |
"""


def main() -> int:
    """Play the defects, compare, and write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--only", nargs="*", default=list(DEFECTS), metavar="DEFECT", help="play only these; no page then"
    )
    parser.add_argument("--jobs", type=int, default=2, metavar="N", help="runs at a time (2)")
    parser.add_argument("--output", type=Path, default=DOCUMENT, metavar="FILE", help="the page (docs/detection.md)")
    args = parser.parse_args()
    register = load_register()
    started = time.monotonic()
    with laboratory() as lab, ThreadPoolExecutor(args.jobs) as pool:
        clean = pool.submit(_clean, lab)
        runs = {name: pool.submit(lab.observe, name) for name in args.only}
        wrong = [problem for name, run in runs.items() for problem in _compare(DEFECTS[name], run.result(), register)]
        false_alarms = sorted(red_ids(clean.result()))
    wrong += [f"{check} is red without any defect" for check in false_alarms]
    _say(*wrong, f"{len(runs)} defects played in {time.monotonic() - started:.0f} s, {len(wrong)} differences")
    if not wrong and len(runs) == len(DEFECTS):
        args.output.parent.mkdir(exist_ok=True)
        args.output.write_text(page(register), encoding="utf-8", newline="\n")
    return int(bool(wrong))


def red_ids(run: Run) -> set[str]:
    """The checks that a run shows in red."""
    return {record.id for record in run.records if record.verdict in RED}


def serious(defect: Defect, register: Register) -> bool:
    """Whether a defect loses data or lets a stranger in."""
    return register[defect.breaks].harm in ("data-loss", "stranger")


def page(register: Register) -> str:
    """The page for a matrix in which everything was seen as declared."""
    serious_all = sum(serious(defect, register) for defect in DEFECTS.values())
    lines = [
        INTRODUCTION.format(
            defects=len(DEFECTS),
            detected=len(DEFECTS),
            serious=serious_all,
            serious_all=serious_all,
            checks=len(register),
            reddened=len(_by_check(DEFECTS)),
            false_alarms=0,
        )
    ]
    lines += ["\n## By defect\n", "| defect | what it does | turns red |", "| --- | --- | --- |"]
    lines += [f"| `{d.name}` | {d.sentence} | {', '.join(sorted(d.reddens))} |" for d in DEFECTS.values()]
    by_check = _by_check(DEFECTS)
    lines += ["\n## By check\n", "| check | claim | turned red by |", "| --- | --- | --- |"]
    lines += [
        f"| {entry.id} | {entry.title} | {', '.join(f'`{name}`' for name in by_check.get(entry.id, []))} |"
        for entry in register
    ]
    return "\n".join(lines) + "\n"


def _clean(lab: Laboratory) -> Run:
    return lab.certify("--require", "as-declared")[1]


def _compare(defect: Defect, run: Run, register: Register) -> list[str]:
    seen, declared = red_ids(run), set(defect.reddens)
    problems = [f"{defect.name}: {check} is red, but not declared" for check in sorted(seen - declared)]
    problems += [f"{defect.name}: {check} is declared, but not red" for check in sorted(declared - seen)]
    problems += [f"{defect.name}: {r.id} is an error: {r.reason}" for r in run.records if r.verdict == ERROR]
    if serious(defect, register) and run.footer.rung != NOT_CERTIFIED:
        problems.append(f"{defect.name}: breaks a must, but the outcome is {run.footer.rung!r}")
    _say(f"{defect.name}: {', '.join(sorted(seen)) or 'nothing'} red, {run.footer.seconds:.0f} s")
    return problems


def _by_check(defects: Mapping[str, Defect]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for defect in defects.values():
        for check in defect.reddens:
            found.setdefault(check, []).append(defect.name)
    return found


def _say(*lines: str) -> None:
    for line in lines:
        print(line, flush=True)  # noqa: T201 - what the script is for


def differences(defect: Defect, run: Run, checks: Sequence[str]) -> tuple[list[str], list[str]]:
    """Of the checks that ran: those red, and those that ought to be."""
    return sorted(red_ids(run)), sorted(set(defect.reddens) & set(checks))


if __name__ == "__main__":
    sys.exit(main())
