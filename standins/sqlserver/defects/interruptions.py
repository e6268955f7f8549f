"""Defects of interrupted backups."""

from __future__ import annotations

from typing import TYPE_CHECKING

from restoreproof.standins.sqlserver.playing import Batch, EngineDefect, accepts, interrupted, loses_what
from restoreproof.standins.sqlserver.session import SqlError

if TYPE_CHECKING:
    from collections.abc import Callable

FULL = r"/fault-(over-quota|bucket-quota|disk-full)\.refused\.bak"


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


def _spoilt_when_gone(batch: Batch) -> None:
    gone = [url.rpartition("/")[2] for url in batch.urls]  # the host has another port on the way that is cut
    if batch.says(r"\bRESTORE\b") and batch.memory.knows(gone):
        raise SqlError(3241, f"The media family on device '{batch.urls[0]}' is incorrectly formed.")
    batch.run_marking(gone, lambda failed: failed.says(r"/gone\.bak"))


def _after_failure(title: str, statement: str, number: int) -> Callable[[Batch], None]:
    """Once a backup of this name has failed, refuse every further statement of a kind about it."""

    def play(batch: Batch) -> None:
        if batch.says(statement) and batch.memory.knows(batch.urls):
            raise SqlError(number, f"What failed before on '{batch.urls[0]}' stands in the way.")
        batch.run_marking(batch.urls, lambda failed: failed.says(title))

    return play


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
    EngineDefect(
        "full-store-overlooked",
        "A backup that found the store full says that it succeeded.",
        "ABORT-08.full-store",
        ("ABORT-08.full-store",),
        accepts(lambda batch: batch.says(FULL)),
    ),
    EngineDefect(
        "no-backup-after-a-full-store",
        "After a store was full no backup under the same name succeeds, though there is room again.",
        "ABORT-06.room-again",
        ("ABORT-06.room-again",),
        _after_failure(r"/fault-over-quota\.again\.bak", r"\bBACKUP\b", 3202),
    ),
    EngineDefect(
        "restart-overlooked",
        "A backup during which the store restarted is called good and comes back without the last row.",
        "WIRE-11.store-restarts",
        ("WIRE-11.store-restarts",),
        loses_what(lambda batch: batch.says(r"BACKUP .*/restarted\.bak")),
    ),
    EngineDefect(
        "gone-store-spoils-the-old",
        "A backup WITH FORMAT whose store went away leaves half of it in the place of the old one.",
        "ABORT-05.store-goes-away",
        ("ABORT-05.store-goes-away",),
        _spoilt_when_gone,
    ),
    EngineDefect(
        "no-backup-after-the-store-was-away",
        "After the store was away no backup under the same name succeeds.",
        "ABORT-06.store-comes-back",
        ("ABORT-06.store-comes-back",),
        _after_failure(r"/back\.bak", r"\bBACKUP\b", 3202),
    ),
)
