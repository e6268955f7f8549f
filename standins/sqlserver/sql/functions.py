"""T-SQL's functions, as SQLite calls them.

They are renamed in the text before sqlglot reads it (``LEN(`` becomes ``TSQL_LEN(``), so that it does not put its own
idea of them in their place.
"""

from __future__ import annotations

import hashlib
import math
import re
import ssl
import uuid
import zlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Context, Decimal, localcontext
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from restoreproof.standins.sqlserver.session import SqlError, SqlType
from restoreproof.standins.sqlserver.sql.aggregates import AGGREGATES
from restoreproof.standins.sqlserver.sql.database import now
from restoreproof.standins.sqlserver.sql.messages import error, refused
from restoreproof.standins.sqlserver.sql.values import convert, exact, keep

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable

__all__ = ["FUNCTIONS", "Function", "Trouble", "arithmetic", "register"]

_INT, _BIGINT, _NAME = SqlType("int"), SqlType("bigint"), SqlType("nvarchar", size=128)
_BYTES, _MAX_BYTES = SqlType("varbinary", size=8000), SqlType("varbinary", size=-1)
_kind = lru_cache(SqlType)  # a few columns, for each of many values
_DIGITS = Context(prec=60)
_EXACT = {"+": _DIGITS.add, "-": _DIGITS.subtract, "*": _DIGITS.multiply}
_UNITS = {
    "second": 1, "ss": 1, "s": 1, "minute": 60, "mi": 60, "n": 60, "hour": 3600, "hh": 3600, "day": 86400, "dd": 86400,
    "d": 86400, "millisecond": 0.001, "ms": 0.001, "microsecond": 0.000001, "mcs": 0.000001,
}  # fmt: skip


@dataclass(frozen=True)
class Function:
    """A function and the type of what it gives; None: that of its first argument."""

    call: Callable[..., Any]
    type: SqlType | None
    arguments: int = -1
    steady: bool = True


class Trouble:
    """Takes the error that a function met, which SQLite would lose."""

    def __init__(self) -> None:
        self.error: SqlError | None = None

    def guard(self, call: Callable[..., Any]) -> Callable[..., Any]:
        """The function, keeping its error."""

        def guarded(*values: Any) -> Any:
            try:
                return call(*values)
            except SqlError as found:
                self.error = found
                raise
            except (ValueError, TypeError, ArithmeticError, OverflowError) as found:
                self.error = refused(f"these values in a function: {found}")
                raise

        return guarded


def _bytes(value: Any) -> bytes:
    if isinstance(value, bytes):
        return value
    return value.encode("cp1252", "replace") if isinstance(value, str) else str(value).encode()


_ALGORITHMS = {
    "SHA2_256": hashlib.sha256,
    "SHA2_512": hashlib.sha512,
    "SHA1": hashlib.sha1,
    "SHA": hashlib.sha1,
    "MD5": hashlib.md5,
}


def _hash(name: str, value: Any, wide: int) -> bytes | None:
    """HASHBYTES; ``wide`` says that the text is Unicode, and so hashed as UTF-16."""
    algorithm = _ALGORITHMS.get(name.upper())
    if value is None or algorithm is None:
        return None
    data = value.encode("utf-16-le") if wide and isinstance(value, str) else _bytes(value)
    return algorithm(data, usedforsecurity=False).digest()


def _checksum(*values: Any) -> int:
    """BINARY_CHECKSUM and CHECKSUM: numbers of our own, equal for equal rows, and all that is said of them."""
    found = 0
    for value in values:
        found = zlib.crc32(b"\1" if value is None else _bytes(value), (found * 31 + 7) & 0xFFFFFFFF)
    return found - 2**32 if found >= 2**31 else found


