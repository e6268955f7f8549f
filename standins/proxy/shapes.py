"""The shapes that most defects have: an operation, a moment, and one function that alters the flow.

A function may be a coroutine. What it alters: at the request's head, its target and headers, or it answers; with the
request's body, that too; at the answer's head, status and headers; with the answer's body, that too.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from mitmproxy.http import HTTPFlow

    from restoreproof.standins.proxy.context import Context
    from restoreproof.standins.proxy.front import Front
    from restoreproof.standins.proxy.operation import Kind

    Alteration = Callable[[Context, HTTPFlow], Awaitable[None] | None]
    Factory = Callable[[Context], object]

__all__ = [
    "on_answer",
    "on_answer_head",
    "on_front",
    "on_keys",
    "on_other_fronts",
    "on_refusal",
    "on_request",
    "on_request_body",
]


@dataclass
class _Shape:
    context: Context
    alter: Alteration
    kinds: tuple[Kind, ...]

    def wants(self, flow: HTTPFlow) -> bool:
        return not self.kinds or self.context.is_(flow, *self.kinds)


class _AtRequest(_Shape):
    def requestheaders(self, flow: HTTPFlow) -> Awaitable[None] | None:
        return self.alter(self.context, flow) if self.wants(flow) and flow.response is None else None


class _WithRequestBody(_Shape):
    def requestheaders(self, flow: HTTPFlow) -> None:
        if self.wants(flow):
            self.context.hold_request(flow)

    def request(self, flow: HTTPFlow) -> Awaitable[None] | None:
        return self.alter(self.context, flow) if self.wants(flow) and flow.response is None else None


class _AtAnswer(_Shape):
    def responseheaders(self, flow: HTTPFlow) -> Awaitable[None] | None:
        return self.alter(self.context, flow) if self.wants(flow) else None


class _WithAnswerBody(_Shape):
    def responseheaders(self, flow: HTTPFlow) -> None:
        if self.wants(flow):
            self.context.hold_answer(flow)

    def response(self, flow: HTTPFlow) -> Awaitable[None] | None:
        return self.alter(self.context, flow) if self.wants(flow) else None


class _WithRefusal(_WithAnswerBody):
    def wants(self, flow: HTTPFlow) -> bool:
        assert flow.response
        return flow.response.status_code >= 400 and super().wants(flow)  # noqa: PLR2004 - the first that refuses


@dataclass
class _AtFront:
    alter: Callable[[Front], None]

    def face(self, front: Front) -> None:
        self.alter(front)


@dataclass
class _AtOtherFronts:
    alter: Callable[[Front], None]

    def face_others(self, fronts: Sequence[Front]) -> None:
        for front in fronts:
            self.alter(front)


@dataclass
class _AtKeys:
    context: Context
    issue: Callable[[str, str], tuple[str, str]]
    told: dict[tuple[str, str], tuple[str, str]] = field(default_factory=dict)

    def issue_keys(self) -> None:
        self.told = {pair: self.issue(*pair) for pair in self.context.keys.values()}
        self.context.issued = {role: self.told[pair] for role, pair in self.context.keys.items()}

    def requestheaders(self, flow: HTTPFlow) -> None:
        for pair, told in self.told.items():
            self.context.translate(flow, told, pair)


def on_request(alter: Alteration, *kinds: Kind) -> Factory:
    """Alter requests of these kinds (all, if none is named) as soon as their head is there."""
    return lambda context: _AtRequest(context, alter, kinds)


def on_request_body(alter: Alteration, *kinds: Kind) -> Factory:
    """Alter requests of these kinds when their body is there, before anything is sent on."""
    return lambda context: _WithRequestBody(context, alter, kinds)


def on_answer_head(alter: Alteration, *kinds: Kind) -> Factory:
    """Alter answers to requests of these kinds as soon as their head is there."""
    return lambda context: _AtAnswer(context, alter, kinds)


def on_answer(alter: Alteration, *kinds: Kind) -> Factory:
    """Alter answers to requests of these kinds when their body is there, before anything is sent on."""
    return lambda context: _WithAnswerBody(context, alter, kinds)


def on_refusal(alter: Alteration, *kinds: Kind) -> Factory:
    """Alter answers of status 400 and above when their body is there; all others stream."""
    return lambda context: _WithRefusal(context, alter, kinds)


def on_front(alter: Callable[[Front], None]) -> Factory:
    """Alter what the proxy shows in the TLS handshake."""
    return lambda _context: _AtFront(alter)


def on_other_fronts(alter: Callable[[Front], None]) -> Factory:
    """Alter what all nodes but the first show in the TLS handshake."""
    return lambda _context: _AtOtherFronts(alter)


def on_keys(issue: Callable[[str, str], tuple[str, str]]) -> Factory:
    """Issue other keys than the store's own; `issue` makes them of its key id and secret."""
    return lambda context: _AtKeys(context, issue)
