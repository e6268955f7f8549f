"""sqlglot: how T-SQL is read and SQLite is written, and which parts of its tree the stand-in knows."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

from restoreproof.standins.sqlserver.session import SqlError
from restoreproof.standins.sqlserver.sql.lexer import Kind, tokenize
from restoreproof.standins.sqlserver.sql.messages import refused

if TYPE_CHECKING:
    from collections.abc import Container

__all__ = ["read", "write"]

_KNOWN = frozenset(
    [
        "add",
        "alias",
        "and",
        "anonymous",
        "any",
        "between",
        "boolean",
        "case",
        "cast",
        "coalesce",
        "collate",
        "column",
        "convert",
        "count",
        "cte",
        "datatype",
        "datatypeparam",
        "delete",
        "distinct",
        "div",
        "dpipe",
        "eq",
        "escape",
        "except",
        "exists",
        "fetch",
        "from",
        "generateseries",
        "group",
        "groupconcat",
        "gt",
        "gte",
        "having",
        "hexstring",
        "identifier",
        "if",
        "in",
        "insert",
        "intersect",
        "is",
        "join",
        "like",
        "limit",
        "literal",
        "lt",
        "lte",
        "max",
        "min",
        "mod",
        "mul",
        "national",
        "neg",
        "neq",
        "not",
        "null",
        "nullif",
        "offset",
        "or",
        "order",
        "ordered",
        "parameter",
        "paren",
        "placeholder",
        "rownumber",
        "schema",
        "select",
        "star",
        "sub",
        "subquery",
        "sum",
        "avg",
        "table",
        "tablealias",
        "trycast",
        "tuple",
        "union",
        "update",
        "values",
        "var",
        "where",
        "window",
        "with",
        "withtablehint",
        "abs",
    ]
)
_REFUSED_PARTS = ("into", "returning", "pivots", "laterals", "hint", "match", "connect", "qualify", "conflict", "lock")
_NOT_CALLS = ("INTO", "TABLE", "UPDATE", "FROM", "JOIN", ".")


def _renamed(text: str, names: Container[str]) -> str:
    """The text with the functions of ours under names that sqlglot does not know."""
    parts, at, tokens = [], 0, tokenize(text)
    for number, token in enumerate(tokens):
        before = tokens[number - 1].upper if number else ""
        new = ""
        if token.text.startswith("@@"):
            new = f"TSQL_GLOBAL_{token.text[2:].upper()}()"
        elif token.kind is Kind.WORD and token.upper in ("SYSTEM_USER", "CURRENT_TIMESTAMP"):
            new = f"TSQL_{token.upper}()"
        elif token.upper in names and tokens[number + 1].upper == "(" and before not in _NOT_CALLS:
            cast = before == "AS" or (before == "(" and tokens[number - 2].upper in ("CONVERT", "TRY_CONVERT"))
            new = "" if cast else f"TSQL_{token.upper}"
        if new:
            parts += [text[at : token.start], new]
            at = token.end
    return "".join([*parts, text[at:]])


def read(text: str, names: Container[str], line: int) -> Any:
    """T-SQL as a tree of sqlglot.

    :param names: the functions that are renamed.
    :raises SqlError: 102 for wrong syntax, 50001 for what the stand-in does not know.
    """
    import sqlglot  # noqa: PLC0415 - an extra
    from sqlglot.errors import SqlglotError  # noqa: PLC0415

    try:
        trees = sqlglot.parse(_renamed(text, names), read="tsql")
    except SqlglotError as found:
        near = str(getattr(found, "errors", [{}])[0].get("highlight", ""))[:60] if getattr(found, "errors", 0) else ""
        raise SqlError(102, f"Incorrect syntax near '{near}'.", severity=15, line=line) from None
    except RecursionError:
        raise refused("an expression that is nested too deep", line) from None
    if len(trees) != 1 or trees[0] is None:
        raise SqlError(102, "Incorrect syntax near 'end of statement'.", severity=15, line=line)
    _check(trees[0], line)
    return trees[0]


def _check(tree: Any, line: int) -> None:
    """Refuse what the stand-in does not know, instead of handing it to SQLite and hoping."""
    for node in tree.walk():
        if node.key not in _KNOWN:
            raise refused(node.sql(dialect="tsql")[:100], line)
        for part in _REFUSED_PARTS:
            if node.args.get(part):
                raise refused(f"{part.upper()} in {node.sql(dialect='tsql')[:100]}", line)
        if node.key == "limit" and (node.args.get("offset") or node.args.get("limit_options")):
            raise refused("TOP with PERCENT or TIES", line)


@functools.cache
def _target() -> Any:
    """SQLite with names in backticks: what is in double quotes it takes for text where no such column is."""
    from sqlglot.dialects.sqlite import SQLite  # noqa: PLC0415 - an extra

    class Target(SQLite):
        class Tokenizer(SQLite.Tokenizer):
            IDENTIFIERS = ["`"]  # noqa: RUF012 - as sqlglot declares it

    return Target


def write(tree: Any, line: int) -> str:
    """The tree as SQLite reads it.

    :raises SqlError: 50001 for what SQLite has not.
    """
    from sqlglot.errors import ErrorLevel, SqlglotError  # noqa: PLC0415 - an extra

    try:
        return str(tree.sql(dialect=_target(), identify=True, unsupported_level=ErrorLevel.RAISE))
    except SqlglotError as found:
        raise refused(str(found)[:200], line) from None
