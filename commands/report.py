"""``restoreproof report``: render run files; every report is a pure function of them."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from restoreproof.reports.formats import FORMATS, render
from restoreproof.reports.lines import RunFileError
from restoreproof.reports.reader import read_run

DESCRIPTION = """\
Renders run files again, in any format. One run gives a report; several give one matrix of providers and requirements.
Truncated, mixed or altered run files are refused."""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the sub-command."""
    parser = subparsers.add_parser("report", help="render run files", description=DESCRIPTION)
    parser.add_argument("runs", nargs="+", type=Path, metavar="RUN", help="a run's folder, or its run.jsonl")
    parser.add_argument("--format", choices=sorted(FORMATS), default="html", help="what to write (html)")
    parser.add_argument("--output", type=Path, metavar="FILE", help="where to write it (standard output)")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Read the runs, render them and write the result."""
    try:
        text = render([read_run(path) for path in args.runs], args.format)
        if args.output is None:
            sys.stdout.buffer.write(text.encode())
        else:
            args.output.write_text(text, encoding="utf-8", newline="\n")
    except (RunFileError, ValueError) as problem:
        print(f"restoreproof report: {problem}", file=sys.stderr)  # noqa: T201 - a command's own error line
        return 1
    except OSError as problem:
        print(f"restoreproof report: {args.output} can't be written: {problem.strerror}", file=sys.stderr)  # noqa: T201
        return 1
    return 0
