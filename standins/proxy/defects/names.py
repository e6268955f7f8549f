"""Defects of keys: names that are changed, refused, or taken for others."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import quote

from restoreproof.standins.proxy.defect import Defect
from restoreproof.standins.proxy.operation import Kind
from restoreproof.standins.proxy.shapes import on_request

if TYPE_CHECKING:
    from mitmproxy.http import HTTPFlow

    from restoreproof.standins.proxy.context import Context

__all__ = ["DEFECTS"]

_WRITES = (Kind.PUT_OBJECT, Kind.CREATE_UPLOAD)


def _decode_twice(context: Context, flow: HTTPFlow) -> None:
    path, mark, query = flow.request.path.partition("?")
    if "%2B" in path and context.is_signed(flow):
        flow.request.path = path.replace("%2B", "%20") + mark + query
        context.resign(flow)


@dataclass
class _CaseFolded:
    """Keeps the first spelling of a key, as file systems do that ignore case."""

    context: Context
    spellings: dict[tuple[str, str], str] = field(default_factory=dict)

    def requestheaders(self, flow: HTTPFlow) -> None:
        operation = self.context.operation(flow)
        if not operation.key or not self.context.is_signed(flow):
            return
        place = (operation.bucket, operation.key.lower())
        if operation.kind in _WRITES:
            self.spellings.setdefault(place, operation.key)
        spelling = self.spellings.get(place, operation.key)
        if spelling != operation.key:
            path, mark, query = flow.request.path.partition("?")
            start = 1 if operation.virtual else path.index("/", 1) + 1
            flow.request.path = path[:start] + quote(spelling, safe="/~") + mark + query
            self.context.resign(flow)


DEFECTS = (
    Defect(
        "plus-becomes-space",
        "Keys are decoded twice: a plus sign is stored as a space.",
        "URL-12.special-characters",
        ("URL-12.special-characters",),
        on_request(_decode_twice),
    ),
    Defect(
        "keys-ignore-case",
        "Keys that differ in upper and lower case only are one and the same.",
        "URL-12.case-distinct",
        ("URL-12.case-distinct",),
        _CaseFolded,
    ),
)
