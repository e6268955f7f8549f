"""Defects of uploads that are not completed: seen too early, gone too late, or harmful to what they would replace."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from math import inf
from typing import TYPE_CHECKING
from urllib.parse import quote

from restoreproof.standins.proxy import documents
from restoreproof.standins.proxy.defect import Defect
from restoreproof.standins.proxy.operation import Kind
from restoreproof.standins.proxy.shapes import on_answer, on_refusal
from restoreproof.standins.proxy.uploads import ABORTED, COMPLETED, OPEN

if TYPE_CHECKING:
    from collections.abc import Callable

    from mitmproxy.http import HTTPFlow

    from restoreproof.standins.proxy.context import Context
    from restoreproof.standins.proxy.operation import Operation
    from restoreproof.standins.proxy.shapes import Alteration
    from restoreproof.standins.proxy.uploads import Upload

__all__ = ["DEFECTS"]

_OK = range(200, 300)
_NOT_FOUND = 404
_SMALL = 64 * 1024


def _status(flow: HTTPFlow) -> int:
    assert flow.response
    return flow.response.status_code


def _content(flow: HTTPFlow) -> bytes:
    assert flow.response
    return flow.response.content or b""


def _set_content(flow: HTTPFlow, body: bytes) -> None:
    assert flow.response
    flow.response.content = body


def _asked_for_key(operation: Operation, key: str) -> bool:
    return operation.query.get("prefix") == key


def _shown_open(context: Context, flow: HTTPFlow) -> None:
    operation = context.operation(flow)
    waiting = context.uploads.under(operation.bucket, operation.key)
    with_parts = any(upload.parts and not upload.tried for upload in waiting)
    if _status(flow) == _NOT_FOUND and with_parts:
        context.answer(flow, 200, etag='"d41d8cd98f00b204e9800998ecf8427e"')


def _read_as_empty(context: Context, flow: HTTPFlow) -> None:
    operation = context.operation(flow)
    if _status(flow) in _OK and context.uploads.under(operation.bucket, operation.key):
        context.answer(flow, 200, etag='"d41d8cd98f00b204e9800998ecf8427e"')


async def _delete_object(context: Context, flow: HTTPFlow) -> None:
    operation = context.operation(flow)
    if _status(flow) in _OK:
        await context.upstream.ask("DELETE", operation.bucket, operation.key)


def _list_none(_context: Context, flow: HTTPFlow) -> None:
    _set_content(flow, documents.filtered(_content(flow), "Upload", lambda _upload: False))


def _hide_exact_key(context: Context, flow: HTTPFlow) -> None:
    operation = context.operation(flow)
    body = documents.filtered(
        _content(flow), "Upload", lambda upload: not _asked_for_key(operation, documents.text(upload, "Key"))
    )
    _set_content(flow, body)


def _listed_still(state: str) -> Alteration:
    """Make an alteration: uploads in this state stay in the listing of their own key."""

    def alter(context: Context, flow: HTTPFlow) -> None:
        operation = context.operation(flow)
        stale = context.uploads.under(operation.bucket, operation.query.get("prefix", ""), state)
        if _status(flow) in _OK and stale:
            _set_content(flow, documents.appended(_content(flow), *(upload.element for upload in stale)))

    return alter


@dataclass
class _AbortLate:
    """Acknowledges an abort and carries it out when an operation comes that `due` names, at the latest at the end."""

    context: Context
    due: Callable[[Operation, Upload], bool]
    held: dict[str, Upload] = field(default_factory=dict)

    async def requestheaders(self, flow: HTTPFlow) -> None:
        operation, upload = self.context.operation(flow), self.context.uploads.of(flow)
        for waiting in [upload for upload in self.held.values() if self.due(operation, upload)]:
            await self._carry_out(waiting)
        first = operation.kind is Kind.ABORT_UPLOAD and upload and upload.state == OPEN and upload.id not in self.held
        if first and upload and self.context.is_by(flow, "housekeeping"):
            self.held[upload.id] = upload
            self.context.answer(flow, 204)

    async def done(self) -> None:
        for upload in list(self.held.values()):
            await self._carry_out(upload)

    async def _carry_out(self, upload: Upload) -> None:
        del self.held[upload.id]
        upload.state = ABORTED
        await _abort(self.context, upload)


async def _abort(context: Context, upload: Upload) -> None:
    await context.upstream.ask("DELETE", upload.bucket, upload.key, f"uploadId={quote(upload.id, safe='')}")


def _lists(operation: Operation, upload: Upload) -> bool:
    prefix = operation.query.get("prefix", "")
    same_bucket = operation.kind is Kind.LIST_UPLOADS and operation.bucket == upload.bucket
    return same_bucket and upload.key.startswith(prefix)


def _lists_more(operation: Operation, upload: Upload) -> bool:
    return _lists(operation, upload) and not _asked_for_key(operation, upload.key)


def _lists_or_touches(operation: Operation, upload: Upload) -> bool:
    touches = operation.upload == upload.id and operation.kind is not Kind.COMPLETE_UPLOAD
    return touches or _lists(operation, upload)


async def _delete_later_object(context: Context, flow: HTTPFlow) -> None:
    operation, opened = context.operation(flow), list(context.uploads.seen)
    completed = [upload.id for upload in context.uploads.under(*_place(operation), COMPLETED)]
    later = opened[opened.index(operation.upload) + 1 :] if operation.upload in opened else []
    if _status(flow) in _OK and set(completed) & set(later):
        await context.upstream.ask("DELETE", operation.bucket, operation.key)


async def _delete_on_refusal(context: Context, flow: HTTPFlow) -> None:
    operation, upload = context.operation(flow), context.uploads.of(flow)
    if upload and upload.state == OPEN:
        await context.upstream.ask("DELETE", operation.bucket, operation.key)


def _place(operation: Operation) -> tuple[str, str]:
    return operation.bucket, operation.key


@dataclass
class _CutPartKept:
    """Lists a part whose upload broke off, if it was to have no more bytes than `largest`."""

    context: Context
    largest: float = inf
    cut: dict[str, set[int]] = field(default_factory=dict)

    def error(self, flow: HTTPFlow) -> None:
        size = int(flow.request.headers.get("content-length", "0"))
        if self.context.is_(flow, Kind.UPLOAD_PART) and self.context.uploads.of(flow) and size <= self.largest:
            operation = self.context.operation(flow)
            self.cut.setdefault(operation.upload, set()).add(operation.part)

    def responseheaders(self, flow: HTTPFlow) -> None:
        if self.context.is_(flow, Kind.LIST_PARTS):
            self.context.hold_answer(flow)

    def response(self, flow: HTTPFlow) -> None:
        operation = self.context.operation(flow)
        if operation.kind is Kind.LIST_PARTS and _status(flow) in _OK:
            body = _content(flow)
            there = {int(number) for number in re.findall(rb"<PartNumber>(\d+)<", body)}
            more = (_part_element(number) for number in sorted(self.cut.get(operation.upload, set()) - there))
            _set_content(flow, documents.appended(body, *more))


def _part_element(number: int) -> bytes:
    fields = f"<PartNumber>{number}</PartNumber><ETag>&quot;d41d8cd98f00b204e9800998ecf8427e&quot;</ETag><Size>1</Size>"
    return f"<Part>{fields}<LastModified>2024-01-01T00:00:00.000Z</LastModified></Part>".encode()


DEFECTS = (
    Defect(
        "open-upload-visible",
        "A key is there, and empty, from the first part of an upload to it until completing is tried.",
        "ABORT-04.open-upload-invisible",
        (
            "ABORT-04.interrupted-backup-invisible",
            "ABORT-04.open-upload-invisible",
            "ERR-06.too-many-parts",
        ),
        on_answer(_shown_open, Kind.HEAD_OBJECT, Kind.GET_OBJECT),
    ),
    Defect(
        "open-upload-truncates-old",
        "While an upload to a key is open, the object that is stored there reads as empty.",
        "ABORT-05.open-upload-keeps-old",
        (
            "ABORT-05.failed-completion-keeps-old",
            "ABORT-05.open-upload-keeps-old",
        ),
        on_answer(_read_as_empty, Kind.HEAD_OBJECT, Kind.GET_OBJECT),
    ),
    Defect(
        "abort-deletes-object",
        "Aborting an upload deletes the object that is stored under its key.",
        "ABORT-05.abort-keeps-old",
        (
            "ABORT-05.abort-keeps-old",
            "ABORT-06.second-upload-survives",
        ),
        on_answer(_delete_object, Kind.ABORT_UPLOAD),
    ),
    Defect(
        "open-uploads-unlisted",
        "The list of open uploads is always empty.",
        "ABORT-03.listed-by-prefix",
        (
            "ABORT-03.initiated-shown",
            "ABORT-03.listed-by-exact-key",
            "ABORT-03.listed-by-prefix",
            "ABORT-03.pages-of-many-keys",
            "ABORT-03.pages-of-one-key",
            "ABORT-03.several-on-one-key",
            "ABORT-03.swept",
            "ABORT-07.no-residue",
        ),
        on_answer(_list_none, Kind.LIST_UPLOADS),
    ),
    Defect(
        "uploads-unlisted-by-exact-key",
        "An open upload is not listed when its whole key is asked for.",
        "ABORT-03.listed-by-exact-key",
        (
            "ABORT-03.initiated-shown",
            "ABORT-03.listed-by-exact-key",
            "ABORT-03.pages-of-one-key",
            "ABORT-03.several-on-one-key",
            "ABORT-03.swept",
            "ABORT-07.no-residue",
        ),
        on_answer(_hide_exact_key, Kind.LIST_UPLOADS),
    ),
    Defect(
        "abort-ignored",
        "An abort is acknowledged and does nothing until somebody lists the uploads of more than this key.",
        "ABORT-03.abort-frees-upload",
        (
            "ABORT-03.abort-frees-upload",
            "ABORT-03.abort-under-way",
            "ABORT-03.aborted-cannot-complete",
            "ABORT-03.interrupted-backup-swept",
            "ABORT-03.late-part",
            "ABORT-03.swept",
            "ABORT-08.left-in-a-full-store",
            "WIRE-08.aborted-completion-code",
            "WIRE-08.unknown-upload",
        ),
        lambda context: _AbortLate(context, _lists_more),
    ),
    Defect(
        "abort-stays-listed",
        "An aborted upload is still listed under its key.",
        "ABORT-03.abort-frees-upload",
        (
            "ABORT-03.abort-frees-upload",
            "ABORT-03.abort-under-way",
            "ABORT-03.late-part",
            "ABORT-03.swept",
        ),
        on_answer(_listed_still(ABORTED), Kind.LIST_UPLOADS),
    ),
    Defect(
        "aborted-completes",
        "An aborted upload can be completed, as long as nobody has looked after it.",
        "ABORT-03.aborted-cannot-complete",
        (
            "ABORT-03.aborted-cannot-complete",
            "WIRE-08.aborted-completion-code",
        ),
        lambda context: _AbortLate(context, _lists_or_touches),
    ),
    Defect(
        "abort-deletes-later-object",
        "Aborting an upload deletes the object that another upload has made under its key.",
        "ABORT-06.second-upload-survives",
        ("ABORT-06.second-upload-survives",),
        on_answer(_delete_later_object, Kind.ABORT_UPLOAD),
    ),
    Defect(
        "failed-completion-deletes",
        "A completion that is refused deletes the object that is stored under its key.",
        "ABORT-05.failed-completion-keeps-old",
        ("ABORT-05.failed-completion-keeps-old",),
        on_refusal(_delete_on_refusal, Kind.COMPLETE_UPLOAD),
    ),
    Defect(
        "completed-upload-stays-listed",
        "A completed upload is still listed under its key.",
        "ABORT-07.no-residue",
        (
            "ABORT-07.no-residue",
            "ABORT-07.nothing-open-after-backup",
        ),
        on_answer(_listed_still(COMPLETED), Kind.LIST_UPLOADS),
    ),
    Defect(
        "cut-part-kept",
        "A part whose upload broke off in the middle is listed as if it had come.",
        "ABORT-01.cut-part-discarded",
        (
            "ABORT-01.cut-part-discarded",
            "ABORT-01.part-without-its-last-byte",
        ),
        _CutPartKept,
    ),
    Defect(
        "small-cut-part-kept",
        "A part of no more than 64 KiB whose upload broke off is listed as if it had come.",
        "ABORT-01.part-without-its-last-byte",
        ("ABORT-01.part-without-its-last-byte",),
        lambda context: _CutPartKept(context, _SMALL),
    ),
)
