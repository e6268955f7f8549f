"""Reads a script: variables, transactions, procedures and text that is executed; the rest is passed over.

Nothing is refused: what is no statement of interest, or not of a known shape, is skipped word by word.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from restoreproof.commands.linting.cursor import Cursor
from restoreproof.commands.linting.procedures import as_backup
from restoreproof.commands.linting.script import Call, Credential, Script
from restoreproof.commands.linting.statements import read_credential, read_misspelt, read_transfer
from restoreproof.commands.linting.tokens import HOLE, Kind, left_open
from restoreproof.commands.linting.values import Value, hole

if TYPE_CHECKING:
    from collections.abc import Sequence

    from restoreproof.commands.linting.script import Transfer

_SET_OUTSIDE = re.compile(r'^[ \t]*:setvar[ \t]+(\w[\w-]*)[ \t]+("[^"\n]*"|[^\s"]+)', re.IGNORECASE | re.MULTILINE)
_WRITES = re.compile(r"\b(?:BACKUP|RESTORE)\s+(?:DATABASE|LOG|VERIFYONLY)\b|\bURL\s*=|s3://", re.IGNORECASE)
"""What the text of a statement holds, in parts, that goes to a URL."""
_TEXT = re.compile(r"[\s\ufffc]*(?:BACKUP|RESTORE)\s", re.IGNORECASE)
_BRANCHES = ("IF", "WHILE", "CATCH", "GOTO")
_DEEPEST = 4
_RUNS_TEXT = {
    "sp_executesql": (0, ("@stmt", "@statement")),
    "sp_add_jobstep": (99, ("@command",)),
    "sp_update_jobstep": (99, ("@command",)),
}
"""Procedures that take T-SQL: where it stands among the arguments, and how it is named."""
_FUNCTIONS = ("dm_os_enumerate_filesystem", "dm_os_file_exists")


def read_script(text: str) -> Script:
    """All that a script does with backups, as far as it is known before it runs."""
    script = Script()
    outside = {match[1].lower(): match[2].strip('"') for match in _SET_OUTSIDE.finditer(text)}
    cursor = Cursor(text, range(len(text)), outside)
    script.left_open = left_open(text, cursor.tokens)
    script.writes = any(token.kind is Kind.STRING and _WRITES.search(token.text) for token in cursor.tokens)
    _Reader(script, cursor).read()
    return script


class _Reader:
    """Reads one text, of the file or of a string in it.

    :ivar open: transactions that are open.
    """

    def __init__(self, script: Script, cursor: Cursor, depth: int = 0, held: int = 0) -> None:
        self.script, self.cursor, self.depth, self.open = script, cursor, depth, held
        self.branches = False
        self.words = {
            "ALTER": self.credential,
            "BACKUP": self.backup,
            "BEGIN": self.begin,
            "COMMIT": self.commit,
            "CREATE": self.credential,
            "DECLARE": self.declare,
            "EXEC": self.execute,
            "EXECUTE": self.execute,
            "INTO": self.fetch,
            "RESTORE": self.restore,
            "ROLLBACK": self.rollback,
            "SELECT": self.select,
            "SET": self.assign,
        }

    def read(self) -> int:
        """Read to the end; how many transactions are open then."""
        self.look_ahead()
        while self.cursor.now.kind is not Kind.END:
            token = self.cursor.take()
            if token.kind is Kind.BREAK:
                self.cursor.variables.clear()
                self.look_ahead()
            elif token.upper in self.words:
                self.words[token.upper]()
            elif token.text.lower() in _FUNCTIONS and self.cursor.sees("("):
                self.call((token.text.lower(),), self.cursor.place(token), brackets=True)
            elif token.kind is Kind.WORD and self.cursor.now.kind is Kind.WORD:
                self.misspelt()
        self.script.slips += self.cursor.slips
        return self.open

    def look_ahead(self) -> None:
        """Whether the batch has branches, so that the order of the text is not that of the run."""
        ahead = self.cursor.at
        while self.cursor.tokens[ahead].kind not in (Kind.BREAK, Kind.END):
            ahead += 1
        self.branches = any(token.upper in _BRANCHES for token in self.cursor.tokens[self.cursor.at : ahead])

    # Variables

    def declare(self) -> None:
        while self.cursor.now.kind is Kind.VARIABLE:
            name = self.cursor.take().text
            self.cursor.accept("AS")
            self.cursor.dotted()
            self.cursor.skip_brackets()
            if self.cursor.accept("="):
                self.put(name, self.cursor.expression())
            if not self.cursor.accept(","):
                return

    def assign(self) -> None:
        self.assigned()

    def assigned(self) -> list[str]:
        """Take assignments; the names of the variables."""
        names: list[str] = []
        while self.cursor.now.kind is Kind.VARIABLE and self.cursor.peek().upper in ("=", "+=", "*="):
            name, sign = self.cursor.take().text, self.cursor.take().upper
            value = self.cursor.expression()
            if sign == "+=":
                value = self.cursor.variables.get(name.lower(), hole(value.spot)) + value
            self.put(name, hole(value.spot) if sign == "*=" else value)
            names.append(name)
            if not self.cursor.accept(","):
                break
        return names

    def put(self, name: str, value: Value) -> None:
        """Give a variable its value; one that has another already may keep it where there are branches."""
        old = self.cursor.variables.get(name.lower())
        if old and self.branches and old.text != value.text:
            more = value.text.startswith(old.text)
            value = old + hole(value.spot) if more else hole(value.spot)
        self.cursor.variables[name.lower()] = value

    def select(self) -> None:
        self.cursor.accept("DISTINCT")
        if self.cursor.accept("TOP"):
            self.cursor.expression()
        names = self.assigned()
        if self.cursor.sees("FROM"):  # without a row a variable stays as it was; nothing is run then
            self.forget([name for name in names if not _TEXT.match(self.cursor.variables[name.lower()].text)])

    def fetch(self) -> None:
        names = []
        while self.cursor.now.kind is Kind.VARIABLE:
            names.append(self.cursor.take().text)
            self.cursor.accept(",")
        self.forget(names)

    def forget(self, names: Sequence[str]) -> None:
        for name in names:
            self.cursor.variables[name.lower()] = hole(self.cursor.spot)

    # Transactions

    def begin(self) -> None:
        self.cursor.accept("DISTRIBUTED")
        self.open += bool(self.cursor.accept_any("TRAN", "TRANSACTION"))

    def commit(self) -> None:
        self.open = max(0, self.open - 1)

    def rollback(self) -> None:
        self.open = 0

    # Statements

    def keep(self, found: Transfer | Credential | None) -> None:
        if isinstance(found, Credential):
            self.script.credentials.append(found)
        elif found:
            self.script.transfers.append(found)

    def backup(self) -> None:
        self.keep(read_transfer(self.cursor, "BACKUP", self.open > 0))

    def restore(self) -> None:
        self.keep(read_transfer(self.cursor, "RESTORE", self.open > 0))

    def credential(self) -> None:
        self.keep(read_credential(self.cursor))

    def misspelt(self) -> None:
        self.keep(read_misspelt(self.cursor, self.open > 0))

    def execute(self) -> None:
        if self.cursor.sees("("):
            self.cursor.take()
            self.run(self.cursor.expression())
            self.cursor.accept(")")
            return
        if self.cursor.now.kind is Kind.VARIABLE and self.cursor.peek().upper == "=":
            self.forget([self.cursor.take().text])
            self.cursor.take()
        spot, name = self.cursor.spot, self.cursor.dotted()
        if name:
            self.call(name, spot)

    def call(self, name: tuple[str, ...], spot: int, *, brackets: bool = False) -> None:
        """A procedure, or a function with its arguments in brackets."""
        if brackets:
            self.cursor.take()
        plain, named = self.arguments()
        call = Call(name[-1], tuple(plain), named, spot)
        self.script.calls.append(call)
        self.keep(as_backup(call, in_transaction=self.open > 0))
        position, names = _RUNS_TEXT.get(call.name, (99, ()))
        for value in [*plain[position : position + 1], *(named[word] for word in names if word in named)]:
            self.run(value)

    def arguments(self) -> tuple[list[Value], dict[str, Value]]:
        plain: list[Value] = []
        named: dict[str, Value] = {}
        while self.cursor.now.kind not in (Kind.BREAK, Kind.END) and not self.cursor.sees(";"):
            label, start = self.label(), self.cursor.at
            if not label and self.cursor.now.kind is Kind.WORD:  # the next statement begins
                break
            left_out = label and self.cursor.now.upper in ("NULL", "DEFAULT")
            value = (label and self.cursor.word()) or self.cursor.expression()
            if self.cursor.at == start:
                break
            if self.cursor.accept_any("OUTPUT", "OUT"):
                self.forget([self.cursor.peek(-2).text])
            if label and not left_out:
                named[label] = value
            elif not label:
                plain.append(value)
            if not self.cursor.accept(","):
                break
        return plain, named

    def label(self) -> str:
        """The name of an argument, if it has one."""
        if self.cursor.now.kind is not Kind.VARIABLE or self.cursor.peek().upper != "=":
            return ""
        name = self.cursor.take().text.lower()
        self.cursor.take()
        return name

    def run(self, value: Value) -> None:
        """Read a text that is executed, if some of it is known."""
        if self.depth < _DEEPEST and value.text.strip(HOLE).strip():
            cursor = Cursor(value.text, value.places, self.cursor.outside)
            self.open = _Reader(self.script, cursor, self.depth + 1, self.open).read()
        elif not value.text.strip(HOLE).strip():
            self.script.unread.append(value.spot)
