"""The instance's error log."""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from restoreproof.standins.sqlserver.sql.database import now

if TYPE_CHECKING:
    from datetime import datetime

    from restoreproof.standins.sqlserver.session import SqlError

__all__ = ["ErrorLog"]

_MOST = 10_000


@dataclass(frozen=True)
class ErrorLog:
    """What went wrong: failed backups (Msg 3041) and what RAISERROR WITH LOG says; the oldest lines go first.

    :ivar lines: moment, source (``Backup``, or a session as ``spid51``) and text.
    """

    lines: deque[tuple[datetime, str, str]] = field(default_factory=lambda: deque(maxlen=_MOST))
    lock: threading.Lock = field(default_factory=threading.Lock)

    def note(self, source: str, found: SqlError) -> None:
        """Write an error down, in two lines as SQL Server does."""
        head = f"Error: {found.number}, Severity: {found.severity}, State: {found.state}."
        with self.lock:
            self.lines.extend((now(), source, text) for text in (head, found.text))

    def search(self, *words: str) -> list[tuple[datetime, str, str]]:
        """The lines whose text has all of these words, whatever their case."""
        with self.lock:
            found = list(self.lines)
        return [line for line in found if all(word.lower() in line[2].lower() for word in words)]
