"""Which S3 operation a request is: read from method, host, path and query, as a store reads it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING
from urllib.parse import unquote

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Kind", "Operation", "parse"]


class Kind(Enum):
    """The operations that a backup or a restore is made of; all else is `OTHER`."""

    LIST_BUCKETS = "ListBuckets"
    HEAD_BUCKET = "HeadBucket"
    CREATE_BUCKET = "CreateBucket"
    DELETE_BUCKET = "DeleteBucket"
    LIST_OBJECTS = "ListObjects"
    LIST_UPLOADS = "ListMultipartUploads"
    DELETE_OBJECTS = "DeleteObjects"
    GET_OBJECT = "GetObject"
    HEAD_OBJECT = "HeadObject"
    PUT_OBJECT = "PutObject"
    DELETE_OBJECT = "DeleteObject"
    CREATE_UPLOAD = "CreateMultipartUpload"
    UPLOAD_PART = "UploadPart"
    COMPLETE_UPLOAD = "CompleteMultipartUpload"
    ABORT_UPLOAD = "AbortMultipartUpload"
    LIST_PARTS = "ListParts"
    OTHER = "other"


_LISTING = frozenset(
    {
        "list-type",
        "prefix",
        "delimiter",
        "max-keys",
        "marker",
        "start-after",
        "continuation-token",
        "encoding-type",
        "fetch-owner",
    }
)
_READING = re.compile(r"(versionId|partNumber|response-[a-z-]+|x-id)$")
_BUCKET_KINDS = {"HEAD": Kind.HEAD_BUCKET, "PUT": Kind.CREATE_BUCKET, "DELETE": Kind.DELETE_BUCKET}
_PLAIN_KINDS = {
    "GET": Kind.GET_OBJECT,
    "HEAD": Kind.HEAD_OBJECT,
    "PUT": Kind.PUT_OBJECT,
    "DELETE": Kind.DELETE_OBJECT,
}
_UPLOAD_KINDS = {
    "PUT": Kind.UPLOAD_PART,
    "POST": Kind.COMPLETE_UPLOAD,
    "DELETE": Kind.ABORT_UPLOAD,
    "GET": Kind.LIST_PARTS,
}


@dataclass(frozen=True)
class Operation:
    """One S3 operation; bucket and key are decoded, and empty where the request names none."""

    kind: Kind
    bucket: str
    key: str
    query: Mapping[str, str]
    virtual: bool

    @property
    def upload(self) -> str:
        """The upload id, empty where there is none."""
        return self.query.get("uploadId", "")

    @property
    def part(self) -> int:
        """The part number, 0 where there is none or it is no number."""
        number = self.query.get("partNumber", "")
        return int(number) if number.isdecimal() else 0

    @property
    def folder(self) -> str:
        """The key up to its last slash."""
        return self.key.rpartition("/")[0]


def parse(method: str, host: str, target: str, domain: str | None) -> Operation:
    """Read an operation from a request line and its Host header; `domain` is the base of virtual hosts."""
    path, _, raw_query = target.partition("?")
    query = dict(_pairs(raw_query))
    name = host.rpartition(":")[0] if host.rpartition(":")[2].isdecimal() else host
    virtual = bool(domain) and name.endswith(f".{domain}")
    if virtual:
        bucket, key = name.removesuffix(f".{domain}"), path[1:]
    else:
        bucket, _, key = path[1:].partition("/")
    return Operation(_kind(method, bucket, key, query), unquote(bucket), unquote(key), query, virtual)


def _pairs(raw: str) -> list[tuple[str, str]]:
    """Split a raw query; a plus sign is a plus sign in S3."""
    cut = (pair.partition("=") for pair in raw.split("&") if pair)
    return [(unquote(name), unquote(value)) for name, _, value in cut]


def _kind(method: str, bucket: str, key: str, query: Mapping[str, str]) -> Kind:
    if not bucket:
        return Kind.LIST_BUCKETS if method == "GET" else Kind.OTHER
    return _object_kind(method, query) if key else _bucket_kind(method, query)


def _bucket_kind(method: str, query: Mapping[str, str]) -> Kind:
    if method == "POST" and "delete" in query:
        return Kind.DELETE_OBJECTS
    if method == "GET" and "uploads" in query:
        return Kind.LIST_UPLOADS
    if method == "GET" and set(query) <= _LISTING:
        return Kind.LIST_OBJECTS
    return Kind.OTHER if query else _BUCKET_KINDS.get(method, Kind.OTHER)


def _object_kind(method: str, query: Mapping[str, str]) -> Kind:
    if method == "POST" and "uploads" in query:
        return Kind.CREATE_UPLOAD
    if "uploadId" in query:
        return _UPLOAD_KINDS.get(method, Kind.OTHER)
    if all(_READING.match(name) for name in query):
        return _PLAIN_KINDS.get(method, Kind.OTHER)
    return Kind.OTHER
