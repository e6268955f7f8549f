"""The key pairs of a profile: which variables or files hold them, and their values."""

from __future__ import annotations

import re
from copy import copy
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from restoreproof.providers.secrets import AbsentSecretError, Secret, SecretError, read_file, read_variable

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from restoreproof.providers.table import Table

ROLES = ("backup", "restore", "housekeeping")
"""Who holds a key: SQL Server while it backs up, SQL Server while it restores, and the operator who cleans up."""

NARROW_ROLES = ("list_only", "put_only", "get_only")
"""Keys with one right each, for those who want to see what each right is worth; nobody works with them."""

_VARIABLE = re.compile(r"[A-Z_][A-Z0-9_]*", re.ASCII)
_UNDIVIDED = 16
"""From this length on, a name without ``_`` and with a digit is taken for a key: AWS key ids look like that."""

_SHORTEST = 4
"""Shorter keys can't be kept out of reports: taking every 'abc' out of a text would ruin it and hide nothing."""

_USED_FOR = {
    "id": "the first ':' ends the key id in SQL Server's credential (CRED-03)",
    "secret": "SQL Server refuses a secret with ':' (CRED-04)",
}


@dataclass(frozen=True)
class KeyPair:
    """A key id and its secret; both print as ``***``."""

    id: Secret
    secret: Secret


@dataclass(frozen=True)
class Origin:
    """Where one half of a pair comes from: the name of an environment variable, or a file."""

    kind: Literal["variable", "file"]
    name: str


@dataclass(frozen=True)
class KeySource:
    """Where the two halves of a pair come from, and whether both are there."""

    id: Origin
    secret: Origin
    present: bool


@dataclass(frozen=True)
class Keys:
    """What ``[keys]`` says: pairs and sources by role, and warnings for whoever started the run."""

    pairs: Mapping[str, KeyPair]
    sources: Mapping[str, KeySource]
    warnings: tuple[str, ...]


class KeyReader:
    """Reads ``[keys]`` of one profile.

    :param folder: where the profile lies; ``id_file`` and ``secret_file`` are relative to it.
    :param environ: the environment variables.
    :param required: whether a variable or file that does not exist is a problem, or the pair just absent.
    :param colons: whether a ``:`` in a key is let through, for whoever judges it.
    """

    def __init__(self, folder: Path, environ: Mapping[str, str], *, required: bool, colons: bool = False) -> None:
        self._folder = folder
        self._environ = environ
        self._required = required
        self._colons = colons
        self._warnings: dict[str, None] = {}

    @property
    def required(self) -> bool:
        """Whether a variable or file that does not exist is a problem."""
        return self._required

    def lenient(self) -> KeyReader:
        """The same reader, to which it is none."""
        reader = copy(self)
        reader._required = False  # noqa: SLF001 - one of our own
        return reader

    def read(self, table: Table) -> Keys:
        """Every role's pair; roles left out are served by the backup pair, keys with one right by none."""
        pairs: dict[str, KeyPair] = {}
        sources: dict[str, KeySource] = {}
        for role in (*ROLES, *NARROW_ROLES):
            self._read_role(role, table, pairs, sources)
        table.close()
        given = [role for role in NARROW_ROLES if role in table]
        if 0 < len(given) < len(NARROW_ROLES):
            names = ", ".join(f"[keys.{role}]" for role in NARROW_ROLES)
            table.report(given[0], f"tells rights apart only beside the others: give all of {names}, or none")
        if "backup" not in table:
            table.report("backup", "is missing: name the variables that hold the key SQL Server backs up with")
        for role in ROLES[1:]:
            if role not in table:
                pairs.update({role: pairs["backup"]} if "backup" in pairs else {})
                sources.update({role: sources["backup"]} if "backup" in sources else {})
        return Keys(pairs, sources, tuple(self._warnings))

    def _read_role(self, role: str, table: Table, pairs: dict[str, KeyPair], sources: dict[str, KeySource]) -> None:
        pair = table.table(role)
        if role not in table:
            return
        origins = [_origin(pair, half) for half in ("id", "secret")]
        pair.close()
        if origins[0] is None or origins[1] is None:
            return
        values = [self._value(pair, half, origin) for half, origin in zip(("id", "secret"), origins, strict=True)]
        sources[role] = KeySource(origins[0], origins[1], all(values))
        if values[0] and values[1]:
            pairs[role] = KeyPair(values[0], values[1])

    def _value(self, table: Table, half: str, origin: Origin | None) -> Secret | None:
        if origin is None:
            return None
        key = half if origin.kind == "variable" else f"{half}_file"
        try:
            value = self._fetch(origin)
        except AbsentSecretError as problem:
            if self._required:
                table.report(key, str(problem))
            return None
        except SecretError as problem:
            table.report(key, str(problem))
            return None
        fault = _fault(half, value.reveal(), colons=self._colons)
        if fault:
            table.report(key, f"the {half} in the {origin.kind} {origin.name} {fault}")
        return value

    def _fetch(self, origin: Origin) -> Secret:
        if origin.kind == "variable":
            return read_variable(origin.name, self._environ)
        secret, warning = read_file(self._folder / origin.name)
        if warning:
            self._warnings[warning] = None
        return secret


def _origin(table: Table, half: str) -> Origin | None:
    file = table.text(f"{half}_file")
    variable = table.text(half)
    if f"{half}_file" in table:
        if half in table:
            table.report(half, f"give either {half} or {half}_file, not both")
        return Origin("file", file) if file else None
    if half not in table:
        table.report(half, f'is missing; {half} = "NAME" names an environment variable, {half}_file = "..." a file')
        return None
    if variable and not _plausible(variable):
        table.report(half, "must be the name of an environment variable (capitals, digits, _), never the value itself")
        return None
    return Origin("variable", variable) if variable else None


def _plausible(name: str) -> bool:
    if not _VARIABLE.fullmatch(name):
        return False
    return "_" in name or len(name) < _UNDIVIDED or name.isalpha()


def _fault(half: str, value: str, *, colons: bool) -> str:
    """What makes a key unusable, without a word of the key."""
    if ":" in value and not colons:
        return f"holds a ':'; {_USED_FOR[half]}; have the provider issue another pair"
    if not value.isascii() or not value.isprintable() or value != value.strip():
        return "holds a character that no key has (a space at an end, a line break, or one beyond ASCII)"
    if len(value) < _SHORTEST:
        return f"has fewer than {_SHORTEST} characters, so it could not be kept out of reports; use a longer one"
    return ""
