"""Defects of upload ids and of what an upload is opened with: ids too long, given twice or good anywhere."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import quote

from restoreproof.standins.proxy import documents
from restoreproof.standins.proxy.defect import Defect
from restoreproof.standins.proxy.operation import Kind
from restoreproof.standins.proxy.shapes import on_answer, on_answer_head, on_request

if TYPE_CHECKING:
    from mitmproxy.http import HTTPFlow

    from restoreproof.standins.proxy.context import Context

__all__ = ["DEFECTS"]

_TAIL = "x" * 300
_NAMESPACES = "".join(f' xmlns:n{number}="http://schemas.example.test/storage/{number}"' for number in range(6))


def _be_verbose(_context: Context, flow: HTTPFlow) -> None:
    assert flow.response
    body = flow.response.content or b""
    if b"UploadId>" in body:
        body = body.replace(b"<InitiateMultipartUploadResult", f"<InitiateMultipartUploadResult{_NAMESPACES}".encode())
        flow.response.content = documents.appended(body, b"<!-- " + b"padding " * 128 + b"-->")


@dataclass
class _LongIds:
    """Puts a long tail to every upload id that it shows, and takes it off every one that comes."""

    context: Context
    _SHOWING = (Kind.CREATE_UPLOAD, Kind.LIST_UPLOADS, Kind.LIST_PARTS)

    def requestheaders(self, flow: HTTPFlow) -> None:
        if _TAIL in flow.request.path and self.context.is_signed(flow):
            flow.request.path = flow.request.path.replace(_TAIL, "")
            self.context.resign(flow)

    def responseheaders(self, flow: HTTPFlow) -> None:
        if self.context.is_(flow, *self._SHOWING):
            self.context.hold_answer(flow)

    def response(self, flow: HTTPFlow) -> None:
        assert flow.response
        if self.context.is_(flow, *self._SHOWING):
            shown = re.sub(rb"(<UploadId>[^<]+)(?=<)", rb"\g<1>" + _TAIL.encode(), flow.response.content or b"")
            flow.response.content = shown


def _give_id_again(context: Context, flow: HTTPFlow) -> None:
    operation = context.operation(flow)
    waiting = context.uploads.under(operation.bucket, operation.key)
    if waiting and context.is_signed(flow):
        fields = f"<Bucket>{operation.bucket}</Bucket><Key>{operation.key}</Key><UploadId>{waiting[0].id}</UploadId>"
        root = "InitiateMultipartUploadResult"
        context.answer(flow, 200, f"<{root}>{fields}</{root}>".encode())


def _go_by_id_alone(context: Context, flow: HTTPFlow) -> None:
    operation, upload = context.operation(flow), context.uploads.of(flow)
    if upload and upload.key != operation.key and context.is_signed(flow):
        path = f"/{upload.key}" if operation.virtual else f"/{upload.bucket}/{upload.key}"
        flow.request.path = f"{quote(path, safe='/~')}?{flow.request.path.partition('?')[2]}"
        context.resign(flow)


def _forget_content_type(_context: Context, flow: HTTPFlow) -> None:
    assert flow.response
    flow.response.headers["content-type"] = "binary/octet-stream"


DEFECTS = (
    Defect(
        "verbose-xml",
        "The answer to CreateMultipartUpload is longer than a kilobyte and declares many namespaces.",
        "WIRE-14.compact-xml",
        ("WIRE-14.compact-xml",),
        on_answer(_be_verbose, Kind.CREATE_UPLOAD),
    ),
    Defect(
        "long-upload-ids",
        "Upload ids are longer than 300 characters.",
        "WIRE-15.short-upload-id",
        ("WIRE-15.short-upload-id",),
        _LongIds,
    ),
    Defect(
        "upload-id-given-twice",
        "A second upload to a key is given the id of the one that is open.",
        "WIRE-15.unique-ids",
        (
            "ABORT-03.pages-of-one-key",
            "ABORT-03.several-on-one-key",
            "ABORT-06.abort-spares-same-key",
            "MPU-01.last-completion-wins",
            "WIRE-15.unique-ids",
        ),
        on_request(_give_id_again, Kind.CREATE_UPLOAD),
    ),
    Defect(
        "upload-id-good-for-any-key",
        "An upload is found by its id alone, whatever the key that a request names.",
        "WIRE-15.id-of-another-key-refused",
        ("WIRE-15.id-of-another-key-refused",),
        on_request(_go_by_id_alone, Kind.UPLOAD_PART, Kind.COMPLETE_UPLOAD),
    ),
    Defect(
        "content-type-forgotten",
        "What kind of content an upload was opened with is forgotten.",
        "MPU-01.content-type-kept",
        ("MPU-01.content-type-kept",),
        on_answer_head(_forget_content_type, Kind.HEAD_OBJECT),
    ),
)
