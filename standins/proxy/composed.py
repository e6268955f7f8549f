"""Defects with a value, such as ``parts=1000``: a store that has exactly the capabilities and limits of a profile.

One table: each capability and limit that a check looks at, and what the proxy does about a value of it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from difflib import get_close_matches
from html import unescape
from typing import TYPE_CHECKING

from restoreproof.standins.proxy import documents
from restoreproof.standins.proxy.completing import named_parts
from restoreproof.standins.proxy.defect import Defect
from restoreproof.standins.proxy.defects import (
    abort,
    addressing,
    completion,
    credentials,
    lists,
    multipart,
    part_numbers,
    tls,
)
from restoreproof.standins.proxy.operation import Kind
from restoreproof.standins.proxy.shapes import on_answer, on_answer_head, on_request, on_request_body
from restoreproof.standins.proxy.uploads import OPEN

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from mitmproxy.http import HTTPFlow

    from restoreproof.standins.proxy.context import Context

    Alteration = Callable[[Context, HTTPFlow], None]
    Factory = Callable[[Context], object]

__all__ = ["PLAYS", "composed", "is_composed"]

_NOT_FOUND = 404
_MOST_PARTS = 10_000
_TAG = '"d41d8cd98f00b204e9800998ecf8427e"'


@dataclass(frozen=True)
class Play:
    """What the proxy does about a word: a sentence, the spelling of its values, and the maker of an add-on."""

    sentence: str
    values: str
    make: Callable[[str], Factory]


def is_composed(name: str) -> bool:
    """Tell whether a defect's name is a word and its value."""
    return "=" in name


def composed(name: str) -> Defect:
    """Give the defect that a word and its value name.

    :raises LookupError: there is no such word, or the value is none that can be played.
    """
    word, _, value = name.partition("=")
    if word not in PLAYS:
        near = get_close_matches(word, PLAYS, n=1)
        hint = f"did you mean '{near[0]}'?" if near else f"there are {', '.join(sorted(PLAYS))}."
        raise LookupError(f"There is no defect '{name}': nothing plays '{word}'; {hint}")
    play = PLAYS[word]
    if not re.fullmatch(play.values, value):
        raise LookupError(f"There is no defect '{name}': its value has to be {play.values.replace('|', ' or ')}.")
    return Defect(name, play.sentence.format(value=value), "", (), play.make(value))


def _refusing(status: int, code: str, *kinds: Kind) -> Factory:
    return on_request(lambda context, flow: context.refuse(flow, status, code), *kinds)


def _known(area: Sequence[Defect], name: str) -> Callable[[str], Factory]:
    """What plays a defect of the catalogue, whatever the value."""
    (addon,) = (defect.addon for defect in area if defect.name == name)
    return lambda _: addon


# addressing and names


def _refuse_path_style(context: Context, flow: HTTPFlow) -> None:
    operation = context.operation(flow)
    if operation.bucket and not operation.virtual:
        context.refuse(flow, _NOT_FOUND, "NoSuchBucket")


def _with_segments_up_to(most: int) -> Alteration:
    def alter(context: Context, flow: HTTPFlow) -> None:
        if any(len(segment.encode()) > most for segment in context.operation(flow).key.split("/")):
            context.refuse(flow, 400, "KeyTooLongError")

    return alter


# multipart uploads


def _with_parts_up_to(most: int) -> Alteration:
    """Refuse numbers above the limit; what is below it and above 10,000, which the store refuses, is answered here."""

    def alter(context: Context, flow: HTTPFlow) -> None:
        number = context.operation(flow).part
        if number > most:
            context.refuse(flow, 400, "InvalidArgument")
        elif number > _MOST_PARTS and context.is_signed(flow):
            context.answer(flow, 200, etag=_TAG)

    return alter


def _with_parts_of_at_least(least: int) -> Alteration:
    """Refuse what is smaller; a store that asks for more than that has to be told to ask for less itself."""

    def alter(context: Context, flow: HTTPFlow) -> None:
        upload, named = context.uploads.of(flow), named_parts(flow)
        if upload and any(number in upload.parts and upload.parts[number].size < least for number, _ in named[:-1]):
            context.refuse(flow, 400, "EntityTooSmall")

    return alter


