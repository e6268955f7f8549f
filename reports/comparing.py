"""What changed between two runs: the verdicts that differ, the labels, and the figures of both."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from restoreproof.reports import figures, wording
from restoreproof.reports.matrix import MatrixError, check_alike
from restoreproof.reports.outcome import LADDER, NOT_CERTIFIED
from restoreproof.reports.record import ERROR, FAILS, MET, NOT_RUN

if TYPE_CHECKING:
    from collections.abc import Iterator

    from restoreproof.reports.record import Record, Run

WORSE, BETTER, OTHER = "worse", "better", "other"
OF_THE_SELECTION = ("outcome", "as declared", "musts met", "proven")
"""With the envelope, figures that say nothing of the store where other claims were asked for."""
NEVER_ALIKE = ("run", "took", "longest-open upload")
"""Figures that differ from run to run, so that it says nothing."""

_RUNGS = (NOT_CERTIFIED, *reversed(LADDER))


@dataclass(frozen=True)
class Change:
    """A claim whose record differs: ``kind`` is worse, better or other (neither, as where the profile changed)."""

    before: Record
    after: Record
    kind: str

    @property
    def sentence(self) -> str:
        """Both verdicts with their symptoms, and the claim."""
        return f"{_verdict(self.before)} -> {_verdict(self.after)}: {self.after.requirement.title}"


@dataclass(frozen=True)
class Comparison:
    """Two runs side by side."""

    before: Run
    after: Run
    changes: tuple[Change, ...]
    compared: int

    @property
    def is_like_for_like(self) -> bool:
        """Whether both were asked for the same claims at the same scale."""
        asked = [({entry.id for entry in figures.asked(run)}, _scale(run)) for run in (self.before, self.after)]
        return asked[0] == asked[1]

    @property
    def is_worse(self) -> bool:
        """Whether a claim is worse, or, where the same was asked for, the outcome or the agreement with the profile."""
        if not self.is_like_for_like:
            return bool(self.of(WORSE))
        was_declared, is_declared = self.before.footer.as_declared, self.after.footer.as_declared
        return bool(self.of(WORSE)) or _rung(self.after) < _rung(self.before) or (was_declared and not is_declared)

    def of(self, kind: str) -> tuple[Change, ...]:
        """The changes of one kind."""
        return tuple(change for change in self.changes if change.kind == kind)


def compare(before: Run, after: Run) -> Comparison:
    """Set two runs side by side; what one of them was not asked for is no change.

    :raises MatrixError: different registers judged them, or they have no claim in common.
    """
    check_alike((before, after))
    known = {entry.id: entry for entry in figures.asked(before)}
    pairs = [(known[entry.id], entry) for entry in figures.asked(after) if entry.id in known]
    if not pairs:
        fix = "compare runs that were asked for the same"
        raise MatrixError(f"{before.header.run} and {after.header.run} have no claim in common; {fix}")
    changes = (Change(old, new, _kind(old, new)) for old, new in pairs if _verdict(old) != _verdict(new))
    return Comparison(before, after, tuple(changes), len(pairs))


def render(comparison: Comparison) -> str:
    """The comparison as plain text."""
    lines = (*_facts(comparison), *_warnings(comparison), *_changes(comparison), _conclusion(comparison), "")
    return "\n".join(lines)


def _kind(old: Record, new: Record) -> str:
    was, now = _goodness(old), _goodness(new)
    return OTHER if was == now else (WORSE if now < was else BETTER)


def _goodness(entry: Record) -> int:
    """Met, then not met as declared, then not met and a surprise; without an answer is no better than that."""
    if entry.verdict in MET:
        return 2
    return 0 if entry.verdict in (FAILS, ERROR, NOT_RUN) else 1


def _rung(run: Run) -> int:
    """How high the outcome is; one that has none is not worse for it: its claims tell."""
    return _RUNGS.index(run.footer.rung) if run.footer.rung in _RUNGS else len(_RUNGS)


def _verdict(entry: Record) -> str:
    return wording.verdict_text(entry) + (f" ({entry.symptom})" if entry.symptom else "")


def _facts(comparison: Comparison) -> Iterator[str]:
    columns = [_column(run) for run in (comparison.before, comparison.after)]
    width = max(len(name) for column in columns for name in column)
    widest = max(len(wording.visible(text)) for text in columns[0].values())
    envelope = wording.envelope_figures(comparison.before)
    unmarked = NEVER_ALIKE if comparison.is_like_for_like else (*NEVER_ALIKE, *OF_THE_SELECTION, *envelope)
    for name in columns[0]:
        before, after = (wording.visible(column[name]) for column in columns)
        mark = "  *" if name not in unmarked and before != after else ""
        yield f"{name:<{width}}  {before:<{widest}}  {after}{mark}".rstrip()


def _column(run: Run) -> dict[str, str]:
    header, footer, musts = run.header, run.footer, figures.musts(run)
    return {
        "run": f"{header.run}, {header.started[:10]}",
        "provider": f"{header.provider['title']} ({header.provider['digest'][:12]})",
        "endpoint": "a stand-in" if header.endpoint["ours"] else header.endpoint["url"],
        "server": header.endpoint["software"] or header.endpoint["server"] or "does not say",
        "labels": wording.labels_text(run) or "none",
        "SQL Server": wording.engine_text(run),
        "defects": ", ".join(header.defects) or "none",
        "suite": f"{header.suite}, scale {_scale(run)}",
        "outcome": footer.rung,
        "as declared": "yes" if footer.as_declared else "no",
        "musts met": f"{musts.met} of {musts.total}",
        "proven": f"{figures.total(run).proven} of {figures.total(run).total}",
        **wording.envelope_figures(run),
        "took": f"{wording.duration(footer.seconds)}, {footer.requests:,} requests",
    }


def _warnings(comparison: Comparison) -> Iterator[str]:
    """What may have changed a verdict though the store is the same, or makes two figures no pair."""
    before, after = comparison.before, comparison.after
    yield f"\n{wording.counted(comparison.compared, 'claim')} compared."
    names = [str(run.header.provider["name"]) for run in (before, after)]
    if names[0] != names[1]:
        yield f"Warning: these are different providers, {wording.visible(names[0])} and {wording.visible(names[1])}."
    if _is_rehearsal(before) != _is_rehearsal(after):
        yield "Warning: a stand-in took part in one of them and not in the other."
    if wording.engine_text(before) != wording.engine_text(after):
        yield "Warning: not the same SQL Server took part in both."
    for title, run in (("earlier", before), ("later", after)):
        if run.header.defects:
            yield f"Warning: defects were switched on in the {title} run, so it says nothing of the store."
    if not comparison.is_like_for_like:
        asked = " and ".join(f"{len(figures.asked(run)):,} at scale {_scale(run)}" for run in (before, after))
        yield f"Warning: they were asked for different claims ({asked}): outcomes and figures are of these, no change."


def _is_rehearsal(run: Run) -> bool:
    engine = run.header.engine
    return bool(run.header.endpoint["ours"] or (engine and engine["standin"]))


def _scale(run: Run) -> str:
    return str(run.header.selection["scale"])


def _changes(comparison: Comparison) -> Iterator[str]:
    for kind in (WORSE, BETTER, OTHER):
        changes = comparison.of(kind)
        if changes:
            yield f"\n{kind}: {len(changes)}"
        for change in changes:
            yield f"  {change.after.id}  {wording.visible(change.sentence)}"
    if not comparison.changes:
        yield "\nNo verdict differs."


def _conclusion(comparison: Comparison) -> str:
    return f"\n{'Something is worse than it was.' if comparison.is_worse else 'Nothing is worse than it was.'}"
