"""msdb: the history of backups, as its documented tables tell it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from restoreproof.standins.sqlserver.sql.viewing import View, columns

if TYPE_CHECKING:
    from collections.abc import Iterable

    from restoreproof.standins.sqlserver.sql.instance import BackupRecord
    from restoreproof.standins.sqlserver.sql.viewing import Looker

__all__ = ["DEVICE_TYPE", "HISTORY", "differential_base"]

DEVICE_TYPE = 9
"""URL, as documented for backupmediafamily and HEADERONLY."""


def differential_base(record: dict[str, str]) -> int | None:
    """The LSN that a differential backup refers to."""
    return int(record["base_lsn"]) if record.get("base_lsn") else None


def _set(record: BackupRecord) -> tuple[Any, ...]:
    one, extra = record.backup_set, dict(record.backup_set.extra)
    encrypted = bool(one.encrypted_by)
    return (
        record.id, one.set_id, record.id, one.name or None, one.description or None, one.user, 16, 0,
        one.first_lsn, one.last_lsn, one.checkpoint_lsn, one.database_backup_lsn, one.started, one.finished, one.type,
        one.backup_bytes, one.stored_bytes, one.database, one.server, one.server, one.collation, one.recovery_model,
        int(one.copy_only), int(one.checksum), 0, int("snapshot" in extra), int(one.compatibility_level), one.family_id,
        one.fork_id, extra.get("first_fork", one.fork_id), extra.get("fork_lsn") or None, differential_base(extra),
        extra.get("base_id") or None, "AES_256" if encrypted else None, record.medium.thumbprint or None,
        "CERTIFICATE" if encrypted else None, int(extra.get("begins_log_chain") or 0), 1,
    )  # fmt: skip


def _sets(looker: Looker) -> Iterable[tuple[Any, ...]]:
    return [_set(record) for record in looker.instance.history]


def _families(looker: Looker) -> Iterable[tuple[Any, ...]]:
    for record in looker.instance.history:
        for mirror, urls in enumerate(record.urls):
            for family, url in enumerate(urls, 1):
                yield record.id, family, record.medium.media_set_id, 1, None, url, DEVICE_TYPE, 65_536, mirror


def _media(looker: Looker) -> Iterable[tuple[Any, ...]]:
    for record in looker.instance.history:
        medium = record.medium
        yield (
            record.id, medium.media_set_id, medium.families, medium.name or None, medium.description or None,
            "Stand-in (not SQL Server)", 0, 1, int(medium.compressed), int(bool(medium.thumbprint)),
        )  # fmt: skip


def _files(looker: Looker) -> Iterable[tuple[Any, ...]]:
    for record in looker.instance.history:
        for file in record.backup_set.files:
            rows = file.kind == "D"
            yield (
                record.id, 1, file.filegroup if rows else None, 8192, 512, file.id, file.kind, file.logical,
                file.physical, file.size, 0, "ONLINE", file.size if rows else 0, 1,
            )  # fmt: skip


HISTORY: dict[str, View] = {
    "dbo.backupset": View(
        columns(
            "backup_set_id int, backup_set_uuid uniqueidentifier, media_set_id int, name nvarchar(128), "
            "description nvarchar(255), user_name nvarchar(128), software_major_version tinyint, "
            "software_minor_version tinyint, first_lsn numeric(25,0), last_lsn numeric(25,0), checkpoint_lsn "
            "numeric(25,0), "
            "database_backup_lsn numeric(25,0), backup_start_date datetime, backup_finish_date datetime, type char(1), "
            "backup_size numeric(20,0), compressed_backup_size numeric(20,0), database_name nvarchar(128), "
            "server_name nvarchar(128), machine_name nvarchar(128), collation_name nvarchar(128), "
            "recovery_model nvarchar(60), is_copy_only bit, has_backup_checksums bit, is_damaged bit, is_snapshot bit, "
            "compatibility_level tinyint, family_guid uniqueidentifier, last_recovery_fork_guid uniqueidentifier, "
            "first_recovery_fork_guid uniqueidentifier, fork_point_lsn numeric(25,0), differential_base_lsn "
            "numeric(25,0), "
            "differential_base_guid uniqueidentifier, key_algorithm nvarchar(32), encryptor_thumbprint varbinary(20), "
            "encryptor_type nvarchar(32), begins_log_chain bit, position int"
        ),
        _sets,
    ),
    "dbo.backupmediafamily": View(
        columns(
            "media_set_id int, family_sequence_number tinyint, media_family_id uniqueidentifier, media_count int, "
            "logical_device_name nvarchar(128), physical_device_name nvarchar(260), device_type tinyint, "
            "physical_block_size int, mirror tinyint"
        ),
        _families,
    ),
    "dbo.backupmediaset": View(
        columns(
            "media_set_id int, media_uuid uniqueidentifier, media_family_count tinyint, name nvarchar(128), "
            "description nvarchar(255), software_name nvarchar(128), software_vendor_id int, mirror_count tinyint, "
            "is_compressed bit, is_encrypted bit"
        ),
        _media,
    ),
    "dbo.backupfile": View(
        columns(
            "backup_set_id int, first_family_number tinyint, filegroup_name nvarchar(128), page_size int, "
            "source_file_block_size numeric(10,0), file_number numeric(10,0), file_type char(1), logical_name "
            "nvarchar(128), "
            "physical_name nvarchar(260), file_size numeric(20,0), is_readonly bit, state_desc nvarchar(60), "
            "backup_size numeric(20,0), is_present bit"
        ),
        _files,
    ),
}
