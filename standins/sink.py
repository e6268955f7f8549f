"""A sink: the fewest S3 operations over TLS, and what is written is counted and forgotten.

It is what a measurement compares a store with: nothing can be faster than a store that stores nothing, so what a client
reaches here is what the client and its machine can do. With `rate` in its settings (bytes per second, both ways and all
connections together) it is a store of a known speed. It checks no signature; keys, sizes and open uploads it remembers.
"""

import secrets
import socket
import ssl
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http import HTTPStatus
from io import BufferedReader
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit
from xml.sax.saxutils import escape

from restoreproof.standins.certificates import LAB_DOMAIN, LAB_NAMES, Authority
from restoreproof.standins.contract import Settings, run
from restoreproof.standins.waiting import rest

__all__ = ["serve"]

_PIECE = 1024 * 1024
_THROTTLED_PIECE = 64 * 1024
_GRACE = 0.03  # seconds between two bodies that may be caught up with; a longer pause is the client's
_PATIENCE = 60.0
_BUCKET = "sqlbackups"
_ROLES = ("backup", "restore", "housekeeping")

_Answer = tuple[HTTPStatus, dict[str, str], str]


@dataclass
class _Throttle:
    """A bucket of tokens for all connections; without a rate everything passes.

    While bodies are on their way, whoever wakes late catches up, so that a busy machine does not lower the rate.
    """

    rate: float
    _due: float = 0.0
    _bodies: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def piece(self) -> int:
        """How many bytes to move at a time."""
        return _THROTTLED_PIECE if self.rate else _PIECE

    @contextmanager
    def body(self) -> Iterator[None]:
        """While one body is on its way."""
        with self._lock:
            now = time.monotonic()
            if not self._bodies and now - self._due > _GRACE:
                self._due = now
            self._bodies += 1
        try:
            yield
        finally:
            with self._lock:
                self._bodies -= 1

    def take(self, size: int) -> None:
        """Wait until so many bytes may pass."""
        if not self.rate:
            return
        with self._lock:
            self._due += size / self.rate
            due = self._due
        rest(due - time.monotonic())


@dataclass(frozen=True)
class _Request:
    method: str
    bucket: str
    key: str
    query: Mapping[str, str]
    headers: Mapping[str, str]

    @property
    def size(self) -> int:
        return int(self.headers.get("content-length", "0"))


@dataclass
class _Shelf:
    """What is known of what was written: sizes by bucket and key, and of open uploads by id."""

    buckets: set[str] = field(default_factory=lambda: {_BUCKET})
    objects: dict[tuple[str, str], int] = field(default_factory=dict)
    uploads: dict[str, tuple[tuple[str, str], dict[str, int]]] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def answer(self, request: _Request) -> _Answer:
        """Do what is asked for and say so; GET of an object is none of this."""
        with self.lock:
            if not request.key:
                return self._of_bucket(request)
            if "uploads" in request.query or "uploadId" in request.query:
                return self._of_upload(request)
            return self._of_object(request)

    def _of_bucket(self, request: _Request) -> _Answer:
        name = request.bucket
        if request.method in ("PUT", "DELETE") and not request.query:
            (self.buckets.add if request.method == "PUT" else self.buckets.discard)(name)
            return HTTPStatus.OK if request.method == "PUT" else HTTPStatus.NO_CONTENT, {}, ""
        if name not in self.buckets:
            return _refusal(HTTPStatus.NOT_FOUND, "NoSuchBucket")
        prefix = request.query.get("prefix", "")
        if "uploads" in request.query:
            mine = [(key, id_) for id_, ((bucket, key), _) in self.uploads.items() if bucket == name]
            rows = (
                f"<Key>{escape(key)}</Key><UploadId>{id_}</UploadId>" for key, id_ in mine if key.startswith(prefix)
            )
            return _list("Upload", rows)
        if request.query.get("list-type") == "2" or request.method == "HEAD":
            sizes = [(key, size) for (bucket, key), size in sorted(self.objects.items()) if bucket == name]
            rows = (f"<Key>{escape(key)}</Key><Size>{size}</Size>" for key, size in sizes if key.startswith(prefix))
            return _list("Contents", rows)
        return _refusal(HTTPStatus.NOT_IMPLEMENTED, "NotImplemented")

    def _of_upload(self, request: _Request) -> _Answer:
        if request.method == "POST" and "uploads" in request.query:
            upload = secrets.token_hex(8)
            self.uploads[upload] = ((request.bucket, request.key), {})
            return HTTPStatus.OK, {}, f"<Result><UploadId>{upload}</UploadId></Result>"
        place, parts = self.uploads.get(upload := request.query.get("uploadId", ""), (("", ""), {}))
        if place != (request.bucket, request.key):
            return _refusal(HTTPStatus.NOT_FOUND, "NoSuchUpload")
        if request.method == "PUT":
            parts[request.query["partNumber"]] = request.size
            return _written()
        if request.method == "POST":
            self.objects[place] = sum(parts.values())
        del self.uploads[upload]
        return (HTTPStatus.OK, {}, "<Result/>") if request.method == "POST" else (HTTPStatus.NO_CONTENT, {}, "")

    def _of_object(self, request: _Request) -> _Answer:
        place = (request.bucket, request.key)
        if request.method == "PUT":
            self.objects[place] = request.size
            return _written()
        if request.method == "DELETE":
            self.objects.pop(place, None)
            return HTTPStatus.NO_CONTENT, {}, ""
        found = place in self.objects
        return (HTTPStatus.OK, {}, "") if found else _refusal(HTTPStatus.NOT_FOUND, "NoSuchKey")


