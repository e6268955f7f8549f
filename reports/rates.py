"""What a measurement found, as a page with a plot and as a table for a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich import box
from rich.table import Table
from rich.text import Text

from restoreproof.reports import html
from restoreproof.reports.measurement import DOWNLOAD, UPLOAD, ranks
from restoreproof.reports.plotting import plot_of
from restoreproof.reports.wording import mebibytes, speed

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
        "rates.j2", found=measurement, ways=WAYS, plots=plots, words=interval_words(measurement), remark=remark
    )


def interval_words(measurement: Measurement) -> str:
    """What the intervals are, in a sentence."""
    rounds = measurement.rounds
    left_out, sure = ranks(rounds)
    which = "the lowest to the highest round" if not left_out else f"the rounds but for the {left_out} at each end"
    return (
        f"Each rate is the median of {rounds} rounds; its interval is {which}, an order statistic that holds the true "
        f"median with a probability of {100 * sure:.0f} %."
    )


def remark(rate: Rate) -> str:
    """What is to be said of a rate, empty where there is nothing."""
    return "; ".join(filter(None, (LIMITS[rate.limit], rate.problem)))


def print_rates(measurement: Measurement, console: Console) -> None:
    """Print the table, and below it what the figures are; off a terminal, nothing but letters."""
    table = Table(*COLUMNS, box=box.SIMPLE_HEAD if console.is_terminal else None)
    for column in table.columns[1:-1]:
        column.justify, column.no_wrap = "right", True
    for way, (title, _) in WAYS.items():
        for rate in measurement.of(way):
            table.add_row(title, *_cells(rate))
    console.print(table)
    console.print(Text(interval_words(measurement)), soft_wrap=True)
    if measurement.is_limited:
        console.print(Text("client-limited: " + CAUTION), soft_wrap=True)


CAUTION = (
    "where it says so, this machine was, or may have been, the limit, and the store may be faster: measure again from "
    "a machine with more processors, or from SQL Server's own."
)


def _cells(rate: Rate) -> tuple[Text, ...]:
    low, high = rate.interval
    known = rate.is_known
    cells = (
        mebibytes(rate.part),
        str(rate.streams),
        speed(rate.median) if known else "-",
        f"{speed(low)} to {speed(high)}" if known else "-",
        speed(rate.sink) if rate.sink else "-",
        f"{100 * rate.cpu:.0f} %" if known else "-",
        rate.problem or ("client-limited" if rate.limit else ""),
    )
    return tuple(Text(cell) for cell in cells)
