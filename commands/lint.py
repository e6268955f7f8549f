"""``restoreproof lint``: names every rule for backups on S3 that a script in T-SQL breaks, without running it."""

from __future__ import annotations

import argparse
import codecs
import re
import sys
from pathlib import Path

from restoreproof.commands.linting.finding import NOTE, Setting, Store
from restoreproof.commands.linting.linter import lint
from restoreproof.commands.linting.servers import EDITIONS
from restoreproof.commands.linting.wording import as_json, as_text
from restoreproof.providers.profile import ProfileError, load_profile
from restoreproof.reports.register import load_register
from restoreproof.reports.rules import load_rules

CLEAN, FOUND, USAGE = 0, 1, 4

DESCRIPTION = """\
Reads scripts in T-SQL and names every rule for backups on S3 that they break: with line and column, the claim, what
SQL Server would show, and the fix. Nothing is run and nothing is sent. It looks at BACKUP, RESTORE and CREDENTIAL, at
the maintenance procedure DatabaseBackup, and into text that is executed or given to a job, as far as constants and
variables tell before the script runs; the rest is named as not judged. What is in SECRET is never shown.
"""

EPILOG = """\
severities: error - SQL Server refuses it, or the backup is lost; warning - it may go wrong; note - worth knowing

examples:
  restoreproof lint nightly.sql restore.sql
  restoreproof lint nightly.sql --provider ./acme.toml        # also region, style, port and parts of this store
  restoreproof lint nightly.sql --build 16.0.4175.1 --edition web
  restoreproof lint - --json < nightly.sql

exit status: 0 nothing but notes, 1 errors or warnings, 4 bad usage or a file that can't be read
"""

_BUILD = re.compile(r"\d{1,3}\.\d{1,5}(\.\d{1,5}){1,2}")
_NO_TEXT = re.compile(r"[\x00-\x06\x0e-\x19\x1b-\x1f]")
"""What no editor writes into a script; ends of files of old (U+001A) and formatting characters are let through."""
_STANDARD_INPUT = "<stdin>"
_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser], summary: str) -> None:
    """Add the sub-command."""
    parser = subparsers.add_parser(
        "lint",
        help=summary,
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("files", metavar="FILE", nargs="+", help="a script; - for standard input")
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    parser.add_argument("--provider", metavar="NAME|FILE", help="the profile of the store that the scripts are for")
    parser.add_argument("--build", metavar="NUMBER", type=_build, default=(), help="of SQL Server, such as 16.0.4205.1")
    parser.add_argument("--edition", choices=EDITIONS, default="", help="of SQL Server")
    parser.set_defaults(run=run)


def _build(text: str) -> tuple[int, ...]:
    if not _BUILD.fullmatch(text):
        raise argparse.ArgumentTypeError(f"{text!r} is no build such as 16.0.4205.1")
    return tuple(int(number) for number in text.split("."))


def run(args: argparse.Namespace) -> int:
    """Print the findings of all files and return the exit code."""
    try:
        setting = Setting(_store(args.provider), args.build, args.edition)
        scripts = [_read(name) for name in args.files]
    except ProfileError as problem:
        return _refuse(str(problem))
    except OSError as problem:
        return _refuse(f"{problem.filename} can't be read: {problem.strerror}")
    except NoTextError as problem:
        return _refuse(str(problem))
    findings = [(name, placed) for name, text in scripts for placed in lint(text, setting)]
    names = [name for name, _ in scripts]
    sys.stdout.write((as_json if args.json else as_text)(names, findings, load_rules()))
    return FOUND if any(placed.finding.severity != NOTE for _, placed in findings) else CLEAN


def _store(provider: str | None) -> Store | None:
    if not provider:
        return None
    known_ids = {requirement.id for requirement in load_register()}
    return Store.of(load_profile(provider, known_ids=known_ids, require_keys=False))


class NoTextError(ValueError):
    """A file is no script."""


def _read(name: str) -> tuple[str, str]:
    """A script's name as findings show it, and its text.

    :raises NoTextError: it is none.
    """
    shown = _STANDARD_INPUT if name == "-" else name
    text = decoded(sys.stdin.buffer.read() if name == "-" else Path(name).read_bytes())
    if strange := _NO_TEXT.search(text):
        raise NoTextError(f"{shown} is no text: character {strange.start() + 1} is U+{ord(strange[0]):04X}")
    return shown, text


def decoded(raw: bytes) -> str:
    """The text of a script, in whichever encoding editors for SQL Server save it."""
    for mark, encoding in _MARKS:
        if raw.startswith(mark):
            return raw.decode(encoding, "replace")
    if raw[1:2] == b"\0" and raw[:1] != b"\0":
        return raw.decode("utf-16-le", "replace")
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return raw.decode("cp1252", "replace")


def _refuse(text: str) -> int:
    sys.stderr.write(f"restoreproof lint: {text}\n")
    return USAGE
