"""What a request is answered with, as it comes: the protocol's side of an output."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from restoreproof.standins.sqlserver.session import Cancelled, SqlError
from restoreproof.standins.sqlserver.tds import tokens
from restoreproof.standins.sqlserver.tds.codes import Done, Token
from restoreproof.standins.sqlserver.tds.values import writer

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from threading import Event

    from restoreproof.standins.sqlserver.session import Column, Session, SqlType
    from restoreproof.standins.sqlserver.tds.packets import Packets

__all__ = ["CANCELLED", "Place", "Reply"]

_PIECE = 65_536
_ROW = bytes((Token.ROW,))
CANCELLED = tokens.done(Done.ERROR | Done.MORE) + tokens.done(Done.ATTENTION)
"""How an attention is acknowledged while a request runs: the driver makes HY008 of it, and of the second alone nothing.

Tried out with Microsoft's driver; which of the two SQL Server sends is a guess.
"""


@dataclass
class Place:
    """Where a connection stands.

    :ivar database: the one that the client was last told of.
    :ivar transaction: descriptor of the one that the client has begun, 0 for none.
    """

    server: str
    session: Session
    database: str
    transaction: int = 0

    @property
    def moved(self) -> bool:
        """Whether the client is still to be told of another database."""
        return self.session.database != self.database


class Reply:
    """An :class:`Output` that writes tokens.

    The DONE of a statement is held back until it is known whether anything follows, since it has to say so.
    """

    def __init__(self, packets: Packets, place: Place, cancelled: Event, *, of_calls: bool) -> None:
        self._packets, self._place, self._cancelled, self._of_calls = packets, place, cancelled, of_calls
        self._buffer = bytearray()
        self._writers: list[Callable[[Any], bytes]] = []
        self._held: bytes | None = None
        self._in_result = self._told = self._failed = False

    def columns(self, columns: Sequence[Column]) -> None:
        """Begin a result."""
        self._put(tokens.columns(columns))
        self._writers = [writer(column.type) for column in columns]
        self._in_result, self._told = True, False

    def row(self, values: Sequence[object]) -> None:
        """One row; a value that is not of its column's type is an SqlError."""
        cells = b"".join([write(value) for write, value in zip(self._writers, values, strict=True)])
        self._put(_ROW + cells)

    def done(self, rows: int | None = None) -> None:
        """End a statement; the DONE that went out with its message may have ended it already."""
        ended = self._told and rows is None and not self._failed
        if ended:
            self._check()
        else:
            selected, self._in_result = self._in_result, False
            self._put(b"")
            self._held = tokens.done(self._status(Done.MORE), rows, self._token, selected=selected)
            self._failed = False
        self._told = False

    def info(self, number: int, text: str, *, severity: int = 0, state: int = 1, line: int = 1) -> None:
        """A message, at once; a DONE behind it lets the driver show it before the statement ends.

        Microsoft's driver hands a message on when it sees what comes next, so it is one message late.
        That SQL Server sends a DONE there is a guess, from reports of backups that ended when nobody read further.
        """
        self._put(tokens.info(self._place.server, SqlError(number, text, severity=severity, state=state, line=line)))
        if not self._in_result:
            self._put(tokens.done(self._status(Done.MORE), token=self._token))
            self._told = True
        self._flush()

    def error(self, error: SqlError) -> None:
        """An error after which the batch may go on."""
        self._put(tokens.error(self._place.server, error))
        self._failed, self._told = True, False

    def end_call(self, *, handle: int | None = None, kind: SqlType | None = None) -> None:
        """The end of a remote call, and the number by which its statement can be called again."""
        self._release()
        self._put(tokens.return_status())
        if kind:
            self._put(tokens.return_value("", kind, handle))
        self._held = tokens.done(self._status(Done.MORE), token=Token.DONE_PROCEDURE)

    def change(self, token: bytes) -> None:
        """An ENVCHANGE of the connection's own."""
        self._put(token)

    def ending(self, error: SqlError | None) -> bytes:
        """What is still to be sent when the request has come to its end, or to an error."""
        if error:
            self._release()
            self._buffer += tokens.error(self._place.server, error)
            self._failed = True
        self._tell_database()
        if self._held is None or self._failed:
            self._release()
            self._held = tokens.done(self._status(Done.MORE), token=self._last_token)
        last = bytearray(self._held)
        last[1] &= ~Done.MORE
        return bytes(self._buffer + last)

    @property
    def _token(self) -> Token:
        return Token.DONE_IN_PROCEDURE if self._of_calls else Token.DONE

    @property
    def _last_token(self) -> Token:
        return Token.DONE_PROCEDURE if self._of_calls else Token.DONE

    def _status(self, more: Done) -> Done:
        failed = Done.ERROR if self._failed else Done.FINAL
        return more | failed | (Done.IN_TRANSACTION if self._place.transaction else Done.FINAL)

    def _put(self, data: bytes) -> None:
        self._check()
        self._release()
        if not self._in_result:
            self._tell_database()
        self._buffer += data
        if len(self._buffer) >= _PIECE:
            self._flush()

    def _check(self) -> None:
        if self._cancelled.is_set():
            raise Cancelled

    def _release(self) -> None:
        self._buffer += self._held or b""
        self._held = None

    def _tell_database(self) -> None:
        if self._place.moved:
            self._release()
            new, old = self._place.session.database, self._place.database
            self._buffer += tokens.database_changed(new, old)
            self._place.database = new

    def _flush(self) -> None:
        data = bytes(self._buffer)
        self._buffer.clear()
        try:
            self._packets.send(data, last=False)
        except OSError:  # nobody is there any more; an OSError of ours would pass for one of the engine's own
            raise Cancelled from None
