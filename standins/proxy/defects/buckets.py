"""Defects of buckets with rules: versions mixed up, delete markers mistaken for objects, locks, demands for headers."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import quote

from restoreproof.standins.proxy import documents
from restoreproof.standins.proxy.defect import Defect
from restoreproof.standins.proxy.operation import Kind
from restoreproof.standins.proxy.shapes import on_request

if TYPE_CHECKING:
    from collections.abc import Callable

    from mitmproxy.http import HTTPFlow

    from restoreproof.standins.proxy.context import Context
    from restoreproof.standins.proxy.operation import Operation

__all__ = ["DEFECTS", "OlderServed", "Ruled", "versions_of"]

_NOT_FOUND = 404
_LOCKED = "<ObjectLockConfiguration><ObjectLockEnabled>Enabled</ObjectLockEnabled>{}</ObjectLockConfiguration>"
_KEPT = "<Rule><DefaultRetention><Mode>COMPLIANCE</Mode><Days>1</Days></DefaultRetention></Rule>"


def _sets(context: Context, flow: HTTPFlow, what: str) -> bool:
    """Tell whether a request gives a bucket rules of this kind."""
    operation = context.operation(flow)
    return flow.request.method == "PUT" and what in operation.query and not operation.key


async def versions_of(context: Context, operation: Operation) -> bytes:
    """List the versions and delete markers of a key, newest first."""
    query = f"prefix={quote(operation.key, safe='')}&versions="
    return (await context.upstream.ask("GET", operation.bucket, query=query)).body


@dataclass
class Ruled:
    """Knows the buckets that were given rules of the kind that it is about."""

    context: Context
    buckets: set[str] = field(default_factory=set)
    about = "versioning"

    def requestheaders(self, flow: HTTPFlow) -> object:
        """Tell the bucket's rules from what is asked of a bucket with rules."""
        operation = self.context.operation(flow)
        if _sets(self.context, flow, self.about):
            self.buckets.add(operation.bucket)
            self.ruled(flow)
            return None
        return self.asked(flow) if operation.bucket in self.buckets else None

    def ruled(self, flow: HTTPFlow) -> None:
        """Do something when a bucket is given its rules."""

    def asked(self, flow: HTTPFlow) -> object:
        """Do something when a bucket with rules is asked for something."""

    def is_ruled(self, flow: HTTPFlow, *kinds: Kind) -> bool:
        """Tell whether it is one of these operations in a bucket with rules."""
        return self.context.operation(flow).bucket in self.buckets and self.context.is_(flow, *kinds)


class OlderServed(Ruled):
    """Answers a request that names no version with the oldest, unless a delete marker lies on top."""

    kind = Kind.GET_OBJECT

    async def asked(self, flow: HTTPFlow) -> None:
        """Lead a read to the oldest version."""
        operation = self.context.operation(flow)
        if operation.kind is not self.kind or "versionId" in operation.query or not self.context.is_signed(flow):
            return
        body = await versions_of(self.context, operation)
        versions = documents.elements(body, "Version")
        if self.is_overwritten(body):
            flow.request.path += f"?versionId={quote(documents.text(versions[-1], 'VersionId'), safe='')}"
            self.context.resign(flow)

    def is_overwritten(self, listed: bytes) -> bool:
        """Tell whether the newest version that a list shows has an older one."""
        newest = re.search(rb"<(Version|DeleteMarker)>.*?<IsLatest>true<", listed, re.DOTALL)
        return bool(newest and newest[1] == b"Version" and len(documents.elements(listed, "Version")) > 1)


class _OlderSized(OlderServed):
    kind = Kind.HEAD_OBJECT


@dataclass
class _OlderListed(Ruled):
    """Lists a key as often as it may have versions, twice say."""

    def responseheaders(self, flow: HTTPFlow) -> None:
        if self.is_ruled(flow, Kind.LIST_OBJECTS):
            self.context.hold_answer(flow)

    def response(self, flow: HTTPFlow) -> None:
        if self.is_ruled(flow, Kind.LIST_OBJECTS):
            assert flow.response
            body = flow.response.content or b""
            rows = documents.elements(body, "Contents")
            flow.response.content = documents.appended(body, *rows)


class _MarkerEmpty(Ruled):
    """Answers for a delete marker as for an empty object."""

    def responseheaders(self, flow: HTTPFlow) -> None:
        assert flow.response
        if self.is_ruled(flow, Kind.HEAD_OBJECT, Kind.GET_OBJECT) and flow.response.status_code == _NOT_FOUND:
            flow.response.status_code = 200
            self.context.hold_answer(flow)

    def response(self, flow: HTTPFlow) -> None:
        assert flow.response
        if self.is_ruled(flow, Kind.GET_OBJECT) and b"NoSuchKey" in (flow.response.content or b""):
            flow.response.content = b""


