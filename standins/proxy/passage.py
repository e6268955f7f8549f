"""The way through: what the proxy does when no defect says otherwise, which is nothing that either side can see."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from OpenSSL import SSL

from restoreproof.standins.proxy.context import HOLD_ANSWER, HOLD_REQUEST
from restoreproof.standins.proxy.front import node_at, upstream_connection

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from mitmproxy.http import HTTPFlow
    from mitmproxy.proxy.server_hooks import ServerConnectionHookData
    from mitmproxy.tls import ClientHelloData, TlsData

__all__ = ["Doorman", "Passage"]


@dataclass
class Doorman:
    """Shakes hands on both sides and turns away who speaks plain HTTP; stands before all defects.

    :ivar towards_clients: what each node shows, the first node first; likewise `answers_plain_http`.
    """

    towards_clients: Sequence[SSL.Context]
    towards_store: SSL.Context
    store: str
    answers_plain_http: Sequence[bool]
    when_ready: Callable[[], None]
    name = "doorman"

    def running(self) -> None:
        """Say that the port is open."""
        self.when_ready()

    def tls_clienthello(self, hello: ClientHelloData) -> None:
        """Answer the client first: the store is asked when there is something to ask."""
        hello.establish_server_tls_first = False

    def tls_start_client(self, start: TlsData) -> None:
        """Show the certificate of the node that the client came to."""
        start.ssl_conn = SSL.Connection(self.towards_clients[node_at(start.context.client.sockname)])
        start.ssl_conn.set_accept_state()

    def tls_start_server(self, start: TlsData) -> None:
        """Check the store's certificate for the store's own name, whatever name the client used."""
        start.ssl_conn = upstream_connection(self.towards_store, self.store)

    def server_connect(self, connection: ServerConnectionHookData) -> None:
        """Name the store in messages by its name and not by its address."""
        connection.server.sni = self.store

    def requestheaders(self, flow: HTTPFlow) -> None:
        """Drop what did not come over TLS."""
        if not (flow.client_conn.tls_established or self.answers_plain_http[node_at(flow.client_conn.sockname)]):
            flow.kill()  # type: ignore[no-untyped-call]


@dataclass
class Passage:
    """Lets every body stream that no defect wants to see whole; stands behind all defects."""

    name = "passage"

    def requestheaders(self, flow: HTTPFlow) -> None:
        """Stream the request, unless it is held or answered already."""
        flow.request.stream = flow.response is None and HOLD_REQUEST not in flow.metadata

    def responseheaders(self, flow: HTTPFlow) -> None:
        """Stream the answer, unless it is held."""
        assert flow.response
        flow.response.stream = HOLD_ANSWER not in flow.metadata
