"""What the instance says of itself and of a session: @@VERSION, SERVERPROPERTY, DB_NAME and their kin."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from restoreproof.standins.sqlserver.session import SqlType
from restoreproof.standins.sqlserver.sql.database import COLLATION
from restoreproof.standins.sqlserver.sql.functions import Function
from restoreproof.standins.sqlserver.sql.instance import DATA, VERSION
from restoreproof.standins.sqlserver.sql.tables import table_id

if TYPE_CHECKING:
    from collections.abc import Callable

    from restoreproof.standins.sqlserver.sql.conditions import Conditions
    from restoreproof.standins.sqlserver.sql.instance import Instance
    from restoreproof.standins.sqlserver.sql.workspace import Workspace

__all__ = ["session_functions"]

_INT, _SMALL, _NAME = SqlType("int"), SqlType("smallint"), SqlType("nvarchar", size=128)
_PRODUCT = ".".join(map(str, (*VERSION, 2)))
_EDITION = "stand-in (not SQL Server)"


def _property(instance: Instance) -> Callable[[str], Any]:
    known: dict[str, Any] = {
        "productversion": _PRODUCT, "productmajorversion": str(VERSION[0]), "productminorversion": str(VERSION[1]),
        "productbuild": str(VERSION[2]), "productlevel": "RTM", "productupdatelevel": "CU24", "edition": _EDITION,
        "engineedition": 3, "collation": COLLATION, "servername": instance.name, "machinename": instance.name,
        "instancename": None, "isclustered": 0, "ishadrenabled": 0, "isintegratedsecurityonly": 0, "issingleuser": 0,
        "instancedefaultdatapath": DATA, "instancedefaultlogpath": DATA, "instancedefaultbackuppath": DATA,
        "isfulltextinstalled": 0, "processid": 1, "editionid": -1, "resourceversion": _PRODUCT, "isxtpsupported": 1,
        "filestreameffectivelevel": 1,
        "computernamephysicalnetbios": instance.name,
    }  # fmt: skip
    return lambda name: known.get(str(name).lower())


def _of_databases(workspace: Workspace) -> dict[str, Function]:
    instance = workspace.instance

    def number(name: str | None = None) -> int | None:
        found = instance.databases.get((name or workspace.database).lower())
        return found.id if found else None

    def name(number: int | None = None) -> str | None:
        if number is None:
            return workspace.database
        return next((one.name for one in list(instance.databases.values()) if one.id == number), None)

    def object_id(text: str, kind: str = "U") -> int | None:
        parts = [part.strip('[]"') for part in text.split(".")]
        owner = parts[-3] if len(parts) > 2 and parts[-3] else workspace.database  # noqa: PLR2004 - database, schema, name
        if kind.upper() not in ("U", ""):
            return None
        if owner.lower() not in instance.databases:
            return None
        return table_id(workspace.connection(owner), parts[-1])

    def extended(database: str, name: str) -> Any:
        found = instance.databases.get(database.lower())
        if not found:
            return None
        mode = "READ_ONLY" if found.read_only or found.standby else "READ_WRITE"
        known = {"status": found.state, "recovery": found.recovery, "collation": found.collation, "updateability": mode}
        return known.get(name.lower())

    return {
        "DB_ID": Function(number, _SMALL, steady=False),
        "DB_NAME": Function(name, _NAME, steady=False),
        "OBJECT_ID": Function(object_id, _INT, steady=False),
        "DATABASEPROPERTYEX": Function(extended, _NAME, steady=False),
    }


def _of_errors(conditions: Conditions) -> dict[str, Function]:
    def part(name: str) -> Callable[[], Any]:
        return lambda: getattr(conditions.caught, name) if conditions.caught else None

    kinds = {"NUMBER": _INT, "SEVERITY": _INT, "STATE": _INT, "LINE": _INT}
    found = {f"ERROR_{word}": Function(part(word.lower()), kind, steady=False) for word, kind in kinds.items()}
    return found | {
        "ERROR_MESSAGE": Function(part("text"), SqlType("nvarchar", size=4000), steady=False),
        "ERROR_PROCEDURE": Function(lambda: None, _NAME, steady=False),
    }


def session_functions(workspace: Workspace, conditions: Conditions) -> dict[str, Function]:
    """The functions that answer by the session; ``@@NAME`` is here as GLOBAL_NAME."""
    instance, facts = workspace.instance, workspace.facts

    def fixed(value: Any, kind: SqlType) -> Function:
        return Function(lambda *_: value, kind)

    version = f"Microsoft SQL Server 2022 {_EDITION} - {_PRODUCT} on Linux"
    user = fixed("sa", _NAME)
    changing = {
        "GLOBAL_TRANCOUNT": Function(lambda: workspace.transactions, _INT, steady=False),
        "XACT_STATE": Function(lambda: int(workspace.transactions > 0), _SMALL, steady=False),
        "GLOBAL_ROWCOUNT": Function(lambda: conditions.rows, _INT, steady=False),
        "GLOBAL_ERROR": Function(lambda: conditions.last_error, _INT, steady=False),
        "GLOBAL_IDENTITY": Function(lambda: workspace.identity, SqlType("decimal", precision=38), steady=False),
        "SCOPE_IDENTITY": Function(lambda: workspace.identity, SqlType("decimal", precision=38), steady=False),
        "IDENTITY": Function(workspace.next_identity, SqlType("bigint"), steady=False),
    }
    steady = {
        "GLOBAL_VERSION": fixed(version, SqlType("nvarchar", size=300)),
        "GLOBAL_SPID": fixed(facts.id, _SMALL),
        "GLOBAL_SERVERNAME": fixed(instance.name, _NAME),
        "GLOBAL_SERVICENAME": fixed("MSSQLSERVER", _NAME),
        "SERVERPROPERTY": Function(_property(instance), SqlType("sql_variant")),
        "SUSER_SNAME": user, "SUSER_NAME": user, "ORIGINAL_LOGIN": user, "SYSTEM_USER": user,
        "USER_NAME": fixed("dbo", _NAME),
        "SCHEMA_NAME": fixed("dbo", _NAME),
        "HAS_PERMS_BY_NAME": fixed(1, _INT),
        "IS_SRVROLEMEMBER": fixed(1, _INT),
        "APP_NAME": fixed("", _NAME),
        "HOST_NAME": fixed("", _NAME),
    }  # fmt: skip
    return _of_databases(workspace) | _of_errors(conditions) | changing | steady