def arithmetic(sign: str, left: Any, right: Any) -> Any:
    """+ - * / % as T-SQL does them: whole numbers stay whole, text is joined, nothing is divided by zero.

    :raises SqlError: 8134.
    """
    if left is None or right is None:
        return None
    if sign == "+" and any(isinstance(left, kind) and isinstance(right, kind) for kind in (str, bytes)):
        return left + right
    if isinstance(left, float) or isinstance(right, float):
        return _compute(sign, float(exact(left)), float(exact(right)))
    if isinstance(left, int) and isinstance(right, int):
        return _compute(sign, left, right)
    if sign in _EXACT:
        return format(_EXACT[sign](exact(left), exact(right)), "f")
    with localcontext(_DIGITS):
        return format(_compute(sign, exact(left), exact(right)), "f")


def _compute(sign: str, left: Any, right: Any) -> Any:
    if sign in "/%" and not right:
        raise error(8134)
    if sign == "+":
        return left + right
    if sign == "-":
        return left - right
    if sign == "*":
        return left * right
    if sign == "%":
        return math.fmod(left, right) if isinstance(left, float) else left - right * int(left / Decimal(right))
    if isinstance(left, int):
        return abs(left) // abs(right) * (1 if (left < 0) == (right < 0) else -1)
    return left / right


def _moment(value: str) -> datetime:
    return datetime.fromisoformat(convert(value, SqlType("datetime2", scale=7))[:26])


def _date_add(unit: str, number: Any, value: Any) -> Any:
    if number is None or value is None:
        return None
    if unit.lower() in ("year", "yy", "yyyy", "month", "mm", "m"):
        raise refused(f"DATEADD with {unit}")
    if unit.lower() not in _UNITS:
        raise refused(f"DATEADD with {unit}")
    return keep(_moment(value) + timedelta(seconds=int(number) * _UNITS[unit.lower()]))


