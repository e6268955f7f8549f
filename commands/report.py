"""``restoreproof report``: render run files; every report is a pure function of them."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from restoreproof.reports.formats import FORMATS, write
from restoreproof.reports.lines import RunFileError
from restoreproof.reports.reader import read_run

if TYPE_CHECKING:
    import argparse

BAD_USAGE = 4

DESCRIPTION = """\
Renders run files again, in any format. One run gives a report; several give one matrix of providers and requirements.
Truncated, mixed or altered run files are refused."""
EPILOG = """\
exit status: 0 rendered, 4 bad usage, a run file that can't be used, or a place that can't be written"""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser], summary: str) -> None:
    """Add the sub-command."""
    parser = subparsers.add_parser("report", help=summary, description=DESCRIPTION, epilog=EPILOG)
    parser.add_argument("runs", nargs="+", type=Path, metavar="RUN", help="a run's folder, or its run.jsonl")
    parser.add_argument(
        "--format",
        choices=sorted(FORMATS),
        default="html",
        help="; ".join(f"{name}: {f.sentence}" for name, f in FORMATS.items()) + " (html)",
    )
    parser.add_argument("--output", type=Path, metavar="FILE", help="where to write it (standard output)")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Read the runs, render them and write the result."""
    chosen = FORMATS[args.format]
    if args.output is not None and not args.output.parent.is_dir():
        return _fail(f"--output {args.output}: there is no folder {args.output.parent}; make it, or name another file")
    if len(args.runs) > 1 and not chosen.several:
        return _fail(f"--format {args.format} shows one run; several go into --format matrix")
    try:
        runs = [read_run(path) for path in args.runs]
        if args.output is not None:
            write(args.format, runs, args.output)
        else:
            sys.stdout.buffer.write(chosen.render(runs).encode("utf-8", "replace"))
            sys.stdout.buffer.flush()
    except (RunFileError, ValueError) as problem:
        return _fail(str(problem))
    except BrokenPipeError:
        return 0
    except OSError as problem:
        return _fail(f"{problem.filename or args.output}: {problem.strerror}")
    return 0


def _fail(message: str) -> int:
    print(f"restoreproof report: {message}", file=sys.stderr)  # noqa: T201 - a command's own error line
    return BAD_USAGE
