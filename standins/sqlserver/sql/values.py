"""Values as SQLite keeps them, and how they turn into one another and into what clients get.

Integers, bits and floats are kept as numbers, decimals as text with all their digits, dates and times as text in one
fixed form, binaries as blobs, uniqueidentifiers as capital text.
"""

from __future__ import annotations

import re
import uuid
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import ROUND_HALF_UP, Context, Decimal, InvalidOperation
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from restoreproof.standins.sqlserver.session import SqlType
from restoreproof.standins.sqlserver.sql.messages import error, refused

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["DATES", "INTEGERS", "TEXTS", "convert", "deliver", "deliverer", "exact", "guess_type", "keep"]

INTEGERS = {"tinyint": (0, 255), "smallint": (-(2**15), 2**15 - 1), "int": (-(2**31), 2**31 - 1)} | {
    "bigint": (-(2**63), 2**63 - 1)
}
TEXTS = ("varchar", "nvarchar", "char", "nchar")
DATES = ("date", "datetime", "smalldatetime", "datetime2", "datetimeoffset", "time")
_BINARIES = ("varbinary", "binary")
_DECIMALS = ("decimal", "money", "smallmoney")
_WIDE = Context(prec=80)
_FORM = re.compile(
    r"\s*(?:(\d{4})-?(\d\d)-?(\d\d))?(?:[T ]*(\d{1,2}):(\d\d)(?::(\d\d)(?:[.:](\d{1,7}))?)?)?\s*(Z|[+-]\d\d:\d\d)?\s*"
)
_STYLES = {  # CAST and CONVERT (Transact-SQL), date and time styles
    112: "%Y%m%d",
    120: "%Y-%m-%d %H:%M:%S",
    23: "%Y-%m-%d",
    108: "%H:%M:%S",
}


def keep(value: object) -> Any:  # noqa: PLR0911 - one per type
    """A value of Python as SQLite keeps it."""
    if isinstance(value, bool):
        return int(value)
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, uuid.UUID):
        return str(value).upper()
    if isinstance(value, datetime):
        zone = value.strftime("%z")
        return f"{value.replace(tzinfo=None).isoformat(' ', 'microseconds')}0" + (
            f" {zone[:3]}:{zone[3:5]}" if zone else ""
        )
    if isinstance(value, time):
        return f"{value:%H:%M:%S}.{value.microsecond:06d}0"
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, bytearray | memoryview):
        return bytes(value)
    return value


def guess_type(value: object) -> SqlType:
    """The type of a value that has none yet."""
    if isinstance(value, bool):
        return SqlType("bit")
    if isinstance(value, int):
        return SqlType("int" if -(2**31) <= value < 2**31 else "bigint")
    if isinstance(value, float):
        return SqlType("float")
    if isinstance(value, bytes):
        return SqlType("varbinary", size=8000 if len(value) <= 8000 else -1)  # noqa: PLR2004 - its longest
    return SqlType("nvarchar", size=4000 if not isinstance(value, str) or len(value) <= 4000 else -1)  # noqa: PLR2004


def exact(value: object) -> Decimal:
    """A number that is kept in any form.

    :raises SqlError: 8114's kin, 245, for what is none.
    """
    if type(value) is int:
        return Decimal(value)
    try:
        return Decimal(repr(value) if isinstance(value, float) else str(value).strip() or "0")
    except InvalidOperation:
        raise error(245, "varchar", value, "numeric") from None


def convert(value: Any, to: SqlType, source: str = "", style: int = 0, *, strict: bool = False) -> Any:  # noqa: PLR0911 - one per type
    """A kept value as another type keeps it.

    :param source: the name of the type it has, where that is known.
    :param strict: what is too long is an error and not cut off, as on INSERT.
    :raises SqlError: 245, 241, 8115, 220; ValueError: too long, for the caller to name the column.
    """
    if value is None:
        return None
    if to.name in INTEGERS:
        return _integer(value, to)
    if to.name == "bit":
        return _bit(value)
    if to.name in ("float", "real"):
        return float(exact(value))
    if to.name in _DECIMALS:
        return _decimal(value, to)
    if to.name in TEXTS:
        return _fit(_text(value, source, style), to, strict=strict)
    if to.name in _BINARIES:
        return _fit(_binary(value, source, to, style), to, strict=strict)
    if to.name == "uniqueidentifier":
        return _unique(value)
    return _moment(value, to)


