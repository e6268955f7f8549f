"""Tables: what T-SQL knows of them is kept in the database's own file, so that backups carry it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from restoreproof.standins.sqlserver.session import SqlType
from restoreproof.standins.sqlserver.sql.database import now
from restoreproof.standins.sqlserver.sql.messages import error, refused
from restoreproof.standins.sqlserver.sql.values import INTEGERS, TEXTS, keep

if TYPE_CHECKING:
    import sqlite3

    from restoreproof.standins.sqlserver.sql.statements import CreateTable, TableColumn

__all__ = [
    "ColumnFacts",
    "all_columns",
    "as_sqlite_collates",
    "columns_of",
    "create_table",
    "drop_table",
    "lay_out",
    "table_id",
]

_SCHEMA = """
CREATE TABLE "$tables" (id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT UNIQUE COLLATE NOCASE, created TEXT,
    filegroup TEXT);
CREATE TABLE "$columns" (
    table_id INTEGER, position INTEGER, name TEXT COLLATE NOCASE, type TEXT, size INTEGER, precision INTEGER,
    scale INTEGER, nullable INTEGER, seed INTEGER, step INTEGER, preset TEXT, collation TEXT, computed TEXT,
    persisted INTEGER, PRIMARY KEY (table_id, position));
INSERT INTO "$tables" VALUES (1000, '$', '', '');
DELETE FROM "$tables";
"""
_FIELDS = "name, type, size, precision, scale, nullable, seed, step, preset, collation, computed, persisted"


@dataclass(frozen=True)
class ColumnFacts:
    """A column of a table; ``preset`` is the text of its DEFAULT, ``computed`` of what it is computed from."""

    name: str
    type: SqlType
    nullable: bool
    identity: tuple[int, int] | None
    preset: str
    computed: str = ""
    persisted: bool = False


def lay_out(connection: sqlite3.Connection) -> None:
    """Prepare a new database."""
    for statement in _SCHEMA.strip().split(";")[:-1]:
        connection.execute(statement)


def _facts(row: tuple[object, ...]) -> ColumnFacts:
    name, kind, size, precision, scale, nullable, seed, step, preset, collation, computed, persisted = row
    identity = (int(str(seed)), int(str(step))) if seed is not None else None
    made = SqlType(str(kind), int(str(size)), int(str(precision)), int(str(scale)), str(collation or ""))
    return ColumnFacts(str(name), made, bool(nullable), identity, str(preset or ""), str(computed), bool(persisted))


def table_id(connection: sqlite3.Connection, name: str) -> int | None:
    """The object_id of a table, None where there is none."""
    found = connection.execute('SELECT id FROM "$tables" WHERE name = ?', (name,)).fetchone()
    return int(found[0]) if found else None


def columns_of(connection: sqlite3.Connection, name: str) -> list[ColumnFacts]:
    """The columns of a table in order; none where there is no such table."""
    query = f'SELECT {_FIELDS} FROM "$columns" WHERE table_id = ? ORDER BY position'  # noqa: S608 - a constant
    return [_facts(row) for row in connection.execute(query, (table_id(connection, name),))]


def all_columns(connection: sqlite3.Connection) -> list[tuple[int, str, str, list[ColumnFacts]]]:
    """All tables: id, name, when they were made, columns."""
    rows = connection.execute('SELECT id, name, created FROM "$tables" ORDER BY id').fetchall()
    return [(row[0], row[1], row[2], columns_of(connection, row[1])) for row in rows]


def _affinity(kind: SqlType) -> str:
    if kind.name in INTEGERS or kind.name == "bit":
        return "INTEGER"
    if kind.name in ("float", "real"):
        return "REAL"
    if kind.name in ("binary", "varbinary"):
        return "BLOB"
    if kind.name in ("decimal", "money", "smallmoney"):
        return "TEXT COLLATE TSQL_DECIMAL"
    return f"TEXT COLLATE {as_sqlite_collates(kind.collation)}" if kind.name in TEXTS else "TEXT"


def as_sqlite_collates(collation: str) -> str:
    """The collation of SQLite that comes closest: it tells small letters from capitals, or does not."""
    return "BINARY" if {"CS", "BIN", "BIN2"} & set(collation.upper().split("_")) else "NOCASE"


def _definition(column: TableColumn, key: tuple[str, ...]) -> str:
    own = [part.lower() for part in key] == [column.name.lower()] and column.type.name in INTEGERS
    parts = [f'"{column.name}"', _affinity(column.type), *column.rules]
    if column.computed:
        parts.append(f"GENERATED ALWAYS AS {column.computed} {'STORED' if column.persisted else 'VIRTUAL'}")
    if not column.nullable or column.name.lower() in [part.lower() for part in key]:
        parts.append("NOT NULL")
    return " ".join([*parts, "PRIMARY KEY"] if own else parts)


def _collated(column: TableColumn, collation: str) -> TableColumn:
    kind = column.type
    if kind.name not in TEXTS or kind.collation:
        return column
    return replace(column, type=replace(kind, collation=collation))


def create_table(connection: sqlite3.Connection, statement: CreateTable, collation: str) -> None:
    """Make a table.

    :param collation: of texts whose column names none.
    :raises SqlError: 2714 (there is one), 2705 (a column twice), and 50001 for names that would not be safe.
    """
    name, columns = statement.name[-1], [_collated(column, collation) for column in statement.columns]
    if name.startswith(("#", "$", "sqlite_")) or '"' in name or any('"' in column.name for column in columns):
        raise refused(f"a table or column that is named {name}", statement.line)
    if table_id(connection, name):
        raise error(2714, name, line=statement.line, state=6)
    names = [column.name.lower() for column in columns]
    if unknown := [part for part in statement.primary if part.lower() not in names]:
        raise error(207, unknown[0], line=statement.line)
    parts = [_definition(column, statement.primary) for column in columns] + list(statement.rules)
    if statement.primary and not any(part.endswith("PRIMARY KEY") for part in parts):
        parts.append("PRIMARY KEY ({})".format(", ".join(f'"{part}"' for part in statement.primary)))
    connection.execute(f'CREATE TABLE "{name}" ({", ".join(parts)})')
    made = connection.execute(
        'INSERT INTO "$tables" (name, created, filegroup) VALUES (?, ?, ?)', (name, keep(now()), statement.filegroup)
    )
    for position, column in enumerate(columns, 1):
        seed, step = column.identity or (None, None)
        kind, nullable = column.type, column.nullable and column.name.lower() not in map(str.lower, statement.primary)
        more = (seed, step, column.default, kind.collation, column.computed, column.persisted)
        values = (made.lastrowid, position, column.name, kind.name, kind.size, kind.precision, kind.scale, nullable)
        connection.execute('INSERT INTO "$columns" VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?)', (*values, *more))


def drop_table(connection: sqlite3.Connection, name: str) -> bool:
    """Drop a table; False where there is none."""
    found = table_id(connection, name)
    if found is None:
        return False
    connection.execute(f'DROP TABLE "{name}"')
    connection.execute('DELETE FROM "$columns" WHERE table_id = ?', (found,))
    connection.execute('DELETE FROM "$tables" WHERE id = ?', (found,))
    return True
