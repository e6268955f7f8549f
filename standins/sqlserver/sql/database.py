"""One database: an SQLite file in WAL mode, its write lock, its log, and where it stands in its chain of backups."""

from __future__ import annotations

import os
import sqlite3
import threading
import time
import uuid
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from restoreproof.standins.sqlserver.session import Cancelled
from restoreproof.standins.sqlserver.sql.filegroups import pages_of
from restoreproof.standins.sqlserver.sql.pagelog import LOGGED, PAGE, Commit, Segment, WalReader, images

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Sequence
    from pathlib import Path
    from threading import Event

    from restoreproof.standins.sqlserver.backups import BackupSet

__all__ = ["COLLATION", "LSN_STEP", "Base", "Database", "DatabaseFile", "Snapshot", "now"]

COLLATION = "SQL_Latin1_General_CP1_CI_AS"
"""Of the instance, and of every database that names no other."""
_FIRST_LSN = 37_000_000_024_000_001
LSN_STEP = 800_000
_CHECKPOINT_AFTER = 4_000  # frames: 32 MB
_POLL = 0.05
_PATIENCE = 10


def now() -> datetime:
    """The instance's clock: UTC, as in SQL Server's container image, without a zone."""
    return datetime.now(UTC).replace(tzinfo=None)


@dataclass(frozen=True)
class DatabaseFile:
    """A file as T-SQL sees it; ``kind`` is D, L or S (memory-optimised, or FILESTREAM).

    Physical names are names only: the bytes lie elsewhere.
    """

    logical: str
    physical: str
    kind: str
    filegroup: str = "PRIMARY"


@dataclass(frozen=True)
class Base:
    """The full backup that differential backups refer to."""

    set_id: str
    checkpoint_lsn: int


@dataclass
class Snapshot:
    """A database as of one LSN, to be read page by page while others go on writing.

    :ivar lsn: the next LSN: all commits below it are in.
    :ivar checkpoint: the LSN of the snapshot itself; ``time`` is its moment, in microseconds since 1970.
    :ivar segments: the log since its last backup, and how much of each file belongs to the snapshot.
    :ivar later: pages that are changed while it is open.
    :ivar part: the pages of the filegroups that were asked for.
    """

    checkpoint: int
    lsn: int
    time: int
    pages: int
    frames: dict[int, int]
    wal: int
    file: int
    changed: frozenset[int] = frozenset()
    segments: tuple[tuple[Segment, int], ...] = ()
    later: set[int] = field(default_factory=set)
    part: Sequence[int] = ()

    def images(self, numbers: Sequence[int]) -> Iterator[memoryview]:
        """The images of pages, in this order; they should be no more than a MiB."""
        return images([self._place(number) for number in numbers])

    def _place(self, number: int) -> tuple[int, int, int]:
        offset = self.frames.get(number)
        return (self.file, (number - 1) * PAGE, PAGE) if offset is None else (self.wal, offset, LOGGED)


@dataclass
class WriteLock:
    """Who may write; a session keeps it until its transaction ends."""

    owner: object = None
    condition: threading.Condition = field(default_factory=threading.Condition)

    def acquire(self, owner: object, cancelled: Event) -> None:
        """Wait for it; nothing where the owner has it already.

        :raises Cancelled: the event was set.
        """
        with self.condition:
            while self.owner is not None and self.owner is not owner:
                if cancelled.is_set():
                    raise Cancelled
                self.condition.wait(_POLL)
            self.owner = owner

    def release(self, owner: object) -> None:
        """Let others write; nothing where the owner has it not."""
        with self.condition:
            if self.owner is owner:
                self.owner = None
                self.condition.notify_all()


