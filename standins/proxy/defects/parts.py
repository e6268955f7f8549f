"""Defects of single parts: copies mixed up or refused, ETags that tell too little, lists that show them wrong."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from restoreproof.standins.proxy import documents
from restoreproof.standins.proxy.completing import complete_with, named_parts
from restoreproof.standins.proxy.defect import Defect
from restoreproof.standins.proxy.operation import Kind
from restoreproof.standins.proxy.shapes import on_answer

if TYPE_CHECKING:
    from collections.abc import Callable

    from mitmproxy.http import HTTPFlow

    from restoreproof.standins.proxy.context import Context

__all__ = ["DEFECTS"]

_TAG = "restoreproof tag"
_PAGE = 4096
_SMALL = 1024 * 1024
_OK = range(200, 300)

_Copy = tuple[str, int]


def _copy(context: Context, flow: HTTPFlow) -> _Copy:
    """Give upload id and number of the part that a request sends."""
    operation = context.operation(flow)
    return operation.upload, operation.part


def _hold_small_part(context: Context, flow: HTTPFlow) -> None:
    small = int(flow.request.headers.get("content-length", "0")) <= _SMALL
    if small and flow.response is None and context.is_(flow, Kind.UPLOAD_PART) and context.uploads.of(flow):
        context.hold_request(flow)


def _is_held_part(context: Context, flow: HTTPFlow) -> bool:
    held = flow.response is None and not flow.request.stream
    return held and context.is_(flow, Kind.UPLOAD_PART) and bool(context.uploads.of(flow)) and context.is_signed(flow)


def _digest(body: bytes) -> str:
    return f'"{hashlib.md5(body, usedforsecurity=False).hexdigest()}"'


@dataclass
class _FirstCopyWins:
    """Accepts a part that is sent again and keeps the one it has."""

    context: Context
    accepted: dict[_Copy, str] = field(default_factory=dict)

    def requestheaders(self, flow: HTTPFlow) -> None:
        again = self.context.is_(flow, Kind.UPLOAD_PART) and self._kept(flow) is not None
        if again or self.context.is_(flow, Kind.COMPLETE_UPLOAD):
            self.context.hold_request(flow)

    def request(self, flow: HTTPFlow) -> None:
        operation = self.context.operation(flow)
        if flow.response is not None:
            return
        if operation.kind is Kind.UPLOAD_PART and self._kept(flow) is not None and self.context.is_signed(flow):
            tag = _digest(flow.request.content or b"")
            self.accepted[operation.upload, operation.part] = tag
            self.context.answer(flow, 200, etag=tag)
        elif operation.kind is Kind.COMPLETE_UPLOAD and (upload := self.context.uploads.of(flow)):
            accepted = {number: tag for (id_, number), tag in self.accepted.items() if id_ == upload.id}
            parts = [(n, upload.parts[n].tag if accepted.get(n) == tag else tag) for n, tag in named_parts(flow)]
            complete_with(self.context, flow, parts)

    def _kept(self, flow: HTTPFlow) -> str | None:
        upload, operation = self.context.uploads.of(flow), self.context.operation(flow)
        kept = upload.parts.get(operation.part) if upload and upload.key == operation.key else None
        return kept.tag if kept else None


@dataclass
class _Merged:
    """Makes one part of two copies, as `merge` says from the old bytes and the new ones."""

    context: Context
    merge: Callable[[bytes, bytes], bytes]
    bodies: dict[_Copy, bytes] = field(default_factory=dict)

    def requestheaders(self, flow: HTTPFlow) -> None:
        _hold_small_part(self.context, flow)

    def request(self, flow: HTTPFlow) -> None:
        if not _is_held_part(self.context, flow):
            return
        copy, body = _copy(self.context, flow), flow.request.content or b""
        merged = self.merge(self.bodies[copy], body) if copy in self.bodies else body
        self.bodies[copy] = merged
        if merged != body:
            self.context.replace_body(flow, merged)


@dataclass
class _SameBytesRefused:
    """Takes a part that is sent again with the same bytes for a mistake."""

    context: Context
    seen: dict[_Copy, str] = field(default_factory=dict)

    def requestheaders(self, flow: HTTPFlow) -> None:
        _hold_small_part(self.context, flow)

    def request(self, flow: HTTPFlow) -> None:
        if _is_held_part(self.context, flow):
            copy, digest = _copy(self.context, flow), _digest(flow.request.content or b"")
            if self.seen.get(copy) == digest:
                self.context.refuse(flow, 409, "OperationAborted")
            self.seen[copy] = digest


@dataclass
class _LockedWhileUnderWay:
    """Refuses a copy of a part while another one has begun and not ended."""

    context: Context
    under_way: dict[str, _Copy] = field(default_factory=dict)

    def requestheaders(self, flow: HTTPFlow) -> None:
        _hold_small_part(self.context, flow)
        if self.context.is_(flow, Kind.UPLOAD_PART) and self.context.uploads.of(flow):
            self.under_way[flow.id] = _copy(self.context, flow)

    def request(self, flow: HTTPFlow) -> None:
        self.under_way.pop(flow.id, None)
        if _is_held_part(self.context, flow) and _copy(self.context, flow) in self.under_way.values():
            self.context.refuse(flow, 409, "OperationAborted")

    def error(self, flow: HTTPFlow) -> None:
        self.under_way.pop(flow.id, None)


@dataclass
class _Retagged:
    """Gives parts other ETags than the store's, and takes these in their completion."""

    context: Context
    given: dict[tuple[str, int, str], str] = field(default_factory=dict)

    def tag(self, flow: HTTPFlow, real: str) -> str:
        """Give the ETag to show for a part whose real one this is."""
        raise NotImplementedError

    def requestheaders(self, flow: HTTPFlow) -> None:
        _hold_small_part(self.context, flow)
        if self.context.is_(flow, Kind.COMPLETE_UPLOAD):
            self.context.hold_request(flow)

    def request(self, flow: HTTPFlow) -> None:
        if _is_held_part(self.context, flow):
            flow.metadata[_TAG] = _digest((flow.request.content or b"")[:_PAGE])
        elif self.context.is_(flow, Kind.COMPLETE_UPLOAD) and flow.response is None:
            upload = self.context.operation(flow).upload
            parts = [(number, self.given.get((upload, number, tag), tag)) for number, tag in named_parts(flow)]
            complete_with(self.context, flow, parts)

    def responseheaders(self, flow: HTTPFlow) -> None:
        if _TAG in flow.metadata:
            self.context.hold_answer(flow)

    def response(self, flow: HTTPFlow) -> None:
        assert flow.response
        if _TAG in flow.metadata and flow.response.status_code in _OK:
            real = flow.response.headers.get("etag", "")
            shown = self.tag(flow, real)
            self.given[(*_copy(self.context, flow), shown)] = real
            flow.response.headers["etag"] = shown


