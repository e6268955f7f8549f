"""Rules about the region that BACKUP_OPTIONS and RESTORE_OPTIONS name."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from restoreproof.commands.linting.finding import ERROR, NOT_JUDGED, NOTE, WARNING, Finding
from restoreproof.fixtures.engines.limits import REGION

if TYPE_CHECKING:
    from collections.abc import Iterator

    from restoreproof.commands.linting.finding import Setting, Store
    from restoreproof.commands.linting.script import Option, Script, Transfer

_RULES = {"BACKUP": "REG-02", "RESTORE": "REG-03"}
_SINGULAR = ("BACKUP_OPTION", "RESTORE_OPTION")


def check_regions(script: Script, setting: Setting) -> Iterator[Finding]:
    """Every rule about regions, for every statement that touches S3."""
    written: dict[tuple[str, str], str] = {}
    for transfer in script.transfers:
        if transfer.urls:
            yield from _check_words(transfer)
            yield from _check_json(transfer)
            yield from _check_pair(transfer, written, _severity(setting.store))
            if setting.store and transfer.what != "REWINDONLY" and _may_be_at(transfer, setting.store):
                yield from _check_store(transfer, setting.store)


def region_of(transfer: Transfer) -> str | None:
    """The region that a statement asks for; None where that is not known, or is wrong."""
    option = transfer.option(f"{transfer.verb}_OPTIONS")
    if not option:
        return None if transfer.option(*_SINGULAR, *_others(transfer)) or not transfer.whole else REGION
    return _read(option)[0] if option.value and option.value.known else None


def _others(transfer: Transfer) -> tuple[str, ...]:
    return tuple(f"{verb}_OPTIONS" for verb in _RULES if verb != transfer.verb)


def _check_words(transfer: Transfer) -> Iterator[Finding]:
    for option in transfer.options:
        if option.name in _others(transfer):
            yield Finding(_RULES[transfer.verb], ERROR, f"{option.name} in {transfer.verb}", option.spot)
        elif option.name in _SINGULAR:
            yield Finding("REG-08", ERROR, f"{option.name} without an S at its end", option.spot)


def _check_json(transfer: Transfer) -> Iterator[Finding]:
    option = transfer.option(f"{transfer.verb}_OPTIONS")
    if not option:
        return
    if option.value and not option.value.known:
        yield Finding(NOT_JUDGED, NOTE, f"{option.name} can't be judged: it is known at run time only", option.spot)
        return
    region, strangers = _read(option)
    spot = option.value.spot if option.value else option.spot
    if region is None and not strangers:
        yield Finding(_RULES[transfer.verb], ERROR, f"{option.name} is no JSON of the documented shape", spot)
    elif strangers:
        yield Finding("REG-08", WARNING, f"{option.name} holds more than a region", spot)


def _read(option: Option) -> tuple[str | None, bool]:
    """The region in an option's JSON, and whether it holds anything else that is documented nowhere."""
    try:
        document = json.loads(option.value.text if option.value else "")
    except (ValueError, RecursionError):
        return None, False
    inner = document.get("s3") if isinstance(document, dict) else None
    if not isinstance(inner, dict):
        return None, False
    region = inner.get("region")
    strangers = len(document) > 1 or bool(set(inner) - {"region"})
    return (region if isinstance(region, str) and region else None), strangers


def _severity(store: Store | None) -> str:
    """How heavy a wrong region weighs: it fails where the store is known to check it."""
    return ERROR if store and store.region_checked == "yes" else WARNING


def _check_pair(transfer: Transfer, written: dict[tuple[str, str], str], severity: str) -> Iterator[Finding]:
    """Whether a backup is read in the region that it was written in, if the same script does both."""
    region = region_of(transfer)
    for device in transfer.urls:
        if not device.address or not device.value.known or region is None:
            continue
        if transfer.verb == "BACKUP":
            written[device.address.identity] = region
        elif written.get(device.address.identity, region) != region:
            here = written[device.address.identity]
            yield Finding("REG-03", severity, f"region {region}, where the backup was written in {here}", transfer.spot)
            return


def _may_be_at(transfer: Transfer, store: Store) -> bool:
    """Whether one of the URLs may lead to the store: its host is the store's, or nobody knows it."""
    addresses = [device.address for device in transfer.urls if device.address]
    return any(not address.judged or not address.proper or store.is_at(address.host) for address in addresses)


def _check_store(transfer: Transfer, store: Store) -> Iterator[Finding]:
    region = region_of(transfer)
    checked = store.region_checked == "yes" or (store.region_checked == "unknown" and store.region != REGION)
    if region is not None and checked and region != store.region:
        option = transfer.option(f"{transfer.verb}_OPTIONS")
        what = f"region {region}, where {store.name} has {store.region}"
        yield Finding("REG-05", _severity(store), what, option.spot if option else transfer.spot)
