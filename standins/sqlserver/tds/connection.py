"""One client, from its first byte to its last."""

from __future__ import annotations

from itertools import count
from pathlib import PurePath
from queue import SimpleQueue
from threading import Event, Lock, Thread
from typing import TYPE_CHECKING

from restoreproof.standins.sqlserver.session import Cancelled, Describing, SqlError
from restoreproof.standins.sqlserver.tds import tokens
from restoreproof.standins.sqlserver.tds.calls import Procedures, read_calls
from restoreproof.standins.sqlserver.tds.codes import Change, Done, Encryption, Kind, Status
from restoreproof.standins.sqlserver.tds.login import (
    TDS_7_4,
    TDS_8_0,
    Login,
    agreed,
    prelogin_answer,
    read_login,
    read_prelogin,
)
from restoreproof.standins.sqlserver.tds.packets import DEFAULT_PACKET, Message, Packets
from restoreproof.standins.sqlserver.tds.reading import Malformed, Reader
from restoreproof.standins.sqlserver.tds.reply import CANCELLED, Place, Reply
from restoreproof.standins.sqlserver.tds.stream import Stream

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Mapping

    from restoreproof.standins.sqlserver.session import Engine, Parameter, Session, SqlType
    from restoreproof.standins.sqlserver.tds.server import Terms

__all__ = ["Connection"]

_TLS_RECORD = 0x16
_LARGEST_LOGIN = 128 * 1024
"""Bytes that LOGIN7 may have: MS-TDS 2.2.6.4."""

_BEGIN, _COMMIT, _ROLLBACK = 5, 7, 8
_BEGIN_NEXT = 0x01


class _Alarm(Event):
    """An event that does something at once when it is set, whoever sets it."""

    def __init__(self, then: Callable[[], None]) -> None:
        super().__init__()
        self._then = then

    def set(self) -> None:
        super().set()
        self._then()


