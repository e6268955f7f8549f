"""Defects of restores."""

from __future__ import annotations

from restoreproof.standins.sqlserver.playing import (
    Batch,
    EngineDefect,
    accepts,
    falsifies,
    hushes,
    loses,
    refuses,
    rewrites,
    skips,
)
from restoreproof.standins.sqlserver.session import SqlError

DENIED = "Cannot open backup device. Operating system error 5(Access is denied.)."


def _only_own(batch: Batch) -> None:
    """What another server wrote comes back with a row less."""
    if batch.is_backup:
        batch.memory.mark(batch.urls)
    batch.run()
    if batch.opens and batch.urls and not batch.memory.knows(batch.urls):
        batch.lose()


def _end_the_chain(batch: Batch) -> None:
    """A database that was opened by a log backup has no log chain to go on with."""
    if batch.says(r"\bBACKUP LOG\b") and batch.memory.knows([batch.subject]):
        raise SqlError(4214, "BACKUP LOG cannot be performed because there is no current database backup.")
    batch.run()
    if batch.says(r"\bRESTORE LOG\b") and batch.opens:
        batch.memory.mark([batch.subject])


def _take_the_log(batch: Batch) -> None:
    """A copy-only backup ends with a log backup that nobody asked for."""
    batch.run()
    if batch.says(r"\bBACKUP DATABASE\b.*\bCOPY_ONLY\b"):
        batch.also(f"BACKUP LOG [{batch.subject}] TO URL = N'{batch.urls[0]}.log'")


