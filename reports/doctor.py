"""What the doctor says: grouped lines for people, one document for machines."""

from __future__ import annotations

import json
from itertools import groupby
from typing import TYPE_CHECKING

from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from restoreproof.reports.findings import AREAS, GOOD, NOTE, PROBLEM, WARNING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.console import Console

    from restoreproof.reports.findings import Examination, Finding, Unlooked

MARKS = {PROBLEM: "PROBLEM", WARNING: "warning", NOTE: "note", GOOD: "ok"}
STYLES = {PROBLEM: "bold red", WARNING: "yellow", NOTE: "cyan", GOOD: "green", "": "bright_black"}
MARK_WIDTH = 9
LABELS = {"dba_sees": "SQL Server", "fix": "fix"}
LABEL_WIDTH = 12

Row = tuple[str, str, str]
"""A mark, a label below it, and a text; two of them may be empty."""


def document(examination: Examination) -> str:
    """The JSON document; ``doctor.schema.json`` describes it."""
    return json.dumps(examination.to_json(), indent=2, ensure_ascii=False)


def print_examination(examination: Examination, console: Console) -> None:
    """Print what was found, area by area, the worst of each first, and the sum in the last line.

    Off a terminal the text is plain, and no line is broken, so that it can be searched.
    """
    bucket = f", bucket {examination.bucket}" if examination.bucket else ""
    _say(console, f"{examination.title}, {examination.url}{bucket}", "bold")
    for area, heading in AREAS.items():
        rows = list(_rows(examination, area))
        if rows:
            _say(console, f"\n{heading}", "bold")
            _print(rows, console)
    if examination.prescription:
        _say(console, "\nA backup of that size", "bold")
        console.print(Text(examination.prescription), soft_wrap=True)
    _say(console, f"\n{summary(examination)}", "bold red" if examination.count(PROBLEM) else "bold green")


def summary(examination: Examination) -> str:
    """How much of what was found, and in what time."""
    counts = ((examination.count(severity), severity) for severity in (PROBLEM, WARNING, NOTE))
    told = ", ".join(f"{number} {word}{'s' * (number != 1)}" for number, word in counts)
    unlooked = len(examination.unlooked)
    missing = f", {unlooked} not looked at" if unlooked else ""
    return f"{told}{missing}; {examination.seconds:.1f} s"


def _rows(examination: Examination, area: str) -> Iterator[Row]:
    for finding in (finding for finding in examination.findings if finding.area == area):
        yield from _finding(finding)
    gaps = [unlooked for unlooked in examination.unlooked if unlooked.area == area]
    for because, group in groupby(gaps, key=lambda unlooked: unlooked.because):
        yield from _gap(list(group), because)


def _finding(finding: Finding) -> Iterator[Row]:
    yield finding.severity, "", f"{finding.seen}  [{finding.id}]"
    for name, label in LABELS.items():
        text = getattr(finding, name)
        if text and (name == "fix" or finding.severity in (PROBLEM, WARNING)):
            yield "", label, text


def _gap(unlooked: list[Unlooked], because: str) -> Iterator[Row]:
    yield "", "", f"not looked at: {', '.join(one.what for one in unlooked)}, because {because}"


def _print(rows: list[Row], console: Console) -> None:
    if not console.is_terminal:
        for mark, label, text in rows:
            line = f"  {MARKS.get(mark, ''):<{MARK_WIDTH}}{label:<{LABEL_WIDTH if label else 0}}{text}"
            _say(console, line)
        return
    for mark, label, text in rows:
        grid = Table.grid()
        grid.add_column(width=MARK_WIDTH)
        if label:
            grid.add_column(width=LABEL_WIDTH)
        grid.add_column(overflow="fold")
        cells = [Text(MARKS.get(mark, ""), STYLES[mark]), *([Text(label, "bright_black")] if label else [])]
        grid.add_row(*cells, _styled(mark, text, label=label))
        console.print(Padding(grid, (0, 0, 0, 2)))


def _styled(mark: str, text: str, *, label: str) -> Text:
    seen, bracket, id_ = text.rpartition("  [")
    if not mark or not bracket:
        return Text(text, "" if label else "bright_black")
    return Text.assemble(seen, (f"  [{id_}", "bright_black"))


def _say(console: Console, text: str, style: str = "") -> None:
    console.print(Text(text, style), soft_wrap=not console.is_terminal)