@dataclass
class _MarkerListed(Ruled):
    """Lists deleted keys on."""

    deleted: set[str] = field(default_factory=set)

    def asked(self, flow: HTTPFlow) -> None:
        if self.context.is_(flow, Kind.DELETE_OBJECT):
            self.deleted.add(self.context.operation(flow).key)

    def responseheaders(self, flow: HTTPFlow) -> None:
        if self.is_ruled(flow, Kind.LIST_OBJECTS):
            self.context.hold_answer(flow)

    def response(self, flow: HTTPFlow) -> None:
        if self.is_ruled(flow, Kind.LIST_OBJECTS):
            assert flow.response
            asked = self.context.operation(flow).query.get("prefix", "")
            rows = [f"<Contents><Key>{key}</Key><Size>0</Size></Contents>" for key in sorted(self.deleted)]
            shown = (row.encode() for row in rows if f"<Key>{asked}" in row)
            flow.response.content = documents.appended(flow.response.content or b"", *shown)


@dataclass
class _MarkerStays(Ruled):
    """Keeps a delete marker on top, whatever is written under its key later."""

    deleted: set[str] = field(default_factory=set)

    def asked(self, flow: HTTPFlow) -> None:
        operation = self.context.operation(flow)
        if operation.kind is Kind.DELETE_OBJECT:
            self.deleted.add(operation.key)
        elif operation.kind in (Kind.GET_OBJECT, Kind.HEAD_OBJECT) and operation.key in self.deleted:
            self.context.refuse(flow, 404, "NoSuchKey")


class _ChecksumDemanded(Ruled):
    """Refuses parts without a checksum once a bucket has a default retention."""

    about = "object-lock"

    def ruled(self, flow: HTTPFlow) -> None:
        self.context.answer(flow, 200)

    def asked(self, flow: HTTPFlow) -> None:
        names = [name.lower() for name in flow.request.headers]
        has_one = any(name == "content-md5" or name.startswith("x-amz-checksum-") for name in names)
        if self.context.is_(flow, Kind.UPLOAD_PART) and not has_one:
            self.context.refuse(flow, 400, "InvalidRequest")


class _EncryptionDemanded(Ruled):
    """Refuses uploads that do not ask for encryption once a bucket encrypts by default."""

    about = "encryption"

    def ruled(self, flow: HTTPFlow) -> None:
        self.context.answer(flow, 200)

    def asked(self, flow: HTTPFlow) -> None:
        if self.context.is_(flow, Kind.CREATE_UPLOAD) and "x-amz-server-side-encryption" not in flow.request.headers:
            self.context.refuse(flow, 403, "AccessDenied")


def _say_locked(rule: str) -> Callable[[Context], object]:
    def alter(context: Context, flow: HTTPFlow) -> None:
        operation = context.operation(flow)
        if flow.request.method == "GET" and "object-lock" in operation.query and not operation.key:
            context.answer(flow, 200, _LOCKED.format(rule).encode())

    return on_request(alter, Kind.OTHER)


DEFECTS = (
    Defect(
        "bucket-can-lock",
        "Every bucket has Object Lock switched on, without a default retention.",
        "LCK-01.target-not-locked",
        ("LCK-01.target-not-locked",),
        _say_locked(""),
    ),
    Defect(
        "bucket-keeps-for-a-day",
        "Every bucket has a default retention of a day that nobody can bypass.",
        "LCK-01.target-not-locked",
        ("LCK-01.target-not-locked",),
        _say_locked(_KEPT),
    ),
    Defect(
        "locked-bucket-demands-checksum",
        "A bucket with default retention refuses parts that carry no checksum.",
        "LCK-02.no-checksum-demanded",
        ("LCK-02.no-checksum-demanded", "LCK-03.lockable-bucket"),
        _ChecksumDemanded,
    ),
    Defect(
        "oldest-version-served",
        "A read in a versioned bucket gives the oldest version.",
        "LCK-04.newest-read",
        (
            "LCK-04.format-in-versioned-bucket",
            "LCK-04.newest-read",
            "LCK-05.deleted-name-is-free",
            "LCK-05.written-again",
        ),
        OlderServed,
    ),
    Defect(
        "oldest-version-sized",
        "HEAD in a versioned bucket tells of the oldest version.",
        "LCK-04.newest-size",
        ("LCK-04.newest-size",),
        _OlderSized,
    ),
    Defect(
        "keys-doubled-by-versions",
        "A list in a versioned bucket shows a key twice.",
        "LCK-04.newest-listed",
        ("LCK-04.newest-listed",),
        _OlderListed,
    ),
    Defect(
        "delete-marker-is-empty-object",
        "A delete marker reads as an object of no bytes.",
        "LCK-05.marker-is-missing",
        ("LCK-05.marker-is-missing",),
        _MarkerEmpty,
    ),
    Defect(
        "delete-marker-listed",
        "A key that was deleted in a versioned bucket is listed on.",
        "LCK-05.marker-unlisted",
        ("LCK-05.deleted-backup-is-missing", "LCK-05.deleted-name-is-free", "LCK-05.marker-unlisted"),
        _MarkerListed,
    ),
    Defect(
        "delete-marker-stays-on-top",
        "A delete marker hides what is written under its key later.",
        "LCK-05.written-again",
        ("LCK-05.deleted-name-is-free", "LCK-05.written-again"),
        _MarkerStays,
    ),
    Defect(
        "default-encryption-demands-header",
        "A bucket that encrypts by default refuses uploads that do not ask for it.",
        "LCK-06.encryption-transparent",
        ("LCK-06.encrypted-bucket-round-trip", "LCK-06.encryption-transparent"),
        _EncryptionDemanded,
    ),
)
