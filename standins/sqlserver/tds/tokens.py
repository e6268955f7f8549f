"""The tokens that answers consist of: MS-TDS 2.2.7."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any

from restoreproof.standins.sqlserver.tds.codes import COLLATION, Change, Done, Token
from restoreproof.standins.sqlserver.tds.values import type_info, writer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from restoreproof.standins.sqlserver.session import Column, SqlError, SqlType

__all__ = [
    "collation_changed",
    "columns",
    "database_changed",
    "done",
    "error",
    "info",
    "language_changed",
    "login_accepted",
    "packet_size_changed",
    "return_status",
    "return_value",
    "transaction_changed",
]

_LONGEST_MESSAGE = 2047
"""Characters that SQL Server lets a message have."""
_LONGEST_NAME = 128
_NULLABLE = 0x0001
_SELECTED, _CHANGED = 0xC1, 0xC3


def done(status: Done, rows: int | None = None, token: Token = Token.DONE, *, selected: bool = False) -> bytes:
    """DONE, DONEPROC or DONEINPROC."""
    counted = Done.FINAL if rows is None else Done.COUNT
    command = 0 if rows is None else _SELECTED if selected else _CHANGED
    return struct.pack("<BHHQ", token, status | counted, command, rows or 0)


def info(server: str, message: SqlError) -> bytes:
    """A message: it has the same fields as an error, and a severity below 11."""
    return _message(Token.INFO, server, message)


def error(server: str, problem: SqlError) -> bytes:
    """An error."""
    return _message(Token.ERROR, server, problem)


def columns(described: Sequence[Column]) -> bytes:
    """COLMETADATA, ahead of a result's rows."""
    parts = [struct.pack("<BH", Token.COLUMNS, len(described))]
    for column in described:
        flags = _NULLABLE if column.nullable else 0
        parts.append(struct.pack("<IH", 0, flags) + type_info(column.type) + _short(column.name))
    return b"".join(parts)


def return_status(status: int = 0) -> bytes:
    """What a procedure returns."""
    return struct.pack("<Bi", Token.RETURN_STATUS, status)


def return_value(name: str, kind: SqlType, value: Any) -> bytes:
    """An output parameter of a procedure."""
    head = struct.pack("<BH", Token.RETURN_VALUE, 0) + _short(name) + struct.pack("<BIH", 1, 0, _NULLABLE)
    return head + type_info(kind) + writer(kind)(value)


def login_accepted(version: tuple[int, int, int], tds: int) -> bytes:
    """LOGINACK: the interface is T-SQL; the program's name is the one that the driver looks for."""
    major, minor, build = version
    program = _short("Microsoft SQL Server") + struct.pack(">BBH", major, minor, build)
    return _token(Token.LOGIN, b"\x01" + struct.pack(">I", tds) + program)


def database_changed(new: str, old: str) -> bytes:
    """The session is in another database."""
    return _changed(Change.DATABASE, _short(new), _short(old))


def language_changed(new: str) -> bytes:
    """The session speaks another language."""
    return _changed(Change.LANGUAGE, _short(new), _short(""))


def packet_size_changed(new: int, old: int) -> bytes:
    """Packets have another size from now on."""
    return _changed(Change.PACKET_SIZE, _short(str(new)), _short(str(old)))


def collation_changed() -> bytes:
    """The server's collation, told once."""
    return _changed(Change.COLLATION, bytes((len(COLLATION),)) + COLLATION, b"\0")


def transaction_changed(change: Change, descriptor: int) -> bytes:
    """A transaction has begun, or has come to an end."""
    named = struct.pack("<BQ", 8, descriptor)
    return _changed(change, named, b"\0") if change is Change.BEGIN else _changed(change, b"\0", named)


def _message(token: Token, server: str, message: SqlError) -> bytes:
    head = struct.pack("<iBB", message.number, message.state % 256, message.severity % 256)
    told = _long(message.text[:_LONGEST_MESSAGE]) + _short(server) + _short("")
    return _token(token, head + told + struct.pack("<i", message.line))


def _changed(change: Change, new: bytes, old: bytes) -> bytes:
    return _token(Token.CHANGE, bytes((change,)) + new + old)


def _token(token: Token, body: bytes) -> bytes:
    return struct.pack("<BH", token, len(body)) + body


def _long(text: str) -> bytes:
    raw = text.encode("utf-16-le", "surrogatepass")
    return struct.pack("<H", len(raw) // 2) + raw


def _short(text: str) -> bytes:
    raw = text[:_LONGEST_NAME].encode("utf-16-le", "surrogatepass")[: 2 * 255]
    return struct.pack("<B", len(raw) // 2) + raw
