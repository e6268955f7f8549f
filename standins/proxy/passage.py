"""The way through: what the proxy does when no defect says otherwise, which is nothing that either side can see."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from OpenSSL import SSL

from restoreproof.standins.proxy.context import HOLD_ANSWER, HOLD_REQUEST
from restoreproof.standins.proxy.front import node_at, turning_away, upstream_connection

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from mitmproxy.http import HTTPFlow
    from mitmproxy.proxy.server_hooks import ServerConnectionHookData
    from mitmproxy.tls import ClientHelloData, TlsData

    from restoreproof.standins.proxy.front import Front

__all__ = ["Doorman", "Passage"]


@dataclass
class Doorman:
    """Shakes hands on both sides and turns away who speaks plain HTTP; stands before all defects.

    :ivar fronts: what each node shows, the first node first; `towards_clients` makes it seen.
    """

    fronts: Sequence[Front]
    towards_clients: Sequence[SSL.Context]
    towards_store: SSL.Context
    store: str
    when_ready: Callable[[], None]
    name = "doorman"

    def running(self) -> None:
        """Say that the port is open."""
        self.when_ready()

    def tls_clienthello(self, hello: ClientHelloData) -> None:
        """Answer the client first: the store is asked when there is something to ask."""
        hello.establish_server_tls_first = False

    def tls_start_client(self, start: TlsData) -> None:
        """Show the certificate of the node that the client came to, unless the client is none it wants."""
        client = start.context.client
        node = node_at(client.sockname)
        wanted = not self.fronts[node].turns_away(client.sni, client.alpn_offers)
        start.ssl_conn = SSL.Connection(self.towards_clients[node] if wanted else turning_away())
        start.ssl_conn.set_accept_state()

    def tls_start_server(self, start: TlsData) -> None:
        """Check the store's certificate for the store's own name, whatever name the client used."""
        start.ssl_conn = upstream_connection(self.towards_store, self.store)

    def server_connect(self, connection: ServerConnectionHookData) -> None:
        """Name the store in messages by its name and not by its address."""
        connection.server.sni = self.store

    def requestheaders(self, flow: HTTPFlow) -> None:
        """Drop what did not come over TLS."""
        front = self.fronts[node_at(flow.client_conn.sockname)]
        if not (flow.client_conn.tls_established or front.answers_plain_http):
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
