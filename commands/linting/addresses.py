"""Rules about the URL of a device."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from restoreproof.commands.linting.address import SCHEME, Address
from restoreproof.commands.linting.credentials import is_for_s3
from restoreproof.commands.linting.finding import ERROR, NOT_JUDGED, NOTE, WARNING, Finding
from restoreproof.commands.linting.script import UNREAD
from restoreproof.commands.linting.tokens import HOLE
from restoreproof.fixtures.engines.limits import ADVISED_URL, LONGEST_URL, length

if TYPE_CHECKING:
    from collections.abc import Iterator

    from restoreproof.commands.linting.finding import Setting, Store
    from restoreproof.commands.linting.script import Device, Script, Transfer

_ALMOST = re.compile(r"s3:", re.IGNORECASE)
_ACCELERATED = re.compile(r"\.s3-accelerate\.", re.IGNORECASE)


def check_addresses(script: Script, setting: Setting) -> Iterator[Finding]:
    """Every rule about a URL, for every URL."""
    hosts = _hosts(script, setting)
    yield from _check_hosts(script, setting.store)
    for spot in script.unread if script.writes else ():
        yield Finding(NOT_JUDGED, NOTE, "what is executed can't be judged: it is known at run time only", spot)
    for transfer in script.transfers:
        unread = next((device for device in transfer.all_devices if device.kind == UNREAD), None)
        if unread:
            what = f"the devices of {transfer.verb} can't be judged: they are known at run time only"
            yield Finding(NOT_JUDGED, NOTE, what, unread.spot)
        for device in transfer.all_devices:
            if device.address and device.address.on_web and not device.address.family:
                yield _judge_web(device, device.address, transfer, hosts)
            elif device.address:
                yield from _check(device, device.address, setting)


def _check_hosts(script: Script, store: Store | None) -> Iterator[Finding]:
    """Name each host once that is not the profile's: what the profile says is not held against its URLs."""
    told: set[str] = set()
    for device in (device for transfer in script.transfers for device in transfer.urls if store):
        address = device.address
        if store and address and address.proper and address.judged and not store.is_at(address.host):
            if address.host not in told:
                what = f"{address.host} is not {store.host}: what {store.name}'s profile says is not held against it"
                yield Finding(NOT_JUDGED, NOTE, what, device.spot)
            told.add(address.host)


def _hosts(script: Script, setting: Setting) -> set[str]:
    """Hosts that are on S3 for all that script and profile say: of credentials, of other URLs, and the store's own."""
    named = [found.name.text for found in script.credentials if is_for_s3(found)]
    urls = [device.address.text for transfer in script.transfers for device in transfer.urls if device.address]
    known = {Address(text).host for text in (*named, *urls)}
    return {host for host in (*known, setting.store.host if setting.store else "") if host and HOLE not in host}


def _judge_web(device: Device, address: Address, transfer: Transfer, hosts: set[str]) -> Finding:
    """A URL on the web whose host tells nothing: wrong where anything else tells that it is meant for S3."""
    option = transfer.option(f"{transfer.verb}_OPTIONS")
    told = bool(option and option.value and '"s3"' in option.value.text.lower())
    if told or any(address.host == host or address.host.endswith(f".{host}") for host in hosts):
        scheme = address.text.partition("//")[0].lower()
        return Finding("URL-01", ERROR, f"{scheme}// in place of {SCHEME}", device.spot)
    what = "the URL can't be judged: nothing tells whether its host is one on S3, or one that stands in for Azure"
    return Finding(NOT_JUDGED, NOTE, what, device.spot)


def _check(device: Device, address: Address, setting: Setting) -> Iterator[Finding]:
    if address.family == "azure":
        return
    if not address.judged and not _wrong_start(address):
        yield Finding(NOT_JUDGED, NOTE, "the URL can't be judged: its host is known at run time only", device.spot)
    if not address.family:
        return
    wrong = _wrong_start(address)
    if wrong:
        yield Finding(wrong[0], ERROR, wrong[1], device.spot)
        return
    yield from _check_length(device, address)
    if "?" in address.text:
        yield Finding("URL-11", ERROR, "a query string behind ?", device.spot)
    if _ACCELERATED.search(address.host):
        yield Finding("URL-14", WARNING, "a host for transfer acceleration", device.spot)
    if setting.store and address.judged:
        yield from _check_store(device, address, setting.store)
    if not address.folder:
        yield from _check_object(device, address, setting)


def _wrong_start(address: Address) -> tuple[str, str] | None:
    """What is wrong about how a URL begins, and the rule."""
    text = address.text.partition(HOLE)[0]
    if address.proper or (HOLE in address.text and SCHEME.startswith(text.lower()[: len(SCHEME)])):
        return None
    if text.lower().startswith("arn:"):
        return "URL-14", "an ARN in place of a URL"
    if _ALMOST.match(text):
        return "URL-10", "s3: without two slashes and a host"
    scheme = re.match(r"[a-z][a-z0-9+.-]{0,20}://", text, re.IGNORECASE)
    return "URL-01", f"{scheme[0]} in place of {SCHEME}" if scheme else f"no {SCHEME} in front"


def _check_length(device: Device, address: Address) -> Iterator[Finding]:
    characters = length(address.text.replace(HOLE, ""))
    more = " and more" if HOLE in address.text else ""
    if characters > LONGEST_URL:
        yield Finding("URL-06", ERROR, f"{characters} characters{more}, of {LONGEST_URL}", device.spot)
    elif characters > ADVISED_URL:
        yield Finding("URL-07", WARNING, f"{characters} characters{more}, of {ADVISED_URL}", device.spot)


def _check_object(device: Device, address: Address, setting: Setting) -> Iterator[Finding]:
    """Whether a file's name follows the bucket; a lone word may be either where buckets may be host names."""
    names = [part for part in address.path.split("/") if part]
    if address.path.endswith("/") or not names:
        yield Finding("URL-15", ERROR, "the URL ends at a bucket or a folder", device.spot)
    elif len(names) == 1 and address.path.count("/") == 1 and HOLE not in address.path:
        sure = address.needs_bucket or bool(setting.store and _is_path_style(address, setting.store))
        if sure:
            yield Finding("URL-15", ERROR, f"the URL ends behind its bucket {names[0]!r}", device.spot)
        elif "." not in names[0]:
            yield Finding("URL-15", WARNING, f"{names[0]!r} looks like a bucket, and no name follows", device.spot)


def _is_path_style(address: Address, store: Store) -> bool:
    return store.style == "path" and not store.either_style and address.host in (store.host, "")


def _check_store(device: Device, address: Address, store: Store) -> Iterator[Finding]:
    """Whether the URL leads to the store that the profile describes, where that has an address."""
    if not store.host or not store.is_at(address.host):
        return
    inside = address.host != store.host
    if address.port != store.port:
        what = f"port {address.port}, where {store.name} listens at {store.port}"
        yield Finding("URL-05", ERROR, what, device.spot)
    if not store.either_style and inside != (store.style == "virtual"):
        place = "path" if store.style == "path" else "host's name"
        yield Finding("URL-04", ERROR, f"{store.name} looks for the bucket in the {place}", device.spot)
