"""Rules about the build and the edition that a script is to run on, where the user names them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from restoreproof.commands.linting.finding import ERROR, WARNING, Finding

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from restoreproof.commands.linting.finding import Setting
    from restoreproof.commands.linting.script import Script, Transfer

EDITIONS = ("enterprise", "standard", "web", "developer", "evaluation", "express")
_ALL_FEATURES = ("enterprise", "developer", "evaluation")
_FIRST = 16
"""The major version of SQL Server 2022."""

_FIXES = {
    "CU-06": (16, 0, 4055, 4),
    "CU-01": (16, 0, 4065, 3),
    "CU-02": (16, 0, 4065, 3),
    "CU-03": (16, 0, 4195, 2),
    "CU-04": (16, 0, 4205, 1),
}
_WIDE, _WIDE_FIX = 16, (17, 0, 4055, 5)
"""Stripes that need a fix on SQL Server 2025, and its build (CU-08)."""


def check_servers(script: Script, setting: Setting) -> Iterator[Finding]:
    """Every rule about builds, once for a script, and about editions."""
    transfers = [transfer for transfer in script.transfers if transfer.urls]
    if transfers and setting.build:
        yield from _check_build(transfers, setting.build)
    if transfers and setting.edition == "express":
        yield Finding("EDN-02", ERROR, "Express Edition", transfers[0].spot)
    elif setting.edition:
        for transfer in transfers:
            yield from _check_edition(transfer, setting.edition)


def _check_build(transfers: Sequence[Transfer], build: tuple[int, ...]) -> Iterator[Finding]:
    shown = ".".join(map(str, build))
    if build[0] < _FIRST:
        yield Finding("EDN-01", ERROR, f"build {shown}", transfers[0].spot)
        return
    for rule, fixed in _FIXES.items():
        if build < fixed:
            yield Finding(rule, WARNING, f"build {shown}", transfers[0].spot)
    wide = [transfer for transfer in transfers if transfer.verb == "BACKUP" and len(transfer.devices) >= _WIDE]
    if wide and build[0] == _WIDE_FIX[0] and build < _WIDE_FIX:
        yield Finding("CU-08", WARNING, f"{len(wide[0].devices)} stripes on build {shown}", wide[0].spot)


def _check_edition(transfer: Transfer, edition: str) -> Iterator[Finding]:
    compression, encryption = transfer.option("COMPRESSION"), transfer.option("ENCRYPTION")
    if edition == "web" and transfer.verb == "BACKUP" and compression:
        yield Finding("EDN-03", ERROR, "COMPRESSION on Web Edition", compression.spot)
    if edition == "web" and encryption:
        yield Finding("EDN-04", ERROR, "ENCRYPTION on Web Edition", encryption.spot)
    if edition not in _ALL_FEATURES and transfer.mirrors:
        what = f"MIRROR TO on {edition.capitalize()} Edition"
        yield Finding("EDN-04", ERROR, what, transfer.mirrors[0][0].spot)
