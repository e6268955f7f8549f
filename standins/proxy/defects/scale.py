"""Defects that begin above some size or number: a store that does well in every small test."""

from __future__ import annotations

import re
import time
from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar

from restoreproof.standins.proxy import documents
from restoreproof.standins.proxy.defect import Defect
from restoreproof.standins.proxy.operation import Kind
from restoreproof.standins.proxy.shapes import on_answer, on_request, on_request_body
from restoreproof.standins.proxy.uploads import OPEN
from restoreproof.standins.waiting import pause

if TYPE_CHECKING:
    from mitmproxy.http import HTTPFlow

    from restoreproof.standins.proxy.context import Context
    from restoreproof.standins.proxy.operation import Operation

__all__ = ["DEFECTS"]

_MIB = 1024 * 1024
_PAGE = 1000
_READ_UP_TO = 128 * 1024
_LONGEST_BODY = 512 * 1024
_LARGEST_OBJECT = 30 * _MIB
_READ_AHEAD, _LATE = 8 * _MIB, 2.5
_PARTS_OF_ONE = 4
_PARTS_UNSEEN = 10
_NOT_FOUND = 404
_OPEN_AT_ONCE = 16
_FORGOTTEN_AFTER = 1.5
_EVERY = 50


def _parts(body: bytes) -> list[tuple[int, str]]:
    return documents.completed_parts(body)


def _join(context: Context, flow: HTTPFlow, parts: list[tuple[int, str]]) -> None:
    """Send a completion on with fewer parts, if they are fewer."""
    if parts != _parts(flow.request.content or b""):
        context.replace_body(flow, documents.complete_document(parts))


def _join_first_page(context: Context, flow: HTTPFlow) -> None:
    _join(context, flow, _parts(flow.request.content or b"")[:_PAGE])


def _join_what_was_read(context: Context, flow: HTTPFlow) -> None:
    _join(context, flow, _parts((flow.request.content or b"")[:_READ_UP_TO]))


def _refuse_long_bodies(context: Context, flow: HTTPFlow) -> None:
    if int(flow.request.headers.get("content-length", "0")) > _LONGEST_BODY:
        context.answer(flow, 413, b"<html><title>413 Request Entity Too Large</title></html>")


def _refuse_large_objects(context: Context, flow: HTTPFlow) -> None:
    upload = context.uploads.of(flow)
    if upload and sum(part.size for part in upload.parts.values()) > _LARGEST_OBJECT:
        context.refuse(flow, 400, "EntityTooLarge")


def _show_large_uploads(context: Context, flow: HTTPFlow) -> None:
    assert flow.response
    operation = context.operation(flow)
    waiting = context.uploads.under(operation.bucket, operation.key)
    if flow.response.status_code == _NOT_FOUND and any(len(upload.parts) > _PARTS_UNSEEN for upload in waiting):
        context.answer(flow, 200, etag='"d41d8cd98f00b204e9800998ecf8427e"')


async def _read_from_the_start(_context: Context, flow: HTTPFlow) -> None:
    found = re.match(r"bytes=(\d+)-", flow.request.headers.get("range", ""))
    if found and int(found[1]) > _READ_AHEAD:
        await pause(_LATE)


@dataclass
class _UnderWay:
    """Knows what is under way, and sends away whoever would be too much."""

    context: Context
    under_way: dict[str, Operation] = field(default_factory=dict)
    kind: ClassVar[Kind]

    def requestheaders(self, flow: HTTPFlow) -> None:
        if self.context.is_(flow, self.kind) and flow.response is None:
            operation = self.context.operation(flow)
            if self.is_too_much(operation):
                self.context.refuse(flow, 503, "SlowDown")
            else:
                self.under_way[flow.id] = operation

    def response(self, flow: HTTPFlow) -> None:
        self.under_way.pop(flow.id, None)

    def error(self, flow: HTTPFlow) -> None:
        self.under_way.pop(flow.id, None)

    def is_too_much(self, asked: Operation) -> bool:
        raise NotImplementedError


class _OneObjectIsRead(_UnderWay):
    kind = Kind.GET_OBJECT

    def is_too_much(self, asked: Operation) -> bool:
        return any(read.folder == asked.folder and read.key != asked.key for read in self.under_way.values())


class _FewPartsOfOneUpload(_UnderWay):
    kind = Kind.UPLOAD_PART

    def is_too_much(self, asked: Operation) -> bool:
        return sum(sent.upload == asked.upload for sent in self.under_way.values()) >= _PARTS_OF_ONE


def _refuse_many_open(context: Context, flow: HTTPFlow) -> None:
    operation = context.operation(flow)
    place = (operation.bucket, operation.folder)
    open_ = [
        u for u in context.uploads.seen.values() if (u.bucket, u.key.rpartition("/")[0], u.state) == (*place, OPEN)
    ]
    if len(open_) >= _OPEN_AT_ONCE:
        context.refuse(flow, 503, "TooManyUploads")


def _end_after_a_page(_context: Context, flow: HTTPFlow) -> None:
    assert flow.response
    body = flow.response.content or b""
    if len(documents.elements(body, "Contents")) >= _PAGE:
        flow.response.content = documents.replaced(body, "IsTruncated", "false")