def _date_difference(unit: str, start: Any, end: Any) -> Any:
    """DATEDIFF counts the borders that are crossed."""
    if start is None or end is None:
        return None
    if unit.lower() not in _UNITS:
        raise refused(f"DATEDIFF with {unit}")
    step = round(_UNITS[unit.lower()] * 10**6)
    epoch = datetime(1900, 1, 1)  # noqa: DTZ001 - T-SQL's has no zone
    counts = [(_moment(value) - epoch) // timedelta(microseconds=1) // step for value in (start, end)]
    return counts[1] - counts[0]


def _nullable(call: Callable[..., Any]) -> Callable[..., Any]:
    return lambda *values: None if None in values else call(*values)


def _convert(  # noqa: PLR0913, PLR0917 - SQLite calls it by place
    value: Any, name: str, size: int, precision: int, scale: int, source: str, style: Any, tries: int
) -> Any:
    try:
        return convert(value, _kind(name, size, precision, scale), source, int(style or 0))
    except SqlError:
        if tries:
            return None
        raise


def _store(  # noqa: PLR0913, PLR0917 - SQLite calls it by place
    value: Any, name: str, size: int, precision: int, scale: int, source: str, table: str, column: str
) -> Any:
    try:
        return convert(value, _kind(name, size, precision, scale), source, strict=True)
    except ValueError:
        shown = str(value)[:100] if isinstance(value, str) else ""
        raise error(2628, table, column, shown) from None


def _datalength(value: Any, source: str) -> Any:
    if value is None:
        return None
    sizes = {"int": 4, "bigint": 8, "smallint": 2, "tinyint": 1, "bit": 1, "float": 8, "uniqueidentifier": 16}
    if isinstance(value, str):
        return len(value) * (2 if source.startswith("n") or source == "" else 1)
    return sizes.get(source) or len(_bytes(value))


FUNCTIONS: dict[str, Function] = {
    "HASHBYTES": Function(_hash, _BYTES),
    "BINARY_CHECKSUM": Function(_checksum, _INT),
    "CHECKSUM": Function(_checksum, _INT),
    "CRYPT_GEN_RANDOM": Function(ssl.RAND_bytes, _BYTES, steady=False),
    "NEWID": Function(lambda: str(uuid.uuid4()).upper(), SqlType("uniqueidentifier"), steady=False),
    "RAND": Function(lambda *_: int.from_bytes(ssl.RAND_bytes(6), "big") / 2**48, SqlType("float"), steady=False),
    "GETDATE": Function(lambda: convert(keep(now()), SqlType("datetime")), SqlType("datetime"), steady=False),
    "CURRENT_TIMESTAMP": Function(lambda: convert(keep(now()), SqlType("datetime")), SqlType("datetime"), steady=False),
    "GETUTCDATE": Function(lambda: convert(keep(now()), SqlType("datetime")), SqlType("datetime"), steady=False),
    "SYSDATETIME": Function(lambda: keep(now()), SqlType("datetime2", scale=7), steady=False),
    "SYSUTCDATETIME": Function(lambda: keep(now()), SqlType("datetime2", scale=7), steady=False),
    "SYSDATETIMEOFFSET": Function(lambda: keep(now()) + " +00:00", SqlType("datetimeoffset", scale=7), steady=False),
    "REPLICATE": Function(_nullable(lambda text, count: text * max(count, 0)), SqlType("nvarchar", size=-1)),
    "SPACE": Function(_nullable(lambda count: " " * count), SqlType("varchar", size=8000)),
    "LEN": Function(_nullable(lambda text: len(str(text).rstrip(" ")) if isinstance(text, str) else len(text)), _INT),
    "DATALENGTH": Function(_datalength, _INT),
    "LEFT": Function(_nullable(lambda text, count: text[:count]), None),
    "RIGHT": Function(_nullable(lambda text, count: text[-count:] if count else text[:0]), None),
    "SUBSTRING": Function(_nullable(lambda text, at, size: text[max(at - 1, 0) : max(at - 1 + size, 0)]), None),
    "CHARINDEX": Function(_nullable(lambda part, text, at=1: text.lower().find(part.lower(), at - 1) + 1), _INT),
    "UPPER": Function(_nullable(str.upper), None),
    "LOWER": Function(_nullable(str.lower), None),
    "LTRIM": Function(_nullable(lambda text: text.lstrip(" ")), None),
    "RTRIM": Function(_nullable(lambda text: text.rstrip(" ")), None),
    "REVERSE": Function(_nullable(lambda text: text[::-1]), None),
    "REPLACE": Function(
        _nullable(lambda text, old, new: re.sub(re.escape(old), lambda _: new, text, flags=re.IGNORECASE)), None
    ),
    "CONCAT": Function(
        lambda *values: "".join("" if v is None else str(v) for v in values), SqlType("nvarchar", size=-1)
    ),
    "CHAR": Function(_nullable(lambda code: bytes([code]).decode("cp1252")), SqlType("char", size=1)),
    "NCHAR": Function(_nullable(chr), SqlType("nchar", size=1)),
    "QUOTENAME": Function(_nullable(lambda name: f"[{name.replace(']', ']]')}]"), SqlType("nvarchar", size=258)),
    "DATEADD": Function(_date_add, SqlType("datetime2", scale=7)),
    "DATEDIFF": Function(_date_difference, _INT),
    "DATEDIFF_BIG": Function(_date_difference, _BIGINT),
    # What translation puts in
    "CONVERTED": Function(_convert, None),
    "STORE": Function(_store, None),
    "COMPUTE": Function(arithmetic, None),
}


def _compare(left: str, right: str) -> int:
    """The order of decimals, which are kept as text."""
    try:
        one, other = Decimal(left), Decimal(right)
    except ArithmeticError:
        return (left > right) - (left < right)
    return (one > other) - (one < other)


def register(connection: sqlite3.Connection, trouble: Trouble, of_session: dict[str, Function]) -> None:
    """Make all functions known to a connection.

    :param of_session: those that answer by the session, as DB_NAME.
    """
    for name, function in (FUNCTIONS | of_session).items():
        call = trouble.guard(function.call)
        connection.create_function(f"TSQL_{name}", function.arguments, call, deterministic=function.steady)
    for name, kind in AGGREGATES.items():
        connection.create_aggregate(f"TSQL_{name}", -1, kind)
    connection.create_collation("TSQL_DECIMAL", _compare)
