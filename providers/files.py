"""Reads the files a profile names, with one short reason when that fails."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


LARGEST = 16 * 1024**2
"""Bytes that a profile, a certificate file or a secret may have."""


class FileError(ValueError):
    """A file could not be read; the text is the rest of a sentence that begins with the file."""


class NoFileError(FileError):
    """There is no such file."""


def read_bytes(path: Path) -> bytes:
    """What the file holds.

    :raises NoFileError: there is no such file.
    :raises FileError: it is no regular file, locked away, too large, or its path is no path at all.
    """
    if _is(path.exists) and not is_file(path) and not _is(path.is_dir):
        raise FileError("is no regular file")
    try:
        with path.open("rb") as file:
            content = file.read(LARGEST + 1)
    except FileNotFoundError:
        raise NoFileError("does not exist") from None
    except (OSError, ValueError) as problem:
        reason = "is a directory" if _is(path.is_dir) else f"cannot be read ({type(problem).__name__})"
        raise FileError(reason) from None
    if len(content) > LARGEST:
        raise FileError(f"has more than {LARGEST // 1024**2} MiB")
    return content


def is_file(path: Path) -> bool:
    """Whether there is such a file; False also for what can be no path at all."""
    return _is(path.is_file)


def _is(question: Callable[[], bool]) -> bool:
    try:
        return question()
    except (OSError, ValueError):
        return False
