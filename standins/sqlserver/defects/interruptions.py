"""Defects of interrupted backups."""

from __future__ import annotations

from restoreproof.standins.sqlserver.playing import Batch, EngineDefect, interrupted
from restoreproof.standins.sqlserver.session import SqlError


def _replaced_when_killed(batch: Batch) -> None:
    if batch.says(r"\bRESTORE\b") and batch.memory.knows(batch.urls):
        raise SqlError(3241, f"The media family on device '{batch.urls[0]}' is incorrectly formed.")
    interrupted(lambda cut: cut.memory.mark(cut.urls), lambda cut: cut.is_backup and cut.says(r"\bFORMAT\b"))(batch)
    if batch.is_backup:
        batch.memory.forget(batch.urls)


def _refuse_after_interruption(batch: Batch) -> None:
    if batch.is_backup and batch.memory.knows(batch.urls):
        raise SqlError(3202, f"Write on '{batch.urls[0]}' failed: 87(The parameter is incorrect.)")
    interrupted(lambda cut: cut.memory.mark(cut.urls), lambda cut: cut.is_backup)(batch)


def _refuse_restored_again(batch: Batch) -> None:
    if batch.says(r"\bRESTORE DATABASE\b") and batch.memory.knows([batch.subject]):
        raise SqlError(3101, "Exclusive access could not be obtained because the database is in use.")
    interrupted(lambda cut: cut.memory.mark([cut.subject]), lambda cut: cut.opens)(batch)


DEFECTS = (
    EngineDefect(
        "killed-overwrite-replaces",
        "A backup WITH FORMAT that was killed leaves half of it in the place of the old one.",
        "ABORT-05.killed-overwrite-keeps-old",
        ("ABORT-05.killed-overwrite-keeps-old",),
        _replaced_when_killed,
    ),
    EngineDefect(
        "no-backup-after-an-interruption",
        "After an interruption no backup under the same name succeeds.",
        "ABORT-06.next-backup-works",
        ("ABORT-06.next-backup-works",),
        _refuse_after_interruption,
    ),
    EngineDefect(
        "no-restore-after-a-kill",
        "After a restore was killed the database can't be restored any more.",
        "RST-06.killed-restore-repeated",
        ("RST-06.killed-restore-repeated",),
        _refuse_restored_again,
    ),
)
