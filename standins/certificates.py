"""A private authority and the certificates it signs, and certificates that sign themselves.

The authority lives in memory for one run and its private key is never written. Keys are P-256: made in a millisecond.
"""

import ipaddress
import warnings
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import Enum

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from OpenSSL import crypto

__all__ = ["LAB_DOMAIN", "LAB_NAMES", "Authority", "Flaw", "Leaf", "self_signed"]

LAB_DOMAIN = "s3.localhost"
LAB_NAMES = ("localhost", LAB_DOMAIN, f"*.{LAB_DOMAIN}", "127.0.0.1")
_DAY = timedelta(days=1)
_AUTHORITY_DAYS = 90
_LEAF_DAYS = 45

_Key = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey


@dataclass(frozen=True)
class Leaf:
    """A server's certificate, the certificates that lead from it to (not including) the root, and its key; all PEM."""

    certificate: str
    intermediates: str
    root: str
    key: str

    @property
    def chain(self) -> str:
        """What a server should send: the certificate and its intermediates."""
        return self.certificate + self.intermediates

    @property
    def chain_with_root(self) -> str:
        """What a server sends that wants to be believed on its own word: the root comes along."""
        return self.chain + self.root

    @property
    def bundle(self) -> str:
        """Chain and key in one text, for servers that take one file."""
        return self.chain + self.key


class Flaw(Enum):
    """What a server's certificate may suffer from, however well it is signed."""

    WEAK_KEY = "its key is RSA with 1024 bits"
    SHA1_SIGNATURE = "it is signed with SHA-1"
    ADDRESSES_AS_HOSTS = "it carries IP addresses as if they were host names"


class Authority:
    """A certificate authority: a root, or an intermediate that a root has signed."""

    def __init__(self, name: str = "RestoreProof private CA", issuer: "Authority | None" = None) -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = _name(name)
        self._issuer = issuer
        self._certificate = self._self_description(issuer or self)

    @property
    def pem(self) -> str:
        """Our own certificate: for a root, what a client is told to trust."""
        return _pem(self._certificate)

    def intermediate(self, name: str = "RestoreProof intermediate CA") -> "Authority":
        """Make an authority below this one."""
        return Authority(name, issuer=self)

    def leaf(
        self,
        *names: str,
        since: timedelta = -_DAY,
        until: timedelta = _LEAF_DAYS * _DAY,
        common_name: str = "localhost",
        flaw: Flaw | None = None,
    ) -> Leaf:
        """Sign a certificate for `names` (host names, wildcards, IP addresses); none at all leaves out the SAN.

        `since` and `until` count from now.
        """
        key = _weak_key() if flaw is Flaw.WEAK_KEY else ec.generate_private_key(ec.SECP256R1())
        builder = self._builder(_name(common_name), key.public_key(), since, until)
        for extension, critical in _leaf_extensions(names, as_hosts=flaw is Flaw.ADDRESSES_AS_HOSTS):
            builder = builder.add_extension(extension, critical)
        certificate = builder.sign(self._key, hashes.SHA256())
        if flaw is Flaw.SHA1_SIGNATURE:
            certificate = _signed_with_sha1(certificate, self._key)
        return Leaf(_pem(certificate), self._below_root(), self._root().pem, _key_pem(key))

    def _self_description(self, issuer: "Authority") -> x509.Certificate:
        days = _AUTHORITY_DAYS * _DAY
        builder = issuer._builder(self._name, self._key.public_key(), -days, days)  # noqa: SLF001 - same class
        builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        builder = builder.add_extension(_usage(signs_certificates=True), critical=True)
        return builder.sign(issuer._key, hashes.SHA256())  # noqa: SLF001 - same class

    def _builder(
        self,
        subject: x509.Name,
        public_key: ec.EllipticCurvePublicKey | rsa.RSAPublicKey,
        since: timedelta,
        until: timedelta,
    ) -> x509.CertificateBuilder:
        now = datetime.now(UTC)
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(public_key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now + since)
            .not_valid_after(now + until)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(public_key), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()), critical=False)
        )

    def _root(self) -> "Authority":
        return self._issuer._root() if self._issuer else self  # noqa: SLF001 - same class

    def _below_root(self) -> str:
        """Give the certificates from this authority up to the root, without it."""
        return self.pem + self._issuer._below_root() if self._issuer else ""  # noqa: SLF001 - same class


def self_signed(*names: str) -> Leaf:
    """Make a certificate that vouches for itself, as a product makes on its first start; its root is itself."""
    key, subject, now = ec.generate_private_key(ec.SECP256R1()), _name(names[0]), datetime.now(UTC)
    builder = x509.CertificateBuilder().subject_name(subject).issuer_name(subject).public_key(key.public_key())
    builder = builder.serial_number(x509.random_serial_number())
    builder = builder.not_valid_before(now - _DAY).not_valid_after(now + _LEAF_DAYS * _DAY)
    for extension, critical in _leaf_extensions(names):
        builder = builder.add_extension(extension, critical)
    shown = _pem(builder.sign(key, hashes.SHA256()))
    return Leaf(shown, "", shown, _key_pem(key))


def _weak_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, 1024)  # noqa: S505 - what nobody should do


def _signed_with_sha1(certificate: x509.Certificate, key: ec.EllipticCurvePrivateKey) -> x509.Certificate:
    """Sign a certificate again, by OpenSSL, since `cryptography` refuses to make such a signature."""
    again = crypto.X509.from_cryptography(certificate)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # what it points to is what refuses
        again.sign(crypto.PKey.from_cryptography_key(key), "sha1")
    return again.to_cryptography()


def _leaf_extensions(names: tuple[str, ...], *, as_hosts: bool = False) -> list[tuple[x509.ExtensionType, bool]]:
    """List a server certificate's own extensions, each with whether it is critical."""
    extensions: list[tuple[x509.ExtensionType, bool]] = [
        (x509.BasicConstraints(ca=False, path_length=None), True),
        (_usage(signs_certificates=False), True),
        (x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), False),
    ]
    if names:
        kind = x509.DNSName if as_hosts else _general_name
        extensions.append((x509.SubjectAlternativeName([kind(name) for name in names]), False))
    return extensions


def _general_name(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        encipher_only=False,
        decipher_only=False,
    )


def _name(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def _pem(certificate: x509.Certificate) -> str:
    return certificate.public_bytes(serialization.Encoding.PEM).decode()


def _key_pem(key: _Key) -> str:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()