class Database:
    """A database of the instance.

    :ivar state: ONLINE, RESTORING or OFFLINE.
    :ivar family: stays the same from one restore to the next: what a backup belongs to.
    :ivar log_start: where the next log backup begins; None as long as there is no chain.
    :ivar changed: pages that differ from the base of differential backups.
    :ivar ready: while RESTORING: whether logs and differential backups can be applied.
    :ivar groups: its filegroups by name in small letters; ``frozen`` are those that are read-only, ``missing`` those
        that were not restored.
    :ivar folders: filegroups of memory-optimised tables and of FILESTREAM, which are kept as all others are: name and
        kind by name in small letters.
    :ivar encryptor: the thumbprint of the certificate that its encryption key is protected with; empty without a key.
    :ivar suspended: for a snapshot: nobody can write until its backup is made.
    :ivar reached: how far the newest of its restored parts is: the log must bring the others there.
    """

    def __init__(self, name: str, number: int, folder: Path, files: list[DatabaseFile]) -> None:
        self.name, self.id, self.folder, self.files = name, number, folder, files
        self.path = folder / f"{uuid.uuid4().hex}.db"
        self.state, self.recovery, self.created = "ONLINE", "FULL", now()
        self.collation = COLLATION
        self.groups = {"primary": "PRIMARY"} | {f.filegroup.lower(): f.filegroup for f in files if f.kind == "D"}
        self.frozen: set[str] = set()
        self.missing: set[str] = set()
        self.folders: dict[str, tuple[str, str]] = {}
        self.suspended = False
        self.encryptor, self.encrypted = b"", False
        self.reached = 0
        self.standby = self.read_only = False
        self.single_user: int | None = None
        self.ready = self.restoring = False
        self.family, self.fork = str(uuid.uuid4()), str(uuid.uuid4())
        self.first_fork, self.fork_lsn = self.fork, 0
        self.lsn, self.time = _FIRST_LSN, 0
        self.base: Base | None = None
        self.changed: set[int] = set()
        self.log_start: int | None = None
        self.segments: list[Segment] = []
        self.identities: dict[str, tuple[int, int]] = {}
        self.version = 0
        self.lock = WriteLock()
        self.guard = threading.RLock()
        self._idle = threading.Condition(self.guard)
        self._users = 0
        self.connections: dict[int, sqlite3.Connection] = {}
        self._snapshots: list[Snapshot] = []
        self._keeper: sqlite3.Connection | None = None
        self._wal: WalReader | None = None
        self._file = -1

    # Opening and closing

    def start(self) -> None:
        """Open the file, which is made where there is none."""
        self._keeper = self.connect()
        self._keeper.execute("PRAGMA user_version").fetchone()
        self._wal = WalReader(self.path.with_name(self.path.name + "-wal"))
        self._wal.take()
        self._file = os.open(self.path, os.O_RDONLY)
        self.version += 1

    def start_new(self, lay_out: Callable[[sqlite3.Connection], None]) -> None:
        """Make the file, with what every database has."""
        connection = self.connect()
        lay_out(connection)
        self.start()
        connection.close()

    def connect(self) -> sqlite3.Connection:
        """A connection of its own; its caller closes it."""
        connection = sqlite3.connect(self.path, isolation_level=None, check_same_thread=False, timeout=10)
        connection.executescript(
            f"PRAGMA page_size={PAGE}; PRAGMA journal_mode=WAL; PRAGMA synchronous=OFF; PRAGMA wal_autocheckpoint=0;"
            "PRAGMA temp_store=MEMORY; PRAGMA cache_size=-8000; PRAGMA case_sensitive_like=OFF"
        )
        return connection

    @property
    def is_open(self) -> bool:
        """Whether connections can be had."""
        return self._keeper is not None

    @contextmanager
    def used(self) -> Iterator[None]:
        """A query runs: the files stay open until it has ended."""
        with self.guard:
            self._users += 1
        try:
            yield
        finally:
            with self._idle:
                self._users -= 1
                self._idle.notify_all()

    def close(self) -> None:
        """Close everything: what is in the write-ahead log goes into the file.

        Its caller has seen to it that nobody begins anything new; who is at it still is waited for.
        """
        with self._idle:
            self._idle.wait_for(lambda: not self._users, _PATIENCE)
        for connection in self.connections.values():
            connection.close()
        self.connections.clear()
        if self._wal and self._keeper:
            self._wal.close()
            self._keeper.close()
            os.close(self._file)
        self._wal = self._keeper = None
        self.identities.clear()

    def remove(self) -> None:
        """Close it and take its files away."""
        self.close()
        self.drop_log()
        for suffix in ("", "-wal", "-shm"):
            self.path.with_name(self.path.name + suffix).unlink(missing_ok=True)

    def drop_log(self) -> None:
        """Forget the log."""
        for segment in self.segments:
            segment.remove()
        self.segments = []

    def drop_segments(self, count: int) -> None:
        """Forget the oldest segments: they were backed up."""
        for segment in self.segments[:count]:
            segment.remove()
        del self.segments[:count]

    def end_chain(self) -> None:
        """There is no chain of log backups any more."""
        with self.guard:
            self.log_start = None
            self.drop_log()

    def leave(self, lsn: int, *, standby: bool) -> None:
        """Take it out of use at this LSN, ready for more to be restored; in standby it can be read."""
        self.lsn, self.ready, self.state, self.standby = lsn, True, "RESTORING", False
        self.close()
        if standby:
            self.stand_by()

    def stand_by(self) -> None:
        """Let it be read between two restores."""
        self.start()
        self.state, self.standby = "ONLINE", True

    def adopt(self, found: BackupSet) -> None:
        """Become the database of a full backup, of which nothing is restored yet."""
        self.state, self.recovery, self.collation = "RESTORING", found.recovery_model, found.collation
        self.family, self.lsn = found.family_id, found.last_lsn
        self.time = int(dict(found.extra)["log_end"])
        self.base = Base(found.set_id, found.checkpoint_lsn) if found.type == "D" and not found.copy_only else None
        self.frozen = set(filter(None, dict(found.extra).get("read_only", "").split("/")))
        self.encryptor = found.encryptor
        self.encrypted = bool(self.encryptor)
        self.follow(found)

    def follow(self, found: BackupSet) -> None:
        """Take over a backup's place among the recovery paths."""
        extra = dict(found.extra)
        self.fork, self.first_fork = found.fork_id, extra.get("first_fork", found.fork_id)
        self.fork_lsn = int(extra.get("fork_lsn", "0"))

    def recover(self) -> None:
        """End the restore sequence: the database is open, on a recovery path of its own."""
        self.first_fork, self.fork, self.fork_lsn = self.fork, str(uuid.uuid4()), self.lsn
        self.log_start = None if self.recovery == "SIMPLE" else self.lsn
        self.start()
        self.state, self.ready, self.standby = "ONLINE", False, False

    # Writing

    def suspend(self, cancelled: Event) -> None:
        """Let nobody write any more; who writes at the moment is waited for."""
        self.lock.acquire(self, cancelled)
        self.suspended = True

    def resume(self) -> None:
        """Let everybody write again."""
        self.suspended = False
        self.lock.release(self)

    def commit(self, connection: sqlite3.Connection, mark: str = "") -> None:
        """Commit the transaction of a connection, and take what it wrote into the log, with its mark."""
        with self.guard:
            connection.execute("COMMIT")
            frames = self._wal.take() if self._wal else {}
            if not frames or not self._wal:
                return
            self.time = max(self.time + 1, time.time_ns() // 1000)
            commit = Commit(self.lsn, self.time, self._wal.pages, len(frames), mark)
            self.lsn += LSN_STEP
            for pages in (self.changed, *(snapshot.later for snapshot in self._snapshots)):
                pages.update(frames)
            if self.log_start is not None:
                self.segment().append(commit, frames, self._wal.descriptor)
            if len(self._wal.frames) > _CHECKPOINT_AFTER:
                self.checkpoint()

    def segment(self) -> Segment:
        """The segment that commits go to."""
        if not self.segments:
            self.segments.append(Segment(self.folder / f"{uuid.uuid4().hex}.log"))
        return self.segments[-1]

    def checkpoint(self) -> None:
        """Bring the write-ahead log into the file, unless a backup is reading both."""
        with self.guard:
            if self._snapshots or not self._keeper or not self._wal:
                return
            _, logged, done = self._keeper.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
            if logged == done:
                self._wal.checkpointed()

    # Reading for backups

    @contextmanager
    def snapshot(self, *, rotate: bool = False, groups: Collection[str] = ()) -> Iterator[Snapshot]:
        """The database as it is now; the files stay as they are for as long as it is open.

        :param rotate: commits after it go to a new segment, so that the ones before it can be dropped.
        :param groups: the filegroups whose pages are asked for, where not all are.
        """
        with self.guard:
            taken = self._take_snapshot(rotate=rotate)
            taken.part = pages_of(self._keeper, groups, taken.pages) if groups and self._keeper else ()
            self._snapshots.append(taken)
        try:
            yield taken
        finally:
            with self.guard:
                self._snapshots = [one for one in self._snapshots if one is not taken]

    def _take_snapshot(self, *, rotate: bool) -> Snapshot:
        assert self._wal
        segments = tuple((segment, segment.size) for segment in self.segments)
        if rotate:
            self.segments.append(Segment(self.folder / f"{uuid.uuid4().hex}.log"))
        checkpoint, self.lsn = self.lsn, self.lsn + LSN_STEP
        self.time = max(self.time + 1, time.time_ns() // 1000)
        return Snapshot(
            checkpoint,
            self.lsn,
            self.time,
            self._wal.pages or os.fstat(self._file).st_size // PAGE,
            dict(self._wal.frames),
            self._wal.descriptor,
            self._file,
            frozenset(self.changed),
            segments,
        )

    @property
    def busy(self) -> bool:
        """Whether a backup or a query is reading it."""
        return bool(self._snapshots or self._users)
