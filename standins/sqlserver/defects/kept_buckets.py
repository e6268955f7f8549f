"""Defects of SQL Server in buckets with rules of their own."""

from __future__ import annotations

from restoreproof.standins.sqlserver.playing import Batch, EngineDefect, renumbers
from restoreproof.standins.sqlserver.session import SqlError

MISSING, EXISTS = 3201, 3271


def _deleted(batch: Batch, error: SqlError) -> bool:
    return error.number == MISSING and batch.says(r"^RESTORE .*/deleted\.bak")


def _once_only(batch: Batch) -> None:
    """Every name takes one backup without FORMAT, whatever became of that."""
    is_bare = batch.is_backup and not batch.says(r"\b(FORMAT|MIRROR TO)\b")
    if is_bare and batch.memory.knows(batch.urls):
        raise SqlError(EXISTS, "A nonrecoverable I/O error occurred: the object exists.")
    batch.run()
    if is_bare:
        batch.memory.mark(batch.urls)


DEFECTS = (
    EngineDefect(
        "deleted-backup-has-another-number",
        "A backup under a delete marker is told as a read that failed.",
        "LCK-05.deleted-backup-is-missing",
        ("LCK-05.deleted-backup-is-missing",),
        renumbers(_deleted, 3203, "Read failed."),
    ),
    EngineDefect(
        "deleted-name-stays-taken",
        "A backup without FORMAT is refused under a name that one was written to, though that was deleted.",
        "LCK-05.deleted-name-is-free",
        ("LCK-05.deleted-name-is-free",),
        _once_only,
    ),
)
