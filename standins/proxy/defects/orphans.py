"""Defects of what is left of uploads that nobody completes: listed wrongly, aborted by halves, or come back."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import TYPE_CHECKING
from urllib.parse import quote

from restoreproof.standins.proxy import documents
from restoreproof.standins.proxy.defect import Defect
from restoreproof.standins.proxy.operation import Kind
from restoreproof.standins.proxy.shapes import on_answer, on_answer_head, on_refusal, on_request
from restoreproof.standins.proxy.uploads import ABORTED, OPEN

if TYPE_CHECKING:
    from mitmproxy.http import HTTPFlow

    from restoreproof.standins.proxy.context import Context
    from restoreproof.standins.proxy.uploads import Upload

__all__ = ["DEFECTS"]

_OK = range(200, 300)
_NOT_FOUND = 404
_SMALL = 1_048_576


async def _abort(context: Context, upload: Upload) -> None:
    await context.upstream.ask("DELETE", upload.bucket, upload.key, f"uploadId={quote(upload.id, safe='')}")


def _body(flow: HTTPFlow) -> bytes:
    assert flow.response
    return flow.response.content or b""


def _set_body(flow: HTTPFlow, body: bytes) -> None:
    assert flow.response
    flow.response.content = body


def _is_ok(flow: HTTPFlow) -> bool:
    assert flow.response
    return flow.response.status_code in _OK


def _acknowledge_unknown(context: Context, flow: HTTPFlow) -> None:
    assert flow.response
    if flow.response.status_code == _NOT_FOUND and context.uploads.of(flow) is None:
        context.answer(flow, 204)


def _choke_on_second(context: Context, flow: HTTPFlow) -> None:
    upload = context.uploads.of(flow)
    if upload and upload.state == ABORTED:
        context.refuse(flow, 500, "InternalError")


@dataclass
class _PartUnderWayKeeps:
    """Acknowledges the abort of an upload that a part is under way for, and forgets to carry it out."""

    context: Context
    under_way: dict[str, str] = field(default_factory=dict)

    def requestheaders(self, flow: HTTPFlow) -> None:
        operation = self.context.operation(flow)
        if operation.kind is Kind.UPLOAD_PART:
            self.under_way[flow.id] = operation.upload
        elif operation.kind is Kind.ABORT_UPLOAD and operation.upload in self.under_way.values():
            self.context.answer(flow, 204)

    def response(self, flow: HTTPFlow) -> None:
        self.under_way.pop(flow.id, None)

    def error(self, flow: HTTPFlow) -> None:
        self.under_way.pop(flow.id, None)


def _list_newest_of_key(_context: Context, flow: HTTPFlow) -> None:
    rows = documents.elements(_body(flow), "Upload")
    keys = [documents.text(row, "Key") for row in rows]
    doubled = {row for number, row in enumerate(rows) if keys[number] in keys[number + 1 :]}
    _set_body(flow, documents.filtered(_body(flow), "Upload", lambda row: row not in doubled))


def _begin_anew(context: Context, flow: HTTPFlow) -> None:
    _without(context, flow, "key-marker", "upload-id-marker")


def _skip_rest_of_key(context: Context, flow: HTTPFlow) -> None:
    _without(context, flow, "upload-id-marker")


def _without(context: Context, flow: HTTPFlow, *names: str) -> None:
    """Take parameters out of the query, if they are there."""
    path, _, query = flow.request.path.partition("?")
    kept = [pair for pair in query.split("&") if pair.partition("=")[0] not in names]
    if len(kept) < query.count("&") + 1 and context.is_signed(flow):
        flow.request.path = f"{path}?{'&'.join(kept)}"
        context.resign(flow)


def _say_nothing_of_more(_context: Context, flow: HTTPFlow) -> None:
    _set_body(flow, documents.replaced(_body(flow), "IsTruncated", "false"))


def _ignore_abort_beside_another(context: Context, flow: HTTPFlow) -> None:
    operation = context.operation(flow)
    waiting = [upload.id for upload in context.uploads.under(operation.bucket, operation.key)]
    if operation.upload in waiting and len(waiting) > 1:
        context.answer(flow, 204)


async def _take_namesakes(context: Context, flow: HTTPFlow) -> None:
    operation = context.operation(flow)
    if _is_ok(flow) and not context.is_answered(flow):
        for other in context.uploads.under(operation.bucket, operation.key):
            await _abort(context, other)


async def _take_longer_keys(context: Context, flow: HTTPFlow) -> None:
    operation = context.operation(flow)
    longer = [
        upload
        for upload in context.uploads.seen.values()
        if upload.state == OPEN and upload.key != operation.key and upload.key.startswith(operation.key)
    ]
    for upload in longer if _is_ok(flow) else []:
        await _abort(context, upload)


@dataclass
class _LatePartRevives:
    """Refuses a part for an aborted upload, and lists the upload again from then on."""

    context: Context
    revived: set[str] = field(default_factory=set)

    def requestheaders(self, flow: HTTPFlow) -> None:
        upload = self.context.uploads.of(flow)
        if self.context.is_(flow, Kind.UPLOAD_PART) and upload and upload.state == ABORTED:
            self.revived.add(upload.id)

    def responseheaders(self, flow: HTTPFlow) -> None:
        if self.context.is_(flow, Kind.LIST_UPLOADS):
            self.context.hold_answer(flow)

    def response(self, flow: HTTPFlow) -> None:
        operation = self.context.operation(flow)
        if operation.kind is Kind.LIST_UPLOADS and _is_ok(flow):
            asked = operation.query.get("prefix", "")
            back = [u for u in self.context.uploads.seen.values() if u.id in self.revived and u.key.startswith(asked)]
            _set_body(flow, documents.appended(_body(flow), *(upload.element for upload in back)))


def _list_no_date(_context: Context, flow: HTTPFlow) -> None:
    for element in documents.elements(_body(flow), "Initiated"):
        _set_body(flow, _body(flow).replace(element, b""))


def _list_no_sizes(_context: Context, flow: HTTPFlow) -> None:
    for element in documents.elements(_body(flow), "Size"):
        _set_body(flow, _body(flow).replace(element, b"<Size>0</Size>"))


def _end_in_an_hour(_context: Context, flow: HTTPFlow) -> None:
    assert flow.response
    flow.response.headers["x-amz-abort-date"] = format_datetime(datetime.now(UTC) + timedelta(hours=1), usegmt=True)
    flow.response.headers["x-amz-abort-rule-id"] = "hourly"


def _forget_rules(context: Context, flow: HTTPFlow) -> None:
    if "lifecycle" in context.operation(flow).query and not context.operation(flow).key:
        if flow.request.method == "PUT":
            context.answer(flow, 200)
        else:
            context.refuse(flow, 404, "NoSuchLifecycleConfiguration")


def _list_small(_context: Context, flow: HTTPFlow) -> None:
    for element in documents.elements(_body(flow), "Size"):
        if int(documents.text(element, "Size")) > _SMALL:
            _set_body(flow, _body(flow).replace(element, b"<Size>%d</Size>" % _SMALL))


DEFECTS = (
    Defect(
        "abort-of-unknown-acknowledged",
        "Aborting an upload that never was is answered with success.",
        "ABORT-03.unknown-upload-code",
        ("ABORT-03.unknown-upload-code",),
        on_refusal(_acknowledge_unknown, Kind.ABORT_UPLOAD),
    ),
    Defect(
        "second-abort-500",
        "An upload that is aborted again is an internal error.",
        "ABORT-03.abort-twice",
        ("ABORT-03.abort-twice",),
        on_request(_choke_on_second, Kind.ABORT_UPLOAD),
    ),
    Defect(
        "part-under-way-outlives-abort",
        "An abort that comes while a part is under way is acknowledged and does nothing.",
        "ABORT-03.abort-under-way",
        ("ABORT-03.abort-under-way",),
        _PartUnderWayKeeps,
    ),
    Defect(
        "late-part-revives-upload",
        "An aborted upload is listed again once a late part for it has been refused.",
        "ABORT-03.late-part",
        ("ABORT-03.late-part",),
        _LatePartRevives,
    ),
    Defect(
        "newest-upload-of-key-listed",
        "Of several open uploads of a key only one is listed.",
        "ABORT-03.several-on-one-key",
        (
            "ABORT-03.pages-of-one-key",
            "ABORT-03.several-on-one-key",
            "ABORT-03.swept",
        ),
        on_answer(_list_newest_of_key, Kind.LIST_UPLOADS),
    ),
    Defect(
        "upload-pages-begin-anew",
        "A list of open uploads begins anew on every page.",
        "ABORT-03.pages-of-many-keys",
        ("ABORT-03.pages-of-many-keys", "ABORT-03.pages-of-one-key"),
        on_request(_begin_anew, Kind.LIST_UPLOADS),
    ),
    Defect(
        "upload-pages-end-early",
        "A list of open uploads says that there is no more, whatever there is.",
        "ABORT-03.pages-of-many-keys",
        ("ABORT-03.pages-of-many-keys", "ABORT-03.pages-of-one-key"),
        on_answer(_say_nothing_of_more, Kind.LIST_UPLOADS),
    ),
    Defect(
        "upload-pages-skip-rest-of-key",
        "A page of open uploads goes on with the next key, however many uploads the last one still has.",
        "ABORT-03.pages-of-one-key",
        ("ABORT-03.pages-of-one-key",),
        on_request(_skip_rest_of_key, Kind.LIST_UPLOADS),
    ),
    Defect(
        "abort-beside-another-ignored",
        "Aborting an upload is acknowledged and does nothing while another one is open on its key.",
        "ABORT-03.swept",
        ("ABORT-03.swept",),
        on_request(_ignore_abort_beside_another, Kind.ABORT_UPLOAD),
    ),
    Defect(
        "abort-takes-namesakes",
        "Aborting an upload aborts all uploads of its key.",
        "ABORT-06.abort-spares-same-key",
        (
            "ABORT-03.pages-of-one-key",
            "ABORT-03.several-on-one-key",
            "ABORT-06.abort-spares-same-key",
            "WIRE-15.unique-ids",
        ),
        on_answer(_take_namesakes, Kind.ABORT_UPLOAD),
    ),
    Defect(
        "abort-takes-longer-keys",
        "Aborting an upload aborts the uploads of all keys that begin with its own.",
        "ABORT-06.abort-spares-other-keys",
        ("ABORT-06.abort-spares-other-keys",),
        on_answer(_take_longer_keys, Kind.ABORT_UPLOAD),
    ),
    Defect(
        "uploads-without-date",
        "The list of open uploads does not say when they were begun.",
        "ABORT-03.initiated-shown",
        ("ABORT-03.initiated-shown",),
        on_answer(_list_no_date, Kind.LIST_UPLOADS),
    ),
    Defect(
        "parts-without-size",
        "The list of parts says of each that it has no bytes.",
        "ABORT-08.stranded-bytes",
        (
            "ABORT-08.stranded-bytes",
            "MPU-13.parts-listed",
        ),
        on_answer(_list_no_sizes, Kind.LIST_PARTS),
    ),
    Defect(
        "parts-listed-as-small",
        "The list of parts says of none that it has more than a MiB.",
        "ABORT-08.left-in-a-full-store",
        ("ABORT-08.left-in-a-full-store",),
        on_answer(_list_small, Kind.LIST_PARTS),
    ),
    Defect(
        "uploads-end-in-an-hour",
        "A rule of the bucket aborts uploads an hour after they were begun.",
        "ABORT-02.no-early-end",
        ("ABORT-02.no-early-end",),
        on_answer_head(_end_in_an_hour, Kind.CREATE_UPLOAD),
    ),
    Defect(
        "lifecycle-rules-forgotten",
        "A lifecycle rule is acknowledged and forgotten.",
        "ABORT-03.lifecycle-rule",
        ("ABORT-03.lifecycle-rule",),
        on_request(_forget_rules, Kind.OTHER),
    ),
)
