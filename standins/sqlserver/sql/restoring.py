"""RESTORE DATABASE and RESTORE LOG; what only looks at a backup is in looking.py."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import UTC
from typing import TYPE_CHECKING

from restoreproof.standins.sqlserver.backups import Transfer
from restoreproof.standins.sqlserver.session import SqlType
from restoreproof.standins.sqlserver.sql.applying import (
    Applied,
    Stop,
    apply_differential,
    apply_full,
    apply_log,
    apply_part,
)
from restoreproof.standins.sqlserver.sql.chain import check_differential, check_log, check_overwrite, plan_files
from restoreproof.standins.sqlserver.sql.database import Database
from restoreproof.standins.sqlserver.sql.devices import (
    Progress,
    find_devices,
    region_of,
    resolve,
    resolve_options,
    speed,
    terminating,
)
from restoreproof.standins.sqlserver.sql.filegroups import PRIMARY, chosen, groups_in
from restoreproof.standins.sqlserver.sql.instance import Request
from restoreproof.standins.sqlserver.sql.looking import look_at
from restoreproof.standins.sqlserver.sql.messages import TEXTS, error, refused
from restoreproof.standins.sqlserver.sql.values import convert, deliver

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

    from restoreproof.standins.sqlserver.backups import BackupSet, Medium
    from restoreproof.standins.sqlserver.sql.running import StandinSession
    from restoreproof.standins.sqlserver.sql.statements import Restore

__all__ = ["restore"]

_LOOKS = ("HEADERONLY", "FILELISTONLY", "LABELONLY", "VERIFYONLY", "REWINDONLY")
_KNOWN_LISTED = """
    RECOVERY NORECOVERY STANDBY REPLACE RESTART STOPAT STOPATMARK STOPBEFOREMARK STATS CHECKSUM NO_CHECKSUM
    STOP_ON_ERROR CONTINUE_AFTER_ERROR MEDIANAME BLOCKSIZE RESTORE_OPTIONS CREDENTIAL FILE KEEP_REPLICATION
    KEEP_CDC RESTRICTED_USER LOADHISTORY
    ENABLE_BROKER NEW_BROKER ERROR_BROKER_CONVERSATIONS PARTIAL METADATA_ONLY
