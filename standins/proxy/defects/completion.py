"""Defects of completing an upload: parts built in unseen, left out or mixed up, and answers that don't say so."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from restoreproof.standins.proxy import documents
from restoreproof.standins.proxy.completing import complete_with, named_parts
from restoreproof.standins.proxy.defect import Defect
from restoreproof.standins.proxy.operation import Kind
from restoreproof.standins.proxy.shapes import on_answer, on_request_body
from restoreproof.standins.proxy.uploads import COMPLETED

if TYPE_CHECKING:
    from mitmproxy.http import HTTPFlow

    from restoreproof.standins.proxy.context import Context

__all__ = ["DEFECTS"]


def _ignore_etags(context: Context, flow: HTTPFlow) -> None:
    if upload := context.uploads.of(flow):
        parts = [(n, upload.parts[n].tag if n in upload.parts else tag) for n, tag in named_parts(flow)]
        complete_with(context, flow, parts)


def _ignore_missing_parts(context: Context, flow: HTTPFlow) -> None:
    upload = context.uploads.of(flow)
    if upload and upload.parts:
        complete_with(context, flow, [part for part in named_parts(flow) if part[0] in upload.parts])


def _empty_etag(_context: Context, flow: HTTPFlow) -> None:
    assert flow.response
    flow.response.content = documents.replaced(flow.response.content or b"", "ETag", "")
    flow.response.headers.pop("etag", None)


@dataclass
class _SecondCompletionDeletes:
    """Takes a repeated completion for an error, and its object for a leftover."""

    context: Context
    completed: set[str] = field(default_factory=set)

    def responseheaders(self, flow: HTTPFlow) -> None:
        if self.context.is_(flow, Kind.COMPLETE_UPLOAD):
            self.context.hold_answer(flow)

    async def response(self, flow: HTTPFlow) -> None:
        operation, upload = self.context.operation(flow), self.context.uploads.of(flow)
        if operation.kind is not Kind.COMPLETE_UPLOAD or upload is None:
            return
        if upload.id in self.completed:
            await self.context.upstream.ask("DELETE", operation.bucket, operation.key)
        elif upload.state == COMPLETED:
            self.completed.add(upload.id)


DEFECTS = (
    Defect(
        "second-completion-deletes",
        "A completion that is sent again deletes what the first has made.",
        "WIRE-12.completion-sent-twice",
        ("WIRE-12.completion-sent-twice",),
        _SecondCompletionDeletes,
    ),
    Defect(
        "part-etags-unchecked",
        "Completing does not compare ETags: a part that is not the one meant is built in.",
        "WIRE-08.wrong-etag-refused",
        (
            "ABORT-05.failed-completion-keeps-old",
            "WIRE-08.wrong-etag-code",
            "WIRE-08.wrong-etag-refused",
        ),
        on_request_body(_ignore_etags, Kind.COMPLETE_UPLOAD),
    ),
    Defect(
        "missing-part-ignored",
        "Completing with a part that never came makes an object without it.",
        "WIRE-08.missing-part-refused",
        ("WIRE-08.missing-part-refused",),
        on_request_body(_ignore_missing_parts, Kind.COMPLETE_UPLOAD),
    ),
    Defect(
        "complete-etag-empty",
        "The answer to a completed upload names no ETag.",
        "MPU-13.etag-agrees",
        ("MPU-13.etag-agrees",),
        on_answer(_empty_etag, Kind.COMPLETE_UPLOAD),
    ),
)
