"""Dates and times as TDS writes them: MS-TDS 2.2.5.5.1.8 and 2.2.5.5.1.9."""

from __future__ import annotations

import struct
from datetime import UTC, date, datetime, time, timedelta, timezone

__all__ = [
    "read_date",
    "read_datetime",
    "read_datetimeoffset",
    "read_smalldatetime",
    "read_time",
    "time_size",
    "write_date",
    "write_datetime",
    "write_datetimeoffset",
    "write_smalldatetime",
    "write_time",
]

_EPOCH = datetime(1900, 1, 1)  # noqa: DTZ001 - the type has no zone
_UNITS: tuple[int, ...] = tuple(10**digits for digits in range(7, -1, -1))
"""How many of the finest units (100 ns) make one of a scale."""
_TICKS_A_DAY = 24 * 60 * 60 * 300
_LONG = struct.Struct("<iI")
_SHORT = struct.Struct("<HH")


def time_size(scale: int) -> int:
    """Bytes of a time with so many digits behind the point."""
    return 3 if scale <= 2 else 4 if scale <= 4 else 5  # noqa: PLR2004 - the table of MS-TDS


def write_date(day: date) -> bytes:
    """Days since the year 1."""
    return (day.toordinal() - 1).to_bytes(3, "little")


def read_date(raw: bytes) -> date:
    """The day; ValueError for one after the year 9999."""
    return date.fromordinal(int.from_bytes(raw, "little") + 1)


def write_time(moment: time | datetime, scale: int) -> bytes:
    """Time since midnight in units of the scale; finer digits are cut, as who gives the value has rounded it."""
    micros = ((moment.hour * 60 + moment.minute) * 60 + moment.second) * 10**6 + moment.microsecond
    return (micros * 10 // _UNITS[scale]).to_bytes(time_size(scale), "little")


def read_time(raw: bytes, scale: int) -> time:
    """The time, to the microsecond; ValueError for one behind midnight or an unknown scale."""
    if scale >= len(_UNITS):
        raise ValueError("no such scale")
    micros = int.from_bytes(raw, "little") * _UNITS[scale] // 10
    if micros >= 24 * 60 * 60 * 10**6:
        raise ValueError("no such time")
    return (_EPOCH + timedelta(microseconds=micros)).time()


def write_datetimeoffset(moment: datetime, scale: int) -> bytes:
    """Time and date in UTC, and the minutes by which the clock was ahead; without a zone it counts as UTC."""
    ahead = moment.utcoffset() or timedelta()
    plain = moment.replace(tzinfo=None) - ahead
    return write_time(plain, scale) + write_date(plain) + struct.pack("<h", ahead // timedelta(minutes=1))


def read_datetimeoffset(raw: bytes, scale: int) -> datetime:
    """The moment with its zone; ValueError or OverflowError for none."""
    at, (ahead,) = read_time(raw[:-5], scale), struct.unpack("<h", raw[-2:])
    zone = timezone(timedelta(minutes=ahead))
    return datetime.combine(read_date(raw[-5:-2]), at, UTC).astimezone(zone)


def write_datetime(moment: datetime) -> bytes:
    """Days since 1900 and ticks of 1/300 s since midnight."""
    since = moment - _EPOCH
    ticks = ((since.seconds * 10**6 + since.microseconds) * 3 + 5000) // 10_000
    days, ticks = since.days + ticks // _TICKS_A_DAY, ticks % _TICKS_A_DAY
    return _LONG.pack(days, ticks)


def read_datetime(raw: bytes) -> datetime:
    """The moment, to the millisecond as SQL Server shows it; OverflowError for none."""
    days, ticks = _LONG.unpack(raw)
    return _EPOCH + timedelta(days=days, milliseconds=(ticks * 10 + 1) // 3)


def write_smalldatetime(moment: datetime) -> bytes:
    """Days since 1900 and minutes since midnight, rounded from the half minute on."""
    minutes = (moment - _EPOCH + timedelta(seconds=30)) // timedelta(minutes=1)
    return _SHORT.pack(*divmod(minutes, 24 * 60))


def read_smalldatetime(raw: bytes) -> datetime:
    """The moment."""
    days, minutes = _SHORT.unpack(raw)
    return _EPOCH + timedelta(days=days, minutes=minutes)