def _integer(value: Any, to: SqlType) -> int:
    if isinstance(value, bytes):
        value = int.from_bytes(value[-8:], "big", signed=len(value) >= 8)  # noqa: PLR2004 - bytes of bigint
    elif isinstance(value, str):
        if not re.fullmatch(r"\s*[+-]?\d*(?:\.\d+)?\s*", value):
            raise error(245, "varchar", value[:100], to.name)
        value = exact(value)
    number = int(value)
    low, high = INTEGERS[to.name]
    if not low <= number <= high:
        raise error(220, to.name, number) if to.name in ("tinyint", "smallint") else error(8115, "expression", to.name)
    return number


def _bit(value: Any) -> int:
    if isinstance(value, str) and value.strip().lower() in ("true", "false"):
        return int(value.strip().lower() == "true")
    return int(exact(value) != 0)


def _decimal(value: Any, to: SqlType) -> str:
    return format(_rounded(value, to), "f")


def _rounded(value: Any, to: SqlType) -> Decimal:
    """A number with the digits that a decimal type has."""
    precision, scale = (to.precision, to.scale) if to.name == "decimal" else (19 if to.name == "money" else 10, 4)
    step, limit = _bounds(precision, scale)
    number = exact(int.from_bytes(value, "big") if isinstance(value, bytes) else value)
    number = number.quantize(step, ROUND_HALF_UP, _WIDE)
    if number.copy_abs() >= limit:
        raise error(8115, "numeric", "numeric")
    return number


@lru_cache
def _bounds(precision: int, scale: int) -> tuple[Decimal, Decimal]:
    """The last digit of a decimal type, and the first number that is too large for it."""
    return Decimal((0, (1,), -scale)), Decimal((0, (1,), precision - scale))


def _text(value: Any, source: str, style: int) -> str:
    if isinstance(value, bytes):
        if style in (1, 2):
            return ("0x" if style == 1 else "") + value.hex().upper()
        return value.decode("utf-16-le" if source == "nbinary" else "cp1252", "replace")
    if isinstance(value, float):
        return f"{value:.6g}"
    if source in ("datetime", "smalldatetime", "datetime2", "datetimeoffset", "date", "time"):
        return _moment_text(str(value), source, style)
    return str(value)


def _moment_text(value: str, source: str, style: int) -> str:
    if style in (121, 25, 21) or (not style and source in ("datetime2", "datetimeoffset", "date", "time")):
        return value
    if style in (126, 127):
        return value.rstrip("0").rstrip(".").replace(" ", "T") if "." in value else value.replace(" ", "T")
    if style in _STYLES:
        return datetime.fromisoformat(value[:26]).strftime(_STYLES[style])
    if not style:
        moment = datetime.fromisoformat(value[:26])
        return f"{moment:%b} {moment.day:2d} {moment:%Y} {moment.hour % 12 or 12:2d}:{moment:%M%p}"
    raise refused(f"CONVERT of {source} with style {style}")


def _binary(value: Any, source: str, to: SqlType, style: int) -> bytes:
    if isinstance(value, bytes):
        return value
    if isinstance(value, int):
        size = {"tinyint": 1, "bit": 1, "smallint": 2, "bigint": 8}.get(source, 4 if -(2**31) <= value < 2**31 else 8)
        raw = value.to_bytes(size, "big", signed=source not in ("tinyint", "bit"))
        return raw if to.size == -1 else raw[-to.size :].rjust(to.size if to.name == "binary" else 0, b"\0")
    if source == "uniqueidentifier":
        return uuid.UUID(value).bytes_le
    if style in (1, 2):
        text = value[2:] if style == 1 else value
        if not re.fullmatch(r"(?:[0-9a-fA-F]{2})*", text):
            raise error(245, "varchar", value[:100], to.name)
        return bytes.fromhex(text)
    if isinstance(value, str) and source in TEXTS:
        return value.encode("utf-16-le" if source[0] == "n" else "cp1252", "replace")
    raise refused(f"a conversion of {source or type(value).__name__} to {to.name}")


def _fit(value: Any, to: SqlType, *, strict: bool) -> Any:
    """Cut off what is too long, fill up what is too short."""
    if to.size == -1:
        return value
    if len(value) > to.size:
        kept = value[: to.size]
        blank = " " if isinstance(value, str) else b"\0"
        if strict and value[to.size :].strip(blank):  # blanks at the end may go, as documented for ANSI_PADDING
            raise ValueError(value)
        return kept
    if to.name in ("char", "nchar", "binary"):
        return value.ljust(to.size, " " if isinstance(value, str) else b"\0")
    return value


