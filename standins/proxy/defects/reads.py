"""Defects of reading back: wrong bytes, wrong sizes, wrong words about them."""

from __future__ import annotations

import gzip
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from restoreproof.standins.proxy.defect import Defect
from restoreproof.standins.proxy.operation import Kind
from restoreproof.standins.proxy.shapes import on_answer, on_answer_head, on_request

if TYPE_CHECKING:
    from mitmproxy.http import HTTPFlow, Response

    from restoreproof.standins.proxy.context import Context

__all__ = ["DEFECTS"]

_OK, _PARTIAL, _NOT_FOUND, _ANOTHER_ETAG, _NO_SUCH_RANGE = 200, 206, 404, 412, 416
_SECTOR, _PAGE, _BLOCK = 512, 4096, 64 * 1024
_BIG = 5 * 1024 * 1024
_LONGEST_RANGE = 16 * 1024 * 1024
_MOST_AT_ONCE = 8


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


def _spoil_a_block(_context: Context, flow: HTTPFlow) -> None:
    answer = _answer(flow)
    body, start = answer.content or b"", _start(flow)
    if answer.status_code == _PARTIAL and len(body) == _BLOCK and start and start % (8 * _BLOCK) == 0:
        answer.content = bytes([body[0] ^ 0xFF]) + body[1:]


def _cut_long_ranges(_context: Context, flow: HTTPFlow) -> None:
    answer = _answer(flow)
    body, start = answer.content or b"", _start(flow)
    if answer.status_code == _PARTIAL and len(body) > _LONGEST_RANGE:
        total = answer.headers.get("content-range", "").rpartition("/")[2]
        answer.content = body[:_LONGEST_RANGE]
        answer.headers["content-range"] = f"bytes {start}-{start + _LONGEST_RANGE - 1}/{total}"


def _refuse_ends_past_the_end(context: Context, flow: HTTPFlow) -> None:
    asked = re.fullmatch(r"bytes=\d+-(\d+)", flow.request.headers.get("range", ""))
    total = _answer(flow).headers.get("content-range", "").rpartition("/")[2]
    if asked and total.isdecimal() and int(asked[1]) >= int(total):
        context.refuse(flow, _NO_SUCH_RANGE, "InvalidRange")


def _widen_small_ranges(_context: Context, flow: HTTPFlow) -> None:
    answer, asked = _answer(flow), re.fullmatch(r"bytes=0-(\d+)", flow.request.headers.get("range", ""))
    total = answer.headers.get("content-range", "").rpartition("/")[2]
    if asked and int(asked[1]) < _PAGE and total.isdecimal() and int(total) > _BIG:
        answer.content = (answer.content or b"").ljust(_BLOCK, b"\0")
        answer.headers["content-range"] = f"bytes 0-{_BLOCK - 1}/{total}"


def _say_no_ranges(_context: Context, flow: HTTPFlow) -> None:
    _answer(flow).headers["accept-ranges"] = "none"


