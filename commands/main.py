"""The ``restoreproof`` command: one entry, a module per sub-command."""

from __future__ import annotations

import argparse
import sys
from importlib import import_module, metadata
from io import TextIOWrapper
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

USAGE = 4

COMMANDS = {
    "certify": "run the suites against a provider",
    "doctor": "look at a store before anything is deployed, in under ten seconds",
    "serve": "start the embedded endpoint alone, for any client",
    "sweep": "finish the clean-up of killed runs",
    "report": "render run files",
    "compare": "show what changed from one run to another",
    "census": "show what SQL Server sent in a run",
    "measure": "measure how fast a provider takes backups and gives them back",
    "profile": "write or check a provider's profile",
    "lint": "name the rules that scripts in T-SQL break",
}
"""Each sub-command, a module of its own, and its line of help."""

DESCRIPTION = """\
Proves that an S3-compatible object store can hold SQL Server 2022 backups and give the database back."""

EPILOG = """\
examples:
  restoreproof certify --provider embedded --require "wire conformant"
  restoreproof certify --provider ./acme.toml
  restoreproof report runs/acme/*/ --format matrix --output matrix.html
  restoreproof profile new acme
  restoreproof doctor --provider ./acme.toml
  restoreproof lint nightly.sql --provider ./acme.toml

exit codes: 0 good enough and as declared, 1 not so, 2 interrupted, 4 bad usage"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one sub-command and return its exit code."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):  # a name that the terminal's encoding lacks ends no run
            stream.reconfigure(errors="backslashreplace")
    words = list(sys.argv[1:] if arguments is None else arguments)
    args, rest = build_parser(next((word for word in words if word in COMMANDS), "")).parse_known_args(words)
    if rest and args.command != "certify":
        message = f"restoreproof {args.command}: unknown argument {rest[0]!r}; see restoreproof {args.command} --help"
        print(message, file=sys.stderr)  # noqa: T201 - a command's own error line
        return USAGE
    args.rest = rest
    try:
        return int(args.run(args))
    except KeyboardInterrupt:
        return 2


def build_parser(chosen: str) -> argparse.ArgumentParser:
    """The parser of all sub-commands; only the chosen one is imported, since some weigh half a second."""
    parser = _Parser(
        prog="restoreproof",
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"restoreproof {metadata.version('restoreproof')}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for name, summary in COMMANDS.items():
        if name == chosen:
            import_module(f"restoreproof.commands.{name}").add_parser(commands, summary)
        else:
            commands.add_parser(name, help=summary)
    return parser


class _Parser(argparse.ArgumentParser):
    """A parser whose bad-usage exit code is pytest's, and whose message is one line."""

    def error(self, message: str) -> None:  # type: ignore[override]
        self.exit(USAGE, f"{self.prog}: {message}; see {self.prog} --help\n")


if __name__ == "__main__":
    sys.exit(main())
