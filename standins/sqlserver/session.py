"""What the protocol and the engine know of each other: sessions that run batches, and outputs that take what comes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, runtime_checkable

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from threading import Event

__all__ = ["Cancelled", "Column", "Describing", "Engine", "Output", "Parameter", "Session", "SqlError", "SqlType"]


@dataclass(frozen=True)
class SqlType:
    """A T-SQL type.

    :ivar name: as T-SQL spells it, in small letters: ``int``, ``nvarchar``, ``decimal``, ``datetime2``, ...
    :ivar size: characters of nchar and nvarchar, bytes of char, varchar, binary and varbinary; -1 stands for ``max``.
    :ivar precision: digits of decimal; ``scale`` those behind the point, of decimal, time, datetime2, datetimeoffset.
    :ivar collation: of a column's texts; empty for that of the database.
    """

    name: str
    size: int = 0
    precision: int = 0
    scale: int = 0
    collation: str = ""


@dataclass(frozen=True)
class Column:
    """A column of a result: name (may be empty), type, and whether it may hold NULL."""

    name: str
    type: SqlType
    nullable: bool = True


@dataclass(frozen=True)
class Parameter:
    """The value that a client gave a parameter: None, or bool, int, Decimal, float, str, bytes, UUID or of datetime."""

    type: SqlType
    value: object


class SqlError(Exception):
    """An error as the client gets it: number, severity (11 and more), state, line within the batch, and text.

    :ivar ends_session: severity 20 and more, or a login that is refused: the connection ends with it.
    """

    def __init__(self, number: int, text: str, *, severity: int = 16, state: int = 1, line: int = 1) -> None:
        super().__init__(text)
        self.number, self.text, self.severity, self.state, self.line = number, text, severity, state, line

    @property
    def ends_session(self) -> bool:
        """Whether the connection ends with it."""
        return self.severity >= 20  # noqa: PLR2004 - fatal, as documented for RAISERROR


class Cancelled(Exception):  # noqa: N818 - it is the client's wish, and no error
    """The batch ends here because ``cancelled`` was set."""


class Output(Protocol):
    """Takes what a batch gives, in order, from the thread that runs it."""

    def columns(self, columns: Sequence[Column]) -> None:
        """Begin a result."""

    def row(self, values: Sequence[object]) -> None:
        """One row of the result that was begun last; values as in :class:`Parameter`."""

    def done(self, rows: int | None = None) -> None:
        """End a statement: the number of rows it gave or changed, None where none is counted."""

    def info(self, number: int, text: str, *, severity: int = 0, state: int = 1, line: int = 1) -> None:
        """A message that is no error; it goes out at once, so that progress shows while a backup runs."""

    def error(self, error: SqlError) -> None:
        """An error after which the batch may go on, as Msg 3201 before Msg 3013."""


class Session(Protocol):
    """One login. A session runs one batch at a time; all calls, the login among them, come from one thread.

    :ivar database: the current one; the protocol tells the client when it has changed, message 5701 is the engine's.
    """

    id: int
    database: str

    def run(self, text: str, parameters: Mapping[str, Parameter], output: Output, cancelled: Event) -> None:
        """Run a batch to its end; ``cancelled`` is set when the client sends an attention, is killed, or hangs up.

        :param parameters: by name, ``@`` included.
        :raises SqlError: the error that ends the batch.
        :raises Cancelled: ``cancelled`` was set, and the batch has let go of all it held.
        """

    def begin(self) -> None:
        """Begin a transaction, as the driver asks for without autocommit."""

    def commit(self) -> None:
        """Commit it; nothing where none is open."""

    def rollback(self) -> None:
        """Roll it back; nothing where none is open."""

    def close(self) -> None:
        """The client is gone: roll back and let go of everything."""


@runtime_checkable
class Describing(Protocol):
    """A session that knows types of parameters before it gets them, which fast_executemany sends its rows by."""

    def describe(self, text: str) -> Mapping[str, SqlType]:
        """The types of a statement's parameters by name, as far as they are known."""


class Engine(Protocol):
    """Who sessions are opened with."""

    name: str
    version: tuple[int, int, int]
    """Product version as LOGINACK says it: major, minor, build."""

    def login(self, user: str, password: str, database: str, disconnect: Event) -> Session:
        """Open a session; ``disconnect`` is set by the engine when the session was killed and the connection shall end.

        :param database: the one asked for, empty for the login's own.
        :raises SqlError: 18456 for a wrong name or password, 4060 for a database that can't be opened.
        """