DEFECTS = (
    EngineDefect(
        "replace-does-nothing",
        "RESTORE WITH REPLACE succeeds and leaves the database as it was.",
        "RST-03.replace",
        ("RST-03.replace",),
        skips(lambda batch: batch.says(r"WITH REPLACE$")),
    ),
    EngineDefect(
        "recovery-loses-a-row",
        "RESTORE WITH RECOVERY alone loses the last row.",
        "RST-03.norecovery",
        ("BAK-21.read-write-filegroups", "RST-03.norecovery"),
        loses(lambda batch: batch.says(r"RESTORE DATABASE \S+ WITH RECOVERY$")),
    ),
    EngineDefect(
        "standby-not-readable",
        "RESTORE WITH STANDBY leaves a database that can't be read.",
        "RST-03.standby",
        ("BAK-03.standby-takes-over", "BAK-03.tail-standby", "RST-03.standby"),
        rewrites(r"STANDBY = N'[^']*'", "NORECOVERY"),
    ),
    EngineDefect(
        "stop-at-ignored",
        "STOPAT is ignored: rows of a later moment come back.",
        "RST-04.stop-at",
        ("RST-04.stop-at",),
        rewrites(r" WITH STOPAT = '[^']*'", ""),
    ),
    EngineDefect(
        "mark-ignored",
        "STOPATMARK is ignored: rows of a later moment come back.",
        "RST-04.stop-at-mark",
        ("RST-04.stop-at-mark",),
        rewrites(r" WITH STOPATMARK = '[^']*'", ""),
    ),
    EngineDefect(
        "mark-belongs-to-before",
        "STOPBEFOREMARK stops behind the marked transaction.",
        "RST-04.stop-before-mark",
        ("RST-04.stop-before-mark",),
        rewrites("STOPBEFOREMARK", "STOPATMARK"),
    ),
    EngineDefect(
        "stop-on-error-refused",
        "A restore WITH STOP_ON_ERROR is refused.",
        "RST-05.stop-on-error",
        ("RST-05.stop-on-error",),
        refuses(lambda batch: batch.says(r"^RESTORE .*\bSTOP_ON_ERROR\b"), 3203, "Read failed."),
    ),
    EngineDefect(
        "going-on-says-nothing",
        "RESTORE WITH CONTINUE_AFTER_ERROR says nothing of the damage.",
        "RST-05.continue-after-error",
        ("RST-05.continue-after-error",),
        hushes(3184),
    ),
    EngineDefect(
        "broker-refused",
        "RESTORE WITH NEW_BROKER is refused.",
        "RST-07.further-options",
        ("RST-07.further-options",),
        refuses(lambda batch: batch.says(r"\bNEW_BROKER\b"), 3032, "One or more of the options are not supported."),
    ),
    EngineDefect(
        "restart-refused",
        "RESTORE WITH RESTART is refused.",
        "RST-06.restart",
        ("RST-06.restart",),
        refuses(lambda batch: batch.says(r"\bRESTART$"), 3201, DENIED),
    ),
    EngineDefect(
        "missing-stripe-overlooked",
        "A restore without one of its stripes succeeds.",
        "RST-02.missing-stripe",
        ("RST-02.missing-stripe",),
        accepts(lambda batch: batch.says(r"^RESTORE DATABASE"), 3132, 3231),
    ),
    EngineDefect(
        "foreign-stripe-overlooked",
        "A restore with a stripe of another backup succeeds.",
        "RST-02.foreign-stripe",
        ("RST-02.foreign-stripe",),
        accepts(lambda batch: batch.says(r"^RESTORE DATABASE") and len(batch.urls) == 2, 3241, 3256, 3258, 3227),  # noqa: PLR2004
    ),
    EngineDefect(
        "flipped-byte-overlooked",
        "A restore of a backup with a wrong byte succeeds.",
        "ERR-11.flipped-byte",
        ("ERR-11.flipped-byte",),
        accepts(lambda batch: batch.says(r"^RESTORE DATABASE .*flipped\.bak")),
    ),
    EngineDefect(
        "truncation-overlooked",
        "A restore of a backup without its end succeeds.",
        "ERR-11.truncated",
        ("ERR-11.truncated",),
        accepts(lambda batch: batch.says(r"^RESTORE DATABASE .*truncated\.bak")),
    ),
    EngineDefect(
        "verify-overlooks-damage",
        "RESTORE VERIFYONLY finds a backup with a wrong byte valid.",
        "META-04.damage-found",
        ("META-04.damage-found",),
        accepts(lambda batch: batch.says(r"^RESTORE VERIFYONLY")),
    ),
    EngineDefect(
        "anything-is-a-backup",
        "A restore from an object that is no backup succeeds.",
        "META-08.no-backup",
        ("META-08.no-backup",),
        accepts(lambda batch: batch.says(r"^RESTORE DATABASE .*/no\.bak"), 3241, 3242, 3254, 3208),
    ),
    EngineDefect(
        "every-backup-is-full",
        "RESTORE HEADERONLY calls every backup a full one.",
        "META-01.headeronly",
        ("BAK-21.header-tells-the-part", "META-01.headeronly"),
        falsifies(r"RESTORE HEADERONLY", "BackupType", lambda _: 1),
    ),
    EngineDefect(
        "file-list-names-other-files",
        "RESTORE FILELISTONLY names other paths.",
        "META-02.filelistonly",
        ("META-02.filelistonly",),
        falsifies(r"RESTORE FILELISTONLY", "PhysicalName", lambda path: f"{path}.old"),
    ),
    EngineDefect(
        "label-counts-one-stripe",
        "RESTORE LABELONLY calls every stripe the only one.",
        "META-03.labelonly",
        ("META-03.labelonly",),
        falsifies(r"RESTORE LABELONLY", "FamilyCount", lambda _: 1),
    ),
    EngineDefect(
        "verify-refuses-stripes",
        "RESTORE VERIFYONLY refuses a striped backup.",
        "META-04.verifyonly",
        ("META-04.verifyonly",),
        refuses(lambda batch: batch.says(r"RESTORE VERIFYONLY") and len(batch.urls) > 1, 3203, "Read failed."),
    ),
    EngineDefect(
        "foreign-backup-loses-a-row",
        "What another server wrote comes back without the last row.",
        "CRED-18.second-instance",
        (
            "BAK-03.standby-takes-over",
            "BAK-03.two-instances",
            "BAK-05.copy-only-in-chain",
            "CRED-18.second-instance",
        ),
        _only_own,
    ),
    EngineDefect(
        "chain-ends-with-the-takeover",
        "A database that was opened by a log backup can't back its log up.",
        "BAK-03.two-instances",
        ("BAK-03.two-instances", "BAK-05.copy-only-in-chain"),
        _end_the_chain,
    ),
    EngineDefect(
        "copy-only-takes-the-log",
        "A copy-only backup takes the log along, so that the next log backup leaves a gap.",
        "BAK-05.copy-only-in-chain",
        ("BAK-05.copy-only-in-chain",),
        _take_the_log,
    ),
    EngineDefect(
        "certificate-not-asked-for",
        "An encrypted backup is restored without its certificate, as is that of an encrypted database.",
        "BAK-07.without-certificate",
        ("BAK-07.without-certificate", "BAK-18.without-certificate"),
        accepts(lambda _: True, 33111),
    ),
    EngineDefect(
        "encrypted-database-without-certificate",
        "The backup of an encrypted database is restored without its certificate.",
        "BAK-18.without-certificate",
        ("BAK-18.without-certificate",),
        accepts(lambda batch: batch.says(r"/tde\.bak"), 33111),
    ),
    EngineDefect(
        "named-block-size-refused",
        "A restore that names the block size of its backup is refused.",
        "RST-08.block-size",
        ("RST-08.block-size",),
        refuses(
            lambda batch: batch.says(r"^RESTORE DATABASE .*\bBLOCKSIZE = 4096$"),
            3284,
            "Filemark is not aligned. Re-issue the restore statement with the same blocksize.",
        ),
    ),
    EngineDefect(
        "named-credential-passed-over",
        "A restore passes over the credential that it names, and finds none.",
        "RST-11.named-credential",
        ("RST-11.named-credential",),
        rewrites(r", CREDENTIAL = N'[^']*'", "", only=r"^RESTORE DATABASE"),
    ),
)
