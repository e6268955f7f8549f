"""Defects of what columns are, beside their values."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from restoreproof.standins.sqlserver.playing import Batch, EngineDefect, falsifies

if TYPE_CHECKING:
    from collections.abc import Callable


def _falsified_in_copies(column: str, change: Callable[[Any], Any]) -> Callable[[Batch], None]:
    """Change a column of results, in databases that were restored."""
    falsify = falsifies(r"^USE \[", column, change)

    def play(batch: Batch) -> None:
        if batch.opens:
            batch.memory.mark([f"USE [{batch.subject}]"])
        if batch.memory.knows([batch.text.partition(";")[0]]):
            falsify(batch)
        else:
            batch.run()

    return play


DEFECTS = (
    EngineDefect(
        "collations-of-the-server",
        "A restore gives every column the collation of the server.",
        "BAK-01.collations",
        ("BAK-01.collations",),
        _falsified_in_copies("collation_name", lambda name: name and "SQL_Latin1_General_CP1_CI_AS"),
    ),
    EngineDefect(
        "persisted-columns-lost",
        "A restore leaves no computed column persisted.",
        "BAK-01.computed-columns",
        ("BAK-01.computed-columns",),
        _falsified_in_copies("is_persisted", lambda _: False),
    ),
)
