"""Defects that need several steps in a certain order, so that only a sequence of them shows anything."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from restoreproof.standins.proxy import documents
from restoreproof.standins.proxy.defect import Defect
from restoreproof.standins.proxy.operation import Kind

if TYPE_CHECKING:
    from mitmproxy.http import HTTPFlow

    from restoreproof.standins.proxy.context import Context

__all__ = ["DEFECTS"]


@dataclass
class _TombstoneOutlivesRewrite:
    """Remembers every key that was deleted, and leaves it out of lists though it was written again."""

    context: Context
    deleted: set[str] = field(default_factory=set)

    def responseheaders(self, flow: HTTPFlow) -> None:
        if self.context.is_(flow, Kind.LIST_OBJECTS):
            self.context.hold_answer(flow)

    def response(self, flow: HTTPFlow) -> None:
        assert flow.response
        operation = self.context.operation(flow)
        if operation.kind is Kind.DELETE_OBJECT and self.context.is_by(flow, "housekeeping"):
            self.deleted.add(operation.key)
        elif operation.kind is Kind.LIST_OBJECTS:
            flow.response.content = documents.filtered(
                flow.response.content or b"",
                "Contents",
                lambda row: documents.text(row, "Key") not in self.deleted,
            )


DEFECTS = (
    Defect(
        "tombstone-outlives-rewrite",
        "A key that was deleted and written again is read, but no list shows it any more.",
        "WIRE-01.model-agrees",
        ("WIRE-01.model-agrees",),
        _TombstoneOutlivesRewrite,
    ),
)
