"""SELECT, INSERT, UPDATE and DELETE: from T-SQL to SQLite."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from restoreproof.standins.sqlserver.session import SqlType
from restoreproof.standins.sqlserver.sql.dialect import read, write
from restoreproof.standins.sqlserver.sql.inference import Columns, Inference
from restoreproof.standins.sqlserver.sql.messages import error, refused
from restoreproof.standins.sqlserver.sql.rewriting import Rewriter, store

if TYPE_CHECKING:
    from collections.abc import Mapping

    from restoreproof.standins.sqlserver.sql.functions import Function
    from restoreproof.standins.sqlserver.sql.tables import ColumnFacts

__all__ = ["Surroundings", "Translated", "translate"]


class Surroundings(Protocol):
    """What a translation asks of the session."""

    identity_insert: str

    def functions(self) -> Mapping[str, Function]:
        """All functions by name in capitals."""

    def table(self, database: str, schema: str, name: str) -> tuple[str, list[ColumnFacts]]:
        """The database a table lies in, and its columns.

        :raises SqlError: 208.
        """

    def view(self, database: str, schema: str, name: str) -> Columns | None:
        """The columns of a system view, None where there is no such view."""


@dataclass
class Translated:
    """A statement for SQLite.

    :ivar columns: name and type of what it gives; None where it gives no rows.
    :ivar variables: names in the order of ``:p0``, ``:p1``, ...
    :ivar assigned: the variables that a SELECT sets.
    """

    sql: str = ""
    writes: bool = False
    database: str = ""
    table: str = ""
    columns: list[tuple[str, SqlType | None]] | None = None
    variables: list[str] = field(default_factory=list)
    views: set[str] = field(default_factory=set)
    assigned: list[str] = field(default_factory=list)


def translate(text: str, around: Surroundings, variables: Mapping[str, SqlType], line: int) -> Translated:
    """One statement.

    :param variables: the types of those that are declared.
    :raises SqlError: 102, 137, 207, 208, 50001 and others.
    """
    cut = re.fullmatch(r"\s*TRUNCATE\s+TABLE\s+(.+?)\s*", text, re.IGNORECASE | re.DOTALL)
    try:
        return _Translation(around, variables, line).translate(f"DELETE FROM {cut[1]}" if cut else text)  # noqa: S608
    except (AttributeError, IndexError, KeyError, TypeError, ValueError, RecursionError):
        raise refused(f"this form of a query: {text[:80]}", line) from None  # a tree of a shape nobody thought of


class _Translation:
    def __init__(self, around: Surroundings, variables: Mapping[str, SqlType], line: int) -> None:
        self.around, self.variables, self.line = around, variables, line
        self.made = Translated()
        self.inference = Inference(self.columns, variables, around.functions())

    def translate(self, text: str) -> Translated:
        tree = read(text, {*self.around.functions(), "CHECKSUM_AGG"}, self.line)
        if tree.key in ("select", "union", "except", "intersect", "subquery"):
            self._assignments(tree)
            self._select(tree)
        elif tree.key in ("insert", "update", "delete"):
            self.made.writes = True
            getattr(self, f"_{tree.key}")(tree)
        else:
            raise refused(text[:60], self.line)
        return self.made

    # Tables

    def columns(self, node: Any) -> Columns | None:
        """The columns of a table node, which gets the name that SQLite knows."""
        if node.this.key == "generateseries":
            return {"value": self.inference.infer(node.this.args["start"])}
        found: Columns | None = node.meta.get("columns")
        if found is None:
            found = node.meta["columns"] = self._resolve(node)
        return found

    def _resolve(self, node: Any) -> Columns:
        database, schema, name = node.catalog, node.db, node.name
        view = self.around.view(database, schema, name)
        if view is not None:
            label = f"{schema or 'dbo'}.{name}".lower()
            self.made.views.add(f"{database.lower()}!{label}")
            self._rename(node, f"{database.lower()}!{label}", name)
            return view
        owner, facts = self.around.table(database, schema, name)
        if self.made.database not in ("", owner):
            raise refused("tables of two databases in one statement", self.line)
        self.made.database = owner
        self._rename(node, name, name)
        return {fact.name.lower(): fact.type for fact in facts}

    @staticmethod
    def _rename(node: Any, new: str, old: str) -> None:
        from sqlglot import exp  # noqa: PLC0415 - an extra

        if not node.alias and new != old:
            node.set("alias", exp.TableAlias(this=exp.to_identifier(old, quoted=True)))
        node.set("this", exp.to_identifier(new, quoted=True))
        for part in ("db", "catalog", "hints"):
            node.set(part, None)

    def _series(self, tree: Any) -> None:
        """GENERATE_SERIES as SQLite counts."""
        import sqlglot  # noqa: PLC0415 - an extra
        from sqlglot import exp  # noqa: PLC0415

        for node in list(tree.find_all(exp.GenerateSeries)):
            table = node.parent
            start, end, step = node.args["start"], node.args["end"], node.args.get("step") or exp.convert(1)
            text = (
                "SELECT * FROM (WITH RECURSIVE s(value) AS (SELECT a WHERE a <= b UNION ALL "
                "SELECT value + c FROM s WHERE value + c <= b) SELECT value FROM s)"
            )
            made = sqlglot.parse_one(text, read="sqlite").args["from_"].this
            for column in list(made.find_all(exp.Column)):
                if column.name in ("a", "b", "c"):
                    column.replace({"a": start, "b": end, "c": step}[column.name].copy())
            made.set("alias", table.args.get("alias"))
            table.replace(made)

    # Expressions

    def bind(self, name: str) -> str:
        """The placeholder of a variable."""
        if name not in self.variables:
            raise error(137, name, line=self.line)
        if name not in self.made.variables:
            self.made.variables.append(name)
        return f"p{self.made.variables.index(name)}"

    def _rewrite(self, tree: Any) -> Any:
        from sqlglot import exp  # noqa: PLC0415 - an extra

        for table in list(tree.find_all(exp.Table)):
            if not self._is_cte(table):
                self.columns(table)
        tree = Rewriter(self.inference, self.bind, self.line).rewrite(tree)
        self._series(tree)
        return tree

    @staticmethod
    def _is_cte(table: Any) -> bool:
        above = table.parent
        while above is not None:
            for cte in getattr(above.args.get("with_"), "expressions", ()) or ():
                if cte.alias.lower() == table.name.lower() and not table.db:
                    return True
            above = above.parent
        return False

    def _assignments(self, tree: Any) -> None:
        """SELECT @x = ..., which gives no rows."""
        if tree.key != "select":
            return
        pairs = [node for node in tree.expressions if node.key in ("eq", "propertyeq") and node.this.key == "parameter"]
        if pairs and len(pairs) == len(tree.expressions):
            self.made.assigned = [f"@{node.this.name}".lower() for node in pairs]
            tree.set("expressions", [node.expression for node in pairs])

    def _select(self, tree: Any) -> None:
        tree = self._rewrite(tree)
        first = tree
        while first.key != "select":
            first = first.this
        outputs = [
            (node.output_name if node.key in ("alias", "column") else "", self.inference.infer(node))
            for node in first.expressions
        ]
        self.made.columns = outputs
        self.made.sql = write(tree, self.line)

    # Writing

    def _target(self, node: Any) -> list[ColumnFacts]:
        if node.key != "table":
            raise refused("this target of a statement", self.line)
        if self.around.view(node.catalog, node.db, node.name) is not None:
            raise refused(f"writing to {node.db}.{node.name}", self.line)
        owner, facts = self.around.table(node.catalog, node.db, node.name)
        self.made.database, self.made.table = owner, node.name
        return facts

    def _insert(self, tree: Any) -> None:
        if tree.args.get("with_"):
            raise refused("INSERT behind WITH", self.line)
        target = tree.this.this if tree.this.key == "schema" else tree.this
        facts = {fact.name.lower(): fact for fact in self._target(target)}
        named = [part.name.lower() for part in tree.this.expressions] if tree.this.key == "schema" else None
        if unknown := [name for name in named or () if name not in facts]:
            raise error(207, unknown[0], line=self.line)
        chosen = (
            named
            if named is not None
            else [name for name, fact in facts.items() if not fact.identity and not fact.computed]
        )
        for name in chosen:
            if facts[name].computed:
                raise error(271, facts[name].name, line=self.line)
            if facts[name].identity and self.around.identity_insert.lower().rpartition(".")[2] != target.name.lower():
                raise error(544, target.name, line=self.line)
        source = tree.args.get("expression")
        chosen = [] if source is None else chosen
        given = self._source(source, chosen, facts, target.name) if source is not None else None
        extra = {name: self._preset(fact, target.name) for name, fact in facts.items() if name not in chosen}
        extra = {name: value for name, value in extra.items() if value is not None}
        names = ", ".join(f"`{facts[name].name}`" for name in [*chosen, *extra])
        values = ", ".join([*(given[1] if given else []), *(write(value, self.line) for value in extra.values())])
        with_ = f"WITH `$s` ({', '.join(f'c{n}' for n in range(len(chosen)))}) AS ({given[0]}) " if given else ""
        into = f"INSERT INTO `{target.name}` ({names})" if names else f"INSERT INTO `{target.name}`"
        rows = " FROM `$s`" if given else ""
        body = f"SELECT {values}{rows}" if values else "DEFAULT VALUES"
        self.made.sql = f"{with_}{into} {body}"

    def _source(
        self, source: Any, chosen: list[str], facts: Mapping[str, ColumnFacts], table: str
    ) -> tuple[str, list[str]]:
        """The rows to insert, and the expressions that make them fit."""
        from sqlglot import exp  # noqa: PLC0415 - an extra

        rows = source.expressions if source.key == "values" else None
        if rows is not None and any(
            part.name.upper() == "DEFAULT" for row in rows for part in row.find_all(exp.Column)
        ):
            raise refused("DEFAULT among the values of an INSERT", self.line)
        source = self._rewrite(source)
        if rows is not None:
            rows = source.expressions
            kinds = [self._common([self.inference.infer(row.expressions[n]) for row in rows]) for n in
                     range(len(rows[0].expressions))]  # fmt: skip
            counts = {len(row.expressions) for row in rows}
        else:
            first = source
            while first.key != "select":
                first = first.this
            kinds = [self.inference.infer(node) for node in first.expressions]
            counts = {len(kinds)}
        if counts != {len(chosen)}:
            number = 213 if max(counts) != len(chosen) else 10709
            text = "Column name or number of supplied values does not match table definition."
            found = error(207, "")
            found.number, found.text, found.line = number, text, self.line
            raise found
        fits = [
            write(store(exp.column(f"c{n}"), kinds[n], facts[name].type, table, facts[name].name), self.line)
            for n, name in enumerate(chosen)
        ]
        return write(source, self.line), fits

    @staticmethod
    def _common(kinds: list[SqlType | None]) -> SqlType | None:
        """One type for a column of VALUES; None where they differ in more than size."""
        first = kinds[0]
        if first is None or any(kind is None or kind.name != first.name for kind in kinds):
            return None
        longest = max(kind.size for kind in kinds if kind)
        return SqlType(first.name, size=-1 if any(kind and kind.size < 0 for kind in kinds) else longest)

    def _preset(self, fact: ColumnFacts, table: str) -> Any:
        """What a column gets that no value was given for; None for NULL."""
        from sqlglot import exp  # noqa: PLC0415 - an extra

        if fact.identity:
            names = [exp.Literal.string(self.made.database), exp.Literal.string(table)]
            return exp.Anonymous(this="TSQL_IDENTITY", expressions=names)
        if not fact.preset:
            return None
        tree = self._rewrite(read(f"SELECT {fact.preset}", self.around.functions(), self.line))
        value = tree.expressions[0]
        return store(value, self.inference.infer(value), fact.type, table, fact.name)

    def _update(self, tree: Any) -> None:
        if tree.args.get("from_") or tree.args.get("limit") or tree.args.get("with_"):
            raise refused("UPDATE with FROM, TOP or WITH", self.line)
        facts = {fact.name.lower(): fact for fact in self._target(tree.this)}
        table = tree.this.name
        tree = self._rewrite(tree)
        for node in tree.expressions:
            fact = facts.get(node.this.name.lower())
            if node.key != "eq" or not fact:
                raise error(207, node.this.name, line=self.line)
            if fact.computed:
                raise error(271, fact.name, line=self.line)
            if fact.identity:
                found = error(207, "")
                found.number, found.text = 8102, f"Cannot update identity column '{fact.name}'."
                raise found
            node.set("this", node.this.this)  # without the table: SQLite wants it bare
            value = node.expression
            node.set("expression", store(value.copy(), self.inference.infer(value), fact.type, table, fact.name))
        self.made.sql = write(tree, self.line)

    def _delete(self, tree: Any) -> None:
        if not tree.this and len(tree.args.get("tables") or ()) == 1:
            tree.set("this", tree.args["tables"][0])
            tree.set("tables", None)
        if not tree.this or tree.args.get("tables") or tree.args.get("limit") or tree.args.get("using"):
            raise refused("DELETE with FROM or TOP", self.line)
        self._target(tree.this)
        self.made.sql = write(self._rewrite(tree), self.line)
