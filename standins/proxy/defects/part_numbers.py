"""Defects of part numbers and of the order in which parts come: joined by arrival, torn, refused or taken wrongly."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from restoreproof.standins.proxy.completing import complete_with, named_parts
from restoreproof.standins.proxy.defect import Defect
from restoreproof.standins.proxy.operation import Kind
from restoreproof.standins.proxy.shapes import on_request, on_request_body

if TYPE_CHECKING:
    from mitmproxy.http import HTTPFlow

    from restoreproof.standins.proxy.context import Context

__all__ = ["DEFECTS"]

_TORN = "restoreproof torn"
_PAGE = 4096
_MOST_PARTS = 1000
_LAST_PART = 10_000


@dataclass
class _JoinedInArrivalOrder:
    """Gives parts the numbers of their arrival."""

    context: Context
    arrivals: dict[str, list[int]] = field(default_factory=dict)
    ABSENT = 9999

    def requestheaders(self, flow: HTTPFlow) -> None:
        if self.context.is_(flow, Kind.COMPLETE_UPLOAD):
            self.context.hold_request(flow)
        operation = self.context.operation(flow)
        known = operation.kind is Kind.UPLOAD_PART and self.context.uploads.of(flow) and self.context.is_signed(flow)
        if known and 0 < operation.part <= _LAST_PART:
            order = self.arrivals.setdefault(operation.upload, [])
            if operation.part not in order:
                order.append(operation.part)
            if operation.part != self._place(operation.upload, operation.part):
                place = self._place(operation.upload, operation.part)
                flow.request.path = re.sub(r"(?<=[?&]partNumber=)\d+", str(place), flow.request.path)
                self.context.resign(flow)

    def request(self, flow: HTTPFlow) -> None:
        operation = self.context.operation(flow)
        if operation.kind is Kind.COMPLETE_UPLOAD and operation.upload in self.arrivals and flow.response is None:
            parts = named_parts(flow)
            moved = [(self._place(operation.upload, number), tag) for number, tag in parts]
            complete_with(self.context, flow, sorted(moved) if parts == sorted(parts) else moved)

    def _place(self, upload: str, number: int) -> int:
        order = self.arrivals[upload]
        return order.index(number) + 1 if number in order else self.ABSENT


def _stop_at_a_thousand(context: Context, flow: HTTPFlow) -> None:
    if context.operation(flow).part > _MOST_PARTS:
        context.refuse(flow, 400, "InvalidArgument")


def _refuse_gaps(context: Context, flow: HTTPFlow) -> None:
    parts = named_parts(flow)
    if len({number for number, _ in parts}) == len(parts) and max((n for n, _ in parts), default=0) > len(parts):
        context.refuse(flow, 400, "InvalidPart")


def _take_any_number(context: Context, flow: HTTPFlow) -> None:
    number = context.operation(flow).query.get("partNumber", "")
    if number.isdecimal() and not 0 < int(number) <= _LAST_PART and context.is_signed(flow):
        context.answer(flow, 200, etag='"d41d8cd98f00b204e9800998ecf8427e"')


def _stumble_over_number(context: Context, flow: HTTPFlow) -> None:
    if not context.operation(flow).query.get("partNumber", "").isdecimal():
        context.refuse(flow, 500, "InternalError")


@dataclass
class _OverlappingPartTorn:
    """Keeps zeros for the first page of a part that begins while another of its upload is under way."""

    context: Context
    under_way: dict[str, tuple[str, int]] = field(default_factory=dict)

    def requestheaders(self, flow: HTTPFlow) -> None:
        operation = self.context.operation(flow)
        if operation.kind is Kind.UPLOAD_PART and self.context.uploads.of(flow):
            if any(id_ == operation.upload and n != operation.part for id_, n in self.under_way.values()):
                self.context.hold_request(flow)
                flow.metadata[_TORN] = True
            self.under_way[flow.id] = operation.upload, operation.part

    def request(self, flow: HTTPFlow) -> None:
        if _TORN in flow.metadata and self.context.is_signed(flow):
            body = flow.request.content or b""
            self.context.replace_body(flow, bytes(len(body[:_PAGE])) + body[_PAGE:])

    def response(self, flow: HTTPFlow) -> None:
        self.under_way.pop(flow.id, None)

    def error(self, flow: HTTPFlow) -> None:
        self.under_way.pop(flow.id, None)


DEFECTS = (
    Defect(
        "joined-in-arrival-order",
        "Parts are joined in the order in which they came, whatever their numbers.",
        "MPU-14.out-of-order-arrival",
        (
            "ABORT-01.cut-part-discarded",
            "ABORT-01.part-without-its-last-byte",
            "MPU-02.part-number-10000",
            "MPU-02.ten-thousand-parts",
            "MPU-08.largest-object",
            "MPU-14.out-of-order-arrival",
        ),
        _JoinedInArrivalOrder,
    ),
    Defect(
        "thousand-parts-only",
        "Part numbers above 1000 are refused.",
        "MPU-02.part-number-10000",
        ("MPU-02.part-number-10000",),
        on_request(_stop_at_a_thousand, Kind.UPLOAD_PART),
    ),
    Defect(
        "overlapping-part-torn",
        "A part that begins while another of its upload is under way begins with zeros.",
        "MPU-14.parallel-parts",
        (
            "MPU-02.ten-thousand-parts",
            "MPU-14.parallel-parts",
        ),
        _OverlappingPartTorn,
    ),
    Defect(
        "gaps-refused",
        "Part numbers must follow each other without a gap.",
        "MPU-14.numbers-with-gaps",
        ("MPU-14.numbers-with-gaps",),
        on_request_body(_refuse_gaps, Kind.COMPLETE_UPLOAD),
    ),
    Defect(
        "any-part-number-taken",
        "Part numbers of 0 and above 10,000 are taken.",
        "MPU-02.number-beyond-limits-refused",
        ("MPU-02.number-beyond-limits-refused",),
        on_request(_take_any_number, Kind.UPLOAD_PART),
    ),
    Defect(
        "part-number-typo-answers-500",
        "A part number that is none is answered with an internal error.",
        "MPU-02.no-number-refused",
        (
            "MPU-02.no-number-refused",
            "WIRE-07.mistakes-are-no-failures",
        ),
        on_request(_stumble_over_number, Kind.UPLOAD_PART),
    ),
)
