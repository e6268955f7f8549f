"""What the parser makes of T-SQL: one frozen value per statement."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from restoreproof.standins.sqlserver.session import SqlType

__all__ = [
    "AddFile",
    "AlterDatabase",
    "Backup",
    "BackupCertificate",
    "Block",
    "CheckDatabase",
    "Control",
    "CreateCertificate",
    "CreateDatabase",
    "CreateTable",
    "Declare",
    "Drop",
    "Execute",
    "ForgetBackups",
    "If",
    "Kill",
    "MakeCredential",
    "Options",
    "Print",
    "Query",
    "RaiseError",
    "Restore",
    "SetOption",
    "SetVariable",
    "Statement",
    "TableColumn",
    "Target",
    "Throw",
    "Transaction",
    "TryCatch",
    "Use",
    "Value",
    "Variable",
    "WaitFor",
    "While",
]


@dataclass(frozen=True)
class Statement:
    """Any statement; ``line`` is where it begins within the batch."""

    line: int


@dataclass(frozen=True)
class Block(Statement):
    """BEGIN ... END."""

    body: tuple[Statement, ...]


@dataclass(frozen=True)
class If(Statement):
    """IF condition then [ELSE otherwise]; the condition is text."""

    condition: str
    then: Statement
    otherwise: Statement | None


@dataclass(frozen=True)
class While(Statement):
    """WHILE condition body."""

    condition: str
    body: Statement


@dataclass(frozen=True)
class Control(Statement):
    """BREAK, CONTINUE or RETURN."""

    word: str


@dataclass(frozen=True)
class TryCatch(Statement):
    """BEGIN TRY ... END TRY BEGIN CATCH ... END CATCH."""

    body: tuple[Statement, ...]
    handler: tuple[Statement, ...]


@dataclass(frozen=True)
class Declare(Statement):
    """DECLARE of one variable; ``value`` is an expression or empty."""

    name: str
    type: SqlType
    value: str


@dataclass(frozen=True)
class SetVariable(Statement):
    """SET @name = expression."""

    name: str
    value: str


@dataclass(frozen=True)
class Print(Statement):
    """PRINT expression."""

    value: str


@dataclass(frozen=True)
class RaiseError(Statement):
    """RAISERROR(message, severity, state, ...): expressions; ``logged`` is WITH LOG."""

    values: tuple[str, ...]
    logged: bool = False


@dataclass(frozen=True)
class Throw(Statement):
    """THROW number, message, state: expressions, or none of them."""

    values: tuple[str, ...]


@dataclass(frozen=True)
class WaitFor(Statement):
    """WAITFOR DELAY: an expression."""

    delay: str


@dataclass(frozen=True)
class Use(Statement):
    """USE database."""

    database: str


@dataclass(frozen=True)
class Kill(Statement):
    """KILL session."""

    session: int


@dataclass(frozen=True)
class Execute(Statement):
    """EXEC of a text, or sp_executesql with its definitions and arguments (name, expression)."""

    text: str
    definitions: str = ""
    arguments: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class ReadErrorLog(Statement):
    """EXEC sp_readerrorlog: its arguments in order, which are expressions."""

    arguments: tuple[str, ...] = ()


@dataclass(frozen=True)
class ForgetBackups(Statement):
    """EXEC sp_delete_database_backuphistory: an expression."""

    database: str


@dataclass(frozen=True)
class Transaction(Statement):
    """BEGIN, COMMIT or ROLLBACK; ``mark`` is the name of a transaction that is marked in the log."""

    word: str
    mark: str = ""


@dataclass(frozen=True)
class SetOption(Statement):
    """SET of a session option, as NOCOUNT or IDENTITY_INSERT, or CHECKPOINT."""

    word: str
    value: str = ""


@dataclass(frozen=True)
class Query(Statement):
    """SELECT, INSERT, UPDATE, DELETE or TRUNCATE, as text."""

    text: str


@dataclass(frozen=True)
class CreateDatabase(Statement):
    """CREATE DATABASE; ``files`` are logical and physical names, data first."""

    name: str
    files: tuple[tuple[str, str], ...] = ()
    collation: str = ""


@dataclass(frozen=True)
class AlterDatabase(Statement):
    """ALTER DATABASE name SET option [value], ADD FILEGROUP value, or MODIFY FILEGROUP value READ_ONLY."""

    name: str
    option: str
    value: str = ""


@dataclass(frozen=True)
class AddFile(Statement):
    """ALTER DATABASE name ADD FILE (NAME = logical, FILENAME = 'physical') TO FILEGROUP filegroup."""

    name: str
    logical: str
    physical: str
    filegroup: str


@dataclass(frozen=True)
class Drop(Statement):
    """DROP of a database, table, credential, certificate, index or master key."""

    kind: str
    names: tuple[tuple[str, ...], ...]
    if_exists: bool = False


@dataclass(frozen=True)
class TableColumn:
    """A column of CREATE TABLE; ``rules`` is what SQLite is told besides the type.

    :ivar computed: the expression of a computed column.
    :ivar filestream: it is kept in a folder, for which the stand-in asks and which it does not use.
    """

    name: str
    type: SqlType
    nullable: bool = True
    identity: tuple[int, int] | None = None
    primary: bool = False
    default: str = ""
    computed: str = ""
    persisted: bool = False
    filestream: bool = False
    rules: tuple[str, ...] = ()


@dataclass(frozen=True)
class CreateTable(Statement):
    """CREATE TABLE with its columns, its key, and further rules as SQLite spells them."""

    name: tuple[str, ...]
    columns: tuple[TableColumn, ...]
    primary: tuple[str, ...] = ()
    rules: tuple[str, ...] = ()
    filegroup: str = "PRIMARY"
    memory: bool = False


@dataclass(frozen=True)
class MakeCredential(Statement):
    """CREATE or ALTER CREDENTIAL."""

    word: str
    name: str
    identity: str
    secret: str = field(repr=False)


@dataclass(frozen=True)
class CreateCertificate(Statement):
    """CREATE CERTIFICATE with a subject, or FROM FILE with its private key."""

    name: str
    subject: str = ""
    file: str = ""
    key_file: str = ""
    password: str = field(default="", repr=False)


@dataclass(frozen=True)
class CreateDatabaseKey(Statement):
    """CREATE DATABASE ENCRYPTION KEY, in the database in use."""

    certificate: str


@dataclass(frozen=True)
class BackupCertificate(Statement):
    """BACKUP CERTIFICATE TO FILE with its private key."""

    name: str
    file: str
    key_file: str
    password: str = field(repr=False)


@dataclass(frozen=True)
class CheckDatabase(Statement):
    """DBCC CHECKDB; no name stands for the current database."""

    name: str
    quiet: bool


@dataclass(frozen=True)
class Variable:
    """A variable where BACKUP and RESTORE take a name, a device or a value."""

    name: str


Value: TypeAlias = str | int | Variable
Options: TypeAlias = dict[str, Value]
"""WITH options by name in capitals; one without value is empty."""


@dataclass(frozen=True)
class Target:
    """A backup device: ``kind`` is URL, DISK or TAPE."""

    kind: str
    where: Value


@dataclass(frozen=True)
class Backup(Statement):
    """BACKUP DATABASE or LOG; ``parts`` are FILE, FILEGROUP or READ_WRITE_FILEGROUPS that were named."""

    what: str
    database: Value
    devices: tuple[Target, ...]
    mirrors: tuple[tuple[Target, ...], ...]
    options: Options
    parts: tuple[tuple[str, Value], ...] = ()


@dataclass(frozen=True)
class Restore(Statement):
    """RESTORE DATABASE, LOG, HEADERONLY, FILELISTONLY, LABELONLY or VERIFYONLY; ``moves`` are logical, physical."""

    what: str
    database: Value
    devices: tuple[Target, ...]
    moves: tuple[tuple[Value, Value], ...]
    options: Options
    parts: tuple[tuple[str, Value], ...] = ()
