"""``restoreproof measure``: how fast a provider takes a backup and gives it back."""

from __future__ import annotations

import os
import shlex
import sys
import tempfile
from argparse import RawDescriptionHelpFormatter
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from restoreproof.fixtures.deadlines import number_of_seconds
from restoreproof.fixtures.endpoints import EndpointError
from restoreproof.fixtures.engines.limits import LARGEST_TRANSFER, SMALLEST_TRANSFER, TRANSFER_STEP
from restoreproof.fixtures.planning import amount, spelt
from restoreproof.fixtures.selection import SelectionError
from restoreproof.providers.problems import ProfileError
from restoreproof.providers.profile import load_profile
from restoreproof.reports.register import load_register
from restoreproof.reports.wording import counted

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace, _SubParsersAction
    from collections.abc import Callable

    from restoreproof.fixtures.legs import Plan
    from restoreproof.providers.profile import Profile
    from restoreproof.reports.measurement import Measurement

USAGE = 4
MOST_STREAMS = 64
MOST_ROUNDS = 100
STREAMS = "1,2,4,8"
PARTS = "10MiB,20MiB"

ABOUT = """\
Sends parts as SQL Server does, in so many uploads at once, and reads them back in ranges: bytes that neither repeat nor
compress, hashed and signed. Each round visits every number of streams with every part size; a rate is the median of the
rounds, with the interval of order statistics that holds it. Beside each it measures the same against a sink on this
machine, which stores nothing: where the store comes near it, or our processes keep the processors busy, the rate is
flagged client-limited, for the store may be faster than this machine. Everything lies under a bucket or prefix of its
own and is removed at the end, also after Ctrl-C; `restoreproof sweep` finishes that for a killed one."""

EPILOG = """\
examples:
  restoreproof measure --provider ./acme.toml
  restoreproof measure --provider ./acme.toml --streams 1,4,16,64 --part-size 20MiB --rounds 6 --max-bytes 40GiB
  restoreproof doctor --provider ./acme.toml --database-size 3TB --backup-window 4h    # reckons with the newest rates

writes measure.json and measure.html to runs/PROVIDER/TIME-measure/.
memory: two parts for each stream, so 64 streams of 20 MiB take 2.5 GiB.
exit codes: 0 all was measured and removed, 1 not so, 2 interrupted, 4 bad usage or a folder that can't be written to"""


