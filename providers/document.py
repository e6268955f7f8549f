"""Reads a TOML file into a table that knows its lines."""

from __future__ import annotations

import hashlib
import re
import tomllib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from restoreproof.providers.files import FileError, NoFileError, read_bytes
from restoreproof.providers.lines import find_lines
from restoreproof.providers.problems import Problems, refusal
from restoreproof.providers.table import Table

if TYPE_CHECKING:
    from pathlib import Path

_AT = re.compile(r" \(at (?:line (\d+), column (\d+)|end of document)\)$")


@dataclass(frozen=True)
class Document:
    """A file that is valid TOML: its outermost table, the collector of problems, and the SHA-256 (hex) of its bytes."""

    table: Table
    problems: Problems
    digest: str


def read_document(file: str, path: Path) -> Document:
    """Read one TOML file.

    :param file: the file as its user named it, for messages.
    :raises ProfileError: there is no such file, or it is no UTF-8 text, or no valid TOML.
    """
    try:
        data = read_bytes(path)
    except NoFileError:
        raise refusal(file, "there is no such file; restoreproof profile new writes a starter") from None
    except FileError as problem:
        raise refusal(file, f"{problem}; give a profile's .toml file") from None
    text = _decode(file, data)
    try:
        values = _parse(file, text)
        problems = Problems(find_lines(text))
    except RecursionError:
        raise refusal(file, "is nested too deeply") from None
    return Document(Table(values, (), problems), problems, hashlib.sha256(data).hexdigest())


def _decode(file: str, data: bytes) -> str:
    """The text; the byte order mark that some Windows editors write is no fault."""
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise refusal(file, "is UTF-16; save it as UTF-8")
    try:
        return data.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError as problem:
        line = data.count(b"\n", 0, problem.start) + 1
    raise refusal(file, "is not UTF-8 text; save it as UTF-8", line)


def _parse(file: str, text: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except ValueError as problem:
        said = str(problem)
    at = _AT.search(said)
    line = int(at[1]) if at and at[1] else text.rstrip("\n").count("\n") + 1
    reason = said[: at.start()] if at else "a number is out of bounds"
    raise refusal(file, f"no valid TOML: {reason}{f' (column {at[2]})' if at and at[2] else ''}", line)
