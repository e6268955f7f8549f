"""BACKUP, RESTORE and CREDENTIAL as they stand in a script, read behind their first word."""

from __future__ import annotations

from typing import TYPE_CHECKING

from restoreproof.commands.linting.address import Address
from restoreproof.commands.linting.script import LOGICAL, UNREAD, Credential, Device, Option, Transfer
from restoreproof.commands.linting.tokens import Kind
from restoreproof.commands.linting.values import Value, hole

if TYPE_CHECKING:
    from restoreproof.commands.linting.cursor import Cursor

_DEVICES = ("URL", "DISK", "TAPE", "VIRTUAL_DEVICE")
_READS = ("DATABASE", "LOG", "HEADERONLY", "FILELISTONLY", "LABELONLY", "VERIFYONLY", "REWINDONLY")
_FAR = 200
"""Tokens between the name of a database and TO, or FROM: a list of files may stand there."""


def read_backup(cursor: Cursor, in_transaction: bool) -> Transfer | None:
    """What comes behind BACKUP, if it is a backup to a device."""
    spot = cursor.place(cursor.peek(-1))
    what = cursor.accept_any("DATABASE", "LOG", "GROUP", "SERVER")
    granted = what != "SERVER" and (cursor.sees("TO") or cursor.sees(","))  # GRANT BACKUP DATABASE TO somebody
    if not what or granted:
        return None
    parts = _pass_until(cursor, "TO")
    if parts is None:
        return None
    devices, whole = _devices(cursor)
    mirrors = []
    while cursor.accept("MIRROR", "TO"):
        mirror, known = _devices(cursor)
        mirrors.append(mirror)
        whole = whole and known
    options, known = _options(cursor)
    return Transfer("BACKUP", what, devices, tuple(mirrors), options, spot, in_transaction, whole and known)


def read_restore(cursor: Cursor, in_transaction: bool) -> Transfer | None:
    """What comes behind RESTORE, if it reads from a device."""
    spot = cursor.place(cursor.peek(-1))
    what = cursor.accept_any(*_READS)
    parts = _pass_until(cursor, "FROM") if what else None
    if parts is None:
        return None
    devices, whole = _devices(cursor)
    options, known = _options(cursor)
    return Transfer("RESTORE", what, devices, (), (*parts, *options), spot, in_transaction, whole and known)


def read_credential(cursor: Cursor) -> Credential | None:
    """What comes behind CREATE or ALTER, if it is a credential."""
    spot = cursor.place(cursor.peek(-1))
    scoped = cursor.accept("DATABASE", "SCOPED")
    if not cursor.accept("CREDENTIAL"):
        return None
    name = cursor.name()
    if not name:
        return None
    given: dict[str, Value] = {}
    cursor.accept("WITH")
    while cursor.now.upper in ("IDENTITY", "SECRET") and cursor.peek().upper == "=":
        word = cursor.take().upper
        cursor.take()
        given[word] = cursor.expression()
        cursor.accept(",")
    return Credential(name, scoped, given.get("IDENTITY"), given.get("SECRET"), spot)


def _pass_until(cursor: Cursor, word: str) -> list[Option] | None:
    """Pass the database's name and its files up to this word; the files that were chosen, None if it does not come."""
    start, parts = cursor.at, []
    while cursor.at - start < _FAR and not cursor.accept(word):
        token = cursor.now
        if token.kind in (Kind.BREAK, Kind.END) or token.upper in (";", "WITH", "BACKUP", "RESTORE"):
            return None
        if token.upper in ("FILE", "FILEGROUP") and cursor.peek().upper == "=":
            parts.append(Option(f"{token.upper} of the database", cursor.spot))
        cursor.take()
    return parts


def _devices(cursor: Cursor) -> tuple[tuple[Device, ...], bool]:
    """The devices, and whether surely none follows that is not known yet."""
    devices = []
    while True:
        kind = cursor.now.upper
        if kind in _DEVICES and cursor.peek().upper == "=":
            cursor.at += 2
            value = cursor.expression()
            devices.append(Device(kind, value, Address(value.text) if kind == "URL" else None))
        else:
            spot, variable = cursor.spot, _variable(cursor)
            value = variable or cursor.name() or hole(spot)
            devices.append(Device(LOGICAL if variable or value.known else UNREAD, value))
        if not cursor.accept(","):
            return tuple(devices), not _pass_hole(cursor)


def _variable(cursor: Cursor) -> Value | None:
    return cursor.expression() if cursor.now.kind is Kind.VARIABLE else None


def _pass_hole(cursor: Cursor) -> bool:
    """Pass what is known at run time only, if it comes here."""
    if cursor.now.kind in (Kind.HOLE, Kind.OUTSIDE):
        cursor.take()
        return True
    return False


def _options(cursor: Cursor) -> tuple[tuple[Option, ...], bool]:
    """What stands behind WITH, and whether that is all."""
    options: list[Option] = []
    whole = True
    if not cursor.accept("WITH"):
        return (), not _pass_hole(cursor)
    while True:
        if _pass_hole(cursor):
            whole = False
        elif cursor.now.kind is Kind.WORD:
            options.append(_option(cursor))
        whole = not _pass_hole(cursor) and whole
        if not cursor.accept(","):
            return tuple(options), whole


def _option(cursor: Cursor) -> Option:
    spot, word = cursor.spot, cursor.take().upper
    if word == "MOVE":
        cursor.expression()
        cursor.accept("TO")
        cursor.expression()
        return Option(word, spot)
    value = None
    if cursor.accept("="):
        value = cursor.expression()
    cursor.skip_brackets()
    if cursor.accept("AFTER"):
        cursor.expression()
    return Option(word, spot, value)
