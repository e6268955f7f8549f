"""Rules about statements that belong together: a backup, and what reads it in the same script."""

from __future__ import annotations

from typing import TYPE_CHECKING

from restoreproof.commands.linting.finding import ERROR, NOTE, Finding
from restoreproof.commands.linting.script import READS_ALL

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from restoreproof.commands.linting.finding import Setting
    from restoreproof.commands.linting.script import Device, Script, Transfer

    Identity = tuple[str, str]


def check_pairs(script: Script, setting: Setting) -> Iterator[Finding]:
    """Every rule about a backup and its restore."""
    del setting
    backups: list[Transfer] = []
    for transfer in script.transfers:
        if transfer.urls and transfer.verb == "BACKUP":
            backups.append(transfer)
        elif transfer.urls:
            yield from _check_case(transfer, backups)
            if transfer.what in READS_ALL:
                yield from _check_stripes(transfer, backups)
    yield from _check_proof(script)


def _identity(device: Device) -> Identity:
    """What makes URLs one, of a device whose URL is known."""
    return device.address.identity if device.address and device.value.known else ("", "")


def _identities(devices: Sequence[Device]) -> set[Identity]:
    return {_identity(device) for device in devices} - {("", "")}


def _check_case(transfer: Transfer, backups: Sequence[Transfer]) -> Iterator[Finding]:
    written = {identity for backup in backups for identity in _identities(backup.all_devices)}
    small = {(host, path.lower()) for host, path in written}
    for device in transfer.devices:
        host, path = _identity(device)
        if path and (host, path) not in written and (host, path.lower()) in small:
            what = "the backup was written to this URL with other capitals"
            yield Finding("URL-13", ERROR, what, device.spot)


def _check_stripes(transfer: Transfer, backups: Sequence[Transfer]) -> Iterator[Finding]:
    """Whether a restore names all stripes of the last backup that wrote one of them, of whichever mirror."""
    given = _identities(transfer.devices)
    if len(given) != len(transfer.devices):
        return
    for backup in reversed(backups):
        copies = [[_identity(device) for device in devices] for devices in (backup.devices, *backup.mirrors)]
        if not given & {identity for copy in copies for identity in copy}:
            continue
        families = len(copies[0])
        missing = [at for at in range(families) if not any(identity in given for identity in _column(copies, at))]
        if missing:
            what = f"{len(missing)} of {families} stripes of the backup are missing"
            yield Finding("RST-02", ERROR, what, transfer.spot)
        return


def _column(copies: Sequence[Sequence[Identity]], at: int) -> list[Identity]:
    """The same stripe of every mirror."""
    return [copy[at] for copy in copies if at < len(copy)]


def _check_proof(script: Script) -> Iterator[Finding]:
    """Whether anything in the script reads back what it writes."""
    backups = list(script.on_s3("BACKUP"))
    verified = any(transfer.what in READS_ALL for transfer in script.on_s3("RESTORE"))
    unproven = [backup for backup in backups if not backup.procedure]
    if unproven and not verified:
        yield Finding("OPS-04", NOTE, "no RESTORE VERIFYONLY in this script", unproven[0].spot)
