"""Defects of multipart upload: parts lost, mixed up, altered, or refused for no good reason."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from restoreproof.standins.proxy import documents
from restoreproof.standins.proxy.completing import complete_with, named_parts
from restoreproof.standins.proxy.defect import Defect
from restoreproof.standins.proxy.operation import Kind
from restoreproof.standins.proxy.shapes import on_answer, on_request, on_request_body
from restoreproof.standins.proxy.uploads import OPEN

if TYPE_CHECKING:
    from mitmproxy.http import HTTPFlow

    from restoreproof.standins.proxy.context import Context

__all__ = ["DEFECTS"]

_FLIP = "restoreproof flip"
_MIB = 1024 * 1024
_SMALLEST_PART, _LARGEST_PART = 5 * _MIB, 16 * _MIB
_TINY = 512
_AT_ONCE = 4
_MOST_PARTS = 1000
_NAMESPACES = "".join(f' xmlns:n{number}="http://schemas.example.test/storage/{number}"' for number in range(6))


@dataclass
class _SecondEqualPartFlipped:
    """Inverts the first byte of a second part that comes after a first of its own size."""

    context: Context

    def requestheaders(self, flow: HTTPFlow) -> None:
        upload, operation = self.context.uploads.of(flow), self.context.operation(flow)
        size = int(flow.request.headers.get("content-length", "0"))
        second = operation.kind is Kind.UPLOAD_PART and operation.part == 2  # noqa: PLR2004 - the second
        if second and upload and [(n, upload.parts[n].size) for n in upload.parts] == [(1, size)]:
            self.context.hold_request(flow)
            flow.metadata[_FLIP] = True

    def request(self, flow: HTTPFlow) -> None:
        if _FLIP in flow.metadata and flow.request.content:
            body = flow.request.content
            self.context.replace_body(flow, bytes([body[0] ^ 0xFF]) + body[1:])


def _refuse_large_parts(context: Context, flow: HTTPFlow) -> None:
    if int(flow.request.headers.get("content-length", "0")) > _LARGEST_PART:
        context.refuse(flow, 400, "EntityTooLarge")


def _demand_equal_parts(context: Context, flow: HTTPFlow) -> None:
    upload = context.uploads.of(flow)
    numbers = [number for number, _ in named_parts(flow)][:-1]
    if upload and len({upload.parts[number].size for number in numbers if number in upload.parts}) > 1:
        context.refuse(flow, 400, "InvalidPart")


def _lose_tiny_last_part(context: Context, flow: HTTPFlow) -> None:
    upload, parts = context.uploads.of(flow), named_parts(flow)
    last = upload.parts.get(parts[-1][0]) if upload and len(parts) > 1 else None
    if last and last.size < _TINY:
        complete_with(context, flow, parts[:-1])


def _refuse_one_small_part(context: Context, flow: HTTPFlow) -> None:
    upload, parts = context.uploads.of(flow), named_parts(flow)
    only = upload.parts.get(parts[0][0]) if upload and upload.state == OPEN and len(parts) == 1 else None
    if only and only.size < _SMALLEST_PART and only.tag == parts[0][1]:
        context.refuse(flow, 400, "EntityTooSmall")


@dataclass
class _JoinedInArrivalOrder:
    """Gives parts the numbers of their arrival."""

    context: Context
    arrivals: dict[str, list[int]] = field(default_factory=dict)
    ABSENT = 9999

    def requestheaders(self, flow: HTTPFlow) -> None:
        if self.context.is_(flow, Kind.COMPLETE_UPLOAD):
            self.context.hold_request(flow)
        if self.context.is_(flow, Kind.UPLOAD_PART) and self.context.uploads.of(flow) and self.context.is_signed(flow):
            operation = self.context.operation(flow)
            order = self.arrivals.setdefault(operation.upload, [])
            if operation.part not in order:
                order.append(operation.part)
            if operation.part != self._place(operation.upload, operation.part):
                place = self._place(operation.upload, operation.part)
                flow.request.path = re.sub(r"(?<=[?&]partNumber=)\d+", str(place), flow.request.path)
                self.context.resign(flow)

    def request(self, flow: HTTPFlow) -> None:
        operation = self.context.operation(flow)
        if operation.kind is Kind.COMPLETE_UPLOAD and operation.upload in self.arrivals and flow.response is None:
            parts = named_parts(flow)
            moved = [(self._place(operation.upload, number), tag) for number, tag in parts]
            complete_with(self.context, flow, sorted(moved) if parts == sorted(parts) else moved)

    def _place(self, upload: str, number: int) -> int:
        order = self.arrivals[upload]
        return order.index(number) + 1 if number in order else self.ABSENT


@dataclass
class _FirstCopyWins:
    """Accepts a part that is sent again and keeps the one it has."""

    context: Context
    accepted: dict[tuple[str, int], str] = field(default_factory=dict)

    def requestheaders(self, flow: HTTPFlow) -> None:
        again = self.context.is_(flow, Kind.UPLOAD_PART) and self._kept(flow) is not None
        if again or self.context.is_(flow, Kind.COMPLETE_UPLOAD):
            self.context.hold_request(flow)

    def request(self, flow: HTTPFlow) -> None:
        operation = self.context.operation(flow)
        if flow.response is not None:
            return
        if operation.kind is Kind.UPLOAD_PART and self._kept(flow) is not None and self.context.is_signed(flow):
            tag = f'"{hashlib.md5(flow.request.content or b"", usedforsecurity=False).hexdigest()}"'
            self.accepted[operation.upload, operation.part] = tag
            self.context.answer(flow, 200, etag=tag)
        elif operation.kind is Kind.COMPLETE_UPLOAD and (upload := self.context.uploads.of(flow)):
            accepted = {number: tag for (id_, number), tag in self.accepted.items() if id_ == upload.id}
            parts = [(n, upload.parts[n].tag if accepted.get(n) == tag else tag) for n, tag in named_parts(flow)]
            complete_with(self.context, flow, parts)

    def _kept(self, flow: HTTPFlow) -> str | None:
        upload, number = self.context.uploads.of(flow), self.context.operation(flow).part
        return upload.parts[number].tag if upload and number in upload.parts else None


def _stop_at_a_thousand(context: Context, flow: HTTPFlow) -> None:
    if context.operation(flow).part > _MOST_PARTS:
        context.refuse(flow, 400, "InvalidArgument")


def _be_verbose(_context: Context, flow: HTTPFlow) -> None:
    assert flow.response
    body = flow.response.content or b""
    if b"UploadId>" in body:
        body = body.replace(b"<InitiateMultipartUploadResult", f"<InitiateMultipartUploadResult{_NAMESPACES}".encode())
        flow.response.content = documents.appended(body, b"<!-- " + b"padding " * 128 + b"-->")


@dataclass
class _BusyAnswers503:
    """Takes four parts at a time, and sends everybody else away."""

    context: Context
    under_way: set[str] = field(default_factory=set)

    def requestheaders(self, flow: HTTPFlow) -> None:
        if self.context.is_(flow, Kind.UPLOAD_PART):
            if len(self.under_way) >= _AT_ONCE:
                self.context.refuse(flow, 503, "SlowDown")
            else:
                self.under_way.add(flow.id)

    def response(self, flow: HTTPFlow) -> None:
        self.under_way.discard(flow.id)

    def error(self, flow: HTTPFlow) -> None:
        self.under_way.discard(flow.id)


DEFECTS = (
    Defect(
        "busy-answers-503",
        "While four parts are under way, every further one is answered SlowDown.",
        "WIRE-16.sixteen-uploads-at-once",
        ("WIRE-16.sixteen-uploads-at-once",),
        _BusyAnswers503,
    ),
    Defect(
        "part-boundary-byte-flipped",
        "The first byte of a second part as large as the first is turned over.",
        "MPU-15.bytes-exact",
        ("MPU-15.bytes-exact",),
        _SecondEqualPartFlipped,
    ),
    Defect(
        "equal-parts-demanded",
        "All parts but the last must have the same size, else the upload can't be completed.",
        "MPU-05.unequal-parts",
        ("MPU-05.unequal-parts",),
        on_request_body(_demand_equal_parts, Kind.COMPLETE_UPLOAD),
    ),
    Defect(
        "parts-above-16-mib-refused",
        "A part may have 16 MiB and no more.",
        "MPU-03.part-of-20-mib",
        ("MPU-03.part-of-20-mib",),
        on_request(_refuse_large_parts, Kind.UPLOAD_PART),
    ),
    Defect(
        "tiny-last-part-lost",
        "A last part of less than 512 bytes is left out of the object.",
        "MPU-06.tiny-last-part",
        ("MPU-06.tiny-last-part",),
        on_request_body(_lose_tiny_last_part, Kind.COMPLETE_UPLOAD),
    ),
    Defect(
        "one-part-upload-refused",
        "The smallest size of a part is asked of the only part, too.",
        "MPU-07.one-small-part",
        (
            "ABORT-06.abort-spares-other-keys",
            "ABORT-06.abort-spares-same-key",
            "ABORT-06.second-upload-survives",
            "ABORT-07.no-residue",
            "LIST-02.paged-list",
            "MPU-07.one-small-part",
            "MPU-13.etag-agrees",
            "PERM-01.backup-key-suffices",
            "PERM-03.restore-key-suffices",
            "URL-08.deep-prefix",
            "URL-12.special-characters",
            "WIRE-03.unsigned-payload-accepted",
            "WIRE-09.list-after-write",
            "WIRE-12.completion-sent-twice",
            "WIRE-12.last-copy-of-a-part-wins",
            "WIRE-16.sixteen-uploads-at-once",
        ),
        on_request_body(_refuse_one_small_part, Kind.COMPLETE_UPLOAD),
    ),
    Defect(
        "joined-in-arrival-order",
        "Parts are joined in the order in which they came, whatever their numbers.",
        "MPU-14.out-of-order-arrival",
        (
            "ABORT-01.cut-part-discarded",
            "ABORT-01.part-without-its-last-byte",
            "MPU-02.part-number-10000",
            "MPU-14.out-of-order-arrival",
        ),
        _JoinedInArrivalOrder,
    ),
    Defect(
        "first-copy-of-part-wins",
        "A part that is sent again is acknowledged, and the first copy is kept.",
        "WIRE-12.last-copy-of-a-part-wins",
        ("WIRE-12.last-copy-of-a-part-wins",),
        _FirstCopyWins,
    ),
    Defect(
        "thousand-parts-only",
        "Part numbers above 1000 are refused.",
        "MPU-02.part-number-10000",
        ("MPU-02.part-number-10000",),
        on_request(_stop_at_a_thousand, Kind.UPLOAD_PART),
    ),
    Defect(
        "verbose-xml",
        "The answer to CreateMultipartUpload is longer than a kilobyte and declares many namespaces.",
        "WIRE-14.compact-xml",
        ("WIRE-14.compact-xml",),
        on_answer(_be_verbose, Kind.CREATE_UPLOAD),
    ),
)