@dataclass
class _TagOfFirstPage(_Retagged):
    """Computes the ETag of a part from its first page."""

    def tag(self, flow: HTTPFlow, real: str) -> str:
        long = int(flow.request.headers.get("content-length", "0")) > _PAGE
        return str(flow.metadata[_TAG]) if long else real


@dataclass
class _AnotherTagAgain(_Retagged):
    """Gives a part that is sent again with the same bytes another ETag."""

    def tag(self, flow: HTTPFlow, real: str) -> str:
        return real[:-1] + '-again"' if (*_copy(self.context, flow), real) in self.given else real


def _show_other_etags(_context: Context, flow: HTTPFlow) -> None:
    assert flow.response
    other = b"<ETag>&quot;" + b"0" * 32 + b"&quot;</ETag>"
    flow.response.content = re.sub(rb"<ETag>[^<]*</ETag>", other, flow.response.content or b"")


def _hide_truncation(_context: Context, flow: HTTPFlow) -> None:
    assert flow.response
    flow.response.content = documents.replaced(flow.response.content or b"", "IsTruncated", "false")


DEFECTS = (
    Defect(
        "first-copy-of-part-wins",
        "A part that is sent again is acknowledged, and the first copy is kept.",
        "WIRE-12.last-copy-of-a-part-wins",
        (
            "WIRE-12.last-copy-of-a-part-wins",
            "WIRE-12.shorter-copy-of-a-part",
        ),
        _FirstCopyWins,
    ),
    Defect(
        "second-copy-of-part-appended",
        "A part that is sent again is appended to its first copy.",
        "WIRE-12.last-copy-of-a-part-wins",
        (
            "WIRE-12.last-copy-of-a-part-wins",
            "WIRE-12.part-after-lost-answer",
            "WIRE-12.same-bytes-same-etag",
            "WIRE-12.shorter-copy-of-a-part",
        ),
        lambda context: _Merged(context, lambda old, new: old + new),
    ),
    Defect(
        "part-written-over-in-place",
        "A part that is sent again is written over its first copy, of which a longer rest stays.",
        "WIRE-12.shorter-copy-of-a-part",
        ("WIRE-12.shorter-copy-of-a-part",),
        lambda context: _Merged(context, lambda old, new: new + old[len(new) :]),
    ),
    Defect(
        "same-part-again-refused",
        "A part that is sent again with the same bytes is refused as a mistake.",
        "WIRE-12.part-after-lost-answer",
        (
            "WIRE-12.part-after-lost-answer",
            "WIRE-12.same-bytes-same-etag",
        ),
        _SameBytesRefused,
    ),
    Defect(
        "part-locked-while-under-way",
        "While a part is under way no other copy of it is accepted.",
        "WIRE-12.part-again-while-under-way",
        ("WIRE-12.part-again-while-under-way",),
        _LockedWhileUnderWay,
    ),
    Defect(
        "same-part-another-etag",
        "A part that is sent again with the same bytes is given another ETag.",
        "WIRE-12.same-bytes-same-etag",
        ("WIRE-12.same-bytes-same-etag",),
        _AnotherTagAgain,
    ),
    Defect(
        "etag-of-first-page",
        "The ETag of a part is computed from its first 4096 bytes.",
        "MPU-13.etag-covers-every-byte",
        ("MPU-13.etag-covers-every-byte",),
        _TagOfFirstPage,
    ),
    Defect(
        "parts-listed-with-other-etags",
        "ListParts shows other ETags than those that UploadPart has given.",
        "MPU-13.parts-listed",
        ("MPU-13.parts-listed",),
        on_answer(_show_other_etags, Kind.LIST_PARTS),
    ),
    Defect(
        "part-list-truncation-hidden",
        "A list of parts that is cut at max-parts says that it is complete.",
        "MPU-13.parts-in-pages",
        ("MPU-13.parts-in-pages",),
        on_answer(_hide_truncation, Kind.LIST_PARTS),
    ),
)
