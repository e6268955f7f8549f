"""Texts of a script as far as they are known before it runs, each character with its place in the file."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from restoreproof.commands.linting.tokens import HOLE, Kind

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from restoreproof.commands.linting.tokens import Token

_OUTSIDE = re.compile(r"\$\(([^\s()]*)\)")
_WHOLE = re.compile(r"-?[0-9]{1,18}")
_QUOTES = {Kind.STRING: "'", Kind.QUOTED: "]", Kind.DOUBLE: '"'}


@dataclass(frozen=True)
class Value:
    """A text; a hole stands for each part that is known at run time only.

    :ivar places: for each character its offset in the file.
    :ivar spot: offset in the file of what the script says instead of the text: a literal, or a variable.
    """

    text: str
    places: tuple[int, ...]
    spot: int

    def __repr__(self) -> str:
        return "<a text of the script>"  # which may hold a secret

    @property
    def known(self) -> bool:
        """Whether nothing is left to run time."""
        return HOLE not in self.text

    @property
    def head(self) -> str:
        """The text up to the first hole."""
        return self.text.partition(HOLE)[0]

    @property
    def number(self) -> int | None:
        """The whole number that it is."""
        text = self.text.strip()
        return int(text) if _WHOLE.fullmatch(text) else None

    def at(self, spot: int) -> Value:
        """The same text, said at another place."""
        return Value(self.text, self.places, spot)

    def __add__(self, other: Value) -> Value:
        return Value(self.text + other.text, self.places + other.places, self.spot)


def hole(spot: int) -> Value:
    """What is known at run time only."""
    return Value(HOLE, (spot,), spot)


def literal(token: Token, places: Sequence[int], outside: Mapping[str, str]) -> Value:
    """What a literal, a quoted name, a word or a variable of sqlcmd stands for.

    :param places: for each character of the tokens' text its offset in the file.
    :param outside: what the script sets of sqlcmd's variables, by names in small letters.
    """
    spot = places[token.start]
    text, first = _bare(token)
    here = tuple(places[token.start + first : token.start + first + len(text)])
    quote = _QUOTES.get(token.kind)
    if quote and quote * 2 in text:
        kept = list(_undoubled(text, quote))
        text, here = "".join(text[index] for index in kept), tuple(here[index] for index in kept)
    return _filled(Value(text, here, spot), outside) if "$(" in text else Value(text, here, spot)


def _bare(token: Token) -> tuple[str, int]:
    """The text between quotes, and where in the token it begins."""
    quote = _QUOTES.get(token.kind)
    if not quote:
        return token.text, 0
    first = token.text.index("[" if quote == "]" else quote) + 1
    closed = len(token.text) > first and token.text.endswith(quote)
    return token.text[first : len(token.text) - closed], first


def _undoubled(text: str, quote: str) -> Iterator[int]:
    """Which characters count where a quote is written twice."""
    index = 0
    while index < len(text):
        yield index
        index += 2 if text[index : index + 2] == quote * 2 else 1


def _filled(value: Value, outside: Mapping[str, str]) -> Value:
    """With sqlcmd's variables filled in, or holes in their places."""
    made, at = Value("", (), value.spot), 0
    for match in _OUTSIDE.finditer(value.text):
        text = outside.get(match[1].lower(), HOLE)
        made += Value(value.text[at : match.start()], value.places[at : match.start()], value.spot)
        made += Value(text, (value.places[match.start()],) * len(text), value.spot)
        at = match.end()
    return made + Value(value.text[at:], value.places[at:], value.spot)
