"""Types of T-SQL expressions, as far as they can be told before anything runs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from restoreproof.standins.sqlserver.session import SqlType
from restoreproof.standins.sqlserver.sql.messages import error
from restoreproof.standins.sqlserver.sql.values import INTEGERS, TEXTS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from restoreproof.standins.sqlserver.sql.functions import Function

__all__ = ["Columns", "Inference", "type_of_sqlglot"]

Columns = dict[str, SqlType | None]
_ORDER = ("bit", "tinyint", "smallint", "int", "bigint", "smallmoney", "money", "decimal", "real", "float")
_INT = SqlType("int")
_WORDS = {
    "TEXT": "varchar", "INTEGER": "int", "TINYINT": "tinyint", "UTINYINT": "tinyint", "TIMESTAMP": "datetime2",
    "DOUBLE": "float", "FLOAT": "float", "UUID": "uniqueidentifier", "TIMESTAMPTZ": "datetimeoffset", "BOOLEAN": "bit",
    "NAME": "nvarchar", "SMALLDATETIME": "smalldatetime", "BINARY": "binary",
}  # fmt: skip
_DEFAULT_SIZE = 30  # CAST and CONVERT without a length, as documented


def type_of_sqlglot(node: Any) -> SqlType:
    """The type that a CAST or CONVERT names."""
    word = node.this.value if hasattr(node.this, "value") else str(node.this)
    name = _WORDS.get(word, word.lower())
    sizes = [part.name.lower() for part in node.expressions]
    numbers = [-1 if size == "max" else int(size) for size in sizes]
    if name in (*TEXTS, "binary", "varbinary"):
        return SqlType(name, size=numbers[0] if numbers else 128 if word == "NAME" else _DEFAULT_SIZE)
    if name == "decimal":
        return SqlType(name, precision=(numbers or [18])[0], scale=numbers[1] if len(numbers) > 1 else 0)
    if name in ("datetime2", "datetimeoffset", "time"):
        return SqlType(name, scale=numbers[0] if numbers else 7)
    if name not in (*INTEGERS, "bit", "date", "datetime", "smalldatetime", "money", "smallmoney", "float", "real",
                    "uniqueidentifier"):  # fmt: skip
        raise error(2715, name)
    return SqlType(name)


class Inference:
    """Finds the types of one statement's expressions.

    :param tables: the columns of a table node, None where it is none that is known.
    """

    def __init__(
        self,
        tables: Callable[[Any], Columns | None],
        variables: Mapping[str, SqlType],
        functions: Mapping[str, Function],
    ) -> None:
        self.tables, self.variables, self.functions = tables, variables, functions
        self._sources: dict[int, dict[str, Columns]] = {}
        self._kept: list[Any] = []

    def sources(self, select: Any) -> dict[str, Columns]:
        """The tables of a SELECT, UPDATE or DELETE by alias in small letters."""
        if id(select) not in self._sources:
            self._kept.append(select)
            found = self._sources[id(select)] = {}
            for node in self._source_nodes(select):
                found[node.alias_or_name.lower()] = self._columns_of(node)
        return self._sources[id(select)]

    @staticmethod
    def _source_nodes(select: Any) -> list[Any]:
        start = select.args.get("from_")
        nodes = [start.this] if start else []
        if select.key in ("update", "delete") and select.this:
            nodes.append(select.this)
        for node in [*nodes]:
            nodes.extend(join.this for join in node.args.get("joins") or ())
        nodes.extend(join.this for join in select.args.get("joins") or ())
        return nodes

    def _columns_of(self, node: Any) -> Columns:
        if node.key == "subquery":
            return self._renamed(node, self.outputs(node.this))
        if node.key == "values":
            return self._renamed(node, {str(n): self.infer(v) for n, v in enumerate(node.expressions[0].expressions)})
        if node.key == "table":
            return self._cte(node) or self.tables(node) or {}
        return {}

    def _cte(self, node: Any) -> Columns | None:
        """The columns of a common table expression of this name."""
        above = node.parent
        while above is not None:
            for cte in getattr(above.args.get("with_"), "expressions", ()) or ():
                if cte.alias.lower() == node.name.lower() and not node.db:
                    return self._renamed(cte, self.outputs(cte.this))
            above = above.parent
        return None

    @staticmethod
    def _renamed(node: Any, columns: Columns) -> Columns:
        names = node.alias_column_names
        return dict(zip((name.lower() for name in names), columns.values(), strict=False)) if names else columns

    def outputs(self, select: Any) -> Columns:
        """What a SELECT gives."""
        while select.key in ("union", "except", "intersect"):
            select = select.this
        if select.key == "subquery":
            return self.outputs(select.this)
        found: Columns = {}
        for number, node in enumerate(select.expressions):
            if node.is_star:
                for columns in self.starred(select, node):
                    found |= columns
            else:
                found[node.output_name.lower() or f"#{number}"] = self.infer(node)
        return found

    def starred(self, select: Any, star: Any) -> list[Columns]:
        """The columns that ``*`` or ``t.*`` stands for."""
        sources = self.sources(select)
        wanted = star.table.lower() if star.key == "column" else ""
        return [columns for name, columns in sources.items() if wanted in ("", name)]

    def infer(self, node: Any) -> SqlType | None:
        """The type of an expression, None where it can't be told."""
        if "tsql" not in node.meta:
            node.meta["tsql"] = None  # so that what refers to itself ends
            node.meta["tsql"] = self._infer(node)
        found: SqlType | None = node.meta["tsql"]
        return found

    def _infer(self, node: Any) -> SqlType | None:  # noqa: PLR0911 - one per kind of node
        found = getattr(self, f"_{node.key}", None)
        if found:
            kind: SqlType | None = found(node)
            return kind
        if node.key in ("paren", "alias", "neg", "min", "max", "collate", "window", "distinct", "any_value"):
            return self.infer(node.this if node.this is not None else node.expressions[0])
        if node.key in ("count", "rownumber", "rank", "checksumagg"):
            return SqlType("bigint") if node.key != "count" or node.args.get("big_int") else _INT
        if node.key in ("cast", "trycast"):
            return type_of_sqlglot(node.to)
        if node.key in ("sum", "avg"):
            return self._widened(self.infer(node.this))
        if node.key in ("add", "sub", "mul", "div", "mod"):
            return self._arithmetic(node)
        return None

    def _column(self, node: Any) -> SqlType | None:
        name, table = node.name.lower(), node.table.lower()
        above = node.find_ancestor_scope() if hasattr(node, "find_ancestor_scope") else node.parent
        while above is not None:
            if above.key in ("select", "update", "delete"):
                for alias, columns in self.sources(above).items():
                    if table in ("", alias) and name in columns:
                        return columns[name]
            above = above.parent
        return None

    def _literal(self, node: Any) -> SqlType:
        if node.is_string:
            return SqlType("varchar", size=max(1, len(node.name)) if len(node.name) <= 8000 else -1)  # noqa: PLR2004
        if node.name.isdecimal():
            return _INT if int(node.name) < 2**31 else SqlType("bigint" if int(node.name) < 2**63 else "decimal", 0, 38)
        if "e" in node.name.lower():
            return SqlType("float")
        whole, _, rest = node.name.partition(".")
        return SqlType("decimal", precision=min(38, len(whole + rest) or 1), scale=len(rest))

    def _national(self, node: Any) -> SqlType:
        return SqlType("nvarchar", size=max(1, len(node.name)) if len(node.name) <= 4000 else -1)  # noqa: PLR2004

    def _hexstring(self, node: Any) -> SqlType:
        return SqlType("varbinary", size=max(1, len(node.name) // 2))

    def _parameter(self, node: Any) -> SqlType | None:
        return self.variables.get(f"@{node.name}".lower())

    def _convert(self, node: Any) -> SqlType:
        return type_of_sqlglot(node.this)

    def _subquery(self, node: Any) -> SqlType | None:
        return next(iter(self.outputs(node.this).values()), None)

    def _anonymous(self, node: Any) -> SqlType | None:
        name = node.name.upper().removeprefix("TSQL_")
        function = self.functions.get(name)
        if not function:
            return _INT if name == "CHECKSUM_AGG" else None
        if function.type and function.type.name == "sql_variant":
            return None
        first = self.infer(node.expressions[0]) if node.expressions else None
        if function.type is None or (name == "REPLICATE" and first and first.size == -1):
            return SqlType(first.name, size=-1) if first and first.name in TEXTS else first
        if name == "REPLICATE":
            wide = bool(first and first.name.startswith("n"))
            return SqlType("nvarchar" if wide else "varchar", size=4000 if wide else 8000)
        return function.type

    def _groupconcat(self, node: Any) -> SqlType:
        inner = node.this.this if node.this.key == "order" else node.this
        kind = self.infer(inner)
        if kind and kind.name in TEXTS:
            return SqlType("nvarchar" if kind.name.startswith("n") else "varchar", size=kind.size if kind.size < 0 else
                           (4000 if kind.name.startswith("n") else 8000))  # fmt: skip
        return SqlType("nvarchar", size=4000)

    def _coalesce(self, node: Any) -> SqlType | None:
        kinds = [self.infer(part) for part in (node.this, *node.expressions)]
        return kinds[0] if node.args.get("is_null") else self.highest(kinds)

    def _nullif(self, node: Any) -> SqlType | None:
        return self.infer(node.this)

    def _if(self, node: Any) -> SqlType | None:
        return self.highest([self.infer(node.args[part]) for part in ("true", "false") if node.args.get(part)])

    def _case(self, node: Any) -> SqlType | None:
        parts = [branch.args["true"] for branch in node.args["ifs"]] + [node.args.get("default")]
        return self.highest([self.infer(part) for part in parts if part is not None and part.key != "null"])

    @staticmethod
    def highest(kinds: list[SqlType | None]) -> SqlType | None:
        """The type of highest precedence; of texts the longest."""
        known = [kind for kind in kinds if kind]
        if len(known) < len(kinds) or not known:
            return None
        if all(kind.name in TEXTS for kind in known):
            name = "nvarchar" if any(kind.name.startswith("n") for kind in known) else "varchar"
            return SqlType(name, size=-1 if any(kind.size < 0 for kind in known) else max(kind.size for kind in known))
        ranked = [kind for kind in known if kind.name in _ORDER]
        if len(ranked) == len(known):
            return max(ranked, key=lambda kind: (_ORDER.index(kind.name), kind.precision, kind.scale))
        return next((kind for kind in known if kind.name not in TEXTS), known[0])

    @staticmethod
    def _widened(kind: SqlType | None) -> SqlType | None:
        """What SUM and AVG give, as documented."""
        if kind and kind.name in ("bit", "tinyint", "smallint"):
            return _INT
        if kind and kind.name == "decimal":
            return SqlType("decimal", precision=38, scale=kind.scale)
        return kind

    def _arithmetic(self, node: Any) -> SqlType | None:
        left, right = self.infer(node.this), self.infer(node.expression)
        found = self.highest([left, right])
        if found and left and right and found.name in TEXTS:
            size = -1 if -1 in (left.size, right.size) else left.size + right.size
            return SqlType(found.name, size=min(size, 4000 if found.name.startswith("n") else 8000))
        if found and left and right and found.name in ("decimal", "money", "smallmoney"):
            scales = [
                kind.scale if kind.name == "decimal" else 4 if "money" in kind.name else 0 for kind in (left, right)
            ]
            if node.key == "mul":
                return SqlType("decimal", precision=38, scale=min(sum(scales), 12))
            return SqlType("decimal", precision=38, scale=max(6, *scales) if node.key == "div" else max(scales))
        return _INT if found and found.name in ("tinyint", "smallint", "bit") else found
