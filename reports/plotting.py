"""Where the points of a plot of rates over streams lie; the template draws them."""

from __future__ import annotations

from dataclasses import dataclass
from math import floor, log2, log10
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from restoreproof.reports.measurement import Rate

WIDTH, HEIGHT = 640, 300
LEFT, RIGHT, TOP, BOTTOM = 58, 78, 14, 40
STEPS = (1, 2, 2.5, 5, 10)
MOST_TICKS = 5
MIB = 1024 * 1024
BESIDE = 6
"""Between two points with the same number of streams, so that their intervals show."""
APART = 15
"""Between two labels at the ends of lines."""


@dataclass(frozen=True)
class Point:
    """One rate: its place, and how far its interval reaches up and down."""

    x: float
    y: float
    low: float
    high: float
    rate: Rate


@dataclass(frozen=True)
class Line:
    """All rates of one part size.

    :ivar label: how high its name stands at its end.
    """

    part: int
    points: tuple[Point, ...]
    label: float

    @property
    def path(self) -> str:
        """The line through the medians, as SVG writes it."""
        return "M" + " L".join(f"{point.x} {point.y}" for point in self.points)


@dataclass(frozen=True)
class Plot:
    """A plot of one direction; ticks are a place and a number."""

    lines: tuple[Line, ...]
    streams: tuple[tuple[float, int], ...]
    rates: tuple[tuple[float, str], ...]
    width: int = WIDTH
    height: int = HEIGHT
    left: int = LEFT
    right: int = WIDTH - RIGHT
    bottom: int = HEIGHT - BOTTOM


def plot_of(rates: Sequence[Rate]) -> Plot | None:
    """The plot of the rates of one direction; None where nothing was measured."""
    seen = [rate for rate in rates if rate.is_known]
    if not seen:
        return None
    counts = sorted({rate.streams for rate in seen})
    step = _step(max(rate.interval[1] for rate in seen) / MIB)
    top = step * MIB * (floor(max(rate.interval[1] for rate in seen) / MIB / step) + 1)

    def across(streams: int) -> float:
        span = log2(counts[-1]) - log2(counts[0])
        share = (log2(streams) - log2(counts[0])) / span if span else 0.5
        return round(LEFT + 14 + share * (WIDTH - LEFT - RIGHT - 28), 1)

    def up(rate: float) -> float:
        return round(HEIGHT - BOTTOM - rate / top * (HEIGHT - TOP - BOTTOM), 1)

    def point(rate: Rate, beside: float) -> Point:
        low, high = rate.interval
        return Point(round(across(rate.streams) + beside, 1), up(rate.median), up(low), up(high), rate)

    parts = sorted({rate.part for rate in seen})
    beside = {part: BESIDE * (number - (len(parts) - 1) / 2) for number, part in enumerate(parts)}
    drawn = [(part, tuple(point(rate, beside[part]) for rate in seen if rate.part == part)) for part in parts]
    labels = _apart([points[-1].y for _, points in drawn])
    lines = tuple(Line(part, points, label) for (part, points), label in zip(drawn, labels, strict=True))
    ticks = tuple((up(number * step * MIB), f"{number * step:g}") for number in range(round(top / MIB / step) + 1))
    return Plot(lines, tuple((across(count), count) for count in counts), ticks)


def _step(top: float) -> float:
    """A round number that divides the height into a few steps."""
    power = 10.0 ** floor(log10(top / MOST_TICKS)) if top > 0 else 1.0
    return next(step * power for step in STEPS if top / (step * power) <= MOST_TICKS)


def _apart(heights: Sequence[float]) -> list[float]:
    """The same heights, moved down where two would overlap."""
    placed: dict[int, float] = {}
    last = float("-inf")
    for index in sorted(range(len(heights)), key=lambda index: heights[index]):
        last = placed[index] = max(heights[index], last + APART)
    return [placed[index] for index in range(len(heights))]
