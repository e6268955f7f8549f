"""The log: page images of every commit, taken from SQLite's write-ahead log, and how they travel in log backups.

SQLite's write-ahead log already is a log of page images; its file format is documented ("WAL-mode File Format"). After
each commit the new frames are copied into a segment file of our own, with the commit's LSN and time. A log backup is
these segments as they are.
"""

from __future__ import annotations

import os
import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING

from restoreproof.standins.sqlserver.sql.messages import error

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

__all__ = [
    "LOGGED",
    "NUMBER",
    "PAGE",
    "PIECE",
    "Commit",
    "PageReader",
    "Segment",
    "WalReader",
    "commits",
    "images",
    "numbered",
]

PAGE = 8192
PIECE = 1024 * 1024
_WAL_HEADER = struct.Struct(">8I")
_FRAME = struct.Struct(">6I")
_COMMIT = struct.Struct(">4sQQIIH")
NUMBER = struct.Struct(">I")
_MAGIC = b"CMIT"
LOGGED = _FRAME.size + PAGE
"""From one image to the next in a write-ahead log; in a database file it is a page."""


def images(places: Sequence[tuple[int, int, int]]) -> Iterator[memoryview]:
    """Page images by descriptor, offset, and how far the next lies where it is the neighbour: those are read at once.

    Whoever asks for many asks for a MiB at a time: a run of neighbours is held in memory.
    """
    first = 0
    for after in range(1, len(places) + 1):
        descriptor, offset, step = places[after - 1]
        if after < len(places) and places[after] == (descriptor, offset + step, step):
            continue
        descriptor, offset, step = places[first]
        count = after - first
        run = memoryview(os.pread(descriptor, (count - 1) * step + PAGE, offset))
        yield from (run[at : at + PAGE] for at in range(0, count * step, step))
        first = after


def numbered(numbers: Iterable[int], found: Iterable[memoryview]) -> bytes:
    """The images of pages, each behind its number."""
    return b"".join(part for number, image in zip(numbers, found, strict=True) for part in (NUMBER.pack(number), image))


@dataclass(frozen=True)
class Commit:
    """What one commit changed.

    :ivar time: microseconds since 1970, UTC.
    :ivar pages: pages of the file behind it.
    :ivar changed: how many page images belong to it.
    :ivar mark: the name of a transaction that was begun WITH MARK.
    """

    lsn: int
    time: int
    pages: int
    changed: int
    mark: str = ""

    def head(self) -> bytes:
        """As it stands before its pages."""
        mark = self.mark.encode()
        return _COMMIT.pack(_MAGIC, self.lsn, self.time, self.pages, self.changed, len(mark)) + mark


class WalReader:
    """Reads what commits add to a write-ahead log. Its caller holds the database's write lock.

    :ivar frames: where the last committed image of a page stands in the log, by page number.
    :ivar pages: pages of the database after the last commit.
    """

    def __init__(self, path: Path) -> None:
        self.descriptor = os.open(path, os.O_RDONLY)
        self.frames: dict[int, int] = {}
        self.pages = 0
        self._salts: tuple[int, int] | None = None
        self._end = _WAL_HEADER.size

    def close(self) -> None:
        """Let go of the file."""
        os.close(self.descriptor)

    def take(self) -> dict[int, int]:
        """The frames that were committed since: page number and offset; empty where it wrote nothing."""
        head = os.pread(self.descriptor, _WAL_HEADER.size, 0)
        if len(head) < _WAL_HEADER.size:
            return {}
        salts = _WAL_HEADER.unpack(head)[4:6]
        if salts != self._salts:  # the log was begun anew behind a checkpoint
            self._salts, self._end = (salts[0], salts[1]), _WAL_HEADER.size
            self.frames.clear()
        found: dict[int, int] = {}
        open_: dict[int, int] = {}
        at = self._end
        while len(frame := os.pread(self.descriptor, _FRAME.size, at)) == _FRAME.size:
            page, size, *rest = _FRAME.unpack(frame)
            if (rest[0], rest[1]) != self._salts:
                break
            open_[page] = at + _FRAME.size
            at += _FRAME.size + PAGE
            if size:  # only a commit's last frame names the size: what has none behind it was rolled back
                self._end, self.pages = at, size
                found |= open_
                open_.clear()
        self.frames.update(found)
        return found

    def checkpointed(self) -> None:
        """All frames are in the database file now."""
        self.frames.clear()


class Segment:
    """A file of commits, from one log backup to the next.

    :ivar size: bytes that are in it.
    """

    def __init__(self, path: Path) -> None:
        self.path, self.size = path, 0

    def append(self, commit: Commit, frames: dict[int, int], descriptor: int) -> None:
        """Add a commit whose page images stand in another file."""
        with self.path.open("ab") as file:
            file.write(commit.head())
            pages = list(frames.items())
            for at in range(0, len(pages), PIECE // PAGE):
                chosen = pages[at : at + PIECE // PAGE]
                found = images([(descriptor, offset, LOGGED) for _, offset in chosen])
                file.write(numbered([page for page, _ in chosen], found))
            self.size = file.tell()

    def pieces(self, size: int) -> Iterator[bytes]:
        """What it holds up to a size, in pieces."""
        if not size:
            return
        with self.path.open("rb") as file:
            while size > 0 and (piece := file.read(min(PIECE, size))):
                size -= len(piece)
                yield piece

    def remove(self) -> None:
        """It was backed up, or nobody wants it."""
        self.path.unlink(missing_ok=True)


class PageReader:
    """Exact numbers of bytes out of pieces of any size."""

    def __init__(self, pieces: Iterable[bytes]) -> None:
        self._pieces = iter(pieces)
        self._piece, self._at = b"", 0

    def read(self, size: int) -> bytes:
        """As many bytes; fewer at the end."""
        found = self._piece[self._at : self._at + size]
        self._at += len(found)
        if len(found) == size:
            return found
        parts, missing = [found], size - len(found)
        while missing and (piece := next(self._pieces, b"")):
            self._piece, self._at = piece, min(missing, len(piece))
            parts.append(piece[: self._at])
            missing -= self._at
        return b"".join(parts)

    def exactly(self, size: int) -> bytes:
        """As many bytes.

        :raises SqlError: 3241 where the backup ends before.
        """
        found = self.read(size)
        if len(found) < size:
            raise error(3241, "the backup's payload")
        return found

    def pages(self, count: int) -> Iterator[tuple[int, bytes]]:
        """Page numbers and images."""
        for _ in range(count):
            yield NUMBER.unpack(self.exactly(NUMBER.size))[0], self.exactly(PAGE)


def commits(reader: PageReader) -> Iterator[tuple[Commit, Iterator[tuple[int, bytes]]]]:
    """The commits of a log backup in order; the pages of one must be read before the next is asked for."""
    while head := reader.read(_COMMIT.size):
        if len(head) < _COMMIT.size or not head.startswith(_MAGIC):
            raise error(3241, "the backup's payload")
        _, lsn, time, pages, changed, size = _COMMIT.unpack(head)
        mark = reader.exactly(size).decode(errors="replace")
        yield Commit(lsn, time, pages, changed, mark), reader.pages(changed)
