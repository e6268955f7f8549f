"""All defects by name, those of an endpoint's proxy and those of the engine stand-in. Nothing here needs mitmproxy."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

from restoreproof.standins.proxy import catalogue as proxy
from restoreproof.standins.sqlserver.defects import (
    backups,
    columns,
    engine_errors,
    faults,
    filegroups,
    instance,
    interruptions,
    kept_buckets,
    restores,
    scripts,
)
from restoreproof.standins.sqlserver.playing import EngineDefect

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from restoreproof.standins.proxy.defect import Defect

__all__ = ["DEFECTS", "ENGINE_DEFECTS", "apart", "chosen"]

ENGINE_DEFECTS: Mapping[str, EngineDefect] = MappingProxyType(
    {
        defect.name: defect
        for area in (
            *(backups, columns, filegroups, restores, interruptions, engine_errors),
            *(kept_buckets, faults, scripts, instance),
        )
        for defect in area.DEFECTS
    }
)
"""Those that only an engine can play."""

DEFECTS: Mapping[str, Defect | EngineDefect] = MappingProxyType({**proxy.DEFECTS, **ENGINE_DEFECTS})


def chosen(names: Iterable[str]) -> tuple[Defect | EngineDefect, ...]:
    """Look up defects by name, each once, in the order given.

    :raises LookupError: a name is unknown; the text gives the nearest spelling and the whole list.
    """
    return proxy.named(names, DEFECTS)


def apart(names: Iterable[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The names of the proxy's defects, and those of the engine's.

    :raises LookupError: a name is unknown.
    """
    defects = chosen(names)
    engine = tuple(defect.name for defect in defects if isinstance(defect, EngineDefect))
    return tuple(defect.name for defect in defects if defect.name not in engine), engine
