"""Reads tokens one by one, and folds expressions that are constant into the text that they make."""

from __future__ import annotations

from typing import TYPE_CHECKING

from restoreproof.commands.linting.finding import ERROR
from restoreproof.commands.linting.spelling import Slip
from restoreproof.commands.linting.tokens import HOLE, Kind, Token, tokenize
from restoreproof.commands.linting.values import Value, hole, literal
from restoreproof.standins.sqlserver.sql.passing import Passing

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_NAMES = (Kind.WORD, Kind.QUOTED, Kind.DOUBLE, Kind.OUTSIDE, Kind.HOLE)
_SIGNS = ("+", "-", "*", "/", "%")
_DEEPEST = 40


class Cursor(Passing[Token]):
    """A place in a text's tokens.

    :ivar variables: what the script's variables hold, by names in small letters; those that are missing nobody knows.
    :ivar slips: what was read as something else than it says.
    """

    def __init__(self, text: str, places: Sequence[int], outside: Mapping[str, str]) -> None:
        super().__init__(tokenize(text))
        self.places, self.outside, self._depth = places, outside, 0
        self.variables: dict[str, Value] = {}
        self.slips: list[Slip] = []

    @property
    def spot(self) -> int:
        """Where in the file the token begins that comes next."""
        return self.place(self.now)

    def place(self, token: Token) -> int:
        """Where in the file a token begins."""
        return self.places[token.start] if token.start < len(self.places) else len(self.places)

    def slip(self, what: str, spot: int | None = None, severity: str = ERROR) -> None:
        """Keep what is not written as SQL Server reads it, here or at another place."""
        self.slips.append(Slip(self.spot if spot is None else spot, what, severity))

    def pass_hole(self) -> bool:
        """Pass what is known at run time only, if it comes here."""
        if self.now.kind not in (Kind.HOLE, Kind.OUTSIDE):
            return False
        self.take()
        return True

    def skip_brackets(self) -> None:
        """Pass a bracket, if one comes, with all that it holds, or up to the end of the batch."""
        depth = 0
        while self.now.kind not in (Kind.BREAK, Kind.END) and (depth or self.sees("(")):
            depth += {"(": 1, ")": -1}.get(self.take().upper, 0)

    def name(self) -> Value | None:
        """A name, if one comes."""
        return literal(self.take(), self.places, self.outside) if self.now.kind in _NAMES else None

    def word(self) -> Value | None:
        """A text that an argument has without quotes, if one comes."""
        alone = self.now.kind is Kind.WORD and self.peek().upper not in (".", "(", *_SIGNS)
        return self.name() if alone and self.now.upper not in ("DEFAULT", "NULL") else None

    def dotted(self) -> tuple[str, ...]:
        """The parts of a name, in small letters."""
        parts = []
        while found := self.name():
            parts.append(found.text.lower())
            while self.accept("."):
                pass
            if self.peek(-1).upper != ".":
                break
        return tuple(parts)

    def expression(self) -> Value:
        """What comes next as a text: as much of it as is known; what can't be read is a hole."""
        spot = self.spot
        value = self._product()
        while self.accept("+"):
            value += self._product()
        if self.now.upper in _SIGNS:
            self._pass_operands()
            value = hole(spot)
        return value.at(spot)

    def _product(self) -> Value:
        value = self._term()
        while self.accept("*"):
            factor = self._term()
            numbers = value.number, factor.number
            text = HOLE if None in numbers else str((numbers[0] or 0) * (numbers[1] or 0))
            value = Value(text, (value.spot,) * len(text), value.spot)
        return value

    def _pass_operands(self) -> None:
        while self.now.upper in _SIGNS:
            self.take()
            self._term()

    def _term(self) -> Value:
        token, spot = self.now, self.spot
        if token.kind in (Kind.STRING, Kind.DOUBLE, Kind.NUMBER, Kind.OUTSIDE):
            return literal(self.take(), self.places, self.outside)
        if token.kind is Kind.VARIABLE:
            self.take()
            return self.variables.get(token.text.lower(), hole(spot)).at(spot)
        if self.sees("("):
            return self._bracket()
        if token.upper == "-" and self.peek().kind is Kind.NUMBER:
            self.take()
            value = literal(self.take(), self.places, self.outside)
            return Value(f"-{value.text}", (spot, *value.places), spot)
        if token.kind in (Kind.WORD, Kind.QUOTED, Kind.HOLE):
            return self._call()
        return hole(spot)

    def _bracket(self) -> Value:
        """What stands in brackets, if it is a constant."""
        start, spot = self.at, self.spot
        self.take()
        self._depth += 1
        value = self.expression() if self._depth < _DEEPEST else hole(spot)
        self._depth -= 1
        if self.accept(")"):
            return value
        self.at = start
        self.skip_brackets()
        return hole(spot)

    def _call(self) -> Value:
        """A column, or a call of a function: known at run time only."""
        spot = self.spot
        self.dotted()
        self.skip_brackets()
        return hole(spot)
