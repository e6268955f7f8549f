"""All defects by name. Nothing here needs mitmproxy: documentation and `--list` read it too."""

from __future__ import annotations

from difflib import get_close_matches
from types import MappingProxyType
from typing import TYPE_CHECKING, TypeVar

from restoreproof.standins.proxy.composed import composed, is_composed
from restoreproof.standins.proxy.defects import (
    abort,
    addressing,
    buckets,
    completion,
    consistency,
    credentials,
    errors,
    kept_buckets,
    lists,
    multipart,
    names,
    node_uploads,
    nodes,
    orphans,
    part_numbers,
    parts,
    reads,
    rights,
    scale,
    sequences,
    tls,
    upload_ids,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from restoreproof.standins.proxy.defect import Defect

__all__ = ["DEFECTS", "chosen", "named"]

T = TypeVar("T")

_AREAS = (
    tls,
    credentials,
    rights,
    addressing,
    names,
    multipart,
    part_numbers,
    parts,
    upload_ids,
    completion,
    abort,
    orphans,
    lists,
    reads,
    consistency,
    errors,
    buckets,
    kept_buckets,
    scale,
    sequences,
    nodes,
    node_uploads,
)

DEFECTS: Mapping[str, Defect] = MappingProxyType(
    {defect.name: defect for area in _AREAS for defect in area.DEFECTS},
)


def chosen(names: Iterable[str]) -> tuple[Defect, ...]:
    """Look up defects by name, each once, in the order given; ``parts=1000`` names one with a value.

    :raises LookupError: a name is unknown; the text gives the nearest spelling and the whole list.
    """
    return named(names, DEFECTS)


def named(names: Iterable[str], defects: Mapping[str, T]) -> tuple[T | Defect, ...]:
    """Look up defects of any catalogue by name, each once, in the order given; one with a value is in none of them.

    :raises LookupError: a name is unknown; the text gives the nearest spelling and the whole list.
    """
    wanted = tuple(dict.fromkeys(names))
    for name in wanted:
        if name not in defects and not is_composed(name):
            near = get_close_matches(str(name), defects, n=1, cutoff=0.4)
            hint = f"; did you mean '{near[0]}'?" if near else "."
            raise LookupError(f"There is no defect '{name}'{hint} Defects: {', '.join(sorted(defects))}.")
    return tuple(composed(name) if is_composed(name) else defects[name] for name in wanted)
