"""What the linter finds, and what it is told of the store and the server."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from restoreproof.providers.profile import Profile

ERROR, WARNING, NOTE = "error", "warning", "note"
"""SQL Server refuses it or the backup is lost; it may go wrong; worth knowing, and no fault of the script."""

NOT_JUDGED = "not-judged"
"""Stands in place of a rule's id where a value is known at run time only, or nothing is known of its host."""

SYNTAX = "syntax"
"""Stands in place of a rule's id where a statement is not written as SQL Server reads it."""


@dataclass(frozen=True)
class Finding:
    """A rule that a script breaks.

    :ivar what: the fault in a few words, without anything secret.
    :ivar spot: offset in the file.
    """

    rule: str
    severity: str
    what: str
    spot: int


@dataclass(frozen=True)
class Store:
    """What a profile says of the store that a script is for.

    :ivar region_checked: ``yes``, ``no``, or ``unknown`` where nobody looked.
    :ivar netloc: host and port as URLs have them; empty where the profile knows none.
    """

    name: str
    region: str
    region_checked: str
    style: str
    either_style: bool
    netloc: str
    parts: int

    @classmethod
    def of(cls, profile: Profile) -> Store:
        """What the rules ask of a profile."""
        endpoint, able = profile.endpoint, profile.capabilities
        netloc = urlsplit(endpoint.url or "").netloc.lower()
        return cls(
            name=profile.name,
            region=endpoint.region,
            region_checked=str(able["region_checked"]),
            style=endpoint.style,
            either_style=bool(able["path_style"] and able["virtual_host"]),
            netloc="" if netloc.partition(":")[0].endswith(".example.test") else netloc,
            parts=profile.limits["parts"],
        )

    @property
    def host(self) -> str:
        """The host alone."""
        return self.netloc.partition(":")[0]

    @property
    def port(self) -> int:
        """The port; 443 where the profile names none."""
        return int(self.netloc.partition(":")[2] or 443)

    def is_at(self, host: str) -> bool:
        """Whether a URL's host may be the store's, with the bucket in front or not."""
        return not self.host or host == self.host or host.endswith(f".{self.host}")


@dataclass(frozen=True)
class Setting:
    """Where a script is to run: nothing is known of what is left out.

    :ivar build: the numbers of SQL Server's version.
    :ivar edition: ``enterprise``, ``standard``, ``web``, ``developer``, ``evaluation`` or ``express``.
    """

    store: Store | None = None
    build: tuple[int, ...] = ()
    edition: str = ""
