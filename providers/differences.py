"""What a provider does in its own way: capabilities, limits and clean-up, for every release or from one release on."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from restoreproof.providers.capabilities import CAPABILITIES, LIMITS, MECHANISMS, Capability, Value

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from restoreproof.providers.ranges import RangeReader
    from restoreproof.providers.table import Table

TABLES = ("capabilities", "limits", "cleanup")
"""What may differ from release to release."""


@dataclass(frozen=True)
class Cleanup:
    """What becomes of the uploads that a failed backup leaves behind; times are seconds, None is unknown.

    ``after`` is the age at which they go, ``scan`` how often the server looks, ``window`` when in the day it does,
    ``retroactive`` whether a new rule reaches uploads that are already open, ``accelerator`` the setting that makes
    all this quick in a laboratory, ``longest_backup`` the longest backup that is safe from it.
    """

    mechanism: str = "manual"
    after: int | None = None
    scan: int | None = None
    window: str | None = None
    retroactive: bool | None = None
    accelerator: str | None = None
    longest_backup: int | None = None

    @property
    def kills_backups(self) -> bool:
        """Whether the server would remove the parts of a backup that is said to be safe."""
        return self.after is not None and (self.longest_backup or 0) > self.after


@dataclass(frozen=True)
class Differences:
    """What a profile, or one variant of it, really says; what it leaves out is absent."""

    capabilities: Mapping[str, Value] = field(default_factory=dict)
    limits: Mapping[str, int] = field(default_factory=dict)
    cleanup: Mapping[str, Any] = field(default_factory=dict)

    def overlaid(self, over: Differences) -> Differences:
        """The same, with what another one says in the place of what this one does."""
        return Differences(
            {**self.capabilities, **over.capabilities},
            {**self.limits, **over.limits},
            {**self.cleanup, **over.cleanup},
        )

    def all_capabilities(self) -> dict[str, Value]:
        """Every capability with its value; a clean-up by lifecycle rules says that there are such rules."""
        implied = {"lifecycle_rules": True} if self.cleanup.get("mechanism") == "lifecycle" else {}
        defaults = {name: capability.default for name, capability in CAPABILITIES.items()}
        return {**defaults, **implied, **self.capabilities}

    def all_limits(self) -> dict[str, int]:
        """Every limit with its value."""
        return {**{name: limit.default for name, limit in LIMITS.items()}, **self.limits}

    def whole_cleanup(self) -> Cleanup:
        """The clean-up with its defaults."""
        return replace(Cleanup(), **self.cleanup)


def read_differences(table: Table, *, mechanism_required: bool) -> Differences:
    """What the three tables under one table say; what is wrong goes to the table's collector."""
    return Differences(
        _capabilities(table.table("capabilities")),
        _limits(table.table("limits")),
        _cleanup(table.table("cleanup"), required=mechanism_required),
    )


def read_variants(tables: Iterable[Table], ranges: RangeReader) -> Differences:
    """What the variants say together that the run is in; all are read, and the last one has the last word."""
    told = Differences()
    for table in tables:
        _, holds = ranges.read(table, "when", required=True)
        differences = read_differences(table, mechanism_required=False)
        table.close()
        if not any(name in table for name in TABLES):
            table.report(
                None, "changes nothing; write [variants.capabilities], [variants.limits] or [variants.cleanup]"
            )
        told = told.overlaid(differences) if holds else told
    return told


def _capabilities(table: Table) -> dict[str, Value]:
    read = {name: _capability(table, capability) for name, capability in CAPABILITIES.items()}
    table.close()
    return {name: value for name, value in read.items() if value is not None}


def _capability(table: Table, capability: Capability) -> Value | None:
    match capability.kind:
        case "bool":
            return table.flag(capability.name)
        case "int":
            return table.number(capability.name)
        case "duration":
            return table.duration(capability.name)
        case "set":
            return table.texts(capability.name, capability.choices)
    return table.choice(capability.name, capability.choices)


def _limits(table: Table) -> dict[str, int]:
    read = {name: table.number(name) for name in LIMITS}
    table.close()
    return {name: value for name, value in read.items() if value is not None}


def _cleanup(table: Table, *, required: bool) -> dict[str, Any]:
    read = {
        "mechanism": table.choice("mechanism", MECHANISMS, required=required and bool(table)),
        "after": table.duration("after"),
        "scan": table.duration("scan"),
        "window": table.text("window"),
        "retroactive": table.flag("retroactive"),
        "accelerator": table.text("accelerator"),
        "longest_backup": table.duration("longest_backup"),
    }
    table.close()
    return {name: value for name, value in read.items() if value is not None}
