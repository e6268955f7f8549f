"""Certificates as administrators make them: those that SQL Server's platforms accept, and each kind they refuse."""

from __future__ import annotations

import ipaddress
import subprocess
import tempfile
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import trustme
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

CHAIN, SENT = "TLS-02.chain-to-given-ca", "TLS-11.intermediates-sent"
NAME, VIRTUAL = "TLS-03.host-name", "TLS-14.virtual-host-name"
EXPIRED, PREMATURE = "TLS-12.not-expired", "TLS-12.already-valid"
OPEN_TO_ALL, TLS12, CLEAR = "TLS-13.no-client-certificate", "TLS-10.tls12-offered", "TLS-01.cleartext-refused"
CHECKS = (CHAIN, NAME, EXPIRED, PREMATURE, OPEN_TO_ALL, SENT, TLS12, VIRTUAL, CLEAR)

DOMAIN = "s3.localhost"
NAMES = ("localhost", DOMAIN, f"*.{DOMAIN}")
DAY = timedelta(days=1)


@dataclass(frozen=True)
class Example:
    """What a client is given (ca, host, domain), what a server shows (chain, key), and the checks that turn red."""

    ca: str
    chain: str
    key: str
    host: str = "localhost"
    domain: str = DOMAIN
    red: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Certified:
    """A certificate with its key: of a server, or of an authority that can sign."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey

    @property
    def pem(self):
        return self.certificate.public_bytes(Encoding.PEM).decode()

    @property
    def key_pem(self):
        return self.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


@dataclass(frozen=True)
class Order:
    """What to write into a certificate; as a careful authority would, unless said otherwise."""

    names: tuple[str, ...] = NAMES
    common_name: str = "localhost"
    authority: bool = False
    since: timedelta = -10 * DAY
    until: timedelta = 30 * DAY
    key_usage: bool = True
    extended: x509.ObjectIdentifier | None = ExtendedKeyUsageOID.SERVER_AUTH
    authority_key: bool = True
    critical_names: bool = False
    key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey = field(
        default_factory=lambda: ec.generate_private_key(ec.SECP256R1())
    )

    def signed_by(self, issuer: Certified | None = None) -> Certified:
        """The certificate, signed by an issuer or, without one, by its own key."""
        now = datetime.now(UTC)
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, self.common_name)])
        signer = issuer.key if issuer else self.key
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(issuer.certificate.subject if issuer else subject)
            .public_key(self.key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now + self.since)
            .not_valid_after(now + self.until)
            .add_extension(x509.BasicConstraints(ca=self.authority, path_length=None), critical=True)
        )
        for extension, critical in self._extensions(signer):
            builder = builder.add_extension(extension, critical)
        return Certified(builder.sign(signer, hashes.SHA256()), self.key)

    def _extensions(self, signer):
        if self.authority_key:
            yield x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), False
        if self.key_usage:
            yield _usage(self.authority), True
        if self.authority:
            yield x509.SubjectKeyIdentifier.from_public_key(self.key.public_key()), False
            return
        if self.extended:
            yield x509.ExtendedKeyUsage([self.extended]), False
        if self.names:
            yield x509.SubjectAlternativeName([_general(name) for name in self.names]), self.critical_names


def authority(name="Example root CA", issuer=None, **order):
    return Order(common_name=name, authority=True, **order).signed_by(issuer)


def leaf(issuer, **order):
    return Order(**order).signed_by(issuer)


def _shown(root, shown, *others, red=(), **client):
    chain = "".join(certified.pem for certified in (shown, *others))
    return Example(root.pem, chain, shown.key_pem, red=frozenset(red), **client)


def _usage(signs):
    return x509.KeyUsage(not signs, False, not signs, False, False, signs, signs, False, False)


def _general(name):
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _openssl(common_name, *extensions):
    """What `openssl req -x509` makes on the command line, where it adds no key usage of its own accord."""
    with tempfile.TemporaryDirectory() as folder:
        key, made = Path(folder) / "key.pem", Path(folder) / "made.pem"
        words = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 30"
        added = [word for extension in extensions for word in ("-addext", extension)]
        command = [*words.split(), "-subj", f"/CN={common_name}", "-keyout", str(key), "-out", str(made), *added]
        subprocess.run(command, check=True, capture_output=True, timeout=60)
        return Certified(
            x509.load_pem_x509_certificate(made.read_bytes()), load_pem_private_key(key.read_bytes(), password=None)
        )


def by_trustme():
    made = trustme.CA()
    shown = made.issue_cert(*NAMES)
    chain = "".join(blob.bytes().decode() for blob in shown.cert_chain_pems)
    return Example(made.cert_pem.bytes().decode(), chain, shown.private_key_pem.bytes().decode())


def under_plain_openssl_root():
    root = _openssl("Example root CA")
    return _shown(root, leaf(root))


def self_signed_by_openssl():
    shown = _openssl("localhost", f"subjectAltName={','.join(f'DNS:{name}' for name in NAMES)}")
    return _shown(shown, shown)


def self_signed_and_no_authority():
    shown = Order().signed_by()
    return _shown(shown, shown)


def with_intermediate():
    root = authority()
    middle = authority("Example issuing CA", root)
    return _shown(root, leaf(middle), middle)


def with_intermediate_and_root():
    root = authority()
    middle = authority("Example issuing CA", root)
    return _shown(root, leaf(middle), middle, root)


def plain(**order):
    root = authority()
    return _shown(root, leaf(root, **order))


def of_an_address():
    root = authority()
    return _shown(root, leaf(root, names=("127.0.0.1",)), host="127.0.0.1", domain="")


def under_one_of_several():
    root, others = authority(), [authority(f"Other CA {number}") for number in range(3)]
    shown = leaf(root)
    return Example("".join(ca.pem for ca in (*others, root)), shown.pem, shown.key_pem)


def in_odd_order_with_a_stranger():
    root = authority()
    upper = authority("Example policy CA", root)
    middle = authority("Example issuing CA", upper)
    return _shown(root, leaf(middle), authority("Unrelated CA"), upper, middle)


def given_itself():
    """SQL Server may be given the server's own certificate instead of its CA's."""
    shown = leaf(authority())
    return _shown(shown, shown)


def given_the_intermediate():
    middle = authority("Example issuing CA", authority())
    return _shown(middle, leaf(middle))


GOOD = {
    "trustme": by_trustme,
    "root-of-plain-openssl": under_plain_openssl_root,
    "self-signed-by-openssl": self_signed_by_openssl,
    "self-signed-and-no-authority": self_signed_and_no_authority,
    "intermediate-sent": with_intermediate,
    "root-sent-too": with_intermediate_and_root,
    "no-authority-key-id": lambda: plain(authority_key=False),
    "no-key-usage": lambda: plain(key_usage=False),
    "no-extended-key-usage": lambda: plain(extended=None),
    "rsa-2048": lambda: plain(key=rsa.generate_private_key(65537, 2048)),
    "critical-names": lambda: plain(critical_names=True),
    "address-only": of_an_address,
    "several-authorities": under_one_of_several,
    "odd-order-with-a-stranger": in_odd_order_with_a_stranger,
    "given-itself": given_itself,
    "given-the-intermediate": given_the_intermediate,
}


def bad(*red, **order):
    root = authority()
    return _shown(root, leaf(root, **order), red=red)


def under_expired_intermediate():
    root = authority()
    middle = authority("Example issuing CA", root, since=-40 * DAY, until=-20 * DAY)
    return _shown(root, leaf(middle), middle, red=[EXPIRED])


def under_expired_root():
    """The root is not sent, so what is wrong is the trust that the client was given."""
    root = authority(since=-40 * DAY, until=-20 * DAY)
    return _shown(root, leaf(root), red=[CHAIN])


def under_foreign_authority():
    root = authority("Foreign CA")
    return _shown(authority(), leaf(root), root, red=[CHAIN])


def under_impostor_of_the_authority():
    return _shown(authority(), leaf(authority()), red=[CHAIN])


def without_its_intermediate():
    root = authority()
    return _shown(root, leaf(authority("Example issuing CA", root)), red=[CHAIN, SENT])


def under_no_authority():
    """A server's certificate that signs another one: whoever holds any certificate could."""
    root = authority()
    other = leaf(root, names=("other.example.test",), common_name="other.example.test")
    return _shown(root, leaf(other), other, red=[CHAIN])


def of_another_address():
    root = authority()
    return _shown(root, leaf(root, names=("127.0.0.2", *NAMES)), host="127.0.0.1", domain="", red=[NAME])


def self_signed_and_not_trusted():
    return _shown(authority(), Order().signed_by(), red=[CHAIN])


BAD = {
    "expired": lambda: bad(EXPIRED, until=-DAY),
    "expired-intermediate": under_expired_intermediate,
    "expired-root": under_expired_root,
    "not-yet-valid": lambda: bad(PREMATURE, since=DAY),
    "foreign-authority": under_foreign_authority,
    "impostor-of-the-authority": under_impostor_of_the_authority,
    "intermediate-not-sent": without_its_intermediate,
    "signed-by-no-authority": under_no_authority,
    "another-host": lambda: bad(NAME, VIRTUAL, names=("storage.example.test",)),
    "common-name-only": lambda: bad(NAME, VIRTUAL, names=()),
    "another-address": of_another_address,
    "self-signed-and-not-trusted": self_signed_and_not_trusted,
    "for-clients-only": lambda: bad(CHAIN, extended=ExtendedKeyUsageOID.CLIENT_AUTH),
}
