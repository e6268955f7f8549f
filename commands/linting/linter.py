"""Holds a script against every rule, and tells where in its text each one is broken."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from typing import TYPE_CHECKING

from restoreproof.commands.linting.addresses import check_addresses
from restoreproof.commands.linting.calls import check_calls
from restoreproof.commands.linting.credentials import check_credentials
from restoreproof.commands.linting.devices import check_devices
from restoreproof.commands.linting.finding import ERROR, NOT_JUDGED, Finding, Setting
from restoreproof.commands.linting.options import check_options
from restoreproof.commands.linting.pairs import check_pairs
from restoreproof.commands.linting.reading import read_script
from restoreproof.commands.linting.regions import check_regions
from restoreproof.commands.linting.servers import check_servers
from restoreproof.commands.linting.spelling import check_spelling

if TYPE_CHECKING:
    from collections.abc import Iterator

    from restoreproof.commands.linting.script import Script

CHECKS = (
    check_spelling,
    check_addresses,
    check_devices,
    check_options,
    check_regions,
    check_credentials,
    check_pairs,
    check_calls,
    check_servers,
)


@dataclass(frozen=True)
class Placed:
    """A finding with line and column, both counted from 1."""

    finding: Finding
    line: int
    column: int


def lint(text: str, setting: Setting | None = None) -> list[Placed]:
    """Every rule that a script breaks, each once for a place, in the order of the text."""
    script = read_script(text)
    found = {(f.rule, f.spot): f for check in CHECKS for f in check(script, setting or Setting())}
    found |= {(f.rule, f.spot): f for f in _check_end(script)}
    starts = [0, *(at + 1 for at, character in enumerate(text) if character == "\n")]
    ordered = sorted(found.values(), key=lambda finding: (finding.spot, finding.rule))
    return [_placed(finding, starts) for finding in ordered]


def _check_end(script: Script) -> Iterator[Finding]:
    """Nothing behind what never ends is read, by nobody."""
    if script.left_open:
        spot, what = script.left_open
        yield Finding(NOT_JUDGED, ERROR, f"the {what} that begins here never ends; all behind it is part of it", spot)


def _placed(finding: Finding, starts: list[int]) -> Placed:
    line = bisect_right(starts, finding.spot)
    return Placed(finding, line, finding.spot - starts[line - 1] + 1)
