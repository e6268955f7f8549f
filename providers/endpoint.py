"""The ``[endpoint]`` of a profile: where the server is, or how to start it, and how it wants to be addressed."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from restoreproof.providers.table import Table

EndpointKind = Literal["url", "image", "program"]
Style = Literal["path", "virtual"]

PLACEHOLDERS = (
    *(f"{role}.{half}" for role in ("backup", "restore", "housekeeping") for half in ("id", "secret")),
    "domain",
    "bucket",
    "port",
)
"""What may stand in braces in an image's command and environment."""

_KIND_OF_KEY = {
    "ca": ("url",),
    "addresses": ("url",),
    "domain": ("url", "image"),
    "port": ("image",),
    "command": ("image",),
    "environment": ("image",),
    "health": ("image",),
    "certificate": ("image",),
    "key": ("image",),
}
_IMAGE = re.compile(r"[a-z0-9][^\s@]*@sha256:[0-9a-f]{64}")
_MODULE = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)+", re.ASCII)
_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
_HOST = re.compile(r"[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?)*")
_PLACEHOLDER = re.compile(r"\{([^{}]*)\}")
_SECRET_NAME = re.compile(r"(SECRET|PASSWORD|PASSWD|TOKEN)(_?KEY)?$", re.IGNORECASE)


@dataclass(frozen=True)
class EndpointSettings:
    """Where the server is, or how to start it.

    ``url`` has scheme, host and perhaps a port, nothing else. ``ca`` is the PEM text of the certificates to trust
    (None: those of the operating system). ``domain`` is the host name under which buckets are host names of their own
    (None: the started server says). ``addresses`` are the IP addresses to connect to (none: look the host up).
    ``program`` is a module to run with ``python -m``, unless ``hook`` is the path of a start-up hook.

    Only an image has ``port`` (where it listens), ``command``, ``environment`` (both with placeholders such as
    ``{backup.id}``), ``health`` (a path that answers once it is up), and ``certificate`` and ``key`` (where in the
    container it looks for its PEM files).
    """

    kind: EndpointKind
    url: str | None = None
    image: str | None = None
    program: str | None = None
    hook: Path | None = None
    ca: str | None = None
    region: str = "us-east-1"
    style: Style = "path"
    bucket: str | None = None
    domain: str | None = None
    addresses: tuple[str, ...] = ()
    port: int | None = None
    command: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    health: str = "/"
    certificate: str | None = None
    key: str | None = None


def read_endpoint(table: Table, folder: Path) -> EndpointSettings:
    """The endpoint that a profile describes; what is wrong goes to the table's collector.

    :param folder: where the profile lies; ``ca`` and a start-up hook are relative to it.
    """
    url, image, program = _url(table), _image(table), table.text("program")
    kind = _kind(table)
    settings = EndpointSettings(
        kind=kind,
        url=url,
        image=image,
        program=program,
        hook=_hook(table, program, folder),
        ca=_ca(table, folder),
        region=table.text("region") or "us-east-1",
        style="virtual" if table.choice("style", ("path", "virtual")) == "virtual" else "path",
        bucket=_bucket(table),
        domain=_domain(table) or (urlsplit(url).hostname if url else None),
        addresses=_addresses(table),
        port=table.number("port", minimum=1, maximum=65535),
        command=table.texts("command") or (),
        environment=_environment(table),
        health=_absolute(table, "health") or "/",
        certificate=_absolute(table, "certificate"),
        key=_absolute(table, "key"),
    )
    _check_belonging(table, kind)
    _check_command(table, settings.command)
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
    if kind == "image":
        for key in ("port", "certificate", "key"):
            if key not in table:
                table.report(key, "is missing; an image needs port, certificate and key to speak TLS")


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
        host, port = "", 0
    if not text.startswith("https://") or port == 0 or not _is_host(host):
        return "must be https://HOST or https://HOST:PORT"
    if text.rstrip("/") != f"https://{parts.netloc}":
        return "must end after host and port; the bucket goes into bucket"
    return ""


def _is_host(text: str) -> bool:
    return bool(_HOST.fullmatch(text)) or _is_address(text)


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def _image(table: Table) -> str | None:
    text = table.text("image")
    if text and not _IMAGE.fullmatch(text):
        table.report("image", "must be pinned by its digest: NAME@sha256: and 64 hexadecimal digits")
        return None
    return text


def _hook(table: Table, program: str | None, folder: Path) -> Path | None:
    if program is None:
        return None
    hook = folder / program
    if hook.is_file():
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
        text = (folder / name).read_bytes().decode("ascii")
    except FileNotFoundError:
        table.report("ca", "there is no such file (the path is relative to the profile)")
        return None
    except (OSError, ValueError):
        table.report("ca", "the file cannot be read as PEM text")
        return None
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


def _domain(table: Table) -> str | None:
    text = table.text("domain")
    if text and not _HOST.fullmatch(text):
        table.report("domain", "must be a host name without scheme, port and path, such as s3.example.test")
    return text


def _addresses(table: Table) -> tuple[str, ...]:
    addresses = table.texts("addresses") or ()
    if not all(_is_address(address) for address in addresses):
        table.report("addresses", 'must be IP addresses, such as ["192.0.2.10", "192.0.2.11"]')
    return addresses


def _absolute(table: Table, key: str) -> str | None:
    text = table.text(key)
    if text and not text.startswith("/"):
        table.report(key, "must start with '/'")
    return text


def _environment(table: Table) -> Mapping[str, str]:
    values = table.table("environment")
    found = {name: values.text(name) for name in values.names()}
    for name, value in found.items():
        fault = _environment_fault(name, value or "")
        if fault:
            values.report(name, fault)
    return {name: value for name, value in found.items() if value}


def _environment_fault(name: str, value: str) -> str:
    if _SECRET_NAME.search(name) and not _PLACEHOLDER.search(value):
        return 'a secret has no place in a profile; write "{backup.secret}", and the run fills it in'
    return _placeholder_fault(value)


def _check_command(table: Table, command: tuple[str, ...]) -> None:
    for word in command:
        fault = _placeholder_fault(word)
        if fault:
            table.report("command", fault)


def _placeholder_fault(value: str) -> str:
    if all(name in PLACEHOLDERS for name in _PLACEHOLDER.findall(value)):
        return ""
    return f"names an unknown placeholder; known are {', '.join(f'{{{name}}}' for name in PLACEHOLDERS)}"
