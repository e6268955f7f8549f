"""A small S3 store in memory behind TLS that behaves, except where a misdeed says otherwise."""

import socket
import ssl
import struct
import threading
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from html import escape
from urllib.parse import parse_qs, unquote, urlsplit

from recording_server import KEYS, _load

from restoreproof.fixtures.endpoints import Endpoint
from restoreproof.standins.certificates import Authority

AUTHORITY = Authority()
BUCKET = "sqlbackups"
PATIENCE = 60
PIECE = 1024 * 1024
NONE_OF_THAT = "<Error><Code>NoSuchKey</Code><Message>no</Message></Error>"


@dataclass(frozen=True)
class Request:
    """The head of one request; names of headers and of query parameters in small letters."""

    method: str
    target: str
    headers: dict[str, str]

    @property
    def key(self):
        return unquote(urlsplit(self.target).path).lstrip("/").partition("/")[2]

    @property
    def query(self):
        found = parse_qs(urlsplit(self.target).query, keep_blank_values=True)
        return {name.lower(): values[0] for name, values in found.items()}

    @property
    def size(self):
        return int(self.headers.get("content-length", "0"))

    @property
    def kind(self):
        if "delete" in self.query:
            return "not_offered"
        if not self.key:
            return "uploads" if "uploads" in self.query else "not_offered" if "versions" in self.query else "list"
        if self.method == "POST":
            return "open" if "uploads" in self.query else "complete"
        if "uploadid" in self.query:
            return {"PUT": "part", "DELETE": "abort"}.get(self.method, "parts")
        return {"PUT": "put", "GET": "read", "HEAD": "head"}.get(self.method, "delete")


@dataclass(frozen=True)
class Misdeed:
    """What a server does to requests of a kind that name a word: ``do`` gets the talk, and says whether it goes on.

    ``when`` is ``accept`` or ``handshake`` (of every connection), ``head`` (read so far), ``body`` (half of it read)
    or ``answer`` (all of it read).
    """

    do: object
    on: str = ""
    when: str = "answer"
    word: str = ""

    def strikes(self, when, request=None):
        if when != self.when or request is None:
            return when == self.when
        return self.on in ("", request.kind) and self.word in unquote(request.target)


@dataclass
class Talk:
    """One connection, in the hands of a misdeed."""

    store: object
    wire: object
    request: Request | None = None
    stream: object = None

    def say(self, *pieces):
        for piece in pieces:
            self.wire.sendall(piece.encode() if isinstance(piece, str) else piece)
        return True

    def say_for_ever(self, piece, pause=None):
        """Until nobody listens any more, with a pause between two pieces."""
        while not self.store.over.wait(pause or 0):
            self.say(piece)

    def hang(self):
        self.store.over.wait(PATIENCE)

    def reset(self):
        self.wire.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.wire.close()

    def die(self):
        """The whole server goes away, and nobody listens on its port any more."""
        self.store.listener.shutdown(socket.SHUT_RDWR)
        self.store.listener.close()
        self.store.is_dead = True
        self.reset()


