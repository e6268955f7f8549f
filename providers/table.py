"""Reads one table of a profile: every value is asked for by its key, and what was not asked for is unknown."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, TypeVar

from restoreproof.providers.problems import hint, nearest

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from restoreproof.providers.problems import Place, Problems

_KINDS = {
    str: "a text in quotes",
    bool: "true or false",
    int: "a whole number",
    float: "a number with a fraction",
    list: "a list",
    dict: "a table",
}
_SECRET_KEY = re.compile(r"secret|passw|pwd|token|credential|api_?key|access_?key", re.IGNORECASE)
_DURATION = re.compile(r"([0-9]{1,6})([smhd])")
_NOT_HERE = "a secret has no place in a profile, only the name of the environment variable that holds it"
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}

T = TypeVar("T")


class Table:
    """One table with its place in the document; what is wrong goes to the collector, never to an exception.

    A value that is absent or wrong reads as None, so that a reader can go on and find the next problem.
    """

    def __init__(self, data: Mapping[Any, Any], place: Place, problems: Problems) -> None:
        self._data = data
        self._place = place
        self._problems = problems
        self._asked: set[str | int] = set()

    def __contains__(self, key: str) -> bool:
        return key in self._data

    def __bool__(self) -> bool:
        return bool(self._data)

    def report(self, key: str | int | None, text: str) -> None:
        """Note a problem with the value of a key, or with the whole table when the key is None."""
        self._problems.add(self._place if key is None else (*self._place, key), text)

    def text(self, key: str | int, *, required: bool = False) -> str | None:
        """A text that is not empty and can be printed on one line."""
        value = self._take(key, str, required=required)
        if value is None:
            return None
        if not value.strip():
            self.report(key, "is empty")
            return None
        if not value.isprintable():
            self.report(key, "holds a line break or another control character")
            return None
        return value

    def choice(self, key: str | int, choices: Iterable[str], *, required: bool = False) -> str | None:
        """One of the spellings given."""
        value = self.text(key, required=required)
        if value is None or value in (known := tuple(choices)):
            return value
        self.report(key, "; ".join(filter(None, (f"is none of {', '.join(known)}", nearest(value, known)))))
        return None

    def flag(self, key: str) -> bool | None:
        """True or false."""
        return self._take(key, bool)

    def number(self, key: str, *, required: bool = False, minimum: int = 0, maximum: int = 2**63) -> int | None:
        """A whole number within bounds."""
        value = self._take(key, int, required=required)
        if value is None or minimum <= value <= maximum:
            return value
        self.report(key, f"must be from {minimum} to {maximum}")
        return None

    def scalar(self, key: str) -> bool | int | str | None:
        """True or false, a whole number, or a text; it must be there."""
        value = self._data.get(key)
        if type(value) is bool:
            return self.flag(key)
        return self.number(key) if type(value) is int else self.text(key, required=True)

    def lines(self, key: str) -> tuple[str, ...]:
        """The lines of a text that must be there, without blank ones at its ends."""
        value = self._take(key, str, required=True)
        lines = tuple((value or "").strip("\n").split("\n"))
        if value is not None and not value.strip():
            self.report(key, "is empty")
        elif not all(line.isprintable() for line in lines):
            self.report(key, "holds a control character other than the end of a line")
        return lines

    def duration(self, key: str) -> int | None:
        """A time such as ``"90s"``, ``"30m"``, ``"24h"`` or ``"15d"``, in seconds."""
        value = self.text(key)
        if value is None:
            return None
        match = _DURATION.fullmatch(value)
        if match is None:
            self.report(key, 'is no duration; write a number and a unit, such as "90s", "30m", "24h" or "15d"')
            return None
        return int(match[1]) * _SECONDS[match[2]]

    def texts(self, key: str, choices: Iterable[str] = ()) -> tuple[str, ...] | None:
        """A list of texts, each one of the choices when there are any."""
        values = self._take(key, list)
        if values is None:
            return None
        elements = Table(dict(enumerate(values)), (*self._place, key), self._problems)
        known = tuple(choices)
        read = [elements.choice(index, known) if known else elements.text(index) for index in range(len(values))]
        return tuple(value for value in read if value is not None)

    def table(self, key: str) -> Table:
        """The table under a key; an empty one when there is none."""
        return Table(self._take(key, dict) or {}, (*self._place, key), self._problems)

    def tables(self, key: str) -> list[Table]:
        """The tables of an array of tables; none when there is none."""
        values = self._take(key, list) or []
        found = []
        for index, value in enumerate(values):
            place = (*self._place, key, index)
            if isinstance(value, dict):
                found.append(Table(value, place, self._problems))
            else:
                self._problems.add(place, f"must be a table, is {_described(value)}")
        return found

    def names(self) -> tuple[str, ...]:
        """Every key there is, for a table whose keys are free."""
        return tuple(self._data)

    def close(self) -> None:
        """Refuse every key that was not asked for."""
        for key in self._data.keys() - self._asked:
            secret = f"; {_NOT_HERE}" if _SECRET_KEY.search(key) else ""
            self.report(key, f"unknown key{secret}; {hint(key, map(str, self._asked))}")

    def _take(self, key: str | int, kind: type[T], *, required: bool = False) -> T | None:
        self._asked.add(key)
        if key not in self._data:
            if required:
                self.report(key, "is missing")
            return None
        value = self._data[key]
        if type(value) is kind:
            return value
        self.report(key, f"must be {_KINDS[kind]}, is {_described(value)}")
        return None


def _described(value: object) -> str:
    return _KINDS.get(type(value), "a date or time")
