"""Defects of backups."""

from __future__ import annotations

import re

from restoreproof.standins.sqlserver.playing import (
    Batch,
    EngineDefect,
    falsifies,
    loses,
    loses_what,
    refuses,
    rewrites,
    skips,
)

DENIED = "Cannot open backup device. Operating system error 5(Access is denied.)."
SEVERAL = 3
ENCRYPTED = re.compile(r"ALTER DATABASE \[([^\]]+)\] SET ENCRYPTION ON")


def _mirror(batch: Batch) -> None:
    """A mirror that is written but holds something else."""
    if batch.says(r"\bMIRROR TO\b"):
        batch.memory.mark(batch.urls[len(batch.urls) // 2 :])
    batch.run()
    if batch.opens and batch.memory.knows(batch.urls):
        batch.lose()


def _at_once(batch: Batch) -> None:
    """Backups get into each other's way when three run at a time."""
    if not batch.is_backup:
        batch.run()
        if batch.opens and batch.memory.knows(batch.urls):
            batch.lose()
        return
    with batch.memory.counted() as running:
        if running >= SEVERAL:
            batch.memory.mark(batch.urls)
        batch.run()


def _encrypted(batch: Batch) -> None:
    """Rows of encrypted databases get lost."""
    batch.memory.mark(ENCRYPTED.findall(batch.text))
    loses_what(lambda one: one.memory.knows([one.subject]))(batch)


def _stray(batch: Batch) -> None:
    """A fifth object beside four stripes."""
    batch.run()
    if batch.is_backup and len(batch.urls) == 4:  # noqa: PLR2004 - some number of stripes
        batch.also(f"BACKUP DATABASE [{batch.subject}] TO URL = N'{batch.urls[0]}.tmp' WITH COPY_ONLY")


def _rounded(batch: Batch) -> None:
    batch.run()
    if batch.opens and batch.says(r"/types\.bak"):
        batch.also(f"USE [{batch.subject}]; UPDATE dbo.specimens SET exact = 1 WHERE id = 1; USE master")


DEFECTS = (
    EngineDefect(
        "restores-lose-a-row",
        "Every restore loses the last row.",
        "BAK-01.one-url",
        ("BAK-01.one-url",),
        loses(lambda _: True),
    ),
    EngineDefect(
        "wide-stripes-lose-a-row",
        "A restore from eight stripes or more loses the last row.",
        "BAK-15.stripes",
        ("BAK-15.stripes",),
        loses(lambda batch: len(batch.urls) >= 8),  # noqa: PLR2004
    ),
    EngineDefect(
        "stripes-in-order-only",
        "A restore is refused whose first URL is not the first stripe.",
        "BAK-15.any-order",
        ("BAK-15.any-order",),
        refuses(
            lambda batch: batch.says(r"RESTORE DATABASE \S+ FROM URL = N'[^']*_(?!01)\d\d\.bak', "),
            3231,
            "The media loaded is formatted to support other media families.",
        ),
    ),
    EngineDefect(
        "rows-beyond-a-part-lost",
        "A restore of a large database loses a row that lies beyond the first part.",
        "BAK-19.larger-than-a-part",
        (
            "ABORT-06.next-backup-works",
            "BAK-13.buffer-counts",
            "BAK-19.larger-than-a-part",
            "ERR-11.faults-while-reading",
            "MPU-02.transfer-sizes",
            "RST-06.killed-restore-repeated",
            "WIRE-11.faults-while-writing",
        ),
        loses(lambda _: True, "id = 3000"),
    ),
    EngineDefect(
        "differential-loses-a-row",
        "A differential backup comes back without the last row.",
        "BAK-02.differential",
        (
            "BAK-02.differential",
            "BAK-05.copy-only",
        ),
        loses_what(lambda batch: batch.says(r"WITH DIFFERENTIAL$")),
    ),
    EngineDefect(
        "copy-only-ignored",
        "COPY_ONLY is ignored: the copy becomes the base of the next differential.",
        "BAK-05.copy-only",
        ("BAK-05.copy-only",),
        rewrites(r" WITH COPY_ONLY$", ""),
    ),
    EngineDefect(
        "logs-lose-a-row",
        "The last log of a chain comes back without its last row.",
        "BAK-03.log-chain",
        (
            "BAK-03.log-chain",
            "BAK-03.no-truncate",
            "BAK-03.standby-takes-over",
            "BAK-03.tail-log",
            "BAK-03.two-instances",
            "BAK-04.file",
            "BAK-04.filegroups",
            "BAK-05.copy-only-in-chain",
            "CRED-17.rotated-in-mid-chain",
            "OPS-01.maintenance-chain",
            "RST-03.standby",
            "RST-04.stop-at",
            "RST-04.stop-at-mark",
            "RST-04.stop-before-mark",
        ),
        loses(lambda batch: batch.says(r"\bRESTORE LOG\b")),
    ),
    EngineDefect(
        "tail-loses-a-row",
        "The tail of the log comes back without its last row.",
        "BAK-03.tail-log",
        ("BAK-03.tail-log", "BAK-04.file"),
        loses_what(lambda batch: batch.says(r"BACKUP LOG .* WITH NORECOVERY$")),
    ),
    EngineDefect(
        "tail-leaves-the-database-open",
        "A log backup WITH NORECOVERY leaves the database online.",
        "BAK-03.tail-norecovery",
        (
            "BAK-03.tail-norecovery",
            "BAK-03.two-instances",
            "BAK-04.file",
        ),
        rewrites(r"WITH NORECOVERY$", "WITH NO_CHECKSUM", only=r"^BACKUP LOG"),
    ),
    EngineDefect(
        "tail-not-readable",
        "A log backup WITH STANDBY leaves a database that can't be read.",
        "BAK-03.tail-standby",
        ("BAK-03.tail-standby",),
        rewrites(r"STANDBY = N'[^']*'", "NORECOVERY", only=r"^BACKUP LOG"),
    ),
    EngineDefect(
        "no-truncate-ignored",
        "NO_TRUNCATE is ignored: the log goes on behind the backup.",
        "BAK-03.no-truncate",
        ("BAK-03.no-truncate",),
        rewrites(r" WITH NO_TRUNCATE$", ""),
    ),
    EngineDefect(
        "compressed-loses-a-row",
        "A compressed backup of the default transfer size comes back without the last row.",
        "BAK-06.compression",
        (
            "BAK-06.compression",
            "OPS-01.maintenance-full",
            "OPS-06.maintenance-credential",
        ),
        loses_what(lambda batch: batch.says(r"BACKUP DATABASE .*\bCOMPRESSION($|, CREDENTIAL)")),
    ),
    EngineDefect(
        "largest-transfers-lose-a-row",
        "A backup in transfers of 20 MiB comes back without the last row.",
        "MPU-02.transfer-sizes",
        (
            "MPU-02.transfer-sizes",
            "OPS-03.docs-striped",
        ),
        loses_what(lambda batch: batch.says(r"MAXTRANSFERSIZE = 20971520")),
    ),
    EngineDefect(
        "rows-beyond-a-hundred-parts-lost",
        "A restore loses a row that lies beyond the first hundred parts.",
        "MPU-01.more-than-a-hundred-parts",
        ("MPU-01.more-than-a-hundred-parts",),
        loses(lambda _: True, "id = 65000"),
        scale="nightly",
    ),
    EngineDefect(
        "rows-of-long-stripes-lost",
        "A restore from several stripes loses a row where each of them has eight parts or more.",
        "LIM-03.striped-for-its-size",
        ("LIM-03.striped-for-its-size",),
        loses(lambda batch: len(batch.urls) > 1, "id = 13000"),
        scale="nightly",
    ),
    EngineDefect(
        "checksums-not-recorded",
        "A backup WITH CHECKSUM says that it has none.",
        "BAK-08.checksum",
        ("BAK-08.checksum",),
        falsifies(r"RESTORE HEADERONLY", "HasBackupChecksums", lambda _: False),
    ),
    EngineDefect(
        "small-blocks-lose-a-row",
        "A backup in blocks of 512 bytes comes back without the last row.",
        "BAK-12.block-sizes",
        ("BAK-12.block-sizes",),
        loses_what(lambda batch: batch.says(r"BLOCKSIZE = 512$")),
    ),
    EngineDefect(
        "many-buffers-lose-a-row",
        "A backup with 16 buffers comes back without the last row.",
        "BAK-13.buffer-counts",
        ("BAK-13.buffer-counts",),
        loses_what(lambda batch: batch.says(r"BUFFERCOUNT = 16$")),
    ),
    EngineDefect(
        "format-keeps-the-old-backup",
        "A backup WITH FORMAT succeeds, and the old object stays.",
        "BAK-09.format-replaces",
        ("BAK-09.format-replaces", "LCK-04.format-in-versioned-bucket", "LCK-04.old-version-stays"),
        skips(lambda batch: batch.says(r"WITH FORMAT$") and batch.memory.knows(batch.urls)),
    ),
    EngineDefect(
        "existing-object-overwritten",
        "A backup without FORMAT overwrites what is there.",
        "BAK-09.existing-refused",
        ("BAK-09.existing-refused",),
        rewrites(r"^(BACKUP DATABASE \S+ TO URL = N'[^']*nightly\.bak')$", r"\1 WITH FORMAT"),
    ),
    EngineDefect(
        "init-outweighs-format",
        "INIT beside FORMAT is taken for INIT alone: what exists is not replaced.",
        "BAK-11.init-with-format",
        ("BAK-11.init-with-format",),
        rewrites(r"\bINIT, FORMAT\b", "INIT"),
    ),
    EngineDefect(
        "names-in-ascii",
        "The name of a backup loses what is not ASCII.",
        "BAK-14.names-travel",
        ("BAK-14.names-travel",),
        falsifies(r"RESTORE HEADERONLY", "BackupName", lambda name: name and name.encode("ascii", "replace").decode()),
    ),
    EngineDefect(
        "device-type-of-a-disk",
        "The history calls a URL a disk.",
        "BAK-20.msdb-names-the-url",
        ("BAK-20.msdb-names-the-url",),
        falsifies(r"backupmediafamily", "device_type", lambda _: 2),
    ),
    EngineDefect(
        "stray-object",
        "Beside the stripes of a backup a further object appears.",
        "BAK-01.object-as-written",
        ("BAK-01.object-as-written",),
        _stray,
    ),
    EngineDefect(
        "mirror-loses-a-row",
        "The mirror of a backup comes back without the last row.",
        "MIR-01.mirrors",
        ("MIR-01.mirrors",),
        _mirror,
    ),
    EngineDefect(
        "named-region-refused",
        "A backup that names its region is refused.",
        "REG-02.region-named",
        ("REG-02.region-named",),
        refuses(lambda batch: batch.says(r"\bBACKUP_OPTIONS\b"), 3201, DENIED),
    ),
    EngineDefect(
        "encrypted-loses-a-row",
        "An encrypted backup comes back without the last row.",
        "BAK-07.encryption",
        ("BAK-07.encryption",),
        loses_what(lambda batch: batch.says(r"\bENCRYPTION\b")),
    ),
    EngineDefect(
        "encrypted-database-loses-a-row",
        "The backup of a database that is encrypted itself comes back without the last row.",
        "BAK-18.encrypted-database",
        ("BAK-18.encrypted-database",),
        _encrypted,
    ),
    EngineDefect(
        "backups-at-once-lose-a-row",
        "Of three backups at a time one comes back without the last row.",
        "BAK-01.several-at-once",
        ("BAK-01.several-at-once",),
        _at_once,
    ),
    EngineDefect(
        "names-of-ascii-only",
        "A URL with spaces or umlauts is refused.",
        "BAK-01.odd-names",
        ("BAK-01.odd-names",),
        refuses(
            lambda batch: batch.is_backup and any(" " in url or not url.isascii() for url in batch.urls), 3201, DENIED
        ),
    ),
    EngineDefect(
        "exact-values-rounded",
        "A restore rounds exact numbers.",
        "BAK-01.every-type",
        ("BAK-01.every-type",),
        _rounded,
    ),
)
