"""One device at its endpoint: the S3 requests that one statement sends to one URL, in the order of the wire notes."""

from __future__ import annotations

import zlib
from base64 import b64encode
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import partial
from itertools import count
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import unquote, urljoin, urlsplit

from restoreproof.standins.signature import UNSIGNED, Signable, authorization, scope_of
from restoreproof.standins.sqlserver.connector import answers, messages
from restoreproof.standins.sqlserver.connector.address import Address, encoded, region_of
from restoreproof.standins.sqlserver.connector.client import Answer, Client, Fault, Outgoing, Piece, digest
from restoreproof.standins.sqlserver.connector.messages import Stage
from restoreproof.standins.sqlserver.session import Cancelled, SqlError

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Mapping, Sequence
    from threading import Event

    from restoreproof.standins.sqlserver.backups import Device
    from restoreproof.standins.sqlserver.connector.behaviour import Behaviour

__all__ = ["Found", "Request", "Store", "integrity"]

_T = TypeVar("_T")
_SMALL = 65_536
_REDIRECTS = (301, 302, 307, 308)
_MOST_DETOURS = 3
_NO_BUCKET = (messages.NOT_SUPPORTED, messages.NOT_FOUND)
_INTEGRITY = {"md5": "content-md5", "crc32": "x-amz-checksum-crc32", "sha256": "x-amz-checksum-sha256"}


@dataclass(frozen=True)
class Found:
    """An object: its size, and its ETag where the store gave one."""

    size: int
    etag: str


@dataclass(frozen=True)
class Request:
    """One S3 request: ``path`` is encoded, names and values of ``query`` are not; statuses that are no refusal."""

    method: str
    path: str
    query: tuple[tuple[str, str], ...] = ()
    headers: Mapping[str, str] = field(default_factory=dict)
    body: Sequence[Piece] = ()
    statuses: tuple[int, ...] = (200,)
    longest: int = 0
    into: memoryview | None = None


