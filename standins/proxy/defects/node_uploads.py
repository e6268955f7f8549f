"""Defects of uploads that go through several nodes: what came through one is worth nothing, or less, on another."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from restoreproof.standins.proxy import documents
from restoreproof.standins.proxy.defect import Defect
from restoreproof.standins.proxy.nodes import ByNode
from restoreproof.standins.proxy.operation import Kind

if TYPE_CHECKING:
    from mitmproxy.http import HTTPFlow, Response

    from restoreproof.standins.proxy.context import Context

__all__ = ["DEFECTS"]

_OK, _NOT_FOUND = 200, 404
_MOST_PARTS = 2


def _answer(flow: HTTPFlow) -> Response:
    assert flow.response
    return flow.response


class _UploadsStayWhereOpened(ByNode):
    """Knows an upload only where it was opened; completing is left out, so that the parts are what is missed."""

    def requestheaders(self, flow: HTTPFlow) -> None:
        named = self.context.is_(flow, Kind.UPLOAD_PART, Kind.LIST_PARTS, Kind.ABORT_UPLOAD)
        if named and self.is_elsewhere(flow) and self.context.is_signed(flow):
            self.context.refuse(flow, _NOT_FOUND, "NoSuchUpload")


@dataclass
class _PartsByNode:
    """Remembers through which node each part came, in the order of arrival; leaves some out of the completion."""

    context: Context
    came: dict[tuple[str, int], list[int]] = field(default_factory=dict)

    def requestheaders(self, flow: HTTPFlow) -> None:
        if self.context.is_(flow, Kind.COMPLETE_UPLOAD):
            self.context.hold_request(flow)

    def request(self, flow: HTTPFlow) -> None:
        if flow.response is not None or not self.context.uploads.of(flow):
            return
        operation = self.context.operation(flow)
        if operation.kind is Kind.UPLOAD_PART:
            self.came.setdefault((operation.upload, self.context.node(flow)), []).append(operation.part)
        elif operation.kind is Kind.COMPLETE_UPLOAD:
            self._complete(flow)

    def lost(self, flow: HTTPFlow) -> list[int]:
        raise NotImplementedError

    def came_through(self, flow: HTTPFlow) -> dict[int, list[int]]:
        """Give the numbers of the upload's parts by node."""
        upload = self.context.operation(flow).upload
        return {node: parts for (id_, node), parts in self.came.items() if id_ == upload}

    def _complete(self, flow: HTTPFlow) -> None:
        lost, parts = set(self.lost(flow)), documents.completed_parts(flow.request.content or b"")
        kept = [part for part in parts if part[0] not in lost]
        if not kept:
            self.context.refuse(flow, 400, "InvalidPart")
        elif kept != parts:
            self.context.replace_body(flow, documents.complete_document(kept))


class _OnlyOwnParts(_PartsByNode):
    def lost(self, flow: HTTPFlow) -> list[int]:
        here = self.context.node(flow)
        return [part for node, parts in self.came_through(flow).items() if node != here for part in parts]


class _OnlyTwoParts(_PartsByNode):
    def lost(self, flow: HTTPFlow) -> list[int]:
        return [part for node, parts in self.came_through(flow).items() if node for part in parts[_MOST_PARTS:]]


class _UploadsListedWhereOpened(ByNode):
    def responseheaders(self, flow: HTTPFlow) -> None:
        if self.context.is_(flow, Kind.LIST_UPLOADS):
            self.context.hold_answer(flow)

    def response(self, flow: HTTPFlow) -> None:
        super().response(flow)
        if self.context.is_(flow, Kind.LIST_UPLOADS) and _answer(flow).status_code == _OK:
            here = self.context.node(flow)
            _answer(flow).content = documents.filtered(
                _answer(flow).content or b"",
                "Upload",
                lambda row: self.opened.get(documents.text(row, "UploadId"), here) == here,
            )


class _AbortStaysOnItsNode(ByNode):
    def requestheaders(self, flow: HTTPFlow) -> None:
        if self.context.is_(flow, Kind.ABORT_UPLOAD) and self.is_elsewhere(flow) and self.context.is_signed(flow):
            self.context.answer(flow, 204)


