"""The ``[endpoint]`` of a profile: where the server is, or how to start it, and how it wants to be addressed."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal
from urllib.parse import urlsplit

from restoreproof.providers.files import FileError, is_file, read_bytes
from restoreproof.providers.image import Image, read_image

if TYPE_CHECKING:
    from pathlib import Path

    from restoreproof.providers.table import Table

EndpointKind = Literal["url", "image", "program"]
Style = Literal["path", "virtual"]

_KIND_OF_KEY = {
    "ca": ("url",),
    "addresses": ("url",),
    "domain": ("url", "image"),
    "port": ("image",),
    "command": ("image",),
    "environment": ("image",),
    "certificate": ("image",),
    "key": ("image",),
}
NOBODY = ".example.test"
"""The end of host names where nobody is: a URL there shows its shape and waits for its user's own."""

_NO_URL = "must be https://HOST or https://HOST:PORT"
_MODULE = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)+", re.ASCII)
_PORT = re.compile(r"[1-9][0-9]{0,4}", re.ASCII)
_LAST_PORT = 65535
_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
_HOST = re.compile(r"[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?)*")


@dataclass(frozen=True)
class EndpointSettings:
    """Where the server is, or how to start it.

    ``url`` has scheme, host and perhaps a port, nothing else. ``ca`` is the PEM text of the certificates to trust
    (None: the public CAs that certifi brings, never a CA bundle of this machine), and ``ca_file`` the path of their
    file as the profile writes it. ``domain`` is the host name under
    which buckets are host names of their own (None: the started server says). ``addresses`` are the IP addresses to
    connect to, one for each node, with a port where it is not the URL's (none: look the host up). ``program`` is a
    module to run with ``python -m``, unless ``hook`` is the path of a start-up hook.
    """

    kind: EndpointKind
    url: str | None = None
    image: Image | None = None
    program: str | None = None
    hook: Path | None = None
    ca: str | None = None
    ca_file: str = ""
    region: str = "us-east-1"
    style: Style = "path"
    bucket: str | None = None
    domain: str | None = None
    addresses: tuple[str, ...] = ()

    @property
    def is_placeholder(self) -> bool:
        """Whether the URL is only an example, under ``.example.test``."""
        return (urlsplit(self.url or "").hostname or "").endswith(NOBODY)


def read_endpoint(table: Table, folder: Path) -> EndpointSettings:
    """The endpoint that a profile describes; what is wrong goes to the table's collector.

    :param folder: where the profile lies; ``ca`` and a start-up hook are relative to it.
    """
    url, program = _url(table), table.text("program")
    kind = _kind(table)
    image = read_image(table)
    settings = EndpointSettings(
        kind=kind,
        url=url,
        image=image,
        program=program,
        hook=_hook(table, program, folder),
        ca=_ca(table, folder),
        ca_file=table.text("ca") or "",
        region=table.text("region") or "us-east-1",
        style="virtual" if table.choice("style", ("path", "virtual")) == "virtual" else "path",
        bucket=_bucket(table),
        domain=_domain(table, url),
        addresses=_addresses(table),
    )
    _check_belonging(table, kind)
    if kind == "url" and settings.style == "virtual" and settings.domain is None:
        table.report("style", "virtual needs a domain, for a bucket cannot stand in front of an IP address")
    table.close()
    return settings


def _kind(table: Table) -> EndpointKind:
    given: list[EndpointKind] = [kind for kind in ("url", "image", "program") if kind in table]
    if not given:
        table.report(None, "says nothing of where the server is; give one of url, image or program")
    for extra in given[1:]:
        table.report(extra, f"give either {given[0]} or {extra}, not both")
    return given[0] if given else "url"


def _check_belonging(table: Table, kind: EndpointKind) -> None:
    for key, kinds in _KIND_OF_KEY.items():
        if key in table and kind not in kinds:
            table.report(key, f"belongs to an endpoint by {' or '.join(kinds)}, this one is by {kind}")