class Connection:
    """Serves one client: a thread runs its requests, another listens for attentions meanwhile."""

    def __init__(self, plain: socket.socket, engine: Engine, terms: Terms) -> None:
        self._stream, self._engine, self._terms = Stream(plain), engine, terms
        self._packets = Packets(self._stream, _LARGEST_LOGIN)
        self._over, self._cancelled, self._ready = Event(), Event(), Event()
        self._turn = Lock()
        self._busy = self._attention = False
        self._requests: SimpleQueue[Message | None] = SimpleQueue()
        self._procedures = Procedures(self._run, self._described)
        self._transactions = count(1)
        self._place: Place

    def serve(self) -> None:
        """Serve the client until it leaves, or makes no sense any more."""
        try:
            session = self._admit()
            try:
                self._converse()
            finally:
                self.end()
                session.close()
        except (OSError, Malformed):
            pass  # gone, which is how all sessions end
        finally:
            self._ready.set()
            self._stream.close()

    def end(self) -> None:
        """End the connection from any thread; a request that runs is cancelled, and can't say so any more."""
        self._over.set()
        self._stream.hang_up()
        self._cancelled.set()

    def _admit(self) -> Session:
        """Let the client in; it has a limited time for all of it together."""
        self._stream.allow(self._terms.login_seconds)
        strict = self._stream.peek() == _TLS_RECORD
        if strict:
            self._stream.secure_first(self._terms.strict_tls)
        encryption = self._prelogin(strict=strict)
        login = read_login(self._expect(Kind.LOGIN))
        if encryption is Encryption.LOGIN_ONLY and not strict:
            self._stream.expose()
        session = self._login(login)
        self._stream.allow(None)
        return session

    def _prelogin(self, *, strict: bool) -> Encryption:
        wanted = read_prelogin(self._expect(Kind.PRELOGIN)).encryption
        encryption = wanted if strict else agreed(wanted, required=self._terms.force_encryption)
        self._packets.send(prelogin_answer(self._engine.version, encryption))
        if not strict and encryption is not Encryption.NOT_SUPPORTED:
            self._packets.secure(self._terms.inner_tls)
        return encryption

    def _expect(self, kind: Kind) -> bytes:
        message = self._packets.message()
        if message.kind != kind:
            raise Malformed("something else is due here")
        return message.body

    def _login(self, login: Login) -> Session:
        try:
            session = self._open(login)
        except SqlError as refused:
            self._packets.send(tokens.error(self._engine.name, refused) + tokens.done(Done.ERROR))
            raise ConnectionAbortedError("the login was refused") from None
        self._place = Place(self._engine.name, session, session.database)
        self._packets.session = session.id % 65_536
        self._welcome(login)
        return session

    def _open(self, login: Login) -> Session:
        if login.integrated:
            raise SqlError(18452, "Login failed. Integrated authentication is not offered here.", severity=14)
        try:
            return self._engine.login(login.user, login.password, login.database, _Alarm(self.end))
        except SqlError:
            raise
        except Exception as bug:  # noqa: BLE001 - the client is to hear of it, and not to wait for ever
            raise SqlError(50001, _stumbled(bug)) from None

    def _welcome(self, login: Login) -> None:
        """What SQL Server says when somebody is let in; from then on packets have the size that was agreed."""
        name, database = self._engine.name, self._place.database
        before, accepted = DEFAULT_PACKET, TDS_8_0 if login.version == TDS_8_0 else min(login.version, TDS_7_4)
        answer = tokens.database_changed(database, "master")
        answer += tokens.info(name, SqlError(5701, f"Changed database context to '{database}'.", severity=0, state=2))
        answer += tokens.collation_changed() + tokens.language_changed("us_english")
        answer += tokens.info(name, SqlError(5703, "Changed language setting to us_english.", severity=0))
        answer += tokens.login_accepted(self._engine.version, accepted)
        self._packets.agree(login.packet_size)
        agreed_size, self._packets.size = self._packets.size, before
        answer += tokens.packet_size_changed(agreed_size, before)
        self._packets.send(answer + tokens.done(Done.FINAL))
        self._packets.size, self._packets.largest = agreed_size, self._terms.largest_message

    def _converse(self) -> None:
        self._ready.set()
        name = f"tds-{self._place.session.id}-listens"
        Thread(target=self._listen, name=name, daemon=True).start()
        while (message := self._requests.get()) and not self._over.is_set():
            self._answer(message)

    def _listen(self) -> None:
        """Hand requests to the other thread one by one, and attentions to the request that runs."""
        try:
            while not self._over.is_set():
                message = self._packets.message()
                if message.kind == Kind.ATTENTION:
                    self._attend()
                else:
                    self._ready.wait()
                    self._hand_on(message)
        except (OSError, Malformed):
            pass  # the client hung up, or is not one of ours
        finally:
            self.end()
            self._requests.put(None)

    def _hand_on(self, message: Message) -> None:
        self._ready.clear()
        self._busy, self._attention, self._cancelled = True, False, Event()
        if self._over.is_set():  # it was the event before that had been told
            self._cancelled.set()
        self._requests.put(message)

    def _attend(self) -> None:
        with self._turn:
            if self._busy:
                self._attention = True
                self._cancelled.set()
            else:  # all was said when it came
                self._packets.send(tokens.done(Done.ATTENTION))

    def _answer(self, message: Message) -> None:
        of_calls = message.kind == Kind.RPC
        reply = Reply(self._packets, self._place, self._cancelled, of_calls=of_calls)
        problem = self._outcome(message, reply)
        with self._turn:
            self._busy = False
            self._packets.send(CANCELLED if self._attention else reply.ending(problem))
        if problem and problem.ends_session:
            raise ConnectionAbortedError("the session has ended")
        self._ready.set()

    def _outcome(self, message: Message, reply: Reply) -> SqlError | None:
        """Carry a request out; the error that ended it, if one did."""
        try:
            self._carry_out(message, reply)
        except SqlError as problem:
            return problem
        except Cancelled:  # unless the client wanted it, nobody but KILL did
            text = "Cannot continue the execution because the session is in the kill state."
            return None if self._attention else SqlError(596, text, severity=21)
        except Malformed:
            text = "The incoming tabular data stream (TDS) protocol stream is incorrect. The stream ended unexpectedly."
            return SqlError(4002, text, severity=20)
        except Exception as bug:  # noqa: BLE001 - one statement's bug must not take the session along
            return SqlError(50001, _stumbled(bug))
        return None

    def _carry_out(self, message: Message, reply: Reply) -> None:
        if message.status & (Status.RESET | Status.RESET_BUT_TRANSACTION):
            raise SqlError(50001, "the stand-in does not reset sessions: turn connection pooling off", severity=20)
        reader = Reader(message.body)
        reader.skip_headers()
        if message.kind == Kind.BATCH:
            self._run(reader.text((reader.left + 1) // 2), {}, reply)
        elif message.kind == Kind.RPC:
            for call in read_calls(reader):
                self._procedures.call(call, reply)
        elif message.kind == Kind.TRANSACTION:
            self._transact(reader, reply)
        else:
            raise Malformed("this is no request")

    def _run(self, text: str, parameters: dict[str, Parameter], reply: Reply) -> None:
        self._place.session.run(text, parameters, reply, self._cancelled)

    def _described(self, text: str) -> Mapping[str, SqlType]:
        session = self._place.session
        return session.describe(text) if isinstance(session, Describing) else {}

    def _transact(self, reader: Reader, reply: Reply) -> None:
        """Transaction manager requests: MS-TDS 2.2.6.9. The isolation level asked for is ignored."""
        request = reader.number(2)
        if request == _BEGIN:
            return self._begin(reply)
        if request not in (_COMMIT, _ROLLBACK):
            raise SqlError(50001, f"the stand-in does not know transaction request {request}")
        reader.short_text()
        session, committed = self._place.session, request == _COMMIT
        (session.commit if committed else session.rollback)()
        ended, self._place.transaction = self._place.transaction, 0
        reply.change(tokens.transaction_changed(Change.COMMIT if committed else Change.ROLLBACK, ended))
        return self._begin(reply) if reader.number(1) & _BEGIN_NEXT else None

    def _begin(self, reply: Reply) -> None:
        self._place.session.begin()
        self._place.transaction = next(self._transactions)
        reply.change(tokens.transaction_changed(Change.BEGIN, self._place.transaction))


def _stumbled(bug: BaseException) -> str:
    """A bug's kind and place, for a log that may be shown: its text may quote values."""
    trace = bug.__traceback__
    while trace and trace.tb_next:
        trace = trace.tb_next
    place = f" in {PurePath(trace.tb_frame.f_code.co_filename).name}:{trace.tb_lineno}" if trace else ""
    return f"the stand-in stumbled: {type(bug).__name__}{place}"
