"""Ranges of releases, such as ``firmware >= 11.9, firmware < 12.1``: where a line of a profile holds, and where not.

The word is a label, which a run is given (``--label firmware=12.1``) or the profile has under ``[labels]``. Versions
are dotted numbers, compared number by number; ``12.1`` is ``12.1.0``.
"""

from __future__ import annotations

import operator
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from restoreproof.providers.problems import nearest

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from restoreproof.providers.table import Table

NAME = re.compile(r"[a-z][a-z0-9_-]{0,39}")
"""What a label may be called."""

LONGEST_LABEL = 100
"""The most letters that a label's value may have."""

VERSION = re.compile(r"[0-9]{1,9}(?:\.[0-9]{1,9}){0,9}")
"""A release as dotted numbers."""

_BOUND = re.compile(rf"\s*({NAME.pattern})\s*(<=|>=|==|!=|<|>)\s*({VERSION.pattern})\s*")
_NO_VERSION = "compares versions, and the label '{label}' is none; write it as 12.1 or 12.1.0.4"
_COMPARED: Mapping[str, Callable[[tuple[int, ...], tuple[int, ...]], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    "==": operator.eq,
    "!=": operator.ne,
    ">=": operator.ge,
    ">": operator.gt,
}


class LabelError(ValueError):
    """Labels that a run can't be given; the text is one line."""


@dataclass(frozen=True)
class Bound:
    """One comparison of a label with a version."""

    label: str
    comparison: str
    version: tuple[int, ...]

    def holds(self, version: tuple[int, ...]) -> bool:
        """Whether a release of this version is within."""
        return _COMPARED[self.comparison](version, self.version)


def parse_range(text: str) -> tuple[Bound, ...]:
    """The bounds of a range, all of which must hold; none where the text is no range."""
    found = [_BOUND.fullmatch(part) for part in text.split(",")]
    if not all(found):
        return ()
    return tuple(Bound(match[1], match[2], _numbers(match[3])) for match in found if match)


def version_of(text: str) -> tuple[int, ...] | None:
    """A dotted version as numbers, zeros at its end left out; None where the text is none."""
    return _numbers(text) if VERSION.fullmatch(text) else None


def _numbers(text: str) -> tuple[int, ...]:
    numbers = [int(part) for part in text.split(".")]
    while numbers and not numbers[-1]:
        numbers.pop()
    return tuple(numbers)


def parse_labels(words: list[str]) -> dict[str, str]:
    """The labels that a command line gives, each as ``NAME=VALUE``.

    :raises LabelError: one is none, or is given twice.
    """
    labels: dict[str, str] = {}
    for word in words:
        name, is_given, value = word.partition("=")
        value = value.strip()
        if not (is_given and NAME.fullmatch(name) and value.isprintable() and 0 < len(value) <= LONGEST_LABEL):
            raise LabelError(f"--label {word[:LONGEST_LABEL]!r} is no label; write it as --label firmware=12.1")
        if labels.get(name, value) != value:
            raise LabelError(f"--label {name} is given twice, with two values; one run has one")
        labels[name] = value
    return labels


class RangeReader:
    """Reads the ranges of one profile and tells which of them a run is in.

    :ivar seen: every range of the profile and whether it holds; None where its labels were not given.
    :ivar strict: whether a label that is not given is a problem, as it is for a run.
    """

    def __init__(self, labels: Mapping[str, str], *, strict: bool) -> None:
        self.labels = labels
        self.strict = strict
        self.seen: dict[str, bool | None] = {}
        self._told: set[str] = set()

    def read(self, table: Table, key: str, *, required: bool = False) -> tuple[str, bool | None]:
        """The range under a key and whether it holds: it does where there is none and none is required."""
        text = table.text(key, required=required)
        if text is None:
            return "", None if required or key in table else True
        bounds = parse_range(text)
        if not bounds:
            table.report(key, 'is no range; write a label, a comparison and a version, such as "firmware < 12.1"')
            return "", None
        spelt = ", ".join(part.strip() for part in text.split(","))
        self.seen[spelt] = self._holds(table, key, bounds)
        return spelt, self.seen[spelt]

    def _holds(self, table: Table, key: str, bounds: tuple[Bound, ...]) -> bool | None:
        answers = [self._within(table, key, bound) for bound in bounds]
        return None if None in answers else all(answers)

    def _within(self, table: Table, key: str, bound: Bound) -> bool | None:
        given = self.labels.get(bound.label)
        version = version_of(given or "")
        if version is not None:
            return bound.holds(version)
        if bound.label not in self._told and (self.strict or given is not None):
            self._told.add(bound.label)
            table.report(key, self._missing(bound.label) if given is None else _NO_VERSION.format(label=bound.label))
        return None

    def _missing(self, label: str) -> str:
        near = nearest(label, self.labels)
        fix = f"say --label {label}=VERSION, or write it under [labels]"
        return "; ".join(filter(None, (f"the run has no label '{label}'", near, fix)))
