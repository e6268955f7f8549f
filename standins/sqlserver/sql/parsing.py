"""Batches as statements: flow, variables, messages and queries; the other files parse what has a grammar of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from restoreproof.standins.sqlserver.sql import statements as st
from restoreproof.standins.sqlserver.sql.lexer import Cursor, Kind
from restoreproof.standins.sqlserver.sql.messages import refused
from restoreproof.standins.sqlserver.sql.parsing_backup import parse_backup, parse_restore
from restoreproof.standins.sqlserver.sql.parsing_ddl import parse_alter, parse_create, parse_drop, parse_type

if TYPE_CHECKING:
    from collections.abc import Callable

    from restoreproof.standins.sqlserver.sql.statements import Statement

__all__ = ["parse"]

_DEEPEST = 60
_STARTS_LISTED = """
    SELECT INSERT UPDATE DELETE WITH CREATE ALTER DROP TRUNCATE DECLARE SET IF WHILE BEGIN PRINT RAISERROR THROW
    WAITFOR USE BACKUP RESTORE DBCC KILL EXEC EXECUTE COMMIT ROLLBACK CHECKPOINT RETURN BREAK CONTINUE MERGE
"""
_STARTS = frozenset(_STARTS_LISTED.split())
_MAY_FOLLOW = {
    "INSERT": {"SELECT", "WITH"},
    "UPDATE": {"SET"},
    "WITH": {"SELECT", "INSERT", "UPDATE", "DELETE"},
}
_ON_OFF_LISTED = """
    NOCOUNT XACT_ABORT ANSI_NULLS ANSI_PADDING ANSI_WARNINGS ARITHABORT CONCAT_NULL_YIELDS_NULL QUOTED_IDENTIFIER
    ANSI_NULL_DFLT_ON NUMERIC_ROUNDABORT CURSOR_CLOSE_ON_COMMIT IMPLICIT_TRANSACTIONS