"""
_KNOWN = frozenset(_KNOWN_LISTED.split())
_STOPS = ("STOPAT", "STOPATMARK", "STOPBEFOREMARK")
_BARE_STATS = 10
_NOT_ON_S3 = ("BUFFERCOUNT", "MAXTRANSFERSIZE")
_TYPES = {"D": "BACKUP DATABASE", "I": "BACKUP DATABASE WITH DIFFERENTIAL", "L": "BACKUP LOG"} | dict.fromkeys(
    "FP", "BACKUP DATABASE...FILE=<name>"
)
_SYSTEM = ("master", "tempdb", "model", "msdb")


def restore(session: StandinSession, statement: Restore) -> None:
    """RESTORE, to its last message.

    :raises SqlError: 3013, behind the error that says why.
    """
    looks = statement.what in _LOOKS
    command = f"RESTORE {statement.what}" if statement.what != "VERIFYONLY" else "VERIFY DATABASE"
    session.facts.request = Request(f"RESTORE {statement.what}")
    with terminating(session, command, statement.line):
        one = _Restore(session, statement)
        if looks:
            look_at(session, statement.what, one.devices, one.transfer, one.look_alone())
        else:
            one.run()


class _Restore:
    def __init__(self, session: StandinSession, statement: Restore) -> None:
        self.session, self.statement, self.instance = session, statement, session.instance
        if bad := [name for name in _NOT_ON_S3 if name in statement.options]:
            raise error(3032, bad[0].lower())
        if statement.what == "REWINDONLY":
            raise error(3216)
        self.options = resolve_options(session, statement.options, _KNOWN, statement.line)
        if self.options.get("FILE", 1) != 1:
            raise error(3287, self.options["FILE"], resolve(session, statement.devices[0].where, statement.line))
        self.transfer = Transfer(region=region_of(self.options, "RESTORE_OPTIONS"), checksum="CHECKSUM" in self.options)
        if "CONTINUE_AFTER_ERROR" in self.options:
            self.transfer = replace(self.transfer, persist=self._pass_over)
        self.damaged = False
        named = str(self.options.get("CREDENTIAL", ""))
        self.devices = find_devices(session, statement.devices, named, statement.line) if statement.devices else []
        self.stats = int(self.options.get("STATS", 0) or _BARE_STATS) if "STATS" in self.options else 0

    def _pass_over(self) -> None:
        self.damaged = True

    def look_alone(self) -> int:
        """The step of a look's progress; nothing of a restore may stand beside it."""
        if wrong := {"RECOVERY", "NORECOVERY", "STANDBY", "REPLACE", "RESTART", *_STOPS} & set(self.options):
            raise error(3032, min(wrong).lower())
        return self.stats

    def run(self) -> None:
        if self.session.workspace.transactions:
            raise error(3021)
        name = str(resolve(self.session, self.statement.database, self.statement.line))
        if name.lower() in _SYSTEM:
            raise refused(f"RESTORE of {name}", self.statement.line)
        if not self.devices:
            self._recover(name)
            return
        with self.instance.backups.mount(self.devices, self.transfer, self.session.cancelled) as mounted:
            found = self._check_media(mounted.media)
            started = time.monotonic()
            read = mounted.pieces(self.instance.key_of)
            pieces = Progress(self.session, found.backup_bytes, self.stats).through(read)
            database, applied = self._apply(name, found, pieces)
        self._end(database, found, applied, time.monotonic() - started)

    # What is restored

    def _apply(self, name: str, found: BackupSet, pieces: Iterator[bytes]) -> tuple[Database, Applied]:
        """What was backed up, into the database that it makes or goes on with."""
        wanted = self._groups(found)
        if found.type in "FP" and "PARTIAL" not in self.options:
            return self._part(name, found, pieces, wanted)
        if found.type not in "DFP":
            return self._more(name, found, pieces)
        if wanted != groups_in(found) and "PARTIAL" not in self.options:
            raise refused("RESTORE of FILE or FILEGROUP from a full backup without PARTIAL", self.statement.line)
        return self._full(name, found, pieces, wanted)

    def _check_media(self, media: Sequence[Medium]) -> BackupSet:
        """What can be told before anything is overwritten."""
        first = media[0]
        if len(media) < first.families:
            raise error(3132, first.families, len(media))
        found = first.backup_set
        if "snapshot" in dict(found.extra):
            raise refused("RESTORE from a snapshot of the files", self.statement.line)
        if self.transfer.checksum and not found.checksum:
            raise error(3187)
        if (self.statement.what == "LOG") != (found.type == "L"):
            raise error(3135, self.devices[0].url, _TYPES.get(found.type, "another statement"))
        if found.type not in _TYPES:
            raise refused(f"RESTORE of a backup of type {found.type}", self.statement.line)
        for thumbprint in filter(None, (first.thumbprint, found.encryptor)):
            if self.instance.key_of(thumbprint) is None:
                raise error(33111, "0x" + thumbprint.hex().upper())
        return found

    def _stop(self) -> Stop:
        """STOPAT, STOPATMARK or STOPBEFOREMARK.

        :raises SqlError: 3031 (more than one of them).
        """
        named = [name for name in _STOPS if name in self.options]
        if len(named) > 1:
            raise error(3031, *named[:2])
        if "STOPAT" not in named:
            mark = str(self.options[named[0]]) if named else ""
            return Stop(mark=mark, before="STOPBEFOREMARK" in named)
        kind = SqlType("datetime2", scale=7)
        moment: datetime = deliver(convert(str(self.options["STOPAT"]), kind), kind)  # type: ignore[assignment]
        return Stop(_microseconds(moment))

    def _groups(self, found: BackupSet) -> set[str]:
        """The filegroups that are wanted of a backup: those that are named, or all that it holds.

        :raises SqlError: 3144 (not in this backup), 3235, 3027 (in no backup of this database).
        """
        held = groups_in(found)
        parts = [(word, str(resolve(self.session, name, self.statement.line))) for word, name in self.statement.parts]
        files = [(file.logical, file.filegroup) for file in found.files if file.kind == "D"]
        frozen = dict(found.extra).get("read_only", "").split("/")
        named = chosen(parts, files, frozen) | ({PRIMARY} if "PARTIAL" in self.options else set())
        if other := (named if parts else held) - held:
            raise error(3144, min(other), self.devices[0].url)
        return named if parts else held

    def _part(self, name: str, found: BackupSet, pieces: Iterator[bytes], wanted: set[str]) -> tuple[Database, Applied]:
        """A backup of files, into a database that waits for more."""
        database = self._waiting(name)
        if found.family_id != database.family:
            raise error(3154, database.name)
        database.restoring = True
        try:
            spool = self.instance.folder / f"{self.instance.new_id()}.spool"
            return database, apply_part(database, found, pieces, spool, wanted)
        finally:
            database.restoring = False

    def _full(self, name: str, found: BackupSet, pieces: Iterator[bytes], wanted: set[str]) -> tuple[Database, Applied]:
        """A full backup: from its first bytes on, a database that was there is gone, whatever happens then (guess)."""
        old = self.instance.databases.get(name.lower())
        moves = {
            str(resolve(self.session, a, 0)).lower(): str(resolve(self.session, b, 0)) for a, b in self.statement.moves
        }
        stop, end = self._stop(), int(dict(found.extra)["log_end"])
        if stop.time is not None and stop.time < end:
            raise error(4338)
        if old:
            check_overwrite(self.session, old, found, replace="REPLACE" in self.options, stops=stop != Stop())
        files = plan_files(self.session, name, found, moves)
        new = Database(name, old.id if old else next(self.instance.database_ids), self.instance.folder, files)
        new.adopt(found)
        new.missing = set(new.groups) - wanted

        def take_over() -> None:
            self.instance.databases[name.lower()] = new
            if old:
                old.remove()

        applied = apply_full(new, found, pieces, take_over)
        return new, applied

    def _waiting(self, name: str) -> Database:
        """A database that waits for more backups, and is not used."""
        database = self.instance.databases.get(name.lower())
        if not database:
            raise error(3118, name)
        if database.state != "RESTORING" and not database.standby:
            raise error(3117)
        if self.instance.users_of(database):
            raise error(3101)
        if not database.ready or database.restoring:
            raise error(3117) if not database.restoring else error(3101)
        return database

    def _more(self, name: str, found: BackupSet, pieces: Iterator[bytes]) -> tuple[Database, Applied]:
        """A differential or log backup."""
        database = self._waiting(name)
        stop = self._stop()
        if found.type == "L":
            check_log(database, found, stop.time)
        else:
            check_differential(database, found)
        database.restoring = True
        try:
            spool = self.instance.folder / f"{self.instance.new_id()}.spool"
            if database.standby:
                database.leave(database.lsn, standby=False)
            if found.type == "L":
                return database, apply_log(database, found, pieces, spool, stop)
            return database, apply_differential(database, found, pieces, spool)
        finally:
            database.restoring = False

    # The end of it

    def _recover(self, name: str) -> None:
        """RESTORE DATABASE WITH RECOVERY, which restores nothing more."""
        database = self.instance.find(name)
        if "NORECOVERY" in self.options or "STANDBY" in self.options:
            raise refused("RESTORE without a device WITH NORECOVERY or STANDBY", self.statement.line)
        if database.state != "RESTORING" and not database.standby:
            raise error(3153)
        if not database.ready or database.restoring:
            raise error(3117)
        if database.standby and self.instance.users_of(database):
            raise error(3101)
        if database.standby:
            database.leave(database.lsn, standby=False)
        self._open(database)
        self.session.output.info(3014, speed("RESTORE DATABASE", 0, 0.0))

    def _end(self, database: Database, found: BackupSet, applied: Applied, seconds: float) -> None:
        stop, output = self._stop(), self.session.output
        if "STANDBY" in self.options:
            database.stand_by()
        elif "NORECOVERY" not in self.options and not self._short(found, applied, stop):
            self._open(database)
        data, log = database.files[0].logical, database.files[-1].logical
        for name, pages in ((data, applied.pages), (log, applied.pages if found.type == "L" else 0)):
            count = pages if (name == log) == (found.type == "L") else 0
            output.info(4035, f"Processed {count} pages for database '{database.name}', file '{name}' on file 1.")
        if self.damaged:
            output.info(3184, TEXTS[3184])
        output.info(3014, speed(f"RESTORE {self.statement.what}", applied.pages, seconds))

    @staticmethod
    def _open(database: Database) -> None:
        """Recover a database, unless its files are not at the same moment yet."""
        if database.lsn < database.reached:
            raise error(4333)
        database.recover()

    def _short(self, found: BackupSet, applied: Applied, stop: Stop) -> bool:
        """Whether the stop lies behind the end of this log: the database then stays as it is, as documented."""
        if stop == Stop() or applied.stopped or found.type != "L":
            return False
        if stop.time is not None and int(dict(found.extra)["log_end"]) >= stop.time:
            return False
        text = "This log file contains records logged before the designated mark. The database is being left in the "
        self.session.output.info(4329, f"{text}Restoring state so you can apply another log file.")
        return True


def _microseconds(moment: datetime) -> int:
    return round(moment.replace(tzinfo=UTC).timestamp() * 10**6)
