"""What the driver asks about types: sp_datatype_info_100 and sp_describe_undeclared_parameters, as documented."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from restoreproof.standins.sqlserver.session import Column, SqlType

if TYPE_CHECKING:
    from restoreproof.standins.sqlserver.session import Output

__all__ = ["tell_parameters", "tell_types"]

_NAME, _SMALL, _NUMBER = SqlType("nvarchar", 128), SqlType("smallint"), SqlType("int")
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
)
_NVARCHAR = (231, "nvarchar(4000)", 8000, 0, 0)
_NO_MARKS = re.compile(r"'(?:[^']|'')*'|--[^\n]*|/\*.*?\*/", re.DOTALL)


def tell_types(wanted: int, output: Output) -> None:
    """The types with that number in ODBC, 0 for all; pyodbc asks for four of them when it connects."""
    output.columns(_TYPE_COLUMNS)
    found = [entry for entry in _TYPES if wanted in (0, entry[1])]
    for name, number, precision in found:
        edges = (None, None, None, 1, 0, 3, None, 0, None)
        output.row((name, number, precision, *edges, name, None, None, number, None, None, None, 0))
    output.done(len(found))


def tell_parameters(statement: str, output: Output) -> None:
    """One row for each parameter of a statement. A guess: all are said to be nvarchar."""
    marks = dict.fromkeys(re.findall(r"@P\d+", _NO_MARKS.sub(" ", statement)))
    output.columns(_PARAMETER_COLUMNS)
    for ordinal, mark in enumerate(marks, 1):
        output.row((ordinal, mark, *_NVARCHAR))
    output.done(len(marks))
