"""A session's connections to databases, its transaction, and how its queries run."""

from __future__ import annotations

import re
import sqlite3
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from restoreproof.standins.sqlserver.session import Cancelled, Column, SqlType
from restoreproof.standins.sqlserver.sql.filegroups import group_of
from restoreproof.standins.sqlserver.sql.functions import FUNCTIONS, Function, Trouble, register
from restoreproof.standins.sqlserver.sql.messages import error, refused
from restoreproof.standins.sqlserver.sql.properties import session_functions
from restoreproof.standins.sqlserver.sql.tables import columns_of
from restoreproof.standins.sqlserver.sql.values import deliver, deliverer, guess_type, keep
from restoreproof.standins.sqlserver.sql.views import find_view

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from threading import Event

    from restoreproof.standins.sqlserver.session import Output, Parameter, SqlError
    from restoreproof.standins.sqlserver.sql.conditions import Conditions
    from restoreproof.standins.sqlserver.sql.database import Database
    from restoreproof.standins.sqlserver.sql.inference import Columns
    from restoreproof.standins.sqlserver.sql.instance import Instance, SessionFacts
    from restoreproof.standins.sqlserver.sql.tables import ColumnFacts
    from restoreproof.standins.sqlserver.sql.translation import Translated

__all__ = ["Workspace"]

_STEPS = 20_000  # of SQLite's virtual machine, between two looks whether the batch was cancelled
_GLANCE = 50  # rows that are sent between two of these looks
_FIRST_ROWS = 200  # looked at for the type of a column that can't be told before


