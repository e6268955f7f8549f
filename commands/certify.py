"""``restoreproof certify``: run the suites against one provider or several and say whether they are good enough."""

from __future__ import annotations

import argparse
import os
import sys
from importlib import resources
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.markup import escape

from restoreproof.commands.switches import check_switches
from restoreproof.fixtures.deadlines import Deadlines
from restoreproof.fixtures.engine_options import options, words
from restoreproof.fixtures.planning import amount, check_size, plan_of
from restoreproof.fixtures.selection import RUNGS, Selection, SelectionError, known_word
from restoreproof.providers.problems import ProfileError
from restoreproof.providers.profile import load_profile
from restoreproof.providers.ranges import LabelError, parse_labels
from restoreproof.reports.outcome import LADDER
from restoreproof.reports.register import LEVELS, SCALES, load_register
from restoreproof.reports.wording import duration

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from restoreproof.providers.profile import Profile
    from restoreproof.reports.register import Register, Requirement

USAGE = 4
NO_TESTS = 5
CERTIFIED = LADDER[0]

DESCRIPTION = """\
Starts or finds each provider's endpoint, proves every requirement of the register against it, removes all it made,
and writes run.jsonl, junit.xml, report.md and report.html to runs/PROVIDER/TIME/."""

EPILOG = """\
Unknown options go to pytest: -n 2 uses two processes, -k and -x work as usual.

outcomes, highest first:
  certified        every must is met by the vendor's endpoint with a real SQL Server 2022 CU20 or later
  rehearsed        the same with a stand-in: never a certificate
  wire conformant  every must of the wire areas is met, no SQL Server took part
  not certified    a must is not met
  incomplete       a must has no answer

deadlines: a check that runs into --check-deadline fails with the symptom timeout. After --deadline no check begins or
goes on; what was not run has no answer, and clean-up, which has a time of its own, still takes place. An endpoint that
stops answering ends the run: the check that saw it fails, the rest is not run.

exit codes: 0 the outcome reaches --require and all is as declared, 1 otherwise, 2 interrupted, 4 bad usage
A run of a part (--check, --area, --level) has no outcome, so --require is not asked of it: 0 when at least one check
gave an answer, and every one that did is as the profile declares."""

SCALE = """
scale: {scale}. Bytes are bodies, both ways. Where a profile says that smaller parts than 5 MiB are taken
(limits.part_minimum), claims about the number of parts cost less."""

PROVEN = "Proven by checks of another name"
UNSEEN = "Not checked, and why"

EXPECT = """\
on purpose: among these are forged and anonymous requests, requests with unknown keys, and attempts to write into
buckets that don't exist or into the run's own bucket without the right to; whoever watches the store may notice.
TLS: its checks make handshakes of their own, not counted above, and 2 plain requests without a key: one over TLS, one
in plain HTTP on the same port.
SQL Server: what its checks send is reckoned from what the stand-in sends; with --engine none they are left out.
several nodes: these checks are not run where the endpoint has one address; the figures hold for four, and each further
address adds 16 requests at the most.
clean-up: on top come the requests that list and remove what the run made, and list again to prove it gone."""

