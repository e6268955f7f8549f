"""Reads media sets: the two ends of an object for what it says of itself, and whole sets, checked block by block."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from restoreproof.standins.sqlserver.connector import messages
from restoreproof.standins.sqlserver.connector.messages import Stage
from restoreproof.standins.sqlserver.media import memory
from restoreproof.standins.sqlserver.media.layout import (
    HEAD,
    PREAMBLE,
    TRAILER,
    Block,
    Catalogue,
    Coder,
    Damage,
    Head,
    Kind,
    Label,
    read_trailer,
    running_digest,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from concurrent.futures import Future

    from restoreproof.standins.sqlserver.backups import Transfer
    from restoreproof.standins.sqlserver.connector.store import Found, Store
    from restoreproof.standins.sqlserver.media.crew import Crew

__all__ = ["Volume", "look_at", "read_set"]

_END = 65_536
"""How much of each end of an object is read first."""


@dataclass(frozen=True)
class Volume:
    """An object that is a backup by what its two ends say."""

    store: Store
    found: Found
    label: Label
    catalogue: Catalogue
    catalogue_at: int


def look_at(store: Store) -> Volume:
    """Read label and catalogue, by two or three small ranges.

    :raises SqlError: 3201 (it is not there, or not to be read), 3241 (it is no backup, or damaged).
    """
    found = store.find(reading=True)
    if found is None:
        raise Stage.OPEN.error(store.url, messages.NOT_FOUND)
    try:
        return _look(store, found)
    except Damage as damage:
        raise messages.malformed(store.url) from damage


def _look(store: Store, found: Found) -> Volume:
    size = found.size
    if size < len(PREAMBLE) + 2 * HEAD + TRAILER:
        raise Damage("it is too short to be a backup")
    front, seen = store.read(0, min(_END, size) - 1, Stage.OPEN)
    front = bytes(front)
    if seen.size != size:
        raise Stage.OPEN.error(store.url, messages.INVALID_DATA)
    found = seen  # lists and reads may write ETags in different ways
    if front[: len(PREAMBLE)] != PREAMBLE:
        raise Damage("it is not of this format")
    label = Label.loaded(_record(front, len(PREAMBLE), Kind.LABEL)[1])
    start = max(size - _END, 0)
    back = front if size <= _END else bytes(_ranged(store, found, range(start, size)))
    place = read_trailer(back[-TRAILER:], size, label.owner[0])
    if place < start:
        start, back = place, bytes(_ranged(store, found, range(place, size)))
    head, body = _record(back, place - start, Kind.CATALOGUE)
    if place + HEAD + head.length + TRAILER != size or head.owner != label.owner:
        raise Damage("the catalogue is that of another")
    return Volume(store, found, label, Catalogue.loaded(body), place)


def _ranged(
    store: Store, found: Found, place: range, stage: Stage = Stage.OPEN, into: memoryview | None = None
) -> bytes | memoryview:
    """Read a range of an object that must still be the one that was found."""
    data, seen = store.read(place.start, place.stop - 1, stage, into)
    if seen.size != found.size or (found.etag and seen.etag != found.etag):
        raise stage.error(store.url, messages.INVALID_DATA)
    return data


def _record(data: bytes, place: int, kind: Kind) -> tuple[Head, bytes]:
    head = Head.read(data[place : place + HEAD])
    body = data[place + HEAD : place + HEAD + head.length]
    head.check(body)
    if head.kind is not kind:
        raise Damage(f"a {head.kind.name} where a {kind.name} should be")
    return head, body


def read_set(
    volumes: Sequence[Volume], key_of: Callable[[bytes], bytes | None], transfer: Transfer, crew: Crew
) -> Iterator[bytes]:
    """Give the payload of a media set, in order.

    :raises SqlError: as :meth:`MountedMedia.pieces` says.
    """
    _check_set(volumes)
    label, told = volumes[0].label, volumes[0].catalogue
    coder = Coder(label.owner[0], _key(label, key_of))
    try:
        yield from _merged([_Stream(volume, transfer, crew) for volume in volumes], coder, told)
    except Damage as damage:
        raise messages.damaged() from damage


def _check_set(volumes: Sequence[Volume]) -> None:
    """Whether these are all the stripes of one media set, each once; their order does not matter."""
    first = volumes[0]
    seen: dict[int, str] = {}
    for volume in volumes:
        url, label = volume.store.url, volume.label
        if label.media_set_id != first.label.media_set_id:
            raise messages.foreign(url)
        if label.family in seen:
            raise messages.twice(url, label.family, seen[label.family])
        if volume.catalogue.backup_set != first.catalogue.backup_set:
            raise messages.malformed(url)
        seen[label.family] = url
    if len(volumes) > first.label.families:
        raise messages.expected_families(first.store.url, first.label.families, len(volumes))
    if len(volumes) < first.label.families:
        raise messages.incomplete(first.label.families, len(volumes))


def _key(label: Label, key_of: Callable[[bytes], bytes | None]) -> bytes | None:
    if not label.thumbprint:
        return None
    thumbprint = bytes.fromhex(label.thumbprint)
    key = key_of(thumbprint)
    if key is None:
        raise messages.no_certificate(thumbprint)
    return key


def _merged(streams: Sequence[_Stream], coder: Coder, told: Catalogue) -> Iterator[bytes]:
    """Give block after block: each lies at the head of one stream, or it is missing."""
    size = digest = 0
    for each in streams:
        each.begin()
    for number in range(told.blocks):
        stream = next((one for one in streams if one.next_number() == number), None)
        if stream is None:
            raise Damage(f"block {number} is in none of the stripes")
        crc, data = stream.take(coder)
        digest = running_digest(digest, number, crc)
        size += len(data)
        yield data
    for each in streams:
        each.finish()
    if (size, digest) != (told.payload, told.digest):
        raise Damage("the whole is not what the catalogue says")


class _Stream:
    """One object from its first byte to its last: ranges are fetched ahead, records are checked as they come.

    Ranges go into a few buffers that are used again and again, so that the peak of memory does not depend on luck.
    """

    def __init__(self, volume: Volume, transfer: Transfer, crew: Crew) -> None:
        buffers, self._persist = transfer.buffer_count, transfer.persist
        behaviour = volume.store.behaviour
        self._volume, self._crew = volume, crew
        self._step = behaviour.range_bytes or volume.label.transfer_size
        self._ahead, self._buffers = min(behaviour.parallel_ranges, max(buffers, 1)), buffers
        self._fetching: deque[tuple[memoryview, Future[bytes | memoryview]]] = deque()
        self._free: list[memoryview] = []
        self._current: memoryview | None = None
        self._asked = self._at = self._blocks = 0
        self._rest: memoryview = memoryview(b"")
        self._head: Head | None = None
        self._fetch(self._ahead)

    def begin(self) -> None:
        """Read as far as the first block; all streams have begun to fetch by then."""
        volume = self._volume
        if self._take(len(PREAMBLE)) != PREAMBLE:
            raise Damage("the preamble has changed")
        head = Head.read(bytes(self._take(HEAD)))
        body = self._take(head.length)
        head.check(body)
        if head.kind is not Kind.LABEL or Label.loaded(bytes(body)) != volume.label:
            raise Damage("the label has changed")
        self._advance()

    def next_number(self) -> int:
        """The number of the block at the head; -1 after the last."""
        return self._head.sequence if self._head else -1

    def take(self, coder: Coder) -> tuple[int, bytes]:
        """Give the block at the head, checked, and its CRC."""
        head = self._head
        assert head
        body = self._take(head.length)
        try:
            head.check(body)
        except Damage:
            if not self._persist:
                raise
            self._persist()
        self._blocks += 1
        data = coder.unpack(head.sequence, Block(head.flags, body))  # a copy: what comes next may overwrite the buffer
        self._advance()
        return head.crc, data

    def finish(self) -> None:
        """Read the rest: the catalogue and the trailer that were looked at before, and not a byte more or less."""
        volume = self._volume
        if self._head or self._blocks != volume.catalogue.own:
            raise Damage("a stripe has more or fewer blocks than it should")
        head = Head.read(bytes(self._take(HEAD)))
        body = bytes(self._take(head.length))
        head.check(body)
        if head.kind is not Kind.CATALOGUE or Catalogue.loaded(body) != volume.catalogue:
            raise Damage("the catalogue has changed")
        read_trailer(bytes(self._take(TRAILER)), volume.found.size, volume.label.owner[0])

    def _advance(self) -> None:
        if self._at == self._volume.catalogue_at:
            self._head = None
            return
        self._head = head = Head.read(bytes(self._take(HEAD)))
        label = self._volume.label
        if head.kind is not Kind.BLOCK or head.owner != label.owner:
            raise Damage("a block is not of this stripe")

    def _take(self, count: int) -> bytes | memoryview:
        """Give the next bytes; a copy only where they lie across the border of two ranges."""
        self._at += count
        if self._at > self._volume.found.size:
            raise Damage("a record reaches over the end")
        if count <= len(self._rest):
            taken, self._rest = self._rest[:count], self._rest[count:]
            return taken
        gathered = bytearray(self._rest)
        while len(gathered) < count:
            data = memoryview(self._fetched())
            missing = count - len(gathered)
            gathered += data[:missing]
            self._rest = data[missing:]
        return bytes(gathered)

    def _fetched(self) -> bytes | memoryview:
        """Wait for the next range, while others come behind it: with it they are no more than there are buffers."""
        self._rest = memoryview(b"")
        if self._current is not None:
            self._free.append(self._current)
        self._fetch(self._ahead)
        self._current, coming = self._fetching.popleft()
        data = self._crew.result(coming)
        self._fetch(min(self._ahead, self._buffers - 1))
        return data

    def _fetch(self, most: int) -> None:
        size = self._volume.found.size
        while self._asked < size and len(self._fetching) < most:
            end = min(self._asked + self._step, size)
            buffer = self._free.pop() if self._free else memory.buffer(min(self._step, size))
            place = range(self._asked, end)
            work = partial(_ranged, self._volume.store, self._volume.found, place, Stage.READ, buffer)
            self._fetching.append((buffer, self._crew.start(work)))
            self._asked = end