@dataclass
class _IdleUploadsDropped:
    """Takes no further part of an upload that nobody touched for a while."""

    context: Context
    touched: dict[str, float] = field(default_factory=dict)

    def requestheaders(self, flow: HTTPFlow) -> None:
        upload = self.context.uploads.of(flow) if self.context.is_(flow, Kind.UPLOAD_PART) else None
        since = self.touched.get(upload.id) if upload else None
        if since is not None and upload and upload.state == OPEN and time.monotonic() - since > _FORGOTTEN_AFTER:
            self.context.refuse(flow, 404, "NoSuchUpload")

    def response(self, flow: HTTPFlow) -> None:
        if self.context.is_(flow, Kind.UPLOAD_PART):
            self.touched[self.context.operation(flow).upload] = time.monotonic()


@dataclass
class _NowAndThenListedLate:
    """Leaves every fiftieth object of a folder out of the first list after it was written."""

    context: Context
    written: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    late: set[str] = field(default_factory=set)

    def responseheaders(self, flow: HTTPFlow) -> None:
        operation = self.context.operation(flow)
        if self.context.is_(flow, Kind.LIST_OBJECTS) and self.late:
            self.context.hold_answer(flow)
        if self.context.is_(flow, Kind.PUT_OBJECT, Kind.COMPLETE_UPLOAD):
            folder = self.written[operation.folder]
            if operation.key not in folder and len(folder) % _EVERY == _EVERY - 1:
                self.late.add(operation.key)
            folder.add(operation.key)

    def response(self, flow: HTTPFlow) -> None:
        if self.context.is_(flow, Kind.LIST_OBJECTS) and self.late and flow.response:
            body = flow.response.content or b""
            hidden = {key for key in self.late if f"<Key>{key}</Key>".encode() in body}
            self.late -= hidden
            flow.response.content = documents.filtered(
                body, "Contents", lambda row: documents.text(row, "Key") not in hidden
            )


DEFECTS = (
    Defect(
        "parts-behind-first-page-lost",
        "Completing joins the first 1,000 parts, one page of its own list, and forgets the rest.",
        "MPU-02.ten-thousand-parts",
        ("MPU-02.ten-thousand-parts",),
        on_request_body(_join_first_page, Kind.COMPLETE_UPLOAD),
        scale="nightly",
    ),
    Defect(
        "completion-read-in-part",
        "Of a completion 128 KiB are read, and parts that are named behind that are left out.",
        "MPU-02.ten-thousand-parts",
        ("MPU-02.ten-thousand-parts",),
        on_request_body(_join_what_was_read, Kind.COMPLETE_UPLOAD),
        scale="full",
    ),
    Defect(
        "long-completions-refused",
        "A gateway before the store lets no completion of more than half a megabyte pass.",
        "MPU-12.megabyte-completion",
        ("MPU-12.megabyte-completion",),
        on_request(_refuse_long_bodies, Kind.COMPLETE_UPLOAD),
    ),
    Defect(
        "objects-above-30-mib-refused",
        "Completing an object of more than 30 MiB is refused.",
        "MPU-08.largest-object",
        ("MPU-08.largest-object",),
        on_request(_refuse_large_objects, Kind.COMPLETE_UPLOAD),
    ),
    Defect(
        "large-uploads-visible",
        "A key is there as soon as an open upload to it has more than ten parts.",
        "ERR-06.too-many-parts",
        ("ERR-06.too-many-parts",),
        on_answer(_show_large_uploads, Kind.HEAD_OBJECT, Kind.GET_OBJECT),
        scale="nightly",
    ),
    Defect(
        "far-ranges-read-from-start",
        "A range that begins behind 8 MiB takes seconds, because all before it is read first.",
        "META-06.far-end-at-once",
        ("META-06.far-end-at-once",),
        on_request(_read_from_the_start, Kind.GET_OBJECT),
    ),
    Defect(
        "one-object-read-at-a-time",
        "While an object of a folder is read, who reads another of it is answered SlowDown.",
        "BAK-15.stripes-at-once",
        (
            "BAK-15.stripes-at-once",
            "URL-12.script-names",
            "WIRE-05.ranges-of-64-objects",
            "WIRE-09.read-after-write-under-load",
        ),
        _OneObjectIsRead,
    ),
    Defect(
        "four-parts-of-an-upload-at-a-time",
        "While four parts of an upload are under way, a further one of it is answered SlowDown.",
        "PERF-06.parts-at-once",
        ("PERF-06.parts-at-once",),
        _FewPartsOfOneUpload,
    ),
    Defect(
        "sixteen-open-uploads-only",
        "A folder with sixteen open uploads takes no further one.",
        "PERF-07.uploads-open-at-once",
        ("PERF-07.uploads-open-at-once",),
        on_request(_refuse_many_open, Kind.CREATE_UPLOAD),
    ),
    Defect(
        "idle-uploads-dropped",
        "An upload that nobody touched for one and a half seconds takes no further part.",
        "WIRE-17.idle-upload",
        ("WIRE-17.idle-upload",),
        _IdleUploadsDropped,
    ),
    Defect(
        "lists-end-after-a-page",
        "A list ends after a thousand keys and says that these were all.",
        "LIST-02.many-keys",
        ("LIST-02.many-keys",),
        on_answer(_end_after_a_page, Kind.LIST_OBJECTS),
        scale="nightly",
    ),
    Defect(
        "every-fiftieth-object-listed-late",
        "Every fiftieth new object of a folder is missing in the first list after it was written.",
        "WIRE-09.every-time",
        ("LIST-02.many-keys", "WIRE-09.every-time"),
        _NowAndThenListedLate,
        scale="nightly",
    ),
)
