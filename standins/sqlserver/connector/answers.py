"""What the store's answers mean: operating system errors for refusals, and the few values that are taken from XML."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

from restoreproof.standins.sqlserver.connector import messages
from restoreproof.standins.sqlserver.connector.client import Fault

if TYPE_CHECKING:
    from collections.abc import Collection

    from restoreproof.standins.sqlserver.connector.client import Answer

__all__ = ["completed", "document", "error_of", "expect", "header", "listed", "range_of", "refusal", "value"]

_RANGE = re.compile(r"bytes (\d+)-(\d+)/(\d+)")
_AUTHENTICATION = {
    *("AccessDenied", "AuthorizationHeaderMalformed", "ExpiredToken", "InvalidAccessKeyId", "InvalidToken"),
    *("RequestTimeTooSkewed", "RequestExpired", "SignatureDoesNotMatch", "InvalidSignatureException"),
}
_TEMPORARY = {"InternalError", "SlowDown", "ServiceUnavailable", "RequestTimeout", "OperationAborted"}
_NUMBERS = {401: messages.ACCESS_DENIED, 403: messages.ACCESS_DENIED, 404: messages.NOT_SUPPORTED}
_OTHER = {405: messages.NOT_SUPPORTED, 501: messages.NOT_SUPPORTED}
_CODES = {
    "NoSuchBucket": messages.NOT_SUPPORTED,
    "NoSuchKey": messages.NOT_FOUND,
    "NoSuchUpload": messages.BAD_PARAMETER,
}


def document(body: bytes) -> ET.Element:
    """Parse an XML answer; its size is bounded by then, and declarations of types and entities are refused.

    :raises Fault: it is none, or holds what no S3 answer holds.
    """
    if b"<!DOCTYPE" in body or b"<!ENTITY" in body or b"\0" in body:
        raise Fault(messages.INVALID_DATA)
    try:
        root = ET.fromstring(body.lstrip())  # noqa: S314 - nothing is declared in it, so nothing expands
    except (ET.ParseError, ValueError, LookupError) as error:
        raise Fault(messages.INVALID_DATA) from error
    return root


def value(root: ET.Element, name: str) -> str:
    """Give the text of the first element of that name, whatever its namespace; empty where there is none."""
    return next((one.text or "" for one in root.iter() if _local(one) == name), "")


def expect(answer: Answer, root_name: str) -> ET.Element:
    """Parse an answer that must have a certain root; some stores say 200 and then an error.

    :raises Fault: it has another.
    """
    root = document(answer.body)
    if _local(root) == "Error":
        raise error_of(value(root, "Code"), 400)
    if _local(root) != root_name:
        raise Fault(messages.INVALID_DATA)
    return root


def listed(root: ET.Element, key: str) -> tuple[int, str] | None:
    """Find the size and the ETag of a key in a list; None where it is not listed."""
    for entry in root:
        if _local(entry) == "Contents" and value(entry, "Key") == key:
            size = value(entry, "Size")
            if not size.isdecimal():
                raise Fault(messages.INVALID_DATA)
            return int(size), value(entry, "ETag")
    return None


def _local(element: ET.Element) -> str:
    return element.tag.rpartition("}")[2]


def refusal(answer: Answer, retried: Collection[int]) -> Fault:
    """Tell what a status other than the expected stands for."""
    code = ""
    if answer.body[:200].lstrip().startswith(b"<") and answer.status >= 300:  # noqa: PLR2004 - no success
        try:
            code = value(document(answer.body), "Code")
        except Fault:
            code = ""
    return error_of(code, answer.status, retried)


def error_of(code: str, status: int, retried: Collection[int] = ()) -> Fault:
    """Tell what an S3 code, or a status where there is none, stands for.

    403 and 404 of a bucket are documented, 400 for a refused part too; the rest are guesses.
    """
    if code in _TEMPORARY:
        return Fault(messages.IO_ERROR, again=True, code=code)
    if code in _AUTHENTICATION:
        return Fault(messages.ACCESS_DENIED, code=code)
    if code in _CODES:
        return Fault(_CODES[code], code=code)
    if status in _NUMBERS or status in _OTHER:
        return Fault({**_NUMBERS, **_OTHER}[status], code=code)
    if status < 400:  # noqa: PLR2004 - redirects, and successes that are none
        return Fault(messages.NOT_SUPPORTED if status >= 300 else messages.INVALID_DATA, code=code)  # noqa: PLR2004
    server = status >= 500  # noqa: PLR2004 - the server's fault
    return Fault(messages.IO_ERROR if server else messages.BAD_PARAMETER, again=status in retried, code=code)


def header(answer: Answer, name: str) -> str:
    """Give a header that must be there.

    :raises Fault: it is not.
    """
    if not (found := answer.headers.get(name, "")):
        raise Fault(messages.INVALID_DATA)
    return found


def body_of(answer: Answer) -> bytes | memoryview:
    """Give the body, wherever it was read to."""
    return answer.body if answer.part is None else answer.part


def range_of(answer: Answer, first: int, last: int) -> int:
    """Give the object's size from an answer that must hold exactly this range.

    :raises Fault: it holds another, or another number of bytes.
    """
    found = _RANGE.fullmatch(answer.headers.get("content-range", ""))
    if answer.status != 206 or not found or answer.headers.get("content-encoding"):  # noqa: PLR2004 - partial content
        raise Fault(messages.INVALID_DATA)
    if (int(found[1]), int(found[2])) != (first, last) or len(body_of(answer)) != last - first + 1:
        raise Fault(messages.INVALID_DATA)
    return int(found[3])


def completed(answer: Answer) -> str:
    """Give the ETag of a completed upload; a 200 may yet hold an error.

    :raises Fault: it does, or is no answer to a completion.
    """
    return value(expect(answer, "CompleteMultipartUploadResult"), "ETag")
