"""Reads the files a profile names, with one short reason when that fails."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


class FileError(ValueError):
    """A file could not be read; the text is the rest of a sentence that begins with the file."""


class NoFileError(FileError):
    """There is no such file."""


def read_bytes(path: Path) -> bytes:
    """What the file holds.

    :raises NoFileError: there is no such file.
    :raises FileError: it is a directory, locked away, or its path is no path at all.
    """
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise NoFileError("does not exist") from None
    except (OSError, ValueError) as problem:
        reason = "is a directory" if _is(path.is_dir) else f"cannot be read ({type(problem).__name__})"
        raise FileError(reason) from None


def is_file(path: Path) -> bool:
    """Whether there is such a file; False also for what can be no path at all."""
    return _is(path.is_file)


def _is(question: Callable[[], bool]) -> bool:
    try:
        return question()
    except (OSError, ValueError):
        return False
