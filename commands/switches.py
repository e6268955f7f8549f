"""Switches of the stand-in for SQL Server, as a command line gives them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from restoreproof.fixtures.selection import SelectionError

if TYPE_CHECKING:
    from collections.abc import Sequence


def check_switches(words: Sequence[str]) -> None:
    """See that the stand-in has these switches and values before it is started.

    :param words: each as ``NAME=VALUE``.
    :raises SelectionError: it has not.
    """
    from restoreproof.fixtures.engines.asking import read_switch  # noqa: PLC0415 - heavy, and --help does without
    from restoreproof.standins.sqlserver.connector.behaviour import Behaviour  # noqa: PLC0415 - as above

    try:
        Behaviour.from_mapping(dict(read_switch(word) for word in words))
    except ValueError as problem:
        raise SelectionError(f"--behave: {problem}") from None
