"""Defects of buckets, hosts and keys."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import quote

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


def _refuse_path_style_head(context: Context, flow: HTTPFlow) -> None:
    if not context.operation(flow).virtual:
        context.answer(flow, _NOT_FOUND)


def _refuse_virtual_host(context: Context, flow: HTTPFlow) -> None:
    if context.operation(flow).virtual:
        context.refuse(flow, _NOT_FOUND, "NoSuchBucket")


def _refuse_deep_keys(context: Context, flow: HTTPFlow) -> None:
    if context.operation(flow).key.count("/") >= _DEEPEST:
        context.refuse(flow, 400, "InvalidURI")


def _decode_twice(context: Context, flow: HTTPFlow) -> None:
    path, mark, query = flow.request.path.partition("?")
    if "%2B" in path and context.is_signed(flow):
        flow.request.path = path.replace("%2B", "%20") + mark + query
        context.resign(flow)


def _fold_case(context: Context, flow: HTTPFlow) -> None:
    path, mark, query = flow.request.path.partition("?")
    operation = context.operation(flow)
    folded = path.removesuffix(quote(operation.key, safe="/~")) + quote(operation.key.lower(), safe="/~")
    if folded != path and operation.key and context.is_signed(flow):
        flow.request.path = folded + mark + query
        context.resign(flow)


def _rename_missing_bucket(context: Context, flow: HTTPFlow) -> None:
    assert flow.response
    if text(flow.response.content or b"", "Code") == "NoSuchBucket":
        context.refuse(flow, 403, "AccessDenied")


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
        "plus-becomes-space",
        "Keys are decoded twice: a plus sign is stored as a space.",
        "URL-12.special-characters",
        ("URL-12.special-characters",),
        on_request(_decode_twice),
    ),
    Defect(
        "keys-ignore-case",
        "Keys that differ in upper and lower case only are one and the same.",
        "URL-12.case-distinct",
        ("URL-12.case-distinct",),
        on_request(_fold_case),
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
