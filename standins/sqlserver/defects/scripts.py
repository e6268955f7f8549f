"""Defects of the scripts that people run."""

from __future__ import annotations

from restoreproof.standins.sqlserver.playing import EngineDefect, loses_what, refuses

DENIED = "Cannot open backup device. Operating system error 5(Access is denied.)."


DEFECTS = (
    EngineDefect(
        "checked-verification-refused",
        "RESTORE VERIFYONLY refuses what was backed up WITH CHECKSUM and COMPRESSION.",
        "OPS-01.maintenance-full",
        ("OPS-01.maintenance-full",),
        refuses(lambda batch: batch.says(r"RESTORE VERIFYONLY FROM URL = N'[^']*_FULL_"), 3203, "Read failed."),
    ),
    EngineDefect(
        "compressed-differential-refused",
        "A compressed differential backup WITH CHECKSUM is refused.",
        "OPS-01.maintenance-chain",
        ("OPS-01.maintenance-chain",),
        refuses(lambda batch: batch.says(r"CHECKSUM, COMPRESSION, DIFFERENTIAL"), 3202, "Write failed."),
    ),
    EngineDefect(
        "named-credential-refused",
        "A backup that names its credential is refused.",
        "OPS-06.maintenance-credential",
        ("OPS-06.maintenance-credential", "RST-11.named-credential"),
        refuses(lambda batch: batch.says(r"\bCREDENTIAL = N'"), 3201, DENIED),
    ),
    EngineDefect(
        "progress-loses-a-row",
        "A backup WITH STATS comes back without the last row.",
        "OPS-03.docs-striped",
        ("OPS-03.docs-striped",),
        loses_what(lambda batch: batch.says(r"STATS = 10")),
    ),
)
