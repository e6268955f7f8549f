"""``restoreproof doctor``: look at a store before anything is deployed, without SQL Server and in under ten seconds."""

from __future__ import annotations

import os
import re
import sys
from argparse import RawDescriptionHelpFormatter
from contextlib import ExitStack
from dataclasses import replace
from typing import TYPE_CHECKING

from restoreproof.commands.switches import check_switches
from restoreproof.fixtures.engine_options import options
from restoreproof.fixtures.size_options import options as size_options
from restoreproof.providers.problems import ProfileError

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace, _SubParsersAction

    from restoreproof.fixtures.doctor.examining import Visit
    from restoreproof.fixtures.doctor.patient import Patient
    from restoreproof.fixtures.doctor.size import Size
    from restoreproof.fixtures.engines.asking import Wish
    from restoreproof.providers.profile import Profile
    from restoreproof.reports.findings import Examination

USAGE = 4
UNITS = {"m": 60, "h": 3600, "d": 86_400}
DURATION = re.compile(r"([1-9][0-9]{0,4})([mhd])")
LONGEST_KEY = 1024

ABOUT = """\
Looks at name and route, TLS and its CA, clocks, the form of the keys, region, bucket and style, rights, Object Lock,
versions, lifecycle rules and limits, and tells for each what is wrong, what SQL Server would show, and how to mend it.
Writes one small object and opens one upload under a prefix of its own, and removes both. Ends in under ten seconds,
also where an address hangs; what could not be looked at is named, with the reason.
With --database-size it also says how many URLs and which options a backup of that size takes, prints the BACKUP and the
RESTORE statement, and says at which size it breaks and whether the window is long enough: at the rates that
`restoreproof measure` found, else at assumed ones."""

EPILOG = """\
examples:
  restoreproof doctor --provider ./acme.toml
  restoreproof doctor --provider ./acme.toml --backup-window 8h
  restoreproof doctor --provider ./acme.toml --database-size 3TB --compression 3 --backup-window 4h
  restoreproof doctor --provider ./acme.toml --engine-host sql01:1433   also asks a SQL Server that runs
  restoreproof doctor --provider ./acme.toml --json

It runs where you run it: run it on SQL Server's own host, whose names, routes, clock and proxies count.
With an endpoint or an engine that has to be started first, it takes longer by that.

exit status: 0 nothing is wrong (warnings allowed), 1 something is, 2 interrupted, 4 bad usage"""


def add_parser(subparsers: _SubParsersAction[ArgumentParser], summary: str) -> None:
    """Add the sub-command."""
    parser = subparsers.add_parser(
        "doctor", help=summary, description=ABOUT, epilog=EPILOG, formatter_class=RawDescriptionHelpFormatter
    )
    parser.add_argument("--provider", required=True, metavar="NAME|FILE", help="shipped profile or file")
    parser.add_argument("--json", action="store_true", help="print one JSON document instead of lines")
    parser.add_argument(
        "--backup-window",
        metavar="TIME",
        help="how long a backup may take, such as 8h (30m, 2d): no clean-up may end it",
    )
    parser.add_argument(
        "--key", metavar="KEY", help="what a backup will be called in the bucket, to reckon its URL with"
    )
    size_options(parser.add_argument)
    options(parser.add_argument)
    parser.set_defaults(run=run, engine=None)


def run(args: Namespace) -> int:
    """Examine, print, and return the exit status."""
    from restoreproof.fixtures.doctor.size import read_size  # noqa: PLC0415
    from restoreproof.fixtures.endpoints import EndpointError  # noqa: PLC0415 - heavy, and --help does without
    from restoreproof.fixtures.engines import EngineError  # noqa: PLC0415
    from restoreproof.fixtures.selection import SelectionError  # noqa: PLC0415
    from restoreproof.providers.profile import load_profile  # noqa: PLC0415

    try:
        profile = load_profile(args.provider, os.environ, _known_ids(), colons=True)
        window, key, wish = _seconds(args.backup_window), _key(args.key), _wish(args)
        size = read_size(vars(args), profile)
        check_switches(args.behave)
    except (ProfileError, SelectionError, EngineError) as problem:
        return _refuse(str(problem))
    try:
        examination = _examine(profile, window, key, wish, size)
    except (EndpointError, OSError) as problem:
        _complain(str(problem))
        return 1
    _print(examination, json=args.json)
    return 0 if examination.is_well else 1


