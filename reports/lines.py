"""The lines of a run file: JSON text in UTF-8, ended by a single line feed on every system, checked by one schema."""

from __future__ import annotations

import json
from datetime import date, datetime
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from jsonschema import Draft202012Validator

FILE_NAME = "run.jsonl"
"""What the run file is called inside the folder of a run."""

KINDS = ("header", "check", "footer")
"""The kinds of line, each of which the schema defines under its name."""

LONGEST_PROBLEM = 160


class RunFileError(ValueError):
    """A run file can't be written, or can't be trusted; one line with file, line, what is wrong and how to mend it."""

    def __init__(self, path: Path, line: int, problem: str, fix: str) -> None:
        place = f"{path}:{line}" if line else f"{path}"
        super().__init__(f"{place}: {problem}; {fix}")
        self.path, self.line, self.problem, self.fix = path, line, problem, fix


class FolderError(RunFileError):
    """The folder for runs can't be used, whoever runs; not one that is just full."""


def encode(data: Mapping[str, Any]) -> bytes:
    """One line of a run file, line feed included.

    Evidence may hold what S3 clients return: times become ISO 8601 text, bytes become text, any other object its
    ``str``. Half characters (lone surrogates), which no UTF-8 file can hold, become question marks.

    :raises ValueError: a number is not finite.
    """
    text = json.dumps(data, ensure_ascii=False, allow_nan=False, separators=(",", ":"), default=_plain)
    return text.encode("utf-8", "replace") + b"\n"


def pretty(data: Mapping[str, Any]) -> str:
    """JSON for people, in several lines, that spells out the same objects as :func:`encode`."""
    return json.dumps(data, ensure_ascii=False, indent=2, default=_plain)


def problem_of(data: object) -> str:
    """What the schema has against a line, in one sentence; empty when it is a valid line."""
    from jsonschema.exceptions import best_match  # noqa: PLC0415  # the commands that read no run file need not wait

    kind = data.get("kind") if isinstance(data, dict) else None
    error = best_match(_validator(kind if kind in KINDS else "").iter_errors(data))
    if error is None:
        return ""
    place = ".".join(str(step) for step in error.absolute_path) or "line"
    text = " ".join(error.message.split())
    return f"{place}: {text if len(text) <= LONGEST_PROBLEM else '… ' + text[-LONGEST_PROBLEM:]}"


@cache
def _validator(kind: str) -> Draft202012Validator:
    """The validator of a kind of line; with definitions where they are used it is twice as fast as with references."""
    from jsonschema import Draft202012Validator  # noqa: PLC0415  # as above

    schema = json.loads(resources.files(__package__).joinpath("run.schema.json").read_text(encoding="utf-8"))
    definitions = schema["$defs"]
    return Draft202012Validator(_spelled_out(definitions[kind], definitions) if kind else schema)


def _spelled_out(part: Any, definitions: Mapping[str, Any]) -> Any:
    if isinstance(part, list):
        return [_spelled_out(each, definitions) for each in part]
    if not isinstance(part, dict):
        return part
    named = part.get("$ref", "").removeprefix("#/$defs/")
    found = {**definitions[named], **part} if named else part
    return {name: _spelled_out(value, definitions) for name, value in found.items() if name != "$ref"}


def _plain(value: object) -> object:
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, bytes | bytearray):
        return bytes(value).decode("utf-8", "backslashreplace")
    if isinstance(value, set | frozenset):
        return sorted(value, key=str)
    return str(value)