@dataclass
class HostileStore:
    """What is kept, what came, and what is done to whom."""

    listener: socket.socket
    misdeeds: tuple[Misdeed, ...]
    over: threading.Event = field(default_factory=threading.Event)
    objects: dict[str, bytes] = field(default_factory=dict)
    open: dict[str, dict[int, bytes]] = field(default_factory=dict)
    requests: list[Request] = field(default_factory=list)
    is_dead: bool = False

    def misdeed(self, when, request=None):
        return next((misdeed for misdeed in self.misdeeds if misdeed.strikes(when, request)), None)

    def count(self, kind, word):
        return sum(request.kind == kind and word in unquote(request.target) for request in self.requests)

    def answer(self, request, body):
        status, headers, content = getattr(self, f"do_{request.kind}")(request, body)
        words = {"Content-Type": "application/xml", "Content-Length": len(content), **headers}
        lines = "".join(f"{name}: {value}\r\n" for name, value in words.items())
        bare = request.method == "HEAD"
        return f"HTTP/1.1 {status} Something\r\n{lines}\r\n".encode() + (b"" if bare else content)

    def do_list(self, request, _body):
        prefix, after = request.query.get("prefix", ""), request.query.get("continuation-token", "")
        keys = [key for key in sorted(self.objects) if key.startswith(prefix) and key > after]
        page = keys[: int(request.query.get("max-keys", "1000"))]
        sizes = ((escape(key), len(self.objects[key])) for key in page)
        rows = "".join(f"<Contents><Key>{key}</Key><Size>{size}</Size></Contents>" for key, size in sizes)
        more = len(page) < len(keys)
        token = f"<NextContinuationToken>{escape(page[-1])}</NextContinuationToken>" if more else ""
        return xml(f"<L><IsTruncated>{str(more).lower()}</IsTruncated>{token}{rows}</L>")

    def do_not_offered(self, *_):
        return 501, {}, b"<Error><Code>NotImplemented</Code></Error>"

    def do_uploads(self, request, _body):
        prefix = request.query.get("prefix", "")
        keys = (escape(key) for key in self.open if key.startswith(prefix))
        found = "".join(f"<Upload><Key>{key}</Key><UploadId>an-upload</UploadId></Upload>" for key in keys)
        return xml(f"<L><IsTruncated>false</IsTruncated>{found}</L>")

    def do_open(self, request, _body):
        self.open[request.key] = {}
        return xml("<InitiateMultipartUploadResult><UploadId>an-upload</UploadId></InitiateMultipartUploadResult>")

    def do_part(self, request, body):
        self.open[request.key][int(request.query["partnumber"])] = body
        return 200, {"ETag": '"e"'}, b""

    def do_complete(self, request, _body):
        self.objects[request.key] = b"".join(body for _, body in sorted(self.open.pop(request.key).items()))
        return xml("<CompleteMultipartUploadResult/>")

    def do_abort(self, request, _body):
        return 204 if self.open.pop(request.key, None) is not None else 404, {}, b""

    def do_parts(self, *_):
        return xml("<L><IsTruncated>false</IsTruncated></L>")

    def do_put(self, request, body):
        self.objects[request.key] = body
        return 200, {"ETag": '"e"'}, b""

    def do_read(self, request, _body):
        content = self.objects.get(request.key)
        if content is None:
            return 404, {}, NONE_OF_THAT.encode()
        start, _, end = request.headers.get("range", "bytes=0-").removeprefix("bytes=").partition("-")
        last = min(int(end or len(content)), len(content) - 1)
        place = {"Content-Range": f"bytes {start}-{last}/{len(content)}"}
        partial = "range" in request.headers
        return (206, place, content[int(start) : last + 1]) if partial else (200, {}, content)

    do_head = do_read

    def do_delete(self, request, _body):
        return 204 if self.objects.pop(request.key, None) is not None else 404, {}, b""


def xml(text):
    return 200, {}, text.encode()


@contextmanager
def hostile(*misdeeds, ca="", host="localhost", kind=HostileStore, leaf=None):
    """A running store, and the endpoint under which it is found; it ends, and lets go of everybody, when left.

    `leaf` is the certificate that it shows, where that is to be another.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    _load(context, leaf or AUTHORITY.leaf("localhost", "s3.localhost", "*.s3.localhost", "127.0.0.1"))
    with socket.create_server(("127.0.0.1", 0), backlog=128) as listener:
        store = kind(listener, misdeeds)
        store.endpoint = endpoint_at(listener.getsockname()[1], ca=ca, host=host)
        threading.Thread(target=_accept, args=(store, context), daemon=True).start()
        try:
            yield store
        finally:
            store.over.set()
            with suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)


def endpoint_at(port, *, ca="", host="localhost", addresses=("127.0.0.1",)):
    """What a profile says of a server on a port of this machine."""
    url = f"https://{host}:{port}"
    return Endpoint(url, ca or AUTHORITY.pem, "us-east-1", "path", "s3.localhost", addresses, BUCKET, KEYS, "url")


def _accept(store, context):
    with suppress(OSError):
        while True:
            plain, _ = store.listener.accept()
            threading.Thread(target=_serve, args=(store, plain, context), daemon=True).start()


def _serve(store, plain, context):
    plain.settimeout(PATIENCE)
    plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    with suppress(OSError, ValueError), plain:
        for when in ("accept", "handshake"):
            if misdeed := store.misdeed(when):
                if when == "handshake":
                    plain.recv(1)
                misdeed.do(Talk(store, plain))
                return
        with context.wrap_socket(plain, server_side=True) as wire, wire.makefile("rb") as stream:
            while not store.is_dead and (request := _read_head(stream)):
                store.requests.append(request)
                if not _converse(Talk(store, wire, request, stream)):
                    return


def _converse(talk):
    """Serve one request; whether another may follow."""
    body = b""
    for when, part in (("head", 0), ("body", talk.request.size // 2), ("answer", talk.request.size)):
        body += talk.stream.read(part - len(body))
        if misdeed := talk.store.misdeed(when, talk.request):
            return misdeed.do(talk)
    return talk.say(talk.store.answer(talk.request, body))


def _read_head(stream):
    line = stream.readline().decode("latin-1").split()
    if len(line) < 2:
        return None
    headers = {}
    for header in iter(lambda: stream.readline().decode("latin-1").strip(), ""):
        name, _, value = header.partition(":")
        headers[name.lower()] = value.strip()
    return Request(line[0], line[1], headers)
