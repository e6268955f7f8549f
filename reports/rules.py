"""The rules that operators of SQL Server keep: pure data under ``suites/rules``, read here into frozen values.

The register says what a store must do; a rule says what those must do who configure SQL Server, write its scripts or
plan its backups. Linter, doctor and the vendors' pages name a rule by its id, and take its words from here.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, fields
from importlib import resources
from typing import TYPE_CHECKING, Any

from restoreproof.reports.register import CERTAINTIES, RegisterError, Source

if TYPE_CHECKING:
    from collections.abc import Mapping
    from importlib.resources.abc import Traversable

PLACES = ("lint", "doctor", "page")
"""Where a rule is told: in the linter's findings, in the doctor's, on the vendors' pages."""


@dataclass(frozen=True)
class Rule:
    """One rule: its claim in ``title``, where it is told, and what SQL Server shows when it is broken."""

    id: str
    area: str
    title: str
    places: tuple[str, ...]
    certainty: str
    dba_sees: str
    remedy: str
    source: Source


def load_rules(folder: Traversable | None = None, sources: Traversable | None = None) -> Mapping[str, Rule]:
    """Read every ``*.toml`` of the rules, in the order of the files' names.

    :param folder: where the files are; the installed ones when left out.
    :param sources: the file of the documents that they cite; the register's when left out.
    :raises RegisterError: a file or an entry is wrong.
    """
    suites = resources.files("restoreproof.suites")
    cited = _document(sources or suites / "requirements" / "sources.toml")
    files = sorted((folder or suites / "rules").iterdir(), key=lambda file: file.name)
    rules: dict[str, Rule] = {}
    for file in files:
        for rule in _entries(file, cited):
            if rule.id in rules:
                raise RegisterError(f"{file.name}: {rule.id} is a rule twice, first of {rules[rule.id].area}")
            rules[rule.id] = rule
    return rules


def _entries(file: Traversable, sources: Mapping[str, Any]) -> list[Rule]:
    document = _document(file)
    for key in ("area", "title", "rule"):
        if key not in document:
            raise RegisterError(f"{file.name}: the key {key!r} is missing at the top")
    return [_entry(file.name, document["area"], raw, sources) for raw in document["rule"]]


def _entry(name: str, area: str, raw: Mapping[str, Any], sources: Mapping[str, Any]) -> Rule:
    known = {f.name for f in fields(Rule)} - {"area"} | {"section"}
    for key in sorted(known ^ set(raw)):
        raise RegisterError(
            f"{name}: {raw.get('id')}: {'the key is missing' if key in known else 'unknown key'}: {key}"
        )
    values = dict(raw)
    document = sources.get(values["source"])
    if not document:
        raise RegisterError(f"{name}: {raw['id']}: no such source in sources.toml: {values['source']!r}")
    values["source"] = Source(document["document"], values.pop("section"), document["url"])
    values["places"] = tuple(values["places"])
    if not values["places"] or set(values["places"]) - set(PLACES):
        raise RegisterError(f"{name}: {raw['id']}: places names some of {', '.join(PLACES)}, not {raw['places']}")
    if values["certainty"] not in CERTAINTIES:
        raise RegisterError(f"{name}: {raw['id']}: {values['certainty']!r} is none of {', '.join(CERTAINTIES)}")
    return Rule(area=area, **values)


def _document(file: Traversable) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except ValueError as problem:
        raise RegisterError(f"{file.name}: {problem}") from problem
