"""CREATE, ALTER and DROP."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from restoreproof.standins.sqlserver.session import SqlType
from restoreproof.standins.sqlserver.sql import statements as st
from restoreproof.standins.sqlserver.sql.lexer import Kind
from restoreproof.standins.sqlserver.sql.messages import error, refused

if TYPE_CHECKING:
    from restoreproof.standins.sqlserver.sql.lexer import Cursor
    from restoreproof.standins.sqlserver.sql.statements import Statement

__all__ = ["parse_alter", "parse_create", "parse_drop", "parse_type"]

_PLAIN_LISTED = """
    bigint bit date datetime float int money real smalldatetime smallint smallmoney tinyint uniqueidentifier
"""
_PLAIN = frozenset(_PLAIN_LISTED.split())
_SIZED = {"char": 8000, "nchar": 4000, "varchar": 8000, "nvarchar": 4000, "binary": 8000, "varbinary": 8000}
_SCALED = frozenset(("datetime2", "datetimeoffset", "time"))
_ALIASES = {"numeric": "decimal", "dec": "decimal", "integer": "int", "sysname": "nvarchar", "character": "char"}


def parse_type(cursor: Cursor) -> SqlType:
    """A type as T-SQL writes it.

    :raises SqlError: 2715 for one that the stand-in does not know.
    """
    written = cursor.name().lower()
    name = _ALIASES.get(written, written)
    numbers = _numbers(cursor)
    if name in _PLAIN:
        return SqlType(name)
    if name in _SIZED:
        size = numbers[0] if numbers else 128 if written == "sysname" else 1
        if not (0 < size <= _SIZED[name] or (size == -1 and name.startswith(("var", "nvar")))):
            raise error(2715, f"{name}({size})")
        return SqlType(name, size=size)
    if name == "decimal":
        return SqlType(name, precision=numbers[0] if numbers else 18, scale=numbers[1] if len(numbers) > 1 else 0)
    if name in _SCALED:
        return SqlType(name, scale=numbers[0] if numbers else 7)
    raise error(2715, written)


def _numbers(cursor: Cursor) -> list[int]:
    """What stands in brackets behind a type; -1 for MAX."""
    numbers: list[int] = []
    if cursor.accept("("):
        while True:
            numbers.append(-1 if cursor.accept("MAX") else _number(cursor))
            if not cursor.accept(","):
                break
        cursor.expect(")")
    return numbers


def _number(cursor: Cursor) -> int:
    negative = cursor.accept("-")
    text = cursor.kind(Kind.NUMBER).text
    if not text.isdecimal():
        raise refused(f"{text} where a whole number is due", cursor.now.line)
    return -int(text) if negative else int(text)


def parse_create(cursor: Cursor, line: int) -> Statement:
    """What comes behind CREATE."""
    if cursor.accept("TABLE"):
        return _table(cursor, line)
    if cursor.accept("DATABASE", "ENCRYPTION", "KEY"):
        return _database_key(cursor, line)
    if cursor.accept("DATABASE"):
        return _database(cursor, line)
    if cursor.accept("CREDENTIAL"):
        return _credential(cursor, line, "CREATE")
    if cursor.accept("CERTIFICATE"):
        return _certificate(cursor, line)
    if cursor.accept("MASTER", "KEY"):
        cursor.expect("ENCRYPTION", "BY", "PASSWORD", "=")
        cursor.kind(Kind.STRING)
        return st.CreateCertificate(line, "")
    raise refused(f"CREATE {cursor.now.text}", line)


def _database(cursor: Cursor, line: int) -> Statement:
    name = cursor.name()
    files: list[tuple[str, str]] = []
    if cursor.accept("ON"):
        cursor.accept("PRIMARY")
        files.append(_file(cursor))
        if cursor.sees(","):
            raise refused("CREATE DATABASE with more than one data file", line)
    if cursor.accept("LOG", "ON"):
        files.append(_file(cursor))
    collation = _collation(cursor) if cursor.accept("COLLATE") else ""
    return st.CreateDatabase(line, name, tuple(files), collation)


def _collation(cursor: Cursor) -> str:
    """The name of a collation; the stand-in tells no two languages apart.

    :raises SqlError: 50001 for other languages than those of Latin1_General.
    """
    name = cursor.name()
    if not re.fullmatch(r"(SQL_)?Latin1_General_\w+", name, re.IGNORECASE):
        raise refused(f"the collation {name}", cursor.now.line)
    return name


def _file(cursor: Cursor) -> tuple[str, str]:
    """(NAME = x, FILENAME = 'y', SIZE = ...)."""
    found = {"NAME": "", "FILENAME": ""}
    cursor.expect("(")
    while True:
        key = cursor.name().upper()
        cursor.expect("=")
        value = cursor.kind(Kind.WORD, Kind.QUOTED, Kind.STRING, Kind.NUMBER).value
        cursor.accept_any("KB", "MB", "GB", "%")
        found[key] = value
        if not cursor.accept(","):
            break
    cursor.expect(")")
    return found["NAME"], found["FILENAME"]


def _credential(cursor: Cursor, line: int, word: str) -> Statement:
    name = cursor.name()
    cursor.expect("WITH", "IDENTITY", "=")
    identity, secret = cursor.kind(Kind.STRING).value, ""
    if cursor.accept(","):
        cursor.expect("SECRET", "=")
        secret = cursor.kind(Kind.STRING).value
    if cursor.sees("FOR"):
        raise refused("CREATE CREDENTIAL FOR CRYPTOGRAPHIC PROVIDER", line)
    return st.MakeCredential(line, word, name, identity, secret)


def _certificate(cursor: Cursor, line: int) -> Statement:
    name = cursor.name()
    if cursor.accept("WITH", "SUBJECT", "="):
        subject = cursor.kind(Kind.STRING).value
        while cursor.accept(","):
            cursor.accept_any("START_DATE", "EXPIRY_DATE")
            cursor.expect("=")
            cursor.kind(Kind.STRING)
        return st.CreateCertificate(line, name, subject=subject)
    cursor.expect("FROM", "FILE", "=")
    file = cursor.kind(Kind.STRING).value
    key_file, password = _private_key(cursor, "DECRYPTION")
    return st.CreateCertificate(line, name, "", file, key_file, password)


def _database_key(cursor: Cursor, line: int) -> Statement:
    """WITH ALGORITHM = AES_256 ENCRYPTION BY SERVER CERTIFICATE name."""
    cursor.expect("WITH", "ALGORITHM", "=")
    if cursor.name().upper() not in ("AES_128", "AES_192", "AES_256", "TRIPLE_DES_3KEY"):
        raise cursor.wrong()
    cursor.expect("ENCRYPTION", "BY", "SERVER", "CERTIFICATE")
    return st.CreateDatabaseKey(line, cursor.name())


def _private_key(cursor: Cursor, word: str) -> tuple[str, str]:
    """WITH PRIVATE KEY (FILE = '...', ... BY PASSWORD = '...')."""
    cursor.expect("WITH", "PRIVATE", "KEY", "(")
    file = password = ""
    while True:
        if cursor.accept("FILE", "="):
            file = cursor.kind(Kind.STRING).value
        else:
            cursor.expect(word, "BY", "PASSWORD", "=")
            password = cursor.kind(Kind.STRING).value
        if not cursor.accept(","):
            break
    cursor.expect(")")
    return file, password


def parse_backup_certificate(cursor: Cursor, line: int) -> Statement:
    """What comes behind BACKUP CERTIFICATE."""
    name = cursor.name()
    cursor.expect("TO", "FILE", "=")
    file = cursor.kind(Kind.STRING).value
    key_file, password = _private_key(cursor, "ENCRYPTION")
    return st.BackupCertificate(line, name, file, key_file, password)


def _table(cursor: Cursor, line: int) -> Statement:
    name = tuple(cursor.dotted())
    cursor.expect("(")
    columns: list[st.TableColumn] = []
    primary: tuple[str, ...] = ()
    rules: list[str] = []
    while not cursor.sees(")"):
        if cursor.accept("CONSTRAINT"):
            cursor.name()
        if cursor.now.upper in ("PRIMARY", "UNIQUE", "CHECK", "FOREIGN"):
            word, names, rule = _constraint(cursor)
            primary, rules = (names, rules) if word == "PRIMARY" else (primary, [*rules, rule])
        else:
            columns.append(_column(cursor, line))
        if not cursor.accept(","):
            break
    cursor.expect(")")
    filegroup = cursor.name() if cursor.accept("ON") else "PRIMARY"
    memory = False
    if cursor.accept("WITH"):
        start = cursor.at
        cursor.skip_brackets()
        memory = "MEMORY_OPTIMIZED" in cursor.source(start).upper()
    inline = tuple(column.name for column in columns if column.primary)
    return st.CreateTable(line, name, tuple(columns), primary or inline, tuple(rules), filegroup, memory=memory)


def _constraint(cursor: Cursor) -> tuple[str, tuple[str, ...], str]:
    """A rule of a table: the word, the columns of a key, and how SQLite writes it."""
    word = cursor.take().upper
    if word == "CHECK":
        return word, (), f"CHECK {_bracket(cursor)}"
    cursor.accept("KEY")
    cursor.accept_any("CLUSTERED", "NONCLUSTERED")
    names = _names(cursor)
    listed = ", ".join(f'"{name}"' for name in names)
    if word == "FOREIGN":
        cursor.expect("REFERENCES")
        other = cursor.dotted()[-1]
        targets = ", ".join(f'"{name}"' for name in _names(cursor))
        return word, names, f'FOREIGN KEY ({listed}) REFERENCES "{other}" ({targets})'
    return word, names, f"UNIQUE ({listed})"


def _names(cursor: Cursor) -> tuple[str, ...]:
    cursor.expect("(")
    names = []
    while True:
        names.append(cursor.name())
        if cursor.accept_any("ASC", "DESC") == "DESC":
            raise refused("a key that is DESC", cursor.now.line)
        if not cursor.accept(","):
            break
    cursor.expect(")")
    return tuple(names)


def _bracket(cursor: Cursor) -> str:
    start = cursor.at
    cursor.skip_brackets()
    return re.sub(r"\bN'", "'", cursor.source(start))


def _column(cursor: Cursor, line: int) -> st.TableColumn:
    name = cursor.name()
    if cursor.accept("AS"):
        start = cursor.at
        cursor.skip_brackets()
        text = cursor.source(start)
        if not re.fullmatch(r"[\w\s+*/()-]+", text):
            raise refused(f"a computed column that is {text}", line)
        return st.TableColumn(name, SqlType("int"), computed=text, persisted=cursor.accept("PERSISTED"))
    kind = parse_type(cursor)
    found: dict[str, object] = {}
    rules: list[str] = []
    while not cursor.sees(",") and not cursor.sees(")"):
        _column_rule(cursor, found, rules)
    kind = replace(kind, collation=str(found.pop("collation", "")))
    return st.TableColumn(name, kind, rules=tuple(rules), **found)  # type: ignore[arg-type]  # the fields of the class


def _column_rule(cursor: Cursor, found: dict[str, object], rules: list[str]) -> None:  # noqa: C901 - one per clause
    if cursor.accept("CONSTRAINT"):
        cursor.name()
    if cursor.accept("IDENTITY"):
        seed = _numbers(cursor) or [1, 1]
        found["identity"], found["nullable"] = (seed[0], seed[1] if len(seed) > 1 else 1), False
    elif cursor.accept("NOT", "NULL"):
        found["nullable"] = False
    elif cursor.accept("PRIMARY", "KEY"):
        cursor.accept_any("CLUSTERED", "NONCLUSTERED")
        found["primary"], found["nullable"] = True, False
    elif cursor.accept("UNIQUE"):
        rules.append("UNIQUE")
    elif cursor.accept("COLLATE"):
        found["collation"] = _collation(cursor)
    elif cursor.accept("FILESTREAM"):
        found["filestream"] = True
    elif cursor.accept("CHECK"):
        rules.append(f"CHECK {_bracket(cursor)}")
    elif cursor.accept("DEFAULT"):
        found["default"] = _default(cursor)
    elif cursor.accept("REFERENCES"):
        other = cursor.dotted()[-1]
        rules.append(f'REFERENCES "{other}" ("{_names(cursor)[0]}")')
    elif not cursor.accept_any("NULL", "ROWGUIDCOL"):
        raise cursor.wrong()


def _default(cursor: Cursor) -> str:
    """An expression in brackets, a literal, or a call."""
    start = cursor.at
    if cursor.sees("("):
        cursor.skip_brackets()
    else:
        cursor.accept("-")
        cursor.take()
        if cursor.sees("("):
            cursor.skip_brackets()
    return cursor.source(start)


def parse_alter(cursor: Cursor, line: int) -> Statement:
    """What comes behind ALTER."""
    if cursor.accept("CREDENTIAL"):
        return _credential(cursor, line, "ALTER")
    if not cursor.accept("DATABASE"):
        raise refused(f"ALTER {cursor.now.text}", line)
    name = cursor.name()
    if cursor.accept("ADD") or cursor.accept("MODIFY", "FILEGROUP"):
        return _filegroup(cursor, line, name)
    if not cursor.accept("SET"):
        raise refused(f"ALTER DATABASE {cursor.now.text}", line)
    option = cursor.name().upper()
    value = ""
    if option == "SUSPEND_FOR_SNAPSHOT_BACKUP":
        cursor.expect("=")
        value = cursor.name().upper()
    elif option in ("RECOVERY", "PAGE_VERIFY", "TRUSTWORTHY", "AUTO_CLOSE", "AUTO_SHRINK", "ENCRYPTION"):
        value = cursor.name().upper()
    elif option not in ("OFFLINE", "ONLINE", "SINGLE_USER", "MULTI_USER", "RESTRICTED_USER", "READ_ONLY", "READ_WRITE"):
        raise refused(f"ALTER DATABASE SET {option}", line)
    if cursor.accept("WITH"):
        if cursor.accept("ROLLBACK"):
            cursor.expect("IMMEDIATE")
            value = value or "IMMEDIATE"
        else:
            cursor.expect("NO_WAIT")
    return st.AlterDatabase(line, name, option, value)


def _filegroup(cursor: Cursor, line: int, database: str) -> Statement:
    """ADD FILEGROUP, ADD FILE or MODIFY FILEGROUP."""
    if cursor.accept("FILEGROUP"):
        group = cursor.name()
        kind = ""
        if cursor.accept("CONTAINS"):
            kind = cursor.accept_any("MEMORY_OPTIMIZED_DATA", "FILESTREAM")
            if not kind:
                raise refused(f"a filegroup that contains {cursor.now.text}", line)
        return st.AlterDatabase(line, database, f"ADD FILEGROUP {kind}".strip(), group)
    if cursor.accept("FILE"):
        logical, physical = _file(cursor)
        cursor.expect("TO", "FILEGROUP")
        return st.AddFile(line, database, logical, physical, cursor.name())
    group = cursor.name()
    word = cursor.accept_any("READ_ONLY", "READ_WRITE")
    if not word:
        raise refused(f"MODIFY FILEGROUP {cursor.now.text}", line)
    return st.AlterDatabase(line, database, f"MODIFY FILEGROUP {word}", group)


def parse_drop(cursor: Cursor, line: int) -> Statement:
    """What comes behind DROP."""
    if cursor.accept("MASTER", "KEY"):
        return st.Drop(line, "MASTER KEY", ())
    kind = cursor.accept_any("DATABASE", "TABLE", "CREDENTIAL", "CERTIFICATE")
    if not kind:
        raise refused(f"DROP {cursor.now.text}", line)
    if_exists = cursor.accept("IF", "EXISTS")
    names = [tuple(cursor.dotted())]
    while cursor.accept(","):
        names.append(tuple(cursor.dotted()))
    return st.Drop(line, kind, tuple(names), if_exists)
