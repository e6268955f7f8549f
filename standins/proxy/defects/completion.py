"""Defects of completing an upload: parts built in unseen, left out or mixed up, and answers that don't say so."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from restoreproof.standins.proxy import documents
from restoreproof.standins.proxy.completing import complete_with, named_parts
from restoreproof.standins.proxy.defect import Defect
from restoreproof.standins.proxy.operation import Kind
from restoreproof.standins.proxy.shapes import on_answer, on_refusal, on_request, on_request_body
from restoreproof.standins.proxy.uploads import COMPLETED, OPEN

if TYPE_CHECKING:
    from mitmproxy.http import HTTPFlow

    from restoreproof.standins.proxy.context import Context

__all__ = ["DEFECTS"]

_AGAIN = "restoreproof again"
_READS = (Kind.GET_OBJECT, Kind.HEAD_OBJECT)


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


def _ask_for_known_etags(context: Context, flow: HTTPFlow) -> None:
    upload, parts = context.uploads.of(flow), named_parts(flow)
    if upload and {tag for _, tag in parts} <= {part.tag for part in upload.parts.values()}:
        complete_with(context, flow, [(n, upload.parts[n].tag if n in upload.parts else tag) for n, tag in parts])


def _drop_repetitions(context: Context, flow: HTTPFlow) -> None:
    complete_with(context, flow, list(dict(named_parts(flow)).items()))


def _complete_nothing(context: Context, flow: HTTPFlow) -> None:
    whole = (flow.request.content or b"").rstrip().endswith(b"</CompleteMultipartUpload>")
    if whole and not named_parts(flow) and context.is_signed(flow):
        _acknowledge(context, flow)


def _acknowledge(context: Context, flow: HTTPFlow) -> None:
    """Answer a completion as if it had made something."""
    operation = context.operation(flow)
    fields = f"<Bucket>{operation.bucket}</Bucket><Key>{operation.key}</Key><ETag>&quot;{'0' * 32}-1&quot;</ETag>"
    root = "CompleteMultipartUploadResult"
    context.answer(flow, 200, f"<{root}>{fields}</{root}>".encode())


def _join_all_parts(context: Context, flow: HTTPFlow) -> None:
    upload, named = context.uploads.of(flow), dict(named_parts(flow))
    if upload and named and set(named) < set(upload.parts):
        complete_with(context, flow, sorted({n: part.tag for n, part in upload.parts.items()}.items() | named.items()))


def _refuse_entities(context: Context, flow: HTTPFlow) -> None:
    if b"&quot;" in (flow.request.content or b""):
        context.refuse(flow, 400, "MalformedXML")


def _demand_quotes(context: Context, flow: HTTPFlow) -> None:
    if any(not tag.startswith('"') for _, tag in named_parts(flow)):
        context.refuse(flow, 400, "InvalidPart")


def _demand_namespace(context: Context, flow: HTTPFlow) -> None:
    if b"xmlns" not in (flow.request.content or b""):
        context.refuse(flow, 400, "MalformedXML")


def _name_nothing(_context: Context, flow: HTTPFlow) -> None:
    assert flow.response
    body = documents.replaced(flow.response.content or b"", "Location", "")
    flow.response.content = documents.replaced(body, "Key", "")


def _be_verbose(_context: Context, flow: HTTPFlow) -> None:
    assert flow.response
    body = flow.response.content or b""
    if b"ETag>" in body:
        flow.response.content = documents.appended(body, b"<!-- " + b"padding " * 128 + b"-->")


def _fail_with_200(_context: Context, flow: HTTPFlow) -> None:
    assert flow.response
    if documents.text(flow.response.content or b"", "Code") == "InvalidPart":
        flow.response.status_code = 200


def _name_plain_etag(_context: Context, flow: HTTPFlow) -> None:
    assert flow.response
    flow.response.content = re.sub(rb"-\d+(?=(&quot;|&#34;|\")?</ETag>)", b"", flow.response.content or b"")


@dataclass
class _PlainEtags:
    """Shows the ETag of an object without the number of its parts wherever it shows it, and knows it again."""

    context: Context
    real: dict[str, str] = field(default_factory=dict)

    def requestheaders(self, flow: HTTPFlow) -> None:
        asked = self.real.get(flow.request.headers.get("if-match", ""))
        if asked and self.context.is_signed(flow):
            flow.request.headers["if-match"] = asked
            self.context.resign(flow)

    def responseheaders(self, flow: HTTPFlow) -> None:
        assert flow.response
        tag = flow.response.headers.get("etag", "")
        plain = re.sub(r"-\d+(?=\"?$)", "", tag)
        if plain != tag:
            flow.response.headers["etag"] = plain
            self.real[plain] = tag
        if self.context.is_(flow, Kind.COMPLETE_UPLOAD, Kind.LIST_OBJECTS):
            self.context.hold_answer(flow)

    def response(self, flow: HTTPFlow) -> None:
        if self.context.is_(flow, Kind.COMPLETE_UPLOAD, Kind.LIST_OBJECTS):
            _name_plain_etag(self.context, flow)


@dataclass
class _NewestUploadWins:
    """Acknowledges the completion of an upload that was opened before the one that was completed, and drops it."""

    context: Context

    def requestheaders(self, flow: HTTPFlow) -> None:
        upload = self.context.uploads.of(flow)
        if upload and upload.state == OPEN and self.context.is_(flow, Kind.COMPLETE_UPLOAD):
            opened = list(self.context.uploads.seen)
            done = [u.id for u in self.context.uploads.under(upload.bucket, upload.key, COMPLETED)]
            if set(done) & set(opened[opened.index(upload.id) + 1 :]) and self.context.is_signed(flow):
                _acknowledge(self.context, flow)


@dataclass
class _SecondCompletionEmpties:
    """Assembles again when a completion comes again, from parts that are no more."""

    context: Context
    tried: set[str] = field(default_factory=set)

    def responseheaders(self, flow: HTTPFlow) -> None:
        if self.context.is_(flow, Kind.COMPLETE_UPLOAD):
            self.context.hold_answer(flow)

    def requestheaders(self, flow: HTTPFlow) -> None:
        operation = self.context.operation(flow)
        if operation.kind is Kind.COMPLETE_UPLOAD and self.context.uploads.of(flow):
            flow.metadata[_AGAIN] = operation.upload in self.tried
            self.tried.add(operation.upload)

    async def response(self, flow: HTTPFlow) -> None:
        operation = self.context.operation(flow)
        if flow.metadata.get(_AGAIN):
            await self.context.upstream.ask("PUT", operation.bucket, operation.key)


async def _empty_by_late_part(context: Context, flow: HTTPFlow) -> None:
    upload = context.uploads.of(flow)
    if upload and upload.state == COMPLETED:
        await context.upstream.ask("PUT", upload.bucket, upload.key)


def _take_late_part(context: Context, flow: HTTPFlow) -> None:
    upload = context.uploads.of(flow)
    if upload and upload.state == COMPLETED and context.is_signed(flow):
        context.answer(flow, 200)


@dataclass
class _ForgottenUnheard:
    """Takes a completion back whose client does not stay for the answer."""

    context: Context
    lost: dict[str, tuple[str, str]] = field(default_factory=dict)

    def error(self, flow: HTTPFlow) -> None:
        operation = self.context.operation(flow)
        if operation.kind is Kind.COMPLETE_UPLOAD and self.context.uploads.of(flow):
            self.lost[operation.upload] = operation.bucket, operation.key

    def requestheaders(self, flow: HTTPFlow) -> None:
        operation = self.context.operation(flow)
        if operation.upload in self.lost:
            self.context.refuse(flow, 404, "NoSuchUpload")
        elif (operation.bucket, operation.key) in self.lost.values() and operation.kind in _READS:
            self.context.refuse(flow, 404, "NoSuchKey")


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
            "WIRE-08.swapped-etags-refused",
            "WIRE-08.wrong-etag-code",
            "WIRE-08.wrong-etag-refused",
        ),
        on_request_body(_ignore_etags, Kind.COMPLETE_UPLOAD),
    ),
    Defect(
        "missing-part-ignored",
        "Completing with a part that never came makes an object without it.",
        "WIRE-08.missing-part-refused",
        (
            "WIRE-08.missing-part-refused",
            "WIRE-08.refused-completion-is-no-200",
        ),
        on_request_body(_ignore_missing_parts, Kind.COMPLETE_UPLOAD),
    ),
    Defect(
        "complete-etag-empty",
        "The answer to a completed upload names no ETag.",
        "MPU-13.etag-agrees",
        ("MPU-13.etag-agrees",),
        on_answer(_empty_etag, Kind.COMPLETE_UPLOAD),
    ),
    Defect(
        "etags-of-any-part",
        "A completion may name the ETag of any part of its upload for each of them.",
        "WIRE-08.swapped-etags-refused",
        ("WIRE-08.swapped-etags-refused",),
        on_request_body(_ask_for_known_etags, Kind.COMPLETE_UPLOAD),
    ),
    Defect(
        "part-named-twice-dropped",
        "A part that a completion names twice is built in once without a word.",
        "WIRE-08.part-named-twice-refused",
        ("WIRE-08.part-named-twice-refused",),
        on_request_body(_drop_repetitions, Kind.COMPLETE_UPLOAD),
    ),
    Defect(
        "no-parts-acknowledged",
        "A completion that names no part is acknowledged.",
        "WIRE-08.no-parts-refused",
        ("WIRE-08.no-parts-refused",),
        on_request_body(_complete_nothing, Kind.COMPLETE_UPLOAD),
    ),
    Defect(
        "all-parts-joined",
        "Completing joins all parts that came, whether or not the list names them.",
        "WIRE-08.only-named-parts",
        ("WIRE-08.only-named-parts",),
        on_request_body(_join_all_parts, Kind.COMPLETE_UPLOAD),
    ),
    Defect(
        "refused-completion-answers-200",
        "A completion that is refused has status 200, and the error stands in its body alone.",
        "WIRE-08.refused-completion-is-no-200",
        ("WIRE-08.refused-completion-is-no-200",),
        on_refusal(_fail_with_200, Kind.COMPLETE_UPLOAD),
    ),
    Defect(
        "second-completion-empties",
        "A completion that is sent again makes an empty object of the first.",
        "WIRE-12.completion-sent-twice",
        ("WIRE-12.completion-after-lost-answer", "WIRE-12.completion-sent-twice"),
        _SecondCompletionEmpties,
    ),
    Defect(
        "late-part-empties",
        "A part that comes again after the completion makes an empty object of what was completed.",
        "WIRE-12.late-part-leaves-the-object",
        ("WIRE-12.late-part-leaves-the-object",),
        on_answer(_empty_by_late_part, Kind.UPLOAD_PART),
    ),
    Defect(
        "late-part-taken",
        "Parts are taken for an upload that is complete.",
        "WIRE-08.no-parts-once-complete",
        ("WIRE-08.no-parts-once-complete",),
        on_request(_take_late_part, Kind.UPLOAD_PART),
    ),
    Defect(
        "unheard-completion-forgotten",
        "A completion whose client hangs up is taken back, and its upload with it.",
        "WIRE-12.completion-after-lost-answer",
        ("WIRE-12.completion-after-lost-answer",),
        _ForgottenUnheard,
    ),
    Defect(
        "newest-upload-wins",
        "Of two uploads to one key, the one that was opened later stays, whenever each is completed.",
        "MPU-01.last-completion-wins",
        ("MPU-01.last-completion-wins",),
        _NewestUploadWins,
    ),
    Defect(
        "etag-entities-refused",
        "A completion that writes quotes as entities is refused.",
        "MPU-13.etags-as-entities",
        ("MPU-13.etags-as-entities",),
        on_request_body(_refuse_entities, Kind.COMPLETE_UPLOAD),
    ),
    Defect(
        "bare-etags-refused",
        "A completion that names ETags without quotes is refused.",
        "MPU-13.etags-without-quotes",
        ("MPU-13.etags-without-quotes",),
        on_request_body(_demand_quotes, Kind.COMPLETE_UPLOAD),
    ),
    Defect(
        "namespace-demanded",
        "A completion that does not declare the namespace is refused.",
        "MPU-12.spelling-of-the-list",
        ("MPU-12.spelling-of-the-list",),
        on_request_body(_demand_namespace, Kind.COMPLETE_UPLOAD),
    ),
    Defect(
        "complete-names-nothing",
        "The answer to a completed upload names neither key nor location.",
        "MPU-12.answer-names-the-object",
        ("MPU-12.answer-names-the-object",),
        on_answer(_name_nothing, Kind.COMPLETE_UPLOAD),
    ),
    Defect(
        "verbose-completion",
        "The answer to a completed upload is longer than a kilobyte.",
        "WIRE-14.compact-completion",
        ("WIRE-14.compact-completion",),
        on_answer(_be_verbose, Kind.COMPLETE_UPLOAD),
    ),
    Defect(
        "etag-without-part-count",
        "The ETag of an object made of parts looks like that of any other.",
        "MPU-01.multipart-etag",
        ("MPU-01.multipart-etag",),
        _PlainEtags,
    ),
)