RIGHTS = """
rights: the backup key lists the bucket and puts objects; the restore key lists and gets; keys with one right each,
where the profile gives them, list, put or get; the housekeeping key lists, puts, gets and deletes objects, lists and
aborts uploads, and makes and removes the run's bucket unless the profile names one, and further buckets for claims
about versioning, Object Lock, lifecycle and encryption (where it may not, these are not run). Everything lies under a
bucket or prefix of the run's own and is removed at the end: nothing is kept. A bucket that would keep it (Object Lock
with a default retention) is refused before anything is written."""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser], summary: str) -> None:
    """Add the sub-command."""
    parser = subparsers.add_parser(
        "certify",
        help=summary,
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("--provider", action="append", default=[], metavar="NAME|FILE", help="shipped profile or file; may be repeated")
    add("--label", action="append", default=[], metavar="NAME=VALUE", help="such as firmware=12.1; may be repeated")
    add("--check", action="append", default=[], metavar="ID", help="only this check; may be repeated (no outcome then)")
    add("--area", action="append", default=[], metavar="NAME", help="only this area; may be repeated (no outcome then)")
    add("--level", metavar=_choice(LEVELS), help="only this level and above (no outcome then)")
    add("--require", default=CERTIFIED, metavar=_choice(RUNGS), help=f"lowest good outcome ({CERTIFIED})")
    add("--defect", action="append", default=[], metavar="NAME", help="put a proxy with this defect in front")
    add(
        "--rehearse", action="store_true", help="judge a stand-in that does what the profile says, and not the vendor's"
    )
    add("--scale", default=SCALES[0], metavar=_choice(SCALES), help="how far scale claims are proven (smoke)")
    add("--max-bytes", metavar="SIZE", help="refuse to start a run that moves more, such as 2GiB")
    add("--max-rate", metavar="RATE", help="send and receive no faster, such as 50MiB/s")
    add("--thorough", type=int, default=0, metavar="N", help="play N random sequences (the same few every time)")
    add("--seed", type=int, metavar="N", help="repeat the random sequences of an earlier run, whose report names it")
    _add_deadlines(add)
    add(
        "--consent-to-retained-objects",
        action="store_true",
        help="run although the bucket keeps what is written to it (Object Lock), and leave that there",
    )
    options(add)
    add("--report-dir", default="runs", metavar="DIR", help="where runs are written (runs)")
    add("--list", action="store_true", help="list the checks with level, harm and title, and stop")
    add(
        "--plan",
        action="store_true",
        help="check the profile, say what a run sends and needs, and stop",
    )
    parser.set_defaults(run=run)


def _add_deadlines(add: Callable[..., Any]) -> None:
    add(
        "--check-deadline",
        metavar="SECONDS",
        help="how long a check may take, and a second more for each MiB that it moves (60)",
    )
    add("--deadline", metavar="SECONDS", help="how long the checks of a run may take together (no end)")


def run(args: argparse.Namespace) -> int:
    """Run the suites in this process and return the exit code."""
    from restoreproof.standins.catalogue import apart  # noqa: PLC0415 - heavy, and --help does without

    register = load_register()
    try:
        selection = Selection.of(register, args.check, args.area, args.level, args.scale)
        for option in ("max-bytes", "max-rate"):
            amount(option, getattr(args, option.replace("-", "_")) or "1")
        Deadlines.of(args.check_deadline, args.deadline)
        known_word("require", args.require, RUNGS)
        check_switches(args.behave)
        args.defect, args.engine_defect = apart((*args.defect, *args.engine_defect))
    except (SelectionError, LookupError) as problem:
        return _refuse(str(problem))
    console = Console(highlight=False, soft_wrap=True)
    if args.list:
        return _list(register, selection, console)
    if args.plan:
        return _plan(register, selection, args, console)
    if not args.provider:
        return _refuse("--provider NAME or FILE.toml is missing (`restoreproof profile new` writes a starter)")
    from restoreproof.commands.passing import run_pytest  # noqa: PLC0415 - heavy, and --list and --help do without

    code = run_pytest(_pytest_arguments(args))
    return 1 if code == NO_TESTS else code


def _pytest_arguments(args: argparse.Namespace) -> list[str]:
    suites = resources.files("restoreproof.suites")
    asked = [str(suites), "-c", str(suites / "certify.ini"), "--rootdir", str(suites), "-p", "no:terminal"]
    for name in ("provider", "label", "check", "area", "defect"):
        asked += [word for value in getattr(args, name) for word in (f"--{name}", value)]
    for name in ("thorough", "seed"):
        asked += [f"--{name}", str(getattr(args, name))] if getattr(args, name) is not None else []
    given = vars(args)
    for name in ("consent_to_retained_objects", "rehearse"):
        asked += [f"--{name.replace('_', '-')}"] if given[name] else []
    if args.level:
        asked += ["--level", args.level]
    for name in ("max-bytes", "max-rate", "check-deadline", "deadline"):
        value = getattr(args, name.replace("-", "_"))
        asked += [f"--{name}", value] if value else []
    return [
        *asked,
        *words(vars(args), defects=True),
        "--scale",
        args.scale,
        "--require",
        args.require,
        "--report-dir",
        args.report_dir,
        *args.rest,
    ]


def _choice(words: Sequence[str]) -> str:
    return "{" + ",".join(words) + "}"


def _list(register: Register, selection: Selection, console: Console) -> int:
    for area in register.areas:
        entries = [register[id_] for id_ in area.ids if selection.takes(register[id_])]
        if entries:
            console.print(f"\n{area.title} ({area.name})", style="bold")
        for entry in entries:
            console.print(escape(f"  {entry.id:<40} {entry.level:<6}  {entry.harm:<9}  {entry.title}{_far(entry)}"))
    if not selection.filtered:
        proven = {entry_id: f"by {', '.join(checks)}" for entry_id, checks in register.proven.items()}
        for title, lines in ((PROVEN, proven), (UNSEEN, register.unchecked)):
            console.print(f"\n{title}", style="bold")
            for entry_id, line in lines.items():
                console.print(escape(f"  {entry_id:<40} {line}"))
    return 0


def _far(entry: Requirement) -> str:
    """How far each scale goes with a scale claim."""
    far = ", ".join(f"{reach.scale} {reach.number:,}" for reach in entry.reaches)
    return f" [{entry.unit}: {far}]" if far else ""


def _plan(register: Register, selection: Selection, args: argparse.Namespace, console: Console) -> int:
    """What a run is going to move; a plan above ``--max-bytes`` is refused as the run would be."""
    try:
        known = register.requirements
        labels = parse_labels(args.label)
        profiles = [load_profile(name, os.environ, known, require_keys=False, labels=labels) for name in args.provider]
    except (LabelError, ProfileError) as problem:
        return _refuse(str(problem))
    engine = args.engine != "none"
    size = sum(_planned(register, selection, profile, console, engine=engine) for profile in profiles or (None,))
    if args.max_rate:
        seconds = duration(size / amount("max-rate", args.max_rate))
        console.print(f"{'at ' + args.max_rate:<26} {seconds} at the least, should so many bytes be moved")
    console.print(SCALE.format(scale=selection.scale), EXPECT, RIGHTS, sep="\n")
    try:
        check_size(size, args.max_bytes, selection.scale)
    except SelectionError as problem:
        return _refuse(str(problem))
    return 0


def _planned(
    register: Register, selection: Selection, profile: Profile | None, console: Console, *, engine: bool
) -> int:
    """Print what one provider's checks move, area by area; the bytes of them all."""
    limits = profile.limits if profile else {}
    wide = max(len(area.title) for area in register.areas)
    if profile:
        console.print(escape(_target(profile)))
    for area in register.areas:
        plan = plan_of((register[id_] for id_ in area.ids), selection, limits, engine=engine)
        if plan.checks:
            console.print(f"{area.title:<{wide}} {plan.sentence}")
    together = plan_of(register, selection, limits, engine=engine)
    console.print(f"{'together':<{wide}} {together.sentence}", style="bold")
    return together.size


def _target(profile: Profile) -> str:
    endpoint = profile.endpoint
    place = f"at {endpoint.url}" if endpoint.url else f"started for the run by {endpoint.kind}"
    return f"{profile.name}: {profile.title}, {place}; bucket: {endpoint.bucket or 'made and removed by the run'}"


def _refuse(message: str) -> int:
    print(f"restoreproof certify: {message}", file=sys.stderr)  # noqa: T201 - a command's own error line
    return USAGE
