"""The smallest S3 endpoint behind one certificate: it refuses strangers and, to whoever signs, lists nothing."""

from __future__ import annotations

import ssl
import tempfile
import warnings
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING

from restoreproof.fixtures.endpoints import Endpoint

if TYPE_CHECKING:
    from collections.abc import Iterator

    from certificate_examples import Example

REFUSAL = b"<?xml version='1.0'?><Error><Code>AccessDenied</Code><Message>no</Message></Error>"
NOTHING = b"<?xml version='1.0'?><Result><IsTruncated>false</IsTruncated></Result>"


class _Answers(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 20

    def do_GET(self):
        signed = "Authorization" in self.headers
        body = NOTHING if signed else REFUSAL
        self.send_response(200 if signed else 403)
        self.send_header("Content-Type", "application/xml")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        """Say nothing."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, context):
        self.context = context
        super().__init__(("127.0.0.1", 0), _Answers)

    def finish_request(self, request, client_address):
        """Shake hands in the connection's own thread; a client that hangs up in the middle is no event."""
        request.settimeout(20)
        with suppress(OSError), self.context.wrap_socket(request, server_side=True) as wrapped:
            super().finish_request(wrapped, client_address)


def server_context(example: Example) -> ssl.SSLContext:
    """What the example shows and takes, whatever the OpenSSL of this machine thinks of it."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.set_ciphers(f"{example.ciphers}:@SECLEVEL=0")
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings(category=DeprecationWarning, action="ignore"):
        context.maximum_version = ssl.TLSVersion[example.newest]
        context.minimum_version = ssl.TLSVersion[example.oldest]
        pem = Path(folder) / "chain-and-key.pem"
        pem.write_text(example.chain + example.key, encoding="ascii")
        context.load_cert_chain(pem)
    return context


@contextmanager
def serving(example: Example, context: ssl.SSLContext | None = None) -> Iterator[Endpoint]:
    """A running server that presents the example's chain, as an endpoint with the example's trust."""
    context = context or server_context(example)
    with _Server(context) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield _endpoint(example, server.server_port)
        finally:
            server.shutdown()
            thread.join()


def _endpoint(example: Example, port: int) -> Endpoint:
    return Endpoint(
        url=f"https://{example.host}:{port}",
        ca=example.ca,
        region="us-east-1",
        style="path",
        domain=example.domain,
        addresses=("127.0.0.1",),
        bucket="sqlbackups",
        keys={},
        kind="url",
    )
