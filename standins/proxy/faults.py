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
_LOOKS, _LOOK_SECONDS = 500, 0.02
_WRITES = (Kind.UPLOAD_PART, Kind.PUT_OBJECT)


@dataclass
class Faults:
    """Plays the fault that a key names, and counts how often it did.

    :ivar first: the first upload to each key.
    :ivar answered: the uploads of which a part has been answered, or was broken off.
    """

    context: Context
    played: Counter[str] = field(default_factory=Counter)
    first: dict[str, str] = field(default_factory=dict)
    answered: set[str] = field(default_factory=set)
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
        self.answered.add(self.context.operation(flow).upload)

    def error(self, flow: HTTPFlow) -> None:
        """What is broken off waits for nothing any more."""
        self.answered.add(self.context.operation(flow).upload)

    def _fault(self, flow: HTTPFlow) -> str:
        found = _NAME.search(self.context.operation(flow).key)
        return found[1] if found else ""

    async def _play(self, flow: HTTPFlow, faults: Mapping[str, Callable[[Faults, HTTPFlow, int], object]]) -> None:
        fault = self._fault(flow)
        if fault in faults and self.context.operation(flow).kind in _ON[fault]:
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


def _full(status: int, code: str) -> Callable[[Faults, HTTPFlow, int], Awaitable[None]]:
    """A store that is full: of the first upload to a key one part has room; then somebody makes more."""

    async def play(faults: Faults, flow: HTTPFlow, time: int) -> None:
        asked = faults.context.operation(flow)
        if faults.first.setdefault(asked.key, asked.upload) != asked.upload or time == 1:
            return
        for _ in range(_LOOKS):
            if asked.upload in faults.answered:
                break
            await pause(_LOOK_SECONDS)
        faults.context.refuse(flow, status, code)

    return play


def _locked(faults: Faults, flow: HTTPFlow, _time: int) -> None:
    """Buckets that keep what is written demand a checksum, which SQL Server is not known to send."""
    faults.context.refuse(flow, 400, "InvalidRequest")


def _retained(faults: Faults, flow: HTTPFlow, _time: int) -> None:
    faults.context.refuse(flow, 403, "AccessDenied")


def _flipped(content: bytes) -> bytes:
    middle = len(content) // 2
    return content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :]


def _short(content: bytes) -> bytes:
    return content[: -len(content) // 4]


_FULL = {
    "over-quota": _full(403, "QuotaExceeded"),
    "bucket-quota": _full(400, "BucketQuotaExceeded"),
    "disk-full": _full(507, "InsufficientStorage"),
}
"""As three products say it, by status; the codes of two of them have the vendor's name in them."""
_BEFORE = {
    "busy": _busy,
    "always-busy": _always_busy,
    "skewed": _skewed,
    "slow": _slow,
    "parts": _too_many_parts,
    "locked": _locked,
    "retained": _retained,
    **_FULL,
}
_AFTER = {"lost-part": _lost_once, "lost-completion": _lost_once, "cut-reads": _lost_every_other}
_ALTERED = {"flipped": _flipped, "short": _short}
_ON = {
    "busy": (Kind.UPLOAD_PART,),
    "always-busy": (Kind.UPLOAD_PART,),
    "skewed": (Kind.CREATE_UPLOAD,),
    "parts": (Kind.UPLOAD_PART,),
    "slow": (Kind.UPLOAD_PART,),
    "lost-part": (Kind.UPLOAD_PART,),
    "lost-completion": (Kind.COMPLETE_UPLOAD,),
    "cut-reads": (Kind.GET_OBJECT,),
    "locked": _WRITES,
    "retained": (Kind.COMPLETE_UPLOAD, Kind.PUT_OBJECT),
    **dict.fromkeys(_FULL, (Kind.UPLOAD_PART,)),
}
