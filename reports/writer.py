"""Writes the run file line by line, so that a killed run leaves a file that is short but honest."""

from __future__ import annotations

import errno
import hashlib
import json
import os
from contextlib import suppress
from typing import TYPE_CHECKING, Any, BinaryIO, Self

from restoreproof.reports.lines import FolderError, RunFileError, encode, problem_of

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path
    from types import TracebackType

    from restoreproof.reports.record import Footer, Header, Record

BUG = "this is a fault of RestoreProof, please report it"

FIXES = {
    errno.ENOSPC: "free some space, or choose another folder with --report-dir",
    errno.EDQUOT: "free some of your quota, or choose another folder with --report-dir",
    errno.EROFS: "choose a writable folder with --report-dir",
    errno.EACCES: "choose a writable folder with --report-dir",
    errno.EPERM: "choose a writable folder with --report-dir",
    errno.EEXIST: "a run never overwrites another; remove it, or choose another folder with --report-dir",
    errno.ENOTDIR: "choose a folder with --report-dir",
}
SPACE = (errno.ENOSPC, errno.EDQUOT)


class RunWriter:
    """Appends one header, any number of records and one footer to a file that did not exist before.

    Each line is checked against the schema, written and flushed before the call returns; the first and the last are
    synced, since a run without its footer is none. Missing folders are made. Every method raises
    :class:`RunFileError`, in one line that says how to mend it.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._run = ""
        self._ids: set[str] = set()
        self._digest = hashlib.sha256()
        self._line = 0
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file: BinaryIO = path.open("xb")
        except OSError as problem:
            raise self._refused(problem, RunFileError if problem.errno in SPACE else FolderError) from problem

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Close the file; without a footer the readers refuse it as truncated."""
        with suppress(OSError):  # every line was synced or its refusal told; what is left is the rest of a refused one
            self._file.close()

    def header(self, header: Header) -> None:
        """Write the first line."""
        if self._run:
            raise RunFileError(self.path, self._line + 1, "a second header", BUG)
        self._write(header.to_json())
        self._run = header.run

    def record(self, record: Record) -> None:
        """Write the verdict on one requirement."""
        if record.id in self._ids:
            raise RunFileError(self.path, self._line + 1, f"{record.id} is recorded twice", BUG)
        self._write({**record.to_json(), "run": self._begun()})
        self._ids.add(record.id)

    def footer(self, footer: Footer) -> None:
        """Write the last line, which seals all lines before it, and close the file."""
        self._write({**footer.to_json(), "run": self._begun(), "lines": self._digest.hexdigest()})
        self.close()

    def _begun(self) -> str:
        if not self._run or self._file.closed:
            raise RunFileError(self.path, self._line + 1, "a line before the header or after the footer", BUG)
        return self._run

    def _write(self, data: Mapping[str, Any]) -> None:
        try:
            line = encode(data)
        except ValueError as problem:
            raise RunFileError(self.path, self._line + 1, str(problem), BUG) from problem
        # What is checked is what readers will see: the text, not the Python values it came from.
        problem_found = problem_of(json.loads(line))
        if problem_found:
            raise RunFileError(self.path, self._line + 1, problem_found, BUG)
        try:
            self._file.write(line)
            self._file.flush()
            if data["kind"] != "check":
                os.fsync(self._file.fileno())
        except OSError as problem:
            raise self._refused(problem) from problem
        self._digest.update(line)
        self._line += 1

    def _refused(self, problem: OSError, kind: type[RunFileError] = RunFileError) -> RunFileError:
        fix = FIXES.get(problem.errno or 0, "choose another folder with --report-dir")
        return kind(self.path, 0, f"the run can't be recorded: {problem.strerror}", fix)
