"""Device URLs: s3:// and what follows, exactly as typed (backup-to-url, Limitations)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import quote

from restoreproof.standins.sqlserver.connector import messages

__all__ = ["LONGEST_URL", "Address", "encoded", "region_of"]

LONGEST_URL = 259
"""Characters, the scheme included."""

_URL = re.compile(
    r"s3://(?P<host>[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::(?P<port>\d{1,5}))?(?P<path>/[^\x00-\x1f\x7f]+)",
    re.IGNORECASE,
)
_SCHEME = re.compile(r"[a-z][a-z0-9+.-]*://", re.IGNORECASE)
_AWS = re.compile(r"(?:.+\.)?s3[.-](?:dualstack\.)?([a-z]{2}(?:-[a-z]+)+-\d+)\.amazonaws\.com(?:\.cn)?")
_ANY = re.compile(r"(?:.+\.)?s3[.-]([a-z0-9-]+)\..+")
_HTTPS = 443


@dataclass(frozen=True)
class Address:
    """Where a URL leads: host, port, and the path that follows, which may begin with the bucket or not."""

    host: str
    port: int
    path: str

    @classmethod
    def read(cls, url: str) -> Address:
        """Take a device URL apart.

        :raises SqlError: 3057 (too long), 3078 (no device name), 3297 (another scheme, or a query).
        """
        if len(url) > LONGEST_URL:
            raise messages.too_long(LONGEST_URL)
        found = _URL.fullmatch(url)
        if not found and _SCHEME.match(url) and not url.lower().startswith("s3://"):
            raise messages.bad_url()
        if not found or found["path"].endswith("/") or int(found["port"] or _HTTPS) not in range(1, 65_536):
            raise messages.bad_name(url)
        if "?" in found["path"]:
            raise messages.bad_url()
        return cls(found["host"].strip("[]"), int(found["port"] or _HTTPS), found["path"])

    @property
    def netloc(self) -> str:
        """Host and port as the Host header says them."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _HTTPS else f"{host}:{self.port}"

    def splits(self) -> list[tuple[str, str]]:
        """Path of the bucket, and key, as they may be meant: the URL does not say whether its host names the bucket."""
        bucket, _, key = self.path[1:].partition("/")
        as_path = [(f"/{bucket}", key)] if key else []
        as_host = [("/", self.path[1:])]
        return as_host + as_path if _AWS.fullmatch(self.host) and ".s3" in self.host else as_path + as_host


def encoded(text: str, *, keep_escapes: bool, slash: bool = True) -> str:
    """Percent-encode UTF-8 once, as signature version 4 wants it; escapes that were typed may be left alone."""
    safe = "-_.~/" if slash else "-_.~"
    if not keep_escapes:
        return quote(text, safe=safe)
    return re.sub(r"%25(?=[0-9A-Fa-f]{2})", "%", quote(text, safe=safe))


def region_of(host: str, hosts: str, named: str) -> str:
    """Give the region to sign for: that of the host's name where it is read, else the one the statement names."""
    pattern = {"aws": _AWS, "any": _ANY}.get(hosts)
    found = pattern.fullmatch(host.lower()) if pattern else None
    return found[1] if found and named == "us-east-1" else named
