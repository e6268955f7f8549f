"""What a system view is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from restoreproof.standins.sqlserver.sql.lexer import Cursor
from restoreproof.standins.sqlserver.sql.parsing_ddl import parse_type

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Iterable

    from restoreproof.standins.sqlserver.session import SqlType
    from restoreproof.standins.sqlserver.sql.instance import Instance

__all__ = ["Looker", "View", "columns"]


class Looker(Protocol):
    """Who looks at a view: a session, with the database it uses."""

    instance: Instance
    database: str

    def connection(self, database: str = "") -> sqlite3.Connection:
        """Its connection to a database, its own where none is named."""


@dataclass(frozen=True)
class View:
    """Columns by name, and what makes the rows, in values of Python or as they are kept."""

    columns: dict[str, SqlType]
    rows: Callable[[Looker], Iterable[tuple[Any, ...]]]


def columns(text: str) -> dict[str, SqlType]:
    """Columns as CREATE TABLE writes them."""
    cursor, found = Cursor(text), {}
    while not cursor.ended:
        name = cursor.name()
        found[name] = parse_type(cursor)
        cursor.accept(",")
    return found
