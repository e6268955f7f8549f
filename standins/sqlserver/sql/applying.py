"""Backups turned back into database files: full ones page by page, others from a spool, so as to apply whole."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO

from restoreproof.standins.sqlserver.sql.backing_up import DIFFERENTIAL, FULL, PART
from restoreproof.standins.sqlserver.sql.behind import WriteBehind
from restoreproof.standins.sqlserver.sql.database import LSN_STEP
from restoreproof.standins.sqlserver.sql.messages import error
from restoreproof.standins.sqlserver.sql.pagelog import PAGE, PIECE, PageReader, Segment, commits

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    from restoreproof.standins.sqlserver.backups import BackupSet
    from restoreproof.standins.sqlserver.sql.database import Database
    from restoreproof.standins.sqlserver.sql.pagelog import Commit

__all__ = ["Applied", "Stop", "apply_differential", "apply_full", "apply_log", "apply_part"]

_HEAD = struct.Struct(">4sII")


@dataclass(frozen=True)
class Applied:
    """How many pages were written, and whether STOPAT was reached."""

    pages: int
    stopped: bool = False


@dataclass(frozen=True)
class Stop:
    """Where a restore ends: at a time (microseconds since 1970), or at or before a marked transaction."""

    time: int | None = None
    mark: str = ""
    before: bool = False

    def excludes(self, commit: Commit) -> bool:
        """Whether a commit comes too late."""
        return (self.time is not None and commit.time > self.time) or (self.before and self.is_marked(commit))

    def is_marked(self, commit: Commit) -> bool:
        """Whether it is the one that was named."""
        return bool(self.mark) and commit.mark.lower() == self.mark.lower()


def _head(reader: PageReader, kind: bytes) -> tuple[int, int]:
    magic, pages, count = _HEAD.unpack(reader.exactly(_HEAD.size))
    if magic != kind:
        raise error(3241, "the backup's payload")
    return pages, count


def _whole(pieces: Iterable[bytes], found: BackupSet) -> Iterator[bytes]:
    """The pieces, which must be as many bytes as were backed up."""
    missing = found.backup_bytes
    for piece in pieces:
        missing -= len(piece)
        yield piece
    if missing:
        raise error(3241, f"that holds {found.database}")


def apply_full(database: Database, found: BackupSet, pieces: Iterable[bytes], take_over: Callable[[], None]) -> Applied:
    """Write a new database's file.

    :param take_over: called once the backup proves readable, before anything is written.
    """
    reader = PageReader(_whole(pieces, found))
    pages, count = _head(reader, FULL if found.type == "D" else PART)
    take_over()
    database.restoring = True
    try:
        with database.path.open("wb") as file:
            if found.type == "D":
                _fill(file, reader, pages)
            else:
                _write(file, reader.pages(count), set())
                file.truncate(pages * PAGE)
        if reader.read(1):
            raise error(3241, "the backup's payload")
        database.ready = True
    finally:
        database.restoring = False
    return Applied(pages)


def _fill(file: BinaryIO, reader: PageReader, pages: int) -> None:
    with WriteBehind(file) as behind:
        for at in range(0, pages, PIECE // PAGE):
            behind.write(reader.exactly(PAGE * min(PIECE // PAGE, pages - at)))


def _spooled(pieces: Iterable[bytes], found: BackupSet, spool: Path) -> Iterator[PageReader]:
    """The whole payload, read to its end before anything is applied: what is damaged is not applied at all."""
    try:
        with spool.open("wb") as file:
            for piece in _whole(pieces, found):
                file.write(piece)
        segment = Segment(spool)
        yield PageReader(segment.pieces(spool.stat().st_size))
    finally:
        spool.unlink(missing_ok=True)


def _write(file: BinaryIO, pages: Iterable[tuple[int, bytes]], changed: set[int]) -> int:
    count = 0
    for number, image in pages:
        file.seek((number - 1) * PAGE)
        file.write(image)
        changed.add(number)
        count += 1
    return count


def apply_differential(database: Database, found: BackupSet, pieces: Iterable[bytes], spool: Path) -> Applied:
    """Bring a database from its full backup to a differential one."""
    for reader in _spooled(pieces, found, spool):
        pages, count = _head(reader, DIFFERENTIAL)
        with database.path.open("r+b") as file:
            written = _write(file, reader.pages(count), database.changed)
            file.truncate(pages * PAGE)
    database.lsn, database.time = found.last_lsn, int(dict(found.extra)["log_end"])
    database.follow(found)
    return Applied(written)


def apply_part(database: Database, found: BackupSet, pieces: Iterable[bytes], spool: Path, groups: set[str]) -> Applied:
    """Bring filegroups back into a database; what is not read-only then waits for the log from this backup on."""
    for reader in _spooled(pieces, found, spool):
        pages, count = _head(reader, PART)
        with database.path.open("r+b") as file:
            written = _write(file, reader.pages(count), database.changed)
            if pages * PAGE > database.path.stat().st_size:
                file.truncate(pages * PAGE)
    frozen = set(dict(found.extra).get("read_only", "").split("/"))
    if not groups <= frozen:
        database.reached = max(database.reached, database.lsn, found.last_lsn)
        database.lsn = min(database.lsn, found.last_lsn)
        database.time = min(database.time, int(dict(found.extra)["log_end"]))
    database.missing -= groups
    return Applied(written)


def apply_log(database: Database, found: BackupSet, pieces: Iterable[bytes], spool: Path, stop: Stop) -> Applied:
    """Roll a database forward, commit by commit, up to where it is to stop."""
    written, stopped, lsn = 0, False, database.lsn
    for reader in _spooled(pieces, found, spool):
        with database.path.open("r+b") as file:
            for commit, images in commits(reader):
                if commit.lsn < database.lsn:
                    for _ in images:
                        pass
                    continue
                if stop.excludes(commit):
                    stopped = True
                    break
                written += _write(file, images, database.changed)
                file.truncate(commit.pages * PAGE)
                lsn, database.time = commit.lsn + LSN_STEP, commit.time
                if stop.is_marked(commit):
                    stopped = True
                    break
    database.lsn = lsn if stopped else max(lsn, found.last_lsn)
    database.follow(found)
    return Applied(written, stopped)
