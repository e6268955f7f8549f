"""``restoreproof census``: what SQL Server was seen to send in a run, question by question."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from restoreproof.reports.census import FILE, CensusError, answers, read_census, table

if TYPE_CHECKING:
    import argparse

DESCRIPTION = """\
Prints as a Markdown table what SQL Server sent in a run, as answers to the questions that Microsoft's documents leave
open. Runs with SQL Server, or its stand-in, write a census where the proxy can stand between: the store on this
machine, and restoreproof[proxy] installed. A census of the stand-in shows what we guessed, one of SQL Server what is
so."""

USAGE = 4


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser], summary: str) -> None:
    """Add the sub-command."""
    parser = subparsers.add_parser("census", help=summary, description=DESCRIPTION)
    parser.add_argument("run_folder", metavar="RUN", type=Path, help="a run's folder, such as runs/acme/TIME")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Print the table and return the exit code."""
    path = args.run_folder / FILE if args.run_folder.is_dir() else args.run_folder
    try:
        lines = read_census(path)
    except CensusError as problem:
        print(f"restoreproof census: {problem}", file=sys.stderr)  # noqa: T201 - a command's own error line
        return USAGE
    print(table(answers(lines)), end="")  # noqa: T201 - what the command is for
    return 0
