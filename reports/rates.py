"""What a measurement found, as a page with a plot and as a table for a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.text import Text

from restoreproof.reports import html, wording
from restoreproof.reports.measurement import DOWNLOAD, UPLOAD, ranks
from restoreproof.reports.plotting import plot_of
from restoreproof.reports.wording import mebibytes, speed, visible

if TYPE_CHECKING:
    from rich.console import Console

    from restoreproof.reports.measurement import Measurement, Rate

PAGE = "measure.html"
WAYS = {
    UPLOAD: ("Backup", "parts sent in so many uploads at once"),
    DOWNLOAD: ("Restore", "ranges read from so many objects at once"),
}
LIMITS = {
    "": "",
    "processor": "client-limited: our own processes kept the processors busy",
    "sink": "client-limited: this machine did less than twice as much against a sink that stores nothing",
}
COLUMNS = ("", "part", "streams", "MiB/s", "interval", "sink", "processor", "")


def render(measurement: Measurement) -> str:
    """One self-contained page."""
    plots = {way: plot_of(measurement.of(way)) for way in WAYS}
    return html.page(
        "rates.j2",
        found=measurement,
        ways=WAYS,
        plots=plots,
        words=f"{interval_words(measurement)} {place_words(measurement)}".strip(),
        remark=remark,
    )


def interval_words(measurement: Measurement) -> str:
    """What the intervals are, in a sentence."""
    rounds = measurement.rounds
    left_out, sure = ranks(rounds)
    which = "the lowest to the highest round" if not left_out else f"the rounds but for the {left_out} at each end"
    return (
        f"Each rate is the median of {wording.counted(rounds, 'round')}; its interval is {which}, an order "
        f"statistic that holds the true median with a probability of {100 * sure:.0f} %."
    )


def place_words(measurement: Measurement) -> str:
    """Which addresses the streams went to, in a sentence or two; nothing where nobody wrote it down."""
    addresses, silent = (measurement.endpoint.get(name, ()) for name in ("addresses", "unreached"))
    if not addresses:
        return ""
    words = [f"All streams went to {addresses[0]}, the only address of the endpoint."]
    if len(addresses) > 1:
        each = f"to {len(addresses)} addresses in turn, each round from another one on: {', '.join(addresses)}."
        words = [f"The streams went {each} SQL Server connects to those that name resolution gives it."]
    if silent:
        words.append(f"Not connected to: {', '.join(silent)}.")
    if measurement.endpoint.get("here"):
        words.append("The store runs on this machine and takes its processors: elsewhere both may be faster.")
    return " ".join(words)


def remark(rate: Rate) -> str:
    """What is to be said of a rate, empty where there is nothing."""
    return "; ".join(filter(None, (LIMITS[rate.limit], rate.problem)))


def print_rates(measurement: Measurement, console: Console) -> None:
    """Print the table, and below it what the figures are; no line is broken, so that they can be searched."""
    rows = [COLUMNS, *((title, *_cells(rate)) for way, (title, _) in WAYS.items() for rate in measurement.of(way))]
    widths = [max(len(row[column]) for row in rows) for column in range(len(COLUMNS))]
    for row in rows:
        first, *numbers, last = (cell.rjust(width) for cell, width in zip(row, widths, strict=True))
        line = "  ".join([first.strip().ljust(widths[0]), *numbers, last.strip()]).rstrip()
        _say(console, line, "bold" if row is COLUMNS else "")
    _say(console, interval_words(measurement))
    if words := place_words(measurement):
        _say(console, words)
    if measurement.is_limited:
        _say(console, "client-limited: " + CAUTION, "yellow")


CAUTION = (
    "where it says so, this machine was, or may have been, the limit, and the store may be faster: measure again from "
    "a machine with more processors, or from SQL Server's own."
)


def _cells(rate: Rate) -> tuple[str, ...]:
    low, high = rate.interval
    known = rate.is_known
    return (
        mebibytes(rate.part),
        str(rate.streams),
        speed(rate.median) if known else "-",
        f"{speed(low)} to {speed(high)}" if known else "-",
        speed(rate.sink) if rate.sink else "-",
        f"{100 * rate.cpu:.0f} %" if known else "-",
        rate.problem or ("client-limited" if rate.limit else ""),
    )


def _say(console: Console, text: str, style: str = "") -> None:
    encoding = console.encoding or "utf-8"
    safe = visible(text).encode(encoding, "backslashreplace").decode(encoding)
    console.print(Text(safe, style), soft_wrap=True)