"""
_ON_OFF = frozenset(_ON_OFF_LISTED.split())


def parse(text: str) -> tuple[Statement, ...]:
    """A batch as statements.

    :raises SqlError: 102 and its like for wrong syntax, 50001 for what the stand-in does not know.
    """
    parser = _Parser(Cursor(text))
    found = parser.many()
    if not parser.cursor.ended:
        raise parser.cursor.wrong()
    return found


class _Parser:
    def __init__(self, cursor: Cursor) -> None:
        self.cursor, self.depth = cursor, 0
        self.words: dict[str, Callable[[int], Statement | tuple[Statement, ...]]] = {
            "ALTER": lambda line: parse_alter(self.cursor, line),
            "BACKUP": lambda line: parse_backup(self.cursor, line),
            "BEGIN": self.begin,
            "BREAK": lambda line: st.Control(line, "BREAK"),
            "CHECKPOINT": lambda line: st.SetOption(line, "CHECKPOINT"),
            "COMMIT": lambda line: self.transaction(line, "COMMIT"),
            "CONTINUE": lambda line: st.Control(line, "CONTINUE"),
            "CREATE": lambda line: parse_create(self.cursor, line),
            "DBCC": self.check,
            "DECLARE": self.declare,
            "DROP": lambda line: parse_drop(self.cursor, line),
            "EXEC": self.execute,
            "EXECUTE": self.execute,
            "IF": self.choose,
            "KILL": lambda line: st.Kill(line, int(self.cursor.kind(Kind.NUMBER).text.partition(".")[0] or 0)),
            "PRINT": lambda line: st.Print(line, self.expression()),
            "RAISERROR": self.raise_error,
            "RESTORE": lambda line: parse_restore(self.cursor, line),
            "RETURN": lambda line: st.Control(line, "RETURN"),
            "ROLLBACK": lambda line: self.transaction(line, "ROLLBACK"),
            "SET": self.assign,
            "THROW": self.throw,
            "USE": lambda line: st.Use(line, self.cursor.name()),
            "WAITFOR": self.wait,
            "WHILE": lambda line: st.While(line, self.condition(), self.one()),
        }

    def many(self) -> tuple[Statement, ...]:
        """Statements up to END, ELSE or the end of the text."""
        found: list[Statement] = []
        while not self.cursor.ended and not self.cursor.sees("END"):
            if not self.cursor.accept(";"):
                found.extend(self.some())
        return tuple(found)

    def some(self) -> tuple[Statement, ...]:
        """One statement; DECLARE makes several."""
        token = self.cursor.now
        if token.upper in ("SELECT", "INSERT", "UPDATE", "DELETE", "WITH", "TRUNCATE"):
            return (st.Query(token.line, self.query()),)
        if token.upper not in self.words:
            raise refused(token.text, token.line) if token.kind is Kind.WORD else self.cursor.wrong()
        self.cursor.take()
        made = self.words[token.upper](token.line)
        return made if isinstance(made, tuple) else (made,)

    def one(self) -> Statement:
        """One statement, as IF and WHILE take it."""
        line = self.cursor.now.line
        self.depth += 1
        if self.depth > _DEEPEST:
            raise refused(f"statements that are nested deeper than {_DEEPEST}", line)
        if self.cursor.ended:
            raise self.cursor.wrong()
        made = self.some()
        self.depth -= 1
        return made[0] if len(made) == 1 else st.Block(line, made)

    def nested(self) -> tuple[Statement, ...]:
        self.depth += 1
        if self.depth > _DEEPEST:
            raise refused(f"statements that are nested deeper than {_DEEPEST}", self.cursor.now.line)
        made = self.many()
        self.depth -= 1
        return made

    # Text that sqlglot is to read: where it ends

    def query(self) -> str:
        start, first = self.cursor.at, self.cursor.take().upper
        return self._until(start, _MAY_FOLLOW.get(first, set()))

    def expression(self, *stops: str) -> str:
        """An expression up to one of these symbols or a statement.

        :raises SqlError: 102 where there is none.
        """
        text = self._until(self.cursor.at, set(), *stops)
        if not text:
            raise self.cursor.wrong()
        return text

    condition = expression

    def _until(self, start: int, allowed: set[str], *stops: str) -> str:
        cases = 0
        while not self.cursor.ended:
            word = self.cursor.now.upper
            if word == "(":
                self.cursor.skip_brackets()
                continue
            if word in (";", ")", *stops) or (word in ("END", "ELSE") and not cases):
                break
            if word in allowed:
                allowed = _MAY_FOLLOW.get(word, set())
            elif self._starts(word):
                break
            cases += (word == "CASE") - (word == "END")
            self.cursor.take()
        return self.cursor.source(start)

    def _starts(self, word: str) -> bool:
        """Whether a statement begins here: not at the SELECT of a UNION, nor at the WITH of a hint."""
        joined = self.cursor.at and self.cursor.peek(-1).upper in ("UNION", "ALL", "EXCEPT", "INTERSECT")
        hint = word == "WITH" and self.cursor.peek().upper == "("
        return word in _STARTS and not joined and not hint

    # Flow

    def begin(self, line: int) -> Statement:
        if self.cursor.accept("TRY"):
            body = self.nested()
            self.cursor.expect("END", "TRY", "BEGIN", "CATCH")
            handler = self.nested()
            self.cursor.expect("END", "CATCH")
            return st.TryCatch(line, body, handler)
        if self.cursor.sees("TRAN") or self.cursor.sees("TRANSACTION"):
            return self.transaction(line, "BEGIN")
        body = self.nested()
        self.cursor.expect("END")
        return st.Block(line, body)

    def choose(self, line: int) -> Statement:
        condition, then = self.condition(), self.one()
        mark = self.cursor.at
        while self.cursor.accept(";"):
            pass
        if self.cursor.accept("ELSE"):
            return st.If(line, condition, then, self.one())
        self.cursor.at = mark
        return st.If(line, condition, then, None)

    def transaction(self, line: int, word: str) -> Statement:
        self.cursor.accept_any("TRAN", "TRANSACTION", "WORK")
        if word == "BEGIN" and self.cursor.peek().upper == "WITH":
            name = self.cursor.name()
            self.cursor.expect("WITH", "MARK")
            if self.cursor.now.kind is Kind.STRING:  # a description, which goes nowhere
                self.cursor.take()
            return st.Transaction(line, word, name)
        if self.cursor.now.kind in (Kind.QUOTED, Kind.VARIABLE):
            raise refused(f"{word} TRANSACTION with a name", line)
        if self.cursor.now.kind is Kind.WORD and self.cursor.now.upper not in (*_STARTS, "END", "ELSE"):
            raise refused(f"{word} TRANSACTION {self.cursor.now.text}", line)
        return st.Transaction(line, word)

    def wait(self, line: int) -> Statement:
        if not self.cursor.accept("DELAY"):
            raise refused(f"WAITFOR {self.cursor.now.text}", line)
        return st.WaitFor(line, self.expression())

    def check(self, line: int) -> Statement:
        if not self.cursor.accept("CHECKDB"):
            raise refused(f"DBCC {self.cursor.now.text}", line)
        name = ""
        if self.cursor.accept("("):
            name = self.cursor.kind(Kind.WORD, Kind.QUOTED, Kind.STRING, Kind.NUMBER).value
            self.cursor.expect(")")
        words = []
        if self.cursor.accept("WITH"):
            words.append(self.cursor.name().upper())
            while self.cursor.accept(","):
                words.append(self.cursor.name().upper())
        known = {"NO_INFOMSGS", "PHYSICAL_ONLY", "ALL_ERRORMSGS", "DATA_PURITY", "EXTENDED_LOGICAL_CHECKS", "TABLOCK"}
        if unknown := [word for word in words if word not in known]:
            raise refused(f"DBCC CHECKDB WITH {unknown[0]}", line)
        return st.CheckDatabase(line, "" if name == "0" else name, "NO_INFOMSGS" in words)

    # Variables and messages

    def declare(self, line: int) -> tuple[Statement, ...]:
        made = []
        while True:
            name = self.cursor.kind(Kind.VARIABLE).text.lower()
            self.cursor.accept("AS")
            if self.cursor.sees("TABLE"):
                raise refused("DECLARE of a table variable", line)
            kind = parse_type(self.cursor)
            made.append(st.Declare(line, name, kind, self.expression(",") if self.cursor.accept("=") else ""))
            if not self.cursor.accept(","):
                return tuple(made)

    def assign(self, line: int) -> Statement:
        if self.cursor.now.kind is Kind.VARIABLE:
            name = self.cursor.take().text.lower()
            sign = self.cursor.accept_any("=", "+=", "-=", "*=", "/=")
            if not sign:
                raise self.cursor.wrong()
            value = self.expression()
            return st.SetVariable(line, name, value if sign == "=" else f"{name} {sign[0]} ({value})")
        return self._option(line, self.cursor.kind(Kind.WORD).upper)

    def _option(self, line: int, word: str) -> Statement:
        if word in _ON_OFF:
            return st.SetOption(line, word, self.cursor.accept_any("ON", "OFF") or self._fail())
        if word == "IDENTITY_INSERT":
            table = ".".join(self.cursor.dotted())
            return st.SetOption(
                line, word, table if (self.cursor.accept_any("ON", "OFF") or self._fail()) == "ON" else ""
            )
        if word == "TRANSACTION":
            self.cursor.expect("ISOLATION", "LEVEL")
            self.cursor.accept_any("READ", "REPEATABLE", "SERIALIZABLE", "SNAPSHOT")
            self.cursor.accept_any("COMMITTED", "UNCOMMITTED", "READ")
            return st.SetOption(line, word)
        if word in ("LOCK_TIMEOUT", "TEXTSIZE", "LANGUAGE", "DATEFORMAT", "DATEFIRST", "DEADLOCK_PRIORITY"):
            return st.SetOption(line, word, self.expression())
        raise refused(f"SET {word}", line)

    def _fail(self) -> str:
        raise self.cursor.wrong()

    def _list(self) -> tuple[str, ...]:
        values = [self.expression(",")]
        while self.cursor.accept(","):
            values.append(self.expression(","))
        return tuple(values)

    def raise_error(self, line: int) -> Statement:
        self.cursor.expect("(")
        values = self._list()
        self.cursor.expect(")")
        option = ""
        if self.cursor.accept("WITH") and not (option := self.cursor.accept_any("NOWAIT", "LOG", "SETERROR")):
            raise self.cursor.wrong()
        return st.RaiseError(line, values, option == "LOG")

    def throw(self, line: int) -> Statement:
        bare = self.cursor.ended or self.cursor.now.upper in (";", "END", "ELSE", *_STARTS)
        return st.Throw(line, () if bare else self._list())

    def execute(self, line: int) -> Statement:
        if self.cursor.accept("("):
            text = self.expression()
            self.cursor.expect(")")
            return st.Execute(line, text)
        name = self.cursor.dotted()
        if name[-1].lower() == "sp_delete_database_backuphistory":
            if self.cursor.kind(Kind.VARIABLE).text.lower() != "@database_name":
                raise self.cursor.wrong()
            self.cursor.expect("=")
            return st.ForgetBackups(line, self.expression())
        if name[-1].lower() == "sp_readerrorlog":
            return st.ReadErrorLog(line, () if self.cursor.ended or self.cursor.sees(";") else self._list())
        if name[-1].lower() != "sp_executesql":
            raise refused(f"EXEC {'.'.join(name)}", line)
        text = self.expression(",")
        definitions = self.expression(",") if self.cursor.accept(",") else ""
        given: list[tuple[str, str]] = []
        while self.cursor.accept(","):
            named = self.cursor.now.kind is Kind.VARIABLE and self.cursor.peek().upper == "="
            label = self.cursor.take().text.lower() if named else ""
            self.cursor.accept("=")
            given.append((label, self.expression(",")))
        return st.Execute(line, text, definitions, tuple(given))
