"""The engine: opens sessions."""

from __future__ import annotations

import hmac
from typing import TYPE_CHECKING

from restoreproof.standins.sqlserver.session import SqlError
from restoreproof.standins.sqlserver.sql.instance import VERSION, Instance, SessionFacts
from restoreproof.standins.sqlserver.sql.messages import error
from restoreproof.standins.sqlserver.sql.running import StandinSession

if TYPE_CHECKING:
    from pathlib import Path
    from threading import Event

    from restoreproof.standins.sqlserver.backups import Backups

__all__ = ["StandinEngine"]


class StandinEngine:
    """An instance with one login, sa; see the contract of ``Engine``.

    :param folder: gets the files; it is to be empty, and what it held is gone when the engine is closed.
    """

    version = VERSION

    def __init__(self, folder: Path, password: str, backups: Backups, *, name: str = "STANDIN") -> None:
        self.name = name
        self._password = password
        self._instance = Instance(folder, name, backups)

    def __repr__(self) -> str:
        return f"StandinEngine({self.name!r})"

    def login(self, user: str, password: str, database: str, disconnect: Event) -> StandinSession:
        """Open a session.

        :raises SqlError: 18456, 4060.
        """
        same = hmac.compare_digest(password.encode(), self._password.encode())
        if user.lower() != "sa" or not same:
            raise error(18456, user)
        with self._instance.lock:
            facts = SessionFacts(next(self._instance.session_ids), disconnect)
            if database:
                facts.database = self._open(database, facts.id)
            self._instance.sessions[facts.id] = facts
        return StandinSession(self._instance, facts)

    def _open(self, database: str, session: int) -> str:
        try:
            return self._instance.usable(database, session).name
        except SqlError:
            raise error(4060, database) from None

    def close(self) -> None:
        """End all sessions and remove all files."""
        self._instance.close()
