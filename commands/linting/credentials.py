"""Rules about credentials, and about which of them a URL gets. No finding shows what a credential holds."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from restoreproof.commands.linting.address import SCHEME, Address
from restoreproof.commands.linting.finding import ERROR, NOTE, WARNING, Finding
from restoreproof.fixtures.engines.limits import length
from restoreproof.fixtures.engines.tsql import LONGEST_NAME, S3_IDENTITY

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from restoreproof.commands.linting.finding import Setting
    from restoreproof.commands.linting.script import Credential, Device, Script, Transfer
    from restoreproof.commands.linting.values import Value

_PLACEHOLDER = re.compile(r"<[^<>]*>")
_TEMPORARY = re.compile(r"ASIA[A-Z0-9]{12,}")
"""How the ids of keys begin that come with a session token."""


def check_credentials(script: Script, setting: Setting) -> Iterator[Finding]:
    """Every rule about credentials for S3: those that are named like a URL or used by a statement, or say so."""
    del setting
    named = {name for transfer in script.transfers if transfer.urls for name in _names(transfer)}
    mine = [found for found in script.credentials if is_for_s3(found) or found.name.text.lower() in named]
    for credential in mine:
        if credential.scoped:
            if _is_address(credential) or credential.name.text.lower() in named:
                yield Finding("CRED-06", ERROR, "DATABASE SCOPED", credential.spot)
        else:
            yield from _check_name(credential)
            yield from _check_identity(credential)
            yield from _check_secret(credential)
    known = [found for found in mine if not found.scoped and found.name.known]
    if known and all(found.name.known for found in script.credentials if not found.scoped):
        for transfer in script.transfers:
            if transfer.urls:
                yield from _check_use(transfer, known)


def _names(transfer: Transfer) -> Iterator[str]:
    option = transfer.option("CREDENTIAL")
    if option and option.value:
        yield option.value.text.lower()


def _is_address(credential: Credential) -> bool:
    return credential.name.text.lower().startswith("s3:")


def is_for_s3(credential: Credential) -> bool:
    """Whether a credential says that it is for S3, by its name or its identity."""
    identity = credential.identity.text.lower() if credential.identity else ""
    return _is_address(credential) or "s3" in identity


def _check_name(credential: Credential) -> Iterator[Finding]:
    name = credential.name
    if length(name.text) > LONGEST_NAME:
        what = f"a name of {length(name.text)} characters, of {LONGEST_NAME}"
        yield Finding("CRED-07", ERROR, what, name.spot)
    if name.text.startswith("#"):
        yield Finding("CRED-12", ERROR, "a name that begins with #", name.spot)
    if name.text.lower().startswith(("https://", "http://")):
        yield Finding("CRED-10", ERROR, f"a name that does not begin with {SCHEME}", name.spot)
    elif _is_address(credential) and name.text.endswith("/"):
        yield Finding("CRED-08", WARNING, "a slash at the end of the name", name.spot)


def _check_identity(credential: Credential) -> Iterator[Finding]:
    identity = credential.identity
    if identity and identity.known and identity.text != S3_IDENTITY:
        if "managed identity" in identity.text.lower():
            yield Finding("CRED-16", ERROR, "a managed identity", identity.spot)
        else:
            severity = WARNING if identity.text.lower() == S3_IDENTITY.lower() else ERROR
            yield Finding("CRED-01", severity, f"IDENTITY is not {S3_IDENTITY!r}", identity.spot)


def _check_secret(credential: Credential) -> Iterator[Finding]:
    secret = credential.secret
    if secret is None:
        yield Finding("CRED-02", ERROR, "no SECRET", credential.spot)
    elif secret.known and not _PLACEHOLDER.search(secret.text):
        yield from _check_keys(secret)


def _check_keys(secret: Value) -> Iterator[Finding]:
    key, _, rest = secret.text.partition(":")
    if secret.text.count(":") > 1:
        yield Finding("CRED-04", ERROR, f"{secret.text.count(':')} colons in SECRET", secret.spot)
    elif not (key and rest):
        yield Finding("CRED-02", ERROR, "SECRET is no key id, colon and secret key", secret.spot)
    elif secret.text.split() != [secret.text]:
        yield Finding("CRED-02", ERROR, "blanks in SECRET", secret.spot)
    elif _TEMPORARY.fullmatch(key):
        yield Finding("CRED-13", ERROR, "a key of the kind that comes with a session token", secret.spot)
    elif not (key + rest).isalnum():
        yield Finding("CRED-05", NOTE, "other characters than letters and digits in SECRET", secret.spot)


def _check_use(transfer: Transfer, known: Sequence[Credential]) -> Iterator[Finding]:
    """Whether a statement has a credential, where the script makes some; others may be on the server."""
    option = transfer.option("CREDENTIAL")
    if option and option.value:
        names = {found.name.text.lower() for found in known}
        if option.value.known and option.value.text.lower() not in names:
            yield Finding("CRED-09", NOTE, "the script makes no credential of this name", option.spot)
        return
    if not transfer.whole:
        return
    for device in transfer.urls:
        found = _check_lookup(device, [credential.name.text for credential in known])
        if found:
            yield found
            return


def _check_lookup(device: Device, names: Sequence[str]) -> Finding | None:
    """What is wrong about the credential that a URL gets."""
    address = device.address
    if not address or not address.proper or not address.judged:
        return None
    url = address.text.lower()
    starts = [name.lower().rstrip("/") for name in names if name.lower().startswith(SCHEME)]
    matching = [name for name in starts if _is_start(name, url)]
    if not matching:
        near = any(_is_start(_portless(name), _portless(url)) for name in starts)
        if near:
            return Finding("CRED-10", WARNING, "the credential has another port than the URL", device.spot)
        what = f"no credential of the script is named like the start of {address.shown}"
        return Finding("CRED-14", NOTE, what, device.spot)
    if all("/" not in name.removeprefix(SCHEME) for name in matching) and address.needs_bucket:
        return Finding("CRED-08", NOTE, "the credential's name ends at the host, in front of the bucket", device.spot)
    return None


def _is_start(name: str, url: str) -> bool:
    return url == name or url.startswith(f"{name}/")


def _portless(url: str) -> str:
    address = Address(url)
    return f"{SCHEME}{address.host}{address.path}"