def add_parser(subparsers: _SubParsersAction[ArgumentParser], summary: str) -> None:
    """Add the sub-command."""
    parser = subparsers.add_parser(
        "measure", help=summary, description=ABOUT, epilog=EPILOG, formatter_class=RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--provider", required=True, metavar="NAME|FILE", help="shipped profile or file")
    add(
        "--streams",
        default=STREAMS,
        metavar="N,...",
        help=f"how many uploads at once, up to {MOST_STREAMS} ({STREAMS})",
    )
    add("--part-size", default=PARTS, metavar="SIZE,...", help=f"as MAXTRANSFERSIZE, 5MiB to 20MiB ({PARTS})")
    add("--rounds", default="5", metavar="N", help="how often each is measured (5); six give an interval of 97 %%")
    add("--seconds", default="5", metavar="N", help="how long a leg goes on, once each stream has moved a part (5)")
    add("--max-bytes", metavar="SIZE", help="move no more to and from the store (4GiB, or one part a stream and leg)")
    add("--report-dir", default="runs", type=Path, metavar="DIR", help="where runs are written (runs)")
    add("--output", type=Path, metavar="DIR", help="write just there instead")
    parser.set_defaults(run=run)


def run(args: Namespace) -> int:
    """Measure, write file and page, and print the table."""
    try:
        plan = _plan(args)
        profile = load_profile(args.provider, os.environ, load_register().requirements)
    except (ProfileError, SelectionError) as problem:
        return _fail(str(problem), USAGE)
    if refusal := _refused(args.output or args.report_dir / profile.name):
        return _fail(f"{'--output' if args.output else '--report-dir'} {refusal}", USAGE)
    from restoreproof.fixtures.measuring import measure  # noqa: PLC0415 - heavy, and --help does without

    try:
        found = measure(profile, plan, _say, f"{profile.name}: {_promise(plan, profile)}")
        if not any(rate.is_known for rate in found.rates):
            _say_what_is_left(found, args.provider)
            return _fail(f"{profile.name}: nothing could be measured, and nothing is written: {_problem(found)}", 1)
        folder = _write(found, args)
    except EndpointError as problem:
        return _fail(f"{profile.name}: {problem}", 1)
    except OSError as problem:
        return _fail(f"{problem.filename or args.report_dir}: {problem.strerror or problem}", 1)
    return _show(found, folder, args.provider)


def _refused(folder: Path) -> str:
    """Why nothing can be written there, empty where it can; what it takes to find out is gone again."""
    missing = [place for place in (folder, *folder.parents) if not place.exists()]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as problem:
        return f"{folder} can't be written to: {problem.strerror or problem}"
    finally:
        for place in missing:
            with suppress(OSError):
                place.rmdir()
    return ""


def _problem(found: Measurement) -> str:
    return next((rate.problem for rate in found.rates if rate.problem), "no leg came to its end")


def _plan(args: Namespace) -> Plan:
    """The plan that is asked for.

    :raises SelectionError: it is none; one line that names option and fix.
    """
    from restoreproof.fixtures.legs import plan_legs  # noqa: PLC0415 - heavy, and --help does without

    streams = _numbers("streams", args.streams, _number_up_to(MOST_STREAMS))
    parts = _numbers("part-size", args.part_size, _part)
    (rounds,) = _numbers("rounds", args.rounds, _number_up_to(MOST_ROUNDS))
    most = None if args.max_bytes is None else amount("max-bytes", args.max_bytes)
    return plan_legs(streams, parts, rounds=rounds, seconds=number_of_seconds("seconds", args.seconds), most=most)


def _numbers(option: str, text: str, read: Callable[[str, str], int]) -> list[int]:
    return [read(option, word) for word in text.split(",")]


def _number_up_to(most: int) -> Callable[[str, str], int]:
    def read(option: str, word: str) -> int:
        if not (word.isascii() and word.isdigit() and 1 <= int(word) <= most):
            raise SelectionError(f"--{option} {word!r} is no number from 1 to {most}")
        return int(word)

    return read


def _part(option: str, word: str) -> int:
    size = amount(option, word)
    if not SMALLEST_TRANSFER <= size <= LARGEST_TRANSFER or size % TRANSFER_STEP:
        raise SelectionError(f"--{option} {word!r}: SQL Server sends 5MiB to 20MiB, in multiples of 64KiB")
    return size


def _promise(plan: Plan, profile: Profile) -> str:
    cells = len(plan.cells)
    place = profile.endpoint.url or f"the {profile.endpoint.kind} that is started for it"
    return (
        f"moves at most {spelt(plan.size)} to and from {place}: {counted(cells, 'combination')} of streams and part "
        f"size, up and down, {counted(plan.rounds, 'round')} of legs that go on for {plan.seconds:g} s or until their "
        "share is moved; as much goes to a sink on this machine"
    )


def _write(found: Measurement, args: Namespace) -> Path:
    from restoreproof.fixtures.measuring import folder_of  # noqa: PLC0415 - loaded by now
    from restoreproof.reports.measurement import FILE  # noqa: PLC0415 - likewise
    from restoreproof.reports.rates import PAGE, render  # noqa: PLC0415 - likewise

    folder: Path = args.output or args.report_dir / found.provider["name"] / folder_of(found)
    folder.mkdir(parents=True, exist_ok=True)
    for file, text in ((FILE, found.to_json()), (PAGE, render(found))):
        (folder / file).write_bytes(text.encode("utf-8", "replace"))
    return folder


def _show(found: Measurement, folder: Path, provider: str) -> int:
    from rich.console import Console  # noqa: PLC0415 - heavy, and --help does without

    from restoreproof.reports.rates import PAGE, print_rates  # noqa: PLC0415 - likewise

    print_rates(found, Console(highlight=False))
    clean = _say_what_is_left(found, provider)
    _say(f"moved {spelt(found.moved)}; report: {folder / PAGE}")
    return 0 if clean and all(rate.is_known and not rate.problem for rate in found.rates) else 1


def _say_what_is_left(found: Measurement, provider: str) -> bool:
    """Whether clean-up left nothing; what it left is said, and how to remove it."""
    left, error = found.cleanup["left"], found.cleanup["error"]
    for thing in left:
        _say(f"still there: {thing}")
    if left or error:
        sweep = f"restoreproof sweep --provider {shlex.quote(provider)}"
        _say(f"clean-up{f': {error}' if error else ''}; its ledger is kept: {sweep}")
    return not (left or error)


def _fail(message: str, code: int) -> int:
    print(f"restoreproof measure: {message}", file=sys.stderr)  # noqa: T201 - a command's own error line
    return code


def _say(text: str) -> None:
    print(text, flush=True)  # noqa: T201 - what the command is for