def _url(table: Table) -> str | None:
    text = table.text("url")
    fault = _url_fault(text) if text else ""
    if fault:
        table.report("url", fault)
        return None
    return text.rstrip("/") if text else None


def _url_fault(text: str) -> str:
    """What is wrong with a URL; the URL is not repeated, for somebody may have put a password into it."""
    if "@" in text:
        return "holds a user name or password; keys belong into environment variables named under [keys.backup]"
    if text.lower().startswith("http:"):
        return "is plain HTTP, and SQL Server only speaks TLS (TLS-01); write https://"
    try:
        parts = urlsplit(text)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return _NO_URL
    if not text.startswith("https://") or port == 0 or parts.netloc.endswith(":") or not _is_host(host):
        return _NO_URL
    if text.rstrip("/") != f"https://{parts.netloc}":
        return "must end after host and port; the bucket goes into bucket"
    return ""


def split_address(text: str) -> tuple[str, int]:
    """IP address and port of an entry of ``addresses``; the port is 0 where it names none.

    :raises ValueError: it is neither ``ADDRESS`` nor ``ADDRESS:PORT`` (brackets around IPv6 then).
    """
    if _is_address(text):
        return text, 0
    host, _, port = text.rpartition(":")
    bracketed = host.startswith("[") and host.endswith("]")
    address = host[1:-1] if bracketed else host
    known = _is_address(address) and bracketed == (":" in address)
    if not known or not _PORT.fullmatch(port) or int(port) > _LAST_PORT:
        raise ValueError(text)
    return address, int(port)


def _is_host(text: str) -> bool:
    return bool(_HOST.fullmatch(text)) or _is_address(text)


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def _hook(table: Table, program: str | None, folder: Path) -> Path | None:
    if program is None:
        return None
    hook = folder / program
    if is_file(hook):
        return hook.resolve()
    if "/" in program or "\\" in program:
        table.report("program", "there is no such file (the path is relative to the profile)")
    elif not _MODULE.fullmatch(program):
        table.report("program", "is neither a file beside the profile nor a dotted module name")
    return None


def _ca(table: Table, folder: Path) -> str | None:
    name = table.text("ca")
    if name is None:
        return None
    try:
        text = read_bytes(folder / name).decode("ascii")
    except FileError as problem:
        table.report("ca", f"the file {problem} (its path is relative to the profile)")
        return None
    except UnicodeDecodeError:
        text = ""
    fault = _ca_fault(text)
    if fault:
        table.report("ca", fault)
    return None if fault else text


def _ca_fault(text: str) -> str:
    from cryptography import x509  # noqa: PLC0415  # heavy, and only profiles with a private CA need it

    if "PRIVATE KEY" in text:
        return "the file holds a private key; give a file with nothing but certificates"
    try:
        x509.load_pem_x509_certificates(text.encode())
    except ValueError:
        return "the file holds no certificate in PEM form (-----BEGIN CERTIFICATE-----)"
    return ""


def _bucket(table: Table) -> str | None:
    text = table.text("bucket")
    if text and (not _BUCKET.fullmatch(text) or ".." in text):
        table.report("bucket", "must be 3 to 63 small letters, digits, '-' or '.', with a letter or digit at both ends")
    return text


def _domain(table: Table, url: str | None) -> str | None:
    """The domain given, or the host of the URL unless that is an IP address."""
    text = table.text("domain")
    if text and not _HOST.fullmatch(text):
        table.report("domain", "must be a host name without scheme, port and path, such as s3.example.test")
    host = (urlsplit(url).hostname or "") if url else ""
    return text or (host if host and not _is_address(host) else None)


def _addresses(table: Table) -> tuple[str, ...]:
    addresses = table.texts("addresses") or ()
    try:
        places = [split_address(address) for address in addresses]
    except ValueError:
        places = []
        table.report(
            "addresses", 'must be IP addresses, such as ["192.0.2.10", "192.0.2.11:9000", "[2001:db8::1]:9000"]'
        )
    if len(set(places)) < len(places):
        table.report("addresses", "names one address twice")
    return addresses