@dataclass
class _CutElsewhereCutsAgain:
    """Gives a part that broke off on one node the length it had there when it comes whole through another."""

    context: Context
    under_way: dict[tuple[str, int], int] = field(default_factory=dict)

    def requestheaders(self, flow: HTTPFlow) -> None:
        if self.context.is_(flow, Kind.UPLOAD_PART) and self.context.uploads.of(flow):
            if self._is_cut(flow):
                self.context.hold_request(flow)
            else:
                self.under_way[self._part(flow)] = self.context.node(flow)

    def request(self, flow: HTTPFlow) -> None:
        if self.context.is_(flow, Kind.UPLOAD_PART) and self._is_cut(flow) and flow.response is None:
            body = flow.request.content or b""
            self.context.replace_body(flow, body[: len(body) // 2])

    def response(self, flow: HTTPFlow) -> None:
        if self.context.is_(flow, Kind.UPLOAD_PART):
            self.under_way.pop(self._part(flow), None)

    def _is_cut(self, flow: HTTPFlow) -> bool:
        here = self.context.node(flow)
        return self.under_way.get(self._part(flow), here) != here

    def _part(self, flow: HTTPFlow) -> tuple[str, int]:
        operation = self.context.operation(flow)
        return operation.upload, operation.part


@dataclass
class _CompletedOnTwoNodesDoubled:
    """Joins the parts once on every node that is told to."""

    context: Context
    told: dict[str, set[int]] = field(default_factory=dict)
    doubled: set[tuple[str, str]] = field(default_factory=set)

    def requestheaders(self, flow: HTTPFlow) -> None:
        operation = self.context.operation(flow)
        if operation.kind is Kind.COMPLETE_UPLOAD and self.context.uploads.of(flow):
            nodes = self.told.setdefault(operation.upload, set())
            nodes.add(self.context.node(flow))
            if len(nodes) > 1:
                self.doubled.add((operation.bucket, operation.key))

    def responseheaders(self, flow: HTTPFlow) -> None:
        if self._is_read(flow):
            self.context.hold_answer(flow)

    def response(self, flow: HTTPFlow) -> None:
        if self._is_read(flow) and _answer(flow).status_code == _OK:
            _answer(flow).content = (_answer(flow).content or b"") * 2

    def _is_read(self, flow: HTTPFlow) -> bool:
        operation = self.context.operation(flow)
        return operation.kind is Kind.GET_OBJECT and (operation.bucket, operation.key) in self.doubled


DEFECTS = (
    Defect(
        "completed-on-two-nodes-doubled",
        "An object whose completion was sent to two nodes holds its parts twice.",
        "WIRE-12.completion-again-through-another-node",
        ("WIRE-12.completion-again-through-another-node",),
        _CompletedOnTwoNodesDoubled,
    ),
    Defect(
        "uploads-stay-on-their-node",
        "Parts and aborts are taken only by the node on which the upload was opened.",
        "WIRE-16.upload-across-nodes",
        (
            "ABORT-03.aborted-through-another-node",
            "WIRE-12.part-again-through-another-node",
            "WIRE-16.upload-across-nodes",
        ),
        _UploadsStayWhereOpened,
    ),
    Defect(
        "only-own-parts-joined",
        "A node completes an upload from the parts that came through itself.",
        "WIRE-16.upload-across-nodes",
        ("WIRE-16.upload-across-nodes",),
        _OnlyOwnParts,
    ),
    Defect(
        "third-part-of-a-node-lost",
        "Of the parts that come through another node than the first, all from the third on are left out.",
        "MPU-14.parts-from-all-nodes",
        ("MPU-14.parts-from-all-nodes",),
        _OnlyTwoParts,
    ),
    Defect(
        "uploads-listed-where-opened",
        "An open upload is listed only by the node on which it was opened.",
        "ABORT-03.listed-on-every-node",
        ("ABORT-03.listed-on-every-node",),
        _UploadsListedWhereOpened,
    ),
    Defect(
        "abort-stays-on-its-node",
        "An abort through another node than the one on which the upload was opened is acknowledged and does nothing.",
        "ABORT-03.aborted-through-another-node",
        ("ABORT-03.aborted-through-another-node",),
        _AbortStaysOnItsNode,
    ),
    Defect(
        "cut-elsewhere-cuts-again",
        "A part that broke off on one node is cut to half when it comes whole through another.",
        "WIRE-12.part-again-through-another-node",
        ("WIRE-12.part-again-through-another-node",),
        _CutElsewhereCutsAgain,
    ),
)
