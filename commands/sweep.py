"""``restoreproof sweep``: finish the clean-up of killed runs."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from restoreproof.fixtures.endpoints import EndpointError
from restoreproof.fixtures.endpoints.remote import check_reachable, find_remote
from restoreproof.fixtures.engines import EngineError
from restoreproof.fixtures.engines.container import forget_engines
from restoreproof.fixtures.engines.leftovers import waiting
from restoreproof.fixtures.sweeping import SweptRun, forget_started, sweep_abandoned
from restoreproof.providers.problems import ProfileError
from restoreproof.providers.profile import Profile, load_profile
from restoreproof.reports.register import load_register
from restoreproof.reports.wording import counted

if TYPE_CHECKING:
    import argparse

DESCRIPTION = """\
Removes what killed runs left at a provider: only what their ledgers name, never by guess. A run that is still alive
is not touched. Prints what was removed; exit code 1 when something is still there."""

USAGE = 4


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser], summary: str) -> None:
    """Add the sub-command."""
    parser = subparsers.add_parser("sweep", help=summary, description=DESCRIPTION)
    parser.add_argument(
        "--provider", action="append", required=True, metavar="NAME|FILE", help="whose runs to clean up after"
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Sweep every provider named, and every engine, and return the worst exit code."""
    return max(_sweep_engines(), *(_sweep(word) for word in args.provider))


def _sweep_engines() -> int:
    try:
        removed = forget_engines()
    except EngineError as problem:
        return _fail(str(problem), 1)
    for place in waiting():
        _say(f"left on SQL Server, {place}; the next run with --engine-host there removes it")
    if removed:
        _say(f"{removed} SQL Server{'s' * (removed != 1)} in containers removed")
    return 0


def _sweep(word: str) -> int:
    try:
        profile = load_profile(word, os.environ, load_register().requirements)
    except ProfileError as problem:
        return _fail(str(problem), USAGE)
    if profile.endpoint.kind != "url":
        try:
            forgotten = forget_started(profile)
        except EndpointError as problem:
            return _fail(f"{profile.name}: {problem}", 1)
        went = f" ({forgotten} were killed; their endpoints went with them, data and all)" if forgotten else ""
        _say(f"{profile.name}: no killed run left anything{went}")
        return 0
    return _sweep_remote(profile)


def _sweep_remote(profile: Profile) -> int:
    endpoint = find_remote(profile)
    try:
        check_reachable(endpoint)
    except EndpointError as problem:
        return _fail(f"{profile.name}: {problem}", 1)
    swept = sweep_abandoned(profile, endpoint)
    if not swept:
        _say(f"{profile.name}: no killed run left anything")
    return max((_tell(profile.name, run) for run in swept), default=0)


def _tell(name: str, run: SweptRun) -> int:
    if run.error:
        return _fail(f"{name}: run {run.run} of {run.started}: {run.error}; its ledger is kept, try again", 1)
    removed = counted(run.swept.removed, "thing")
    _say(f"{name}: run {run.run} of {run.started}: {removed} removed, {len(run.swept.left)} left")
    for thing in run.swept.left:
        _say(f"  still there: {thing}")
    return 1 if run.swept.left else 0


def _fail(message: str, code: int) -> int:
    print(f"restoreproof sweep: {message}", file=sys.stderr)  # noqa: T201 - a command's own error line
    return code


def _say(text: str) -> None:
    print(text)  # noqa: T201 - what the command is for
