"""How columns are described, and how their values are written: MS-TDS 2.2.5.4 to 2.2.5.6."""

from __future__ import annotations

import struct
from dataclasses import replace
from decimal import ROUND_HALF_UP, Context, Decimal
from functools import cache
from typing import TYPE_CHECKING, Any
from uuid import UUID

from restoreproof.standins.sqlserver.session import SqlError, SqlType
from restoreproof.standins.sqlserver.tds.codes import COLLATION, LONG_TYPES, MAX_BYTES, UNLIMITED, Type
from restoreproof.standins.sqlserver.tds.moments import (
    write_date,
    write_datetime,
    write_datetimeoffset,
    write_smalldatetime,
    write_time,
)

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["ARITHMETIC", "INTEGERS", "MONEYS", "decimal_size", "described", "type_info", "writer"]

ARITHMETIC = Context(prec=80)
"""Digits enough for every decimal: Python's own 28 would round without a word."""

INTEGERS = {"tinyint": 1, "smallint": 2, "int": 4, "bigint": 8}
MONEYS = {"smallmoney": 4, "money": 8}
_FLOATS = {"real": 4, "float": 8}
_TIMES = {"time": Type.TIME, "datetime2": Type.DATETIME2, "datetimeoffset": Type.DATETIMEOFFSET}
_ALIASES = {
    "image": SqlType("varbinary", -1),
    "ntext": SqlType("nvarchar", -1),
    "rowversion": SqlType("binary", 8),
    "sysname": SqlType("nvarchar", 128),
    "text": SqlType("varchar", -1),
    "timestamp": SqlType("binary", 8),
    "xml": SqlType("nvarchar", -1),
}
_SHORT = struct.Struct("<H")
_LENGTHS = tuple(bytes((length,)) for length in range(256))
_WRONG = (ValueError, TypeError, AttributeError, ArithmeticError, struct.error)


def type_info(kind: SqlType) -> bytes:
    """TYPE_INFO of a column.

    :raises SqlError: it is none of the types known here.
    """
    kind = _resolved(kind)
    name = kind.name
    if name in LONG_TYPES:
        return _long_info(kind)
    if name in _TIMES:
        return bytes((_TIMES[name], kind.scale))
    if name in ("decimal", "numeric"):
        return bytes((Type.DECIMAL, decimal_size(kind.precision), kind.precision, kind.scale))
    if name in INTEGERS:
        return bytes((Type.INTEGER, INTEGERS[name]))
    fixed = {
        "bit": (Type.BIT, 1),
        "date": (Type.DATE,),
        "datetime": (Type.DATETIME, 8),
        "float": (Type.FLOAT, 8),
        "money": (Type.MONEY, 8),
        "real": (Type.FLOAT, 4),
        "smalldatetime": (Type.DATETIME, 4),
        "smallmoney": (Type.MONEY, 4),
        "uniqueidentifier": (Type.GUID, 16),
    }
    if name not in fixed:
        raise SqlError(50001, f"the stand-in can't send values of type {name}")
    return bytes(fixed[name])


def writer(kind: SqlType) -> Callable[[Any], bytes]:
    """What writes values of that type, NULL among them.

    The callable raises SqlError for a value that the type does not hold: half of it would garble all that follows.
    """
    kind = _resolved(kind)
    write = _long_writer(kind) if kind.name in LONG_TYPES else _short_writer(kind)
    null = write(None)

    def checked(value: Any) -> bytes:
        try:
            return null if value is None else write(value)
        except _WRONG:
            given = type(value).__name__
            raise SqlError(50001, f"the stand-in can't send this {given} as {described(kind)}") from None

    return checked


def described(kind: SqlType) -> str:
    """The type as T-SQL writes it."""
    if kind.name in LONG_TYPES:
        return f"{kind.name}({'max' if kind.size < 0 else kind.size})"
    if kind.name in ("decimal", "numeric"):
        return f"{kind.name}({kind.precision},{kind.scale})"
    return f"{kind.name}({kind.scale})" if kind.name in _TIMES else kind.name


@cache
def decimal_size(precision: int) -> int:
    """Bytes of a decimal with so many digits, its sign included."""
    return next(size for digits, size in ((9, 5), (19, 9), (28, 13), (38, 17)) if precision <= digits)


