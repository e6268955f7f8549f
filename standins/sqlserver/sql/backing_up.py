"""BACKUP DATABASE and BACKUP LOG."""

from __future__ import annotations

import struct
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from restoreproof.standins.sqlserver.backups import BackupFile, BackupSet, Encryption, Medium, Transfer
from restoreproof.standins.sqlserver.session import Cancelled, SqlError
from restoreproof.standins.sqlserver.sql.database import Base, now
from restoreproof.standins.sqlserver.sql.devices import (
    Progress,
    find_devices,
    option_text,
    region_of,
    resolve,
    resolve_options,
    speed,
    terminating,
)
from restoreproof.standins.sqlserver.sql.filegroups import chosen
from restoreproof.standins.sqlserver.sql.instance import BackupRecord, Request
from restoreproof.standins.sqlserver.sql.messages import error, refused
from restoreproof.standins.sqlserver.sql.pagelog import NUMBER, PAGE, PIECE, numbered

if TYPE_CHECKING:
    from collections.abc import Iterator

    from restoreproof.standins.sqlserver.backups import Device, Written
    from restoreproof.standins.sqlserver.sql.database import Database, Snapshot
    from restoreproof.standins.sqlserver.sql.running import StandinSession
    from restoreproof.standins.sqlserver.sql.statements import Backup

__all__ = ["DIFFERENTIAL", "FULL", "PART", "back_up"]

FULL, DIFFERENTIAL, PART = b"FULL", b"DIFF", b"PART"
_HEAD = struct.Struct(">4sII")
_MIB = 1024 * 1024
_SMALLEST, _DEFAULT, _LARGEST, _STEP = 5 * _MIB, 10 * _MIB, 20 * _MIB, 65_536
_MOST_MIRRORS = 3
_ALGORITHMS = ("AES_128", "AES_192", "AES_256", "TRIPLE_DES_3KEY")
_KNOWN_LISTED = """
    FORMAT NOFORMAT INIT NOINIT SKIP NOSKIP COPY_ONLY DIFFERENTIAL COMPRESSION NO_COMPRESSION CHECKSUM NO_CHECKSUM
    STATS NAME DESCRIPTION MEDIANAME MEDIADESCRIPTION MAXTRANSFERSIZE BUFFERCOUNT BLOCKSIZE BACKUP_OPTIONS
    ENCRYPTION CERTIFICATE NORECOVERY STANDBY CONTINUE_AFTER_ERROR STOP_ON_ERROR NO_TRUNCATE CREDENTIAL EXPIREDATE
    RETAINDAYS RESTART METADATA_ONLY
"""
_KNOWN = frozenset(_KNOWN_LISTED.split())
_TYPES = {"D": "DATABASE", "I": "DATABASE WITH DIFFERENTIAL", "L": "LOG"} | dict.fromkeys(
    "FP", "DATABASE...FILE=<name>"
)


def back_up(session: StandinSession, statement: Backup) -> None:
    """BACKUP, to its last message.

    :raises SqlError: 3013, behind the error that says why.
    """
    command = f"BACKUP {statement.what}"
    session.facts.request = Request(command)
    with terminating(session, command, statement.line), _told(session, statement):
        _Backup(session, statement).run()


@contextmanager
def _told(session: StandinSession, statement: Backup) -> Iterator[None]:
    """What fails, and what is cancelled, is written to the error log."""
    try:
        yield
    except (SqlError, Cancelled):
        name = resolve(session, statement.database, statement.line)
        session.instance.error_log.note("Backup", error(3041, f"BACKUP {statement.what} {name}"))
        raise


@dataclass(frozen=True)
class _Plan:
    database: Database
    type: str
    copy_only: bool
    tail: str
    transfer: Transfer
    mirrors: list[list[Device]]
    stats: int
    groups: frozenset[str] = frozenset()
    bare: bool = False


