"""Defects of lists: keys left out, shown twice, late, or those of others."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING
from urllib.parse import quote

from restoreproof.standins.proxy import documents
from restoreproof.standins.proxy.defect import Defect
from restoreproof.standins.proxy.lagging import Lagging
from restoreproof.standins.proxy.operation import Kind, parse
from restoreproof.standins.proxy.shapes import on_answer, on_request
from restoreproof.standins.proxy.upstream import stamp_now
from restoreproof.standins.signature import scope_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from mitmproxy.http import HTTPFlow, Response

    from restoreproof.standins.proxy.context import Context
    from restoreproof.standins.proxy.shapes import Factory

__all__ = ["DEFECTS"]

_OK = 200
_STAMP = "%Y%m%dT%H%M%SZ"
_FRESH = timedelta(minutes=5)


def _answer(flow: HTTPFlow) -> Response:
    assert flow.response
    return flow.response


def _hide_truncation(_context: Context, flow: HTTPFlow) -> None:
    body = documents.replaced(_answer(flow).content or b"", "IsTruncated", "false")
    _answer(flow).content = re.sub(rb"<NextContinuationToken>[^<]*</NextContinuationToken>", b"", body)


def _is_current(context: Context, flow: HTTPFlow) -> bool:
    """Tell whether a request was signed just now, and for here: signing anew must not make a stale one good."""
    said, stamp = context.credentials(flow), flow.request.headers.get("x-amz-date", "")
    if said is None or said.scope != scope_of(stamp, context.upstream.region):
        return False
    age = datetime.strptime(stamp_now(), _STAMP) - datetime.strptime(stamp, _STAMP)  # noqa: DTZ007 - both in UTC
    return abs(age) < _FRESH


def _asked(change: Callable[[dict[str, str]], dict[str, str]]) -> Factory:
    """Make an add-on's factory: every list is asked for in another way, wherever that differs."""

    def alter(context: Context, flow: HTTPFlow) -> None:
        request = flow.request
        query = dict(parse(request.method, request.headers.get("host", ""), request.path, context.domain).query)
        altered = change(query)
        if altered != query and context.is_signed(flow) and _is_current(context, flow):
            path = flow.request.path.partition("?")[0]
            pairs = (
                f"{quote(name, safe='-_.~')}={quote(value, safe='-_.~')}" for name, value in sorted(altered.items())
            )
            flow.request.path = f"{path}?{'&'.join(pairs)}"
            context.resign(flow)

    return on_request(alter, Kind.LIST_OBJECTS)


def _without(name: str) -> Factory:
    """Make an add-on's factory: a parameter of lists is not heeded."""
    return _asked(lambda query: {key: value for key, value in query.items() if key != name})


def _with_prefix(change: Callable[[str], str]) -> Factory:
    """Make an add-on's factory: lists are of another prefix."""
    return _asked(lambda query: {key: change(value) if key == "prefix" else value for key, value in query.items()})


def _without_closing_slash(query: dict[str, str]) -> dict[str, str]:
    return query if "delimiter" in query else {**query, "prefix": query.get("prefix", "").rstrip("/")}


def _refuse_first_version(context: Context, flow: HTTPFlow) -> None:
    if "list-type" not in context.operation(flow).query:
        context.refuse(flow, 501, "NotImplemented")


def _refuse_missing_folders(context: Context, flow: HTTPFlow) -> None:
    body = _answer(flow).content or b""
    asked = context.operation(flow).query
    nothing = b"<Contents>" not in body and b"<CommonPrefixes>" not in body
    if _answer(flow).status_code == _OK and nothing and "delimiter" in asked and asked.get("prefix"):
        context.refuse(flow, 404, "NoSuchKey")


def _count_nothing(_context: Context, flow: HTTPFlow) -> None:
    _answer(flow).content = documents.replaced(_answer(flow).content or b"", "KeyCount", "0")


def _encode_twice(context: Context, flow: HTTPFlow) -> None:
    def encoded(row: re.Match[bytes]) -> bytes:
        return b"<Key>" + quote(row[1].decode(), safe="/").encode() + b"</Key>"

    if "encoding-type" in context.operation(flow).query:
        _answer(flow).content = re.sub(rb"<Key>([^<]*)</Key>", encoded, _answer(flow).content or b"")


def _show_other_etags(_context: Context, flow: HTTPFlow) -> None:
    body = _answer(flow).content or b""
    _answer(flow).content = re.sub(rb"<ETag>[^<]*</ETag>", b"<ETag>&quot;0&quot;</ETag>", body)


def _sort_without_case(_context: Context, flow: HTTPFlow) -> None:
    body = _answer(flow).content or b""
    rows = documents.elements(body, "Contents")
    if rows:
        start = body.index(rows[0])
        rest = documents.filtered(body, "Contents", lambda _row: False)
        ordered: list[bytes] = sorted(rows, key=_small_letters)
        _answer(flow).content = rest[:start] + b"".join(ordered) + rest[start:]


def _small_letters(row: bytes) -> str:
    return documents.text(row, "Key").lower()


