"""Defects of an engine that meets faults on its way to the store."""

from __future__ import annotations

from restoreproof.standins.sqlserver.playing import EngineDefect, accepts, loses_what, renumbers, rewrites

UNSUPPORTED = "Cannot open backup device. Operating system error 50(The request is not supported.)."

DEFECTS = (
    EngineDefect(
        "lost-part-overlooked",
        "A backup of which a part's answer was lost is called good and comes back without the last row.",
        "WIRE-11.faults-while-writing",
        ("WIRE-11.faults-while-writing",),
        loses_what(lambda batch: batch.says(r"BACKUP .*/fault-lost-part\.")),
    ),
    EngineDefect(
        "cut-reads-overlooked",
        "A restore whose reads were cut off brings a row less and says nothing.",
        "ERR-11.faults-while-reading",
        ("ERR-11.faults-while-reading",),
        loses_what(lambda batch: batch.says(r"BACKUP .*/fault-cut-reads\.")),
    ),
    EngineDefect(
        "busy-store-overlooked",
        "A backup whose parts were all refused says that it succeeded.",
        "WIRE-11.busy-for-ever",
        ("WIRE-11.busy-for-ever",),
        accepts(lambda batch: batch.says(r"/fault-always-busy\.")),
    ),
    EngineDefect(
        "too-many-parts-overlooked",
        "A backup of which the last parts were refused says that it succeeded.",
        "ERR-06.too-many-parts",
        ("ERR-06.too-many-parts",),
        accepts(lambda batch: batch.says(r"/fault-parts-")),
    ),
    EngineDefect(
        "another-default-region",
        "Without a region option requests are signed for another region.",
        "REG-01.default-region",
        ("REG-01.default-region",),
        rewrites(r"(/fault-none\.census\.bak')$", r"""\1 WITH BACKUP_OPTIONS = '{"s3": {"region":"eu-north-9"}}'"""),
    ),
    EngineDefect(
        "larger-default-parts",
        "Without MAXTRANSFERSIZE parts are as large as they may be with it.",
        "MPU-04.default-part-size",
        ("MPU-04.default-part-size",),
        rewrites(r"(/fault-none\.census\.bak')$", r"\1 WITH COMPRESSION, MAXTRANSFERSIZE = 20971520"),
    ),
    EngineDefect(
        "parts-from-two",
        "The first part has the number 2.",
        "MPU-07.parts-in-order",
        ("MPU-07.parts-in-order",),
        behaviour={"first_part_number": 2},
    ),
    EngineDefect(
        "skew-told-as-missing",
        "A clock that is wrong is told as a request that is not supported.",
        "ERR-03.clock-skew",
        ("ERR-03.clock-skew",),
        renumbers(lambda batch, error: error.number == 3201 and batch.says(r"/fault-skewed\."), 3201, UNSUPPORTED),  # noqa: PLR2004
    ),
)
