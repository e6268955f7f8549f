"""The TLS face of the proxy: what it shows to clients, and whom it believes upstream."""

from __future__ import annotations

import ipaddress
import ssl
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from cryptography import x509
from OpenSSL import SSL

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from OpenSSL.crypto import X509

    from restoreproof.standins.certificates import Authority

__all__ = [
    "Front",
    "address_of",
    "node_at",
    "server_context",
    "turning_away",
    "upstream_connection",
    "upstream_context",
]

_HTTP1, _HTTP2 = b"http/1.1", b"h2"


@dataclass
class Front:
    """What clients meet; TLS defects alter it before the first of them comes.

    :ivar names: what a good certificate covers: host, domain, wildcard, address.
    :ivar host: what the URL names that clients are given; the store's own host when empty.
    :ivar chain: the certificates that are sent, leaf first, PEM.
    :ivar oldest: the oldest protocol version taken, an ``OpenSSL.SSL.TLS1_x_VERSION``.
    :ivar ciphers: OpenSSL's words for what is taken below TLS 1.3.
    :ivar chokes_on_sessions: a client that comes back with a session is turned away.
    :ivar refuses_server_names: a client that says whom it wants (SNI) is turned away.
    :ivar wants_http2: a client that offers protocols by ALPN and no HTTP/2 is turned away.
    """

    authority: Authority
    names: tuple[str, ...]
    host: str = ""
    chain: str = field(init=False)
    key: str = field(init=False, repr=False)
    oldest: int = SSL.TLS1_2_VERSION
    ciphers: str = "DEFAULT"
    demands_client_certificate: bool = False
    chokes_on_sessions: bool = False
    refuses_server_names: bool = False
    wants_http2: bool = False
    answers_plain_http: bool = False

    def __post_init__(self) -> None:
        leaf = self.authority.leaf(*self.names, common_name=self.names[0])
        self.chain, self.key = leaf.chain, leaf.key

    def turns_away(self, name: str | None, protocols: Sequence[bytes]) -> bool:
        """Tell whether a client is unwelcome that asks for this server name and offers these protocols by ALPN."""
        named = self.refuses_server_names and bool(name)
        return named or (self.wants_http2 and bool(protocols) and _HTTP2 not in protocols)


def address_of(node: int) -> str:
    """Give the loopback address on which a node listens: addresses differ, so that ports can be any."""
    return f"127.0.0.{node + 1}"


def node_at(place: tuple[object, ...]) -> int:
    """Tell the node by the address (and port) at which a client was met."""
    return int(str(place[0]).rpartition(".")[2]) - 1


def server_context(front: Front, folder: Path) -> SSL.Context:
    """Build the context that all connections to a node share; key and chain lie in `folder`."""
    context = SSL.Context(SSL.TLS_SERVER_METHOD)
    context.set_min_proto_version(front.oldest)
    context.set_cipher_list(f"{front.ciphers}:@SECLEVEL=0".encode())  # weak keys and old versions are ours to forbid
    context.use_certificate_chain_file(str(_written(folder / "chain.pem", front.chain)))
    context.use_privatekey_file(str(_written(folder / "key.pem", front.key)))
    context.set_alpn_select_callback(_choose_http1)  # type: ignore[arg-type]  # its hints forget the answer
    if (
        front.chokes_on_sessions
    ):  # servers that may ask for certificates have to name their sessions, and this one does not
        context.set_verify(SSL.VERIFY_PEER, _every_client_is_good_enough)
    else:
        context.set_session_id(b"restoreproof")
    if front.demands_client_certificate:
        context.set_verify(SSL.VERIFY_PEER | SSL.VERIFY_FAIL_IF_NO_PEER_CERT, _no_client_is_good_enough)
    return context


def turning_away() -> SSL.Context:
    """Build the context of a server that ends every handshake with an alert, for it has no certificate to show."""
    return SSL.Context(SSL.TLS_SERVER_METHOD)


def upstream_context(host: str, ca: Path | None) -> SSL.Context:
    """Build the context that all connections to the store share: it believes `ca`, or the system, and checks `host`."""
    context = SSL.Context(SSL.TLS_CLIENT_METHOD)
    context.set_min_proto_version(SSL.TLS1_2_VERSION)
    if ca is None:
        paths = ssl.get_default_verify_paths()
        context.load_verify_locations(paths.cafile, paths.capath)
    else:
        context.load_verify_locations(str(ca))
    store = context.get_cert_store()
    if store is not None:
        store.set_flags(0x80000)  # X509_V_FLAG_PARTIAL_CHAIN: a client may be given the server's certificate itself
    context.set_alpn_protos([_HTTP1])

    def believe(_connection: SSL.Connection, certificate: X509, _error: int, depth: int, verified: int) -> bool:
        return bool(verified) and (depth > 0 or _covers(certificate, host))

    context.set_verify(SSL.VERIFY_PEER, believe)
    return context


def upstream_connection(context: SSL.Context, host: str) -> SSL.Connection:
    """Start a client's side of a handshake, in memory."""
    connection = SSL.Connection(context)
    if not _is_address(host):
        connection.set_tlsext_host_name(host.encode("idna"))
    connection.set_connect_state()
    return connection


def _covers(certificate: X509, host: str) -> bool:
    """Compare with the SAN alone; service-identity stumbles over a wildcard where the host is a single label."""
    try:
        names = certificate.to_cryptography().extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return False
    if _is_address(host):
        return ipaddress.ip_address(host) in names.get_values_for_type(x509.IPAddress)
    label, _, parent = host.lower().partition(".")
    dns = {name.lower() for name in names.get_values_for_type(x509.DNSName)}
    return host.lower() in dns or bool(label and parent and f"*.{parent}" in dns)


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _choose_http1(_connection: SSL.Connection, offered: list[bytes]) -> bytes | object:
    return _HTTP1 if _HTTP1 in offered else SSL.NO_OVERLAPPING_PROTOCOLS


def _every_client_is_good_enough(*_: object) -> bool:
    return True


def _no_client_is_good_enough(*_: object) -> bool:
    return False


def _written(path: Path, pem: str) -> Path:
    path.touch(mode=0o600)
    path.write_text(pem, encoding="ascii")
    return path
