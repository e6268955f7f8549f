"""Faults on the way between SQL Server and a store; the key says which: ``fault-busy.`` and so on stand in it."""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from restoreproof.standins.proxy.operation import Kind
from restoreproof.standins.waiting import pause

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from mitmproxy.http import HTTPFlow

    from restoreproof.standins.proxy.context import Context

__all__ = ["Faults"]

_NAME = re.compile(r"fault-([a-z-]+?)(?:-(\d+))?\.")
_BRIEFLY = 3
_LARGE = 32_768
_SECONDS = 0.5


@dataclass
class Faults:
    """Plays the fault that a key names, and counts how often it did."""

    context: Context
    played: Counter[str] = field(default_factory=Counter)
    name = "faults"

    async def requestheaders(self, flow: HTTPFlow) -> None:
        """Faults that come before the store hears of a request."""
        await self._play(flow, _BEFORE)

    async def responseheaders(self, flow: HTTPFlow) -> None:
        """Faults that want the whole answer have it collected first."""
        if self._fault(flow) in _ALTERED and self.context.is_(flow, Kind.GET_OBJECT):
            self.context.hold_answer(flow)
        await self._play(flow, _AFTER)

    def response(self, flow: HTTPFlow) -> None:
        """Faults that alter what the store answered."""
        alter = _ALTERED.get(self._fault(flow))
        content = flow.response.content if flow.response else None
        if alter and content and len(content) >= _LARGE and self.context.is_(flow, Kind.GET_OBJECT):
            assert flow.response
            flow.response.content = alter(content)

    def _fault(self, flow: HTTPFlow) -> str:
        found = _NAME.search(self.context.operation(flow).key)
        return found[1] if found else ""

    async def _play(self, flow: HTTPFlow, faults: Mapping[str, Callable[[Faults, HTTPFlow, int], object]]) -> None:
        fault = self._fault(flow)
        if fault in faults and _ON[fault] == self.context.operation(flow).kind:
            self.played[self.context.operation(flow).key] += 1
            done = faults[fault](self, flow, self.played[self.context.operation(flow).key])
            if asyncio.iscoroutine(done):
                await done


def _busy(faults: Faults, flow: HTTPFlow, time: int) -> None:
    if time <= _BRIEFLY:
        faults.context.refuse(flow, 503, "SlowDown")


def _always_busy(faults: Faults, flow: HTTPFlow, _time: int) -> None:
    faults.context.refuse(flow, 503, "SlowDown")


def _skewed(faults: Faults, flow: HTTPFlow, _time: int) -> None:
    faults.context.refuse(flow, 403, "RequestTimeTooSkewed")


def _lost_once(_faults: Faults, flow: HTTPFlow, time: int) -> None:
    if time == 1:
        flow.kill()  # type: ignore[no-untyped-call]


def _lost_every_other(_faults: Faults, flow: HTTPFlow, time: int) -> None:
    if time % 2:
        flow.kill()  # type: ignore[no-untyped-call]


def _too_many_parts(faults: Faults, flow: HTTPFlow, _time: int) -> None:
    operation = faults.context.operation(flow)
    named = _NAME.search(operation.key)
    if named and operation.part > int(named[2] or 0):
        faults.context.refuse(flow, 400, "InvalidArgument")


def _slow(_faults: Faults, _flow: HTTPFlow, _time: int) -> Awaitable[None]:
    return pause(_SECONDS)


def _flipped(content: bytes) -> bytes:
    middle = len(content) // 2
    return content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :]


def _short(content: bytes) -> bytes:
    return content[: -len(content) // 4]


_BEFORE = {"busy": _busy, "always-busy": _always_busy, "skewed": _skewed, "slow": _slow}
_BEFORE |= {"parts": _too_many_parts}
_AFTER = {"lost-part": _lost_once, "lost-completion": _lost_once, "cut-reads": _lost_every_other}
_ALTERED = {"flipped": _flipped, "short": _short}
_ON = {
    "busy": Kind.UPLOAD_PART,
    "always-busy": Kind.UPLOAD_PART,
    "skewed": Kind.CREATE_UPLOAD,
    "parts": Kind.UPLOAD_PART,
    "slow": Kind.UPLOAD_PART,
    "lost-part": Kind.UPLOAD_PART,
    "lost-completion": Kind.COMPLETE_UPLOAD,
    "cut-reads": Kind.GET_OBJECT,
}
