"""What a defect is: one thing that some store got wrong, played in front of a store that gets it right."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from restoreproof.standins.proxy.context import Context

__all__ = ["Defect"]


@dataclass(frozen=True)
class Defect:
    """A vendor's defect.

    :ivar name: lower case, words joined by hyphens; what `--defect` takes.
    :ivar sentence: what the store does wrong, in one sentence.
    :ivar breaks: id of the requirement it breaks.
    :ivar reddens: ids of every check that must turn red.
    :ivar addon: makes the mitmproxy add-on for one run.
    :ivar scale: the least scale of a run that finds it: ``smoke``, ``nightly`` or ``full``; lower ones see nothing.
    """

    name: str
    sentence: str
    breaks: str
    reddens: tuple[str, ...]
    addon: Callable[[Context], object]
    scale: str = "smoke"
