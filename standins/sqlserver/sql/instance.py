"""The instance: its databases, credentials, certificates, sessions, and the history of its backups."""

from __future__ import annotations

import itertools
import threading
import uuid
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from restoreproof.standins.sqlserver.sql.database import COLLATION, Database, DatabaseFile, now
from restoreproof.standins.sqlserver.sql.errorlog import ErrorLog
from restoreproof.standins.sqlserver.sql.messages import error
from restoreproof.standins.sqlserver.sql.remembering import Translations
from restoreproof.standins.sqlserver.sql.tables import lay_out

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

    from restoreproof.standins.sqlserver.backups import Backups, BackupSet, Medium
    from restoreproof.standins.sqlserver.sql.certificates import Certificate
    from restoreproof.standins.sqlserver.sql.credentials import StoredCredential

__all__ = ["DATA", "VERSION", "BackupRecord", "Instance", "Request", "SessionFacts"]

VERSION = (16, 0, 4245)
"""SQL Server 2022, later than CU20 (16.0.4205)."""
DATA = "/var/opt/mssql/data/"
_SYSTEM = (("master", "SIMPLE"), ("tempdb", "SIMPLE"), ("model", "FULL"), ("msdb", "SIMPLE"))
_FIRST_SESSION = 51


@dataclass(frozen=True)
class BackupRecord:
    """A backup as msdb tells of it; ``urls`` are the devices by mirror."""

    id: int
    backup_set: BackupSet
    medium: Medium
    urls: tuple[tuple[str, ...], ...]
    user: str = "sa"


@dataclass
class Request:
    """What a session is doing."""

    command: str = ""
    percent: float = 0.0
    started: datetime = field(default_factory=now)


class SessionFacts:
    """What the instance knows of a session."""

    def __init__(self, number: int, disconnect: threading.Event) -> None:
        self.id, self.disconnect = number, disconnect
        self.login_time = now()
        self.database = "master"
        self.request: Request | None = None
        self.killed = threading.Event()

    def kill(self) -> None:
        """End its batch and its connection."""
        self.killed.set()
        self.disconnect.set()


class Instance:
    """What all sessions share. Its lock guards the lists, and is held for moments only."""

    def __init__(self, folder: Path, name: str, backups: Backups) -> None:
        self.folder, self.name, self.backups = folder, name, backups
        self.lock = threading.RLock()
        self.databases: dict[str, Database] = {}
        self.credentials: dict[str, StoredCredential] = {}
        self.certificates: dict[str, Certificate] = {}
        self.master_key = False
        self.error_log = ErrorLog()
        self.translations = Translations()
        self.history: list[BackupRecord] = []
        self.sessions: dict[int, SessionFacts] = {}
        self.session_ids = itertools.count(_FIRST_SESSION)
        self.database_ids = itertools.count(1)  # none comes twice: one that is being restored is in no list yet
        self.backup_ids = itertools.count(1)
        self.credential_ids = itertools.count(65_536)
        for system, recovery in _SYSTEM:
            self.create(system, ()).recovery = recovery

    def find(self, name: str, line: int = 1) -> Database:
        """A database by its name.

        :raises SqlError: 911.
        """
        found = self.databases.get(name.lower())
        if not found:
            raise error(911, name, line=line)
        return found

    def usable(self, name: str, session: int, line: int = 1) -> Database:
        """A database that can be read now.

        :raises SqlError: 911, 927 (it is being restored), 942 (offline), 924 (single user).
        """
        found = self.find(name, line)
        if found.state == "RESTORING":
            raise error(927, found.name, line=line)
        if found.state == "OFFLINE":
            raise error(942, found.name, line=line)
        if found.single_user not in (None, session):
            raise error(924, found.name, line=line)
        return found

    def create(self, name: str, files: tuple[tuple[str, str], ...], line: int = 1, collation: str = "") -> Database:
        """Make a database.

        :raises SqlError: 1801 (there is one), 1834 (a file of that name belongs to another).
        """
        with self.lock:
            if name.lower() in self.databases:
                raise error(1801, name, line=line, state=3)
            made = Database(name, next(self.database_ids), self.folder, self.files(name, files))
            made.collation = collation or COLLATION
            self.refuse_clash(made.files, name)
            made.start_new(lay_out)
            self.databases[name.lower()] = made
        return made

    @staticmethod
    def files(name: str, given: tuple[tuple[str, str], ...]) -> list[DatabaseFile]:
        """The files of a new database: those that were named, or the usual ones."""
        usual = [(name, f"{DATA}{name}.mdf"), (f"{name}_log", f"{DATA}{name}_log.ldf")]
        chosen = [*given, *usual[len(given) :]]
        return [DatabaseFile(*pair, kind) for pair, kind in zip(chosen, "DL", strict=True)]

    def refuse_clash(self, files: list[DatabaseFile], name: str) -> None:
        """See that no other database has one of these files.

        :raises SqlError: 1834.
        """
        for other in list(self.databases.values()):
            taken = {file.physical.lower() for file in other.files}
            for file in files:
                if other.name.lower() != name.lower() and file.physical.lower() in taken:
                    raise error(1834, file.physical, other.name)

    def users_of(self, database: Database, besides: int = 0) -> list[SessionFacts]:
        """The sessions that use a database as their own."""
        with self.lock:
            return [
                facts
                for facts in list(self.sessions.values())
                if facts.database.lower() == database.name.lower() and facts.id != besides
            ]

    def forget(self, database: Database) -> None:
        """Drop a database with its files."""
        with self.lock:
            self.databases.pop(database.name.lower(), None)
            database.remove()

    def forget_backups(self, database: str) -> None:
        """Take a database's backups out of the history."""
        with self.lock:
            self.history[:] = [one for one in self.history if one.backup_set.database.lower() != database.lower()]

    def new_id(self) -> str:
        """A uniqueidentifier."""
        return str(uuid.uuid4())

    def close(self) -> None:
        """Let go of all files, which are removed."""
        with self.lock:
            for facts in list(self.sessions.values()):
                facts.kill()
            for database in list(self.databases.values()):
                self.forget(database)

    def key_of(self, thumbprint: bytes) -> bytes | None:
        """The key of the certificate with this thumbprint."""
        return next((c.key for c in list(self.certificates.values()) if c.thumbprint == thumbprint), None)

    def find_session(self, number: int, line: int) -> SessionFacts:
        """A session by its number.

        :raises SqlError: 6106.
        """
        found = self.sessions.get(number)
        if not found:
            raise error(6106, number, line=line)
        return found
