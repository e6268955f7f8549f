"""BACKUP and RESTORE."""

from __future__ import annotations

from typing import TYPE_CHECKING

from restoreproof.standins.sqlserver.sql import statements as st
from restoreproof.standins.sqlserver.sql.lexer import Kind
from restoreproof.standins.sqlserver.sql.messages import refused
from restoreproof.standins.sqlserver.sql.parsing_ddl import parse_backup_certificate

if TYPE_CHECKING:
    from restoreproof.standins.sqlserver.sql.lexer import Cursor
    from restoreproof.standins.sqlserver.sql.statements import Options, Statement, Target, Value

__all__ = ["parse_backup", "parse_restore"]

_DEVICES = ("URL", "DISK", "TAPE")
_LOOKS = ("HEADERONLY", "FILELISTONLY", "LABELONLY", "VERIFYONLY", "REWINDONLY")


def parse_backup(cursor: Cursor, line: int) -> Statement:
    """What comes behind BACKUP."""
    if cursor.accept("CERTIFICATE"):
        return parse_backup_certificate(cursor, line)
    what = cursor.accept_any("DATABASE", "LOG")
    if not what:
        raise refused(f"BACKUP {cursor.now.text}", line)
    database = _name(cursor)
    parts = _parts(cursor)
    cursor.expect("TO")
    devices = _targets(cursor)
    mirrors = []
    while cursor.accept("MIRROR"):
        cursor.expect("TO")
        mirrors.append(_targets(cursor))
    options = _options(cursor, [])
    return st.Backup(line, what, database, devices, tuple(mirrors), options, parts)


def parse_restore(cursor: Cursor, line: int) -> Statement:
    """What comes behind RESTORE."""
    what = cursor.accept_any("DATABASE", "LOG", *_LOOKS)
    if not what:
        raise refused(f"RESTORE {cursor.now.text}", line)
    database: Value = "" if what in _LOOKS else _name(cursor)
    parts = () if what in _LOOKS else _parts(cursor)
    devices = _targets(cursor) if cursor.accept("FROM") else ()
    if not devices and what != "DATABASE":
        raise cursor.wrong()
    moves: list[tuple[Value, Value]] = []
    options = _options(cursor, moves)
    return st.Restore(line, what, database, devices, tuple(moves), options, parts)


def _name(cursor: Cursor) -> Value:
    return st.Variable(cursor.take().text.lower()) if cursor.now.kind is Kind.VARIABLE else cursor.name()


def _value(cursor: Cursor) -> Value:
    token = cursor.kind(Kind.STRING, Kind.NUMBER, Kind.VARIABLE, Kind.WORD, Kind.QUOTED)
    if token.kind is Kind.VARIABLE:
        return st.Variable(token.text.lower())
    if token.kind is Kind.NUMBER:
        if not token.text.isdecimal():
            raise refused(f"{token.text} where a whole number is due", token.line)
        return int(token.text)
    return token.value


def _parts(cursor: Cursor) -> tuple[tuple[str, Value], ...]:
    parts: list[tuple[str, Value]] = []
    while cursor.now.upper in ("FILE", "FILEGROUP", "READ_WRITE_FILEGROUPS"):
        word = cursor.take().upper
        parts.append((word, _value(cursor) if cursor.accept("=") else 1))
        cursor.accept(",")
    return tuple(parts)


def _targets(cursor: Cursor) -> tuple[Target, ...]:
    targets = []
    while True:
        kind = cursor.accept_any(*_DEVICES)
        if kind:
            cursor.expect("=")
            targets.append(st.Target(kind, _value(cursor)))
        else:
            targets.append(st.Target("LOGICAL", _name(cursor)))
        if not cursor.accept(","):
            return tuple(targets)


def _options(cursor: Cursor, moves: list[tuple[Value, Value]]) -> Options:
    options: Options = {}
    if not cursor.accept("WITH"):
        return options
    while True:
        if cursor.accept("MOVE"):
            logical = _value(cursor)
            cursor.expect("TO")
            moves.append((logical, _value(cursor)))
        elif cursor.accept("ENCRYPTION"):
            _encryption(cursor, options)
        else:
            word = cursor.kind(Kind.WORD).upper
            options[word] = _value(cursor) if cursor.accept("=") else 1
        if not cursor.accept(","):
            return options


def _encryption(cursor: Cursor, options: Options) -> None:
    """(ALGORITHM = AES_256, SERVER CERTIFICATE = name)."""
    cursor.expect("(", "ALGORITHM", "=")
    options["ENCRYPTION"] = cursor.name().upper()
    cursor.expect(",", "SERVER")
    if not cursor.accept("CERTIFICATE"):
        raise refused("ENCRYPTION with an asymmetric key", cursor.now.line)
    cursor.expect("=")
    options["CERTIFICATE"] = cursor.name()
    cursor.expect(")")
