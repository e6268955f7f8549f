"""Defects of reading back: wrong bytes, wrong sizes, old bytes, or nothing yet."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from restoreproof.standins.proxy.defect import Defect
from restoreproof.standins.proxy.lagging import Lagging
from restoreproof.standins.proxy.operation import Kind
from restoreproof.standins.proxy.shapes import on_answer, on_answer_head

if TYPE_CHECKING:
    from mitmproxy.http import HTTPFlow, Response

    from restoreproof.standins.proxy.context import Context

__all__ = ["DEFECTS"]

_OK, _PARTIAL, _NO_SUCH_RANGE = 200, 206, 416
_SECTOR, _PAGE = 512, 4096
_KEPT_BYTES = 1024 * 1024


def _answer(flow: HTTPFlow) -> Response:
    assert flow.response
    return flow.response


def _start(flow: HTTPFlow) -> int:
    found = re.match(r"bytes=(\d+)-", flow.request.headers.get("range", ""))
    return int(found[1]) if found else 0


def _shift(_context: Context, flow: HTTPFlow) -> None:
    answer = _answer(flow)
    body = answer.content or b""
    if answer.status_code == _PARTIAL and _start(flow) % _SECTOR and len(body) > _SECTOR:
        answer.content = body[1:] + body[-1:]


def _forget_partial(_context: Context, flow: HTTPFlow) -> None:
    answer = _answer(flow)
    if answer.status_code == _PARTIAL:
        answer.status_code, answer.reason = _OK, "OK"
        answer.headers.pop("content-range", None)


def _overstate_total(_context: Context, flow: HTTPFlow) -> None:
    headers = _answer(flow).headers
    if "content-range" in headers:
        headers["content-range"] = re.sub(r"/(\d+)", lambda found: f"/{int(found[1]) + 1}", headers["content-range"])


def _round_size(_context: Context, flow: HTTPFlow) -> None:
    headers = _answer(flow).headers
    if _answer(flow).status_code == _OK and "content-length" in headers:
        headers["content-length"] = str(-(-int(headers["content-length"]) // _PAGE) * _PAGE)


def _vary_etag(context: Context, flow: HTTPFlow) -> None:
    if _answer(flow).status_code == _PARTIAL:
        _answer(flow).headers["etag"] = f'"{context.random.randbytes(16).hex()}"'


def _answer_past_the_end(context: Context, flow: HTTPFlow) -> None:
    if _answer(flow).status_code == _NO_SUCH_RANGE:
        context.answer(flow, _OK)


class _FirstReadMisses(Lagging):
    def requestheaders(self, flow: HTTPFlow) -> None:
        operation = self.context.operation(flow)
        place = (operation.bucket, operation.key)
        if operation.kind is Kind.GET_OBJECT and place in self.fresh and self.context.is_signed(flow):
            self.fresh.discard(place)
            self.context.refuse(flow, 404, "NoSuchKey")


@dataclass
class _StaleAfterOverwrite:
    """Keeps what was read first of every small object, and serves it until the object is deleted."""

    context: Context
    kept: dict[tuple[str, str, str], bytes] = field(default_factory=dict)

    def responseheaders(self, flow: HTTPFlow) -> None:
        small = int(_answer(flow).headers.get("content-length", _KEPT_BYTES + 1)) <= _KEPT_BYTES
        if self.context.is_(flow, Kind.GET_OBJECT) and _answer(flow).status_code in {_OK, _PARTIAL} and small:
            self.context.hold_answer(flow)

    def response(self, flow: HTTPFlow) -> None:
        operation, answer = self.context.operation(flow), _answer(flow)
        if operation.kind is Kind.DELETE_OBJECT:
            self.kept = {place: body for place, body in self.kept.items() if place[1] != operation.key}
        elif operation.kind is Kind.GET_OBJECT and answer.status_code in {_OK, _PARTIAL} and answer.content:
            place = (operation.bucket, operation.key, flow.request.headers.get("range", ""))
            answer.content = self.kept.setdefault(place, answer.content)


@dataclass
class _RepeatedRangeDiffers:
    """Turns the first byte of every range that was served before."""

    context: Context
    served: set[tuple[str, str, str]] = field(default_factory=set)

    def responseheaders(self, flow: HTTPFlow) -> None:
        if self.context.is_(flow, Kind.GET_OBJECT) and _answer(flow).status_code == _PARTIAL:
            self.context.hold_answer(flow)

    def response(self, flow: HTTPFlow) -> None:
        operation, answer = self.context.operation(flow), _answer(flow)
        place = (operation.bucket, operation.key, flow.request.headers.get("range", ""))
        if operation.kind is Kind.GET_OBJECT and answer.status_code == _PARTIAL and answer.content:
            if place in self.served:
                answer.content = bytes([answer.content[0] ^ 0xFF]) + answer.content[1:]
            self.served.add(place)


DEFECTS = (
    Defect(
        "range-shifted",
        "A range of more than a sector that starts off a sector's boundary is served one byte late.",
        "WIRE-05.range-bytes",
        ("WIRE-05.range-bytes",),
        on_answer(_shift, Kind.GET_OBJECT),
    ),
    Defect(
        "range-answers-200",
        "A range is served with status 200 and without a Content-Range, as if it were the whole object.",
        "WIRE-05.range-status",
        ("WIRE-05.range-status",),
        on_answer_head(_forget_partial, Kind.GET_OBJECT),
    ),
    Defect(
        "content-range-total-wrong",
        "The total in Content-Range is one byte more than the object has.",
        "WIRE-05.range-status",
        ("WIRE-05.range-status",),
        on_answer_head(_overstate_total, Kind.GET_OBJECT),
    ),
    Defect(
        "head-size-rounded",
        "HeadObject tells sizes in whole pages of 4096 bytes.",
        "WIRE-06.exact-size",
        ("WIRE-06.exact-size",),
        on_answer_head(_round_size, Kind.HEAD_OBJECT),
    ),
    Defect(
        "etag-varies",
        "Every ranged read of one object names another ETag.",
        "RST-14.same-etag-again",
        ("RST-14.same-etag-again",),
        on_answer_head(_vary_etag, Kind.GET_OBJECT),
    ),
    Defect(
        "repeated-range-differs",
        "A range that is read again has another first byte.",
        "RST-14.same-range-again",
        ("RST-14.same-range-again",),
        _RepeatedRangeDiffers,
    ),
    Defect(
        "past-the-end-answers-200",
        "A range behind the end of an object is answered with success and no bytes.",
        "WIRE-07.range-past-the-end",
        ("WIRE-07.range-past-the-end",),
        on_answer(_answer_past_the_end, Kind.GET_OBJECT),
    ),
    Defect(
        "first-read-misses",
        "In a folder of more than three objects the first read of a new one says that it is not there.",
        "WIRE-09.read-after-write",
        ("WIRE-09.read-after-write", "WIRE-16.sixteen-uploads-at-once"),
        _FirstReadMisses,
    ),
    Defect(
        "stale-after-overwrite",
        "What was read of an object before is served again after the object was overwritten.",
        "WIRE-09.read-after-overwrite",
        ("WIRE-09.read-after-overwrite",),
        _StaleAfterOverwrite,
    ),
)
