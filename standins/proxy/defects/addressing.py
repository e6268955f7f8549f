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


DEFECTS = (
    Defect(
        "path-style-bucket-head-refused",
        "A bucket that is asked for by path, and not by host name, is said to be absent.",
        "URL-02.path-style",
        ("URL-02.path-style",),
        on_request(_refuse_path_style_head, Kind.HEAD_BUCKET),
    ),
    Defect(
        "virtual-host-refused",
        "A bucket that is named by the host is said to be absent.",
        "URL-03.virtual-host",
        ("URL-03.virtual-host",),
        on_request(_refuse_virtual_host),
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
