"""What stands behind WITH; slips are taken for what was meant, and told."""

from __future__ import annotations

from typing import TYPE_CHECKING

from restoreproof.commands.linting.finding import WARNING
from restoreproof.commands.linting.script import Option
from restoreproof.commands.linting.spelling import OPTIONS, TOLD_ELSEWHERE, meant, meant_option
from restoreproof.commands.linting.tokens import Kind

if TYPE_CHECKING:
    from restoreproof.commands.linting.cursor import Cursor

_OTHER = {"BACKUP": "RESTORE", "RESTORE": "BACKUP"}
_VALUES = (Kind.STRING, Kind.NUMBER)


def read_options(cursor: Cursor, verb: str) -> tuple[tuple[Option, ...], bool]:
    """What stands behind WITH, and whether that is all."""
    options: list[Option] = []
    whole = True
    if not _passes_with(cursor, verb):
        return (), not cursor.pass_hole()
    while True:
        if cursor.pass_hole():
            whole = False
        elif cursor.now.kind is Kind.WORD:
            options.append(_option(cursor, verb))
        whole = not cursor.pass_hole() and whole
        if not cursor.accept(",") and not _lacks_comma(cursor, verb):
            return tuple(options), whole


def _passes_with(cursor: Cursor, verb: str) -> bool:
    """Pass WITH, or what was meant to be it; an option without it in front is told."""
    if cursor.accept("WITH"):
        return True
    if meant(cursor.now.upper, ("WITH",)) and cursor.peek().upper in OPTIONS[verb]:
        cursor.slip(f"{cursor.now.upper}: did you mean WITH?")
        cursor.take()
        return True
    if _is_option(cursor, verb):
        cursor.slip(f"no WITH in front of {cursor.now.upper}")
        return True
    return False


def _is_option(cursor: Cursor, verb: str) -> bool:
    """Whether an option comes next, and no label of that name."""
    return cursor.now.upper in OPTIONS[verb] and cursor.peek().upper != ":"


def _lacks_comma(cursor: Cursor, verb: str) -> bool:
    """Whether another option follows without the comma in front of it."""
    named = _is_option(cursor, verb) or (cursor.peek().upper == "=" and bool(meant_option(cursor.now.upper, verb)))
    if named:
        cursor.slip(f"no comma in front of {cursor.now.upper}")
    return named


def _option(cursor: Cursor, verb: str) -> Option:
    spot, word = cursor.spot, cursor.take().upper
    if cursor.now.kind not in (Kind.HOLE, Kind.OUTSIDE):  # else the word may go on
        word = _known(cursor, word, verb, spot)
    if word == "MOVE":
        cursor.expression()
        cursor.accept("TO")
        cursor.expression()
        return Option(word, spot)
    value = None
    if cursor.accept("="):
        value = cursor.expression()
    elif cursor.now.kind in _VALUES:
        cursor.slip(f"no = behind {word}")
        value = cursor.expression()
    cursor.skip_brackets()
    if cursor.accept("AFTER"):
        cursor.expression()
    return Option(word, spot, value)


def _known(cursor: Cursor, word: str, verb: str, spot: int) -> str:
    """The option that a word is, or was meant to be; one that is none is told, and what else it may be is not."""
    if word in OPTIONS[verb] or word in TOLD_ELSEWHERE:
        return word
    if word in OPTIONS[_OTHER[verb]]:
        cursor.slip(f"{word} is an option of {_OTHER[verb]}, not of {verb}", spot, WARNING)
        return word
    found = meant_option(word, verb)
    if found:
        cursor.slip(f"{word} is no option of {verb}: did you mean {found}?", spot)
    else:
        cursor.slip(f"no known option of {verb}", spot, WARNING)
    return found or word
