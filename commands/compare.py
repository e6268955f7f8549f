"""``restoreproof compare``: what changed from one run to another."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from restoreproof.reports.comparing import compare, render
from restoreproof.reports.lines import RunFileError
from restoreproof.reports.matrix import MatrixError
from restoreproof.reports.reader import read_run

USAGE = 4

DESCRIPTION = """\
Sets two runs side by side, the earlier one first: labels, outcome and figures of both, and every claim whose verdict or
symptom differs. Only claims that both runs were asked for are compared."""

EPILOG = """\
example, the same store before and after new firmware:
  restoreproof certify --provider ./acme.toml --label firmware=12.0
  restoreproof certify --provider ./acme.toml --label firmware=12.1
  restoreproof compare runs/acme/FIRST runs/acme/SECOND

exit codes: 0 nothing got worse, 1 something did (a claim, the outcome, or the agreement with the profile), 4 the runs
can't be compared"""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser], summary: str) -> None:
    """Add the sub-command."""
    parser = subparsers.add_parser(
        "compare",
        help=summary,
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    for name in ("before", "after"):
        parser.add_argument(name, type=Path, metavar="RUN", help=f"the run {name}: its folder, or its run.jsonl")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Read both runs and print what changed."""
    try:
        comparison = compare(read_run(args.before), read_run(args.after))
    except (RunFileError, MatrixError) as problem:
        sys.stderr.write(f"restoreproof compare: {problem}\n")
        return USAGE
    sys.stdout.buffer.write(render(comparison).encode("utf-8", "replace"))
    sys.stdout.buffer.flush()
    return int(comparison.is_worse)
