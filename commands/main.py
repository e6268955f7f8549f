"""The ``restoreproof`` command: one entry, a module per sub-command."""

from __future__ import annotations

import argparse
import sys
from importlib import metadata
from typing import TYPE_CHECKING

from restoreproof.commands import certify, profile, report, serve, sweep

if TYPE_CHECKING:
    from collections.abc import Sequence

USAGE = 4

DESCRIPTION = """\
Proves that an S3-compatible object store can hold SQL Server 2022 backups and give the database back."""

EPILOG = """\
examples:
  restoreproof certify --provider embedded --require "wire conformant"
  restoreproof certify --provider ./acme.toml
  restoreproof report runs/acme/*/ --format matrix --output matrix.html
  restoreproof profile new acme

exit codes: 0 good enough and as declared, 1 not so, 2 interrupted, 4 bad usage"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one sub-command and return its exit code."""
    args, rest = build_parser().parse_known_args(arguments)
    if rest and args.command != "certify":
        message = f"restoreproof {args.command}: unknown argument {rest[0]!r}; see restoreproof {args.command} --help"
        print(message, file=sys.stderr)  # noqa: T201 - a command's own error line
        return USAGE
    args.rest = rest
    try:
        return int(args.run(args))
    except KeyboardInterrupt:
        return 2


def build_parser() -> argparse.ArgumentParser:
    """The parser of all sub-commands."""
    parser = _Parser(
        prog="restoreproof",
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"restoreproof {metadata.version('restoreproof')}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for module in (certify, serve, sweep, report, profile):
        module.add_parser(commands)
    return parser


class _Parser(argparse.ArgumentParser):
    """A parser whose bad-usage exit code is pytest's, and whose message is one line."""

    def error(self, message: str) -> None:  # type: ignore[override]
        self.exit(USAGE, f"{self.prog}: {message}; see {self.prog} --help\n")


if __name__ == "__main__":
    sys.exit(main())