def _round_list_sizes(_context: Context, flow: HTTPFlow) -> None:
    def rounded(found: re.Match[bytes]) -> bytes:
        return b"<Size>%d</Size>" % (-(-int(found[1]) // _PAGE) * _PAGE)

    body = _answer(flow).content or b""
    _answer(flow).content = re.sub(rb"<Size>(\d{5,})</Size>", rounded, body)


def _refuse_empty_bodies(context: Context, flow: HTTPFlow) -> None:
    if flow.request.headers.get("content-length") == "0":
        context.refuse(flow, 411, "MissingContentLength")


def _compress(_context: Context, flow: HTTPFlow) -> None:
    answer = _answer(flow)
    packed = gzip.compress(answer.content or b"", 1)
    if answer.status_code == _OK and 0 < len(packed) < len(answer.content or b"") // 2:
        answer.raw_content = packed
        answer.headers["content-encoding"], answer.headers["content-length"] = "gzip", str(len(packed))


def _weaken_etag(_context: Context, flow: HTTPFlow) -> None:
    if _answer(flow).status_code == _PARTIAL:
        _answer(flow).headers["etag"] = f"W/{_answer(flow).headers.get('etag', '')}"


def _serve_whatever_etag(context: Context, flow: HTTPFlow) -> None:
    if _answer(flow).status_code == _ANOTHER_ETAG:
        context.answer(flow, _OK)


def _refuse_every_etag(context: Context, flow: HTTPFlow) -> None:
    if "if-match" in flow.request.headers:
        context.refuse(flow, _ANOTHER_ETAG, "PreconditionFailed")


def _forbid_absent_heads(context: Context, flow: HTTPFlow) -> None:
    if _answer(flow).status_code == _NOT_FOUND and context.is_by(flow, "restore"):
        context.answer(flow, 403)


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


@dataclass
class _AnswersCrossed:
    """Answers a range with that of another object, of the same length, while more than eight are asked for."""

    context: Context
    under_way: int = 0
    last: tuple[str, bytes] = ("", b"")

    def requestheaders(self, flow: HTTPFlow) -> None:
        if "range" in flow.request.headers:
            self.under_way += 1

    def responseheaders(self, flow: HTTPFlow) -> None:
        if "range" in flow.request.headers and _answer(flow).status_code == _PARTIAL:
            self.context.hold_answer(flow)

    def response(self, flow: HTTPFlow) -> None:
        if "range" not in flow.request.headers:
            return
        crowded, self.under_way = self.under_way > _MOST_AT_ONCE, self.under_way - 1
        key, body = self.context.operation(flow).key, _answer(flow).content or b""
        if crowded and key != self.last[0] and len(body) == len(self.last[1]):
            _answer(flow).content = self.last[1]
        self.last = key, body


@dataclass
class _BrokenReadsForgotten:
    """After a client hung up in the middle of a read, serves the next range of that object one byte late."""

    context: Context
    broken: set[tuple[str, str]] = field(default_factory=set)

    def error(self, flow: HTTPFlow) -> None:
        if self.context.is_(flow, Kind.GET_OBJECT):
            self.broken.add(self._place(flow))

    def responseheaders(self, flow: HTTPFlow) -> None:
        if self.context.is_(flow, Kind.GET_OBJECT) and self._place(flow) in self.broken:
            self.context.hold_answer(flow)

    def response(self, flow: HTTPFlow) -> None:
        if self.context.is_(flow, Kind.GET_OBJECT) and self._place(flow) in self.broken:
            self.broken.discard(self._place(flow))
            body = _answer(flow).content or b""
            _answer(flow).content = body[1:] + body[:1]

    def _place(self, flow: HTTPFlow) -> tuple[str, str]:
        operation = self.context.operation(flow)
        return operation.bucket, operation.key


DEFECTS = (
    Defect(
        "range-shifted",
        "A range of more than a sector that starts off a sector's boundary is served one byte late.",
        "WIRE-05.range-bytes",
        (
            "RST-14.resumed-read",
            "WIRE-05.range-bytes",
        ),
        on_answer(_shift, Kind.GET_OBJECT),
    ),
    Defect(
        "range-answers-200",
        "A range is served with status 200 and without a Content-Range, as if it were the whole object.",
        "WIRE-05.range-status",
        ("WIRE-05.range-status", "WIRE-06.one-size-everywhere"),
        on_answer_head(_forget_partial, Kind.GET_OBJECT),
    ),
    Defect(
        "content-range-total-wrong",
        "The total in Content-Range is one byte more than the object has.",
        "WIRE-05.range-status",
        ("WIRE-05.range-status", "WIRE-06.one-size-everywhere"),
        on_answer_head(_overstate_total, Kind.GET_OBJECT),
    ),
    Defect(
        "head-size-rounded",
        "HeadObject tells sizes in whole pages of 4096 bytes.",
        "WIRE-06.exact-size",
        ("LCK-04.newest-size", "LIST-02.rows-agree-with-head", "WIRE-06.exact-size", "WIRE-06.one-size-everywhere"),
        on_answer_head(_round_size, Kind.HEAD_OBJECT),
    ),
    Defect(
        "etag-varies",
        "Every ranged read of one object names another ETag.",
        "RST-14.same-etag-again",
        ("RST-14.etag-of-a-range", "RST-14.same-etag-again"),
        on_answer_head(_vary_etag, Kind.GET_OBJECT),
    ),
    Defect(
        "repeated-range-differs",
        "A range that is read again has another first byte.",
        "RST-14.same-range-again",
        ("RST-14.same-range-again", "WIRE-09.range-after-overwrite"),
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
        "block-spoilt",
        "Every eighth block of 64 KiB that a cache serves has another first byte.",
        "WIRE-05.every-block",
        ("WIRE-05.every-block",),
        on_answer(_spoil_a_block, Kind.GET_OBJECT),
    ),
    Defect(
        "long-ranges-cut",
        "Ranges of more than 16 MiB are cut there.",
        "WIRE-05.largest-transfers",
        ("WIRE-05.largest-transfers",),
        on_answer(_cut_long_ranges, Kind.GET_OBJECT),
    ),
    Defect(
        "end-past-the-end-refused",
        "A range that ends behind the end of the object is refused, wherever it begins.",
        "WIRE-05.range-beyond-the-end",
        ("WIRE-05.range-beyond-the-end",),
        on_answer(_refuse_ends_past_the_end, Kind.GET_OBJECT),
    ),
    Defect(
        "answers-crossed",
        "While more than eight ranges are read, some are answered with the bytes of others.",
        "WIRE-05.ranges-of-64-objects",
        ("WIRE-05.ranges-of-64-objects",),
        _AnswersCrossed,
    ),
    Defect(
        "accept-ranges-none",
        "HeadObject says that no ranges are served.",
        "WIRE-05.accept-ranges",
        ("WIRE-05.accept-ranges",),
        on_answer_head(_say_no_ranges, Kind.HEAD_OBJECT),
    ),
    Defect(
        "small-ranges-widened",
        "A small range at the start of a big object is answered with 64 KiB.",
        "META-06.small-range",
        ("META-06.small-range",),
        on_answer(_widen_small_ranges, Kind.GET_OBJECT),
    ),
    Defect(
        "list-size-rounded",
        "Lists tell sizes of 10,000 bytes and more in whole pages of 4096 bytes.",
        "WIRE-06.one-size-everywhere",
        ("WIRE-06.one-size-everywhere",),
        on_answer(_round_list_sizes, Kind.LIST_OBJECTS),
    ),
    Defect(
        "empty-object-refused",
        "Objects without a byte are refused.",
        "WIRE-06.empty-object",
        ("WIRE-06.empty-object",),
        on_request(_refuse_empty_bodies, Kind.PUT_OBJECT),
    ),
    Defect(
        "reads-compressed",
        "What compresses well is sent compressed, whatever the client said it takes.",
        "WIRE-06.not-transformed",
        ("WIRE-06.not-transformed",),
        on_answer(_compress, Kind.GET_OBJECT),
    ),
    Defect(
        "range-etag-weak",
        "Ranges show a weak ETag where HeadObject shows a strong one.",
        "RST-14.etag-of-a-range",
        ("RST-14.etag-of-a-range",),
        on_answer_head(_weaken_etag, Kind.GET_OBJECT),
    ),
    Defect(
        "if-match-ignored",
        "A read that asks for another ETag is answered with success and no bytes.",
        "RST-14.if-match-refused",
        ("RST-14.if-match-refused",),
        on_answer(_serve_whatever_etag, Kind.GET_OBJECT),
    ),
    Defect(
        "if-match-never-fits",
        "No ETag that a read asks for is ever that of the object.",
        "RST-14.if-match-served",
        ("RST-14.if-match-served",),
        on_request(_refuse_every_etag, Kind.GET_OBJECT),
    ),
    Defect(
        "broken-read-shifts-the-next",
        "The next range after a read that broke off starts one byte late.",
        "RST-14.resumed-read",
        ("RST-14.resumed-read",),
        _BrokenReadsForgotten,
    ),
    Defect(
        "absent-head-forbidden",
        "HeadObject of an absent key is forbidden to the restore key, though it may list.",
        "META-07.head-and-get-agree",
        ("META-07.head-and-get-agree", "PERM-06.absent-key-is-404"),
        on_answer_head(_forbid_absent_heads, Kind.HEAD_OBJECT),
    ),
)
