"""Reads a run file back, and refuses one that is cut off, mixed from several runs, or says what its records don't."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

from restoreproof.reports.lines import FILE_NAME, RunFileError, problem_of
from restoreproof.reports.outcome import as_declared, counts, judge
from restoreproof.reports.record import SCHEMA_VERSION, Footer, Header, Record, Run

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

AGAIN = "run `restoreproof certify` again"
NOT_OURS = "give the folder that `restoreproof certify` wrote, or its run.jsonl"
ONE_RUN = "give the untouched file of one run"


def read_run(path: Path) -> Run:
    """The run that a file, or the folder it lies in, holds.

    :raises RunFileError: there is none, or it can't be trusted; one line with file, line and what to do.
    """
    file = path / FILE_NAME if path.is_dir() else path
    lines = _lines(file)
    parsed = [_parsed(file, number, line) for number, line in enumerate(lines, 1)]
    _check_order(file, parsed)
    header = Header.from_json(parsed[0])
    records = tuple(_records(file, header, parsed[1:-1]))
    footer = Footer.from_json(_without_envelope(parsed[-1]))
    _check_footer(file, len(lines), Run(header, records, footer))
    _check_seal(file, lines, parsed[-1]["lines"])
    return Run(header, records, footer)


def _lines(file: Path) -> list[bytes]:
    try:
        content = file.read_bytes()
    except FileNotFoundError as problem:
        raise RunFileError(file, 0, "there is no run file here", _nearby(file)) from problem
    except OSError as problem:
        raise RunFileError(file, 0, f"can't be read: {problem.strerror}", NOT_OURS) from problem
    if not content:
        raise RunFileError(file, 0, "the run file is empty: the run was cut off before it began", AGAIN)
    if not content.endswith(b"\n"):
        number = content.count(b"\n") + 1
        raise RunFileError(file, number, "the run file is truncated in the middle of this line", AGAIN)
    return [line.rstrip(b"\r") for line in content.split(b"\n")[:-1]]


def _nearby(file: Path) -> str:
    """Whoever names the folder of a provider most likely means its newest run."""
    below = sorted(file.parent.glob(f"*/{FILE_NAME}")) if file.parent.is_dir() else []
    return f"did you mean {below[-1].parent}?" if below else NOT_OURS


def _parsed(file: Path, number: int, line: bytes) -> Mapping[str, Any]:
    try:
        data = json.loads(line.decode("utf-8"))
    except (ValueError, RecursionError) as problem:
        raise RunFileError(file, number, f"not a line of JSON ({_short(problem)})", NOT_OURS) from problem
    if not isinstance(data, dict):
        raise RunFileError(file, number, "not a line of a run file", NOT_OURS)
    version = data.get("schema", SCHEMA_VERSION)
    if data.get("kind") == "header" and version != SCHEMA_VERSION:
        fix = "read it with the release of RestoreProof that wrote it, or " + AGAIN
        problem_text = f"written in version {version!r} of the format, this release reads version {SCHEMA_VERSION}"
        raise RunFileError(file, number, problem_text, fix)
    problem_found = problem_of(data)
    if problem_found:
        raise RunFileError(file, number, f"breaks the schema of run files: {problem_found}", ONE_RUN)
    return data


def _short(problem: Exception) -> str:
    return " ".join(str(problem).split())[:80]


def _check_order(file: Path, parsed: Sequence[Mapping[str, Any]]) -> None:
    for number, line in enumerate(parsed, 1):
        if (line["kind"] == "header") != (number == 1):
            problem = "a second header: two runs in one file" if number > 1 else "the first line is not a header"
            raise RunFileError(file, number, problem, ONE_RUN)
        if line["kind"] == "footer" and number < len(parsed):
            raise RunFileError(file, number + 1, "lines after the footer: two runs in one file", ONE_RUN)
        if line["run"] != parsed[0]["run"]:
            raise RunFileError(file, number, f"belongs to another run, {line['run']!r}", ONE_RUN)
    if parsed[-1]["kind"] != "footer":
        raise RunFileError(file, len(parsed), "the run file is truncated: it has no footer", AGAIN)


def _records(file: Path, header: Header, lines: Sequence[Mapping[str, Any]]) -> Iterator[Record]:
    seen: set[str] = set()
    known = {area["name"] for area in header.areas}
    for number, line in enumerate(lines, 2):
        record = Record.from_json(_without_envelope(line))
        requirement = record.requirement
        if record.id in seen:
            raise RunFileError(file, number, f"{record.id} is recorded twice", ONE_RUN)
        if requirement.area not in known or requirement.level != line["requirement"]["level"]:
            raise RunFileError(file, number, f"{record.id} is not of the register that the header names", ONE_RUN)
        seen.add(record.id)
        yield record


def _without_envelope(line: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in line.items() if name not in ("run", "lines")}


def _check_footer(file: Path, number: int, run: Run) -> None:
    rung, reason = judge(run.header, run.records)
    declared = as_declared(run.records, run.footer.cleanup["error"], run.footer.usage)
    for name, written, computed in (
        ("counts", dict(run.footer.counts), counts(run.records)),
        ("as_declared", run.footer.as_declared, declared),
        ("rung", run.footer.rung, rung),
        ("reason", run.footer.reason, reason),
    ):
        if written != computed:
            problem = f"the footer's {name} is {written!r}, but the records give {computed!r}"
            raise RunFileError(file, number, problem, ONE_RUN)


def _check_seal(file: Path, lines: Sequence[bytes], seal: str) -> None:
    found = hashlib.sha256(b"".join(line + b"\n" for line in lines[:-1])).hexdigest()
    if found != seal:
        raise RunFileError(file, len(lines), "a line was changed after the run was sealed", ONE_RUN)