def _resolved(kind: SqlType) -> SqlType:
    """The type that is sent instead of an alias, with the sizes that T-SQL lets one leave out."""
    kind = _ALIASES.get(kind.name, kind)
    if kind.name in ("decimal", "numeric") and not kind.precision:
        return replace(kind, precision=18)
    if kind.name in LONG_TYPES and not kind.size:
        return replace(kind, size=MAX_BYTES // _width(kind))
    return kind


def _width(kind: SqlType) -> int:
    return 2 if kind.name.startswith("n") else 1


def _long_info(kind: SqlType) -> bytes:
    size = UNLIMITED if kind.size < 0 else kind.size * _width(kind)
    collation = b"" if "binary" in kind.name else COLLATION
    return struct.pack("<BH", LONG_TYPES[kind.name], size) + collation


def _long_writer(kind: SqlType) -> Callable[[Any], bytes]:
    encode = _encoder(kind)
    whole = _chunked if kind.size < 0 else _counted
    return lambda value: whole(None if value is None else encode(value))


def _encoder(kind: SqlType) -> Callable[[Any], bytes]:
    size, width = max(kind.size, 0) * _width(kind), _width(kind)
    binary, fixed, unbounded = "binary" in kind.name, kind.name == "binary", kind.size < 0
    encoding, errors = ("utf-16-le", "surrogatepass") if width > 1 else ("cp1252", "replace")

    def encode(value: Any) -> bytes:
        raw = bytes(memoryview(value)) if binary else str(value).encode(encoding, errors)
        if size < len(raw) and not unbounded:
            raise ValueError("longer than its column")
        return raw.ljust(size, b"\0") if fixed else raw

    if kind.name in ("char", "nchar"):
        return lambda value: encode(value).ljust(size, b" ") if width == 1 else encode(_padded(value, kind.size))
    return encode


def _padded(text: str, units: int) -> str:
    return text + " " * (units - len(text.encode("utf-16-le", "surrogatepass")) // 2)


def _counted(raw: bytes | None) -> bytes:
    return _SHORT.pack(UNLIMITED) if raw is None else _SHORT.pack(len(raw)) + raw


def _chunked(raw: bytes | None) -> bytes:
    """A value of a ``max`` type: its length, one chunk, and an empty one."""
    if raw is None:
        return b"\xff" * 8
    return struct.pack("<Q", len(raw)) + (struct.pack("<I", len(raw)) + raw if raw else b"") + bytes(4)


def _short_writer(kind: SqlType) -> Callable[[Any], bytes]:
    write = _written(kind)

    def with_length(value: Any) -> bytes:
        raw = b"" if value is None else write(value)
        return _LENGTHS[len(raw)] + raw

    return with_length


def _written(kind: SqlType) -> Callable[[Any], bytes]:
    name, scale = kind.name, kind.scale
    if name in INTEGERS:
        size, signed = INTEGERS[name], name != "tinyint"
        return lambda value: int(value).to_bytes(size, "little", signed=signed)
    if name in _FLOATS:
        return struct.Struct("<d" if name == "float" else "<f").pack
    if name in MONEYS:
        return lambda value: _money(_scaled(value, 4), MONEYS[name])
    others: dict[str, Callable[[Any], bytes]] = {
        "bit": lambda value: bytes((bool(value),)),
        "date": write_date,
        "datetime": write_datetime,
        "datetime2": lambda value: write_time(value, scale) + write_date(value),
        "datetimeoffset": lambda value: write_datetimeoffset(value, scale),
        "decimal": lambda value: _decimal(value, kind),
        "numeric": lambda value: _decimal(value, kind),
        "smalldatetime": write_smalldatetime,
        "time": lambda value: write_time(value, scale),
        "uniqueidentifier": lambda value: (value if isinstance(value, UUID) else UUID(value)).bytes_le,
    }
    return others[name]


def _scaled(value: Any, scale: int) -> int:
    scaled = ARITHMETIC.scaleb(value if type(value) is Decimal else ARITHMETIC.create_decimal(value), scale)
    return int(scaled.to_integral_value(ROUND_HALF_UP, ARITHMETIC))


def _money(units: int, size: int) -> bytes:
    """Units of 1/10000; the higher half of the large type comes first."""
    if size == MONEYS["smallmoney"]:
        return units.to_bytes(size, "little", signed=True)
    return struct.pack("<iI", units >> 32, units & 0xFFFFFFFF)


def _decimal(value: Decimal | float | str, kind: SqlType) -> bytes:
    units = _scaled(value, kind.scale)
    if abs(units) >= 10**kind.precision:
        raise ValueError("more digits than its column has")
    return bytes((units >= 0,)) + abs(units).to_bytes(decimal_size(kind.precision) - 1, "little")