class Store:
    """Sends, retries, and tells what goes wrong in SQL Server's words.

    :raises SqlError: on construction, for a URL that is none.
    """

    def __init__(self, device: Device, region: str, behaviour: Behaviour, context: ssl.SSLContext, stop: Event) -> None:
        self.url, self.behaviour, self._credential = device.url, behaviour, device.credential
        self.address = Address.read(device.url)
        self._context, self._stop = context, stop
        self._region = region_of(self.address.host, behaviour.region_hosts, region)
        self._clients: dict[str, Client] = {}
        self._bucket: str | None = None

    @property
    def path(self) -> str:
        """The object's path as it goes over the wire."""
        return encoded(self.address.path, keep_escapes=self.behaviour.key_encoding == "keep-escapes")

    def close(self) -> None:
        """Cut all connections; whoever waits for an answer is woken."""
        for client in list(self._clients.values()):
            client.close()

    def find(self, *, reading: bool, overwrite: bool = False) -> Found | None:
        """Look for the object as the ``probe`` switch says; a list is the only probe that a write-only key may use.

        None where it is absent. A HEAD that is refused says nothing to a backup that may overwrite: a write-only key
        gets 403 for objects that are there, and the next request shows whether it may write.
        """
        stage, probe = Stage.OPEN, self.behaviour.probe
        if self.behaviour.bucket_location:
            self.ask(Request("GET", self._bucket_paths()[0][0], (("location", ""),)), stage)
        headed = self._head(stage, lenient=probe == "both" or overwrite) if probe != "list" else None
        if probe == "head":
            return headed
        found = self._list(stage)
        return headed if headed and reading else found

    def head(self, stage: Stage) -> Found | None:
        """Ask for size and ETag; None where there is no such object."""
        return self._head(stage, lenient=False)

    def read(
        self, first: int, last: int, stage: Stage, into: memoryview | None = None
    ) -> tuple[bytes | memoryview, Found]:
        """Give the bytes of a closed range, in the buffer if there is one, and what the answer says of the object."""

        def take(answer: Answer) -> tuple[bytes | memoryview, Found]:
            size = answers.range_of(answer, first, last)
            return answers.body_of(answer), Found(size, answer.headers.get("etag", ""))

        wanted = {"range": f"bytes={first}-{last}"}
        request = Request("GET", self.path, headers=wanted, statuses=(206,), longest=last - first + 1, into=into)
        return self.asked(request, stage, take)

    def ask(self, request: Request, stage: Stage, *, patience: float = 0) -> Answer:
        """Send a request, again and again as the switches say.

        :raises SqlError: it was refused, or nothing came of it.
        """
        return self.asked(request, stage, lambda answer: answer, patience=patience)

    def asked(self, request: Request, stage: Stage, take: Callable[[Answer], _T], *, patience: float = 0) -> _T:
        """Send a request, and give what is taken from its answer; what can't be taken counts as a refusal."""
        retries = self.behaviour.opening_retries if stage is Stage.OPEN else self.behaviour.retries
        for attempt in count():
            try:
                return take(self._once(request, patience or self.behaviour.answer_seconds))
            except Fault as fault:
                if self._stop.is_set():
                    raise Cancelled from fault
                if not fault.again or attempt >= retries:
                    raise stage.error(self.url, fault.number) from fault
            if self._stop.wait(self.behaviour.pauses(attempt)):
                raise Cancelled
        raise AssertionError

    def _once(self, request: Request, patience: float) -> Answer:
        """Send once; follow redirects and regions where the switches say so."""
        address, path = self.address, request.path
        for _ in range(_MOST_DETOURS):
            answer = self._client(address).send(self._signed(replace(request, path=path), address, patience))
            if answer.status in request.statuses:
                return answer
            if region := self._other_region(answer):
                self._region = region
            elif answer.status in _REDIRECTS and self.behaviour.redirects == "follow":
                address, path = _follow(answer, address)
            else:
                break
        raise answers.refusal(answer, self.behaviour.retry_statuses)

    def _client(self, address: Address) -> Client:
        new = Client(address, self._context, self.behaviour, self._stop)
        return self._clients.setdefault(address.netloc, new)

    def _other_region(self, answer: Answer) -> str:
        """Tell the region that the store says it is in, if that is to be listened to, and is not ours."""
        if self.behaviour.region_errors != "retry" or answer.status < 300:  # noqa: PLR2004 - no refusal
            return ""
        named = answer.headers.get("x-amz-bucket-region", "")
        if not named and b"<Region>" in answer.body:
            named = answers.value(answers.document(answer.body), "Region")
        return named if named != self._region else ""

    def _signed(self, request: Request, address: Address, patience: float) -> Outgoing:
        stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
        real = self.behaviour.payload_hash == "sha256"
        headers = {
            "host": address.netloc,
            "user-agent": self.behaviour.user_agent,
            "x-amz-content-sha256": digest("sha256", request.body).hex() if real else UNSIGNED,
            "x-amz-date": stamp,
            **request.headers,
        }
        if request.method in ("PUT", "POST"):
            headers["content-length"] = str(sum(len(piece) for piece in request.body))
        query = "&".join(f"{_escaped(name)}={_escaped(value)}" for name, value in request.query)
        names = tuple(sorted(name for name in headers if name not in ("user-agent", "content-length")))
        signable = Signable(request.method, request.path, query, headers)
        pair = (self._credential.key_id, self._credential.secret)
        headers["authorization"] = authorization(signable, names, scope_of(stamp, self._region), pair)
        target = f"{request.path}?{query}" if query else request.path
        longest = max(request.longest, _SMALL * 64)
        return Outgoing(request.method, target, headers, request.body, longest, patience, request.into)

    def _head(self, stage: Stage, *, lenient: bool) -> Found | None:
        statuses = (200, 404, 403) if lenient else (200, 404)
        answer = self.ask(Request("HEAD", self.path, statuses=statuses), stage)
        if answer.status != 200:  # noqa: PLR2004 - found
            return None
        length = answer.headers.get("content-length", "")
        if not length.isdecimal():
            raise stage.error(self.url, messages.INVALID_DATA)
        return Found(int(length), answer.headers.get("etag", ""))

    def _list(self, stage: Stage) -> Found | None:
        """List by the key; where the bucket is not found, its name may be in the host's.

        The URL does not tell path style from virtual hosts. A 404 of the one guess is tried with the other, and where
        that is no list of a bucket either, the first answer stands.
        """
        first: SqlError | None = None
        for path, key in self._bucket_paths():
            request = Request("GET", path, (("list-type", "2"), ("prefix", key)))
            try:
                return self.asked(request, stage, partial(_in_list, key))
            except SqlError as error:
                first = first or error
                if not isinstance(error.__cause__, Fault) or error.__cause__.number not in _NO_BUCKET:
                    break
        assert first
        raise first

    def _bucket_paths(self) -> list[tuple[str, str]]:
        keep = self.behaviour.key_encoding == "keep-escapes"
        split = self.address.splits()
        return [(encoded(path, keep_escapes=keep), unquote(key) if keep else key) for path, key in split]


def integrity(kind: str, body: Sequence[Piece]) -> dict[str, str]:
    """Give the header that proves the body, if the switch asks for one."""
    if kind == "none":
        return {}
    if kind == "crc32":
        running = 0
        for piece in body:
            running = zlib.crc32(piece, running)
        proof = running.to_bytes(4, "big")
    else:
        proof = digest(kind, body)
    return {_INTEGRITY[kind]: b64encode(proof).decode()}


def _in_list(key: str, answer: Answer) -> Found | None:
    root = answers.document(answer.body)
    if root.tag.rpartition("}")[2] == "ListAllMyBucketsResult":
        raise Fault(messages.NOT_SUPPORTED)
    found = answers.listed(answers.expect(answer, "ListBucketResult"), key)
    return Found(*found) if found else None


def _escaped(text: str) -> str:
    return encoded(text, keep_escapes=False, slash=False)


def _follow(answer: Answer, address: Address) -> tuple[Address, str]:
    """Give the place a redirect leads to, and the path there; over TLS or not at all."""
    goal = urlsplit(urljoin(f"https://{address.netloc}/", answers.header(answer, "location")))
    if goal.scheme != "https" or not goal.hostname:
        raise Fault(messages.NOT_SUPPORTED)
    return Address(goal.hostname, goal.port or 443, goal.path or "/"), goal.path or "/"
