"""HTTPS to one host: connections that are kept, bounded answers, and faults told apart by what to do about them."""

from __future__ import annotations

import hashlib
import http.client
import socket
import ssl
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import certifi

from restoreproof.standins.sqlserver.connector import messages
from restoreproof.standins.sqlserver.session import Cancelled

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path
    from threading import Event

    from restoreproof.standins.sqlserver.connector.address import Address
    from restoreproof.standins.sqlserver.connector.behaviour import Behaviour

__all__ = ["Answer", "Client", "Fault", "Outgoing", "trust"]

_LONGEST_ANSWER = 4 * 1024 * 1024
_LOOPBACK = "127.0.0.1"
Piece = bytes | memoryview


class Fault(Exception):  # noqa: N818 - what went wrong, and what to do about it
    """A request went wrong: the operating system error that stands for it, and whether to try again."""

    def __init__(self, number: int, *, again: bool = False, code: str = "") -> None:
        super().__init__(f"operating system error {number}, {code or 'no S3 code'}")
        self.number, self.again, self.code = number, again, code


@dataclass(frozen=True)
class Answer:
    """Status, headers (names in small letters) and whole body.

    :ivar part: the body of a partial answer (206), where a buffer was given for it; ``body`` is empty then.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes
    part: memoryview | None = None


@dataclass(frozen=True)
class Outgoing:
    """A request as it goes over the wire: target encoded, all headers there.

    :ivar into: where the body of a partial answer (206) of known length goes.
    """

    method: str
    target: str
    headers: Mapping[str, str]
    body: Sequence[Piece] = ()
    longest: int = _LONGEST_ANSWER
    patience: float = 60.0
    into: memoryview | None = None


def trust(ca: Path | None, newest: str = "1.2") -> ssl.SSLContext:
    """Make what TLS trusts: the authorities of one file, or the public ones; nothing of the environment counts.

    Which certificates are accepted beyond that is as WinHTTP does by all that is known: names must match, and
    RFC 5280 is not enforced to the letter.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.maximum_version = ssl.TLSVersion.TLSv1_3 if newest == "1.3" else ssl.TLSVersion.TLSv1_2
    context.hostname_checks_common_name = False
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    context.load_verify_locations(cafile=str(ca) if ca else certifi.where())
    return context


@dataclass
class Client:
    """Connections to one host; any number of threads may send."""

    address: Address
    context: ssl.SSLContext
    behaviour: Behaviour
    stop: Event
    _idle: list[_Connection] = field(default_factory=list)
    _busy: set[_Connection] = field(default_factory=set)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def send(self, request: Outgoing) -> Answer:
        """Send once, and read the answer to its end.

        :raises Fault: there is no answer, or one that is too long or cut short.
        :raises Cancelled: ``stop`` was set meanwhile.
        """
        connection, keep = self._take(), False
        try:
            answer, keep = connection.exchange(request, self.stop)
        except (Fault, Cancelled):
            raise
        except Exception as error:
            if self.stop.is_set():
                raise Cancelled from error
            raise _fault(error, connected=connection.sock is not None) from error
        else:
            return answer
        finally:
            self._give_back(connection, keep=keep)

    def close(self) -> None:
        """Cut every connection: whoever waits on one is woken, and closes it."""
        with self._lock:
            idle, self._idle = self._idle, []
            for connection in self._busy:
                connection.cut()
        for connection in idle:
            connection.close()

    def _take(self) -> _Connection:
        with self._lock:
            connection = self._idle.pop() if self._idle else _Connection(self.address, self.context, self.behaviour)
            self._busy.add(connection)
        return connection

    def _give_back(self, connection: _Connection, *, keep: bool) -> None:
        with self._lock:
            self._busy.discard(connection)
            if keep and not self.stop.is_set():
                self._idle.append(connection)
                return
        connection.close()


