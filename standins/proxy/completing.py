"""What a CompleteMultipartUpload names, and how a defect has it name something else."""

from __future__ import annotations

from typing import TYPE_CHECKING

from restoreproof.standins.proxy import documents

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mitmproxy.http import HTTPFlow

    from restoreproof.standins.proxy.context import Context

__all__ = ["complete_with", "named_parts"]


def named_parts(flow: HTTPFlow) -> list[tuple[int, str]]:
    """List number and ETag of the parts that a held completion names."""
    return documents.completed_parts(flow.request.content or b"")


def complete_with(context: Context, flow: HTTPFlow, parts: Sequence[tuple[int, str]]) -> None:
    """Send a held completion on with another list of parts, if it is another."""
    if list(parts) != named_parts(flow):
        context.replace_body(flow, documents.complete_document(parts))
