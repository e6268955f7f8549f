"""A session: runs batches statement by statement."""

from __future__ import annotations

import re
import threading
from typing import TYPE_CHECKING, Any

from restoreproof.standins.sqlserver.session import Cancelled, Parameter, SqlError
from restoreproof.standins.sqlserver.sql import statements as st
from restoreproof.standins.sqlserver.sql.backing_up import back_up
from restoreproof.standins.sqlserver.sql.certificates import backup_certificate, create_certificate, create_database_key
from restoreproof.standins.sqlserver.sql.conditions import Conditions
from restoreproof.standins.sqlserver.sql.credentials import make_credential
from restoreproof.standins.sqlserver.sql.instance import Request
from restoreproof.standins.sqlserver.sql.lexer import Cursor, Kind
from restoreproof.standins.sqlserver.sql.messages import error, refused
from restoreproof.standins.sqlserver.sql.parsing import parse
from restoreproof.standins.sqlserver.sql.parsing_ddl import parse_type
from restoreproof.standins.sqlserver.sql.reading_log import read_error_log
from restoreproof.standins.sqlserver.sql.restoring import restore
from restoreproof.standins.sqlserver.sql.schema import add_file, alter_database, check, create_table, drop
from restoreproof.standins.sqlserver.sql.signals import AnyOf
from restoreproof.standins.sqlserver.sql.values import convert, deliver, guess_type, keep
from restoreproof.standins.sqlserver.sql.workspace import Workspace

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from threading import Event

    from restoreproof.standins.sqlserver.session import Output
    from restoreproof.standins.sqlserver.sql.instance import Instance, SessionFacts
    from restoreproof.standins.sqlserver.sql.statements import Statement

__all__ = ["StandinSession"]

_DEEPEST = 32  # nesting of EXEC, as documented
_RAISED, _LOWEST_ERROR = 50_000, 11
_ENDS_BATCH = frozenset((208, 241, 245, 1205, 8169))
"""Errors of severity 16 that end the batch and not only the statement; from memory."""


class _Flow(Exception):  # noqa: N818 - no error
    """BREAK, CONTINUE or RETURN."""

    def __init__(self, word: str) -> None:
        super().__init__(word)
        self.word = word


