"""Takes secrets out of what is recorded, in every spelling in which a request, an answer or a log may carry them."""

from __future__ import annotations

import base64
import html
import json
import re
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, quote_plus

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

MARK = "***"
"""What stands where a secret stood; shorter than any secret, so it can't contain one."""

SHORTEST = 4
"""Shorter secrets are refused: taking every 'abc' out of a report would ruin it and hide nothing."""

SAFE_SETS = ("", "/", "+", "/+", "/+=", "-._~/")
"""Characters that URL-quoting implementations leave alone, seen in SDKs and servers."""

SIGNED = (
    re.compile(r"(\bSignature=)[0-9a-fA-F]{16,}"),
    re.compile(r"((?i:X-Amz-(?:Signature|Security-Token|Credential))(?:[\"']?\s*[:=]\s*[\"']?|%3[Dd]))[^\s&\"'<>,;]+"),
    re.compile(r"(<SignatureProvided>)[^<]+"),
    re.compile(r"((?i:\bAuthorization[\"']?\s*[:=]\s*[\"']?(?:Basic|Bearer)\s))[^\s\"',;]+"),
    re.compile(r"(\bAWS [^\s:\"']+:)[A-Za-z0-9+/=]{20,}"),
)
"""What proves a signature or is a token of its own, whoever's key made it; the group is kept."""

SIGNS = re.compile(r"(?i)signature|x-amz-|authorization|\baws ")
"""One of these is in every text that SIGNED has something to take out of; most texts have none."""

WHOLE_VALUES = frozenset({"cookie", "set-cookie", "proxy-authorization", "x-amz-security-token"})
"""Headers whose whole value goes."""

BASE64_LETTER = "[A-Za-z0-9+/_-]"


class Redactor:
    """Replaces each secret by ``***``.

    A secret goes in raw form, URL-quoted (once or twice, either case of the digits), in base64 (standard and
    URL-safe, also inside a longer base64 text), JSON-escaped, XML- and HTML-escaped, and as hexadecimal UTF-8.
    Independent of the secrets, signatures, session tokens and the credential of signed URLs go too. Base64 that is
    broken into lines is not joined before it is searched.

    :param secrets: what must not be recorded, key ids included where those are private.
    :raises ValueError: a secret has fewer than four characters; the text names none.
    """

    def __init__(self, secrets: Iterable[str]) -> None:
        unique = sorted(set(secrets), key=len, reverse=True)
        if any(len(secret) < SHORTEST for secret in unique):
            raise ValueError(f"a secret has fewer than {SHORTEST} characters; use a longer one, this can't be hidden")
        plain = {form for secret in unique for form in _spellings(secret)}
        self._plain = sorted(plain, key=len, reverse=True)
        packed = {form for secret in unique for form in _packed(secret)}
        self._packed = [(form, _with_neighbours(form)) for form in sorted(packed, key=len, reverse=True)]

    def text(self, text: str) -> str:
        """The text without the secrets."""
        for form in self._plain:
            if form in text:
                text = text.replace(form, MARK)
        for form, pattern in self._packed:
            if form in text:
                text = pattern.sub(MARK, text)
        for pattern in SIGNED if SIGNS.search(text) else ():
            text = pattern.sub(rf"\g<1>{MARK}", text)
        return text

    def json(self, value: Any) -> Any:
        """A JSON value with every text in it redacted, names of objects included; bytes become text."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, bytes | bytearray):
            return self.text(bytes(value).decode("utf-8", "backslashreplace"))
        if isinstance(value, list | tuple):
            return [self.json(item) for item in value]
        if hasattr(value, "items"):
            return {self.json(name): self._named(name, item) for name, item in value.items()}
        return value

    def _named(self, name: object, value: Any) -> Any:
        if isinstance(name, str) and name.lower() in WHOLE_VALUES:
            return MARK
        if isinstance(name, str) and name.lower() == "authorization" and isinstance(value, str):
            scheme, _, rest = self.text(value).partition(" ")
            return f"{scheme} {MARK}" if scheme.lower() in ("basic", "bearer") and rest else self.text(value)
        return self.json(value)


def _spellings(secret: str) -> Iterator[str]:
    """Forms that are as recognisable as the secret itself."""
    raw = secret.encode("utf-8", "surrogatepass")
    yield secret
    yield from (raw.hex(), raw.hex().upper())
    yield from _quoted(secret)
    yield from _json_escaped(secret)
    yield from _markup_escaped(secret)
    yield repr(secret)[1:-1]


def _quoted(secret: str) -> Iterator[str]:
    for safe in SAFE_SETS:
        for quoter in (quote, quote_plus):
            once = quoter(secret, safe=safe, errors="surrogatepass")
            yield from (once, _lower_digits(once))
            twice = quote(once, safe=safe)
            yield from (twice, _lower_digits(twice), quote(_lower_digits(once), safe=safe))


def _lower_digits(quoted: str) -> str:
    return re.sub(r"%(?:25)?[0-9A-F]{2}", lambda match: match.group().lower(), quoted)


def _json_escaped(secret: str) -> Iterator[str]:
    for text in (secret, json.dumps(secret)[1:-1], json.dumps(secret, ensure_ascii=False)[1:-1]):
        for ascii_only in (True, False):
            escaped = json.dumps(text, ensure_ascii=ascii_only)[1:-1]
            for form in (escaped, escaped.replace("/", "\\/")):
                yield form
                yield re.sub(r"\\u[0-9a-f]{4}", lambda match: "\\u" + match.group()[2:].upper(), form)


def _markup_escaped(secret: str) -> Iterator[str]:
    full = html.escape(secret)
    for form in (full, html.escape(secret, quote=False), html.escape(secret, quote=False).replace('"', "&quot;")):
        for apostrophe in ("&#x27;", "&#39;", "&apos;"):
            spelt = form.replace("&#x27;", apostrophe).replace("'", apostrophe)
            for text in (form, spelt, spelt.replace("&quot;", "&#34;")):
                yield text
                yield text.encode("ascii", "xmlcharrefreplace").decode("ascii")


def _packed(secret: str) -> Iterator[str]:
    """The letters of base64 that a secret alone decides, at each of the three places it can have in a longer text."""
    raw = secret.encode("utf-8", "surrogatepass")
    for offset in range(3):
        letters = base64.b64encode(b"\0" * offset + raw).decode("ascii")
        core = letters[-(-offset * 8 // 6) : (offset + len(raw)) * 8 // 6]
        for form in (core, core.translate(str.maketrans("+/", "-_"))):
            once = quote(form, safe="")
            yield from (form, once, _lower_digits(once), form.replace("/", "\\/"), quote(form, safe="/"))


def _with_neighbours(form: str) -> re.Pattern[str]:
    """The letters beside the core carry some bits of the secret's first and last byte; they go too."""
    return re.compile(f"{BASE64_LETTER}?{re.escape(form)}{BASE64_LETTER}?(?:=|%3[Dd]){{0,2}}")
