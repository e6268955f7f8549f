"""Rules about the devices of a statement taken together: classes, stripes, mirrors."""

from __future__ import annotations

from typing import TYPE_CHECKING

from restoreproof.commands.linting.finding import ERROR, WARNING, Finding
from restoreproof.fixtures.engines.limits import MOST_MIRRORS, MOST_URLS

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from restoreproof.commands.linting.finding import Setting
    from restoreproof.commands.linting.script import Device, Script, Transfer


def check_devices(script: Script, setting: Setting) -> Iterator[Finding]:
    """Every rule about devices, for every statement that touches S3."""
    del setting
    for transfer in script.transfers:
        if transfer.urls:
            yield from _check_classes(transfer)
            yield from _check_number(transfer)
            yield from _check_twice(transfer)
            if transfer.in_transaction:
                yield Finding("BAK-17", ERROR, f"{transfer.verb} in a transaction that is open", transfer.spot)
            if transfer.mirrors:
                yield from _check_mirrors(transfer)


def _check_classes(transfer: Transfer) -> Iterator[Finding]:
    for rule, devices in (("OPT-04", transfer.devices), *(("MIR-01", mirror) for mirror in transfer.mirrors)):
        among = transfer.devices[:1] if rule == "MIR-01" else devices
        odd = _odd_one(among, devices)
        if odd:
            yield Finding(rule, ERROR, f"{_class(odd)} beside {_class(among[0])}", odd.spot)


def _odd_one(among: Sequence[Device], devices: Sequence[Device]) -> Device | None:
    """The first device that is surely of another class than the first of the others."""
    first = among[0].family if among else ""
    return next((device for device in devices if first and device.family not in ("", first)), None)


def _class(device: Device) -> str:
    return {"s3": "S3", "azure": "Azure"}.get(device.family, device.family.upper())


def _check_number(transfer: Transfer) -> Iterator[Finding]:
    everything = transfer.all_devices
    if len(transfer.devices) > MOST_URLS:
        spot = transfer.devices[MOST_URLS].spot
        yield Finding("LIM-01", ERROR, f"{len(transfer.devices)} URLs, of {MOST_URLS}", spot)
    elif len(everything) > MOST_URLS:
        what = f"{len(everything)} URLs with those of the mirrors, of {MOST_URLS}"
        yield Finding("LIM-04", ERROR, what, everything[MOST_URLS].spot)


def _check_twice(transfer: Transfer) -> Iterator[Finding]:
    seen = set()
    for device in transfer.urls:
        if device.address and device.value.known:
            if device.address.identity in seen:
                yield Finding("OPS-02", ERROR, "the same URL twice in one statement", device.spot)
            seen.add(device.address.identity)


def _check_mirrors(transfer: Transfer) -> Iterator[Finding]:
    if len(transfer.mirrors) > MOST_MIRRORS:
        spot = transfer.mirrors[MOST_MIRRORS][0].spot
        yield Finding("MIR-02", ERROR, f"{len(transfer.mirrors)} mirrors, of {MOST_MIRRORS}", spot)
    for mirror in transfer.mirrors:
        if len(mirror) != len(transfer.devices):
            what = f"{len(mirror)} URLs in a mirror of {len(transfer.devices)}"
            yield Finding("MIR-02", ERROR, what, mirror[0].spot)
            break
    if transfer.lacks("FORMAT"):
        yield Finding("MIR-03", ERROR, "MIRROR TO without FORMAT", transfer.mirrors[0][0].spot)
    yield from _check_stores(transfer)


def _check_stores(transfer: Transfer) -> Iterator[Finding]:
    region = transfer.option("BACKUP_OPTIONS")
    hosts = {device.address.netloc for device in transfer.urls if device.address and device.address.judged}
    if region and len(hosts) > 1 and transfer.devices[0].address and not _one_domain(hosts):
        yield Finding("MIR-04", WARNING, "one region for mirrors at several hosts", region.spot)


def _one_domain(hosts: set[str]) -> bool:
    """Whether the hosts differ in their first label only, as buckets of one store do."""
    return len({host.partition(".")[2] for host in hosts}) == 1
