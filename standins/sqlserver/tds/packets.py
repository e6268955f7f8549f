"""Messages, cut into packets: MS-TDS 2.2.3."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING

from restoreproof.standins.sqlserver.tds.codes import Kind, Status
from restoreproof.standins.sqlserver.tds.reading import Malformed

if TYPE_CHECKING:
    import ssl

    from restoreproof.standins.sqlserver.tds.stream import Stream

__all__ = ["DEFAULT_PACKET", "LARGEST_PACKET", "Message", "Packets"]

DEFAULT_PACKET = 4096
LARGEST_PACKET = 32_767
SMALLEST_PACKET = 512
_KINDS = frozenset(Kind)
_HEADER = struct.Struct(">BBHHBB")


@dataclass(frozen=True)
class Message:
    """All that a client said at once."""

    kind: int
    status: Status
    body: bytes


class Packets:
    """Sends and receives messages over a stream.

    :ivar size: bytes of the packets we send, their headers included.
    :ivar session: number of the session, which each header repeats.
    :ivar largest: bytes that a message may have; who is not logged in gets less of our memory.
    """

    def __init__(self, stream: Stream, largest: int) -> None:
        self.stream, self.largest = stream, largest
        self.size, self.session, self._number = DEFAULT_PACKET, 0, 0

    def agree(self, wanted: int) -> None:
        """Take the size that the client asks for, within bounds; 0 leaves it to us."""
        self.size = max(SMALLEST_PACKET, min(wanted or DEFAULT_PACKET, LARGEST_PACKET))

    def message(self) -> Message:
        """The next message.

        :raises Malformed: what comes is not made of packets, or too large.
        """
        body = bytearray()
        first: tuple[int, Status] | None = None
        while True:
            kind, status, data = self._packet()
            first = first or (kind, status)
            if kind != first[0] or len(body) + len(data) > self.largest:
                raise Malformed("the message is mixed up or too large")
            body += data
            if status & Status.IGNORE:  # the client changed its mind half way
                first = None
                body.clear()
            elif status & Status.LAST:
                return Message(kind, first[1], bytes(body))

    def send(self, data: bytes, kind: Kind = Kind.REPLY, *, last: bool = True) -> None:
        """Send a message, or a piece of it that is not its last."""
        step = self.size - _HEADER.size
        starts = range(0, max(len(data), 1), step)
        pieces = (self._framed(data[at : at + step], kind, last=last and at == starts[-1]) for at in starts)
        self.stream.write(b"".join(pieces))
        if last:
            self._number = 0

    def secure(self, context: ssl.SSLContext) -> None:
        """TDS 7.4: TLS begins within packets of PRELOGIN."""
        self.stream.secure(context, lambda: self.message().body, lambda data: self.send(data, Kind.PRELOGIN))

    def _packet(self) -> tuple[int, Status, bytes]:
        kind, status, size, *_ = _HEADER.unpack(self.stream.read(_HEADER.size))
        if kind not in _KINDS or not _HEADER.size <= size <= LARGEST_PACKET + 1:
            raise Malformed("this is no packet")
        return kind, Status(status & 0x1B), self.stream.read(size - _HEADER.size)

    def _framed(self, piece: bytes, kind: Kind, *, last: bool) -> bytes:
        self._number = (self._number + 1) % 256
        status = Status.LAST if last else 0
        return _HEADER.pack(kind, status, len(piece) + _HEADER.size, self.session, self._number, 0) + piece
