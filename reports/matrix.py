"""Vendors by requirements: several runs side by side, judged by one and the same register."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from restoreproof.reports import figures, html, markdown, wording

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from restoreproof.reports.record import Record, Run
    from restoreproof.reports.register import Requirement


class MatrixError(ValueError):
    """These runs can't stand side by side; one line that says why and what to do."""


@dataclass(frozen=True)
class Row:
    """One requirement and its record in each run, None where a run did not look at it."""

    requirement: Requirement
    cells: tuple[Record | None, ...]

    @property
    def same(self) -> bool:
        """Whether all runs agree."""
        return len({cell.verdict if cell else None for cell in self.cells}) == 1


@dataclass(frozen=True)
class Chapter:
    """The rows of an area, and how many claims each run proved there."""

    name: str
    title: str
    rows: tuple[Row, ...]
    sums: tuple[figures.Sums, ...]


def render(runs: Sequence[Run]) -> str:
    """The matrix as one self-contained HTML file.

    :raises MatrixError: no run, or runs that different registers judged.
    """
    return html.page("matrix.j2", runs=runs, chapters=tuple(chapters(runs)))


def render_markdown(runs: Sequence[Run]) -> str:
    """The matrix as one Markdown table.

    :raises MatrixError: no run, or runs that different registers judged.
    """
    grouped = tuple(chapters(runs))
    head = ("Requirement", "Level", *(_column(run) for run in runs))
    rows = [("**Outcome**", "", *(f"**{run.footer.rung}**" for run in runs))]
    rows.append(("**Proven up to**", "", *(markdown.plain(wording.envelope_text(run)) for run in runs)))
    for chapter in grouped:
        proven = (f"{sums.proven} of {sums.total}" for sums in chapter.sums)
        rows.append((f"**{markdown.plain(chapter.title)}**", "", *proven))
        rows.extend(_line(row) for row in chapter.rows)
    legend = "\n".join(f"- **{verdict}**: {words.sentence}" for verdict, words in wording.VERDICTS.items())
    return f"# Vendors and requirements\n\n{markdown.table(head, rows)}\n\n{legend}\n"


def chapters(runs: Sequence[Run]) -> Iterator[Chapter]:
    """The areas with a row for each requirement that any of the runs recorded.

    :raises MatrixError: no run, or runs that different registers judged.
    """
    check_alike(runs)
    known = [{record.id: record for record in run.records} for run in runs]
    needs = {record.id: record.requirement for run in runs for record in run.records}
    for area in runs[0].header.areas:
        chosen = [need for need in needs.values() if need.area == area["name"]]
        rows = tuple(Row(need, tuple(records.get(need.id) for records in known)) for need in chosen)
        sums = tuple(
            figures.Sums(area["name"], area["title"], tuple(cell for row in rows if (cell := row.cells[column])))
            for column in range(len(runs))
        )
        if rows:
            yield Chapter(area["name"], area["title"], rows, sums)


def check_alike(runs: Sequence[Run]) -> None:
    """Let only runs stand side by side that the same register judged.

    :raises MatrixError: no run, or runs that different registers judged.
    """
    if not runs:
        raise MatrixError("a matrix needs at least one run; give the folders that `restoreproof certify` wrote")
    first = runs[0]
    for run in runs[1:]:
        if run.header.register != first.header.register:
            raise MatrixError(
                f"{_named(run)} was judged by register {run.header.register[:12]}, {_named(first)} by "
                f"{first.header.register[:12]}; run `restoreproof certify` again with one release for all"
            )


def _named(run: Run) -> str:
    return f"the run {run.header.run} of {run.header.provider['name']}"


def _column(run: Run) -> str:
    software = run.header.endpoint["software"] or run.header.endpoint["server"]
    facts = (run.header.provider["title"], software, wording.labels_text(run), run.header.started[:10])
    return "<br>".join(markdown.plain(fact) for fact in facts if fact)


def _line(row: Row) -> tuple[str, ...]:
    need = row.requirement
    cells = (wording.verdict_text(cell) if cell else "not selected" for cell in row.cells)
    return (f"{markdown.code(need.id)} {markdown.plain(need.title)}", need.level, *(markdown.plain(c) for c in cells))
