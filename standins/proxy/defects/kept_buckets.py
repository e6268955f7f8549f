"""Defects of buckets with rules that show in what SQL Server does there, and not in small objects read whole."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote

from restoreproof.standins.proxy import documents
from restoreproof.standins.proxy.defect import Defect
from restoreproof.standins.proxy.defects.buckets import OlderServed, Ruled, versions_of
from restoreproof.standins.proxy.operation import Kind

if TYPE_CHECKING:
    from mitmproxy.http import HTTPFlow

__all__ = ["DEFECTS"]

_KEPT_WHOLE = 64 * 1024
"""Bytes: what is not larger, the store keeps beside its name, and never mixes up."""

_FLIPPED = bytes(range(255, -1, -1))


class _LargeOlderServed(OlderServed):
    """Answers with the oldest version what was overwritten and is large, unless it was ever deleted."""

    def is_overwritten(self, listed: bytes) -> bool:
        sizes = [int(documents.text(row, "Size") or 0) for row in documents.elements(listed, "Version")]
        is_deleted = bool(documents.elements(listed, "DeleteMarker"))
        return super().is_overwritten(listed) and min(sizes) > _KEPT_WHOLE and not is_deleted


class _OlderDropped(Ruled):
    """Drops the versions that were there before an upload is completed."""

    async def asked(self, flow: HTTPFlow) -> None:
        operation = self.context.operation(flow)
        if operation.kind is not Kind.COMPLETE_UPLOAD or not self.context.is_signed(flow):
            return
        for row in documents.elements(await versions_of(self.context, operation), "Version"):
            query = f"versionId={quote(documents.text(row, 'VersionId'), safe='')}"
            await self.context.upstream.ask("DELETE", operation.bucket, operation.key, query)


class _RangesEncrypted(Ruled):
    """Gives ranges as they are stored, encrypted, and whole objects as they were."""

    about = "encryption"

    def ruled(self, flow: HTTPFlow) -> None:
        self.context.answer(flow, 200)

    def responseheaders(self, flow: HTTPFlow) -> None:
        if self._is_range(flow):
            self.context.hold_answer(flow)

    def response(self, flow: HTTPFlow) -> None:
        assert flow.response
        if self._is_range(flow):
            flow.response.content = (flow.response.content or b"").translate(_FLIPPED)

    def _is_range(self, flow: HTTPFlow) -> bool:
        return self.is_ruled(flow, Kind.GET_OBJECT) and "range" in flow.request.headers


class _CompletionRefused(Ruled):
    """Refuses to complete an upload in a bucket that can lock, since its parts carried no checksum."""

    about = "object-lock"

    def ruled(self, flow: HTTPFlow) -> None:
        self.context.answer(flow, 200)

    def asked(self, flow: HTTPFlow) -> None:
        if self.context.is_(flow, Kind.COMPLETE_UPLOAD):
            self.context.refuse(flow, 400, "InvalidRequest")


DEFECTS = (
    Defect(
        "large-overwrites-read-old",
        "An overwritten backup of more than 64 KiB in a versioned bucket is read from its oldest version.",
        "LCK-04.format-in-versioned-bucket",
        ("LCK-04.format-in-versioned-bucket",),
        _LargeOlderServed,
    ),
    Defect(
        "overwrite-drops-the-old-version",
        "A completed upload in a versioned bucket takes the older versions of its name away.",
        "LCK-04.old-version-stays",
        ("LCK-04.old-version-stays",),
        _OlderDropped,
    ),
    Defect(
        "default-encryption-garbles-ranges",
        "A bucket that encrypts by default gives ranges of an object as they are stored, encrypted.",
        "LCK-06.encrypted-bucket-round-trip",
        ("LCK-06.encrypted-bucket-round-trip",),
        _RangesEncrypted,
    ),
    Defect(
        "lockable-bucket-refuses-completion",
        "A bucket that can lock refuses to complete an upload whose parts carried no checksum.",
        "LCK-03.lockable-bucket",
        ("LCK-03.lockable-bucket",),
        _CompletionRefused,
    ),
)
