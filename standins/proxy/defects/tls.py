"""Defects of the TLS face: certificates nobody should trust, and handshakes that SQL Server can't complete."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from restoreproof.standins.certificates import Authority
from restoreproof.standins.proxy.defect import Defect
from restoreproof.standins.proxy.shapes import on_front

if TYPE_CHECKING:
    from restoreproof.standins.certificates import Leaf
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


def _tls13_only(front: Front) -> None:
    front.tls13_only = True


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
        "untrusted-certificate",
        "The certificate is signed by an authority that nobody was told to trust, and its root is sent along.",
        "TLS-02.chain-to-given-ca",
        ("TLS-02.chain-to-given-ca",),
        on_front(_untrusted),
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
        "tls13-only",
        "The server speaks TLS 1.3 and nothing older.",
        "TLS-10.tls12-offered",
        ("TLS-10.tls12-offered",),
        on_front(_tls13_only),
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
        ("TLS-14.virtual-host-name", "URL-03.virtual-host"),
        on_front(_no_wildcard),
    ),
)
