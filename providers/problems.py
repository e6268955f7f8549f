"""What is wrong with a profile: every problem at its line, all of them told at once."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

Place = tuple[str | int, ...]
"""The keys (and list positions) that lead from the top of a TOML document to one value."""


@dataclass(frozen=True, order=True)
class Problem:
    """One thing to mend. ``line`` counts from 1; 0 says that the file as a whole is meant."""

    line: int
    key: str
    text: str


class ProfileError(ValueError):
    """A profile that cannot be used; its text lists every problem as ``FILE:LINE: key: what is wrong``."""

    def __init__(self, file: str, problems: Sequence[Problem]) -> None:
        super().__init__(file, problems)
        self.file = file
        self.problems = tuple(problems)

    @property
    def line(self) -> int:
        """The line of the first problem, 0 when the file as a whole is meant."""
        return self.problems[0].line

    def __str__(self) -> str:
        return "\n".join(_sentence(self.file, problem) for problem in self.problems)


class Problems:
    """Collects what is wrong with one document, with the lines at which its keys stand."""

    def __init__(self, lines: Mapping[Place, int]) -> None:
        self._lines = lines
        self._found: list[Problem] = []

    def add(self, place: Place, text: str) -> None:
        """Note a problem with the value at a place."""
        self._found.append(Problem(self._line(place), spell(place), text))

    def raise_for(self, file: str) -> None:
        """Tell all problems, in the order of their lines.

        :raises ProfileError: there is at least one problem.
        """
        if self._found:
            raise ProfileError(file, sorted(self._found))

    def _line(self, place: Place) -> int:
        """The line of a place, or of the first thing in it or the nearest around it that is written down."""
        inside = [line for known, line in self._lines.items() if known[: len(place)] == place]
        if inside:
            return min(inside)
        for end in range(len(place) - 1, 0, -1):
            if place[:end] in self._lines:
                return self._lines[place[:end]]
        return 1


def spell(place: Place) -> str:
    """A place as its author wrote it: ``name``, ``[endpoint].url``, ``[keys.backup].id``, ``[[deviations]].link``."""
    names = [_printable(part) for part in place if isinstance(part, str)]
    last = max(index for index, part in enumerate(place) if isinstance(part, str))
    left, right = ("[[", "]]") if any(isinstance(part, int) for part in place[:last]) else ("[", "]")
    if len(names) > 1:
        return f"{left}{'.'.join(names[:-1])}{right}.{names[-1]}"
    return f"[[{names[0]}]]" if len(place) > 1 else names[0]


def _printable(key: str) -> str:
    return key if key.isprintable() and key else ascii(key)


def nearest(word: str, known: Iterable[str]) -> str:
    """The nearest known spelling as a question, or nothing when none is near.

    The word itself is not repeated: whatever stands in a profile's value may have been meant to be secret.
    """
    near = difflib.get_close_matches(word[:100], sorted(known), n=1)
    return f"did you mean '{near[0]}'?" if near else ""


def hint(word: str, known: Iterable[str]) -> str:
    """The nearest known spelling as a question, or the list of what is known."""
    choices = sorted(known)
    return nearest(word, choices) or f"known are {', '.join(choices)}"


def refusal(file: str, text: str, line: int = 0) -> ProfileError:
    """The error for a file that cannot even be read as TOML."""
    return ProfileError(file, [Problem(line, "", text)])


def _sentence(file: str, problem: Problem) -> str:
    where = f"{file}:{problem.line}" if problem.line else file
    return ": ".join(part for part in (where, problem.key, problem.text) if part)