def _unique(value: Any) -> str:
    try:
        return str(uuid.UUID(bytes_le=value) if isinstance(value, bytes) else uuid.UUID(value.strip())).upper()
    except (ValueError, AttributeError):
        text = "Conversion failed when converting from a character string to uniqueidentifier."
        found = error(241)
        found.number, found.text = 8169, text
        raise found from None


@lru_cache(maxsize=4096)
def _moment(value: Any, to: SqlType) -> str:
    match = _FORM.fullmatch(value) if isinstance(value, str) else None
    if not match or not (match[1] or match[4]):
        raise error(241)
    try:
        day = date(int(match[1]), int(match[2]), int(match[3])) if match[1] else date(1900, 1, 1)
        hours, minutes, seconds = (int(match[n] or 0) for n in (4, 5, 6))
        moment = datetime.combine(day, time(hours, minutes, seconds))
    except ValueError:
        raise error(241) from None
    return _in_form(moment, (match[7] or "").ljust(7, "0"), match[8] or "", to)


def _in_form(moment: datetime, digits: str, zone: str, to: SqlType) -> str:
    if to.name == "date":
        return moment.date().isoformat()  # strftime writes year 1 as 1
    if to.name == "smalldatetime":
        moment += timedelta(seconds=30)
        return f"{moment.isoformat(' ', 'minutes')}:00"
    scale = 3 if to.name == "datetime" else to.scale
    ticks = int(digits)
    if to.name == "datetime":  # counts in 1/300 s
        ticks = round(ticks * 300 / 10**7) * 10**7 // 300
        ticks = (ticks + 5_000) // 10_000 * 10_000
    else:
        step = 10 ** (7 - scale)
        ticks = (ticks + step // 2) // step * step
    moment += timedelta(seconds=ticks // 10**7)
    fraction = f".{ticks % 10**7:07d}"[: scale + 1] if scale else ""
    if to.name == "time":
        return f"{moment:%H:%M:%S}{fraction}"
    offset = f" {'+00:00' if zone in ('', 'Z') else zone}" if to.name == "datetimeoffset" else ""
    return f"{moment.isoformat(' ', 'seconds')}{fraction}{offset}"


def deliver(value: Any, kind: SqlType) -> object:  # noqa: PLR0911 - one per type
    """A kept value as a client gets it.

    :raises SqlError: 8115 for a number that its type can't hold.
    """
    if value is None:
        return None
    if kind.name in DATES:
        return _deliver_moment(convert(value, kind), kind)
    if kind.name in _DECIMALS:
        return _rounded(value, kind)
    if kind.name == "uniqueidentifier":
        return uuid.UUID(value)
    if kind.name == "bit":
        return bool(value)
    if kind.name in TEXTS:
        return value if isinstance(value, str) else _text(value, "", 0)
    if kind.name in INTEGERS and not isinstance(value, str | bytes):
        return _integer(value, kind)
    return float(value) if kind.name in ("float", "real") else value


def deliverer(kind: SqlType) -> Callable[[Any], object]:
    """What delivers the values of a column: as :func:`deliver`, but the type is looked at once."""

    def whole(value: Any) -> object:
        return value if type(value) is int and low <= value <= high else deliver(value, kind)

    if kind.name in INTEGERS:
        low, high = INTEGERS[kind.name]
        return whole
    if kind.name in TEXTS:
        return lambda value: value if type(value) is str else deliver(value, kind)
    if kind.name in DATES:  # many rows are of few moments
        return lru_cache(maxsize=256)(lambda value: deliver(value, kind))
    return lambda value: value if value is None else deliver(value, kind)


def _deliver_moment(value: str, kind: SqlType) -> object:
    if kind.name == "date":
        return date.fromisoformat(value)
    if kind.name == "time":
        return time.fromisoformat(value[:15].rstrip("."))
    if kind.name != "datetimeoffset":
        return datetime.fromisoformat(value[:26])
    text, _, zone = value.rpartition(" ")
    sign = -1 if zone[0] == "-" else 1
    shift = timedelta(hours=int(zone[1:3]), minutes=int(zone[4:6])) * sign
    return datetime.fromisoformat(text[:26]).replace(tzinfo=timezone(shift) if shift else UTC)