class StandinSession:
    """A login; see the contract of ``Session``."""

    def __init__(self, instance: Instance, facts: SessionFacts) -> None:
        self.instance, self.facts = instance, facts
        self.id = facts.id
        self.conditions = Conditions()
        self.workspace = Workspace(instance, facts, self.conditions)
        self.variables: dict[str, Parameter] = {}
        self.output: Output
        self.cancelled: Event = threading.Event()
        self._depth = 0
        self._runs: dict[type, Callable[[Any], object]] = self._handlers()

    @property
    def database(self) -> str:
        """The database in use."""
        return self.facts.database

    @database.setter
    def database(self, name: str) -> None:
        """Use another one."""
        self.facts.database = name

    def _handlers(self) -> dict[type, Callable[[Any], object]]:
        return {
            st.AddFile: lambda one: add_file(self, one),
            st.AlterDatabase: lambda one: alter_database(self, one),
            st.Backup: lambda one: back_up(self, one),
            st.BackupCertificate: lambda one: backup_certificate(self.instance, one),
            st.CheckDatabase: lambda one: check(self, one),
            st.CreateCertificate: lambda one: create_certificate(self.instance, one),
            st.CreateDatabase: lambda one: self.instance.create(one.name, one.files, one.line, one.collation),
            st.CreateDatabaseKey: lambda one: create_database_key(self, one),
            st.CreateTable: lambda one: create_table(self, one),
            st.Declare: self._declare,
            st.Drop: lambda one: drop(self, one),
            st.Execute: self._execute,
            st.ForgetBackups: lambda one: self.instance.forget_backups(self.as_text(one.database, one.line)),
            st.Kill: self._kill,
            st.MakeCredential: lambda one: make_credential(self.instance, one),
            st.ReadErrorLog: lambda one: read_error_log(self, one),
            st.Print: lambda one: self.output.info(0, self.as_text(one.value, one.line), line=one.line),
            st.RaiseError: self._raise_error,
            st.Restore: lambda one: restore(self, one),
            st.SetOption: self._set_option,
            st.SetVariable: self._set_variable,
            st.Throw: self._throw,
            st.Transaction: self._transaction,
            st.Use: self._use,
            st.WaitFor: self._wait,
        }

    # The contract

    def run(self, text: str, parameters: Mapping[str, Parameter], output: Output, cancelled: Event) -> None:
        """Run a batch to its end."""
        self.output = output
        self.cancelled = self.workspace.cancelled = AnyOf(cancelled, self.facts.killed)
        self.variables = {name.lower(): value for name, value in parameters.items()}
        self.conditions.catching, self.conditions.caught, self._depth = 0, None, 0
        try:
            self._batch(text)
        except Cancelled:
            self.workspace.rollback()
            raise
        finally:
            self.facts.request = None

    def begin(self) -> None:
        """Begin a transaction."""
        self.workspace.begin()

    def commit(self) -> None:
        """Commit it; nothing where none is open."""
        while self.workspace.transactions:
            self.workspace.commit()

    def rollback(self) -> None:
        """Roll it back; nothing where none is open."""
        self.workspace.rollback()

    def close(self) -> None:
        """The client is gone."""
        self.facts.killed.set()
        self.workspace.close()
        with self.instance.lock:
            self.instance.sessions.pop(self.id, None)
            for database in list(self.instance.databases.values()):
                if database.single_user == self.id:
                    database.single_user = None

    # Flow

    def _batch(self, text: str) -> None:
        try:
            self._many(parse(text))
        except _Flow as found:
            if found.word != "RETURN":
                raise refused(f"{found.word} outside of WHILE") from None

    def _many(self, statements: Sequence[Statement]) -> None:
        for number, statement in enumerate(statements):
            if self.cancelled.is_set():
                raise Cancelled
            try:
                self._one(statement)
            except SqlError as found:
                found.line = max(found.line, statement.line)
                self.conditions.last_error = found.number
                if self._ends(found) or number == len(statements) - 1:
                    raise
                self.output.error(found)
                self.output.done()

    def _ends(self, found: SqlError) -> bool:
        """Whether an error ends the batch and not only its statement."""
        if self.conditions.abort and self.workspace.transactions and found.number != _RAISED:
            self.workspace.rollback()
            return True
        thrown = getattr(found, "thrown", False)
        return bool(self.conditions.catching or thrown or found.number in _ENDS_BATCH or found.ends_session)

    def _one(self, one: Statement) -> None:
        if isinstance(one, st.Block):
            self._many(one.body)
        elif isinstance(one, st.If):
            chosen = one.then if self._holds(one.condition, one.line) else one.otherwise
            if chosen:
                self._many((chosen,))
        elif isinstance(one, st.While):
            self._loop(one)
        elif isinstance(one, st.TryCatch):
            self._try(one)
        elif isinstance(one, st.Control):
            raise _Flow(one.word)
        elif isinstance(one, st.Query):
            self._query(one)
        else:
            self.facts.request = Request(type(one).__name__.upper())
            self._runs[type(one)](one)
            self.conditions.last_error = 0
            self.facts.request = None
            if not isinstance(one, st.Declare | st.SetVariable | st.SetOption | st.Execute):
                self.output.done()

    def _loop(self, one: st.While) -> None:
        while self._holds(one.condition, one.line):
            try:
                self._many((one.body,))
            except _Flow as found:
                if found.word == "BREAK":
                    break
                if found.word == "RETURN":
                    raise
            if self.cancelled.is_set():
                raise Cancelled

    def _try(self, one: st.TryCatch) -> None:
        self.conditions.catching += 1
        try:
            self._many(one.body)
        except SqlError as found:
            if found.ends_session:
                raise
            caught = found
        else:
            return
        finally:
            self.conditions.catching -= 1
        before, self.conditions.caught = self.conditions.caught, caught
        try:
            self._many(one.handler)
        finally:
            self.conditions.caught = before

    def report(self, found: SqlError) -> None:
        """An error that another one follows; inside of TRY only the last one counts."""
        self.conditions.last_error = found.number
        if not self.conditions.catching:
            self.output.error(found)

    # Queries and expressions

    def _query(self, one: st.Query) -> None:
        self.facts.request = Request(one.text.split(None, 1)[0].upper())
        found = self.workspace.run(one.text, self.variables, one.line, self.output)
        self.facts.request = None
        if isinstance(found, list | None):
            self._assign(one, found)
            found = 1 if found else 0
        self.conditions.rows, self.conditions.last_error = found, 0
        self.output.done(found)

    def _assign(self, one: st.Query, row: list[tuple[Any, object]] | None) -> None:
        names = re.findall(r"@[\w$#@]+(?=\s*=)", one.text)
        for name, (kind, value) in zip((name.lower() for name in names), row or (), strict=False):
            self._put(name, kind.name, value, one.line)

    def value(self, text: str, line: int) -> tuple[Any, object]:
        """The type and the value of an expression."""
        row = self.workspace.run(f"SELECT {text}", self.variables, line, None)
        found: tuple[Any, object] = row[0]
        return found

    def _holds(self, condition: str, line: int) -> bool:
        return self.value(f"CASE WHEN {condition} THEN 1 ELSE 0 END", line)[1] == 1

    def as_text(self, text: str, line: int) -> str:
        """The value of an expression as text; empty for NULL."""
        kind, value = self.value(text, line)
        found = convert(keep(value), _LONG, kind.name)
        return "" if found is None else str(found)

    def _declare(self, one: st.Declare) -> None:
        if one.name in self.variables:
            raise error(134, one.name, line=one.line)
        self.variables[one.name] = Parameter(one.type, None)
        if one.value:
            kind, value = self.value(one.value, one.line)
            self._put(one.name, kind.name, value, one.line)

    def _set_variable(self, one: st.SetVariable) -> None:
        if one.name not in self.variables:
            raise error(137, one.name, line=one.line)
        kind, value = self.value(one.value, one.line)
        self._put(one.name, kind.name, value, one.line)

    def _put(self, name: str, source: str, value: object, line: int) -> None:
        if name not in self.variables:
            raise error(137, name, line=line)
        kind = self.variables[name].type
        self.variables[name] = Parameter(kind, deliver(convert(keep(value), kind, source), kind))

    # Small statements

    def _set_option(self, one: st.SetOption) -> None:
        if one.word == "XACT_ABORT":
            self.conditions.abort = one.value == "ON"
        elif one.word == "IDENTITY_INSERT":
            self.workspace.identity_insert = one.value
        elif one.word == "IMPLICIT_TRANSACTIONS" and one.value == "ON":
            raise refused("SET IMPLICIT_TRANSACTIONS ON", one.line)
        elif one.word == "CHECKPOINT":
            self.instance.usable(self.database, self.id, one.line).checkpoint()

    def _raise_error(self, one: st.RaiseError) -> None:
        values = [self.value(text, one.line)[1] for text in one.values]
        text = re.sub(
            r"%[-+0 #]*\d*(?:\.\d+)?(?:I64)?[dsiux]", "{}", str(values[0]).replace("{", "{{").replace("}", "}}")
        )
        text = text.format(*values[3:], *[""] * 20)
        severity, state = int(str(values[1])), int(str(values[2]))
        raised = SqlError(_RAISED, text, severity=severity, state=state, line=one.line)
        if one.logged:
            self.instance.error_log.note(f"spid{self.id}", raised)
        if severity >= _LOWEST_ERROR:
            raise raised
        self.output.info(_RAISED, text, severity=severity, state=state, line=one.line)

    def _throw(self, one: st.Throw) -> None:
        if not one.values:
            if not self.conditions.caught:
                raise SqlError(
                    10704, "To rethrow an error, a THROW statement must be used inside a CATCH block.", line=one.line
                )
            raise _thrown(self.conditions.caught)
        number, text, state = (self.value(part, one.line)[1] for part in one.values)
        raise _thrown(SqlError(int(str(number)), str(text), state=int(str(state)), line=one.line))

    def _transaction(self, one: st.Transaction) -> None:
        if one.word == "BEGIN":
            self.workspace.begin(one.mark)
        elif not self.workspace.transactions:
            number = 3902 if one.word == "COMMIT" else 3903
            text = f"The {one.word} TRANSACTION request has no corresponding BEGIN TRANSACTION."
            raise SqlError(number, text, line=one.line)
        elif one.word == "COMMIT":
            self.workspace.commit(one.line)
        else:
            self.workspace.rollback()

    def _use(self, one: st.Use) -> None:
        found = self.instance.usable(one.database, self.id, one.line)
        self.database = found.name
        self.output.info(5701, f"Changed database context to '{found.name}'.", state=1, line=one.line)

    def _kill(self, one: st.Kill) -> None:
        if one.session == self.id:
            raise SqlError(6104, "Cannot use KILL to kill your own process.", line=one.line)
        self.instance.find_session(one.session, one.line).kill()

    def _wait(self, one: st.WaitFor) -> None:
        text = self.as_text(one.delay, one.line)
        match = re.fullmatch(r"(\d{1,2}):(\d{1,2})(?::(\d{1,2}(?:[.:]\d+)?))?", text)
        if not match:
            raise SqlError(
                148, f"Incorrect time syntax in time string '{text}' used with WAITFOR.", severity=15, line=one.line
            )
        seconds = int(match[1]) * 3600 + int(match[2]) * 60 + float((match[3] or "0").replace(":", "."))
        if self.cancelled.wait(seconds):
            raise Cancelled

    def _execute(self, one: st.Execute) -> None:
        self._depth += 1
        if self._depth > _DEEPEST:
            raise SqlError(
                217, "Maximum stored procedure, function, trigger, or view nesting level exceeded (limit 32)."
            )
        outer, text = self.variables, self.as_text(one.text, one.line)
        inner = self._arguments(one) if one.definitions else {}
        self.variables = inner
        try:
            self._batch(text)
        finally:
            self.variables = outer
            self._depth -= 1

    def _arguments(self, one: st.Execute) -> dict[str, Parameter]:
        """The parameters of sp_executesql, by name or in order."""
        cursor, inner = Cursor(self.as_text(one.definitions, one.line)), {}
        while not cursor.ended:
            name = cursor.kind(Kind.VARIABLE).text.lower()
            inner[name] = Parameter(parse_type(cursor), None)
            if cursor.now.upper in ("OUTPUT", "OUT"):
                raise refused("an OUTPUT parameter of sp_executesql", one.line)
            cursor.accept(",")
        for place, (name, text) in enumerate(one.arguments):
            key = name or list(inner)[place]
            if key not in inner:
                raise error(137, key, line=one.line)
            kind, value = self.value(text, one.line)
            target = inner[key].type
            inner[key] = Parameter(target, deliver(convert(keep(value), target, kind.name), target))
        return inner


_LONG = guess_type("x" * 5000)


def _thrown(found: SqlError) -> SqlError:
    """An error of THROW, which ends the batch."""
    found.thrown = True  # type: ignore[attr-defined]  # known to this file only
    return found