class Workspace:
    """Where a session's queries run.

    :ivar identity_insert: the table that explicit values of its identity column are let into.
    :ivar transactions: as @@TRANCOUNT tells.
    """

    def __init__(self, instance: Instance, facts: SessionFacts, conditions: Conditions) -> None:
        self.instance, self.facts = instance, facts
        self.own = session_functions(self, conditions)
        self.identity_insert = ""
        self.identity: int | None = None
        self.transactions, self._mark = 0, ""
        self.trouble = Trouble()
        self.cancelled: Event | None = None
        self._writing: dict[Database, sqlite3.Connection] = {}

    @property
    def database(self) -> str:
        """The database in use."""
        return self.facts.database

    # What translations and views ask

    def functions(self) -> Mapping[str, Function]:
        """All functions by name."""
        return FUNCTIONS | self.own

    def table(self, database: str, schema: str, name: str) -> tuple[str, list[ColumnFacts]]:
        """A table's database and columns.

        :raises SqlError: 208 and those of a database that can't be used.
        """
        owner = self.instance.usable(database or self.database, self.facts.id)
        found = columns_of(self.connection(owner.name), name) if schema.lower() in ("", "dbo") else []
        if not found:
            raise error(208, ".".join(part for part in (database, schema, name) if part))
        if owner.missing and group_of(self.connection(owner.name), name) in owner.missing:
            raise error(8653, name)
        return owner.name, found

    def view(self, database: str, schema: str, name: str) -> Columns | None:
        """The columns of a system view."""
        found = find_view(database or self.database, schema or "dbo", name)
        return {key.lower(): kind for key, kind in found.columns.items()} if found else None

    def connection(self, database: str = "") -> sqlite3.Connection:
        """The session's connection to a database."""
        owner = self.instance.usable(database or self.database, self.facts.id)
        with owner.guard:
            found = owner.connections.get(self.facts.id)
            if not owner.is_open:
                raise error(911, owner.name)
            if found is None:
                found = owner.connections[self.facts.id] = owner.connect()
                register(found, self.trouble, self.own)
                found.execute("PRAGMA foreign_keys=ON")
                found.set_progress_handler(self._interrupted, _STEPS)
        return found

    def next_identity(self, database: str, table: str) -> int:
        """The next value of a table's identity column: from the largest that is there, which is a simplification."""
        owner = self.instance.find(database)
        key = table.lower()
        if key not in owner.identities:
            fact = next(one for one in columns_of(self.connection(database), table) if one.identity)
            seed, step = fact.identity or (1, 1)
            word = "MAX" if step > 0 else "MIN"
            query = f"SELECT {word}(`{fact.name}`) FROM `{table}`"  # noqa: S608 - names of the database
            found = self.connection(database).execute(query).fetchone()[0]
            owner.identities[key] = (seed - step if found is None else int(found), step)
        last, step = owner.identities[key]
        owner.identities[key] = last + step, step
        self.identity = last + step
        return last + step

    def _interrupted(self) -> bool:
        return bool(self.cancelled and self.cancelled.is_set())

    # Running

    def run(self, text: str, variables: dict[str, Parameter], line: int, output: Output | None) -> Any:
        """A query; its rows go to the output.

        :returns: the first row's values for an expression (no output), else the number of rows.
        :raises SqlError: what went wrong.
        """
        types = {name: value.type for name, value in variables.items()}
        made = self.instance.translations.translate(text, self, types, line)
        database = self.instance.usable(made.database or self.database, self.facts.id, line)
        values = {f"p{n}": keep(variables[name].value) for n, name in enumerate(made.variables)}
        if made.writes:
            return self.write(database, lambda connection: _change(connection, made.sql, values), line, made)
        with self._errors(line, made), database.used():
            connection = self.connection(database.name)
            self._look(connection, made)
            cursor = connection.execute(made.sql, values)
            if output is None or made.assigned:
                return self._row(cursor, made)
            return self._send(cursor, made, output)

    def _look(self, connection: sqlite3.Connection, made: Translated) -> None:
        """Make the system views that a query names, as they are at this moment."""
        for label in made.views:
            database, _, name = label.partition("!")
            view = find_view(database or self.database, *name.split("."))
            assert view
            rows = [tuple(keep(value) for value in row) for row in view.rows(_Looking(self, database))]
            marks = ", ".join("?" * len(view.columns))
            names = ", ".join(f"`{key}` COLLATE NOCASE" for key in view.columns)
            connection.execute(f"DROP TABLE IF EXISTS temp.`{label}`")
            connection.execute(f"CREATE TEMP TABLE `{label}` ({names})")
            connection.executemany(f"INSERT INTO temp.`{label}` VALUES ({marks})", rows)  # noqa: S608 - names of ours

    @staticmethod
    def _types(made: Translated, rows: list[tuple[Any, ...]]) -> list[Column]:
        columns = []
        for place, (name, kind) in enumerate(made.columns or ()):
            found = kind or guess_type(next((row[place] for row in rows if row[place] is not None), ""))
            if found.collation.upper().endswith("UTF8"):  # what the driver's own code page may not know
                found = replace(found, name=f"n{found.name.removeprefix('n')}", size=min(found.size, 4000))
            columns.append(Column(name, found))
        return columns

    def _row(self, cursor: sqlite3.Cursor, made: Translated) -> list[tuple[SqlType, object]] | None:
        rows = cursor.fetchmany(1) if not made.assigned else cursor.fetchall()[-1:]
        if not rows:
            return None
        types = self._types(made, rows)
        return [(column.type, deliver(value, column.type)) for column, value in zip(types, rows[0], strict=True)]

    def _send(self, cursor: sqlite3.Cursor, made: Translated, output: Output) -> int:
        first = cursor.fetchmany(_FIRST_ROWS)
        columns = self._types(made, first)
        output.columns(columns)
        deliverers = [deliverer(column.type) for column in columns]
        count = 0
        for count, row in enumerate(self._rows(cursor, first), 1):
            output.row([give(value) for give, value in zip(deliverers, row, strict=True)])
            if count % _GLANCE == 0 and self._interrupted():
                raise Cancelled
        return count

    @staticmethod
    def _rows(cursor: sqlite3.Cursor, first: list[tuple[Any, ...]]) -> Iterator[tuple[Any, ...]]:
        yield from first
        yield from cursor

    def write(
        self, database: Database, change: Callable[[sqlite3.Connection], int], line: int, made: Translated | None = None
    ) -> int:
        """Change a database, in the session's transaction or in one of its own.

        :raises SqlError: 3906 (read-only), and what the change meets; what it did is undone then.
        """
        if database.read_only or database.standby:
            raise error(3906, database.name, line=line)
        table = made.table if made else ""
        if database.frozen and (group := group_of(self.connection(database.name), table)) in database.frozen:
            raise error(652, table, database.groups[group], line=line)
        assert self.cancelled
        with self._errors(line, made), database.used():
            connection = self.connection(database.name)
            database.lock.acquire(self, self.cancelled)
            try:
                if database not in self._writing:
                    connection.execute("BEGIN IMMEDIATE")
                    self._writing[database] = connection
                connection.execute("SAVEPOINT statement")
                try:
                    count = change(connection)
                except BaseException:
                    if connection.in_transaction:
                        connection.execute("ROLLBACK TO statement")
                    raise
                finally:
                    if connection.in_transaction:
                        connection.execute("RELEASE statement")
            except BaseException:
                if not self.transactions:
                    self._end("ROLLBACK")
                raise
            if not self.transactions:
                self._end("COMMIT")
            return count

    def _end(self, word: str) -> None:
        """End the open transaction in every database that it wrote to."""
        for database, connection in list(self._writing.items()):
            del self._writing[database]
            try:
                if word == "COMMIT":
                    database.commit(connection, self._mark)
                elif connection.in_transaction:
                    connection.execute(word)
            except sqlite3.ProgrammingError:  # the connection was closed with its database
                pass
            finally:
                database.lock.release(self)
        self._mark = ""

    def begin(self, mark: str = "") -> None:
        """BEGIN TRANSACTION; the first mark counts."""
        self.transactions += 1
        self._mark = self._mark or mark

    def commit(self, line: int = 1) -> None:
        """COMMIT.

        :raises SqlError: 3902's kin where none is open: the caller looks before.
        """
        self.transactions -= 1
        if not self.transactions:
            with self._errors(line, None):
                self._end("COMMIT")

    def rollback(self) -> None:
        """Undo everything, nested transactions included."""
        self.transactions = 0
        self._end("ROLLBACK")

    def close(self) -> None:
        """Let go of everything."""
        self.rollback()
        for database in list(self.instance.databases.values()):
            with database.guard:
                connection = database.connections.pop(self.facts.id, None)
                if connection:
                    connection.close()

    def _errors(self, line: int, made: Translated | None) -> _Errors:
        return _Errors(self, line, made)


