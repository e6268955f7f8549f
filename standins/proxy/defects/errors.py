"""Defects of saying no: errors hidden, renamed, or dressed up for a browser."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from restoreproof.standins.proxy import documents
from restoreproof.standins.proxy.defect import Defect
from restoreproof.standins.proxy.operation import Kind
from restoreproof.standins.proxy.shapes import on_answer, on_answer_head, on_refusal, on_request, on_request_body

if TYPE_CHECKING:
    from collections.abc import Callable

    from mitmproxy.http import HTTPFlow

    from restoreproof.standins.proxy.context import Context
    from restoreproof.standins.proxy.shapes import Alteration, Factory

__all__ = ["DEFECTS"]

_MUCH = 128 * 1024
_EMPTY_LIST = (
    b'<?xml version="1.0" encoding="UTF-8"?>\n<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">'
    b"<KeyCount>0</KeyCount><MaxKeys>1000</MaxKeys><IsTruncated>false</IsTruncated></ListBucketResult>"
)


def _code(flow: HTTPFlow) -> str:
    assert flow.response
    return documents.text(flow.response.content or b"", "Code")


def _instead_of(code: str, react: Callable[[Context, HTTPFlow], None]) -> Alteration:
    """Make an alteration: another answer where the store's would carry this code."""

    def alter(context: Context, flow: HTTPFlow) -> None:
        if _code(flow) == code:
            react(context, flow)

    return alter


def _renamed(code: str, other: str, status: int, *kinds: Kind) -> Factory:
    """Make an add-on's factory: another code for one refusal."""
    return on_refusal(_instead_of(code, lambda context, flow: context.refuse(flow, status, other)), *kinds)


def _accept_late_part(context: Context, flow: HTTPFlow) -> None:
    if context.uploads.of(flow) is not None:
        context.answer(flow, 200, etag=f'"{context.random.randbytes(16).hex()}"')


def _sort_parts(context: Context, flow: HTTPFlow) -> None:
    parts = documents.completed_parts(flow.request.content or b"")
    if parts != sorted(parts):
        context.replace_body(flow, documents.complete_document(sorted(parts)))


def _stumble_over_malformed(context: Context, flow: HTTPFlow) -> None:
    body = flow.request.content or b""
    if not body.rstrip().endswith(b"CompleteMultipartUpload>"):
        context.refuse(flow, 500, "InternalError")


def _dress_for_browser(_context: Context, flow: HTTPFlow) -> None:
    assert flow.response
    if flow.response.status_code != 404:  # noqa: PLR2004 - not found
        return
    flow.response.content = b"<html><body><h1>Not found</h1></body></html>"
    flow.response.headers["content-type"] = "text/html; charset=utf-8"


def _redirect(context: Context, flow: HTTPFlow) -> None:
    operation = context.operation(flow)
    if not operation.query:
        where = f"https://region-2.{context.upstream.host}/{operation.bucket}"
        context.answer(flow, 307, location=where)


def _misstate_missing_bucket(_context: Context, flow: HTTPFlow) -> None:
    assert flow.response
    if _code(flow) == "NoSuchBucket":
        flow.response.status_code, flow.response.reason = 400, "Bad Request"


def _forbid_missing_bucket(_context: Context, flow: HTTPFlow) -> None:
    assert flow.response
    if flow.response.status_code == 404:  # noqa: PLR2004 - not found
        flow.response.status_code, flow.response.reason = 403, "Forbidden"


def _say_text(_context: Context, flow: HTTPFlow) -> None:
    assert flow.response
    flow.response.headers["content-type"] = "text/plain; charset=utf-8"


def _say_nothing(_context: Context, flow: HTTPFlow) -> None:
    assert flow.response
    flow.response.content = documents.replaced(flow.response.content or b"", "Message", "")


def _drop_request_id(_context: Context, flow: HTTPFlow) -> None:
    assert flow.response
    flow.response.headers.pop("x-amz-request-id", None)
    flow.response.content = documents.filtered(flow.response.content or b"", "RequestId", lambda _element: False)


def _stumble_over_words(context: Context, flow: HTTPFlow) -> None:
    if not context.operation(flow).query.get("max-keys", "1").isdecimal():
        context.refuse(flow, 500, "InternalError")


