"""A TLS socket that writes down what clients send, byte for byte, and answers whatever a test wants."""

import socket
import ssl
import tempfile
import threading
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

from restoreproof.fixtures.endpoints import Endpoint
from restoreproof.providers.keys import ROLES, KeyPair
from restoreproof.providers.secrets import Secret
from restoreproof.standins.certificates import Authority

PATIENCE = 30
KEYS = {role: KeyPair(Secret(f"{role.upper():A<20}"), Secret(f"{role:s<40}")) for role in ROLES}


@dataclass(frozen=True)
class Request:
    """One request as it came over the wire; names of headers in small letters."""

    line: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Recorded:
    """What has come so far, and the endpoint under which it came."""

    endpoint: Endpoint
    requests: list[Request] = field(default_factory=list)
    connections: int = 0


@contextmanager
def recording(answer, *, authority=None, tls=True, address="127.0.0.1", keys=None):
    """Serve until left; `answer` takes a request and gives the bytes to send, or pieces of them, or None to reset."""
    authority = authority or Authority()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    _load(context, authority.leaf("localhost", "s3.localhost", "*.s3.localhost", "127.0.0.1"))
    with socket.create_server((address, 0)) as listener:
        endpoint = Endpoint(
            url=f"https://localhost:{listener.getsockname()[1]}",
            ca=authority.pem,
            region="us-east-1",
            style="path",
            domain="s3.localhost",
            addresses=(address,),
            bucket="",
            keys=keys or KEYS,
            kind="url",
        )
        recorded = Recorded(endpoint)
        threading.Thread(
            target=_accept, args=(listener, context if tls else None, answer, recorded), daemon=True
        ).start()
        yield recorded
        with suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)


def answer_with(status, body=b"", **headers):
    """The same answer to every request; a header's underscores stand for hyphens."""
    named = {"Content-Length": len(body), "Content-Type": "application/xml", **headers}
    lines = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in named.items())
    return lambda _request: f"HTTP/1.1 {status}\r\n{lines}\r\n".encode() + body


def _load(context, leaf):
    """Have a context present a certificate; ssl reads it from nowhere but a file."""
    with tempfile.NamedTemporaryFile("w", suffix=".pem") as bundle:
        bundle.write(leaf.bundle)
        bundle.flush()
        context.load_cert_chain(bundle.name)


def _accept(listener, context, answer, recorded):
    with suppress(OSError):
        while True:
            plain, _ = listener.accept()
            recorded.connections += 1
            threading.Thread(target=_converse, args=(plain, context, answer, recorded), daemon=True).start()


def _converse(plain, context, answer, recorded):
    plain.settimeout(PATIENCE)
    with suppress(OSError, ValueError), plain:
        connection = context.wrap_socket(plain, server_side=True) if context else plain
        with connection, connection.makefile("rb") as stream:
            while request := _read(stream):
                recorded.requests.append(request)
                reply = answer(request)
                if reply is None:
                    return
                for piece in [reply] if isinstance(reply, bytes) else reply:
                    connection.sendall(piece)


def _read(stream):
    line = stream.readline().decode("latin-1").strip()
    if not line:
        return None
    headers = {}
    for header in iter(lambda: stream.readline().decode("latin-1").strip(), ""):
        name, _, value = header.partition(":")
        headers[name.lower()] = value.strip()
    return Request(line, headers, stream.read(int(headers.get("content-length", "0"))))
