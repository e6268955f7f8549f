"""Views of a database's own objects."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from restoreproof.standins.sqlserver.sql.tables import all_columns
from restoreproof.standins.sqlserver.sql.viewing import View, columns

if TYPE_CHECKING:
    from collections.abc import Iterable

    from restoreproof.standins.sqlserver.session import SqlType
    from restoreproof.standins.sqlserver.sql.viewing import Looker

__all__ = ["OBJECTS"]

_NUMBERS = {  # sys.types: system_type_id
    "bigint": 127, "binary": 173, "bit": 104, "char": 175, "date": 40, "datetime": 61, "datetime2": 42,
    "datetimeoffset": 43, "decimal": 106, "float": 62, "int": 56, "money": 60, "nchar": 239, "nvarchar": 231,
    "real": 59,
    "smalldatetime": 58, "smallint": 52, "smallmoney": 122, "time": 41, "tinyint": 48, "uniqueidentifier": 36,
    "varbinary": 165, "varchar": 167,
}  # fmt: skip
_LENGTHS = {
    "bigint": 8,
    "bit": 1,
    "date": 3,
    "datetime": 8,
    "decimal": 9,
    "float": 8,
    "int": 4,
    "money": 8,
    "smallint": 2,
}


def _tables(looker: Looker) -> Iterable[tuple[Any, ...]]:
    for number, name, created, _ in all_columns(looker.connection()):
        yield name, number, None, 1, 0, "U", "USER_TABLE", created, created, 0


def _length(kind: SqlType) -> int:
    if kind.size:
        return kind.size * (2 if kind.name.startswith("n") and kind.size > 0 else 1)
    return _LENGTHS.get(kind.name, 8)


def _columns(looker: Looker) -> Iterable[tuple[Any, ...]]:
    for number, _, _, facts in all_columns(looker.connection()):
        for position, fact in enumerate(facts, 1):
            code, kind = _NUMBERS[fact.type.name], fact.type
            yield (
                number, fact.name, position, code, code, _length(kind), kind.precision, kind.scale,
                kind.collation or None, int(fact.nullable), int(fact.identity is not None), int(bool(fact.computed)),
            )  # fmt: skip


def _computed(looker: Looker) -> Iterable[tuple[Any, ...]]:
    for number, _, _, facts in all_columns(looker.connection()):
        for position, fact in enumerate(facts, 1):
            if fact.computed:
                yield number, fact.name, position, fact.computed, int(fact.persisted)


def _information(looker: Looker) -> Iterable[tuple[Any, ...]]:
    for _, name, _, _ in all_columns(looker.connection()):
        yield looker.database, "dbo", name, "BASE TABLE"


def _information_columns(looker: Looker) -> Iterable[tuple[Any, ...]]:
    for _, name, _, facts in all_columns(looker.connection()):
        for position, fact in enumerate(facts, 1):
            nullable = "YES" if fact.nullable else "NO"
            yield looker.database, "dbo", name, fact.name, position, nullable, fact.type.name, fact.type.size or None


def _schemas(_: Looker) -> Iterable[tuple[Any, ...]]:
    return [("dbo", 1, 1), ("sys", 4, 4), ("INFORMATION_SCHEMA", 3, 3)]


def _types(_: Looker) -> Iterable[tuple[Any, ...]]:
    for name, number in sorted(_NUMBERS.items()):
        yield name, number, number, 4


_OBJECTS = columns(
    "name nvarchar(128), object_id int, principal_id int, schema_id int, parent_object_id int, type char(2), "
    "type_desc nvarchar(60), create_date datetime, modify_date datetime, is_ms_shipped bit"
)
OBJECTS: dict[str, View] = {
    "sys.tables": View(_OBJECTS, _tables),
    "sys.objects": View(_OBJECTS, _tables),
    "sys.schemas": View(columns("name nvarchar(128), schema_id int, principal_id int"), _schemas),
    "sys.types": View(columns("name nvarchar(128), system_type_id tinyint, user_type_id int, schema_id int"), _types),
    "sys.columns": View(
        columns(
            "object_id int, name nvarchar(128), column_id int, system_type_id tinyint, user_type_id int, "
            "max_length smallint, precision tinyint, scale tinyint, collation_name nvarchar(128), is_nullable bit, "
            "is_identity bit, is_computed bit"
        ),
        _columns,
    ),
    "sys.computed_columns": View(
        columns("object_id int, name nvarchar(128), column_id int, definition nvarchar(4000), is_persisted bit"),
        _computed,
    ),
    "information_schema.tables": View(
        columns(
            "TABLE_CATALOG nvarchar(128), TABLE_SCHEMA nvarchar(128), TABLE_NAME nvarchar(128), TABLE_TYPE varchar(10)"
        ),
        _information,
    ),
    "information_schema.columns": View(
        columns(
            "TABLE_CATALOG nvarchar(128), TABLE_SCHEMA nvarchar(128), TABLE_NAME nvarchar(128), COLUMN_NAME "
            "nvarchar(128), "
            "ORDINAL_POSITION int, IS_NULLABLE varchar(3), DATA_TYPE nvarchar(128), CHARACTER_MAXIMUM_LENGTH int"
        ),
        _information_columns,
    ),
}
