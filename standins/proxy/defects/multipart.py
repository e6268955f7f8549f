"""Defects of multipart upload: parts lost, mixed up, altered, or refused for no good reason."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from restoreproof.standins.proxy.completing import complete_with, named_parts
from restoreproof.standins.proxy.defect import Defect
from restoreproof.standins.proxy.operation import Kind
from restoreproof.standins.proxy.shapes import on_request, on_request_body
from restoreproof.standins.proxy.signature import UNSIGNED
from restoreproof.standins.proxy.uploads import OPEN

if TYPE_CHECKING:
    from mitmproxy.http import HTTPFlow

    from restoreproof.standins.proxy.context import Context
    from restoreproof.standins.proxy.shapes import Alteration

__all__ = ["DEFECTS"]

_FLIP, _TORN = "restoreproof flip", "restoreproof torn"
_MIB = 1024 * 1024
_SMALLEST_PART = 5 * _MIB
_LARGEST_OBJECT = 64 * 1024
_PAGE = 4096
_LAST_PART = 10_000
_AT_ONCE = 4
_MOST_PARTS = 1000


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


def _demand_equal_parts(context: Context, flow: HTTPFlow) -> None:
    upload = context.uploads.of(flow)
    numbers = [number for number, _ in named_parts(flow)][:-1]
    if upload and len({upload.parts[number].size for number in numbers if number in upload.parts}) > 1:
        context.refuse(flow, 400, "InvalidPart")


def _lose_last_part_below(size: int) -> Alteration:
    """Make an alteration: a last part of fewer bytes than this is left out, if all before it are large enough."""

    def alter(context: Context, flow: HTTPFlow) -> None:
        upload, parts = context.uploads.of(flow), named_parts(flow)
        sizes = [upload.parts[n].size for n, _ in parts if n in upload.parts] if upload else []
        if len(parts) > 1 and sizes[-1:] < [size] and min(sizes[:-1], default=0) >= _SMALLEST_PART:
            complete_with(context, flow, parts[:-1])

    return alter


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


def _stop_at_a_thousand(context: Context, flow: HTTPFlow) -> None:
    if context.operation(flow).part > _MOST_PARTS:
        context.refuse(flow, 400, "InvalidArgument")


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


def _length(flow: HTTPFlow) -> int:
    return int(flow.request.headers.get("content-length", "0"))


def _refuse_above(size: int) -> Alteration:
    """Make an alteration: parts of more bytes than this are refused."""

    def alter(context: Context, flow: HTTPFlow) -> None:
        if _length(flow) > size:
            context.refuse(flow, 400, "EntityTooLarge")

    return alter


def _refuse_smallest_part(context: Context, flow: HTTPFlow) -> None:
    upload, numbers = context.uploads.of(flow), [number for number, _ in named_parts(flow)]
    if upload and any(upload.parts[n].size == _SMALLEST_PART for n in numbers[:-1] if n in upload.parts):
        context.refuse(flow, 400, "EntityTooSmall")


def _refuse_large_object(context: Context, flow: HTTPFlow) -> None:
    if _length(flow) >= _LARGEST_OBJECT:
        context.refuse(flow, 501, "NotImplemented")


def _refuse_empty_part(context: Context, flow: HTTPFlow) -> None:
    if _length(flow) == 0:
        context.refuse(flow, 400, "EntityTooSmall")


def _refuse_gaps(context: Context, flow: HTTPFlow) -> None:
    parts = named_parts(flow)
    if len({number for number, _ in parts}) == len(parts) and max((n for n, _ in parts), default=0) > len(parts):
        context.refuse(flow, 400, "InvalidPart")


def _demand_checksum(context: Context, flow: HTTPFlow) -> None:
    headers = flow.request.headers
    checked = "content-md5" in headers or any(name.lower().startswith("x-amz-checksum-") for name in headers)
    if headers.get("x-amz-content-sha256") == UNSIGNED and not checked:
        context.refuse(flow, 400, "InvalidRequest")


def _take_any_number(context: Context, flow: HTTPFlow) -> None:
    number = context.operation(flow).query.get("partNumber", "")
    if number.isdecimal() and not 0 < int(number) <= _LAST_PART and context.is_signed(flow):
        context.answer(flow, 200, etag='"d41d8cd98f00b204e9800998ecf8427e"')


def _stumble_over_number(context: Context, flow: HTTPFlow) -> None:
    if not context.operation(flow).query.get("partNumber", "").isdecimal():
        context.refuse(flow, 500, "InternalError")


@dataclass
class _OverlappingPartTorn:
    """Keeps zeros for the first page of a part that begins while another of its upload is under way."""

    context: Context
    under_way: dict[str, tuple[str, int]] = field(default_factory=dict)

    def requestheaders(self, flow: HTTPFlow) -> None:
        operation = self.context.operation(flow)
        if operation.kind is Kind.UPLOAD_PART and self.context.uploads.of(flow):
            if any(id_ == operation.upload and n != operation.part for id_, n in self.under_way.values()):
                self.context.hold_request(flow)
                flow.metadata[_TORN] = True
            self.under_way[flow.id] = operation.upload, operation.part

    def request(self, flow: HTTPFlow) -> None:
        if _TORN in flow.metadata and self.context.is_signed(flow):
            body = flow.request.content or b""
            self.context.replace_body(flow, bytes(len(body[:_PAGE])) + body[_PAGE:])

    def response(self, flow: HTTPFlow) -> None:
        self.under_way.pop(flow.id, None)

    def error(self, flow: HTTPFlow) -> None:
        self.under_way.pop(flow.id, None)


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
        on_request(_refuse_above(16 * _MIB), Kind.UPLOAD_PART),
    ),
    Defect(
        "tiny-last-part-lost",
        "A last part of less than 512 bytes is left out of the object.",
        "MPU-06.tiny-last-part",
        ("MPU-06.tiny-last-part",),
        on_request_body(_lose_last_part_below(512), Kind.COMPLETE_UPLOAD),
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
        "thousand-parts-only",
        "Part numbers above 1000 are refused.",
        "MPU-02.part-number-10000",
        ("MPU-02.part-number-10000",),
        on_request(_stop_at_a_thousand, Kind.UPLOAD_PART),
    ),
    Defect(
        "smallest-part-refused",
        "A part that is not the last must have more than 5 MiB.",
        "MPU-03.part-of-5-mib",
        ("MPU-03.part-of-5-mib",),
        on_request_body(_refuse_smallest_part, Kind.COMPLETE_UPLOAD),
    ),
    Defect(
        "parts-above-8-mib-refused",
        "A part may have 8 MiB and no more.",
        "MPU-03.part-of-10-mib",
        ("MPU-03.part-of-10-mib",),
        on_request(_refuse_above(8 * _MIB), Kind.UPLOAD_PART),
    ),
    Defect(
        "small-last-part-lost",
        "A last part of less than 128 KiB is left out of the object.",
        "MPU-06.small-last-part",
        ("MPU-06.small-last-part",),
        on_request_body(_lose_last_part_below(128 * 1024), Kind.COMPLETE_UPLOAD),
    ),
    Defect(
        "put-object-refused",
        "Objects of 64 KiB and more are taken in parts and not by PutObject.",
        "MPU-07.put-object",
        ("MPU-07.put-object",),
        on_request(_refuse_large_object, Kind.PUT_OBJECT),
    ),
    Defect(
        "empty-part-refused",
        "A part of no bytes is refused.",
        "MPU-07.empty-part",
        ("MPU-07.empty-part",),
        on_request(_refuse_empty_part, Kind.UPLOAD_PART),
    ),
    Defect(
        "overlapping-part-torn",
        "A part that begins while another of its upload is under way begins with zeros.",
        "MPU-14.parallel-parts",
        ("MPU-14.parallel-parts",),
        _OverlappingPartTorn,
    ),
    Defect(
        "gaps-refused",
        "Part numbers must follow each other without a gap.",
        "MPU-14.numbers-with-gaps",
        ("MPU-14.numbers-with-gaps",),
        on_request_body(_refuse_gaps, Kind.COMPLETE_UPLOAD),
    ),
    Defect(
        "checksum-demanded",
        "A part without a hash in its signature must bring another checksum.",
        "WIRE-04.no-checksum-needed",
        (
            "WIRE-03.unsigned-payload-accepted",
            "WIRE-04.no-checksum-needed",
        ),
        on_request(_demand_checksum, Kind.UPLOAD_PART),
    ),
    Defect(
        "any-part-number-taken",
        "Part numbers of 0 and above 10,000 are taken.",
        "MPU-02.number-beyond-limits-refused",
        ("MPU-02.number-beyond-limits-refused",),
        on_request(_take_any_number, Kind.UPLOAD_PART),
    ),
    Defect(
        "part-number-typo-answers-500",
        "A part number that is none is answered with an internal error.",
        "MPU-02.no-number-refused",
        ("MPU-02.no-number-refused",),
        on_request(_stumble_over_number, Kind.UPLOAD_PART),
    ),
)
