"""Files that are written a few pieces behind: who reads a backup goes on while the system takes what came before."""

from __future__ import annotations

import queue
import threading
from typing import TYPE_CHECKING, BinaryIO, Self

if TYPE_CHECKING:
    from types import TracebackType

__all__ = ["WriteBehind"]

_PIECES = 4


class WriteBehind:
    """Appends to a file from a thread of its own; who leaves it without an error finds all of it written.

    :raises OSError: by the next call, what went wrong with an earlier piece.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._waiting: queue.Queue[bytes | None] = queue.Queue(_PIECES)
        self._failure: Exception | None = None
        self._thread = threading.Thread(target=self._run, name="write behind", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self._waiting.put(None)
        self._thread.join()
        if kind is None:
            self._check()

    def write(self, piece: bytes) -> None:
        """Take a piece; waits where too many are waiting."""
        self._check()
        self._waiting.put(piece)

    def _check(self) -> None:
        if self._failure:
            raise self._failure

    def _run(self) -> None:
        while (piece := self._waiting.get()) is not None:
            if self._failure:
                continue  # nobody may be left waiting
            try:
                self._file.write(piece)
            except Exception as failure:  # noqa: BLE001 - whoever hands over the next piece raises it
                self._failure = failure
