"""Defects of databases that are backed up and restored in pieces."""

from __future__ import annotations

from typing import TYPE_CHECKING

from restoreproof.standins.sqlserver.playing import Batch, EngineDefect, falsifies, loses, refuses

if TYPE_CHECKING:
    from collections.abc import Callable

LAST = "DELETE FROM dbo.receipts WHERE id = (SELECT MAX(id) FROM dbo.receipts)"
LAST_ARCHIVED = "DELETE FROM dbo.archive WHERE id = (SELECT MAX(id) FROM dbo.archive)"


def _loses_pieces(pattern: str, statement: str) -> Callable[[Batch], None]:
    """Lose a row in the end, where a piece was restored by a statement of this form."""

    def play(batch: Batch) -> None:
        batch.run()
        if batch.says(pattern):
            batch.memory.mark([batch.subject])
        if batch.opens and batch.memory.knows([batch.subject]):
            batch.memory.forget([batch.subject])
            batch.also(f"USE [{batch.subject}]; {statement}; USE master")

    return play


DEFECTS = (
    EngineDefect(
        "restored-file-loses-a-row",
        "A file that is restored over the old one loses its last row.",
        "BAK-04.file",
        ("BAK-04.file",),
        _loses_pieces(r"^RESTORE DATABASE \S+ FILEGROUP = N'archive' FROM URL = N'[^']*/file\.bak'", LAST_ARCHIVED),
    ),
    EngineDefect(
        "filegroup-loses-a-row",
        "A filegroup that is restored behind the primary one loses its last row.",
        "BAK-04.filegroups",
        ("BAK-04.filegroups",),
        _loses_pieces(r"^RESTORE DATABASE \S+ FILEGROUP = N'PRIMARY' .* NORECOVERY", LAST_ARCHIVED),
    ),
    EngineDefect(
        "read-write-filegroups-lose-a-row",
        "A backup of READ_WRITE_FILEGROUPS comes back without its last row.",
        "BAK-21.read-write-filegroups",
        ("BAK-21.read-write-filegroups",),
        _loses_pieces(r"^RESTORE DATABASE \S+ READ_WRITE_FILEGROUPS ", LAST),
    ),
    EngineDefect(
        "part-called-full",
        "RESTORE HEADERONLY calls the backup of a file a full one.",
        "BAK-21.header-tells-the-part",
        ("BAK-21.header-tells-the-part",),
        falsifies(r"RESTORE HEADERONLY FROM URL = N'[^']*/file\.bak", "BackupType", lambda _: 1),
    ),
    EngineDefect(
        "partial-loses-a-row",
        "A restore WITH PARTIAL alone loses the last row.",
        "RST-10.partial",
        ("RST-10.partial",),
        loses(lambda batch: batch.says(r" WITH PARTIAL, ")),
    ),
    EngineDefect(
        "memory-loses-a-row",
        "A memory-optimised table comes back without its first row.",
        "BAK-01.memory-optimised",
        ("BAK-01.memory-optimised",),
        _loses_pieces(r"^RESTORE DATABASE .* MOVE N'hot' TO ", "DELETE FROM dbo.hot WHERE id = 1"),
    ),
    EngineDefect(
        "filestream-loses-a-file",
        "A restore loses a file of FILESTREAM.",
        "BAK-01.filestream",
        ("BAK-01.filestream",),
        _loses_pieces(r"^RESTORE DATABASE .* MOVE N'streams' TO ", "UPDATE dbo.streams SET body = NULL WHERE id = 1"),
    ),
    EngineDefect(
        "metadata-only-refused",
        "A backup WITH METADATA_ONLY is refused.",
        "BAK-16.metadata-only",
        ("BAK-16.metadata-only",),
        refuses(lambda batch: batch.is_backup and batch.says(r" WITH METADATA_ONLY, "), 3202, "Write failed."),
    ),
)
