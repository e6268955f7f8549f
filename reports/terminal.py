"""The end of a run on a terminal, or in the log of a continuous integration: areas, findings, and the outcome last."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from rich import box
from rich.table import Table
from rich.text import Text

from restoreproof.reports import figures, wording
from restoreproof.reports.outcome import CERTIFIED, INCOMPLETE, NO_OUTCOME, NOT_CERTIFIED, REHEARSED, WIRE_CONFORMANT
from restoreproof.reports.record import DEVIATES, ERROR, FAILS, NOT_RUN, STALE, UNSUPPORTED

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rich.console import Console, RenderableType

    from restoreproof.reports.record import Record, Run

STYLES = {
    FAILS: "bold red",
    STALE: "bold red",
    ERROR: "bold magenta",
    DEVIATES: "yellow",
    UNSUPPORTED: "cyan",
    NOT_RUN: "bright_black",
    CERTIFIED: "bold green",
    WIRE_CONFORMANT: "bold green",
    REHEARSED: "bold yellow",
    NOT_CERTIFIED: "bold red",
    INCOMPLETE: "bold yellow",
    NO_OUTCOME: "bold",
}

COLUMNS = ("Area", "proven", "fails", "error", "declared", "not run", "seconds")

IDS_SHOWN = 3

LABEL_WIDTH = 10

LONGEST_TEXT = 400


@dataclass(frozen=True)
class Line:
    """One line to print; a labelled one hangs below its label where a terminal must break it."""

    text: Text = field(default_factory=Text)
    label: str = ""

    @property
    def plain(self) -> str:
        """The line without style."""
        return f"  {self.label.ljust(LABEL_WIDTH)}{self.text.plain}" if self.label else self.text.plain

    def styled(self) -> RenderableType:
        """The line for a terminal."""
        if not self.label:
            return self.text
        grid = Table.grid()
        grid.add_column(width=LABEL_WIDTH + 2, no_wrap=True)
        grid.add_column()
        grid.add_row(Text(f"  {self.label}", style="bright_black"), self.text)
        return grid


def print_summary(run: Run, console: Console) -> None:
    """Print verdict per area, every finding in a few lines, and the outcome as the last line.

    Off a terminal the text is plain: no colour, no lines drawn, no line broken, and nothing that the encoding of the
    log can't hold, so that it can be searched.
    """
    lines = [*_findings(run), *_outcome(run)]
    if console.is_terminal:
        console.print(_table(run), *(line.styled() for line in lines), sep="\n")
        return
    encoding = console.encoding or "utf-8"
    for line in [*_plain_table(run), *lines]:
        safe = line.plain.encode(encoding, "backslashreplace").decode(encoding)
        console.print(Text(safe), soft_wrap=True, highlight=False)


def _numbers(area: figures.Sums) -> tuple[str, ...]:
    counted = (
        area.count(FAILS, STALE),
        area.count(ERROR),
        area.count(DEVIATES, UNSUPPORTED),
        area.count(NOT_RUN),
    )
    return (f"{area.proven} of {area.total}", *(str(number or "-") for number in counted), f"{area.seconds:.1f}")


def _table(run: Run) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_footer=True)
    last = figures.total(run)
    for name, footer in zip(COLUMNS, (last.title, *_numbers(last)), strict=True):
        table.add_column(name, footer=footer, justify="left" if name == "Area" else "right")
    for area in figures.areas(run):
        proven, fails, error, declared, missing, seconds = _numbers(area)
        table.add_row(
            Text(wording.visible(area.title)),
            Text(proven, style="green" if area.total and area.proven == area.total else ""),
            Text(fails, style=STYLES[FAILS] if fails != "-" else ""),
            Text(error, style=STYLES[ERROR] if error != "-" else ""),
            Text(declared, style=STYLES[DEVIATES] if declared != "-" else ""),
            Text(missing, style=STYLES[NOT_RUN]),
            seconds,
        )
    return table


def _plain_table(run: Run) -> Iterator[Line]:
    rows = [
        COLUMNS,
        *((wording.visible(area.title), *_numbers(area)) for area in (*figures.areas(run), figures.total(run))),
    ]
    widths = [max(len(row[column]) for row in rows) for column in range(len(COLUMNS))]
    for first, *rest in rows:
        numbers = (cell.rjust(width) for cell, width in zip(rest, widths[1:], strict=True))
        yield Line(_joined(("  ".join((first.ljust(widths[0]), *numbers)), "")))
    yield Line()


def _findings(run: Run) -> Iterator[Line]:
    for entry in figures.findings(run):
        yield from _finding(entry)
        yield Line()
    groups = figures.not_run(run)
    for reason, entries in groups:
        yield Line(_joined((f"{NOT_RUN} ", STYLES[NOT_RUN]), (f"{_some(entries)}: {reason}", "")))
    left_out = figures.unasked(run)
    if left_out:
        yield Line(_joined((f"{figures.NOT_ASKED} ", STYLES[NOT_RUN]), (f"{left_out} checks", "")))
    if groups or left_out:
        yield Line()


def _finding(entry: Record) -> Iterator[Line]:
    need = entry.requirement
    name = (f"{entry.verdict} ", STYLES[entry.verdict])
    yield Line(_joined(name, (entry.id, "bold"), (f"  {need.level}, {need.harm}", "")))
    is_declared = entry.verdict in (DEVIATES, UNSUPPORTED, STALE)
    is_failed = entry.verdict == FAILS
    source = f"{need.source.document}, {need.source.section} ({need.certainty})"
    told = {
        "claim": need.title,
        "declared": f"{entry.reason} {entry.link}".strip() if is_declared else "",
        "expected": "" if is_declared else entry.expected,
        "observed": entry.observed,
        "cause": entry.reason if entry.verdict == ERROR or (is_failed and entry.reason) else "",
        "DBA sees": need.dba_sees if is_failed else "",
        "remedy": need.remedy if is_failed else "",
        "source": source if is_failed else "",
        "again": entry.reproduce if entry.verdict in (FAILS, ERROR) else "",
    }
    for label, text in told.items():
        if text:
            yield Line(_joined((_shortened(text), "")), label)


def _outcome(run: Run) -> Iterator[Line]:
    footer = run.footer
    for sentence in wording.cautions(run)[1 if footer.rung != CERTIFIED else 0 :]:
        yield Line(_joined(("note ", "yellow"), (sentence, "")))
    if run.header.labels:
        yield Line(_joined((f"Labels: {wording.labels_text(run)}.", "")))
    yield Line(_joined((f"Proven up to: {wording.envelope_text(run)}.", "")))
    yield Line(_joined((wording.declared(run), "" if footer.as_declared else STYLES[FAILS])))
    certificate = ", not a certificate" if footer.rung in (REHEARSED, WIRE_CONFORMANT) else ""
    title = (f"{run.header.provider['title']}: ", "bold")
    yield Line(_joined(title, (footer.rung, STYLES[footer.rung]), (f"{certificate} - {footer.reason}", "")))


def _some(entries: Sequence[Record]) -> str:
    named = ", ".join(entry.id for entry in entries[:IDS_SHOWN])
    more = len(entries) - IDS_SHOWN
    return f"{named} and {more} more" if more > 0 else named


def _shortened(text: str) -> str:
    """A terminal is for a first look; the whole text is in every report."""
    return text if len(text) <= LONGEST_TEXT else f"{text[:LONGEST_TEXT]} ... ({len(text) - LONGEST_TEXT} more letters)"


def _joined(*parts: tuple[str, str]) -> Text:
    """Texts from outside never reach rich's markup, and never more than one line."""
    return Text.assemble(*((re.sub(r"[\n\t]", " ", wording.visible(text)), style) for text, style in parts))
