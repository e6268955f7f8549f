"""Listens, and gives each client a connection of its own."""

from __future__ import annotations

import socket
import ssl
import time
from contextlib import suppress
from dataclasses import dataclass
from threading import Event, Lock, Thread
from typing import TYPE_CHECKING, Self

from restoreproof.standins.sqlserver.tds.connection import Connection

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType

    from restoreproof.standins.sqlserver.session import Engine

__all__ = ["Listener", "Terms", "listen"]

_BACKLOG = 128
_PAUSE_WITHOUT_DESCRIPTORS = 0.05
_PATIENCE = 10.0
"""Seconds that sessions get to let go of what they hold when the listener is closed."""


@dataclass(frozen=True)
class Terms:
    """On what terms clients are served.

    :ivar inner_tls: for TLS within TDS 7.4, 1.2 at most: with 1.3 Microsoft's driver gives up.
    :ivar strict_tls: for TDS 8.0, which begins with TLS.
    :ivar force_encryption: nothing is served in the clear.
    """

    inner_tls: ssl.SSLContext
    strict_tls: ssl.SSLContext
    force_encryption: bool = False
    login_seconds: float = 15.0
    most_connections: int = 256
    largest_message: int = 64 * 1024 * 1024


def listen(  # noqa: PLR0913 - a server's settings
    engine: Engine,
    pem: Path,
    *,
    host: str = "127.0.0.1",
    port: int = 0,
    sock: socket.socket | None = None,
    force_encryption: bool = False,
    login_seconds: float = Terms.login_seconds,
    most_connections: int = Terms.most_connections,
) -> Listener:
    """Serve an engine to TDS clients until the listener is closed.

    :param pem: a file with the certificate, its intermediates and its key.
    :param sock: a socket that is bound already, instead of host and port; it is closed with the listener.
    :param force_encryption: refuse clients that want no TLS, and go on in TLS after the login with all others.
    """
    inner, strict = _tls(pem), _tls(pem)
    inner.maximum_version = ssl.TLSVersion.TLSv1_2
    strict.set_alpn_protocols(["tds/8.0"])
    terms = Terms(inner, strict, force_encryption, login_seconds, most_connections)
    bound = sock or socket.create_server((host, port))
    bound.listen(_BACKLOG)
    return Listener(engine, bound, terms)


class Listener:
    """A running server; closing it ends all sessions.

    :ivar port: where it listens.
    """

    def __init__(self, engine: Engine, bound: socket.socket, terms: Terms) -> None:
        self._engine, self._socket, self._terms = engine, bound, terms
        self.port: int = bound.getsockname()[1]
        self._closing, self._lock = Event(), Lock()
        self._served: dict[Connection, Thread] = {}
        self._accepting = Thread(target=self._accept, name=f"tds-{self.port}", daemon=True)
        self._accepting.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Listen no more, cancel what runs, and wait until all sessions have let go; twice does no harm."""
        self._closing.set()
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        deadline = time.monotonic() + _PATIENCE
        self._accepting.join(_PATIENCE)
        with self._lock:
            served = dict(self._served)
        for connection in served:
            connection.end()
        for thread in served.values():
            thread.join(max(0.0, deadline - time.monotonic()))

    def _accept(self) -> None:
        while not self._closing.is_set():
            try:
                plain, _ = self._socket.accept()
            except OSError:  # closed, or out of descriptors for a while
                self._closing.wait(_PAUSE_WITHOUT_DESCRIPTORS)
                continue
            self._welcome(plain)

    def _welcome(self, plain: socket.socket) -> None:
        with suppress(OSError):  # the client may have gone already
            plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection = Connection(plain, self._engine, self._terms)
        thread = Thread(target=self._serve, args=(connection,), name="tds-session", daemon=True)
        with self._lock:
            if len(self._served) >= self._terms.most_connections:
                plain.close()
                return
            self._served[connection] = thread
        try:
            thread.start()
        except RuntimeError:  # the system gives no more threads
            del self._served[connection]
            plain.close()

    def _serve(self, connection: Connection) -> None:
        try:
            connection.serve()
        finally:
            with self._lock:
                del self._served[connection]


def _tls(pem: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)
    return context
