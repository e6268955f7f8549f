"""Defects of several nodes behind one name: each does well by itself, and badly by what came through another.

A client that stays on one node never meets them. The first node is the good one where it matters which.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from email.utils import format_datetime, parsedate_to_datetime
from typing import TYPE_CHECKING

from restoreproof.standins.certificates import Authority
from restoreproof.standins.proxy import documents
from restoreproof.standins.proxy.defect import Defect
from restoreproof.standins.proxy.nodes import ByNode, Place
from restoreproof.standins.proxy.operation import Kind
from restoreproof.standins.proxy.shapes import on_answer_head, on_other_fronts, on_request

if TYPE_CHECKING:
    from mitmproxy.http import HTTPFlow, Response

    from restoreproof.standins.certificates import Leaf
    from restoreproof.standins.proxy.context import Context
    from restoreproof.standins.proxy.front import Front

__all__ = ["DEFECTS"]

_OK, _NOT_FOUND = 200, 404
_SMALL = 1024 * 1024
_SHADOW = ".on-another-store"


def _answer(flow: HTTPFlow) -> Response:
    assert flow.response
    return flow.response


def _show(front: Front, leaf: Leaf, chain: str = "") -> None:
    front.chain, front.key = chain or leaf.chain, leaf.key


def _untrusted(front: Front) -> None:
    leaf = Authority("Foreign CA").leaf(*front.names)
    _show(front, leaf, leaf.chain_with_root)


def _wrong_host_name(front: Front) -> None:
    _show(front, front.authority.leaf("node-2.example.test", common_name="node-2.example.test"))


def _expired(front: Front) -> None:
    _show(front, front.authority.leaf(*front.names, since=timedelta(days=-45), until=timedelta(days=-1)))


def _certificate_of_its_own(front: Front) -> None:
    _show(front, front.authority.leaf(*front.names))


def _be_an_hour_fast(context: Context, flow: HTTPFlow) -> None:
    headers = _answer(flow).headers
    if context.node(flow) and "date" in headers:
        fast = parsedate_to_datetime(headers["date"]) + timedelta(hours=1)
        headers["date"] = format_datetime(fast, usegmt=True)


def _know_no_restore_key(context: Context, flow: HTTPFlow) -> None:
    if context.node(flow) and context.is_by(flow, "restore"):
        context.refuse(flow, 403, "InvalidAccessKeyId")


def _tag_by_node(context: Context, flow: HTTPFlow) -> None:
    headers = _answer(flow).headers
    if context.node(flow) and "etag" in headers:
        headers["etag"] = f'"{context.node(flow):032x}"'


class _FirstReadElsewhereMisses(ByNode):
    def requestheaders(self, flow: HTTPFlow) -> None:
        place, here = self.place(flow), self.context.node(flow)
        if not self.context.is_(flow, Kind.GET_OBJECT) or self.written.get(place, here) == here:
            return
        if self.context.is_signed(flow):
            del self.written[place]
            self.context.refuse(flow, _NOT_FOUND, "NoSuchKey")


class _FirstListElsewhereMisses(ByNode):
    def responseheaders(self, flow: HTTPFlow) -> None:
        if self.context.is_(flow, Kind.LIST_OBJECTS):
            self.context.hold_answer(flow)

    def response(self, flow: HTTPFlow) -> None:
        super().response(flow)
        if self.context.is_(flow, Kind.LIST_OBJECTS) and _answer(flow).status_code == _OK:
            body = documents.filtered(_answer(flow).content or b"", "Contents", lambda row: not self._misses(flow, row))
            _answer(flow).content = body

    def _misses(self, flow: HTTPFlow, row: bytes) -> bool:
        place, here = (self.context.operation(flow).bucket, documents.text(row, "Key")), self.context.node(flow)
        late = self.written.get(place, here) != here
        if late:
            del self.written[place]
        return late


@dataclass
class _CacheOfEachNode(ByNode):
    """Keeps what each node has served of small objects; what is done with it, others say."""

    kept: dict[tuple[int, Place], bytes] = field(default_factory=dict)
    deleted: dict[Place, int] = field(default_factory=dict)

    def responseheaders(self, flow: HTTPFlow) -> None:
        small = int(_answer(flow).headers.get("content-length", _SMALL + 1)) <= _SMALL
        if self.context.is_(flow, Kind.GET_OBJECT) and small and "range" not in flow.request.headers:
            self.context.hold_answer(flow)

    def response(self, flow: HTTPFlow) -> None:
        super().response(flow)
        place, answer, cache = self.place(flow), _answer(flow), (self.context.node(flow), self.place(flow))
        if self.context.is_(flow, Kind.DELETE_OBJECT):
            self.deleted[place] = self.context.node(flow)
        elif self.context.is_(flow, Kind.GET_OBJECT) and cache in self.kept and self.is_outdated(flow):
            self.serve(flow, self.kept.pop(cache))
        elif self.context.is_(flow, Kind.GET_OBJECT) and answer.status_code == _OK and answer.content:
            self.kept[cache] = answer.content

    def is_outdated(self, flow: HTTPFlow) -> bool:
        raise NotImplementedError

    def serve(self, flow: HTTPFlow, body: bytes) -> None:
        self.context.answer(flow, _OK, body, content_type="application/octet-stream")


class _StaleElsewhere(_CacheOfEachNode):
    def is_outdated(self, flow: HTTPFlow) -> bool:
        here = self.context.node(flow)
        return _answer(flow).status_code == _OK and self.written.get(self.place(flow), here) != here


class _DeletedElsewhere(_CacheOfEachNode):
    def is_outdated(self, flow: HTTPFlow) -> bool:
        here = self.context.node(flow)
        return _answer(flow).status_code == _NOT_FOUND and self.deleted.get(self.place(flow), here) != here


@dataclass
class _OtherStore:
    """Makes every node but the first another store: what lies there has another name in the one that is there."""

    context: Context

    def requestheaders(self, flow: HTTPFlow) -> None:
        operation = self.context.operation(flow)
        if self.context.node(flow) and operation.key and self.context.is_signed(flow):
            path, mark, query = flow.request.path.partition("?")
            flow.request.path = f"{path}{_SHADOW}{mark}{query}"
            self.context.resign(flow)

    def responseheaders(self, flow: HTTPFlow) -> None:
        if self.context.is_(flow, Kind.LIST_OBJECTS, Kind.LIST_UPLOADS):
            self.context.hold_answer(flow)

    def response(self, flow: HTTPFlow) -> None:
        if self.context.is_(flow, Kind.LIST_OBJECTS, Kind.LIST_UPLOADS):
            here, shadow = self.context.node(flow) > 0, _SHADOW.encode()
            body = _answer(flow).content or b""
            for row in ("Contents", "Upload"):
                body = documents.filtered(body, row, lambda text: (shadow + b"</Key>" in text) == here)
            _answer(flow).content = body.replace(shadow + b"</Key>", b"</Key>")


DEFECTS = (
    Defect(
        "node-untrusted",
        "One node's certificate is signed by an authority that nobody was told to trust.",
        "TLS-02.every-node-chains",
        ("TLS-02.every-node-chains",),
        on_other_fronts(_untrusted),
    ),
    Defect(
        "node-misnamed",
        "One node's certificate is good for its own name, and not for the one that all nodes go by.",
        "TLS-03.every-node-named",
        ("TLS-03.every-node-named",),
        on_other_fronts(_wrong_host_name),
    ),
    Defect(
        "node-expired",
        "The certificate was renewed on one node and ended yesterday on another.",
        "TLS-12.every-node-in-date",
        ("TLS-12.every-node-in-date",),
        on_other_fronts(_expired),
    ),
    Defect(
        "node-certificate-of-its-own",
        "Every node has a good certificate of its own.",
        "TLS-05.same-certificate",
        ("TLS-05.same-certificate",),
        on_other_fronts(_certificate_of_its_own),
    ),
    Defect(
        "node-clock-fast",
        "One node's Date header is an hour fast.",
        "CLK-01.nodes-agree",
        ("CLK-01.nodes-agree",),
        on_answer_head(_be_an_hour_fast),
    ),
    Defect(
        "node-without-a-key",
        "One node does not know the restore key.",
        "PERM-01.keys-on-every-node",
        ("PERM-01.keys-on-every-node",),
        on_request(_know_no_restore_key),
    ),
    Defect(
        "first-read-elsewhere-misses",
        "The first read of a new object through another node than the one that made it finds nothing.",
        "WIRE-09.read-through-another-node",
        ("WIRE-09.read-through-another-node",),
        _FirstReadElsewhereMisses,
    ),
    Defect(
        "first-list-elsewhere-misses",
        "The first list of another node than the one that made an object leaves it out.",
        "WIRE-09.listed-on-every-node",
        ("WIRE-09.listed-on-every-node",),
        _FirstListElsewhereMisses,
    ),
    Defect(
        "node-stale-after-overwrite",
        "A node serves once more what it served before an object was overwritten through another.",
        "WIRE-09.overwrite-on-every-node",
        ("WIRE-09.overwrite-on-every-node",),
        _StaleElsewhere,
    ),
    Defect(
        "node-serves-deleted",
        "A node serves once more what it served before an object was deleted through another.",
        "WIRE-09.deleted-on-every-node",
        ("WIRE-09.deleted-on-every-node",),
        _DeletedElsewhere,
    ),
    Defect(
        "etag-by-node",
        "HEAD shows an ETag of the node's own.",
        "RST-14.same-etag-on-every-node",
        ("RST-14.same-etag-on-every-node",),
        on_answer_head(_tag_by_node, Kind.HEAD_OBJECT),
    ),
    Defect(
        "unrelated-stores",
        "The name leads to stores that have the same keys and buckets and know nothing of each other's objects.",
        "WIRE-09.read-through-another-node",
        (
            "ABORT-03.aborted-through-another-node",
            "ABORT-03.listed-on-every-node",
            "RST-14.same-etag-on-every-node",
            "WIRE-09.deleted-on-every-node",
            "WIRE-09.listed-on-every-node",
            "WIRE-09.read-through-another-node",
            "WIRE-12.part-again-through-another-node",
            "WIRE-16.upload-across-nodes",
        ),
        _OtherStore,
    ),
)