def _examine(profile: Profile, window: float | None, key: str, wish: Wish, size: Size | None) -> Examination:
    from restoreproof.fixtures.doctor import examining, patient, server  # noqa: PLC0415 - heavy
    from restoreproof.fixtures.endpoints.remote import find_remote  # noqa: PLC0415
    from restoreproof.fixtures.endpoints.starting import start_endpoint  # noqa: PLC0415

    with ExitStack() as stack:
        is_there = profile.endpoint.kind == "url"
        endpoint = find_remote(profile) if is_there else start_endpoint(profile, (), stack)
        endpoint = replace(endpoint, lists_v2=bool(profile.capabilities["listing_v2"]))
        who = patient.Patient(profile, endpoint, window, key, os.environ)
        visit = examining.begin(who, examining.load_sources())
        with server.beside(wish, who, visit.chart):
            visit.examine()
        return _advised(size, who, visit) if size else visit.report()


def _advised(size: Size, who: Patient, visit: Visit) -> Examination:
    """The report with advice on a backup of that size."""
    from restoreproof.fixtures.doctor.size import look_at_size, with_rates  # noqa: PLC0415 - loaded by now
    from restoreproof.fixtures.prescribing import to_json, told  # noqa: PLC0415

    size = with_rates(size, who.profile, visit.chart)
    advice = look_at_size(size, who, visit.chart)
    if advice is None:
        return visit.report()
    told_about = (advice, who.endpoint, size.provider)
    return replace(visit.report(), advice=to_json(*told_about, size.source), prescription=told(*told_about))


def _known_ids() -> frozenset[str]:
    from restoreproof.reports.register import load_register  # noqa: PLC0415 - heavy

    return frozenset(load_register().requirements)


def _wish(args: Namespace) -> Wish:
    """Which SQL Server is asked, too: none, unless one was named."""
    from restoreproof.fixtures.engines.asking import Wish  # noqa: PLC0415 - heavy

    asked = {**vars(args), "engine": args.engine or ("auto" if args.engine_host else "none")}
    return Wish.of(asked.__getitem__)


def _seconds(text: str | None) -> float | None:
    """The backup window in seconds."""
    from restoreproof.fixtures.selection import SelectionError  # noqa: PLC0415 - heavy

    if text is None:
        return None
    match = DURATION.fullmatch(text)
    if not match:
        raise SelectionError(f"--backup-window {text!r} is no time; write it as 8h, 90m or 2d")
    return float(match[1]) * UNITS[match[2]]


def _key(text: str | None) -> str:
    """What a backup will be called."""
    from restoreproof.fixtures.doctor.patient import TYPICAL_KEY  # noqa: PLC0415 - heavy
    from restoreproof.fixtures.selection import SelectionError  # noqa: PLC0415

    key = TYPICAL_KEY if text is None else text
    if not 0 < len(key) <= LONGEST_KEY:
        raise SelectionError(f"--key has 1 to {LONGEST_KEY} characters, not {len(key)}")
    return key


def _print(examination: Examination, *, json: bool) -> None:
    from rich.console import Console  # noqa: PLC0415 - heavy

    from restoreproof.reports.doctor import document, print_examination  # noqa: PLC0415

    if json:
        sys.stdout.write(f"{document(examination)}\n")
    else:
        print_examination(examination, Console(highlight=False))


def _refuse(text: str) -> int:
    _complain(text)
    return USAGE


def _complain(text: str) -> None:
    sys.stderr.write(f"restoreproof doctor: {text}\n")
