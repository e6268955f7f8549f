"""What came through which node: for defects of stores whose nodes do not share all they know."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from restoreproof.standins.proxy import documents
from restoreproof.standins.proxy.operation import Kind

if TYPE_CHECKING:
    from mitmproxy.http import HTTPFlow

    from restoreproof.standins.proxy.context import Context

__all__ = ["ByNode", "Place"]

_OK = 200

Place = tuple[str, str]
"""A bucket and a key in it."""


@dataclass
class ByNode:
    """Knows through which node uploads were opened and keys were written last."""

    context: Context
    opened: dict[str, int] = field(default_factory=dict)
    written: dict[Place, int] = field(default_factory=dict)

    def response(self, flow: HTTPFlow) -> None:
        """Note what an answer of the store's says of the node that it went through."""
        assert flow.response
        operation, answer = self.context.operation(flow), flow.response
        if operation.kind is Kind.CREATE_UPLOAD:
            self.opened.setdefault(documents.text(answer.content or b"", "UploadId"), self.context.node(flow))
        elif operation.kind is Kind.COMPLETE_UPLOAD and answer.status_code == _OK:
            self.written[self.place(flow)] = self.context.node(flow)

    def place(self, flow: HTTPFlow) -> Place:
        """Give bucket and key of a request."""
        operation = self.context.operation(flow)
        return operation.bucket, operation.key

    def is_elsewhere(self, flow: HTTPFlow) -> bool:
        """Tell whether a request names an upload that was opened through another node."""
        opened = self.opened.get(self.context.operation(flow).upload)
        return opened is not None and opened != self.context.node(flow)
