"""T-SQL's aggregates, as SQLite calls them."""

from __future__ import annotations

from decimal import localcontext
from functools import cmp_to_key
from typing import TYPE_CHECKING, Any, Protocol

from restoreproof.standins.sqlserver.sql.values import exact

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["AGGREGATES"]


class Aggregate(Protocol):
    """What sqlite3 asks of an aggregate."""

    def step(self, *values: Any) -> None:
        """Take a row."""

    def finalize(self) -> Any:
        """Give the result."""


class ChecksumAggregate:
    """CHECKSUM_AGG: independent of the order of rows, as documented."""

    def __init__(self) -> None:
        self.found: int | None = None

    def step(self, value: int | None) -> None:
        """Take a row; NULL is left out."""
        if value is not None:
            self.found = (self.found or 0) ^ (value & 0xFFFFFFFF)

    def finalize(self) -> int | None:
        """A signed number of 32 bits."""
        return self.found - 2**32 if self.found is not None and self.found >= 2**31 else self.found


class Sum:
    """SUM with all digits."""

    def __init__(self) -> None:
        self.found: Any = None
        self.count = 0

    def step(self, value: Any) -> None:
        """Take a row; NULL is left out."""
        if value is None:
            return
        self.count += 1
        with localcontext() as context:
            context.prec = 60
            value = exact(value) if isinstance(value, str) else value
            self.found = value if self.found is None else self.found + value

    def finalize(self) -> Any:
        """NULL where no row was taken."""
        return self.found if self.found is None or isinstance(self.found, int | float) else format(self.found, "f")


class Average(Sum):
    """AVG: of whole numbers it is a whole number."""

    def finalize(self) -> Any:
        """NULL where no row was taken."""
        if self.found is None:
            return None
        if isinstance(self.found, int):
            return int(self.found / self.count) if abs(self.found) < 2**53 else self.found // self.count
        with localcontext() as context:
            context.prec = 60
            found = self.found / self.count
        return found if isinstance(found, float) else format(found, "f")


class StringAggregate:
    """STRING_AGG: a value, the separator, and pairs of sort key and 1 for descending."""

    def __init__(self) -> None:
        self.rows: list[tuple[str, Sequence[Any]]] = []
        self.separator = ""

    def step(self, value: Any, separator: str, *order: Any) -> None:
        """Take a row; NULL is left out."""
        if value is not None:
            self.separator = separator
            self.rows.append((str(value), order))

    def finalize(self) -> str | None:
        """NULL where no row was taken."""
        if not self.rows:
            return None
        if self.rows[0][1]:
            self.rows.sort(key=cmp_to_key(_by_order))
        return self.separator.join(row[0] for row in self.rows)


def _by_order(row: tuple[str, Sequence[Any]], next_row: tuple[str, Sequence[Any]]) -> int:
    one, other = row[1], next_row[1]
    for place in range(0, len(one), 2):
        left, right = one[place], other[place]
        if left != right:
            smaller = right is not None and (left is None or left < right)
            return -1 if smaller != bool(one[place + 1]) else 1
    return 0


AGGREGATES: dict[str, type[Aggregate]] = {
    "CHECKSUM_AGG": ChecksumAggregate,
    "SUM": Sum,
    "AVG": Average,
    "STRING_AGG": StringAggregate,
}
