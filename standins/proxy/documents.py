"""S3's XML bodies, read and altered as text: what is not meant to change stays byte for byte."""

from __future__ import annotations

import re
from html import escape, unescape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = [
    "appended",
    "complete_document",
    "completed_parts",
    "element",
    "elements",
    "error",
    "filtered",
    "replaced",
    "text",
]

_HEAD = b'<?xml version="1.0" encoding="UTF-8"?>\n'


def text(document: bytes, tag: str) -> str:
    """Give the text of the first element of that name, decoded; empty where there is none."""
    found = re.search(rb"<%s(?:\s[^>]*)?>([^<]*)<" % tag.encode(), document)
    return unescape(found[1].decode()) if found else ""


def replaced(document: bytes, tag: str, value: str) -> bytes:
    """Give the first element of that name another text."""
    pattern = rb"(<%s(?:\s[^>]*)?>)[^<]*(?=<)" % tag.encode()
    return re.sub(pattern, lambda found: bytes(found[1]) + escape(value).encode(), document, count=1)


def elements(document: bytes, tag: str) -> list[bytes]:
    """List the elements of that name, tags included; they must not nest."""
    return re.findall(rb"<%s>.*?</%s>" % (tag.encode(), tag.encode()), document, re.DOTALL)


def element(tag: str, **children: str) -> bytes:
    """Write an element whose children have these names and texts."""
    inner = "".join(f"<{name}>{escape(value)}</{name}>" for name, value in children.items())
    return f"<{tag}>{inner}</{tag}>".encode()


def filtered(document: bytes, tag: str, keep: Callable[[bytes], bool]) -> bytes:
    """Drop the elements of that name that `keep` does not want."""
    for element in elements(document, tag):
        if not keep(element):
            document = document.replace(element, b"", 1)
    return document


def appended(document: bytes, *more: bytes) -> bytes:
    """Put elements at the end of the root."""
    start = document.rfind(b"</")
    return document[:start] + b"".join(more) + document[start:]


def completed_parts(document: bytes) -> list[tuple[int, str]]:
    """List number and ETag (as written, quotes included) of the parts that a CompleteMultipartUpload names."""
    rows = elements(document, "Part")
    return [(int(text(row, "PartNumber") or 0), text(row, "ETag")) for row in rows]


def complete_document(parts: Sequence[tuple[int, str]]) -> bytes:
    """Write the body of a CompleteMultipartUpload."""
    rows = "".join(f"<Part><PartNumber>{number}</PartNumber><ETag>{escape(tag)}</ETag></Part>" for number, tag in parts)
    return f"<CompleteMultipartUpload>{rows}</CompleteMultipartUpload>".encode()


def error(code: str, message: str) -> bytes:
    """Write an S3 error document."""
    text = f"<Error><Code>{escape(code)}</Code><Message>{escape(message)}</Message><RequestId>0</RequestId></Error>"
    return _HEAD + text.encode()