class _Connection(http.client.HTTPConnection):
    def __init__(self, address: Address, context: ssl.SSLContext, behaviour: Behaviour) -> None:
        super().__init__(address.host, address.port, timeout=behaviour.connect_seconds)
        self._context = context

    def connect(self) -> None:
        """Connect and shake hands; names below localhost are this machine's (RFC 6761), whatever resolves them."""
        local = self.host == "localhost" or self.host.endswith(".localhost")
        plain = socket.create_connection((_LOOPBACK if local else self.host, self.port), self.timeout)
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        wire = self._context.wrap_socket(plain, server_hostname=self.host, do_handshake_on_connect=False)
        self.sock = wire  # from here on it can be cut
        try:
            wire.do_handshake()
        except (ssl.SSLCertVerificationError, ssl.SSLEOFError):
            raise
        except ssl.SSLError as error:
            raise Fault(messages.NO_TLS) from error

    def cut(self) -> None:
        """Wake whoever waits on it; closing is left to them."""
        wire = self.sock
        if wire is not None:
            try:
                socket.socket.shutdown(wire, socket.SHUT_RDWR)
            except OSError:
                return

    def exchange(self, request: Outgoing, stop: Event) -> tuple[Answer, bool]:
        if self.sock is None:
            self.connect()
        if stop.is_set():
            raise Cancelled
        self.sock.settimeout(request.patience)
        lost: OSError | None = None
        try:
            self._say(request, stop)
        except OSError as error:
            lost = error  # a store may refuse before it has read it all
        try:
            response = self.getresponse()
        except (OSError, http.client.HTTPException):
            if lost:
                raise lost from None
            raise
        headers = {name.lower(): text for name, text in response.getheaders()}
        part = _part(response, request)
        body = _body(response, request) if part is None else b""
        answer = Answer(response.status, headers, body, part)
        return answer, lost is None and not response.will_close

    def _say(self, request: Outgoing, stop: Event) -> None:
        self.putrequest(request.method, request.target, skip_host=True, skip_accept_encoding=True)
        for name, value in request.headers.items():
            self.putheader(name, value)
        self.endheaders()
        for piece in request.body:
            if stop.is_set():
                raise Cancelled
            self.send(piece)


def _body(response: http.client.HTTPResponse, request: Outgoing) -> bytes:
    expected = response.length
    if expected is not None and expected > request.longest:
        raise Fault(messages.INVALID_DATA)
    body = response.read(request.longest + 1)
    if len(body) > request.longest:
        raise Fault(messages.INVALID_DATA)
    if expected is not None and len(body) < expected:
        raise Fault(messages.ABORTED, again=True)
    response.read()  # of a chunked answer, the end
    return body


def _part(response: http.client.HTTPResponse, request: Outgoing) -> memoryview | None:
    """Read a partial answer to where it is wanted: a buffer that is used again costs no fresh memory."""
    expected = response.length
    if expected is None or request.into is None or response.status != http.HTTPStatus.PARTIAL_CONTENT:
        return None
    if expected > len(request.into):
        raise Fault(messages.INVALID_DATA)
    view, got = request.into[:expected], 0
    while got < expected and (count := response.readinto(view[got:])):
        got += count
    if got < expected:
        raise Fault(messages.ABORTED, again=True)
    response.read()
    return view


_KINDS: tuple[tuple[type[Exception], int, bool], ...] = (
    (ssl.SSLCertVerificationError, messages.UNTRUSTED, False),
    (socket.gaierror, messages.NO_NAME, False),
    (TimeoutError, messages.TIMED_OUT, True),
    (ConnectionRefusedError, messages.CANNOT_CONNECT, True),
)


def _fault(error: Exception, *, connected: bool) -> Fault:
    """Tell what an exception of sockets, TLS or HTTP stands for."""
    for kind, number, again in _KINDS:
        if isinstance(error, kind):
            return Fault(number, again=again)
    if isinstance(error, ValueError):  # what headers can't hold
        return Fault(messages.BAD_PARAMETER)
    if isinstance(error, OSError):
        return Fault(messages.ABORTED if connected else messages.CANNOT_CONNECT, again=True)
    if isinstance(error, http.client.RemoteDisconnected | http.client.IncompleteRead):
        return Fault(messages.ABORTED, again=True)
    if isinstance(error, http.client.HTTPException):
        return Fault(messages.INVALID_DATA)
    raise error


def digest(name: str, body: Sequence[Piece], make: Callable[..., hashlib._Hash] = hashlib.new) -> bytes:
    """Hash pieces as one."""
    running = make(name)
    for piece in body:
        running.update(piece)
    return running.digest()