class _Looking:
    """A session that looks at the views of one database."""

    def __init__(self, workspace: Workspace, database: str) -> None:
        self.instance, self._workspace = workspace.instance, workspace
        self.database = workspace.instance.find(database).name if database else workspace.database

    def connection(self, database: str = "") -> sqlite3.Connection:
        """The session's connection."""
        return self._workspace.connection(database or self.database)


class _Errors:
    """Turns SQLite's errors into SQL Server's."""

    def __init__(self, workspace: Workspace, line: int, made: Translated | None) -> None:
        self.workspace, self.line, self.made = workspace, line, made

    def __enter__(self) -> None:
        self.workspace.trouble.error = None

    def __exit__(self, _kind: object, found: BaseException | None, _trace: object) -> None:
        if not isinstance(found, sqlite3.Error | OverflowError):
            return
        if self.workspace.trouble.error:
            known, self.workspace.trouble.error = self.workspace.trouble.error, None
            known.line = self.line
            raise known from None
        if "interrupted" in str(found):
            raise Cancelled from None
        raise self._translated(str(found)) from None

    def _translated(self, text: str) -> SqlError:  # noqa: PLR0911 - one per message
        table = self.made.table if self.made else ""
        database = self.workspace.database
        if match := re.fullmatch(r"no such column: (.+)", text):
            return error(207, match[1].rpartition(".")[2], line=self.line)
        if match := re.fullmatch(r"NOT NULL constraint failed: .+\.(.+)", text):
            return error(515, match[1], f"{database}.dbo.{table}", "INSERT or UPDATE", line=self.line)
        if text.startswith("UNIQUE constraint failed"):
            return error(2627, table, f"dbo.{table}", line=self.line)
        if "constraint failed" in text:
            return error(547, "INSERT, UPDATE or DELETE", database, text, line=self.line)
        if "integer overflow" in text or "too large" in text:
            return error(8115, "expression", "bigint", line=self.line)
        if "malformed" in text or "not a database" in text:
            found = refused("")
            found.number, found.severity, found.line = 824, 24, self.line
            found.text = f"SQL Server detected a logical consistency-based I/O error in database '{database}': {text}."
            return found
        return refused(text, self.line)


def _change(connection: sqlite3.Connection, sql: str, values: dict[str, Any]) -> int:
    """Change rows, and tell how many: a cursor counts none (-1) where the statement begins with WITH."""
    connection.execute(sql, values)
    return int(connection.execute("SELECT changes()").fetchone()[0])
