"""Rules about the options of BACKUP and RESTORE on S3."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from restoreproof.commands.linting.finding import ERROR, NOT_JUDGED, NOTE, WARNING, Finding
from restoreproof.fixtures.engines import limits

if TYPE_CHECKING:
    from collections.abc import Iterator

    from restoreproof.commands.linting.finding import Setting
    from restoreproof.commands.linting.script import Script, Transfer

_REFUSED = ("PASSWORD", "MEDIAPASSWORD", "DBREADSIZE")
_TAPE = ("REWIND", "NOREWIND", "UNLOAD", "NOUNLOAD")
_NUMBERS = ("MAXTRANSFERSIZE", "BLOCKSIZE", "BUFFERCOUNT")
_MIB = 1024 * 1024
_MOMENT = re.compile(r"\d{6}|\d{4}[-_./]\d\d[-_./]\d\d|[0-9a-f]{8}-[0-9a-f]{4}", re.IGNORECASE)
"""What a name has that nobody uses twice: a date, or a GUID."""


def check_options(script: Script, setting: Setting) -> Iterator[Finding]:
    """Every rule about options, for every statement that touches S3."""
    for transfer in script.on_s3("BACKUP"):
        yield from _check_any(transfer)
        yield from _check_sizes(transfer)
        yield from _check_texts(transfer)
        yield from _check_appending(transfer)
        yield from _check_names(transfer)
        yield from _check_checksum(transfer)
        yield from _check_parts(transfer, setting)
    for transfer in script.on_s3("RESTORE"):
        if transfer.what == "REWINDONLY":
            yield Finding("META-05", ERROR, "RESTORE REWINDONLY of a URL", transfer.spot)
        yield from _check_any(transfer)
        yield from _check_restore(transfer)


def _check_any(transfer: Transfer) -> Iterator[Finding]:
    for option in transfer.options:
        if option.name == "FILE_SNAPSHOT":
            yield Finding("OPT-01", ERROR, option.name, option.spot)
        elif option.name in _REFUSED:
            yield Finding("OPT-02", ERROR, option.name, option.spot)
        elif option.name in _TAPE:
            yield Finding("OPT-02", WARNING, f"{option.name} is for tapes", option.spot)
        elif option.name in _NUMBERS and (not option.value or not option.value.known):
            what = f"{option.name} can't be judged: it is known at run time only"
            yield Finding(NOT_JUDGED, NOTE, what, option.spot)


def _check_restore(transfer: Transfer) -> Iterator[Finding]:
    for option in transfer.options:
        if option.name in ("MAXTRANSFERSIZE", "BUFFERCOUNT"):
            yield Finding("RST-09", ERROR, f"{option.name} in RESTORE", option.spot)
        elif option.name == "FILE" and option.value and option.value.number not in (None, 1):
            what = f"FILE = {option.value.number}: an object holds one backup"
            yield Finding("OPT-02", ERROR, what, option.spot)
        elif option.name == "FILE of the database":
            yield Finding("OPT-02", ERROR, option.name, option.spot)


def _check_sizes(transfer: Transfer) -> Iterator[Finding]:
    option, size = transfer.option("MAXTRANSFERSIZE"), transfer.number("MAXTRANSFERSIZE")
    if option and size is not None:
        if not limits.SMALLEST_TRANSFER <= size <= limits.LARGEST_TRANSFER:
            yield Finding("MPU-03", ERROR, f"MAXTRANSFERSIZE = {size}", option.spot)
        if size % limits.TRANSFER_STEP:
            yield Finding("MPU-11", ERROR, f"MAXTRANSFERSIZE = {size} is no multiple of 65536", option.spot)
        if size != limits.DEFAULT_TRANSFER and transfer.lacks("COMPRESSION"):
            yield Finding("MPU-10", WARNING, "MAXTRANSFERSIZE without COMPRESSION", option.spot)
    block, size = transfer.option("BLOCKSIZE"), transfer.number("BLOCKSIZE")
    if block and size is not None and size not in limits.BLOCK_SIZES:
        yield Finding("BAK-12", ERROR, f"BLOCKSIZE = {size}", block.spot)
    yield from _check_memory(transfer)


def _check_memory(transfer: Transfer) -> Iterator[Finding]:
    option, count = transfer.option("BUFFERCOUNT"), transfer.number("BUFFERCOUNT")
    size = transfer.number("MAXTRANSFERSIZE")
    if size is None and not transfer.option("MAXTRANSFERSIZE"):
        size = limits.DEFAULT_TRANSFER
    if option and count and size and count * size >= limits.MUCH_MEMORY:
        yield Finding("BAK-13", WARNING, f"{count} buffers of {size} bytes are {count * size // _MIB} MiB", option.spot)


def _check_texts(transfer: Transfer) -> Iterator[Finding]:
    for name, longest in limits.LONGEST_TEXTS.items():
        option = transfer.option(name)
        if option and option.value and option.value.known and limits.length(option.value.text) > longest:
            what = f"{name} of {limits.length(option.value.text)} characters, of {longest}"
            yield Finding("LIM-06", ERROR, what, option.spot)
    for option in transfer.options:
        if option.name in ("EXPIREDATE", "RETAINDAYS"):
            yield Finding("OPT-03", WARNING, option.name, option.spot)


def _check_appending(transfer: Transfer) -> Iterator[Finding]:
    for option in transfer.options:
        if option.name == "NOINIT":
            yield Finding("BAK-10", WARNING, "NOINIT", option.spot)
        elif option.name == "INIT" and transfer.lacks("FORMAT"):
            yield Finding("BAK-10", WARNING, "INIT without FORMAT replaces nothing", option.spot)


def _check_names(transfer: Transfer) -> Iterator[Finding]:
    """Whether each run writes to a name of its own, as far as the script shows."""
    device = transfer.urls[0]
    address = device.address
    if transfer.procedure or not address or not address.proper or not device.value.known:
        return
    if _MOMENT.search(address.path):
        return
    if transfer.lacks("FORMAT"):
        yield Finding("OPS-01", WARNING, "the same name in each run, and no FORMAT", device.spot)
    elif transfer.option("FORMAT"):
        yield Finding("OPS-01", NOTE, "the same name in each run: FORMAT replaces the backup before", device.spot)


def _check_checksum(transfer: Transfer) -> Iterator[Finding]:
    refused = transfer.option("NO_CHECKSUM")
    if refused:
        yield Finding("BAK-08", WARNING, "NO_CHECKSUM", refused.spot)
    elif transfer.lacks("CHECKSUM"):
        yield Finding("BAK-08", NOTE, "no CHECKSUM", transfer.spot)


def _check_parts(transfer: Transfer, setting: Setting) -> Iterator[Finding]:
    """What a store that takes fewer parts than SQL Server sends can hold of one backup."""
    store, size = setting.store, transfer.number("MAXTRANSFERSIZE") or limits.DEFAULT_TRANSFER
    if store and store.parts < limits.MOST_PARTS and not transfer.procedure:
        urls = len(transfer.devices)
        what = f"{store.name} takes {store.parts} parts: at most {urls * store.parts * size // _MIB} MiB in {urls} URLs"
        yield Finding("MPU-09", NOTE, what, transfer.devices[0].spot)
