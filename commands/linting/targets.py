"""The devices of a statement as they stand behind TO or FROM; slips are taken for what was meant, and told."""

from __future__ import annotations

from typing import TYPE_CHECKING

from restoreproof.commands.linting.address import SCHEME, Address
from restoreproof.commands.linting.script import LOGICAL, UNREAD, Device, Option
from restoreproof.commands.linting.spelling import meant
from restoreproof.commands.linting.tokens import Kind
from restoreproof.commands.linting.values import Value, hole

if TYPE_CHECKING:
    from restoreproof.commands.linting.cursor import Cursor

KINDS = ("DATABASE_SNAPSHOT", "DISK", "TAPE", "URL", "VIRTUAL_DEVICE")
_FILES = ("FILE", "FILEGROUP", "PAGE")
"""Words with a value in front of TO, or FROM: they choose of the database."""
_TEXTS = (Kind.STRING, Kind.VARIABLE)
_FAR = 200
"""Tokens between the name of a database and TO, or FROM: a list of files may stand there."""


def read_targets(cursor: Cursor, word: str) -> tuple[list[Option], tuple[Device, ...], bool] | None:
    """Pass the database's name and its files, and read the devices behind this word, TO or FROM.

    :returns: the files that were chosen, the devices, and whether surely none follows; None if there is no device.
    """
    start, spot, parts, holes = cursor.at, cursor.spot, list[Option](), 0
    while cursor.at - start < _FAR and not cursor.accept(word):
        token = cursor.now
        if cursor.at > start and _begins(cursor):
            before = cursor.peek(-1)
            near = cursor.at - start > 1 and meant(before.upper, (word,))
            told = f"{before.upper}: did you mean {word}?" if near else f"no {word} in front of {token.upper}"
            cursor.slip(told, cursor.place(before) if near else None)
            break
        if token.kind in (Kind.BREAK, Kind.END) or token.upper in (";", "WITH", "BACKUP", "RESTORE"):
            # what was left to run time may have been the devices, but RESTORE may do without
            known = holes < 2 if word == "FROM" else not holes  # noqa: PLR2004 - one is the name of the database
            return None if known else (parts, (Device(UNREAD, hole(spot)),), False)
        holes += token.kind in (Kind.HOLE, Kind.OUTSIDE)
        if token.upper in _FILES[:2] and cursor.peek().upper == "=":
            parts.append(Option(f"{token.upper} of the database", cursor.spot))
        cursor.take()
    return parts, *read_devices(cursor)


def _begins(cursor: Cursor) -> bool:
    """Whether a device begins here, whose word may be misspelt."""
    return cursor.now.upper in KINDS and cursor.peek().upper == "=" and cursor.peek(2).kind in _TEXTS


def read_devices(cursor: Cursor) -> tuple[tuple[Device, ...], bool]:
    """The devices, and whether surely none follows that is not known yet."""
    devices = [_device(cursor)]
    while cursor.accept(",") or _lacks_comma(cursor, devices[-1]):
        devices.append(_device(cursor))
    return tuple(devices), not cursor.pass_hole()


def _lacks_comma(cursor: Cursor, last: Device) -> bool:
    """Whether another device follows without the comma in front of it."""
    named = cursor.now.upper in KINDS or bool(meant(cursor.now.upper, KINDS))
    if last.kind in KINDS and named and (cursor.peek().upper == "=" or cursor.peek().kind in _TEXTS):
        cursor.slip(f"no comma in front of {cursor.now.upper}")
        return True
    return False


def _device(cursor: Cursor) -> Device:
    word, after = cursor.now.upper, cursor.peek()
    if cursor.now.kind is Kind.WORD and after.upper == "=":
        return _named(cursor, word)
    if word in KINDS and after.kind in _TEXTS:
        cursor.slip(f"no = behind {word}")
        cursor.take()
        return _of_kind(word, cursor.expression())
    if cursor.now.kind is Kind.STRING:
        spot, value = cursor.spot, cursor.expression()
        cursor.slip("no URL = in front of a text", spot)
        return _of_kind("URL", value)
    spot = cursor.spot
    variable = cursor.expression() if cursor.now.kind is Kind.VARIABLE else None
    value = variable or cursor.name() or hole(spot)
    return Device(LOGICAL if variable or value.known else UNREAD, value)


def _named(cursor: Cursor, word: str) -> Device:
    """A device with the word of its kind in front; one that is none is taken for what was meant."""
    kind, spot = word, cursor.spot
    cursor.at += 2
    value = cursor.expression()
    if word not in KINDS:
        kind = meant(word, KINDS) or ("URL" if value.text.lower().startswith(SCHEME) else "")
        cursor.slip(f"{word} is no kind of device{f': did you mean {kind}?' if kind else ''}", spot)
    return _of_kind(kind, value) if kind else Device(LOGICAL, value)


def _of_kind(kind: str, value: Value) -> Device:
    return Device(kind, value, Address(value.text) if kind == "URL" else None)
