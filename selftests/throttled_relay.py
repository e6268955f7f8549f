"""A relay of TCP before a server: it passes bytes on as they are, TLS too, no faster than a bucket of tokens allows.

Each way has a bucket for all connections together. What nobody took while the server was thinking may be caught up
with, up to `BURST` seconds' worth, as behind any shaper of traffic; over seconds nothing is faster than the rate.
"""

from __future__ import annotations

import socket
import threading
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from restoreproof.standins.waiting import rest

if TYPE_CHECKING:
    from collections.abc import Iterator

PIECE = 32 * 1024
BURST = 0.5
PATIENCE = 120.0


@dataclass
class Bucket:
    """Tokens for the bytes of one way; without a rate everything passes.

    :ivar passed: bytes so far.
    """

    rate: float
    passed: int = 0
    _due: float = field(default_factory=time.monotonic)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def take(self, size: int) -> None:
        """Wait until so many bytes may pass."""
        with self._lock:
            self.passed += size
            if not self.rate:
                return
            self._due = max(self._due, time.monotonic() - BURST) + size / self.rate
            due = self._due
        rest(due - time.monotonic())


@dataclass
class Relay:
    """What passes between clients and the server.

    :ivar port: where it listens, at every address it was given.
    :ivar talks: connections that each of its addresses took.
    """

    target: tuple[str, int]
    up: Bucket
    down: Bucket
    port: int = 0
    talks: dict[str, int] = field(default_factory=dict)

    def accept(self, listener: socket.socket) -> None:
        host = listener.getsockname()[0]
        with suppress(OSError):
            while True:
                client, _ = listener.accept()
                self.talks[host] = self.talks.get(host, 0) + 1
                with suppress(OSError):
                    server = socket.create_connection(self.target, PATIENCE)
                    for source, sink, bucket in ((client, server, self.up), (server, client, self.down)):
                        threading.Thread(target=_pass, args=(source, sink, bucket), daemon=True).start()


def _pass(source: socket.socket, sink: socket.socket, bucket: Bucket) -> None:
    """Pass one way on until it ends; that ends the other one as well."""
    with suppress(OSError):
        sink.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        source.settimeout(PATIENCE)
        while got := source.recv(PIECE):
            bucket.take(len(got))
            sink.sendall(got)
    for end in (source, sink):
        with suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)
        end.close()


@contextmanager
def relay(target: tuple[str, int], rate: float, hosts: tuple[str, ...] = ("127.0.0.1",)) -> Iterator[Relay]:
    """A relay before a server, at one port of these addresses of this machine; ``rate`` 0 is none."""
    made = Relay(target, Bucket(rate), Bucket(rate))
    listeners = []
    try:
        for host in hosts:
            listeners.append(socket.create_server((host, made.port), backlog=64))
            made.port = listeners[0].getsockname()[1]
            threading.Thread(target=made.accept, args=(listeners[-1],), daemon=True).start()
        yield made
    finally:
        for listener in listeners:
            listener.close()
