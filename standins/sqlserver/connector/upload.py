"""A multipart upload to one device, from its opening to its completion, or a single PUT where a switch says so."""

from __future__ import annotations

from typing import TYPE_CHECKING
from xml.sax.saxutils import escape

from restoreproof.standins.sqlserver.connector import answers, messages
from restoreproof.standins.sqlserver.connector.client import Fault
from restoreproof.standins.sqlserver.connector.messages import Stage
from restoreproof.standins.sqlserver.connector.store import Request, integrity

if TYPE_CHECKING:
    from collections.abc import Sequence

    from restoreproof.standins.sqlserver.connector.client import Answer, Piece
    from restoreproof.standins.sqlserver.connector.store import Store

__all__ = ["Upload"]

_NAMESPACE = "http://s3.amazonaws.com/doc/2006-03-01/"
_ELEMENTS = {"crc32": "ChecksumCRC32", "sha256": "ChecksumSHA256"}


class Upload:
    """What is known of one upload; any number of threads may send parts."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.id = ""
        self._kind = store.behaviour.integrity
        self._parts: dict[int, tuple[str, str]] = {}
        self._etag = ""

    def open(self, stage: Stage = Stage.OPEN) -> None:
        """CreateMultipartUpload."""
        algorithm = {"x-amz-checksum-algorithm": self._kind.upper()} if self._kind in _ELEMENTS else {}
        request = Request("POST", self.store.path, (("uploads", ""),), algorithm)
        self.id = self.store.asked(request, stage, _upload_id)

    def put(self, body: Sequence[Piece]) -> None:
        """PutObject: the whole object at once."""
        request = Request("PUT", self.store.path, headers=integrity(self._kind, body), body=body)
        self._etag = self.store.asked(request, Stage.WRITE, lambda answer: answers.header(answer, "etag"))

    def part(self, ordinal: int, body: Sequence[Piece]) -> None:
        """UploadPart; ``ordinal`` counts from 0, and the switches make part numbers of it.

        :raises SqlError: 3236 for one part more than there may be.
        """
        behaviour = self.store.behaviour
        number = behaviour.first_part_number + ordinal * behaviour.part_number_step
        if number > behaviour.part_limit:
            raise messages.too_many_parts(self.store.url, behaviour.part_limit)
        proof = integrity(self._kind, body)
        query = (("partNumber", str(number)), ("uploadId", self.id))
        request = Request("PUT", self.store.path, query, proof, body)
        etag = self.store.asked(request, Stage.WRITE, lambda answer: answers.header(answer, "etag"))
        self._parts[number] = (etag, next(iter(proof.values()), ""))

    def complete(self) -> None:
        """CompleteMultipartUpload: the ETags go back as they came, quotes included."""
        if self.store.behaviour.list_parts:
            self.store.ask(Request("GET", self.store.path, (("uploadId", self.id),)), Stage.WRITE)
        body = "".join(self._entry(number) for number in sorted(self._parts))
        document = f'<CompleteMultipartUpload xmlns="{_NAMESPACE}">{body}</CompleteMultipartUpload>'
        query = (("uploadId", self.id),)
        headers = {"content-type": "application/xml"}
        request = Request("POST", self.store.path, query, headers, (document.encode(),))
        patience = self.store.behaviour.completion_seconds
        self._etag = self.store.asked(request, Stage.WRITE, answers.completed, patience=patience)

    def verify(self, size: int) -> None:
        """HeadObject, if the switch says so: the object must have the size that was sent.

        :raises SqlError: 3202, it has another, or is not there.
        """
        if self.store.behaviour.head_after_completion:
            found = self.store.head(Stage.WRITE)
            if found is None or found.size != size or (self._etag and found.etag and found.etag != self._etag):
                raise Stage.WRITE.error(self.store.url, messages.IO_ERROR)

    def abort(self) -> None:
        """AbortMultipartUpload."""
        if self.id:
            query = (("uploadId", self.id),)
            self.store.ask(Request("DELETE", self.store.path, query, statuses=(204, 200)), Stage.OPEN)

    def remove_old(self) -> None:
        """DeleteObject, for the switch that has WITH FORMAT remove what it is about to replace."""
        self.store.ask(Request("DELETE", self.store.path, statuses=(204, 200)), Stage.OPEN)

    def _entry(self, number: int) -> str:
        etag, proof = self._parts[number]
        name = _ELEMENTS.get(self._kind, "")
        told = f"<{name}>{proof}</{name}>" if name else ""
        return f"<Part><PartNumber>{number}</PartNumber><ETag>{escape(etag)}</ETag>{told}</Part>"


def _upload_id(answer: Answer) -> str:
    """Take the upload's id; without one there is no upload."""
    if not (found := answers.value(answers.expect(answer, "InitiateMultipartUploadResult"), "UploadId")):
        raise Fault(messages.INVALID_DATA)
    return found