@dataclass
class _PageRepeats:
    """Starts every further page with the last row of the page before."""

    context: Context
    rows: dict[str, bytes] = field(default_factory=dict)

    def responseheaders(self, flow: HTTPFlow) -> None:
        if self.context.is_(flow, Kind.LIST_OBJECTS):
            self.context.hold_answer(flow)

    def response(self, flow: HTTPFlow) -> None:
        if not self.context.is_(flow, Kind.LIST_OBJECTS):
            return
        body, operation = _answer(flow).content or b"", self.context.operation(flow)
        rows, token = documents.elements(body, "Contents"), documents.text(body, "NextContinuationToken")
        if rows and token:
            self.rows[token] = rows[-1]
        before = self.rows.get(operation.query.get("continuation-token", ""), b"")
        _answer(flow).content = body.replace(b"<Contents>", before + b"<Contents>", 1)


class _FirstListMisses(Lagging):
    def responseheaders(self, flow: HTTPFlow) -> None:
        super().responseheaders(flow)
        if self._is_whole_listing(flow):
            self.context.hold_answer(flow)

    def response(self, flow: HTTPFlow) -> None:
        if self._is_whole_listing(flow) and _answer(flow).status_code == _OK:
            bucket = self.context.operation(flow).bucket
            _answer(flow).content = documents.filtered(
                _answer(flow).content or b"",
                "Contents",
                lambda row: not self._forget(bucket, documents.text(row, "Key")),
            )

    def _is_whole_listing(self, flow: HTTPFlow) -> bool:
        return self.context.is_(flow, Kind.LIST_OBJECTS) and "max-keys" not in self.context.operation(flow).query

    def _forget(self, bucket: str, key: str) -> bool:
        was_fresh = (bucket, key) in self.fresh
        self.fresh.discard((bucket, key))
        return was_fresh


DEFECTS = (
    Defect(
        "first-list-misses",
        "In a folder of more than three objects the first listing leaves a new one out.",
        "WIRE-09.list-after-write",
        ("LIST-02.order", "WIRE-09.list-after-write"),
        _FirstListMisses,
    ),
    Defect(
        "list-page-repeats",
        "Every further page of a listing starts with the last key of the page before.",
        "LIST-02.paged-list",
        ("LIST-02.paged-list",),
        _PageRepeats,
    ),
    Defect(
        "list-truncation-hidden",
        "A listing that is cut at max-keys says that it is complete.",
        "LIST-02.paged-list",
        ("LIST-02.max-keys", "LIST-02.paged-list"),
        on_answer(_hide_truncation, Kind.LIST_OBJECTS),
    ),
    Defect(
        "prefix-loses-its-slash",
        "The closing slash of a prefix is cut off, so that a folder's list shows its neighbours.",
        "LIST-02.no-neighbours",
        ("LIST-02.no-neighbours",),
        _asked(_without_closing_slash),
    ),
    Defect(
        "plus-in-prefix-becomes-space",
        "Prefixes are decoded twice: a plus sign in one stands for a space.",
        "LIST-02.prefix-as-typed",
        ("LIST-02.prefix-as-typed",),
        _with_prefix(lambda prefix: prefix.replace("+", " ")),
    ),
    Defect(
        "delimiter-ignored",
        "A list with a delimiter shows all keys below as well.",
        "LIST-02.grouped-by-folder",
        ("LIST-02.grouped-by-folder",),
        _without("delimiter"),
    ),
    Defect(
        "max-keys-ignored",
        "A page has as many keys as there are, however few were asked for.",
        "LIST-02.max-keys",
        ("LIST-02.max-keys",),
        _without("max-keys"),
    ),
    Defect(
        "start-after-ignored",
        "A list that starts after a key starts at the first.",
        "LIST-02.start-after",
        ("LIST-02.start-after",),
        _without("start-after"),
    ),
    Defect(
        "missing-folder-refused",
        "A list of a folder that is not there is refused as NoSuchKey.",
        "LIST-02.missing-folder",
        ("LIST-02.missing-folder",),
        on_answer(_refuse_missing_folders, Kind.LIST_OBJECTS),
    ),
    Defect(
        "names-encoded-twice",
        "Names that a list encodes are encoded twice.",
        "LIST-02.encoded-names",
        ("LIST-02.encoded-names",),
        on_answer(_encode_twice, Kind.LIST_OBJECTS),
    ),
    Defect(
        "list-etags-differ",
        "Lists show other ETags than HeadObject.",
        "LIST-02.rows-agree-with-head",
        ("LIST-02.rows-agree-with-head",),
        on_answer(_show_other_etags, Kind.LIST_OBJECTS),
    ),
    Defect(
        "list-sorted-without-case",
        "Lists are sorted as a dictionary, and not by bytes.",
        "LIST-02.order",
        ("LIST-02.order",),
        on_answer(_sort_without_case, Kind.LIST_OBJECTS),
    ),
    Defect(
        "key-count-zero",
        "KeyCount is always 0.",
        "LIST-02.key-count",
        ("LIST-02.key-count",),
        on_answer(_count_nothing, Kind.LIST_OBJECTS),
    ),
    Defect(
        "first-version-refused",
        "The first version of ListObjects is not implemented.",
        "LIST-02.first-version",
        ("LIST-02.first-version",),
        on_request(_refuse_first_version, Kind.LIST_OBJECTS),
    ),
)
