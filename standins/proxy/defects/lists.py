"""Defects of lists: keys left out, shown twice, late, or those of others."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from restoreproof.standins.proxy import documents
from restoreproof.standins.proxy.defect import Defect
from restoreproof.standins.proxy.lagging import Lagging
from restoreproof.standins.proxy.operation import Kind
from restoreproof.standins.proxy.shapes import on_answer

if TYPE_CHECKING:
    from mitmproxy.http import HTTPFlow, Response

    from restoreproof.standins.proxy.context import Context

__all__ = ["DEFECTS"]

_OK = 200


def _answer(flow: HTTPFlow) -> Response:
    assert flow.response
    return flow.response


def _hide_truncation(_context: Context, flow: HTTPFlow) -> None:
    body = documents.replaced(_answer(flow).content or b"", "IsTruncated", "false")
    _answer(flow).content = re.sub(rb"<NextContinuationToken>[^<]*</NextContinuationToken>", b"", body)


@dataclass
class _PageRepeats:
    """Starts every further page with the last row of the page before."""

    context: Context
    rows: dict[str, bytes] = field(default_factory=dict)

    def responseheaders(self, flow: HTTPFlow) -> None:
        if self.context.is_(flow, Kind.LIST_OBJECTS):
            self.context.hold_answer(flow)

    def response(self, flow: HTTPFlow) -> None:
        if not self.context.is_(flow, Kind.LIST_OBJECTS):
            return
        body, operation = _answer(flow).content or b"", self.context.operation(flow)
        rows, token = documents.elements(body, "Contents"), documents.text(body, "NextContinuationToken")
        if rows and token:
            self.rows[token] = rows[-1]
        before = self.rows.get(operation.query.get("continuation-token", ""), b"")
        _answer(flow).content = body.replace(b"<Contents>", before + b"<Contents>", 1)


class _FirstListMisses(Lagging):
    def responseheaders(self, flow: HTTPFlow) -> None:
        super().responseheaders(flow)
        if self._is_whole_listing(flow):
            self.context.hold_answer(flow)

    def response(self, flow: HTTPFlow) -> None:
        if self._is_whole_listing(flow) and _answer(flow).status_code == _OK:
            bucket = self.context.operation(flow).bucket
            _answer(flow).content = documents.filtered(
                _answer(flow).content or b"",
                "Contents",
                lambda row: not self._forget(bucket, documents.text(row, "Key")),
            )

    def _is_whole_listing(self, flow: HTTPFlow) -> bool:
        return self.context.is_(flow, Kind.LIST_OBJECTS) and "max-keys" not in self.context.operation(flow).query

    def _forget(self, bucket: str, key: str) -> bool:
        was_fresh = (bucket, key) in self.fresh
        self.fresh.discard((bucket, key))
        return was_fresh


DEFECTS = (
    Defect(
        "first-list-misses",
        "In a folder of more than three objects the first listing leaves a new one out.",
        "WIRE-09.list-after-write",
        ("WIRE-09.list-after-write",),
        _FirstListMisses,
    ),
    Defect(
        "list-page-repeats",
        "Every further page of a listing starts with the last key of the page before.",
        "LIST-02.paged-list",
        ("LIST-02.paged-list",),
        _PageRepeats,
    ),
    Defect(
        "list-truncation-hidden",
        "A listing that is cut at max-keys says that it is complete.",
        "LIST-02.paged-list",
        ("LIST-02.paged-list",),
        on_answer(_hide_truncation, Kind.LIST_OBJECTS),
    ),
)