@dataclass
class _Broken:
    """Breaks a connection by one answer, and shows it with what comes next over it."""

    context: Context
    breaks: Callable[[Context, HTTPFlow], bool]
    react: Callable[[Context, HTTPFlow], None]
    connections: set[str] = field(default_factory=set)

    def requestheaders(self, flow: HTTPFlow) -> None:
        if flow.client_conn.id in self.connections:
            self.connections.discard(flow.client_conn.id)
            self.react(self.context, flow)

    def responseheaders(self, flow: HTTPFlow) -> None:
        if self.breaks(self.context, flow):
            self.connections.add(flow.client_conn.id)


def _heads_missing_bucket(context: Context, flow: HTTPFlow) -> bool:
    assert flow.response
    is_head = context.is_(flow, Kind.HEAD_BUCKET) and context.is_by(flow, "restore")
    return is_head and flow.response.status_code == 404  # noqa: PLR2004 - not found


def _refuses_much(_context: Context, flow: HTTPFlow) -> bool:
    assert flow.response
    return flow.response.status_code == 403 and int(flow.request.headers.get("content-length", "0")) >= _MUCH  # noqa: PLR2004 - forbidden


def _hang_up(_context: Context, flow: HTTPFlow) -> None:
    flow.kill()  # type: ignore[no-untyped-call]


def _read_body_as_request(context: Context, flow: HTTPFlow) -> None:
    context.answer(flow, 400, b"<html><body><h1>400 Bad Request</h1></body></html>", content_type="text/html")


