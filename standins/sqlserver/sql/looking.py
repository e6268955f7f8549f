"""RESTORE HEADERONLY, FILELISTONLY, LABELONLY and VERIFYONLY."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import TYPE_CHECKING, Any

from restoreproof.standins.sqlserver.session import Column
from restoreproof.standins.sqlserver.sql.devices import Progress
from restoreproof.standins.sqlserver.sql.filegroups import groups_in
from restoreproof.standins.sqlserver.sql.history import DEVICE_TYPE
from restoreproof.standins.sqlserver.sql.instance import VERSION
from restoreproof.standins.sqlserver.sql.messages import error
from restoreproof.standins.sqlserver.sql.values import convert, deliver, keep
from restoreproof.standins.sqlserver.sql.viewing import columns

if TYPE_CHECKING:
    from collections.abc import Sequence

    from restoreproof.standins.sqlserver.backups import Device, Medium, MountedMedia, Transfer
    from restoreproof.standins.sqlserver.session import SqlType
    from restoreproof.standins.sqlserver.sql.running import StandinSession

__all__ = ["look_at", "send"]

_CODES = {"D": (1, "Database"), "L": (2, "Transaction Log"), "F": (4, "File"), "I": (5, "Database Differential")}
_PARTIAL = (7, "Partial")
_HEADER = columns(  # RESTORE HEADERONLY (Transact-SQL), in its order
    "BackupName nvarchar(128), BackupDescription nvarchar(255), BackupType smallint, ExpirationDate datetime, "
    "Compressed tinyint, Position smallint, DeviceType tinyint, UserName nvarchar(128), ServerName nvarchar(128), "
    "DatabaseName nvarchar(128), DatabaseVersion int, DatabaseCreationDate datetime, BackupSize numeric(20,0), "
    "FirstLSN numeric(25,0), LastLSN numeric(25,0), CheckpointLSN numeric(25,0), DatabaseBackupLSN numeric(25,0), "
    "BackupStartDate datetime, BackupFinishDate datetime, SortOrder smallint, CodePage smallint, UnicodeLocaleId int, "
    "UnicodeComparisonStyle int, CompatibilityLevel tinyint, SoftwareVendorId int, SoftwareVersionMajor int, "
    "SoftwareVersionMinor int, SoftwareVersionBuild int, MachineName nvarchar(128), Flags int, "
    "BindingID uniqueidentifier, RecoveryForkID uniqueidentifier, Collation nvarchar(128), FamilyGUID "
    "uniqueidentifier, "
    "HasBulkLoggedData bit, IsSnapshot bit, IsReadOnly bit, IsSingleUser bit, HasBackupChecksums bit, IsDamaged bit, "
    "BeginsLogChain bit, HasIncompleteMetaData bit, IsForceOffline bit, IsCopyOnly bit, "
    "FirstRecoveryForkID uniqueidentifier, ForkPointLSN numeric(25,0), RecoveryModel nvarchar(60), "
    "DifferentialBaseLSN numeric(25,0), DifferentialBaseGUID uniqueidentifier, BackupTypeDescription nvarchar(60), "
    "BackupSetGUID uniqueidentifier, CompressedBackupSize bigint, Containment tinyint, KeyAlgorithm nvarchar(32), "
    "EncryptorThumbprint varbinary(20), EncryptorType nvarchar(32), LastValidRestoreTime datetime, TimeZone "
    "nvarchar(32), "
    "CompressionAlgorithm nvarchar(32)"
)
_FILES = columns(  # RESTORE FILELISTONLY (Transact-SQL)
    "LogicalName nvarchar(128), PhysicalName nvarchar(260), Type char(1), FileGroupName nvarchar(128), "
    "Size numeric(20,0), MaxSize numeric(20,0), FileId bigint, CreateLSN numeric(25,0), DropLSN numeric(25,0), "
    "UniqueId uniqueidentifier, ReadOnlyLSN numeric(25,0), ReadWriteLSN numeric(25,0), BackupSizeInBytes bigint, "
    "SourceBlockSize int, FileGroupId int, LogGroupGUID uniqueidentifier, DifferentialBaseLSN numeric(25,0), "
    "DifferentialBaseGUID uniqueidentifier, IsReadOnly bit, IsPresent bit, TDEThumbprint varbinary(32), "
    "SnapshotUrl nvarchar(336)"
)
_LABEL = columns(  # RESTORE LABELONLY (Transact-SQL)
    "MediaName nvarchar(128), MediaSetId uniqueidentifier, FamilyCount int, FamilySequenceNumber int, "
    "MediaFamilyId uniqueidentifier, MediaSequenceNumber int, MediaLabelPresent tinyint, MediaDescription "
    "nvarchar(255), "
    "SoftwareName nvarchar(128), SoftwareVendorId int, MediaDate datetime, MirrorCount int, IsCompressed bit"
)
_LONGEST = 35_184_372_080_640  # MaxSize of a file that may grow without limit
_NAMESPACE = uuid.UUID("3f2504e0-4f89-11d3-9a0c-0305e82c3301")


def look_at(session: StandinSession, what: str, devices: list[Device], transfer: Transfer, stats: int) -> None:
    """Answer from what a backup says of itself; VERIFYONLY reads all of it.

    :param stats: the step of the progress that VERIFYONLY tells of, 0 for none.
    """
    with session.instance.backups.mount(devices, transfer, session.cancelled) as mounted:
        _answer(session, what, mounted, transfer, stats)


def _answer(session: StandinSession, what: str, mounted: MountedMedia, transfer: Transfer, stats: int) -> None:
    media = mounted.media
    if transfer.checksum and not media[0].backup_set.checksum:
        raise error(3187)
    if what == "VERIFYONLY":
        if len(media) < media[0].families:
            raise error(3132, media[0].families, len(media))
        pieces = mounted.pieces(session.instance.key_of)
        for _ in Progress(session, media[0].backup_set.backup_bytes, stats).through(pieces):
            pass
        session.output.info(3262, "The backup set on file 1 is valid.")
    elif what == "LABELONLY":
        send(session, _LABEL, [_label(media[0])])
    elif what == "FILELISTONLY":
        send(session, _FILES, _files(media[0]))
    else:
        send(session, _HEADER, [_header(media[0])])


def send(session: StandinSession, kinds: dict[str, SqlType], rows: Sequence[tuple[Any, ...]]) -> None:
    """Give a result of these columns."""
    session.output.columns([Column(name, kind) for name, kind in kinds.items()])
    for row in rows:
        pairs = zip(row, kinds.values(), strict=True)
        session.output.row([deliver(convert(keep(value), kind), kind) for value, kind in pairs])


def _header(medium: Medium) -> tuple[Any, ...]:
    one = medium.backup_set
    extra = dict(one.extra)
    code, text = _CODES.get(one.type, _PARTIAL)
    base = int(extra["base_lsn"]) if "base_lsn" in extra else None
    created = datetime.fromisoformat(extra["created"]) if "created" in extra else one.started
    sealed = bool(medium.thumbprint)
    return (
        one.name or None, one.description or None, code, None, int(one.compressed), 1, DEVICE_TYPE, one.user,
        one.server,
        one.database, 957, created, one.backup_bytes, one.first_lsn, one.last_lsn, one.checkpoint_lsn,
        one.database_backup_lsn, one.started, one.finished, 52, 0, 1033, 196_609, one.compatibility_level, 4608,
        *VERSION, one.server, 16 * int(one.checksum) + 512, one.family_id, one.fork_id, one.collation, one.family_id, 0,
        int("snapshot" in extra), 0, 0, int(one.checksum), 0, int(extra.get("begins_log_chain", "0")), 0, 0,
        int(one.copy_only), extra.get("first_fork", one.fork_id), extra.get("fork_lsn"), one.recovery_model,
        base, extra.get("base_id"),
        text,
        one.set_id, one.stored_bytes or one.backup_bytes, 0, "aes_256" if sealed else None, medium.thumbprint or None,
        "CERTIFICATE" if sealed else None, one.finished if one.type == "L" else None, "0",
        "MS_XPRESS" if one.compressed else None,
    )  # fmt: skip


def _files(medium: Medium) -> list[tuple[Any, ...]]:
    one = medium.backup_set
    extra = dict(one.extra)
    rows, held = [], groups_in(one)
    for file in one.files:
        data = file.kind == "D"
        number = uuid.uuid5(_NAMESPACE, f"{one.family_id}{file.id}")
        base = (extra.get("base_lsn"), extra.get("base_id")) if data else (None, None)
        rows.append((
            file.logical, file.physical, file.kind, file.filegroup if data else None, file.size, _LONGEST, file.id, 0,
            None,
            number, None, None, file.size if data else 0, 4096, int(data), None, *base, 0,
            int(not data or file.filegroup.lower() in held), None, None,
        ))  # fmt: skip
    return rows


def _label(medium: Medium) -> tuple[Any, ...]:
    family = uuid.uuid5(_NAMESPACE, f"{medium.media_set_id}{medium.family}")
    return (
        medium.name or None, medium.media_set_id, medium.families, medium.family, family, 1, 0,
        medium.description or None,
        "Stand-in (not SQL Server)", 4608, medium.written, medium.mirrors, int(medium.compressed),
    )  # fmt: skip