def _with_parts_of_at_most(most: int) -> Alteration:
    def alter(context: Context, flow: HTTPFlow) -> None:
        if int(flow.request.headers.get("content-length", "0")) > most:
            context.refuse(flow, 400, "EntityTooLarge")

    return alter


def _with_open_uploads_up_to(most: int) -> Alteration:
    def alter(context: Context, flow: HTTPFlow) -> None:
        bucket = context.operation(flow).bucket
        if sum(upload.bucket == bucket and upload.state == OPEN for upload in context.uploads.seen.values()) >= most:
            context.refuse(flow, 503, "SlowDown")

    return alter


def _list_exact_key_only(context: Context, flow: HTTPFlow) -> None:
    assert flow.response
    prefix = context.operation(flow).query.get("prefix", "")
    body = flow.response.content or b""
    flow.response.content = documents.filtered(body, "Upload", lambda row: documents.text(row, "Key") == prefix)


# reads and lists


def _missing_head(status: str) -> Factory:
    def alter(context: Context, flow: HTTPFlow) -> None:
        assert flow.response
        if flow.response.status_code == _NOT_FOUND:
            context.answer(flow, int(status))

    return on_answer_head(alter, Kind.HEAD_OBJECT)


def _listed_in(order: str) -> Factory:
    def alter(_context: Context, flow: HTTPFlow) -> None:
        assert flow.response
        body = flow.response.content or b""
        rows = documents.elements(body, "Contents")
        rest = documents.filtered(body, "Contents", lambda _: False)
        ordered = sorted(rows, key=_in_utf16) if order == "utf16" else rows[::-1]
        flow.response.content = documents.appended(rest, *ordered)

    return on_answer(alter, Kind.LIST_OBJECTS)


def _in_utf16(row: bytes) -> bytes:
    found = re.search(rb"<Key>([^<]*)</Key>", row)
    return unescape(found[1].decode() if found else "").encode("utf-16-be")


def _refuse_second_version(context: Context, flow: HTTPFlow) -> None:
    if context.operation(flow).query.get("list-type") == "2":
        context.refuse(flow, 501, "NotImplemented")


# rules of buckets


@dataclass
class _Rules:
    """Keeps the document of a sub-resource that the store does not know, and gives it back."""

    context: Context
    about: str
    kept: dict[str, bytes] = field(default_factory=dict)

    def requestheaders(self, flow: HTTPFlow) -> None:
        if self._asks(flow, "PUT"):
            self.context.hold_request(flow)
        elif self._asks(flow, "GET") and self._bucket(flow) in self.kept and self.context.is_signed(flow):
            self.context.answer(flow, 200, self.kept[self._bucket(flow)])

    def request(self, flow: HTTPFlow) -> None:
        if self._asks(flow, "PUT") and flow.response is None and self.context.is_signed(flow):
            self.kept[self._bucket(flow)] = flow.request.content or b""
            self.context.answer(flow, 200)

    def _asks(self, flow: HTTPFlow, method: str) -> bool:
        operation = self.context.operation(flow)
        return flow.request.method == method and self.about in operation.query and not operation.key

    def _bucket(self, flow: HTTPFlow) -> str:
        return self.context.operation(flow).bucket


def _ruled_by(about: str) -> Callable[[str], Factory]:
    return lambda _: lambda context: _Rules(context, about)


def _refuse_rules_of(about: str) -> Callable[[str], Factory]:
    def alter(context: Context, flow: HTTPFlow) -> None:
        operation = context.operation(flow)
        if about in operation.query and not operation.key:
            context.refuse(flow, 501, "NotImplemented")

    return lambda _: on_request(alter, Kind.OTHER)


def _in_part_heads(alteration: Callable[[int], Alteration]) -> Callable[[str], Factory]:
    return lambda value: on_request(alteration(int(value)), Kind.UPLOAD_PART)


def _etag(value: str) -> Factory:
    if value == "sha256":
        return _known(completion.DEFECTS, "etag-without-part-count")(value)
    return on_answer(_name_zero, Kind.COMPLETE_UPLOAD)


