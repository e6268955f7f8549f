"""Any text as tokens of T-SQL: nothing is refused, for a script is read as it comes.

Unlike SQL Server's own reading, a string or comment that never ends runs to the end of the text, and characters that
mean nothing are tokens of their own.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

HOLE = "\N{OBJECT REPLACEMENT CHARACTER}"
"""Stands in a text for what is known at run time only."""

_PATTERN = re.compile(
    r"""(?P<blank>\s+|--[^\n]*)|(?P<comment>/\*)|(?P<string>N?'(?:[^']|'')*(?:'|\Z))
    |(?P<quoted>\[(?:[^\]]|\]\])*(?:\]|\Z))|(?P<double>"(?:[^"]|"")*(?:"|\Z))
    |(?P<outside>\$\([^\s()]*\))|(?P<hole>\ufffc)|(?P<variable>@[\w@$#]+)
    |(?P<number>0x[0-9a-f]*|\d+(?:\.\d*)?(?:e[+-]?\d+)?|\.\d+)|(?P<word>[^\W\d][\w@$#]*|\#[\w@$#]*)|(?P<symbol>[+*]=|.)""",
    re.VERBOSE | re.IGNORECASE | re.DOTALL,
)
_WHOLE = {"'": re.compile(r"N?'(?:[^']|'')*'", re.IGNORECASE | re.DOTALL)}
_WHOLE |= {"[": re.compile(r"\[(?:[^\]]|\]\])*\]"), '"': re.compile(r'"(?:[^"]|"")*"')}
_NESTING = re.compile(r"/\*|\*/")
_SEPARATOR = re.compile(r"^[ \t]*GO[ \t]*(?:\d+[ \t]*)?;?[ \t]*(?:--[^\n]*)?\r?$", re.IGNORECASE | re.MULTILINE)
_DIRECTIVE = re.compile(r"^[ \t]*(?::[a-z]|!!)[^\n]*$", re.IGNORECASE | re.MULTILINE)


class Kind(Enum):
    """What a token is; OUTSIDE is a variable of sqlcmd, BREAK the end of a batch."""

    WORD = "word"
    QUOTED = "quoted"
    DOUBLE = "double"
    STRING = "string"
    NUMBER = "number"
    VARIABLE = "variable"
    OUTSIDE = "outside"
    HOLE = "hole"
    SYMBOL = "symbol"
    BREAK = "break"
    END = "end"


@dataclass(frozen=True)
class Token:
    """A piece of T-SQL: its kind, its text as written, and where in the text it begins."""

    kind: Kind
    text: str
    start: int

    @property
    def upper(self) -> str:
        """The text in capitals, of words and symbols only: what keywords are compared with."""
        return self.text.upper() if self.kind in (Kind.WORD, Kind.SYMBOL) else ""


def tokenize(text: str) -> list[Token]:
    """All tokens of a text; the last one is END."""
    lines = {match.start(): match for pattern in (_SEPARATOR, _DIRECTIVE) for match in pattern.finditer(text)}
    return [*_tokens(text, lines), Token(Kind.END, "", len(text))]


def left_open(text: str, tokens: Sequence[Token]) -> tuple[int, str] | None:
    """Where what never ends begins, and what it is: a comment, a string or a name in quotes; all behind it is lost."""
    last = tokens[-2] if len(tokens) > 1 else Token(Kind.END, "", 0)
    mark = last.text.lstrip("Nn")[:1]
    if last.kind in (Kind.STRING, Kind.QUOTED, Kind.DOUBLE) and not _WHOLE[mark].fullmatch(last.text):
        return last.start, "string" if mark == "'" else "name"
    at = last.start + len(last.text)
    while found := _PATTERN.match(text, at):
        if found.lastgroup == "comment" and (at := _comment_end(text, found.start())) < 0:
            return found.start(), "comment"
        at = max(at, found.end())
    return None


def _tokens(text: str, lines: dict[int, re.Match[str]]) -> Iterator[Token]:
    """The tokens; a line of its own (GO, or a directive of sqlcmd) counts where no string or comment goes on."""
    at = 0
    while at < len(text):
        whole = lines.get(at)
        if whole:
            if whole.re is _SEPARATOR:
                yield Token(Kind.BREAK, whole[0], at)
            at = max(whole.end(), at + 1)
            continue
        match = _PATTERN.match(text, at)
        assert match, "a symbol is any character"
        end = match.end()
        if match.lastgroup == "comment":
            end = _comment_end(text, at)
            end = len(text) if end < 0 else end
        elif match.lastgroup == "blank":
            end = _line_end(match, lines)
        else:
            yield Token(Kind(match.lastgroup), match[0], at)
        at = end


def _line_end(blank: re.Match[str], lines: dict[int, re.Match[str]]) -> int:
    """Where blanks end: at the latest where a line of its own begins."""
    newline = blank.string.find("\n", blank.start(), blank.end())
    while newline >= 0:
        if newline + 1 in lines:
            return newline + 1
        newline = blank.string.find("\n", newline + 1, blank.end())
    return blank.end()


def _comment_end(text: str, at: int) -> int:
    """Where a comment ends; comments nest. -1 where it does not."""
    depth = 0
    for mark in _NESTING.finditer(text, at):
        depth += 1 if mark[0] == "/*" else -1
        if not depth:
            return mark.end()
    return -1
