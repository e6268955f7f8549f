"""Writes down what SQL Server sends, a JSON line for each request: never a key, a signature or a byte of a body."""

from __future__ import annotations

import json
import re
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TextIO

if TYPE_CHECKING:
    from pathlib import Path

    from mitmproxy.http import HTTPFlow
    from mitmproxy.tls import ClientHelloData

    from restoreproof.standins.proxy.context import Context

__all__ = ["Census"]

_SCOPE = re.compile(r"Credential=[^/]+/(\d+)/([^/]*)/([^/]*)/")
_SHOWN = ("user-agent", "expect", "range", "content-length", "content-encoding", "accept", "connection")
_HASHES = {"UNSIGNED-PAYLOAD", "STREAMING-AWS4-HMAC-SHA256-PAYLOAD", "STREAMING-UNSIGNED-PAYLOAD-TRAILER"}


@dataclass
class Census:
    """Observes every exchange.

    :ivar path: where the lines go; each is written when its answer is over, or the connection is.
    """

    context: Context
    path: Path
    hello: dict[str, Any] = field(default_factory=dict)
    name = "census"
    _file: TextIO | None = None

    def tls_clienthello(self, hello: ClientHelloData) -> None:
        """What the client offers in its handshake."""
        said = hello.client_hello
        self.hello = {"sni": said.sni, "alpn": [offer.decode("latin-1") for offer in said.alpn_protocols]}

    def response(self, flow: HTTPFlow) -> None:
        """An exchange that came to its end."""
        self._write(flow, flow.response.status_code if flow.response else 0)

    def error(self, flow: HTTPFlow) -> None:
        """An exchange that was broken off."""
        self._write(flow, 0)

    def _write(self, flow: HTTPFlow, status: int) -> None:
        if self._file is None:
            self._file = self.path.open("a", encoding="utf-8", newline="\n")
        self._file.write(json.dumps(self._line(flow, status)) + "\n")
        self._file.flush()

    def _line(self, flow: HTTPFlow, status: int) -> dict[str, Any]:
        asked, operation = flow.request, self.context.operation(flow)
        headers = asked.headers
        scope = _SCOPE.search(headers.get("authorization", ""))
        payload = headers.get("x-amz-content-sha256", "")
        return {
            "began": round(asked.timestamp_start, 4),
            "ended": round(time.time(), 4),
            "connection": flow.client_conn.id,
            "method": asked.method,
            "operation": operation.kind.value,
            "bucket": operation.bucket,
            "key": operation.key,
            "virtual": operation.virtual,
            "query": sorted(operation.query),
            "part": operation.part,
            "raw_path": asked.path.partition("?")[0],
            "status": status,
            "headers": sorted(name.lower() for name in headers),
            "shown": {name: headers[name] for name in _SHOWN if name in headers},
            "payload": payload if payload in _HASHES else ("sha256" if payload else ""),
            "signed_in": "header" if scope else "query" if "X-Amz-Signature" in operation.query else "nowhere",
            "region": scope[2] if scope else "",
            "service": scope[3] if scope else "",
            "http": asked.http_version,
            "tls": {"version": flow.client_conn.tls_version, **self.hello},
        }
