"""Defects of multipart upload: parts lost, mixed up, altered, or refused for no good reason."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from restoreproof.standins.proxy.completing import complete_with, named_parts
from restoreproof.standins.proxy.defect import Defect
from restoreproof.standins.proxy.operation import Kind
from restoreproof.standins.proxy.shapes import on_request, on_request_body
from restoreproof.standins.proxy.uploads import OPEN
from restoreproof.standins.signature import UNSIGNED

if TYPE_CHECKING:
    from mitmproxy.http import HTTPFlow

    from restoreproof.standins.proxy.context import Context
    from restoreproof.standins.proxy.shapes import Alteration

__all__ = ["DEFECTS"]

_FLIP = "restoreproof flip"
_MIB = 1024 * 1024
_SMALLEST_PART = 5 * _MIB
_LARGEST_OBJECT = 64 * 1024
_AT_ONCE = 4


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


def _demand_checksum(context: Context, flow: HTTPFlow) -> None:
    headers = flow.request.headers
    checked = "content-md5" in headers or any(name.lower().startswith("x-amz-checksum-") for name in headers)
    if headers.get("x-amz-content-sha256") == UNSIGNED and not checked:
        context.refuse(flow, 400, "InvalidRequest")


DEFECTS = (
    Defect(
        "busy-answers-503",
        "While four parts are under way, every further one is answered SlowDown.",
        "WIRE-16.sixteen-uploads-at-once",
        (
            "PERF-06.parts-at-once",
            "WIRE-16.sixteen-uploads-at-once",
        ),
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
        (
            "MPU-03.part-of-20-mib",
            "MPU-08.largest-object",
        ),
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
            "BAK-15.stripes-at-once",
            "LIST-02.paged-list",
            "MPU-01.content-type-kept",
            "MPU-01.last-completion-wins",
            "MPU-01.multipart-etag",
            "MPU-07.empty-part",
            "MPU-07.one-small-part",
            "MPU-12.answer-names-the-object",
            "MPU-12.megabyte-completion",
            "MPU-12.spelling-of-the-list",
            "MPU-13.etag-agrees",
            "MPU-13.etags-as-entities",
            "PERF-07.uploads-open-at-once",
            "PERM-01.backup-key-suffices",
            "PERM-03.restore-key-suffices",
            "PERM-05.backup-outlives-refusals",
            "URL-06.longest-url",
            "URL-08.deep-prefix",
            "URL-12.special-characters",
            "URL-12.supplementary-characters",
            "WIRE-03.unsigned-payload-accepted",
            "WIRE-08.no-parts-once-complete",
            "WIRE-09.every-time",
            "WIRE-09.list-after-write",
            "WIRE-12.completion-after-lost-answer",
            "WIRE-12.completion-sent-twice",
            "WIRE-12.last-copy-of-a-part-wins",
            "WIRE-12.late-part-leaves-the-object",
            "WIRE-12.part-after-lost-answer",
            "WIRE-12.part-again-while-under-way",
            "WIRE-12.shorter-copy-of-a-part",
            "WIRE-14.compact-completion",
            "WIRE-16.sixteen-uploads-at-once",
        ),
        on_request_body(_refuse_one_small_part, Kind.COMPLETE_UPLOAD),
    ),
    Defect(
        "smallest-part-refused",
        "A part that is not the last must have more than 5 MiB.",
        "MPU-03.part-of-5-mib",
        (
            "MPU-02.ten-thousand-parts",
            "MPU-03.part-of-5-mib",
            "MPU-05.unequal-parts",
            "MPU-06.small-last-part",
            "MPU-06.tiny-last-part",
            "MPU-14.numbers-with-gaps",
            "MPU-14.out-of-order-arrival",
            "MPU-14.parallel-parts",
            "MPU-15.bytes-exact",
            "URL-03.virtual-host-multipart",
            "WIRE-17.idle-upload",
        ),
        on_request_body(_refuse_smallest_part, Kind.COMPLETE_UPLOAD),
    ),
    Defect(
        "parts-above-8-mib-refused",
        "A part may have 8 MiB and no more.",
        "MPU-03.part-of-10-mib",
        (
            "META-06.far-end-at-once",
            "MPU-03.part-of-10-mib",
            "MPU-03.part-of-20-mib",
            "MPU-08.largest-object",
        ),
        on_request(_refuse_above(8 * _MIB), Kind.UPLOAD_PART),
    ),
    Defect(
        "small-last-part-lost",
        "A last part of less than 128 KiB is left out of the object.",
        "MPU-06.small-last-part",
        (
            "META-06.small-range",
            "MPU-05.unequal-parts",
            "MPU-06.small-last-part",
            "MPU-06.tiny-last-part",
            "MPU-14.numbers-with-gaps",
            "MPU-14.out-of-order-arrival",
            "MPU-14.parallel-parts",
            "RST-14.resumed-read",
            "URL-03.virtual-host-multipart",
            "WIRE-05.largest-transfers",
            "WIRE-05.range-bytes",
            "WIRE-06.exact-size",
            "WIRE-17.idle-upload",
        ),
        on_request_body(_lose_last_part_below(128 * 1024), Kind.COMPLETE_UPLOAD),
    ),
    Defect(
        "put-object-refused",
        "Objects of 64 KiB and more are taken in parts and not by PutObject.",
        "MPU-07.put-object",
        (
            "MPU-07.put-object",
            "WIRE-05.every-block",
            "WIRE-06.not-transformed",
            "WIRE-06.one-size-everywhere",
            "WIRE-09.one-version-at-a-time",
        ),
        on_request(_refuse_large_object, Kind.PUT_OBJECT),
    ),
    Defect(
        "empty-part-refused",
        "A part of no bytes is refused.",
        "MPU-07.empty-part",
        ("MPU-07.empty-part", "WIRE-08.right-status"),
        on_request(_refuse_empty_part, Kind.UPLOAD_PART),
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
)