DEFECTS = (
    Defect(
        "missing-object-empty-200",
        "An object that is not there reads as an empty one.",
        "META-07.missing-object",
        (
            "ABORT-03.aborted-cannot-complete",
            "ABORT-04.open-upload-invisible",
            "LCK-05.marker-is-missing",
            "META-07.head-and-get-agree",
            "META-07.missing-object",
            "WIRE-02.tampered-body-refused",
            "WIRE-07.errors-are-xml",
            "WIRE-07.message",
            "WIRE-07.request-id",
            "WIRE-07.xml-content-type",
            "WIRE-08.missing-part-refused",
            "WIRE-08.right-status",
            "WIRE-08.swapped-etags-refused",
            "WIRE-08.wrong-etag-refused",
            "WIRE-09.read-after-delete",
        ),
        on_answer(_instead_of("NoSuchKey", lambda context, flow: context.answer(flow, 200)), Kind.GET_OBJECT),
    ),
    Defect(
        "missing-bucket-lists-empty",
        "A bucket that is not there lists as an empty one.",
        "WIRE-08.missing-bucket-list",
        (
            "WIRE-07.message",
            "WIRE-07.request-id",
            "WIRE-08.missing-bucket-list",
            "WIRE-08.right-status",
        ),
        on_answer(
            _instead_of("NoSuchBucket", lambda context, flow: context.answer(flow, 200, _EMPTY_LIST)), Kind.LIST_OBJECTS
        ),
    ),
    Defect(
        "unknown-upload-accepted",
        "A part of an upload that was aborted is acknowledged, and lost.",
        "WIRE-08.unknown-upload",
        ("WIRE-08.no-parts-once-complete", "WIRE-08.unknown-upload", "WIRE-15.id-of-another-key-refused"),
        on_answer(_instead_of("NoSuchUpload", _accept_late_part), Kind.UPLOAD_PART),
    ),
    Defect(
        "too-small-error-renamed",
        "Parts that are too small are answered InvalidRequest.",
        "WIRE-08.too-small-part",
        ("WIRE-08.too-small-part",),
        _renamed("EntityTooSmall", "InvalidRequest", 400),
    ),
    Defect(
        "aborted-completion-error-renamed",
        "Completing an upload that was aborted is answered InvalidPart.",
        "WIRE-08.aborted-completion-code",
        ("WIRE-08.aborted-completion-code",),
        _renamed("NoSuchUpload", "InvalidPart", 400, Kind.COMPLETE_UPLOAD),
    ),
    Defect(
        "signature-error-renamed",
        "A wrong signature is answered AccessDenied.",
        "WIRE-08.signature-code",
        ("WIRE-08.signature-code",),
        _renamed("SignatureDoesNotMatch", "AccessDenied", 403),
    ),
    Defect(
        "unknown-key-error-renamed",
        "A key id that the store has never heard of is answered AccessDenied.",
        "WIRE-08.unknown-key-code",
        ("WIRE-08.unknown-key-code",),
        _renamed("InvalidAccessKeyId", "AccessDenied", 403),
    ),
    Defect(
        "skew-error-renamed",
        "A request signed at another time is answered AccessDenied.",
        "WIRE-08.skew-code",
        ("WIRE-08.skew-code",),
        _renamed("RequestTimeTooSkewed", "AccessDenied", 403),
    ),
    Defect(
        "denied-error-renamed",
        "Reading without the right to is answered InvalidRequest.",
        "WIRE-08.denied-code",
        ("WIRE-08.denied-code",),
        _renamed("AccessDenied", "InvalidRequest", 400, Kind.GET_OBJECT),
    ),
    Defect(
        "etag-error-renamed",
        "A completion with a wrong ETag is answered InvalidRequest.",
        "WIRE-08.wrong-etag-code",
        ("WIRE-08.wrong-etag-code",),
        _renamed("InvalidPart", "InvalidRequest", 400),
    ),
    Defect(
        "part-order-unchecked",
        "A list of parts in the wrong order is put right without a word.",
        "WIRE-08.part-order",
        ("WIRE-08.part-order",),
        on_request_body(_sort_parts, Kind.COMPLETE_UPLOAD),
    ),
    Defect(
        "html-error-pages",
        "What can't be found is answered with a web page.",
        "WIRE-07.errors-are-xml",
        (
            "LCK-05.marker-is-missing",
            "META-07.missing-object",
            "WIRE-07.errors-are-xml",
            "WIRE-07.message",
            "WIRE-07.xml-content-type",
            "WIRE-08.unknown-upload",
        ),
        on_refusal(_dress_for_browser, Kind.GET_OBJECT, Kind.UPLOAD_PART),
    ),
    Defect(
        "redirects-reads",
        "A plain listing of a bucket is redirected to another host.",
        "WIRE-13.no-redirect",
        ("WIRE-13.no-redirect",),
        on_request(_redirect, Kind.LIST_OBJECTS),
    ),
    Defect(
        "malformed-answers-500",
        "A body that is no XML is answered with an internal error.",
        "WIRE-07.malformed-is-400",
        ("WIRE-07.malformed-is-400",),
        on_request_body(_stumble_over_malformed, Kind.COMPLETE_UPLOAD),
    ),
    Defect(
        "missing-bucket-answers-400",
        "A list of a bucket that is not there is answered NoSuchBucket with status 400.",
        "WIRE-08.right-status",
        ("WIRE-08.right-status",),
        on_refusal(_misstate_missing_bucket, Kind.LIST_OBJECTS),
    ),
    Defect(
        "missing-bucket-head-answers-403",
        "HEAD of a bucket that is not there is answered 403.",
        "WIRE-08.head-status",
        ("WIRE-08.head-status",),
        on_answer_head(_forbid_missing_bucket, Kind.HEAD_BUCKET),
    ),
    Defect(
        "errors-called-text",
        "Error documents are sent as plain text.",
        "WIRE-07.xml-content-type",
        ("WIRE-07.xml-content-type",),
        on_refusal(_say_text),
    ),
    Defect(
        "errors-without-message",
        "Errors have a code and nothing else to say.",
        "WIRE-07.message",
        ("WIRE-07.message",),
        on_refusal(_say_nothing),
    ),
    Defect(
        "errors-without-request-id",
        "Errors name no request id.",
        "WIRE-07.request-id",
        ("WIRE-07.request-id",),
        on_refusal(_drop_request_id),
    ),
    Defect(
        "word-for-number-answers-500",
        "A list whose max-keys is no number is answered with an internal error.",
        "WIRE-07.mistakes-are-no-failures",
        ("WIRE-07.mistakes-are-no-failures",),
        on_request(_stumble_over_words, Kind.LIST_OBJECTS),
    ),
    Defect(
        "hangs-up-after-head",
        "After HEAD of a bucket that is not there the connection of who may only read is dropped without a word.",
        "WIRE-10.keep-alive-after-errors",
        ("WIRE-10.keep-alive-after-errors",),
        lambda context: _Broken(context, _heads_missing_bucket, _hang_up),
    ),
    Defect(
        "refused-body-left-unread",
        "The body of a large upload that was refused is left unread, and taken for the next request.",
        "WIRE-10.refused-body-is-no-request",
        ("WIRE-10.refused-body-is-no-request",),
        lambda context: _Broken(context, _refuses_much, _read_body_as_request),
    ),
)
