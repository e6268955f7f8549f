"""A socket that is read and written by two threads at a time, in the clear or through TLS."""

from __future__ import annotations

import socket
import ssl
import time
from contextlib import suppress
from threading import Lock
from typing import TYPE_CHECKING

from restoreproof.standins.sqlserver.tds.reading import Malformed

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Stream"]

_PIECE = 65_536


class Stream:
    """Bytes to and from one client. One thread reads, another may write meanwhile; both end with OSError.

    An ``ssl.SSLSocket`` can't be used by two threads, nor put its records into packets, hence TLS in memory.
    """

    def __init__(self, plain: socket.socket) -> None:
        self._socket = plain
        self._tls: ssl.SSLObject | None = None
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._in_tls, self._sending = Lock(), Lock()
        self._clear = bytearray()
        self._deadline: float | None = None

    def allow(self, seconds: float | None) -> None:
        """Let all that is read and written from now on take that long together; None: for ever."""
        self._deadline = None if seconds is None else time.monotonic() + seconds
        if seconds is None:
            self._socket.settimeout(None)

    def peek(self) -> int:
        """The next byte, which stays."""
        self._need(1)
        return self._clear[0]

    def read(self, size: int) -> bytes:
        """Exactly that many bytes."""
        self._need(size)
        taken = bytes(self._clear[:size])
        del self._clear[:size]
        return taken

    def write(self, data: bytes) -> None:
        """All of it; waits while the client does not read."""
        with self._sending:
            if self._tls:
                with self._in_tls:
                    self._tls.write(data)
                    data = self._outgoing.read()
            self._limit()
            self._socket.sendall(data)

    def secure(self, context: ssl.SSLContext, receive: Callable[[], bytes], send: Callable[[bytes], None]) -> None:
        """Shake hands by the two callables, and go on through TLS.

        :raises Malformed: the client sent something in the clear behind it, which must not pass for protected.
        """
        tls = context.wrap_bio(self._incoming, self._outgoing, server_side=True)
        try:
            while not _shaken(tls):
                if self._outgoing.pending:
                    send(self._outgoing.read())
                self._incoming.write(receive())
        finally:
            if self._outgoing.pending:  # the end of the handshake, or the alert that says why there is none
                send(self._outgoing.read())
        if self._clear:
            raise Malformed("something follows the handshake in the clear")
        self._tls = tls

    def secure_first(self, context: ssl.SSLContext) -> None:
        """TDS 8.0: TLS around everything."""
        self.secure(context, self._receive_first, self.write)

    def expose(self) -> None:
        """Go on in the clear: only the login was to be protected."""
        self._tls = None

    def hang_up(self) -> None:
        """End reading and writing at once, in whichever thread."""
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Say that nothing follows, and let go of the socket."""
        self.hang_up()
        self._socket.close()

    def _need(self, size: int) -> None:
        while len(self._clear) < size:
            self._clear += self._more()

    def _more(self) -> bytes:
        if not self._tls:
            return self._receive()
        with self._in_tls, suppress(ssl.SSLWantReadError):
            if data := self._tls.read(_PIECE):
                return data
            raise ConnectionResetError("the client ended TLS")
        data = self._receive()
        with self._in_tls:
            self._incoming.write(data)
        return b""

    def _receive(self) -> bytes:
        self._limit()
        if data := self._socket.recv(_PIECE):
            return data
        raise ConnectionResetError("the client hung up")

    def _receive_first(self) -> bytes:
        data = bytes(self._clear) or self._receive()
        self._clear.clear()
        return data

    def _limit(self) -> None:
        if self._deadline is not None:
            left = self._deadline - time.monotonic()
            if left <= 0:
                raise TimeoutError("the login takes too long")
            self._socket.settimeout(left)


def _shaken(tls: ssl.SSLObject) -> bool:
    try:
        tls.do_handshake()
    except ssl.SSLWantReadError:
        return False
    return True
