"""Defects of time: old bytes, objects that are not there yet, or that are still there."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from restoreproof.standins.proxy import documents
from restoreproof.standins.proxy.defect import Defect
from restoreproof.standins.proxy.lagging import Lagging
from restoreproof.standins.proxy.operation import Kind

if TYPE_CHECKING:
    from mitmproxy.http import HTTPFlow, Response

    from restoreproof.standins.proxy.context import Context

__all__ = ["DEFECTS"]

_OK, _NO_CONTENT, _PARTIAL, _NOT_FOUND = 200, 204, 206, 404
_KEPT_BYTES = 1024 * 1024
_BUSY = "restoreproof busy"

Place = tuple[str, str]


def _answer(flow: HTTPFlow) -> Response:
    assert flow.response
    return flow.response


class _FirstReadMisses(Lagging):
    def requestheaders(self, flow: HTTPFlow) -> None:
        operation = self.context.operation(flow)
        place = (operation.bucket, operation.key)
        if operation.kind is Kind.GET_OBJECT and place in self.fresh and self.context.is_signed(flow):
            self.fresh.discard(place)
            self.context.refuse(flow, 404, "NoSuchKey")


@dataclass
class _StaleAfterOverwrite:
    """Keeps what was read first of every small object, and serves it until the object is deleted."""

    context: Context
    kept: dict[tuple[str, str, str], bytes] = field(default_factory=dict)

    def responseheaders(self, flow: HTTPFlow) -> None:
        small = int(_answer(flow).headers.get("content-length", _KEPT_BYTES + 1)) <= _KEPT_BYTES
        if self.context.is_(flow, Kind.GET_OBJECT) and _answer(flow).status_code in {_OK, _PARTIAL} and small:
            self.context.hold_answer(flow)

    def response(self, flow: HTTPFlow) -> None:
        operation, answer = self.context.operation(flow), _answer(flow)
        if operation.kind is Kind.DELETE_OBJECT:
            self.kept = {place: body for place, body in self.kept.items() if place[1] != operation.key}
        elif operation.kind is Kind.GET_OBJECT and answer.status_code in {_OK, _PARTIAL} and answer.content:
            place = (operation.bucket, operation.key, flow.request.headers.get("range", ""))
            answer.content = self.kept.setdefault(place, answer.content)


class _StaleRanges(_StaleAfterOverwrite):
    """Keeps what was read first of every range, and not of whole objects."""

    def responseheaders(self, flow: HTTPFlow) -> None:
        if "range" in flow.request.headers:
            super().responseheaders(flow)

    def response(self, flow: HTTPFlow) -> None:
        if "range" in flow.request.headers or self.context.is_(flow, Kind.DELETE_OBJECT):
            super().response(flow)


@dataclass
class _Watching:
    """Knows where each request goes."""

    context: Context

    def place(self, flow: HTTPFlow) -> Place:
        operation = self.context.operation(flow)
        return operation.bucket, operation.key


@dataclass
class _TornReads(_Watching):
    """While an object is being put, its first half reads as zeros."""

    writing: set[Place] = field(default_factory=set)

    def requestheaders(self, flow: HTTPFlow) -> None:
        if self.context.is_(flow, Kind.PUT_OBJECT):
            self.writing.add(self.place(flow))

    def responseheaders(self, flow: HTTPFlow) -> None:
        if self.context.is_(flow, Kind.PUT_OBJECT):
            self.writing.discard(self.place(flow))
        elif self.context.is_(flow, Kind.GET_OBJECT) and self.place(flow) in self.writing:
            self.context.hold_answer(flow)

    def response(self, flow: HTTPFlow) -> None:
        if self.context.is_(flow, Kind.GET_OBJECT) and self.place(flow) in self.writing:
            body = _answer(flow).content or b""
            _answer(flow).content = bytes(len(body) // 2) + body[len(body) // 2 :]


@dataclass
class _BusyLag(_Watching):
    """Knows which objects were put while others of their folder were, until somebody asks for them."""

    writing: set[Place] = field(default_factory=set)
    fresh: set[Place] = field(default_factory=set)

    def requestheaders(self, flow: HTTPFlow) -> None:
        if self.context.is_(flow, Kind.PUT_OBJECT):
            operation = self.context.operation(flow)
            self.writing.add(self.place(flow))
            together = self.busy(operation.bucket, operation.folder)
            self.fresh |= together if len(together) > 1 else set()

    def responseheaders(self, flow: HTTPFlow) -> None:
        if self.context.is_(flow, Kind.PUT_OBJECT):
            self.writing.discard(self.place(flow))

    def busy(self, bucket: str, folder: str) -> set[Place]:
        return {(where, key) for where, key in self.writing if (where, key.rpartition("/")[0]) == (bucket, folder)}


class _BusyReadMisses(_BusyLag):
    def requestheaders(self, flow: HTTPFlow) -> None:
        super().requestheaders(flow)
        if self.context.is_(flow, Kind.GET_OBJECT) and self.place(flow) in self.fresh and self.context.is_signed(flow):
            self.fresh.discard(self.place(flow))
            self.context.refuse(flow, _NOT_FOUND, "NoSuchKey")


class _BusyListMisses(_BusyLag):
    def requestheaders(self, flow: HTTPFlow) -> None:
        super().requestheaders(flow)
        operation = self.context.operation(flow)
        folder = operation.query.get("prefix", "").rstrip("/")
        flow.metadata[_BUSY] = operation.kind is Kind.LIST_OBJECTS and bool(self.busy(operation.bucket, folder))

    def responseheaders(self, flow: HTTPFlow) -> None:
        super().responseheaders(flow)
        if flow.metadata[_BUSY]:
            self.context.hold_answer(flow)

    def response(self, flow: HTTPFlow) -> None:
        if flow.metadata[_BUSY] and _answer(flow).status_code == _OK:
            bucket = self.context.operation(flow).bucket
            _answer(flow).content = documents.filtered(
                _answer(flow).content or b"",
                "Contents",
                lambda row: (bucket, documents.text(row, "Key")) not in self.fresh,
            )


@dataclass
class _Deleted(_Watching):
    """Knows what was deleted, until somebody asks for it."""

    gone: set[Place] = field(default_factory=set)

    def responseheaders(self, flow: HTTPFlow) -> None:
        if self.context.is_(flow, Kind.DELETE_OBJECT) and _answer(flow).status_code == _NO_CONTENT:
            self.gone.add(self.place(flow))
        elif self.context.is_(flow, Kind.PUT_OBJECT, Kind.COMPLETE_UPLOAD) and _answer(flow).status_code == _OK:
            self.gone.discard(self.place(flow))


class _DeletedStillRead(_Deleted):
    def requestheaders(self, flow: HTTPFlow) -> None:
        if self.context.is_(flow, Kind.GET_OBJECT) and self.place(flow) in self.gone:
            self.gone.discard(self.place(flow))
            self.context.answer(flow, _OK, b"what was there before")


class _DeletedStillFound(_Deleted):
    def requestheaders(self, flow: HTTPFlow) -> None:
        if self.context.is_(flow, Kind.HEAD_OBJECT) and self.place(flow) in self.gone:
            self.gone.discard(self.place(flow))
            self.context.answer(flow, _OK)


class _DeletedStillListed(_Deleted):
    def responseheaders(self, flow: HTTPFlow) -> None:
        super().responseheaders(flow)
        if self.context.is_(flow, Kind.LIST_OBJECTS) and self.gone:
            self.context.hold_answer(flow)

    def response(self, flow: HTTPFlow) -> None:
        if not (self.context.is_(flow, Kind.LIST_OBJECTS) and self.gone):
            return
        operation = self.context.operation(flow)
        prefix = operation.query.get("prefix", "")
        for bucket, key in sorted(self.gone):
            if bucket == operation.bucket and prefix.endswith("/") and key.startswith(prefix):
                self.gone.discard((bucket, key))
                row = documents.element("Contents", Key=key, Size="1")
                _answer(flow).content = documents.appended(_answer(flow).content or b"", row)


@dataclass
class _AbsenceRemembered(_Watching):
    """Remembers that a key was not there, and says so once more when it is."""

    absent: set[Place] = field(default_factory=set)
    complete: set[Place] = field(default_factory=set)

    def requestheaders(self, flow: HTTPFlow) -> None:
        if self.context.is_(flow, Kind.HEAD_OBJECT) and self.place(flow) in self.absent & self.complete:
            self.absent.discard(self.place(flow))
            self.context.answer(flow, _NOT_FOUND)

    def responseheaders(self, flow: HTTPFlow) -> None:
        place, status = self.place(flow), _answer(flow).status_code
        if self.context.is_(flow, Kind.HEAD_OBJECT) and status == _NOT_FOUND and place not in self.complete:
            self.absent.add(place)
        elif self.context.is_(flow, Kind.COMPLETE_UPLOAD) and status == _OK:
            self.complete.add(place)


DEFECTS = (
    Defect(
        "first-read-misses",
        "In a folder of more than three objects the first read of a new one says that it is not there.",
        "WIRE-09.read-after-write",
        (
            "BAK-15.stripes-at-once",
            "WIRE-05.ranges-of-64-objects",
            "WIRE-09.read-after-write",
            "WIRE-09.read-after-write-under-load",
            "WIRE-12.completion-after-lost-answer",
            "WIRE-16.sixteen-uploads-at-once",
        ),
        _FirstReadMisses,
    ),
    Defect(
        "stale-after-overwrite",
        "What was read of an object before is served again after the object was overwritten.",
        "WIRE-09.read-after-overwrite",
        ("WIRE-09.one-version-at-a-time", "WIRE-09.range-after-overwrite", "WIRE-09.read-after-overwrite"),
        _StaleAfterOverwrite,
    ),
    Defect(
        "stale-ranges",
        "A range that was read before an overwrite is served again after it.",
        "WIRE-09.range-after-overwrite",
        ("WIRE-09.range-after-overwrite",),
        _StaleRanges,
    ),
    Defect(
        "torn-reads",
        "While an object is overwritten, its first half reads as zeros.",
        "WIRE-09.one-version-at-a-time",
        ("WIRE-09.one-version-at-a-time",),
        _TornReads,
    ),
    Defect(
        "busy-read-misses",
        "The first read of an object says that it is not there, if others were written at the same time.",
        "WIRE-09.read-after-write-under-load",
        ("WIRE-05.ranges-of-64-objects", "WIRE-09.read-after-write-under-load"),
        _BusyReadMisses,
    ),
    Defect(
        "busy-list-misses",
        "A list leaves out what was written together with others, as long as any is being written.",
        "WIRE-09.list-after-write-under-load",
        ("WIRE-09.list-after-write-under-load",),
        _BusyListMisses,
    ),
    Defect(
        "deleted-still-read",
        "The first read of a deleted object gives bytes.",
        "WIRE-09.read-after-delete",
        ("LCK-05.marker-is-missing", "WIRE-09.read-after-delete"),
        _DeletedStillRead,
    ),
    Defect(
        "deleted-still-found",
        "The first HEAD of a deleted object finds it.",
        "BAK-09.not-found-once-deleted",
        ("BAK-09.not-found-once-deleted", "LCK-05.marker-is-missing"),
        _DeletedStillFound,
    ),
    Defect(
        "deleted-still-listed",
        "The first list of a folder shows what was deleted from it.",
        "WIRE-09.list-after-delete",
        ("WIRE-09.list-after-delete",),
        _DeletedStillListed,
    ),
    Defect(
        "absence-remembered",
        "HEAD of a key that was not there says so once more after its upload is complete.",
        "BAK-09.found-once-complete",
        ("BAK-09.found-once-complete",),
        _AbsenceRemembered,
    ),
)
