"""On which line each key of a TOML document stands: ``tomllib`` checks the text but does not say."""

from __future__ import annotations

import re
import tomllib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from restoreproof.providers.problems import Place

_TOKEN = re.compile(
    r'"""(?:\\.|[^\\])*?"""(?:"{1,2})?'
    r"|'''.*?'''(?:'{1,2})?"
    r'|"(?:\\.|[^"\\\n])*"'
    r"|'[^'\n]*'"
    r"|(?P<comment>#[^\n]*)"
    r"|\n"
    r"|[\[\]{}=,.]"
    r"|[^\s\[\]{}=,.#\"']+",
    re.DOTALL,
)
_END = ""
_STOPS = (",", "]", "}", "\n", _END)


def find_lines(text: str) -> dict[Place, int]:
    """The line (from 1) of every table header, key and list element.

    :param text: a document that ``tomllib`` has accepted; anything else gives some answer, but never an error.
    """
    walk = _Walk(text)
    walk.document()
    return walk.lines


class _Walk:
    """One pass over the tokens of a document."""

    def __init__(self, text: str) -> None:
        self.lines: dict[Place, int] = {}
        self._tokens = list(_tokens(text))
        self._at = 0
        self._tables: dict[Place, int] = {}

    def document(self) -> None:
        prefix: Place = ()
        while (word := self._peek()) != _END:
            if word == "\n":
                self._at += 1
            elif word == "[":
                prefix = self._header()
            else:
                self._pair(prefix)

    def _header(self) -> Place:
        line = self._line()
        self._at += 1
        repeated = self._peek() == "["
        self._at += repeated
        *outer, last = self._key() or [""]
        place: Place = ()
        for part in outer:
            place = self._newest((*place, part))
        place = (*place, last)
        if repeated:
            self._tables[place] = self._tables.get(place, 0) + 1
        place = self._newest(place)
        self.lines.setdefault(place, line)
        self._skip_to("\n")
        return place

    def _newest(self, place: Place) -> Place:
        """A place inside an array of tables belongs to the table that was opened last."""
        return (*place, self._tables[place] - 1) if place in self._tables else place

    def _pair(self, prefix: Place) -> None:
        line = self._line()
        parts = self._key()
        for end in range(1, len(parts) + 1):
            self.lines.setdefault((*prefix, *parts[:end]), line)
        self._at += 1
        self._value((*prefix, *parts))

    def _value(self, place: Place) -> None:
        opening = self._peek()
        if opening == "[":
            self._list(place)
        elif opening == "{":
            self._members(lambda _: self._pair(place))
        else:
            self._skip_to(*_STOPS)

    def _list(self, place: Place) -> None:
        def element(index: int) -> None:
            self.lines.setdefault((*place, index), self._line())
            self._value((*place, index))

        self._members(element)

    def _members(self, visit: Callable[[int], None]) -> None:
        self._at += 1
        index = 0
        while (word := self._peek()) not in ("]", "}", _END):
            if word in (",", "\n"):
                self._at += 1
            else:
                visit(index)
                index += 1
        self._at += 1

    def _key(self) -> list[str]:
        parts = []
        while (word := self._peek()) not in ("=", *_STOPS):
            if word != ".":
                parts.append(_unquote(word))
            self._at += 1
        return parts

    def _skip_to(self, *stops: str) -> None:
        while self._peek() not in (*stops, _END):
            self._at += 1

    def _peek(self) -> str:
        return self._tokens[min(self._at, len(self._tokens) - 1)][0]

    def _line(self) -> int:
        return self._tokens[min(self._at, len(self._tokens) - 1)][1]


def _tokens(text: str) -> Iterator[tuple[str, int]]:
    line = 1
    counted = 0
    for match in _TOKEN.finditer(text):
        line += text.count("\n", counted, match.start())
        counted = match.start()
        if match["comment"] is None:
            yield match[0], line
    yield _END, line


def _unquote(key: str) -> str:
    """A key without its quotes and escapes, by the rules of TOML itself."""
    if key[:1] not in ('"', "'"):
        return key
    try:
        return next(iter(tomllib.loads(f"{key} = 0")))
    except tomllib.TOMLDecodeError:
        return key
