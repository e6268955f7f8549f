"""Findings in words: for people line by line, and as JSON."""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING, Any

from restoreproof.commands.linting.finding import ERROR, NOT_JUDGED, NOTE, SYNTAX, WARNING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from restoreproof.commands.linting.linter import Placed
    from restoreproof.reports.rules import Rule

    Findings = Sequence[tuple[str, Placed]]

_REFUSED = "Msg 102, Msg 155 or Msg 156; of a parameter Msg 8145"
"""What SQL Server says of what it can't read."""


def as_text(files: Sequence[str], findings: Findings, rules: Mapping[str, Rule]) -> str:
    """A paragraph for each finding, and a last line that counts them."""
    paragraphs = ["\n".join(_paragraph(name, placed, rules.get(placed.finding.rule))) for name, placed in findings]
    return "\n".join([*paragraphs, _total(files, findings)]) + "\n"


def _paragraph(name: str, placed: Placed, rule: Rule | None) -> Iterator[str]:
    found = placed.finding
    yield f"{name}:{placed.line}:{placed.column}: {found.severity} {found.rule}: {found.what}"
    if found.rule == SYNTAX:
        yield f"    SQL Server shows: {_REFUSED}"
    if rule:
        yield f"    rule: {rule.title}"
        yield f"    SQL Server shows: {rule.dba_sees}"
        yield f"    fix: {rule.remedy}"


def _total(files: Sequence[str], findings: Findings) -> str:
    numbers = Counter(placed.finding.severity for _, placed in findings)
    counted = [_counted(numbers[word], word) for word in (ERROR, WARNING, NOTE)]
    return f"{_counted(len(files), 'file')}: {', '.join(counted)}"


def _counted(number: int, word: str) -> str:
    return f"{number} {word}" if number == 1 else f"{number} {word}s"


def as_json(files: Sequence[str], findings: Findings, rules: Mapping[str, Rule]) -> str:
    """One document with all findings, for machines."""
    entries = [_entry(name, placed, rules) for name, placed in findings]
    return json.dumps({"files": list(files), "findings": entries}, indent=2) + "\n"


def _entry(name: str, placed: Placed, rules: Mapping[str, Rule]) -> dict[str, Any]:
    found = placed.finding
    entry: dict[str, Any] = {
        "file": name,
        "line": placed.line,
        "column": placed.column,
        "rule": None if found.rule in (NOT_JUDGED, SYNTAX) else found.rule,
        "severity": found.severity,
        "what": found.what,
    }
    if found.rule == SYNTAX:
        entry["dba_sees"] = _REFUSED
    rule = rules.get(found.rule)
    if rule:
        source = {"document": rule.source.document, "section": rule.source.section, "url": rule.source.url}
        told = {"claim": rule.title, "certainty": rule.certainty, "dba_sees": rule.dba_sees, "fix": rule.remedy}
        entry |= {**told, "source": source}
    return entry
