"""Defects of keys: names that are changed, refused, or taken for others."""

from __future__ import annotations

import posixpath
import re
import unicodedata
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import quote, unquote

from restoreproof.standins.proxy.defect import Defect
from restoreproof.standins.proxy.operation import Kind
from restoreproof.standins.proxy.shapes import on_request

if TYPE_CHECKING:
    from collections.abc import Callable

    from mitmproxy.http import HTTPFlow

    from restoreproof.standins.proxy.context import Context
    from restoreproof.standins.proxy.shapes import Factory

__all__ = ["DEFECTS"]

_LONGEST_URL = 255
_BASIC_PLANE = 0xFFFF
_WRITES = (Kind.PUT_OBJECT, Kind.CREATE_UPLOAD)


def _renamed(change: Callable[[str], str]) -> Factory:
    """Make an add-on's factory: every request for a key goes to another one, wherever that differs."""

    def alter(context: Context, flow: HTTPFlow) -> None:
        key = context.operation(flow).key
        if key and change(key) != key and context.is_signed(flow):
            _go_to(context, flow, change(key))

    return on_request(alter)


def _go_to(context: Context, flow: HTTPFlow, key: str) -> None:
    path, mark, query = flow.request.path.partition("?")
    start = 1 if context.operation(flow).virtual else path.index("/", 1) + 1
    flow.request.path = path[:start] + quote(key, safe="/~") + mark + query
    context.resign(flow)


def _refused(refuses: Callable[[str], bool], *kinds: Kind) -> Factory:
    """Make an add-on's factory: keys that are of a kind are refused."""

    def alter(context: Context, flow: HTTPFlow) -> None:
        if refuses(context.operation(flow).key):
            context.refuse(flow, 400, "InvalidURI")

    return on_request(alter, *kinds)


def _without_dots_and_spaces(key: str) -> str:
    return "/".join(name.strip(" ").rstrip(".") or name for name in key.split("/"))


def _resolved(key: str) -> str:
    return posixpath.normpath(key) if re.search(r"(^|/)\.\.?/", key) else key


def _refuse_long_urls(context: Context, flow: HTTPFlow) -> None:
    host, path = flow.request.headers.get("host", ""), unquote(flow.request.path.partition("?")[0])
    if len(f"s3://{host}{path}") > _LONGEST_URL:
        context.refuse(flow, 400, "InvalidURI")


def _refuse_lower_case_escapes(context: Context, flow: HTTPFlow) -> None:
    path = flow.request.path.partition("?")[0]
    if re.search(r"%(?:[a-f][0-9A-Fa-f]|[0-9A-Fa-f][a-f])", path):
        context.refuse(flow, 403, "SignatureDoesNotMatch")


@dataclass
class _CaseFolded:
    """Keeps the first spelling of a key, as file systems do that ignore case."""

    context: Context
    spellings: dict[tuple[str, str], str] = field(default_factory=dict)

    def requestheaders(self, flow: HTTPFlow) -> None:
        operation = self.context.operation(flow)
        if not operation.key or not self.context.is_signed(flow):
            return
        place = (operation.bucket, operation.key.lower())
        if operation.kind in _WRITES:
            self.spellings.setdefault(place, operation.key)
        spelling = self.spellings.get(place, operation.key)
        if spelling != operation.key:
            _go_to(self.context, flow, spelling)


DEFECTS = (
    Defect(
        "plus-becomes-space",
        "Keys are decoded twice: a plus sign is stored as a space.",
        "URL-12.special-characters",
        ("LIST-02.encoded-names", "LIST-02.prefix-as-typed", "URL-12.special-characters"),
        _renamed(lambda key: key.replace("+", " ")),
    ),
    Defect(
        "keys-ignore-case",
        "Keys that differ in upper and lower case only are one and the same.",
        "URL-12.case-distinct",
        ("LIST-02.no-neighbours", "URL-12.case-distinct"),
        _CaseFolded,
    ),
    Defect(
        "dollar-words-expanded",
        "A dollar sign and the word behind it vanish from the name of a folder, as if they were a variable.",
        "URL-12.script-names",
        ("LIST-02.prefix-as-typed", "URL-12.script-names"),
        _renamed(lambda key: re.sub(r"\$\w+(?=/)", "", key)),
    ),
    Defect(
        "supplementary-characters-refused",
        "Keys with characters of four bytes are refused, as by a database that knows only three.",
        "URL-12.supplementary-characters",
        ("LIST-02.order", "URL-12.supplementary-characters"),
        _refused(lambda key: any(ord(letter) > _BASIC_PLANE for letter in key), *_WRITES),
    ),
    Defect(
        "doubled-slashes-merged",
        "Doubled slashes in a key become one.",
        "URL-12.doubled-slash",
        ("URL-12.doubled-slash", "URL-12.look-alikes-apart"),
        _renamed(lambda key: re.sub("//+", "/", key)),
    ),
    Defect(
        "dot-segments-resolved",
        "Segments of one or two dots are resolved, as in the path of a file.",
        "URL-12.look-alikes-apart",
        ("URL-12.look-alikes-apart",),
        _renamed(_resolved),
    ),
    Defect(
        "trailing-dots-and-spaces-cut",
        "Spaces around a name and dots at its end are cut off.",
        "URL-12.look-alikes-apart",
        ("URL-12.look-alikes-apart",),
        _renamed(_without_dots_and_spaces),
    ),
    Defect(
        "unicode-normalised",
        "Letters and their accents are composed, so that two spellings of a name become one.",
        "URL-12.look-alikes-apart",
        ("URL-12.look-alikes-apart",),
        _renamed(lambda key: unicodedata.normalize("NFC", key)),
    ),
    Defect(
        "lower-case-escapes-refused",
        "A signature is computed over the path as it came, so escapes in lower case do not fit.",
        "URL-12.other-escapes",
        ("URL-12.other-escapes",),
        on_request(_refuse_lower_case_escapes),
    ),
    Defect(
        "long-urls-refused",
        "URLs of more than 255 characters are refused.",
        "URL-06.longest-url",
        ("URL-06.longest-url",),
        on_request(_refuse_long_urls),
    ),
)
