"""System views: rows made up from what the instance knows, with the columns that are asked for."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from restoreproof.standins.sqlserver.sql.database import now
from restoreproof.standins.sqlserver.sql.history import HISTORY
from restoreproof.standins.sqlserver.sql.objects import OBJECTS
from restoreproof.standins.sqlserver.sql.viewing import View, columns

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from restoreproof.standins.sqlserver.sql.instance import Instance, SessionFacts
    from restoreproof.standins.sqlserver.sql.viewing import Looker

__all__ = ["find_view"]

_STATES = {"ONLINE": 0, "RESTORING": 1, "OFFLINE": 6}
_MODELS = {"FULL": 1, "BULK_LOGGED": 2, "SIMPLE": 3}


def _databases(looker: Looker) -> Iterable[tuple[Any, ...]]:
    for one in sorted(looker.instance.databases.copy().values(), key=lambda database: database.id):
        single = one.single_user is not None
        yield (
            one.name, one.id, None, b"\1", one.created, 160, one.collation, int(single),
            "SINGLE_USER" if single else "MULTI_USER", int(one.read_only or one.standby), 0, 0, _STATES[one.state],
            one.state, int(one.standby), _MODELS[one.recovery], one.recovery, 2, "CHECKSUM", int(one.encrypted), 0,
            one.family,
        )  # fmt: skip


def _credentials(looker: Looker) -> Iterable[tuple[Any, ...]]:
    for one in list(looker.instance.credentials.values()):
        yield one.id, one.name, one.identity, one.created, one.created, None, None


def _symmetric_keys(looker: Looker) -> Iterable[tuple[Any, ...]]:
    if looker.instance.master_key:
        yield "##MS_DatabaseMasterKey##", 101


def _certificates(looker: Looker) -> Iterable[tuple[Any, ...]]:
    for number, one in enumerate(list(looker.instance.certificates.values()), 256):
        key = "ENCRYPTED_BY_MASTER_KEY"
        yield one.name, number, 1, "MK", key, 1, one.subject, one.subject, one.thumbprint, one.created, None


def _database_keys(looker: Looker) -> Iterable[tuple[Any, ...]]:
    databases = dict(looker.instance.databases)
    if any(one.encrypted for one in databases.values()):
        yield databases["tempdb"].id, 3, "AES", 256, None, "ASYMMETRIC KEY", 0.0
    for one in databases.values():
        if one.encryptor:
            yield one.id, 3 if one.encrypted else 1, "AES", 256, one.encryptor, "CERTIFICATE", 0.0


def _requests(looker: Looker) -> Iterable[tuple[Any, ...]]:
    for facts in _sessions_of(looker.instance):
        request = facts.request
        if request:
            elapsed = (now() - request.started) // timedelta(milliseconds=1)
            database = looker.instance.databases.get(facts.database.lower())
            yield (
                facts.id, 0, request.started, "running", request.command, database.id if database else 1,
                request.percent, 0, None, 0, elapsed, None,
            )  # fmt: skip


def _sessions_of(instance: Instance) -> list[SessionFacts]:
    with instance.lock:
        return list(instance.sessions.values())


def _sessions(looker: Looker) -> Iterable[tuple[Any, ...]]:
    for facts in _sessions_of(looker.instance):
        database = looker.instance.databases.get(facts.database.lower())
        status = "running" if facts.request else "sleeping"
        yield facts.id, facts.login_time, None, None, "sa", status, database.id if database else 1, 1, "sa"


def size_of(path: Path) -> int:
    """Bytes of a file, 0 where it is gone: a database may be dropped while it is looked at."""
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


def _files(looker: Looker, only: str = "") -> Iterable[tuple[Any, ...]]:
    for one in list(looker.instance.databases.values()):
        if only and one.name.lower() != only.lower():
            continue
        for number, file in enumerate(one.files, 1):
            rows = file.kind == "D"
            pages = max(1, size_of(one.path) // 8192) if rows else 1024
            kind = "DLS".index(file.kind)
            yield (
                one.id, number, kind, ("ROWS", "LOG", "FILESTREAM")[kind], int(file.kind != "L"), file.logical,
                file.physical, 0, "ONLINE", pages, -1, 8192,
            )  # fmt: skip


_FILE_COLUMNS = columns(
    "database_id int, file_id int, type tinyint, type_desc nvarchar(60), data_space_id int, name nvarchar(128), "
    "physical_name nvarchar(260), state tinyint, state_desc nvarchar(60), size int, max_size int, growth int"
)


@dataclass(frozen=True)
class _Fixed:
    """A view whose rows never change."""

    values: tuple[tuple[Any, ...], ...] = ()

    def __call__(self, _: Looker) -> Iterable[tuple[Any, ...]]:
        return self.values


def _clerks(looker: Looker) -> Iterable[tuple[Any, ...]]:
    yield b"\1".rjust(8, b"\0"), "MEMORYCLERK_BACKUP", "Backup", 0, looker.instance.backups.reserved // 1024, 8192


_VIEWS: dict[str, View] = {
    "sys.databases": View(
        columns(
            "name nvarchar(128), database_id int, source_database_id int, owner_sid varbinary(85), "
            "create_date datetime, "
            "compatibility_level tinyint, collation_name nvarchar(128), user_access tinyint, "
            "user_access_desc nvarchar(60), "
            "is_read_only bit, is_auto_close_on bit, is_auto_shrink_on bit, state tinyint, state_desc nvarchar(60), "
            "is_in_standby bit, recovery_model tinyint, recovery_model_desc nvarchar(60), page_verify_option tinyint, "
            "page_verify_option_desc nvarchar(60), is_encrypted bit, is_distributor bit, "
            "service_broker_guid uniqueidentifier"
        ),
        _databases,
    ),
    "sys.credentials": View(
        columns(
            "credential_id int, name nvarchar(128), credential_identity nvarchar(4000), create_date datetime, "
            "modify_date datetime, target_type nvarchar(100), target_id int"
        ),
        _credentials,
    ),
    "sys.symmetric_keys": View(columns("name nvarchar(128), symmetric_key_id int"), _symmetric_keys),
    "sys.certificates": View(
        columns(
            "name nvarchar(128), certificate_id int, principal_id int, pvt_key_encryption_type char(2), "
            "pvt_key_encryption_type_desc nvarchar(60), is_active_for_begin_dialog bit, issuer_name nvarchar(442), "
            "subject nvarchar(4000), thumbprint varbinary(32), start_date datetime, expiry_date datetime"
        ),
        _certificates,
    ),
    "sys.dm_database_encryption_keys": View(
        columns(
            "database_id int, encryption_state int, key_algorithm nvarchar(32), key_length int, "
            "encryptor_thumbprint varbinary(20), encryptor_type nvarchar(32), percent_complete real"
        ),
        _database_keys,
    ),
    "sys.dm_exec_requests": View(
        columns(
            "session_id smallint, request_id int, start_time datetime, status nvarchar(30), command nvarchar(32), "
            "database_id smallint, percent_complete real, blocking_session_id smallint, wait_type nvarchar(60), "
            "wait_time int, total_elapsed_time int, sql_handle varbinary(64)"
        ),
        _requests,
    ),
    "sys.dm_exec_sessions": View(
        columns(
            "session_id smallint, login_time datetime, host_name nvarchar(128), program_name nvarchar(128), "
            "login_name nvarchar(128), status nvarchar(30), database_id smallint, is_user_process bit, "
            "original_login_name nvarchar(128)"
        ),
        _sessions,
    ),
    "sys.master_files": View(_FILE_COLUMNS, _files),
    "sys.database_files": View(
        _FILE_COLUMNS,
        lambda looker: _files(looker, looker.database),
    ),
    "sys.dm_os_host_info": View(
        columns(
            "host_platform nvarchar(256), host_distribution nvarchar(256), host_release nvarchar(256), "
            "host_service_pack_level nvarchar(256), host_sku int, os_language_version int"
        ),
        _Fixed((("Linux", "stand-in (not SQL Server)", "", "", None, 0),)),
    ),
    "sys.dm_server_memory_dumps": View(  # none is ever written
        columns("filename nvarchar(256), creation_time datetimeoffset, size_in_bytes bigint"), _Fixed()
    ),
    "sys.dm_os_memory_objects": View(  # those of a storage engine are none of ours
        columns("memory_object_address varbinary(8), pages_in_bytes int, bytes_used bigint, type nvarchar(60)"),
        _Fixed(),
    ),
    "sys.dm_os_memory_clerks": View(
        columns(
            "memory_clerk_address varbinary(8), type nvarchar(60), name nvarchar(256), memory_node_id smallint, "
            "pages_kb bigint, page_size_in_bytes bigint"
        ),
        _clerks,
    ),
}
_ALL = _VIEWS | OBJECTS | HISTORY


def find_view(database: str, schema: str, name: str) -> View | None:
    """A system view by the parts of its name, None where there is none."""
    label = f"{schema}.{name}".lower()
    if schema.lower() == "dbo" and database.lower() != "msdb":
        return None
    return _ALL.get(label)
