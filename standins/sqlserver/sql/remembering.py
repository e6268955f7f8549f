"""Translations that are made once: the same statements come again and again."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from restoreproof.standins.sqlserver.sql.translation import translate

if TYPE_CHECKING:
    from collections.abc import Mapping

    from restoreproof.standins.sqlserver.session import SqlType
    from restoreproof.standins.sqlserver.sql.inference import Columns
    from restoreproof.standins.sqlserver.sql.tables import ColumnFacts
    from restoreproof.standins.sqlserver.sql.translation import Surroundings, Translated

__all__ = ["Translations"]

_MOST, _LONGEST = 256, 2_000


_Named = tuple[str, str, str]
"""Database, schema and name, as a statement spells them."""


class _Asking:
    """Surroundings that keep what a translation asks of a session, and what it is told."""

    def __init__(self, around: Surroundings) -> None:
        self.identity_insert, self.functions, self._around = around.identity_insert, around.functions, around
        self.answers = _Answers()

    def table(self, database: str, schema: str, name: str) -> tuple[str, list[ColumnFacts]]:
        """As the session says."""
        found = self.answers.tables[database, schema, name] = self._around.table(database, schema, name)
        return found

    def view(self, database: str, schema: str, name: str) -> Columns | None:
        """As the session says."""
        found = self.answers.views[database, schema, name] = self._around.view(database, schema, name)
        return found


@dataclass(frozen=True)
class _Answers:
    tables: dict[_Named, tuple[str, list[ColumnFacts]]] = field(default_factory=dict)
    views: dict[_Named, Columns | None] = field(default_factory=dict)

    def hold(self, around: Surroundings) -> bool:
        """Whether a session tells just the same now; its errors are those of a translation."""
        return all(around.view(*asked) == told for asked, told in self.views.items()) and all(
            around.table(*asked) == told for asked, told in self.tables.items()
        )


class Translations:
    """The translations of an instance. One is given again only where every question it asked has the same answer.

    So another database, schema or option never meets a translation that was made for the one before.
    """

    def __init__(self) -> None:
        self._known: dict[object, tuple[_Answers, Translated]] = {}
        self._lock = threading.Lock()

    def translate(self, text: str, around: Surroundings, variables: Mapping[str, SqlType], line: int) -> Translated:
        """One statement, as :func:`translate` does it; nobody may change it.

        :raises SqlError: likewise.
        """
        key = (text, around.identity_insert, tuple(sorted(variables.items())))
        with self._lock:
            known = self._known.get(key)
        if known and known[0].hold(around):
            return known[1]
        asking = _Asking(around)
        made = translate(text, asking, variables, line)
        if len(text) <= _LONGEST:
            self._keep(key, (asking.answers, made))
        return made

    def _keep(self, key: object, known: tuple[_Answers, Translated]) -> None:
        """Keep the newest."""
        with self._lock:
            self._known.pop(key, None)
            self._known[key] = known
            if len(self._known) > _MOST:
                del self._known[next(iter(self._known))]
