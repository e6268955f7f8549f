"""Defects of the TLS face: certificates nobody should trust, and handshakes that SQL Server can't complete."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from OpenSSL import SSL

from restoreproof.standins.certificates import Authority, Flaw, self_signed
from restoreproof.standins.proxy.defect import Defect
from restoreproof.standins.proxy.shapes import on_answer_head, on_front, on_request

if TYPE_CHECKING:
    from mitmproxy.http import HTTPFlow

    from restoreproof.standins.certificates import Leaf
    from restoreproof.standins.proxy.context import Context
    from restoreproof.standins.proxy.front import Front

__all__ = ["DEFECTS"]

_DAY = timedelta(days=1)


def _show(front: Front, leaf: Leaf, chain: str = "") -> None:
    front.chain, front.key = chain or leaf.chain, leaf.key


def _untrusted(front: Front) -> None:
    leaf = Authority("Foreign CA").leaf(*front.names)
    _show(front, leaf, leaf.chain_with_root)


def _missing_intermediate(front: Front) -> None:
    leaf = front.authority.intermediate().leaf(*front.names)
    _show(front, leaf, leaf.certificate)


def _wrong_host_name(front: Front) -> None:
    other = "storage.example.test"
    _show(front, front.authority.leaf(other, f"*.{other}", common_name=other))


def _common_name_only(front: Front) -> None:
    _show(front, front.authority.leaf(common_name=front.names[0]))


def _no_wildcard(front: Front) -> None:
    _show(front, front.authority.leaf(*(name for name in front.names if "*" not in name)))


def _expired(front: Front) -> None:
    _show(front, front.authority.leaf(*front.names, since=-45 * _DAY, until=-_DAY))


def _not_yet_valid(front: Front) -> None:
    _show(front, front.authority.leaf(*front.names, since=_DAY))


def _expires_soon(front: Front) -> None:
    _show(front, front.authority.leaf(*front.names, since=-43 * _DAY, until=2 * _DAY))


def _self_signed(front: Front) -> None:
    _show(front, self_signed(*front.names))


def _weak_key(front: Front) -> None:
    _show(front, front.authority.leaf(*front.names, flaw=Flaw.WEAK_KEY))


def _sha1_signature(front: Front) -> None:
    _show(front, front.authority.leaf(*front.names, flaw=Flaw.SHA1_SIGNATURE))


def _address_as_host(front: Front) -> None:
    front.host = front.names[-1]
    _show(front, front.authority.leaf(*front.names, flaw=Flaw.ADDRESSES_AS_HOSTS))


def _tls13_only(front: Front) -> None:
    front.oldest = SSL.TLS1_3_VERSION


def _offers_old_versions(front: Front) -> None:
    front.oldest = SSL.TLS1_VERSION


def _chacha20_only(front: Front) -> None:
    front.ciphers = "ECDHE+CHACHA20"


def _chokes_on_sessions(front: Front) -> None:
    front.chokes_on_sessions = True


def _refuses_server_names(front: Front) -> None:
    front.refuses_server_names = True


def _wants_http2(front: Front) -> None:
    front.wants_http2 = True


def _demand_alpn(_context: Context, flow: HTTPFlow) -> None:
    if not flow.client_conn.alpn:
        flow.kill()  # type: ignore[no-untyped-call]


def _close_after_each(_context: Context, flow: HTTPFlow) -> None:
    assert flow.response
    flow.response.headers["connection"] = "close"


def _demands_client_certificate(front: Front) -> None:
    front.demands_client_certificate = True


def _answers_plain_http(front: Front) -> None:
    front.answers_plain_http = True


DEFECTS = (
    Defect(
        "answers-plain-http",
        "The TLS port answers plain HTTP as well, so signatures and backups can cross the network in the clear.",
        "TLS-01.cleartext-refused",
        ("TLS-01.cleartext-refused",),
        on_front(_answers_plain_http),
    ),
    Defect(
        "server-name-refused",
        "The server knows itself by another name, and hangs up on clients that ask for the host of the URL (SNI).",
        "TLS-01.handshake",
        ("TLS-01.handshake", "TLS-10.tls12-offered", "TLS-13.no-client-certificate"),
        on_front(_refuses_server_names),
    ),
    Defect(
        "untrusted-certificate",
        "The certificate is signed by an authority that nobody was told to trust, and its root is sent along.",
        "TLS-02.chain-to-given-ca",
        ("TLS-02.chain-to-given-ca",),
        on_front(_untrusted),
    ),
    Defect(
        "self-signed-default",
        "The server still shows the self-signed certificate of its first start, which nobody was given.",
        "TLS-05.self-signed-is-given",
        ("TLS-02.chain-to-given-ca", "TLS-05.self-signed-is-given"),
        on_front(_self_signed),
    ),
    Defect(
        "weak-key",
        "The certificate's key is RSA with 1024 bits.",
        "TLS-02.strong-keys",
        ("TLS-02.strong-keys",),
        on_front(_weak_key),
    ),
    Defect(
        "sha1-signature",
        "The certificate is signed with SHA-1.",
        "TLS-02.strong-signatures",
        ("TLS-02.strong-signatures",),
        on_front(_sha1_signature),
    ),
    Defect(
        "missing-intermediate",
        "The certificate is signed by an intermediate authority whose certificate the server does not send.",
        "TLS-11.intermediates-sent",
        ("TLS-02.chain-to-given-ca", "TLS-11.intermediates-sent"),
        on_front(_missing_intermediate),
    ),
    Defect(
        "wrong-host-name",
        "The certificate is good, but for another host.",
        "TLS-03.host-name",
        ("TLS-03.host-name", "TLS-14.virtual-host-name"),
        on_front(_wrong_host_name),
    ),
    Defect(
        "common-name-only",
        "The certificate names its host in the common name and has no subject alternative name.",
        "TLS-03.host-name",
        ("TLS-03.host-name", "TLS-14.virtual-host-name"),
        on_front(_common_name_only),
    ),
    Defect(
        "address-as-host-name",
        "The URL has an IP address, and the certificate carries it as if it were a host name.",
        "TLS-04.address-among-names",
        ("TLS-03.host-name", "TLS-04.address-among-names"),
        on_front(_address_as_host),
    ),
    Defect(
        "tls13-only",
        "The server speaks TLS 1.3 and nothing older.",
        "TLS-10.tls12-offered",
        ("TLS-10.tls12-offered",),
        on_front(_tls13_only),
    ),
    Defect(
        "old-tls-versions",
        "The server still takes TLS 1.0 and 1.1.",
        "TLS-10.old-versions-refused",
        ("TLS-10.old-versions-refused",),
        on_front(_offers_old_versions),
    ),
    Defect(
        "chacha20-only",
        "Below TLS 1.3 the server takes ChaCha20 and no AES-GCM.",
        "TLS-10.mainstream-suites",
        ("TLS-10.mainstream-suites",),
        on_front(_chacha20_only),
    ),
    Defect(
        "chokes-on-sessions",
        "A client that comes back with the session of its last connection is turned away.",
        "TLS-10.session-resumed",
        ("TLS-10.session-resumed",),
        on_front(_chokes_on_sessions),
    ),
    Defect(
        "expired-certificate",
        "The certificate ended yesterday.",
        "TLS-12.not-expired",
        ("TLS-12.not-expired",),
        on_front(_expired),
    ),
    Defect(
        "not-yet-valid-certificate",
        "The certificate starts tomorrow.",
        "TLS-12.already-valid",
        ("TLS-12.already-valid",),
        on_front(_not_yet_valid),
    ),
    Defect(
        "expires-in-two-days",
        "The certificate ends in two days, and nobody has renewed it.",
        "TLS-12.expiry-margin",
        ("TLS-12.expiry-margin",),
        on_front(_expires_soon),
    ),
    Defect(
        "demands-client-certificate",
        "The server wants a certificate from its clients, and SQL Server has none to show.",
        "TLS-13.no-client-certificate",
        ("TLS-10.tls12-offered", "TLS-13.no-client-certificate"),
        on_front(_demands_client_certificate),
    ),
    Defect(
        "no-wildcard-name",
        "Virtual-host addressing is offered, but the certificate covers no bucket's host name.",
        "TLS-14.virtual-host-name",
        (
            "TLS-14.virtual-host-name",
            "URL-03.virtual-host",
            "URL-03.virtual-host-list",
            "URL-03.virtual-host-multipart",
            "URL-03.virtual-host-range",
            "URL-04.one-object-by-either-style",
        ),
        on_front(_no_wildcard),
    ),
    Defect(
        "wants-http2",
        "A client that offers HTTP/1.1 by ALPN and no HTTP/2 is turned away.",
        "WIRE-10.http1-by-alpn",
        ("TLS-13.no-client-certificate", "WIRE-10.http1-by-alpn"),
        on_front(_wants_http2),
    ),
    Defect(
        "demands-alpn",
        "A client that offers no protocol by ALPN gets no answer.",
        "WIRE-10.without-alpn",
        ("WIRE-10.without-alpn",),
        on_request(_demand_alpn),
    ),
    Defect(
        "closes-after-each-answer",
        "The server closes the connection after every answer.",
        "WIRE-10.keep-alive",
        ("WIRE-10.keep-alive", "WIRE-10.keep-alive-after-errors"),
        on_answer_head(_close_after_each),
    ),
)
