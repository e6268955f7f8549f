"""The formats of ``restoreproof report``, each a pure function of run files."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from restoreproof.reports import html, junit, markdown, matrix

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from restoreproof.reports.record import Run


@dataclass(frozen=True)
class Format:
    """A format: the name of its file, what it is in one line, and its renderer.

    ``several`` formats put any number of runs into one file; the others make one file of each run.
    """

    file_name: str
    sentence: str
    several: bool
    render: Callable[[Sequence[Run]], str]


def _each(renderer: Callable[[Run], str]) -> Callable[[Sequence[Run]], str]:
    def render(runs: Sequence[Run]) -> str:
        (run,) = runs
        return renderer(run)

    return render


FORMATS: Mapping[str, Format] = {
    "html": Format("report.html", "one self-contained page", several=False, render=_each(html.render)),
    "md": Format("report.md", "GitHub-flavoured Markdown", several=False, render=_each(markdown.render)),
    "junit": Format("junit.xml", "JUnit XML for CI", several=False, render=_each(junit.render)),
    "matrix": Format("matrix.html", "vendors by requirements, one page", several=True, render=matrix.render),
    "matrix-md": Format("matrix.md", "the same as Markdown", several=True, render=matrix.render_markdown),
}
"""Every format by the name that ``--format`` takes."""

OF_A_RUN = ("html", "md", "junit")
"""What a run writes beside its run file."""


def write(name: str, runs: Sequence[Run], path: Path) -> Path:
    """Write runs in a format, in UTF-8 with plain line feeds on every system; half characters become ``?``.

    :param runs: exactly one, unless the format takes several.
    :raises OSError: the file can't be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(FORMATS[name].render(runs).encode("utf-8", "replace"))
    return path


def write_reports(run: Run, folder: Path) -> list[Path]:
    """Write every report of one run into its folder; the paths in the order of :data:`OF_A_RUN`."""
    return [write(name, [run], folder / FORMATS[name].file_name) for name in OF_A_RUN]