class _Backup:
    def __init__(self, session: StandinSession, statement: Backup) -> None:
        self.session, self.statement = session, statement
        self.instance = session.instance
        self.options = resolve_options(session, statement.options, _KNOWN, statement.line)

    def run(self) -> None:
        if self.session.workspace.transactions:
            raise error(3021)
        database = self._database()
        plan = self._plan(database)
        if plan.tail:
            database.lock.acquire(self.session.workspace, self.session.cancelled)
        try:
            self._write(plan)
        finally:
            database.lock.release(self.session.workspace)

    # Whether it may be

    def _database(self) -> Database:
        name = str(resolve(self.session, self.statement.database, self.statement.line))
        found = self.instance.usable(name, self.session.id)
        if found.name == "tempdb":
            raise error(3147)
        if found.standby:
            raise error(3036, found.name)
        return found

    def _type(self, database: Database) -> str:
        differential = "DIFFERENTIAL" in self.options
        if self.statement.parts and (differential or self.statement.what == "LOG"):
            raise refused(
                "a differential or log backup of FILE, FILEGROUP or READ_WRITE_FILEGROUPS", self.statement.line
            )
        if self.statement.parts:
            return "P" if any(word == "READ_WRITE_FILEGROUPS" for word, _ in self.statement.parts) else "F"
        if self.statement.what == "DATABASE":
            if {"NORECOVERY", "STANDBY", "NO_TRUNCATE"} & set(self.options):
                raise error(3032, "norecovery, standby, no_truncate")
            if differential and not database.base:
                raise error(3035, database.name)
            return "I" if differential else "D"
        if differential:
            raise error(3032, "differential")
        if database.recovery == "SIMPLE":
            raise error(4208, "BACKUP LOG")
        if database.log_start is None:
            raise error(4214)
        return "L"

    def _plan(self, database: Database) -> _Plan:
        one, options = self.statement, self.options
        if ("METADATA_ONLY" in options) != database.suspended:
            raise refused("METADATA_ONLY without SUSPEND_FOR_SNAPSHOT_BACKUP, or the reverse", one.line)
        kind = self._type(database)
        sets = [one.devices, *one.mirrors]
        if len(one.mirrors) > _MOST_MIRRORS:
            raise error(3214, _MOST_MIRRORS)
        if len({len(targets) for targets in sets}) > 1:
            raise error(3010)
        if len({target.kind for targets in sets for target in targets}) > 1:
            raise error(3011)
        if one.mirrors and "FORMAT" not in options:
            raise error(3215)
        named = str(options.get("CREDENTIAL", ""))
        total = sum(map(len, sets))
        mirrors = [find_devices(self.session, targets, named, one.line, total - len(targets)) for targets in sets]
        tail = "NORECOVERY" if "NORECOVERY" in options else "STANDBY" if "STANDBY" in options else ""
        if tail and self.instance.users_of(database):
            raise error(3101)
        copy_only = bool({"COPY_ONLY", "NO_TRUNCATE"} & set(options)) and kind != "I"
        return _Plan(
            database,
            kind,
            copy_only,
            tail,
            self._transfer(),
            mirrors,
            self._number("STATS", 1, 100, 10, 0),
            self._groups(database),
            bare="METADATA_ONLY" in options,
        )

    def _groups(self, database: Database) -> frozenset[str]:
        """The filegroups that are named; none where all are meant."""
        one = self.statement
        parts = [(word, str(resolve(self.session, name, one.line))) for word, name in one.parts]
        files = [(file.logical, file.filegroup) for file in database.files if file.kind == "D"]
        return frozenset(chosen(parts, files, database.frozen))

    def _number(self, name: str, low: int, high: int, bare: int, default: int) -> int:
        """A number within its range; ``bare`` where it was given without one.

        :raises SqlError: 3250.
        """
        if name not in self.statement.options:
            return default
        found = self.options[name]
        number = bare if found == "" else int(found) if str(found).isdecimal() else -1
        if not low <= number <= high:
            raise error(3250, found, name)
        return number

    def _transfer(self) -> Transfer:
        options = self.options
        compression = "COMPRESSION" in options
        size = self._number("MAXTRANSFERSIZE", _SMALLEST, _LARGEST, 0, _DEFAULT)
        if size % _STEP or (size != _DEFAULT and not compression):  # the second is documented; its number is a guess
            raise error(3217, "MAXTRANSFERSIZE")
        block = self._number("BLOCKSIZE", 512, 65_536, 0, 65_536)
        if block & (block - 1):
            raise error(3253)
        for name in ("NAME", "DESCRIPTION"):
            option_text(options, name, 128 if name == "NAME" else 255)
        return Transfer(
            region=region_of(options, "BACKUP_OPTIONS"),
            max_transfer_size=size,
            buffer_count=self._number("BUFFERCOUNT", 1, 10_000, 0, 4),
            block_size=block,
            checksum="CHECKSUM" in options or (compression and "NO_CHECKSUM" not in options),
            compression=compression,
            overwrite="FORMAT" in options,
            encryption=self._encryption(),
            media_name=option_text(options, "MEDIANAME", 128),
            media_description=option_text(options, "MEDIADESCRIPTION", 255),
        )

    def _encryption(self) -> Encryption | None:
        if "ENCRYPTION" not in self.options:
            return None
        algorithm, name = str(self.options["ENCRYPTION"]), str(self.options["CERTIFICATE"])
        if algorithm not in _ALGORITHMS:
            raise refused(f"ALGORITHM = {algorithm}", self.statement.line)
        found = self.instance.certificates.get(name.lower())
        if not found:
            raise error(15151, "find", "certificate", name)
        return Encryption(algorithm, found.name, found.thumbprint, found.key)

    # Doing it

    def _write(self, plan: _Plan) -> None:
        database, started = plan.database, now()
        with database.snapshot(rotate=plan.type == "L" and not plan.copy_only, groups=plan.groups) as snapshot:
            began = self._begin_chain(plan, snapshot)
            made: list[BackupSet] = []

            def describe(size: int) -> BackupSet:
                made[:] = [self._describe(plan, snapshot, started, size, begins=began)]
                return made[0]

            payload = Progress(self.session, _size(plan, snapshot), plan.stats).through(_payload(plan, snapshot))
            try:
                written = self.instance.backups.write(
                    plan.mirrors, payload, describe, plan.transfer, self.session.cancelled
                )
            except BaseException:
                if began:
                    database.end_chain()
                raise
            self._finish(plan, snapshot, replace(made[0], stored_bytes=written.stored), written)

    @staticmethod
    def _begin_chain(plan: _Plan, snapshot: Snapshot) -> bool:
        """A first full backup begins the log's chain, from the snapshot on; so does a differential, as documented."""
        database = plan.database
        if database.recovery == "SIMPLE" or database.log_start is not None or plan.copy_only or plan.groups:
            return False
        database.log_start = snapshot.checkpoint
        return True

    def _describe(self, plan: _Plan, snapshot: Snapshot, started: object, size: int, *, begins: bool) -> BackupSet:
        one, base = plan.database, plan.database.base
        extra = {
            "base_id": base.set_id if base and plan.type == "I" else "",
            "base_lsn": str(base.checkpoint_lsn) if base and plan.type == "I" else "",
            "first_fork": one.first_fork,
            "fork_lsn": str(one.fork_lsn or ""),
            "begins_log_chain": str(int(begins)),
            "log_end": str(snapshot.time),
            "created": one.created.isoformat(),
            "groups": "/".join(sorted(plan.groups)),
            "snapshot": "1" * plan.bare,
            "encryptor": one.encryptor.hex() if one.encrypted else "",
            "read_only": "/".join(sorted(one.frozen)),
        }
        rows = snapshot.pages * PAGE
        files = tuple(
            BackupFile(file.logical, file.physical, file.kind, rows if file.kind == "D" else _MIB, id=number,
                       filegroup=file.filegroup if file.kind == "D" else "")
            for number, file in enumerate(one.files, 1)
        )  # fmt: skip
        encryption = plan.transfer.encryption
        return BackupSet(
            database=one.name, type=plan.type, set_id=self.instance.new_id(), started=started, finished=now(),  # type: ignore[arg-type]
            first_lsn=(one.log_start or 0) if plan.type == "L" else snapshot.checkpoint,
            last_lsn=snapshot.lsn, checkpoint_lsn=snapshot.checkpoint,
            database_backup_lsn=base.checkpoint_lsn if base else 0, family_id=one.family, fork_id=one.fork,
            recovery_model=one.recovery, collation=one.collation, copy_only=plan.copy_only, server=self.instance.name,
            name=option_text(self.options, "NAME", 128), description=option_text(self.options, "DESCRIPTION", 255),
            checksum=plan.transfer.checksum, compressed=plan.transfer.compression,
            encrypted_by=encryption.certificate if encryption else "", backup_bytes=size,
            extra=tuple((key, value) for key, value in extra.items() if value), files=files,
        )  # fmt: skip

    def _finish(self, plan: _Plan, snapshot: Snapshot, made: BackupSet, written: Written) -> None:
        database = plan.database
        with database.guard:
            if plan.type == "D" and not plan.copy_only:
                database.base = Base(made.set_id, made.checkpoint_lsn)
                database.changed = snapshot.later
            if plan.type == "L" and not plan.copy_only:
                database.log_start = snapshot.lsn
                database.drop_segments(len(snapshot.segments))
        self._record(plan, made)
        if plan.bare:
            database.resume()
        if plan.tail:
            database.leave(snapshot.lsn, standby=plan.tail == "STANDBY")
        pages = -(-written.payload // PAGE)
        output, files = self.session.output, database.files
        data = "" if plan.type == "L" else files[0].logical
        for name, count in ((data, pages), (files[-1].logical, pages if plan.type == "L" else 1)):
            if name:
                output.info(4035, f"Processed {count} pages for database '{database.name}', file '{name}' on file 1.")
        output.info(3014, speed(f"BACKUP {_TYPES[plan.type]}", pages, written.seconds))

    def _record(self, plan: _Plan, made: BackupSet) -> None:
        encryption, transfer = plan.transfer.encryption, plan.transfer
        medium = Medium(
            media_set_id=self.instance.new_id(), family=1, families=len(plan.mirrors[0]), mirrors=len(plan.mirrors),
            written=made.finished, block_size=transfer.block_size, compressed=transfer.compression,
            name=transfer.media_name, description=transfer.media_description, backup_set=made,
            thumbprint=encryption.thumbprint if encryption else b"",
        )  # fmt: skip
        urls = tuple(tuple(device.url for device in devices) for devices in plan.mirrors)
        with self.instance.lock:
            self.instance.history.append(BackupRecord(next(self.instance.backup_ids), made, medium, urls))


def _size(plan: _Plan, snapshot: Snapshot) -> int:
    """Bytes of the payload to come."""
    kind = plan.type
    if plan.bare:
        return 0
    if kind == "L":
        return sum(size for _, size in snapshot.segments)
    pages = snapshot.pages if kind == "D" else len(snapshot.part if kind in "FP" else _pages_of(snapshot))
    return _HEAD.size + pages * (PAGE if kind == "D" else PAGE + NUMBER.size)


def _pages_of(snapshot: Snapshot) -> list[int]:
    """The pages of a differential backup."""
    return sorted(number for number in snapshot.changed if number <= snapshot.pages)


def _payload(plan: _Plan, snapshot: Snapshot) -> Iterator[bytes]:
    """What a backup holds, in pieces of about a MiB; nothing where it is the record of a snapshot."""
    if plan.bare:
        return
    if plan.type == "L":
        for segment, size in snapshot.segments:
            yield from segment.pieces(size)
        return
    full = plan.type == "D"
    numbers = range(1, snapshot.pages + 1) if full else snapshot.part if plan.groups else _pages_of(snapshot)
    yield _HEAD.pack(FULL if full else PART if plan.groups else DIFFERENTIAL, snapshot.pages, len(numbers))
    step = PIECE // PAGE
    for at in range(0, len(numbers), step):
        chosen = numbers[at : at + step]
        found = snapshot.images(chosen)
        yield b"".join(found) if full else numbered(chosen, found)
