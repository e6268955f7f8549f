"""Credentials: how they are kept, and which one a URL gets."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from restoreproof.standins.sqlserver.backups import Credential
from restoreproof.standins.sqlserver.sql.database import now
from restoreproof.standins.sqlserver.sql.messages import error

if TYPE_CHECKING:
    from datetime import datetime

    from restoreproof.standins.sqlserver.session import SqlError
    from restoreproof.standins.sqlserver.sql.instance import Instance
    from restoreproof.standins.sqlserver.sql.statements import MakeCredential

__all__ = ["StoredCredential", "credential_for", "drop_credential", "make_credential"]

_IDENTITY = "S3 Access Key"
_DENIED, _UNSUPPORTED = "5(Access is denied.)", "50(The request is not supported.)"
_LONGEST_URL = 259


@dataclass(frozen=True)
class StoredCredential:
    """A row of sys.credentials."""

    id: int
    name: str
    identity: str
    secret: str = field(repr=False)
    created: datetime = field(default_factory=now)


def make_credential(instance: Instance, statement: MakeCredential) -> None:
    """CREATE or ALTER CREDENTIAL; nothing is asked of the endpoint.

    :raises SqlError: 15530 (there is one; number and text are a guess), 15151 (there is none), 15247 (its name begins
        with #; number as in the facts).
    """
    key = statement.name.lower()
    if statement.name.startswith("#"):
        raise error(15247, line=statement.line)
    with instance.lock:
        old = instance.credentials.get(key)
        if statement.word == "CREATE" and old:
            raise error(15530, "credential", statement.name, line=statement.line)
        if statement.word == "ALTER" and not old:
            raise error(15151, "alter", "credential", statement.name, line=statement.line)
        number = old.id if old else next(instance.credential_ids)
        instance.credentials[key] = StoredCredential(number, statement.name, statement.identity, statement.secret)


def drop_credential(instance: Instance, name: str, line: int) -> None:
    """DROP CREDENTIAL.

    :raises SqlError: 15151.
    """
    with instance.lock:
        if not instance.credentials.pop(name.lower(), None):
            raise error(15151, "drop", "credential", name, line=line)


def _check_url(url: str) -> None:
    """Refuse what is no URL of an object, before anything is sent.

    3044, 3057 and 3078 are documented; a URL that ends at a bucket or a folder gets 3078, and one with a query 3297, by
    guess.
    """
    if not url:
        raise error(3044)
    if len(url) > _LONGEST_URL:
        raise error(3057, _LONGEST_URL)
    if url.lower().startswith(("https://", "http://")):
        raise error(3297, url)
    if "?" in url:
        raise error(3297, url)
    rest = url[len("s3://") :] if url.lower().startswith("s3://") else ""
    host, _, key = rest.partition("/")
    if not host or not key or key.endswith("/"):
        raise error(3078, url)


def credential_for(instance: Instance, url: str, named: str = "") -> Credential:
    """The credential of a URL: the one that was named, or the one whose name is its longest prefix.

    The order (object, folder, bucket) is documented; that a name may end at the host too is a guess.

    :raises SqlError: 3201 with error 50 (none), 3288 (the one named is missing), 3233 (its identity), and 3201 with
        error 5 for a SECRET without colon, which is a guess.
    """
    _check_url(url)
    if named:
        found = instance.credentials.get(named.lower())
        if not found:
            raise error(3288, named)
    else:
        found = _longest(instance, url.lower())
        if not found:
            raise error(3201, url, _UNSUPPORTED)
    if found.identity.lower() != _IDENTITY.lower():
        raise error(3233)
    key, colon, secret = found.secret.partition(":")
    if not (key and colon and secret):
        raise _denied(url)
    return Credential(found.name, key, secret)


def _denied(url: str) -> SqlError:
    return error(3201, url, _DENIED)


def _longest(instance: Instance, url: str) -> StoredCredential | None:
    while len(url) > len("s3://"):
        for name in (url, f"{url}/"):
            if name in instance.credentials:
                return instance.credentials[name]
        url = url.rpartition("/")[0]
    return None
