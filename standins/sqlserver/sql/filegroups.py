"""Filegroups: which tables, and so which pages of SQLite's one file, belong to them."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING

from restoreproof.standins.sqlserver.sql.messages import error, refused

if TYPE_CHECKING:
    from collections.abc import Collection

    from restoreproof.standins.sqlserver.backups import BackupSet

__all__ = ["PRIMARY", "chosen", "group_of", "groups_in", "pages_of"]

PRIMARY = "primary"
_PAGES = """
SELECT s.pageno, t.filegroup FROM dbstat AS s JOIN sqlite_schema AS m ON m.name = s.name
JOIN "$tables" AS t ON t.name = m.tbl_name"""


def pages_of(connection: sqlite3.Connection, groups: Collection[str], pages: int) -> list[int]:
    """The numbers of the pages that belong to these filegroups; those of no table belong to the primary one.

    :raises SqlError: 50001 where SQLite was built without the table that tells.
    """
    try:
        owners = dict(connection.execute(_PAGES).fetchall())
    except sqlite3.OperationalError as problem:
        raise refused(f"backups of filegroups, with an SQLite that has no dbstat ({problem})") from None
    return [number for number in range(1, pages + 1) if owners.get(number, PRIMARY).lower() in groups]


def group_of(connection: sqlite3.Connection, table: str) -> str:
    """The filegroup of a table, in small letters."""
    found = connection.execute('SELECT filegroup FROM "$tables" WHERE name = ?', (table,)).fetchone()
    return str(found[0]).lower() if found else PRIMARY


def groups_in(found: BackupSet) -> set[str]:
    """The filegroups that a backup holds."""
    every = {file.filegroup.lower() for file in found.files if file.kind == "D"}
    named = dict(found.extra).get("groups", "")
    return set(named.split("/")) if named else every


def chosen(parts: Collection[tuple[str, str]], files: Collection[tuple[str, str]], frozen: Collection[str]) -> set[str]:
    """The filegroups that FILE, FILEGROUP and READ_WRITE_FILEGROUPS name; a filegroup has one file here.

    :param files: logical name and filegroup of every data file.
    :raises SqlError: 3235 (no such file), 3027 (no such filegroup).
    """
    of_file = {logical.lower(): group.lower() for logical, group in files}
    found: set[str] = set()
    for word, name in parts:
        if word == "READ_WRITE_FILEGROUPS":
            found |= set(of_file.values()) - set(frozen)
        elif word == "FILE":
            if name.lower() not in of_file:
                raise error(3235, name, "this database")
            found.add(of_file[name.lower()])
        else:
            if name.lower() not in of_file.values():
                raise error(3027, name)
            found.add(name.lower())
    return found
