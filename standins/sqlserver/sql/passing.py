"""Passing tokens one by one, whatever else a token is: the last one ends a text, and stays the next."""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

if TYPE_CHECKING:
    from collections.abc import Sequence


class Spelled(Protocol):
    """A token as far as keywords and symbols go."""

    @property
    def upper(self) -> str:
        """The text in capitals, of words and symbols only: what keywords are compared with."""


Token = TypeVar("Token", bound=Spelled)


class Passing(Generic[Token]):
    """A place among tokens.

    :ivar at: index of the token that comes next.
    """

    def __init__(self, tokens: Sequence[Token]) -> None:
        """``tokens`` end with one that stands for the end of the text."""
        self.tokens, self.at = tokens, 0

    @property
    def now(self) -> Token:
        """The token that comes next."""
        return self.tokens[self.at]

    @property
    def ended(self) -> bool:
        """Whether nothing comes any more."""
        return self.at == len(self.tokens) - 1

    def peek(self, ahead: int = 1) -> Token:
        """A token further on."""
        return self.tokens[min(self.at + ahead, len(self.tokens) - 1)]

    def take(self) -> Token:
        """The token that comes next, which is passed."""
        token = self.now
        if not self.ended:
            self.at += 1
        return token

    def sees(self, *words: str) -> bool:
        """Whether these keywords or symbols come next."""
        return all(self.peek(ahead).upper == word for ahead, word in enumerate(words))

    def accept(self, *words: str) -> bool:
        """Pass these keywords or symbols if they come next."""
        if not self.sees(*words):
            return False
        self.at += len(words)
        return True

    def accept_any(self, *words: str) -> str:
        """Pass one of these keywords; which one, or nothing."""
        return self.take().upper if self.now.upper in words else ""
