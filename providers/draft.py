"""A profile's text while it is changed: what is not touched stays as it was written, comments and order included."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import tomlkit
from tomlkit.items import AoT, Table

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    from restoreproof.providers.capabilities import Value
    from restoreproof.providers.profile import Deviation

FILES = {
    "endpoint": ("ca", "certificate", "key", "program"),
    "keys": ("id_file", "secret_file"),
}
"""Where a profile names files, relative to the folder that it lies in."""


class Draft:
    """The text of a profile that can be loaded, and changes to it."""

    def __init__(self, text: str, ranges: Collection[str] = ()) -> None:
        """``ranges`` are those of the variants that hold for a release: what they say goes before the rest."""
        self._document = tomlkit.parse(text)
        self._ranges = ranges

    @property
    def text(self) -> str:
        """The text as it is now."""
        return tomlkit.dumps(self._document)

    def set(self, table: str, name: str, value: Value, comment: str) -> None:
        """Give a key of a table a value, with a comment behind it; the table need not be there."""
        written = tomlkit.item(list(value) if isinstance(value, tuple) else value)
        written.comment(comment)
        written.trivia.comment_ws = "  "
        self._table(table, name)[name] = written

    def drop(self, deviation: Deviation) -> None:
        """Take a deviation out."""
        listed = self._deviations()
        for index, known in reversed(list(enumerate(listed))):
            if (known.get("check"), _range(known, "seen_in")) == (deviation.check, deviation.seen_in):
                del listed[index]
        if not listed:
            self._document.remove("deviations")

    def declare(self, deviation: Deviation, comment: str) -> None:
        """Put a deviation in, with a comment above it."""
        table = tomlkit.table()
        table.add(tomlkit.comment(comment))
        for key in ("check", "symptom", "reason", "link", "seen_in", "intermittent"):
            if value := getattr(deviation, key):
                table.add(key, value)
        table.add(tomlkit.nl())
        self._deviations().append(table)

    def move(self, old: Path, new: Path) -> None:
        """Have the files that are named relative to one folder found from another one; absolute paths stay."""
        for table, key in self._files():
            file = old / str(table[key])
            if file.is_file() and not Path(str(table[key])).is_absolute():
                table[key] = file.as_posix() if file.drive != new.drive else _relative(file, new)

    def _table(self, name: str, key: str) -> Any:
        """The table that has the last word on a key."""
        for variant in reversed(self._document.get("variants", [])):
            if _range(variant, "when") in self._ranges and key in variant.get(name, {}):
                return variant[name]
        if name not in self._document:
            self._document[name] = tomlkit.table()
        return self._document[name]

    def _deviations(self) -> AoT:
        listed = self._document.get("deviations")
        if isinstance(listed, AoT):
            return listed
        rewritten = tomlkit.aot()
        for known in listed or ():  # as inline tables, which take no comment
            rewritten.append(_as_table(known))
        self._document.pop("deviations", None)
        self._document["deviations"] = rewritten
        return rewritten

    def _files(self) -> Iterator[tuple[Any, str]]:
        endpoint, keys = self._document.get("endpoint", {}), self._document.get("keys", {})
        for table, names in ((endpoint, FILES["endpoint"]), *((pair, FILES["keys"]) for pair in keys.values())):
            yield from ((table, name) for name in names if name in table)


def _range(table: Mapping[str, Any], key: str) -> str:
    """A range of releases, spelt as loaded profiles spell it."""
    return ", ".join(part.strip() for part in str(table.get(key, "")).split(","))


def _as_table(values: Mapping[str, Any]) -> Table:
    table = tomlkit.table()
    for name, value in values.items():
        table.add(name, value)
    return table


def _relative(file: Path, folder: Path) -> str:
    return os.path.relpath(file, folder).replace(os.sep, "/")
