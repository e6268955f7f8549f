"""Trees of T-SQL rewritten so that SQLite gives T-SQL's answers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from restoreproof.standins.sqlserver.session import SqlType
from restoreproof.standins.sqlserver.sql.inference import type_of_sqlglot
from restoreproof.standins.sqlserver.sql.messages import refused
from restoreproof.standins.sqlserver.sql.tables import as_sqlite_collates
from restoreproof.standins.sqlserver.sql.values import DATES, INTEGERS, TEXTS

if TYPE_CHECKING:
    from collections.abc import Callable

    from restoreproof.standins.sqlserver.sql.inference import Inference

__all__ = ["Rewriter", "store"]

_DECIMALS = ("decimal", "money", "smallmoney")
_SIGNS = {"add": "+", "sub": "-", "mul": "*", "div": "/", "mod": "%"}
_COMPARISONS = ("eq", "neq", "gt", "gte", "lt", "lte")
_ZONES = ("DATEADD", "DATEDIFF", "DATEDIFF_BIG")


def _type_arguments(kind: SqlType) -> list[Any]:
    from sqlglot import exp  # noqa: PLC0415 - an extra

    numbers = [exp.convert(number) for number in (kind.size, kind.precision, kind.scale)]
    return [exp.Literal.string(kind.name), *numbers]


def _call(name: str, *arguments: Any) -> Any:
    from sqlglot import exp  # noqa: PLC0415 - an extra

    return exp.Anonymous(this=f"TSQL_{name}", expressions=list(arguments))


def _text(value: str) -> Any:
    from sqlglot import exp  # noqa: PLC0415 - an extra

    return exp.Literal.string(value)


def store(value: Any, source: SqlType | None, to: SqlType, table: str, column: str) -> Any:
    """An expression that makes a value fit its column; the expression itself where it does already."""
    fits = to.name in INTEGERS or (source and (to.size == -1 or 0 < source.size <= to.size))
    if source and fits and to.name == source.name and to.name in (*INTEGERS, "varbinary", "nvarchar", "varchar"):
        return value
    name = source.name if source else ""
    return _call("STORE", value, *_type_arguments(to), _text(name), _text(table), _text(column))


class Rewriter:
    """Rewrites one statement.

    :param bind: gives the placeholder of a variable.
    """

    def __init__(self, inference: Inference, bind: Callable[[str], str], line: int) -> None:
        self.inference, self.bind, self.line = inference, bind, line

    def rewrite(self, tree: Any) -> Any:
        """The tree, changed in place; its root may be another one."""
        nodes = list(tree.walk())
        for node in nodes:
            if node.key == "select":
                self._expand(node)
        nodes = list(tree.walk())
        for node in nodes:
            self.inference.infer(node)
        for node in reversed(nodes):
            change = getattr(self, f"_{node.key}", None) or (self._compare if node.key in _COMPARISONS else None)
            new = change(node) if change else node
            if new is not node:
                new.meta["tsql"] = node.meta.get("tsql")
                node.replace(new)
                tree = new if node is tree else tree
        return tree

    def _expand(self, select: Any) -> None:
        """Put columns in the place of ``*``."""
        from sqlglot import exp  # noqa: PLC0415 - an extra

        made: list[Any] = []
        for node in select.expressions:
            if not node.is_star or node.key not in ("star", "column"):
                made.append(node)
                continue
            wanted = node.table.lower() if node.key == "column" else ""
            for alias, columns in self.inference.sources(select).items():
                if wanted in ("", alias):
                    made += [exp.column(name, table=alias, quoted=True) for name in columns]
        select.set("expressions", made)

    def _kind(self, node: Any) -> str:
        found = self.inference.infer(node)
        return found.name if found else ""

    def _parameter(self, node: Any) -> Any:
        from sqlglot import exp  # noqa: PLC0415 - an extra

        return exp.Placeholder(this=self.bind(f"@{node.name}".lower()))

    def _national(self, node: Any) -> Any:
        return _text(node.name)

    def _literal(self, node: Any) -> Any:
        from sqlglot import exp  # noqa: PLC0415 - an extra

        decimal = not node.is_string and self._kind(node) == "decimal" and node.find_ancestor(exp.Limit) is None
        return _text(node.name) if decimal else node

    def _boolean(self, _: Any) -> Any:
        raise refused("TRUE and FALSE", self.line)

    def _arithmetic(self, node: Any) -> Any:
        from sqlglot import exp  # noqa: PLC0415 - an extra

        left, right = self._kind(node.this), self._kind(node.expression)
        whole = left in INTEGERS and right in INTEGERS
        if node.key in ("add", "sub", "mul") and (whole or {left, right} <= {"float", "real", *INTEGERS}):
            return node if left and right else _call("COMPUTE", _text(_SIGNS[node.key]), node.this, node.expression)
        if node.key == "add" and left in TEXTS and right in TEXTS:
            return exp.DPipe(this=node.this.copy(), expression=node.expression.copy(), safe=False)
        if {left, right} & set(DATES):
            raise refused("arithmetic with dates", self.line)
        return _call("COMPUTE", _text(_SIGNS[node.key]), node.this, node.expression)

    _add = _sub = _mul = _div = _mod = _arithmetic

    def _compare(self, node: Any) -> Any:
        """Give both sides one form where their types are kept in different ones; not where SET assigns."""
        if node.parent is not None and node.parent.key == "update" and node.arg_key == "expressions":
            return node
        self._align(node, "this", "expression")
        return node

    def _align(self, node: Any, *parts: str) -> None:
        from sqlglot import exp  # noqa: PLC0415 - an extra

        kinds = [self.inference.infer(node.args[part]) for part in parts]
        dates = [kind for kind in kinds if kind and kind.name in DATES]
        texts = [kind for kind in kinds if kind and kind.name in TEXTS]
        if dates and any(kind != dates[0] for kind in kinds):
            wide = dates[0] if dates[0].name in ("time", "datetimeoffset") else SqlType("datetime2", scale=7)
            for part in parts:
                node.set(part, self._converted(node.args[part], wide))
        elif len(texts) == len(kinds):
            node.set("this", self._collated(node.this, texts))
        elif {kind.name for kind in kinds if kind} & set(_DECIMALS):
            node.set("this", exp.Collate(this=node.this.copy(), expression=exp.var("TSQL_DECIMAL")))

    def _in(self, node: Any) -> Any:
        kind = self.inference.infer(node.this)
        if kind and kind.name in DATES and node.expressions:
            node.set("expressions", [self._converted(value, kind) for value in node.expressions])
        elif kind and kind.name in TEXTS:
            node.set("this", self._collated(node.this, [kind]))
        return node

    @staticmethod
    def _collated(value: Any, kinds: list[SqlType]) -> Any:
        """A text as the first collation that one of the sides names compares it."""
        from sqlglot import exp  # noqa: PLC0415 - an extra

        collation = as_sqlite_collates(next((kind.collation for kind in kinds if kind.collation), ""))
        return exp.Collate(this=value.copy(), expression=exp.var(collation))

    def _between(self, node: Any) -> Any:
        self._align(node, "this", "low", "high")
        return node

    def _converted(self, value: Any, kind: SqlType, style: Any = None, *, tries: bool = False) -> Any:
        from sqlglot import exp  # noqa: PLC0415 - an extra

        source = _text(self._kind(value))
        made = _call(
            "CONVERTED", value.copy(), *_type_arguments(kind), source, style or exp.convert(0), exp.convert(int(tries))
        )
        made.meta["tsql"] = kind
        return made

    def _trycast(self, node: Any) -> Any:
        return self._converted(node.this, type_of_sqlglot(node.to), tries=True)

    def _convert(self, node: Any) -> Any:
        return self._converted(
            node.args["expression"],
            type_of_sqlglot(node.this),
            node.args.get("style"),
            tries=bool(node.args.get("safe")),
        )

    def _cast(self, node: Any) -> Any:
        return self._converted(node.this, type_of_sqlglot(node.to))

    def _sum(self, node: Any) -> Any:
        return node if self._kind(node.this) in (*INTEGERS, "float", "real") else _call("SUM", node.this)

    def _avg(self, node: Any) -> Any:
        return _call("AVG", node.this)

    def _groupconcat(self, node: Any) -> Any:
        from sqlglot import exp  # noqa: PLC0415 - an extra

        value, order = node.this, []
        if value.key == "order":
            for part in value.expressions:
                order += [part.this, exp.convert(int(bool(part.args.get("desc"))))]
            value = value.this
        return _call("STRING_AGG", value, node.args.get("separator") or _text(","), *order)

    def _anonymous(self, node: Any) -> Any:
        from sqlglot import exp  # noqa: PLC0415 - an extra

        name = node.name.upper()
        if not name.startswith("TSQL_"):
            raise refused(f"the function {node.name}", self.line)
        bare = name.removeprefix("TSQL_")
        parts = node.expressions
        if bare in _ZONES and parts and parts[0].key in ("column", "var"):
            parts[0].replace(_text(parts[0].name))
        elif bare == "DATALENGTH" and len(parts) == 1:
            node.append("expressions", _text(self._kind(parts[0])))
        elif bare == "HASHBYTES" and len(parts) == 2:  # noqa: PLR2004 - its algorithm and its value
            node.append("expressions", exp.convert(int(self._kind(parts[1]).startswith("n"))))
        elif bare in ("BINARY_CHECKSUM", "CHECKSUM") and any(part.is_star for part in parts):
            self._spread(node)
        return node

    def _spread(self, node: Any) -> None:
        """All columns in the place of ``*``."""
        from sqlglot import exp  # noqa: PLC0415 - an extra

        select = node.find_ancestor(exp.Select)
        names = [(alias, name) for alias, columns in self.inference.sources(select).items() for name in columns]
        node.set("expressions", [exp.column(name, table=alias, quoted=True) for alias, name in names])

    def _ordered(self, node: Any) -> Any:
        node.set("nulls_first", None)  # SQLite puts NULL first, as T-SQL does
        return node

    def _values(self, node: Any) -> Any:
        """Name the columns of a VALUES that stands as a table."""
        from sqlglot import exp  # noqa: PLC0415 - an extra

        names = node.alias_column_names
        if not node.alias or not names:
            return node
        inner = exp.Values(expressions=[row.copy() for row in node.expressions])
        columns = [exp.alias_(exp.column(f"column{n}"), name, quoted=True) for n, name in enumerate(names, 1)]
        return exp.select(*columns).from_(exp.Subquery(this=inner)).subquery(node.alias)
