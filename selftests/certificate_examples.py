"""Certificates as administrators make them: those that SQL Server's platforms accept, and each kind they refuse."""

from __future__ import annotations

import ipaddress
import subprocess
import tempfile
import warnings
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
from OpenSSL import crypto

CHAIN, SENT = "TLS-02.chain-to-given-ca", "TLS-11.intermediates-sent"
NAME, VIRTUAL = "TLS-03.host-name", "TLS-14.virtual-host-name"
EXPIRED, PREMATURE = "TLS-12.not-expired", "TLS-12.already-valid"
OPEN_TO_ALL, TLS12, CLEAR = "TLS-13.no-client-certificate", "TLS-10.tls12-offered", "TLS-01.cleartext-refused"
HANDSHAKE, SELF_SIGNED, ADDRESS = "TLS-01.handshake", "TLS-05.self-signed-is-given", "TLS-04.address-among-names"
KEYS, SIGNATURES, MARGIN = "TLS-02.strong-keys", "TLS-02.strong-signatures", "TLS-12.expiry-margin"
SUITES, OLD, RESUMED = "TLS-10.mainstream-suites", "TLS-10.old-versions-refused", "TLS-10.session-resumed"
BY_ALPN, NO_ALPN = "WIRE-10.http1-by-alpn", "WIRE-10.without-alpn"
CHECKS = (
    *(HANDSHAKE, CHAIN, SELF_SIGNED, KEYS, SIGNATURES, NAME, ADDRESS, EXPIRED, PREMATURE, MARGIN, OPEN_TO_ALL, SENT),
    *(TLS12, SUITES, OLD, RESUMED, VIRTUAL, CLEAR, BY_ALPN, NO_ALPN),
)

DOMAIN = "s3.localhost"
NAMES = ("localhost", DOMAIN, f"*.{DOMAIN}")
DAY = timedelta(days=1)


@dataclass(frozen=True)
class Example:
    """What a client is given (ca, host, domain), what a server shows (chain, key), and the checks that turn red.

    `oldest`, `newest` (as in `ssl.TLSVersion`) and `ciphers` are what the server takes.
    """

    ca: str
    chain: str
    key: str
    host: str = "localhost"
    domain: str = DOMAIN
    red: frozenset[str] = frozenset()
    oldest: str = "TLSv1_2"
    newest: str = "TLSv1_3"
    ciphers: str = "DEFAULT"


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
    hosts: tuple[str, ...] = ()
    digest: str = "sha256"
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
        made = builder.sign(signer, hashes.SHA256())
        if self.digest != "sha256":  # cryptography refuses to make weak signatures, OpenSSL makes them
            again = crypto.X509.from_cryptography(made)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", DeprecationWarning)  # what it points to refuses weak digests
                again.sign(crypto.PKey.from_cryptography_key(signer), self.digest)
            made = again.to_cryptography()
        return Certified(made, self.key)

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
            names = [*(_general(name) for name in self.names), *(x509.DNSName(host) for host in self.hosts)]
            yield x509.SubjectAlternativeName(names), self.critical_names


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


def of_an_address_in_another_spelling():
    root = authority()
    return _shown(root, leaf(root, names=("::1",)), host="[0:0:0:0:0:0:0:1]", domain="")


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


def under_a_root_that_signed_itself_with_sha1():
    """Nobody relies on what a root signs for itself."""
    root = authority(digest="sha1")
    return _shown(root, leaf(root), root)


def with_an_address_as_host_too():
    """A mistake of many, which spoils none of the right names beside it."""
    root = authority()
    order = Order(names=("127.0.0.1", *NAMES), hosts=("127.0.0.1",))
    return _shown(root, order.signed_by(root), host="127.0.0.1")


def under(key, *red):
    """A certificate that an intermediate with this key has signed."""
    root = authority()
    middle = authority("Example issuing CA", root, key=key)
    return _shown(root, leaf(middle), middle, red=red)


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
    "address-spelt-out": of_an_address_in_another_spelling,
    "several-authorities": under_one_of_several,
    "odd-order-with-a-stranger": in_odd_order_with_a_stranger,
    "given-itself": given_itself,
    "given-the-intermediate": given_the_intermediate,
    "rsa-4096": lambda: plain(key=rsa.generate_private_key(65537, 4096)),
    "p-384": lambda: plain(key=ec.generate_private_key(ec.SECP384R1())),
    "p-224-above": lambda: under(ec.generate_private_key(ec.SECP224R1())),
    "sha-384": lambda: plain(digest="sha384"),
    "root-signed-by-itself-with-sha1": under_a_root_that_signed_itself_with_sha1,
    "address-as-host-too": with_an_address_as_host_too,
    "short-life": lambda: plain(since=-2 * DAY, until=4 * DAY),
    "two-weeks-and-a-bit": lambda: plain(since=-350 * DAY, until=15 * DAY),
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
    return _shown(root, leaf(root, names=("127.0.0.2", *NAMES)), host="127.0.0.1", domain="", red=[NAME, ADDRESS])


def self_signed_and_not_trusted():
    return _shown(authority(), Order().signed_by(), red=[CHAIN, SELF_SIGNED])


def self_signed_again():
    """Renewed with the old key under the old name, while SQL Server still trusts the old one."""
    old = Order(since=-300 * DAY).signed_by()
    return _shown(old, Order(key=old.key).signed_by(), red=[CHAIN, SELF_SIGNED])


def of_an_address_as_host():
    root = authority()
    shown = Order(names=NAMES, hosts=("127.0.0.1",)).signed_by(root)
    return _shown(root, shown, host="127.0.0.1", domain="", red=[NAME, ADDRESS])


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
    "self-signed-again": self_signed_again,
    "address-as-host": of_an_address_as_host,
    "for-clients-only": lambda: bad(CHAIN, extended=ExtendedKeyUsageOID.CLIENT_AUTH),
}


def takes(red, **server):
    root = authority()
    return _shown(root, leaf(root), red=red, **server)


SERVED = {
    "rsa-1024": lambda: bad(KEYS, key=rsa.generate_private_key(65537, 1024)),
    "rsa-1024-above": lambda: under(rsa.generate_private_key(65537, 1024), KEYS),
    "p-192-above": lambda: under(ec.generate_private_key(ec.SECP192R1()), KEYS),
    "sha-1": lambda: bad(SIGNATURES, digest="sha1"),
    "ends-soon": lambda: bad(MARGIN, since=-350 * DAY, until=13 * DAY),
    "short-life-ends-soon": lambda: bad(MARGIN, since=-5 * DAY, until=DAY),
    "old-versions-too": lambda: takes([OLD], oldest="TLSv1"),
    "chacha20-below-tls-1-3": lambda: takes([SUITES], ciphers="ECDHE+CHACHA20"),
    "tls-1-2-only": lambda: takes([], newest="TLSv1_2"),
    "tls-1-3-only": lambda: takes([TLS12], oldest="TLSv1_3"),
}
"""Those behind which the other checks can run all the same."""

NOT_SERVED = {
    "tls-1-0-only": lambda: takes([HANDSHAKE, OPEN_TO_ALL, TLS12], oldest="TLSv1", newest="TLSv1"),
}
