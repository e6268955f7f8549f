"""What a store was measured to take and give: rates by streams and part size, and how sure they are."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from functools import cached_property
from math import comb
from statistics import median
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

UPLOAD = "upload"
DOWNLOAD = "download"
FILE = "measure.json"
FOLDER = "-measure"
"""How the folder of a measurement ends."""
FORMAT = "restoreproof-measure-1"

BUSY = 0.9
"""Share of the processors it could use from which on the sender itself is the limit."""
HALF = 0.5
"""Share of the sink's rate from which on this machine is a good part of what each byte waits for."""
COVERAGE = 0.95


class MeasurementError(Exception):
    """A file is no measurement; one line that names file and fix."""


@dataclass(frozen=True)
class Rate:
    """One direction with one number of streams and one part size.

    :ivar way: ``upload`` or ``download``.
    :ivar part: bytes of a part, or of a ranged read.
    :ivar rounds: bytes per second, all streams together, of every round.
    :ivar cpu: the median share that our own processes took of the processors they could use: one per stream at most.
    :ivar sink: bytes per second, the median too, of the same against a sink on this machine that stores nothing.
    :ivar share: what part of the sink's rate the store reached, the median of pairs measured one after the other.
    :ivar problem: why there are no rounds, or no more.
    """

    way: str
    streams: int
    part: int
    rounds: tuple[float, ...]
    cpu: float = 0.0
    sink: float = 0.0
    share: float = 0.0
    problem: str = ""

    @property
    def is_known(self) -> bool:
        """Whether it was measured at all."""
        return bool(self.rounds)

    @property
    def median(self) -> float:
        """The median of the rounds, 0 where there are none."""
        return median(self.rounds) if self.rounds else 0.0

    @property
    def interval(self) -> tuple[float, float]:
        """From which to which round the true median lies, with the confidence of :func:`ranks`."""
        if not self.rounds:
            return 0.0, 0.0
        lower, _ = ranks(len(self.rounds))
        inorder = sorted(self.rounds)
        return inorder[lower], inorder[-1 - lower]

    @property
    def limit(self) -> str:
        """What of this machine is, or may be, the limit: ``processor``, ``sink``, or nothing."""
        if not self.rounds:
            return ""
        if self.cpu >= BUSY:
            return "processor"
        return "sink" if self.share >= HALF else ""


@dataclass(frozen=True)
class Measurement:
    """All that one run of ``restoreproof measure`` found.

    :ivar provider: ``name`` and ``title`` of the profile.
    :ivar endpoint: ``url`` and ``software``; ``addresses`` that the streams took turns at, those ``unreached``, and
        whether it is ``here``, on the machine that measured.
    :ivar seconds: how long a leg may go on at the most, once every stream has moved one part.
    :ivar moved: bytes of bodies that the store took and gave, warm-up included.
    :ivar machine: ``processors`` and ``processes``.
    :ivar cleanup: ``removed``, ``left`` and ``error``.
    """

    run: str
    provider: Mapping[str, str]
    endpoint: Mapping[str, Any]
    suite: str
    started: str
    finished: str
    seconds: float
    moved: int
    machine: Mapping[str, int]
    cleanup: Mapping[str, Any]
    rates: tuple[Rate, ...]

    def of(self, way: str, part: int | None = None) -> list[Rate]:
        """The rates of one direction, of one part size or of all, by part size and streams."""
        found = [rate for rate in self.rates if rate.way == way and part in (None, rate.part)]
        return sorted(found, key=lambda rate: (rate.part, rate.streams))

    @cached_property
    def parts(self) -> list[int]:
        """The part sizes, in order."""
        return sorted({rate.part for rate in self.rates})

    @property
    def rounds(self) -> int:
        """How many rounds the best measured rate has."""
        return max((len(rate.rounds) for rate in self.rates), default=0)

    @property
    def is_limited(self) -> bool:
        """Whether this machine was, or may have been, the limit somewhere."""
        return any(rate.limit for rate in self.rates)

    def to_json(self) -> str:
        """As it is written to :data:`FILE`; medians and intervals are there for who reads no code."""
        plain = asdict(self)
        for row, rate in zip(plain["rates"], self.rates, strict=True):
            low, high = rate.interval
            row |= {"median": rate.median, "low": low, "high": high, "client_limited": rate.limit}
        confidence = ranks(self.rounds)[1] if self.rounds else 0.0
        return json.dumps({"format": FORMAT, "unit": "bytes/s", "confidence": confidence, **plain}, indent=1) + "\n"


def ranks(rounds: int) -> tuple[int, float]:
    """The interval of order statistics that holds the true median: how many lowest and highest rounds to leave out.

    The narrowest that is right 95 times in a hundred; with too few rounds it is from the lowest to the highest, and the
    second value says how often that is right (David and Nagaraja, Order Statistics, 7.1).
    """
    chosen, sure = 0, 0.0
    for left_out in range((rounds + 1) // 2):
        outside = sum(comb(rounds, lower) for lower in range(left_out + 1)) / 2**rounds
        if left_out == 0 or 1 - 2 * outside >= COVERAGE:
            chosen, sure = left_out, max(0.0, 1 - 2 * outside)
    return chosen, sure


def read_measurement(path: Path) -> Measurement:
    """Read a measurement again; a folder stands for the file in it.

    :raises MeasurementError: it can't be read, or is none.
    """
    file = path / FILE if path.is_dir() else path
    try:
        data = json.loads(file.read_text(encoding="utf-8"))
        if data["format"] != FORMAT:
            raise MeasurementError(f"{file}: its format is {data['format']!r}; this version reads {FORMAT!r}")
        names = [name for name in Measurement.__dataclass_fields__ if name != "rates"]
        rates = tuple(_rate(row) for row in data["rates"])
        return Measurement(**{name: data[name] for name in names}, rates=rates)
    except OSError as problem:
        raise MeasurementError(f"{file} can't be read: {problem.strerror}") from None
    except (ValueError, KeyError, TypeError) as problem:
        fix = f"it takes the {FILE} that `restoreproof measure` writes"
        raise MeasurementError(f"{file} is no measurement ({type(problem).__name__}: {problem}); {fix}") from None


def measurements(runs: Path, provider: str) -> list[Path]:
    """The folders of a provider's measurements below the folder of all runs, the newest first."""
    found = (file.parent for file in (runs / provider).glob(f"*{FOLDER}/{FILE}"))
    return sorted(found, key=lambda folder: folder.name, reverse=True)


def known(rates: Sequence[Rate], way: str) -> list[Rate]:
    """Those of one direction that were measured."""
    return [rate for rate in rates if rate.way == way and rate.is_known]


def _rate(row: Mapping[str, Any]) -> Rate:
    numbers = {name: row[name] for name in ("way", "streams", "part", "cpu", "sink", "share", "problem")}
    return Rate(**numbers, rounds=tuple(float(number) for number in row["rounds"]))
