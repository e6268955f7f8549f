"""Parameters of remote calls, taken apart: a type, and a value in it. MS-TDS 2.2.5.4 to 2.2.5.6."""

from __future__ import annotations

import struct
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING
from uuid import UUID

from restoreproof.standins.sqlserver.session import Parameter, SqlError, SqlType
from restoreproof.standins.sqlserver.tds.codes import LONG_TYPES, UNLIMITED, Type
from restoreproof.standins.sqlserver.tds.moments import (
    read_date,
    read_datetime,
    read_datetimeoffset,
    read_smalldatetime,
    read_time,
)
from restoreproof.standins.sqlserver.tds.reading import Malformed
from restoreproof.standins.sqlserver.tds.values import ARITHMETIC, INTEGERS, MONEYS

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import date, time

    from restoreproof.standins.sqlserver.tds.reading import Reader

__all__ = ["read_parameter"]

_COLLATION_SIZE = 5
_NO_VALUE = 0xFFFFFFFF
_NO_CHUNKS = 0xFFFFFFFFFFFFFFFF
_LONG_NAMES = {code: name for name, code in LONG_TYPES.items()}
_BLOBS = {Type.IMAGE: "varbinary", Type.TEXT: "varchar", Type.NTEXT: "nvarchar"}
_TIMES = {Type.TIME: "time", Type.DATETIME2: "datetime2", Type.DATETIMEOFFSET: "datetimeoffset"}
_SIZED = (Type.INTEGER, Type.BIT, Type.FLOAT, Type.MONEY, Type.DATETIME, Type.GUID)
_INTEGER_NAMES = {size: name for name, size in INTEGERS.items()}
_MONEY_NAMES = {size: name for name, size in MONEYS.items()}


def read_parameter(reader: Reader) -> Parameter:
    """Read TYPE_INFO and the value behind it.

    :raises Malformed: the value is not of its type.
    :raises SqlError: 8009, a type that is not known here (documented text of SQL Server).
    """
    code = reader.number(1)
    try:
        return _read(code, reader)
    except (ValueError, ArithmeticError, KeyError, struct.error):
        raise Malformed("a parameter's value is not of its type") from None


def _read(code: int, reader: Reader) -> Parameter:
    if code not in _READERS:
        stream = "The incoming tabular data stream (TDS) remote procedure call (RPC) protocol stream is incorrect."
        raise SqlError(8009, f"{stream} Data type 0x{code:02X} is unknown.")
    return _READERS[code](Type(code), reader)


def _null(_: Type, __: Reader) -> Parameter:
    return Parameter(SqlType("int"), None)


def _date(_: Type, reader: Reader) -> Parameter:
    raw = reader.take(reader.number(1))
    return Parameter(SqlType("date"), read_date(raw) if raw else None)


def _long(code: Type, reader: Reader) -> Parameter:
    name = _LONG_NAMES[code]
    size = reader.number(2)
    if "binary" not in name:
        reader.take(_COLLATION_SIZE)
    if size == UNLIMITED:
        return Parameter(SqlType(name, -1), _decoded(name, _chunks(reader)))
    length = reader.number(2)
    raw = None if length == UNLIMITED else reader.take(length)
    return Parameter(SqlType(name, size // 2 if name.startswith("n") else size), _decoded(name, raw))


def _chunks(reader: Reader) -> bytes | None:
    if reader.number(8) == _NO_CHUNKS:
        return None
    chunks = bytearray()
    while size := reader.number(4):
        chunks += reader.take(size)
    return bytes(chunks)


def _blob(code: Type, reader: Reader) -> Parameter:
    name = _BLOBS[code]
    reader.take(4)
    if name != "varbinary":
        reader.take(_COLLATION_SIZE)
    size = reader.number(4)
    return Parameter(SqlType(name, -1), _decoded(name, None if size == _NO_VALUE else reader.take(size)))


def _decoded(name: str, raw: bytes | None) -> str | bytes | None:
    if raw is None or "binary" in name:
        return raw
    return raw.decode("utf-16-le", "surrogatepass") if name.startswith("n") else raw.decode("cp1252", "replace")


def _sized(code: Type, reader: Reader) -> Parameter:
    size, length = reader.number(1), reader.number(1)
    if length not in (0, size):
        raise ValueError("neither NULL nor of its size")
    raw = reader.take(length)
    if code is Type.INTEGER:
        name = _INTEGER_NAMES[size]
        return Parameter(SqlType(name), int.from_bytes(raw, "little", signed=size > 1) if raw else None)
    if code is Type.MONEY:
        return Parameter(SqlType(_MONEY_NAMES[size]), _money(raw) if raw else None)
    if code is Type.DATETIME:
        read = {8: read_datetime, 4: read_smalldatetime}[size]
        return Parameter(SqlType("datetime" if size > 4 else "smalldatetime"), read(raw) if raw else None)  # noqa: PLR2004
    if code is Type.FLOAT:
        name, layout = {8: ("float", "<d"), 4: ("real", "<f")}[size]
        return Parameter(SqlType(name), struct.unpack(layout, raw)[0] if raw else None)
    if code is Type.BIT:
        return Parameter(SqlType("bit"), any(raw) if raw else None)
    return Parameter(SqlType("uniqueidentifier"), UUID(bytes_le=raw) if raw else None)


def _money(raw: bytes) -> Decimal:
    high, low = struct.unpack("<iI", raw) if len(raw) > 4 else (0, int.from_bytes(raw, "little", signed=True))  # noqa: PLR2004
    return ARITHMETIC.scaleb(Decimal((high << 32) + low), -4)


def _decimal(_: Type, reader: Reader) -> Parameter:
    _size, precision, scale, length = reader.take(4)
    raw, kind = reader.take(length), SqlType("decimal", precision=precision, scale=scale)
    if not scale <= precision <= 38 or length > 17:  # noqa: PLR2004 - the widest decimal of SQL Server
        raise ValueError("no such decimal")
    if not raw:
        return Parameter(kind, None)
    value = ARITHMETIC.scaleb(Decimal(int.from_bytes(raw[1:], "little")), -scale)
    return Parameter(kind, value if raw[0] else value.copy_negate())


def _time(code: Type, reader: Reader) -> Parameter:
    name = _TIMES[code]
    scale, length = reader.take(2)
    raw = reader.take(length)
    return Parameter(SqlType(name, scale=scale), _moment(name, raw, scale) if raw else None)


def _moment(name: str, raw: bytes, scale: int) -> date | time | datetime:
    if name == "time":
        return read_time(raw, scale)
    if name == "datetimeoffset":
        return read_datetimeoffset(raw, scale)
    return datetime.combine(read_date(raw[-3:]), read_time(raw[:-3], scale))


_READERS: dict[int, Callable[[Type, Reader], Parameter]] = {
    **dict.fromkeys(_LONG_NAMES, _long),
    **dict.fromkeys(_BLOBS, _blob),
    **dict.fromkeys(_TIMES, _time),
    **dict.fromkeys(_SIZED, _sized),
    **dict.fromkeys((Type.DECIMAL, Type.NUMERIC), _decimal),
    Type.DATE: _date,
    Type.NULL: _null,
}