def _name_zero(_context: Context, flow: HTTPFlow) -> None:
    assert flow.response
    flow.response.content = documents.replaced(flow.response.content or b"", "ETag", '"00"')
    if "etag" in flow.response.headers:
        flow.response.headers["etag"] = '"00"'


def _by_tls(value: str) -> Factory:
    name = "tls13-only" if value == "1.3" else "old-tls-versions"
    return _known(tls.DEFECTS, name)(value)


_NUMBER = r"[1-9][0-9]{0,12}"

PLAYS = {
    "path_style": Play(
        "A bucket in the path of the URL is said to be absent.", "false", lambda _: on_request(_refuse_path_style)
    ),
    "virtual_host": Play(
        "A bucket in the host name is said to be absent.", "false", _known(addressing.DEFECTS, "virtual-host-refused")
    ),
    "key_segment": Play(
        "Between two slashes of a key there may be {value} bytes.",
        _NUMBER,
        lambda value: on_request(_with_segments_up_to(int(value))),
    ),
    "slash_is_directory": Play(
        "Keys are files and folders.", "true", _known(addressing.DEFECTS, "files-are-no-folders")
    ),
    "tls_minimum": Play("TLS {value} is the oldest version that is taken.", r"1\.0|1\.1|1\.3", _by_tls),
    "bucket_creation": Play(
        "No bucket is created over S3 (but by the {value}).",
        "admin|operator",
        lambda _: _refusing(405, "MethodNotAllowed", Kind.CREATE_BUCKET),
    ),
    "payload_hash_verified": Play(
        "A body is not compared with its signed hash.", "false", _known(credentials.DEFECTS, "payload-hash-unchecked")
    ),
    "parts": Play("An upload may have {value} parts.", _NUMBER, _in_part_heads(_with_parts_up_to)),
    "part_maximum": Play("A part may have {value} bytes.", _NUMBER, _in_part_heads(_with_parts_of_at_most)),
    "part_minimum": Play(
        "A part that is not the last must have {value} bytes.",
        r"[0-9]{1,12}",
        lambda value: on_request_body(_with_parts_of_at_least(int(value)), Kind.COMPLETE_UPLOAD),
    ),
    "open_uploads": Play(
        "A bucket takes {value} open uploads at a time.",
        _NUMBER,
        lambda value: on_request(_with_open_uploads_up_to(int(value)), Kind.CREATE_UPLOAD),
    ),
    "equal_parts": Play(
        "All parts but the last must have one size.", "required", _known(multipart.DEFECTS, "equal-parts-demanded")
    ),
    "contiguous_parts": Play("Part numbers may have no gap.", "required", _known(part_numbers.DEFECTS, "gaps-refused")),
    "list_uploads": Play(
        "Open uploads can't be listed.", "false", lambda _: _refusing(501, "NotImplemented", Kind.LIST_UPLOADS)
    ),
    "list_uploads_by_prefix": Play(
        "Open uploads are listed under their exact key alone.",
        "false",
        lambda _: on_answer(_list_exact_key_only, Kind.LIST_UPLOADS),
    ),
    "abort_frees_parts": Play(
        "An aborted upload is still listed.", "false", _known(abort.DEFECTS, "abort-stays-listed")
    ),
    "etag": Play("The ETag of a multipart object is of the form {value}.", "sha256|zero-on-complete", _etag),
    "missing_head": Play("HEAD of an absent key is answered {value}.", "403|500|503", _missing_head),
    "listing_order": Play("Lists are in the order {value}.", "utf16|none", _listed_in),
    "listing_delimiter": Play("Lists know no delimiter.", "none", _known(lists.DEFECTS, "delimiter-ignored")),
    "listing_v2": Play(
        "There is no ListObjectsV2.", "false", lambda _: on_request(_refuse_second_version, Kind.LIST_OBJECTS)
    ),
    "lifecycle_rules": Play("A bucket keeps lifecycle rules.", "true", _ruled_by("lifecycle")),
    "object_lock": Play("A bucket keeps rules of Object Lock.", "true", _ruled_by("object-lock")),
    "default_encryption": Play("A bucket keeps rules of encryption.", "true", _ruled_by("encryption")),
    "versioning": Play("No bucket keeps versions.", "false", _refuse_rules_of("versioning")),
}
"""Every word that can be played, as profiles have them."""
