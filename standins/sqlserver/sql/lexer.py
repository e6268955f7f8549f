"""T-SQL text as tokens, and a cursor that reads them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum

from restoreproof.standins.sqlserver.session import SqlError
from restoreproof.standins.sqlserver.sql.passing import Passing

__all__ = ["Cursor", "Kind", "Token", "tokenize"]

_PATTERN = re.compile(
    r"""(?P<blank>\s+|--[^\n]*)|(?P<comment>/\*)|(?P<string>N?'(?:[^']|'')*')|(?P<quoted>\[(?:[^\]]|\]\])*\]|"(?:[^"]|"")*")
    |(?P<hex>0x[0-9a-f]*)|(?P<number>(?:\d+(?:\.\d*)?|\.\d+)(?:e[+-]?\d+)?)|(?P<variable>@@?[\w$#]+)
    |(?P<word>[^\W\d][\w@$#]*|\#\#?[\w$#]+)|(?P<symbol><>|<=|>=|!=|\+=|-=|\*=|/=|[-+*/%&|^~=<>(),.;:])""",
    re.VERBOSE | re.IGNORECASE,
)


class Kind(Enum):
    """What a token is."""

    WORD = "word"
    QUOTED = "quoted"
    VARIABLE = "variable"
    STRING = "string"
    NUMBER = "number"
    HEX = "hex"
    SYMBOL = "symbol"
    END = "end"


@dataclass(frozen=True)
class Token:
    """A piece of T-SQL: its kind, its text as written, and where it stands."""

    kind: Kind
    text: str
    start: int
    end: int
    line: int

    @property
    def upper(self) -> str:
        """The text in capitals, of words and symbols only: what keywords are compared with."""
        return self.text.upper() if self.kind in (Kind.WORD, Kind.SYMBOL) else ""

    @property
    def value(self) -> str:
        """What it stands for: quotes and brackets are off."""
        if self.kind is Kind.STRING:
            return self.text[self.text.index("'") + 1 : -1].replace("''", "'")
        if self.kind is Kind.QUOTED:
            return self.text[1:-1].replace("]]" if self.text[0] == "[" else '""', self.text[-1])
        return self.text


def tokenize(text: str) -> list[Token]:
    """Split T-SQL into tokens; the last one is END.

    :raises SqlError: 105 (a string is not closed), 113 (a comment is not closed), 102.
    """
    tokens, at, line = [], 0, 1
    while at < len(text):
        match = _PATTERN.match(text, at)
        if not match:
            raise _unreadable(text, at, line)
        end = _comment_end(text, at, line) if match.lastgroup == "comment" else match.end()
        if match.lastgroup not in ("blank", "comment"):
            tokens.append(Token(Kind(match.lastgroup), match[0], at, end, line))
        line += text.count("\n", at, end)
        at = end
    return [*tokens, Token(Kind.END, "", len(text), len(text), line)]


def _comment_end(text: str, at: int, line: int) -> int:
    """Where a comment ends; comments nest, as documented."""
    depth = 0
    for mark in re.finditer(r"/\*|\*/", text[at:]):
        depth += 1 if mark[0] == "/*" else -1
        if not depth:
            return at + mark.end()
    raise SqlError(113, "Missing end comment mark '*/'.", severity=15, line=line)


def _unreadable(text: str, at: int, line: int) -> SqlError:
    if text[at] in "'\"[" or text[at : at + 2].upper() == "N'":
        opened = _shown(text, text[at + 1 : at + 129])
        message = f"Unclosed quotation mark after the character string '{opened}'."
        return SqlError(105, message, severity=15, line=line)
    return SqlError(102, f"Incorrect syntax near '{text[at]}'.", severity=15, line=line)


def _shown(batch: str, text: str) -> str:
    """What a message may show of a string: nothing where it could be a secret."""
    return "***" if re.search("SECRET|PASSWORD", batch, re.IGNORECASE) else text[:128]


class Cursor(Passing[Token]):
    """Reads tokens one by one."""

    def __init__(self, text: str) -> None:
        super().__init__(tokenize(text))
        self.text = text

    def expect(self, *words: str) -> None:
        """Pass these keywords or symbols.

        :raises SqlError: 102 where something else comes.
        """
        for word in words:
            if not self.accept(word):
                raise self.wrong()

    def wrong(self) -> SqlError:
        """Msg 102 about the token that comes next."""
        near = _shown(self.text, self.now.text) if self.now.kind is Kind.STRING else self.now.text[:128]
        return SqlError(102, f"Incorrect syntax near '{near}'.", severity=15, line=self.now.line)

    def kind(self, *kinds: Kind) -> Token:
        """A token of one of these kinds.

        :raises SqlError: 102 where another comes.
        """
        if self.now.kind not in kinds:
            raise self.wrong()
        return self.take()

    def name(self) -> str:
        """An identifier of 128 characters at the most.

        :raises SqlError: 102, or 103 for a longer one.
        """
        token = self.kind(Kind.WORD, Kind.QUOTED)
        if len(token.value) > 128 or not token.value:  # noqa: PLR2004 - sysname
            text = f"The identifier that starts with '{token.value[:128]}' is too long. Maximum length is 128."
            raise SqlError(103, text, severity=15, state=4, line=token.line)
        return token.value

    def dotted(self) -> list[str]:
        """A name of up to four parts; a part that was left out is empty."""
        parts = [self.name()]
        while self.accept("."):
            parts.append("" if self.sees(".") else self.name())
        return parts

    def source(self, start: int) -> str:
        """The text from the token with this index up to the one that comes next."""
        return self.text[self.tokens[start].start : self.tokens[self.at - 1].end] if self.at > start else ""

    def skip_brackets(self) -> None:
        """Pass a bracket with all that it holds.

        :raises SqlError: 102 where it does not close.
        """
        self.expect("(")
        depth = 1
        while depth:
            if self.ended:
                raise self.wrong()
            depth += {"(": 1, ")": -1}.get(self.take().upper, 0)
