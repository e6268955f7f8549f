"""AWS Signature Version 4: what a request's signature is, however its path and query are escaped on the wire.

Written out instead of taken from an SDK because a signer's library chooses which headers it signs, and here the
request has chosen already.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import quote, unquote_to_bytes

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["UNSIGNED", "Authorization", "Signable", "authorization", "scope_of", "signature"]

UNSIGNED = "UNSIGNED-PAYLOAD"
_ALGORITHM = "AWS4-HMAC-SHA256"
_HEADER = re.compile(
    rf"{_ALGORITHM} Credential=(?P<id>[^/]+)/(?P<scope>[^,]+),\s*SignedHeaders=(?P<names>[^,]+),"
    r"\s*Signature=(?P<signature>[0-9a-f]+)$"
)


@dataclass(frozen=True)
class Authorization:
    """What an Authorization header says."""

    key_id: str
    scope: str
    names: tuple[str, ...]
    signature: str

    @classmethod
    def read(cls, header: str) -> Authorization | None:
        """Read a header; None where it is none of ours."""
        found = _HEADER.match(header)
        if found is None:
            return None
        return cls(found["id"], found["scope"], tuple(found["names"].split(";")), found["signature"])


@dataclass(frozen=True)
class Signable:
    """The parts of a request that a signature covers; header names in lower case."""

    method: str
    path: str
    query: str
    headers: Mapping[str, str]


def signature(request: Signable, names: tuple[str, ...], scope: str, secret: str) -> str:
    """Compute the signature in hex that this request should carry."""
    canonical = hashlib.sha256(_canonical(request, names).encode()).hexdigest()
    text = "\n".join((_ALGORITHM, request.headers.get("x-amz-date", ""), scope, canonical))
    key = f"AWS4{secret}".encode()
    for step in scope.split("/"):
        key = hmac.digest(key, step.encode(), "sha256")
    return hmac.digest(key, text.encode(), "sha256").hex()


def authorization(request: Signable, names: tuple[str, ...], scope: str, pair: tuple[str, str]) -> str:
    """Compute the Authorization header for a key pair (id, secret)."""
    key_id, secret = pair
    value = signature(request, names, scope, secret)
    return f"{_ALGORITHM} Credential={key_id}/{scope}, SignedHeaders={';'.join(names)}, Signature={value}"


def scope_of(stamp: str, region: str) -> str:
    """Name the day, region and service a signature is good for."""
    return f"{stamp[:8]}/{region}/s3/aws4_request"


def _canonical(request: Signable, names: tuple[str, ...]) -> str:
    lines = [f"{name}:{' '.join(request.headers.get(name, '').split())}" for name in names]
    payload = request.headers.get("x-amz-content-sha256", UNSIGNED)
    path, query = _spelt(request.path, "/~"), _canonical_query(request.query)
    return "\n".join((request.method, path, query, *lines, "", ";".join(names), payload))


def _canonical_query(raw: str) -> str:
    cut = (pair.partition("=") for pair in raw.split("&") if pair)
    return "&".join(f"{name}={value}" for name, value in sorted((_spelt(n), _spelt(v)) for n, _, v in cut))


def _spelt(raw: str, safe: str = "~") -> str:
    # What is escaped in another way than the usual one is signed in the usual one all the same.
    return quote(unquote_to_bytes(raw), safe=safe)
