"""Rules about the build and the edition that a script is to run on, where the user names them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from restoreproof.commands.linting.finding import ERROR, WARNING, Finding
from restoreproof.fixtures.engines import limits

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from restoreproof.commands.linting.finding import Setting
    from restoreproof.commands.linting.script import Script, Transfer

EDITIONS = ("enterprise", "standard", "web", "developer", "evaluation", "express")
_ALL_FEATURES = ("enterprise", "developer", "evaluation")
_FIXES = {"CU-06": limits.CU6, "CU-01": limits.CU7, "CU-02": limits.CU7, "CU-03": limits.CU19, "CU-04": limits.CU20}


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
    if build[0] < limits.SQL_2022:
        yield Finding("EDN-01", ERROR, f"build {shown}", transfers[0].spot)
        return
    for rule, fixed in _FIXES.items():
        if build < fixed:
            yield Finding(rule, WARNING, f"build {shown}", transfers[0].spot)
    backups = [transfer for transfer in transfers if transfer.verb == "BACKUP"]
    wide = [backup for backup in backups if len(backup.devices) >= limits.MANY_STRIPES]
    if wide and build[0] == limits.SQL_2025 and build < limits.MANY_STRIPES_FIX:
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
