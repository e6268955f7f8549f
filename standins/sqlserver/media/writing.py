"""Writes a media set: blocks are dealt over the families, and every family's parts go to all its mirrors."""

from __future__ import annotations

import threading
import zlib
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING
from uuid import uuid4

from restoreproof.standins.sqlserver.media import memory
from restoreproof.standins.sqlserver.media.layout import (
    BLOCK,
    HEAD,
    PREAMBLE,
    TRAILER,
    Catalogue,
    Coder,
    Kind,
    Label,
    head_of,
    running_digest,
    trailer,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from concurrent.futures import Future

    from restoreproof.standins.sqlserver.backups import BackupSet, Transfer
    from restoreproof.standins.sqlserver.connector.behaviour import Behaviour
    from restoreproof.standins.sqlserver.connector.upload import Upload
    from restoreproof.standins.sqlserver.media.crew import Crew

__all__ = ["write_set"]


def write_set(
    uploads: Sequence[Sequence[Upload]],
    payload: Iterable[bytes],
    describe: Callable[[int], BackupSet],
    transfer: Transfer,
    crew: Crew,
) -> tuple[int, int]:
    """Write one media set to open uploads (a row per mirror); gives the bytes of the payload and of all objects."""
    label = _label(len(uploads[0]), len(uploads), transfer)
    families = [
        _Family(replace(label, family=number), [row[number - 1] for row in uploads], transfer, crew)
        for number in range(1, label.families + 1)
    ]
    key = transfer.encryption.key if transfer.encryption else None
    blocks, size, digest = _deal(families, payload, Coder(label.owner[0], key, compress=transfer.compression), crew)
    described = replace(describe(size), stored_bytes=sum(one.size for one in families))
    for family in families:
        family.end(Catalogue(described, family.blocks, blocks, size, digest))
    for family in families:
        family.wait()
    crew.results([partial(_complete, upload, one) for one in families for upload in one.uploads])
    return size, sum(one.size for one in families) * len(uploads)


def _label(families: int, mirrors: int, transfer: Transfer) -> Label:
    encryption = transfer.encryption
    return Label(
        media_set_id=str(uuid4()),
        family=1,
        families=families,
        mirrors=mirrors,
        written=datetime.now(UTC).replace(tzinfo=None).isoformat(),
        block_size=transfer.block_size,
        transfer_size=transfer.max_transfer_size,
        compressed=transfer.compression,
        name=transfer.media_name,
        description=transfer.media_description,
        algorithm=encryption.algorithm if encryption else "",
        thumbprint=encryption.thumbprint.hex() if encryption else "",
    )


def _deal(families: Sequence[_Family], payload: Iterable[bytes], coder: Coder, crew: Crew) -> tuple[int, int, int]:
    """Give each block to the family that has least, which is even, and not identical where blocks differ in size."""
    count = size = digest = 0
    for data in _blocks(payload):
        crew.check()
        block = coder.pack(count, data)
        crc = min(families, key=_size).add(count, block.body, block.flags)
        digest = running_digest(digest, count, crc)
        count, size = count + 1, size + len(data)
    crew.check()
    return count, size, digest


def _blocks(payload: Iterable[bytes]) -> Iterator[bytes | memoryview]:
    """Cut pieces of any size into blocks."""
    rest = bytearray()
    for piece in payload:
        view = memoryview(piece).cast("B")
        if rest:
            missing = BLOCK - len(rest)
            rest += view[:missing]
            view = view[missing:]
            if len(rest) < BLOCK:
                continue
            yield bytes(rest)
            rest = bytearray()
        whole = len(view) - len(view) % BLOCK
        for start in range(0, whole, BLOCK):
            yield view[start : start + BLOCK]
        rest += view[whole:]
    if rest:
        yield bytes(rest)


def _complete(upload: Upload, family: _Family) -> None:
    if not family.whole:
        upload.complete()
    upload.verify(family.size)


def _size(family: _Family) -> int:
    return family.size


@dataclass
class _Part:
    """A part that grows in a buffer, and the size at which it leaves."""

    goal: int
    buffer: memoryview
    size: int = 0


class _Family:
    """One stripe: cuts its bytes into parts and has each sent to every mirror; memory is bounded by permits.

    A permit is a buffer: one part holds it from its first byte until its last mirror has it, and leaves it to others.
    """

    def __init__(self, label: Label, uploads: Sequence[Upload], transfer: Transfer, crew: Crew) -> None:
        self.uploads = uploads
        self.size = self.blocks = 0
        self.whole = False
        self._label, self._crew, self._transfer = label, crew, transfer
        self._behaviour: Behaviour = uploads[0].store.behaviour
        self._permits = threading.Semaphore(max(1, transfer.buffer_count))
        self._flights = threading.Semaphore(self._behaviour.parts_in_flight)
        self._sent: list[Future[None]] = []
        self._parts = 0
        self._part: _Part | None = None
        self._free: list[memoryview] = []
        self._feed(PREAMBLE)
        self._record(Kind.LABEL, 0, label.dumped())

    def add(self, number: int, body: bytes | memoryview, flags: int) -> int:
        """Append a block; gives its CRC."""
        self.blocks += 1
        return self._record(Kind.BLOCK, number, body, flags)

    def end(self, catalogue: Catalogue) -> None:
        """Append catalogue and trailer, and send the last part, of whatever size."""
        place, told = self.size, catalogue.dumped()
        self._record(Kind.CATALOGUE, self.blocks, told)
        self._feed(trailer(place, place + HEAD + len(told) + TRAILER, self._label.owner[0]))
        if self._part:
            self._send(self._part, last=True)

    def wait(self) -> None:
        """Wait until all is sent."""
        for sent in self._sent:
            self._crew.result(sent)

    def _record(self, kind: Kind, number: int, body: bytes | memoryview, flags: int = 0) -> int:
        """Append a record; gives its CRC."""
        head = head_of(kind, self._label.owner, number, body, flags)
        self._feed(head)
        self._feed(body)
        return int.from_bytes(head[-4:], "little")

    def _feed(self, data: bytes | memoryview) -> None:
        view = memoryview(data)
        while view:
            if self._part is None:
                self._crew.acquire(self._permits)
                free = self._free.pop() if self._free else memory.buffer(self._transfer.max_transfer_size)
                self._part = _Part(self._goal(), free)
            part = self._part
            taken = view[: part.goal - part.size]
            part.buffer[part.size : part.size + len(taken)] = taken
            part.size += len(taken)
            self.size += len(taken)
            view = view[len(taken) :]
            if part.size == part.goal:
                self._send(part)
                self._part = None

    def _goal(self) -> int:
        """The size of the next part: the ceiling, or anything from 5 MB to it where sizes shall differ."""
        ceiling = self._transfer.max_transfer_size
        spread = self._behaviour.part_sizes
        if spread == "ceiling" or (spread == "mixed-if-compressed" and not self._transfer.compression):
            return ceiling
        floor = min(self._behaviour.part_floor, ceiling)
        return floor + zlib.crc32(b"%d" % self._parts) % (ceiling - floor + 1)

    def _send(self, part: _Part, *, last: bool = False) -> None:
        self.whole = last and self._behaviour.tiny == "put" and self._parts == 0
        if not self.whole:
            self._crew.results([upload.open for upload in self.uploads if not upload.id])
        self._crew.acquire(self._flights)
        left, lock, body = [len(self.uploads)], threading.Lock(), (part.buffer[: part.size],)
        for upload in self.uploads:
            work = partial(upload.put, body) if self.whole else partial(upload.part, self._parts, body)
            self._sent.append(self._crew.start(partial(self._sending, work, part.buffer, left, lock)))
        self._sent = [sent for sent in self._sent if not sent.done() or sent.exception()]
        self._parts += 1

    def _sending(self, work: Callable[[], None], buffer: memoryview, left: list[int], lock: threading.Lock) -> None:
        work()
        with lock:
            left[0] -= 1
            if not left[0]:
                self._free.append(buffer)
                self._flights.release()
                self._permits.release()