@dataclass
class _Sink:
    shelf: _Shelf
    throttle: _Throttle
    context: ssl.SSLContext
    block: bytes = field(default_factory=lambda: secrets.token_bytes(_PIECE))

    def accept(self, listener: socket.socket) -> None:
        with suppress(OSError):
            while True:
                plain, _ = listener.accept()
                threading.Thread(target=self.talk, args=(plain,), daemon=True).start()

    def talk(self, plain: socket.socket) -> None:
        """Serve one connection until it ends; what goes wrong with it is its end."""
        plain.settimeout(_PATIENCE)
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with suppress(OSError, ValueError, KeyError), plain, self._shake_hands(plain) as wire:
            stream = wire.makefile("rb")
            buffer = memoryview(bytearray(self.throttle.piece))
            while request := _read_head(stream):
                with self.throttle.body():
                    self._swallow(stream, request.size, buffer)
                    self._answer(wire, request)

    def _shake_hands(self, plain: socket.socket) -> ssl.SSLSocket:
        return self.context.wrap_socket(plain, server_side=True)

    def _swallow(self, stream: BufferedReader, size: int, buffer: memoryview) -> None:
        while size:
            got = stream.readinto(buffer[: min(size, len(buffer))])
            if not got:
                raise ConnectionError("the body ended too soon")
            self.throttle.take(got)
            size -= got

    def _answer(self, wire: ssl.SSLSocket, request: _Request) -> None:
        size = self.shelf.objects.get((request.bucket, request.key))
        if request.method == "GET" and size is not None and "uploadId" not in request.query:
            self._give(wire, request, size)
            return
        status, headers, text = self.shelf.answer(request)
        body = b"" if request.method == "HEAD" else text.encode()
        wire.sendall(_head(status, {"Content-Type": "application/xml", **headers}, len(body)) + body)

    def _give(self, wire: ssl.SSLSocket, request: _Request, size: int) -> None:
        first, _, last = request.headers.get("range", "bytes=0-").removeprefix("bytes=").partition("-")
        start, end = int(first), min(int(last or size), size - 1)
        status = HTTPStatus.PARTIAL_CONTENT if "range" in request.headers else HTTPStatus.OK
        left = end + 1 - start
        wire.sendall(_head(status, {"Content-Range": f"bytes {start}-{end}/{size}"}, left))
        while left:
            piece = min(left, self.throttle.piece)
            self.throttle.take(piece)
            wire.sendall(self.block[:piece])
            left -= piece


@contextmanager
def serve(settings: Settings) -> Iterator[Mapping[str, object]]:
    """Run the sink; `settings` may name a `rate` in bytes per second."""
    authority = Authority()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with tempfile.TemporaryDirectory(prefix="restoreproof-sink-") as folder:
        pem = Path(folder) / "server.pem"
        pem.write_text(authority.leaf(*LAB_NAMES).bundle, encoding="ascii")
        context.load_cert_chain(pem)
    sink = _Sink(_Shelf(), _Throttle(float(settings.get("rate", 0))), context)
    with socket.create_server(("127.0.0.1", 0), backlog=256) as listener:
        threading.Thread(target=sink.accept, args=(listener,), daemon=True).start()
        port = listener.getsockname()[1]
        yield {
            "url": f"https://localhost:{port}",
            "ca": authority.pem,
            "domain": LAB_DOMAIN,
            "addresses": [f"127.0.0.1:{port}"],
            "region": "us-east-1",
            "bucket": _BUCKET,
            "keys": {role: {"id": secrets.token_hex(10).upper(), "secret": secrets.token_hex(20)} for role in _ROLES},
            "software": "a sink that stores nothing",
        }


def _read_head(stream: BufferedReader) -> _Request | None:
    words = stream.readline().decode("latin-1").split()
    if len(words) < 2:  # noqa: PLR2004 - method and target
        return None
    headers = {}
    for line in iter(lambda: stream.readline().decode("latin-1").strip(), ""):
        name, _, value = line.partition(":")
        headers[name.lower()] = value.strip()
    target = urlsplit(words[1])
    bucket, _, key = unquote(target.path).lstrip("/").partition("/")
    query = {name: values[0] for name, values in parse_qs(target.query, keep_blank_values=True).items()}
    return _Request(words[0], bucket, key, query, headers)


def _head(status: HTTPStatus, headers: Mapping[str, str], length: int) -> bytes:
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return f"HTTP/1.1 {status.value} {status.phrase}\r\n{lines}Content-Length: {length}\r\n\r\n".encode()


def _written() -> _Answer:
    return HTTPStatus.OK, {"ETag": f'"{secrets.token_hex(16)}"'}, ""


def _list(tag: str, rows: Iterator[str]) -> _Answer:
    found = "".join(f"<{tag}>{row}</{tag}>" for row in rows)
    return HTTPStatus.OK, {}, f"<List><IsTruncated>false</IsTruncated>{found}</List>"


def _refusal(status: HTTPStatus, code: str) -> _Answer:
    return status, {}, f"<Error><Code>{code}</Code><Message>no</Message></Error>"


if __name__ == "__main__":
    run(serve)
