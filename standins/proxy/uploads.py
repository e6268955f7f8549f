"""What the proxy has seen of multipart uploads: for defects that need to know sizes, ETags and the order of arrival."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from restoreproof.standins.proxy import documents
from restoreproof.standins.proxy.operation import Kind

if TYPE_CHECKING:
    from mitmproxy.http import HTTPFlow

    from restoreproof.standins.proxy.context import Context

__all__ = ["ABORTED", "COMPLETED", "OPEN", "Part", "Upload", "Uploads"]

OPEN, COMPLETED, ABORTED = "open", "completed", "aborted"
_OK = range(200, 300)


@dataclass(frozen=True)
class Part:
    """The last accepted copy of a part: its size in bytes and the ETag it was given."""

    size: int
    tag: str


@dataclass
class Upload:
    """One multipart upload; `parts` in the order in which they first arrived, `tried` once completing was."""

    id: str
    bucket: str
    key: str
    state: str = OPEN
    parts: dict[int, Part] = field(default_factory=dict)
    tried: bool = False

    @property
    def element(self) -> bytes:
        """How a ListMultipartUploads shows it."""
        fields = f"<Key>{self.key}</Key><UploadId>{self.id}</UploadId>"
        return f"<Upload>{fields}<Initiated>2024-01-01T00:00:00.000Z</Initiated></Upload>".encode()


@dataclass
class Uploads:
    """An add-on that watches; it stands before all defects, so it sees the store's own answers."""

    context: Context
    seen: dict[str, Upload] = field(default_factory=dict)
    name = "uploads"

    def of(self, flow: HTTPFlow) -> Upload | None:
        """Give the upload that a request names; None for one that was never opened here."""
        return self.seen.get(self.context.operation(flow).upload)

    def under(self, bucket: str, key: str, state: str = OPEN) -> list[Upload]:
        """List the uploads to one key that are in this state, oldest first."""
        return [u for u in self.seen.values() if (u.bucket, u.key, u.state) == (bucket, key, state)]

    def requestheaders(self, flow: HTTPFlow) -> None:
        """Read the operation before any defect alters the request."""
        if self.context.is_(flow, Kind.COMPLETE_UPLOAD) and (upload := self.of(flow)):
            upload.tried = True

    def responseheaders(self, flow: HTTPFlow) -> None:
        """Ask for the bodies that say what became of an upload."""
        if self.context.is_(flow, Kind.CREATE_UPLOAD, Kind.COMPLETE_UPLOAD):
            self.context.hold_answer(flow)

    def response(self, flow: HTTPFlow) -> None:
        """Note what the store has accepted."""
        assert flow.response
        body = flow.response.content or b""
        refused = flow.response.status_code not in _OK or b"<Error>" in body[:200]
        if refused or self.context.is_answered(flow):
            return
        operation, upload = self.context.operation(flow), self.of(flow)
        if operation.kind is Kind.CREATE_UPLOAD:
            made = Upload(documents.text(body, "UploadId"), operation.bucket, operation.key)
            self.seen[made.id] = made
        elif upload and operation.kind is Kind.UPLOAD_PART:
            upload.parts[operation.part] = Part(_size(flow), flow.response.headers.get("etag", ""))
        elif upload and operation.kind is Kind.COMPLETE_UPLOAD:
            upload.state = COMPLETED
        elif upload and operation.kind is Kind.ABORT_UPLOAD:
            upload.state = ABORTED


def _size(flow: HTTPFlow) -> int:
    headers = flow.request.headers
    return int(headers.get("x-amz-decoded-content-length") or headers.get("content-length") or 0)
