"""Small pieces of Markdown: tables whose cells hold any text, links, code."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """The lines of a table; cells are Markdown already, and a bar in one is escaped."""
    written = [head, ["---"] * len(head), *rows]
    return ["| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in written]


def plain(text: str) -> str:
    """A text of somebody's, with what Markdown would take for markup or HTML escaped."""
    for mark in "\\`*_[]<>":
        text = text.replace(mark, f"\\{mark}")
    return text


def code(text: str) -> str:
    """A text as code on one line."""
    fence = "``" if "`" in text else "`"
    return f"{fence}{text}{fence}"


def fenced(language: str, lines: Iterable[str]) -> list[str]:
    """Lines as a block of code."""
    return [f"```{language}", *lines, "```"]


def links(addresses: Iterable[str]) -> str:
    """Web addresses as links that show their hosts."""
    return ", ".join(
        f"[{(urlsplit(address).hostname or address).removeprefix('www.')}](<{address}>)" for address in addresses
    )
