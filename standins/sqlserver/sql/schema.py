"""CREATE TABLE, DROP, ALTER DATABASE and DBCC CHECKDB."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING

from restoreproof.standins.sqlserver.session import SqlError
from restoreproof.standins.sqlserver.sql import tables
from restoreproof.standins.sqlserver.sql.certificates import drop_certificate, encrypt_database
from restoreproof.standins.sqlserver.sql.credentials import drop_credential
from restoreproof.standins.sqlserver.sql.database import DatabaseFile
from restoreproof.standins.sqlserver.sql.filegroups import group_of
from restoreproof.standins.sqlserver.sql.messages import error, refused

if TYPE_CHECKING:
    from restoreproof.standins.sqlserver.sql.database import Database
    from restoreproof.standins.sqlserver.sql.running import StandinSession
    from restoreproof.standins.sqlserver.sql.statements import AddFile, AlterDatabase, CheckDatabase, CreateTable, Drop

__all__ = ["add_file", "alter_database", "check", "create_table", "drop"]

_SYSTEM = ("master", "tempdb", "model", "msdb")


def _owner(session: StandinSession, name: tuple[str, ...], line: int) -> Database:
    """The database of a name of up to three parts; the schema must be dbo."""
    if len(name) > 1 and name[-2].lower() not in ("", "dbo"):
        raise refused(f"the schema {name[-2]}", line)
    named = name[-3] if len(name) > 2 else ""  # noqa: PLR2004 - database, schema, name
    return session.instance.usable(named or session.database, session.id, line)


def create_table(session: StandinSession, statement: CreateTable) -> None:
    """CREATE TABLE."""
    owner = _owner(session, statement.name, statement.line)
    if statement.filegroup.lower() not in owner.groups:
        raise error(1921, statement.filegroup, line=statement.line)
    kinds = {owner.folders[file.filegroup.lower()][1] for file in owner.files if file.kind == "S"}
    if statement.memory and "MEMORY_OPTIMIZED_DATA" not in kinds:
        raise error(41337, line=statement.line)
    if any(column.filestream for column in statement.columns) and "FILESTREAM" not in kinds:
        raise error(1969, line=statement.line)

    def make(connection: sqlite3.Connection) -> int:
        tables.create_table(connection, statement, owner.collation)
        return 0

    session.workspace.write(owner, make, statement.line)


def drop(session: StandinSession, statement: Drop) -> None:
    """DROP of anything."""
    if statement.kind == "MASTER KEY":
        session.instance.master_key = False
    for name in statement.names:
        if statement.kind == "DATABASE":
            _drop_database(session, name[-1], statement)
        elif statement.kind == "TABLE":
            _drop_table(session, name, statement)
        elif statement.kind == "CREDENTIAL":
            drop_credential(session.instance, name[-1], statement.line)
        else:
            drop_certificate(session.instance, name[-1], statement.line)


def _drop_table(session: StandinSession, name: tuple[str, ...], statement: Drop) -> None:
    owner = _owner(session, name, statement.line)
    found = session.workspace.write(owner, lambda connection: tables.drop_table(connection, name[-1]), statement.line)
    owner.identities.pop(name[-1].lower(), None)
    if not found and not statement.if_exists:
        raise error(3701, "table", name[-1], line=statement.line, state=5)


def _drop_database(session: StandinSession, name: str, statement: Drop) -> None:
    """DROP DATABASE.

    :raises SqlError: 3701 (there is none), 3702 (in use).
    """
    found = session.instance.databases.get(name.lower())
    if not found:
        if statement.if_exists:
            return
        raise error(3701, "database", name, line=statement.line, state=1)
    if found.name in _SYSTEM:
        raise error(15151, "drop", "database", name, line=statement.line)
    if session.instance.users_of(found) or found.single_user not in (None, session.id) or found.busy:
        raise error(3702, found.name, line=statement.line, state=4)
    session.instance.forget(found)


def alter_database(session: StandinSession, statement: AlterDatabase) -> None:
    """ALTER DATABASE SET."""
    name = session.database if statement.name.upper() == "CURRENT" else statement.name
    found = session.instance.find(name, statement.line)
    option, value = statement.option, statement.value
    if option in ("SUSPEND_FOR_SNAPSHOT_BACKUP", "ENCRYPTION") or "FILEGROUP" in option:
        _change_files(session, found, statement)
        return
    if (
        option in ("OFFLINE", "SINGLE_USER", "RESTRICTED_USER", "READ_ONLY", "READ_WRITE")
        and found.state != "RESTORING"
    ):
        _clear(session, found, statement)
    if option == "RECOVERY":
        _recovery(found, value, statement.line)
    elif option == "SINGLE_USER":
        found.single_user = session.id
    elif option == "MULTI_USER":
        found.single_user = None
    elif option in ("READ_ONLY", "READ_WRITE"):
        found.read_only = option == "READ_ONLY"
    elif found.state == "RESTORING":
        raise error(927, found.name, line=statement.line)
    elif option == "OFFLINE" and found.state == "ONLINE":
        found.state = "OFFLINE"
        found.close()
    elif option == "ONLINE" and found.state == "OFFLINE":
        found.start()
        found.state = "ONLINE"


def _change_files(session: StandinSession, found: Database, statement: AlterDatabase) -> None:
    """ADD or MODIFY FILEGROUP, or SET SUSPEND_FOR_SNAPSHOT_BACKUP or ENCRYPTION."""
    option, group, line = statement.option, statement.value, statement.line
    if option == "SUSPEND_FOR_SNAPSHOT_BACKUP":
        found.suspend(session.cancelled) if group == "ON" else found.resume()
    elif option == "ENCRYPTION":
        encrypt_database(found, statement)
    elif option.startswith("ADD FILEGROUP "):
        found.folders[group.lower()] = (group, option.rpartition(" ")[2])
    elif option == "ADD FILEGROUP":
        found.groups[group.lower()] = group
    elif group.lower() not in found.groups:
        raise error(1921, group, line=line)
    elif option.endswith("READ_ONLY"):
        found.frozen.add(group.lower())
    else:
        found.frozen.discard(group.lower())


def add_file(session: StandinSession, statement: AddFile) -> None:
    """ALTER DATABASE ADD FILE. A filegroup of the stand-in has one file, and the log stays the last of all."""
    found = session.instance.find(statement.name, statement.line)
    folder = found.folders.get(statement.filegroup.lower())
    if not folder and statement.filegroup.lower() not in found.groups:
        raise error(1921, statement.filegroup, line=statement.line)
    if any(file.logical.lower() == statement.logical.lower() for file in found.files):
        raise error(1828, statement.logical, line=statement.line)
    if any(file.kind == "D" and file.filegroup.lower() == statement.filegroup.lower() for file in found.files):
        raise refused("a second file of a filegroup", statement.line)
    group = folder[0] if folder else found.groups[statement.filegroup.lower()]
    made = DatabaseFile(statement.logical, statement.physical, "S" if folder else "D", group)
    session.instance.refuse_clash([made], found.name)
    found.files.insert(-1, made)


def _clear(session: StandinSession, found: Database, statement: AlterDatabase) -> None:
    """See that nobody else uses a database: with ROLLBACK IMMEDIATE their sessions end."""
    others = session.instance.users_of(found, besides=session.id)
    if others and statement.value != "IMMEDIATE":
        raise error(3101, line=statement.line) if statement.option == "OFFLINE" else error(924, found.name)
    for facts in others:
        facts.kill()


def _recovery(found: Database, value: str, line: int) -> None:
    """SET RECOVERY: SIMPLE ends the log chain, as documented."""
    if value not in ("FULL", "SIMPLE", "BULK_LOGGED"):
        raise refused(f"SET RECOVERY {value}", line)
    found.recovery = value
    if value == "SIMPLE":
        found.end_chain()


def _integrity(connection: sqlite3.Connection, missing: set[str]) -> list[str]:
    """What is wrong with the pages; of filegroups that were not restored nothing is looked at."""
    if not missing:
        return [row[0] for row in connection.execute("PRAGMA integrity_check(100)")]
    names = [row[0] for row in connection.execute('SELECT name FROM "$tables"')]
    checks = [f'PRAGMA integrity_check("{name}")' for name in names if group_of(connection, name) not in missing]
    found = [row[0] for check in checks for row in connection.execute(check)]
    return [text for text in found if text != "ok"] or ["ok"]


def check(session: StandinSession, statement: CheckDatabase) -> None:
    """DBCC CHECKDB: the structure is checked page by page, by SQLite.

    Numbers are SQL Server's, texts shortened: 8939 for what is damaged, 8989 and 2528 at the end.
    """
    owner = session.instance.usable(statement.name or session.database, session.id, statement.line)
    try:
        connection = owner.connect()
        try:
            rows = _integrity(connection, owner.missing)
        finally:
            connection.close()
    except sqlite3.DatabaseError as found:
        rows = [str(found)]
    problems = [] if rows == ["ok"] else rows
    if not statement.quiet or problems:
        text = f"CHECKDB found 0 allocation errors and {len(problems)} consistency errors in database '{owner.name}'."
        session.output.info(8989, text, severity=10, line=statement.line)
        ending = "DBCC execution completed. If DBCC printed error messages, contact your system administrator."
        session.output.info(2528, ending, severity=10, line=statement.line)
    if problems:
        raise SqlError(8939, f"Table error: {problems[0]}", line=statement.line, state=98)
