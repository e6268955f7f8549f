"""The store behind the proxy, and the proxy's own requests to it."""

from __future__ import annotations

import asyncio
import http.client
import socket
import ssl
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from urllib.parse import quote, urlsplit

from restoreproof.standins.signature import UNSIGNED, Signable, authorization, scope_of

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Keys", "Reply", "Upstream", "stamp_now"]

_SECONDS = 30
_NAMES = ("host", "x-amz-content-sha256", "x-amz-date")

Keys = dict[str, tuple[str, str]]


@dataclass(frozen=True)
class Reply:
    """Status and body of an answer to the proxy's own request."""

    status: int
    body: bytes


@dataclass(frozen=True)
class Upstream:
    """A store: where it is, whom it believes, and how to ask it something ourselves.

    :ivar ca: PEM of the authority to trust; None for the system's.
    :ivar nodes: what to connect to, address and port of each node; the host itself where names resolve.
    """

    host: str
    port: int
    nodes: tuple[tuple[str, int], ...]
    ca: str | None
    region: str
    keys: Keys = field(repr=False)

    @classmethod
    def read(cls, settings: Mapping[str, object], keys: Keys) -> Upstream:
        """Read the `upstream` settings.

        :raises ValueError: the URL is none that TLS can be spoken to.
        """
        url = urlsplit(str(settings["url"]))
        if url.scheme != "https" or not url.hostname:
            raise ValueError("The proxy stands before an https:// URL with a host name.")
        addresses = settings.get("addresses") or [url.hostname]
        assert isinstance(addresses, list)
        port = url.port or 443
        ca = settings.get("ca")
        return cls(
            url.hostname,
            port,
            tuple(_place(str(address), port) for address in addresses),
            str(ca) if ca else None,
            str(settings["region"]),
            keys,
        )

    @property
    def netloc(self) -> str:
        """Host and port as a Host header says them."""
        return self.host if self.port == 443 else f"{self.host}:{self.port}"  # noqa: PLR2004 - the port of https

    async def ask(self, method: str, bucket: str, key: str = "", query: str = "", role: str = "housekeeping") -> Reply:
        """Send one path-style request without a body, signed by `role`, from a thread of its own."""
        return await asyncio.to_thread(self._ask, method, quote(f"/{bucket}/{key}".rstrip("/"), safe="/~"), query, role)

    def _ask(self, method: str, path: str, query: str, role: str) -> Reply:
        stamp = stamp_now()
        headers = {"host": self.netloc, "x-amz-content-sha256": UNSIGNED, "x-amz-date": stamp}
        signable = Signable(method, path, query, headers)
        headers["authorization"] = authorization(signable, _NAMES, scope_of(stamp, self.region), self.keys[role])
        headers["content-length"] = "0"
        connection = self._connect()
        try:
            connection.request(method, f"{path}?{query}" if query else path, headers=headers)
            response = connection.getresponse()
            return Reply(response.status, response.read())
        finally:
            connection.close()

    def _connect(self) -> http.client.HTTPSConnection:
        context = ssl.create_default_context(cadata=self.ca)
        context.verify_flags = ssl.VERIFY_X509_TRUSTED_FIRST | ssl.VERIFY_X509_PARTIAL_CHAIN
        connection = http.client.HTTPSConnection(self.host, self.port, timeout=_SECONDS)
        plain = socket.create_connection(self.nodes[0], _SECONDS)
        connection.sock = context.wrap_socket(plain, server_hostname=self.host)
        return connection


def _place(address: str, port: int) -> tuple[str, int]:
    """Read `HOST`, `HOST:PORT` or `[IPV6]:PORT`; `port` where none is named."""
    if address.count(":") > 1 and not address.startswith("["):
        return address, port
    parts = urlsplit(f"//{address}")
    return parts.hostname or address, parts.port or port


def stamp_now() -> str:
    """Give the present time as signatures carry it."""
    return datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
