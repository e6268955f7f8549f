"""Runs every defect against every check and writes docs/detection.md; fails where what is seen is not what is declared.

python selftests/detection.py [--provider NAME] [--only DEFECT ...] [--share N] [--jobs N] [--seen FILE] [--output FILE]
python selftests/detection.py --page  # write the page that the catalogue declares, and play nothing
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

from defective_runs import Laboratory, laboratory, many_parts_laboratory

from restoreproof.reports.outcome import NO_OUTCOME, NOT_CERTIFIED
from restoreproof.reports.record import ERROR, RED
from restoreproof.reports.register import SCALES, Register, load_register
from restoreproof.standins.catalogue import DEFECTS, ENGINE_DEFECTS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from restoreproof.reports.record import Run
    from restoreproof.standins.proxy.defect import Defect as WireDefect
    from restoreproof.standins.sqlserver.playing import EngineDefect

    Defect = WireDefect | EngineDefect

DOCUMENT = Path(__file__).parent.parent / "docs" / "detection.md"
ROUND_TRIPS = frozenset(entry.id for entry in load_register() if entry.phase == "engine")
"""The checks that take an engine: its own defects are played against all of them, those of an endpoint against none."""
WIDE_NET = "sequences"
"""The area whose random checks may find any defect, declared or not."""

INTRODUCTION = """\
# What the suites detect

What the catalogue of defects declares. `make test` plays every defect before the embedded endpoint, against the checks
that it shall turn red and a seeded twentieth of the others that send little; `make detection` plays all of them
against all checks, at the embedded endpoint or another real server, and takes more than an hour. Both fail where what
is seen is not what is declared. A defect is one way in which a store may be wrong; a check that no defect turns red
could not fail, and two checks with the same set of defects would be one check. What needs a SQL Server is played with
the stand-in, by defects of its own and some of the store's; for all other defects of the store nobody looked what the
round trips make of them. The random sequences are a wide net: what they find beside their own defect is not listed.

| | |
| --- | --- |
| defects | {defects} |
| defects that lose data or let a stranger in, each of which breaks a must | {serious} |
| checks | {checks} |
| checks turned red by a defect | {reddened} |
"""


def main() -> int:
    """Play the defects, compare, and write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--only", nargs="*", default=list(DEFECTS), metavar="DEFECT", help="play only these; no page then"
    )
    parser.add_argument(
        "--share", type=int, default=1, metavar="N", help="play one in N, others every day; no page then"
    )
    parser.add_argument("--page", action="store_true", help="play nothing, write what the catalogue declares")
    parser.add_argument("--provider", default="embedded", metavar="NAME", help="the server to play them at (embedded)")
    parser.add_argument("--seen", type=Path, metavar="FILE", help="write what turned red, by defect, as JSON")
    parser.add_argument("--jobs", type=int, default=2, metavar="N", help="runs at a time (2)")
    parser.add_argument("--output", type=Path, default=DOCUMENT, metavar="FILE", help="the page (docs/detection.md)")
    args = parser.parse_args()
    register = load_register()
    if args.page:
        args.output.write_text(page(register), encoding="utf-8", newline="\n")
        return 0
    return _play_all(args, register)


def _play_all(args: argparse.Namespace, register: Register) -> int:
    today = int(time.time() // 86_400)
    played = [name for place, name in enumerate(args.only) if (place + today) % args.share == 0]
    started = time.monotonic()
    with (
        laboratory(provider=args.provider) as lab,
        many_parts_laboratory() as large,
        ThreadPoolExecutor(args.jobs) as pool,
    ):
        own = red_ids(lab.certify("--require", "as-declared")[1])
        runs = {name: pool.submit(_play, DEFECTS[name], lab, large) for name in played}
        _say(f"red without any defect, hence left out: {', '.join(sorted(own)) or 'nothing'}")
        seen: dict[str, list[str]] = {}
        wrong = []
        for name, run in runs.items():
            aside = set() if lab.own.issuperset(DEFECTS[name].reddens) else own | lab.own
            seen[name] = sorted(red_ids(run.result()) - aside)
            wrong += _compare(DEFECTS[name], run.result(), register, aside)
    if args.seen:
        args.seen.write_text(json.dumps(seen, indent=1), encoding="utf-8")
    wrong += [f"{check} is red without any defect, and the profile does not say so" for check in sorted(own - lab.own)]
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
    """The page of what the catalogue declares."""
    lines = [
        INTRODUCTION.format(
            defects=len(DEFECTS),
            serious=sum(serious(defect, register) for defect in DEFECTS.values()),
            checks=len(register),
            reddened=len(_by_check(DEFECTS)),
        )
    ]
    lines += ["\n## By defect\n", "| defect | what it does | turns red |", "| --- | --- | --- |"]
    lines += [f"| `{d.name}` | {d.sentence} | {', '.join(sorted(d.reddens))}{_above(d)} |" for d in DEFECTS.values()]
    by_check = _by_check(DEFECTS)
    lines += ["\n## By check\n", "| check | claim | turned red by |", "| --- | --- | --- |"]
    lines += [
        f"| {entry.id} | {entry.title} | {', '.join(f'`{name}`' for name in by_check.get(entry.id, []))} |"
        for entry in register
    ]
    return "\n".join(lines) + "\n"


def _play(defect: Defect, lab: Laboratory, large: Laboratory) -> Run:
    """All checks behind a defect.

    Behind one that begins above what a smoke run reaches, or that the server has of its own, those that must see it, at
    the other server.
    """
    round_trips = ROUND_TRIPS.intersection(defect.reddens)
    if defect.scale != SCALES[0] and round_trips:  # whose parts are of 5 MiB at any server
        return lab.observe(defect.name, sorted(round_trips), defect.scale)
    if defect.name in ENGINE_DEFECTS:
        return lab.observe(defect.name, ROUND_TRIPS)
    if defect.scale == SCALES[0] and not lab.own.issuperset(defect.reddens):
        return lab.observe(defect.name)
    return large.observe(defect.name, defect.reddens, defect.scale)


def _compare(defect: Defect, run: Run, register: Register, own: set[str]) -> list[str]:
    """What differs; ``own`` are the checks that this server alone turns red, which can't show anything."""
    played = ROUND_TRIPS if run.header.engine else {entry.id for entry in register} - ROUND_TRIPS
    seen, declared = red_ids(run) - own, (set(defect.reddens) & played) - own
    beside = {check for check in seen - declared if register[check].area == WIDE_NET}
    problems = [f"{defect.name}: {check} is red, but not declared" for check in sorted(seen - declared - beside)]
    problems += [f"{defect.name}: {check} is declared, but not red" for check in sorted(declared - seen)]
    problems += [f"{defect.name}: {r.id} is an error: {r.reason}" for r in run.records if r.verdict == ERROR]
    if serious(defect, register) and run.footer.rung not in (NOT_CERTIFIED, NO_OUTCOME):
        problems.append(f"{defect.name}: breaks a must, but the outcome is {run.footer.rung!r}")
    _say(f"{defect.name}: {', '.join(sorted(seen)) or 'nothing'} red, {run.footer.seconds:.0f} s", *problems)
    return problems


def _above(defect: Defect) -> str:
    return "" if defect.scale == SCALES[0] else f" (from `--scale {defect.scale}`)"


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
    register = load_register()
    wide = {check for check in checks if register[check].area == WIDE_NET} - set(defect.reddens)
    return sorted(red_ids(run) - wide), sorted(set(defect.reddens) & set(checks))


if __name__ == "__main__":
    sys.exit(main())
