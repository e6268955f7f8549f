"""What a run adds up to: sums per area and per harm, and the findings in the order in which they matter."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING

from restoreproof.reports import wording
from restoreproof.reports.outcome import applies, met
from restoreproof.reports.record import CONFORMS, CONFORMS_UP_TO, ERROR, MET, NOT_RUN
from restoreproof.reports.register import HARMS, LEVELS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from restoreproof.reports.record import Record, Run


NOT_ASKED = "not asked for"
"""The reason of the records that a filtered run leaves out; no sum counts them."""


@dataclass(frozen=True)
class Sums:
    """Records that are shown together, and what they add up to."""

    name: str
    title: str
    records: tuple[Record, ...]

    @property
    def total(self) -> int:
        """How many checks there are."""
        return len(self.records)

    @property
    def proven(self) -> int:
        """How many claims were proven by their own check in this run."""
        return sum(entry.verdict in MET for entry in self.records)

    @property
    def seconds(self) -> float:
        """Wall time of the check bodies."""
        return sum(entry.seconds for entry in self.records)

    @property
    def requests(self) -> int:
        """How many requests the checks sent."""
        return sum(entry.requests for entry in self.records)

    @property
    def size(self) -> int:
        """Bytes of bodies, both ways."""
        return sum(entry.sent + entry.received for entry in self.records)

    def count(self, *verdicts: str) -> int:
        """How many records carry one of the verdicts."""
        return sum(entry.verdict in verdicts for entry in self.records)


def areas(run: Run) -> tuple[Sums, ...]:
    """The areas in the order of the register; in a filtered run only those that were looked at."""
    chosen = asked(run)
    sums = (
        Sums(area["name"], area["title"], tuple(e for e in chosen if e.requirement.area == area["name"]))
        for area in run.header.areas
    )
    return tuple(area for area in sums if area.total or not run.header.selection["filtered"])


def asked(run: Run) -> tuple[Record, ...]:
    """The records of the checks that the run was asked for, all of them unless it was filtered."""
    return tuple(e for e in run.records if (e.verdict, e.reason) != (NOT_RUN, NOT_ASKED))


def unasked(run: Run) -> int:
    """How many checks a filtered run leaves out."""
    return len(run.records) - len(asked(run))


def total(run: Run) -> Sums:
    """All that was asked for as one."""
    return Sums("all", "All areas", asked(run))


def findings(run: Run) -> tuple[Record, ...]:
    """Every record that is not plainly green, worst verdict first, then by level and harm; not run left out."""
    chosen = [entry for entry in run.records if entry.verdict not in (CONFORMS, CONFORMS_UP_TO, NOT_RUN)]
    return tuple(sorted(chosen, key=_weight))


def not_run(run: Run) -> tuple[tuple[str, tuple[Record, ...]], ...]:
    """The checks asked for but not run, gathered by reason; the reason that hits most comes first."""
    chosen = sorted((entry for entry in asked(run) if entry.verdict == NOT_RUN), key=_reason)
    groups = [(reason, tuple(sorted(entries, key=_weight))) for reason, entries in groupby(chosen, _reason)]
    return tuple(sorted(groups, key=lambda group: (-len(group[1]), group[0])))


@dataclass(frozen=True)
class Balance:
    """How claims of one kind stand: met (alternatives counted), broken, or without an answer."""

    title: str
    met: int
    broken: int
    open: int

    @property
    def total(self) -> int:
        """How many claims there are."""
        return self.met + self.broken + self.open


def musts(run: Run) -> Balance:
    """How the musts stand."""
    return _balance("musts", [entry for entry in _due(run) if entry.requirement.level == "must"], run.records)


def stakes(run: Run) -> tuple[Balance, ...]:
    """What is at stake, worst harm first."""
    kinds = (
        _balance(words, [entry for entry in _due(run) if entry.requirement.harm == harm], run.records)
        for harm, words in wording.HARMS.items()
    )
    return tuple(kind for kind in kinds if kind.total)


def _due(run: Run) -> tuple[Record, ...]:
    """The records of the checks that the run was asked for and that apply to this endpoint."""
    return tuple(entry for entry in asked(run) if applies(run.header, entry.requirement))


def _balance(title: str, records: Sequence[Record], alternatives: Sequence[Record]) -> Balance:
    unmet = [entry for entry in records if not met(entry, alternatives)]
    unanswered = sum(entry.verdict in (ERROR, NOT_RUN) for entry in unmet)
    return Balance(title, len(records) - len(unmet), len(unmet) - unanswered, unanswered)


def _reason(entry: Record) -> str:
    return entry.reason


def _weight(entry: Record) -> tuple[int, int, int]:
    requirement = entry.requirement
    verdict = wording.FINDING_ORDER.index(entry.verdict)
    return verdict, LEVELS.index(requirement.level), HARMS.index(requirement.harm)
