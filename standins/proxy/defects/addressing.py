"""Defects of buckets, hosts and folders."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from restoreproof.standins.proxy.defect import Defect
from restoreproof.standins.proxy.documents import text
from restoreproof.standins.proxy.operation import Kind
from restoreproof.standins.proxy.shapes import on_answer, on_request

if TYPE_CHECKING:
    from mitmproxy.http import HTTPFlow

    from restoreproof.standins.proxy.context import Context

__all__ = ["DEFECTS"]

_DEEPEST = 10
_NOT_FOUND = 404
_WRITES = (Kind.PUT_OBJECT, Kind.CREATE_UPLOAD)


def _refuse_path_style_head(context: Context, flow: HTTPFlow) -> None:
    if not context.operation(flow).virtual:
        context.answer(flow, _NOT_FOUND)


def _refuse_virtual_host(context: Context, flow: HTTPFlow) -> None:
    if context.operation(flow).virtual:
        context.refuse(flow, _NOT_FOUND, "NoSuchBucket")


def _refuse_virtual_uploads(context: Context, flow: HTTPFlow) -> None:
    if context.operation(flow).virtual:
        context.refuse(flow, 405, "MethodNotAllowed")


def _refuse_virtual_ranges(context: Context, flow: HTTPFlow) -> None:
    if context.operation(flow).virtual and "range" in flow.request.headers:
        context.refuse(flow, 501, "NotImplemented")


def _refuse_capitals(context: Context, flow: HTTPFlow) -> None:
    host = flow.request.headers.get("host", "")
    if host != host.lower():
        context.refuse(flow, 403, "SignatureDoesNotMatch")


def _refuse_deep_keys(context: Context, flow: HTTPFlow) -> None:
    if context.operation(flow).key.count("/") >= _DEEPEST:
        context.refuse(flow, 400, "InvalidURI")


def _rename_missing_bucket(context: Context, flow: HTTPFlow) -> None:
    assert flow.response
    if text(flow.response.content or b"", "Code") == "NoSuchBucket":
        context.refuse(flow, 403, "AccessDenied")


@dataclass
class _FilesAreNoFolders:
    """Refuses a key below one that is an object, as file systems do."""

    context: Context
    files: set[tuple[str, str]] = field(default_factory=set)

    def requestheaders(self, flow: HTTPFlow) -> None:
        operation = self.context.operation(flow)
        names = operation.key.split("/")
        above = {(operation.bucket, "/".join(names[:depth])) for depth in range(1, len(names))}
        if operation.kind in _WRITES and above & self.files:
            self.context.refuse(flow, 400, "InvalidArgument")

    def responseheaders(self, flow: HTTPFlow) -> None:
        assert flow.response
        operation = self.context.operation(flow)
        if operation.kind in _WRITES and flow.response.status_code == 200:  # noqa: PLR2004 - OK
            self.files.add((operation.bucket, operation.key))


@dataclass
class _AutoCreated:
    """Makes a bucket that an upload names and that is not there."""

    context: Context
    there: set[str] = field(default_factory=set)

    async def requestheaders(self, flow: HTTPFlow) -> None:
        bucket = self.context.operation(flow).bucket
        if not self.context.is_(flow, Kind.CREATE_UPLOAD) or bucket in self.there or not self.context.is_signed(flow):
            return
        if (await self.context.upstream.ask("HEAD", bucket)).status == _NOT_FOUND:
            await self.context.upstream.ask("PUT", bucket)
        self.there.add(bucket)


@dataclass
class _StylesKeptApart:
    """Remembers by which style a key was written last, and does not find it by the other."""

    context: Context
    styles: dict[tuple[str, str], bool] = field(default_factory=dict)

    def requestheaders(self, flow: HTTPFlow) -> None:
        operation = self.context.operation(flow)
        place = (operation.bucket, operation.key)
        if operation.kind in _WRITES:
            self.styles[place] = operation.virtual
        elif operation.kind is Kind.GET_OBJECT and self.styles.get(place, operation.virtual) != operation.virtual:
            self.context.refuse(flow, _NOT_FOUND, "NoSuchKey")


DEFECTS = (
    Defect(
        "path-style-bucket-head-refused",
        "A bucket that is asked for by path, and not by host name, is said to be absent.",
        "URL-02.path-style",
        (
            "LIST-03.head-bucket",
            "REG-05.us-east-1-accepted",
            "URL-02.path-style",
            "WIRE-08.head-status",
        ),
        on_request(_refuse_path_style_head, Kind.HEAD_BUCKET),
    ),
    Defect(
        "virtual-host-refused",
        "A bucket that is named by the host is said to be absent.",
        "URL-03.virtual-host",
        (
            "URL-03.virtual-host",
            "URL-03.virtual-host-list",
            "URL-03.virtual-host-multipart",
            "URL-03.virtual-host-range",
            "URL-04.one-object-by-either-style",
        ),
        on_request(_refuse_virtual_host),
    ),
    Defect(
        "virtual-host-uploads-refused",
        "Multipart uploads to a bucket that is named by the host are refused.",
        "URL-03.virtual-host-multipart",
        ("URL-03.virtual-host-multipart",),
        on_request(_refuse_virtual_uploads, Kind.CREATE_UPLOAD),
    ),
    Defect(
        "virtual-host-ranges-refused",
        "Ranges of objects in a bucket that is named by the host are refused.",
        "URL-03.virtual-host-range",
        ("URL-03.virtual-host-range",),
        on_request(_refuse_virtual_ranges, Kind.GET_OBJECT),
    ),
    Defect(
        "virtual-host-lists-refused",
        "A list of a bucket that is named by the host says that there is no such bucket.",
        "URL-03.virtual-host-list",
        ("URL-03.virtual-host-list",),
        on_request(_refuse_virtual_host, Kind.LIST_OBJECTS),
    ),
    Defect(
        "styles-kept-apart",
        "What was written by path is not found by host name, and the other way.",
        "URL-04.one-object-by-either-style",
        ("URL-04.one-object-by-either-style",),
        _StylesKeptApart,
    ),
    Defect(
        "host-lower-cased",
        "A proxy turns the Host header into lower case before the signature over it is checked.",
        "URL-05.host-as-typed",
        ("URL-05.host-as-typed",),
        on_request(_refuse_capitals),
    ),
    Defect(
        "deep-prefix-refused",
        "Keys with many slashes are refused, as if folders had a deepest level.",
        "URL-08.deep-prefix",
        ("URL-08.deep-prefix",),
        on_request(_refuse_deep_keys, Kind.PUT_OBJECT, Kind.CREATE_UPLOAD),
    ),
    Defect(
        "files-are-no-folders",
        "A key below another key is refused, as if keys were files and folders.",
        "URL-08.file-and-folder-of-one-name",
        ("URL-08.file-and-folder-of-one-name",),
        _FilesAreNoFolders,
    ),
    Defect(
        "missing-bucket-error-renamed",
        "An upload into a bucket that does not exist is answered AccessDenied.",
        "BKT-02.missing-bucket-refused",
        ("BKT-02.missing-bucket-refused",),
        on_answer(_rename_missing_bucket, Kind.CREATE_UPLOAD),
    ),
    Defect(
        "bucket-auto-created",
        "A bucket that an upload names is created without being asked for.",
        "BKT-02.missing-bucket-stays-missing",
        ("BKT-02.missing-bucket-refused", "BKT-02.missing-bucket-stays-missing"),
        _AutoCreated,
    ),
)
