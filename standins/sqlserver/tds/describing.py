"""What the driver asks about types: sp_datatype_info_100 and sp_describe_undeclared_parameters, as documented."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from restoreproof.standins.sqlserver.session import Column, SqlType
from restoreproof.standins.sqlserver.tds.codes import LONG_TYPES, UNLIMITED
from restoreproof.standins.sqlserver.tds.values import described, type_info

if TYPE_CHECKING:
    from collections.abc import Mapping

    from restoreproof.standins.sqlserver.session import Output

__all__ = ["tell_parameters", "tell_types"]

_NAME, _SMALL, _NUMBER = SqlType("nvarchar", 128), SqlType("smallint"), SqlType("int")
_FLAG = SqlType("bit")
_WORD = SqlType("varchar", 32)
_TYPE_COLUMNS = (
    Column("TYPE_NAME", _NAME),
    Column("DATA_TYPE", _SMALL),
    Column("PRECISION", _NUMBER),
    Column("LITERAL_PREFIX", _WORD),
    Column("LITERAL_SUFFIX", _WORD),
    Column("CREATE_PARAMS", _WORD),
    Column("NULLABLE", _SMALL),
    Column("CASE_SENSITIVE", _SMALL),
    Column("SEARCHABLE", _SMALL),
    Column("UNSIGNED_ATTRIBUTE", _SMALL),
    Column("MONEY", _SMALL),
    Column("AUTO_INCREMENT", _SMALL),
    Column("LOCAL_TYPE_NAME", _NAME),
    Column("MINIMUM_SCALE", _SMALL),
    Column("MAXIMUM_SCALE", _SMALL),
    Column("SQL_DATA_TYPE", _SMALL),
    Column("SQL_DATETIME_SUB", _SMALL),
    Column("NUM_PREC_RADIX", _NUMBER),
    Column("INTERVAL_PRECISION", _SMALL),
    Column("USERTYPE", _SMALL),
)
_TYPES = (
    ("nvarchar", -9, 4000),
    ("varchar", 12, 8000),
    ("varbinary", -3, 8000),
    ("binary", -2, 8000),
    ("nchar", -8, 4000),
    ("char", 1, 8000),
    ("datetime2", 93, 27),
    ("datetime", 93, 23),
    ("bigint", -5, 19),
    ("int", 4, 10),
    ("bit", -7, 1),
    ("decimal", 3, 38),
    ("uniqueidentifier", -11, 36),
)
"""Name, number in ODBC, and precision of each."""

_PARAMETER_COLUMNS = (
    Column("parameter_ordinal", _NUMBER),
    Column("name", _NAME),
    Column("suggested_system_type_id", _NUMBER),
    Column("suggested_system_type_name", SqlType("nvarchar", 256)),
    Column("suggested_max_length", _SMALL),
    Column("suggested_precision", SqlType("tinyint")),
    Column("suggested_scale", SqlType("tinyint")),
    Column("suggested_user_type_id", _NUMBER),
    Column("suggested_user_type_database", _NAME),
    Column("suggested_user_type_schema", _NAME),
    Column("suggested_user_type_name", _NAME),
    Column("suggested_assembly_qualified_type_name", SqlType("nvarchar", 4000)),
    Column("suggested_xml_collection_id", _NUMBER),
    Column("suggested_xml_collection_database", _NAME),
    Column("suggested_xml_collection_schema", _NAME),
    Column("suggested_xml_collection_name", _NAME),
    Column("suggested_is_xml_document", _FLAG),
    Column("suggested_is_case_sensitive", _FLAG),
    Column("suggested_is_fixed_length_clr_type", _FLAG),
    Column("suggested_is_input", _FLAG),
    Column("suggested_is_output", _FLAG),
    Column("formal_parameter_name", _NAME),
    Column("suggested_tds_type_id", _NUMBER),
    Column("suggested_tds_length", _NUMBER),
)
_NO_MORE_THAN_INPUT = (*(None,) * 9, False, False, False, True, False, None)
_NUMBERS = {
    "uniqueidentifier": 36,
    "date": 40,
    "time": 41,
    "datetime2": 42,
    "datetimeoffset": 43,
    "tinyint": 48,
    "smallint": 52,
    "int": 56,
    "smalldatetime": 58,
    "real": 59,
    "money": 60,
    "datetime": 61,
    "float": 62,
    "bit": 104,
    "decimal": 106,
    "numeric": 108,
    "smallmoney": 122,
    "bigint": 127,
    "varbinary": 165,
    "varchar": 167,
    "binary": 173,
    "char": 175,
    "nvarchar": 231,
    "nchar": 239,
}
"""Types as sys.types numbers them."""
_LENGTHS = {"date": 3, "time": 5, "datetime2": 8, "datetimeoffset": 10}
_UNKNOWN = SqlType("nvarchar", 4000)
_NO_MARKS = re.compile(r"'(?:[^']|'')*'|--[^\n]*|/\*.*?\*/", re.DOTALL)


def tell_types(wanted: int, output: Output) -> None:
    """The types with that number in ODBC, 0 for all; pyodbc asks for four of them when it connects."""
    output.columns(_TYPE_COLUMNS)
    found = [entry for entry in _TYPES if wanted in (0, entry[1])]
    for name, number, precision in found:
        edges = (None, None, None, 1, 0, 3, None, 0, None)
        output.row((name, number, precision, *edges, name, None, None, number, None, None, None, 0))
    output.done(len(found))


def tell_parameters(statement: str, known: Mapping[str, SqlType], output: Output) -> None:
    """One row for each parameter of a statement. A guess: those that nobody knows are said to be nvarchar(4000)."""
    marks = dict.fromkeys(re.findall(r"@P\d+", _NO_MARKS.sub(" ", statement)))
    output.columns(_PARAMETER_COLUMNS)
    for ordinal, mark in enumerate(marks, 1):
        output.row((ordinal, mark, *_suggested(known.get(mark, _UNKNOWN))))
    output.done(len(marks))


def _suggested(kind: SqlType) -> tuple[object, ...]:
    """Number, name, bytes, precision and scale, and what TDS makes of it."""
    kind = kind if kind.name in _NUMBERS else _UNKNOWN
    size = 2 * kind.size if kind.name in ("nchar", "nvarchar") and kind.size > 0 else kind.size
    told = (_NUMBERS[kind.name], described(kind), size, kind.precision, kind.scale)
    code = type_info(kind)
    length = size % (UNLIMITED + 1) if kind.name in LONG_TYPES else _LENGTHS.get(kind.name) or code[1]
    return (*told, *_NO_MORE_THAN_INPUT, code[0], length)
