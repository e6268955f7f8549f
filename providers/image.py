"""A server that comes as a container image: what is needed to start it with TLS and with keys of our making."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from restoreproof.providers.keys import ROLES

if TYPE_CHECKING:
    from collections.abc import Mapping

    from restoreproof.providers.table import Table

PLACEHOLDERS = (
    *(f"{role}.{half}" for role in ROLES for half in ("id", "secret")),
    "domain",
    "bucket",
    "port",
)
"""What may stand in braces in an image's command and environment."""

_PINNED = re.compile(r"[a-z0-9][^\s@]*@sha256:[0-9a-f]{64}")
_PLACEHOLDER = re.compile(r"\{([^{}]*)\}")
_SECRET_NAME = re.compile(r"(SECRET|PASSWORD|PASSWD|TOKEN)(_?KEY)?$", re.IGNORECASE)


@dataclass(frozen=True)
class Image:
    """An image pinned by its digest, and how to start it.

    ``port`` is where the server listens in the container, ``certificate`` and ``key`` where it looks there for its PEM
    files. ``command`` and ``environment`` may hold placeholders such as ``{backup.id}``; they are filled in when the
    container starts.
    """

    name: str
    port: int
    certificate: str
    key: str
    command: tuple[str, ...]
    environment: Mapping[str, str]


def read_image(table: Table) -> Image | None:
    """The image that ``[endpoint]`` describes, None when it names none; what is wrong goes to the collector."""
    needed = "image" in table
    name = table.text("image")
    if name and not _PINNED.fullmatch(name):
        table.report("image", "must be pinned by its digest: NAME@sha256: and 64 hexadecimal digits")
    image = Image(
        name=name or "",
        port=table.number("port", required=needed, minimum=1, maximum=65535) or 0,
        certificate=_path(table, "certificate", required=needed),
        key=_path(table, "key", required=needed),
        command=_command(table),
        environment=_environment(table.table("environment")),
    )
    return image if needed else None


def _path(table: Table, key: str, *, required: bool) -> str:
    text = table.text(key, required=required)
    if text and not text.startswith("/"):
        table.report(key, "must start with '/'")
    return text or ""


def _command(table: Table) -> tuple[str, ...]:
    command = table.texts("command") or ()
    for fault in filter(None, map(_fault, command)):
        table.report("command", fault)
    return command


def _environment(table: Table) -> Mapping[str, str]:
    found = {name: table.text(name) for name in table.names()}
    for name, value in found.items():
        fault = _fault(value or "", secret=bool(_SECRET_NAME.search(name)))
        if fault:
            table.report(name, fault)
    return {name: value for name, value in found.items() if value}


def _fault(value: str, *, secret: bool = False) -> str:
    names = _PLACEHOLDER.findall(value)
    if secret and not names:
        return 'a secret has no place in a profile; write "{backup.secret}", and the run fills it in'
    if all(name in PLACEHOLDERS for name in names):
        return ""
    return f"names an unknown placeholder; known are {', '.join(f'{{{name}}}' for name in PLACEHOLDERS)}"
