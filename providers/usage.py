"""The ``[usage]`` of a profile: a command that says how many bytes the store really takes up."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from restoreproof.providers.table import Table

TOLERANCE = 16 * 1024 * 1024
SETTLE = 60
TIMEOUT = 60


@dataclass(frozen=True)
class Usage:
    """How to ask what a store takes up, for bytes that no listing shows.

    :ivar command: program and arguments; no shell reads them. Its last word on stdout that is a whole number is bytes.
    :ivar tolerance: bytes that may be more after a run than before: journals, indexes, what others write meanwhile.
    :ivar settle: seconds after clean-up until the store must have freed what was removed.
    :ivar timeout: seconds that the command may take.
    """

    command: tuple[str, ...] = ()
    tolerance: int = TOLERANCE
    settle: int = SETTLE
    timeout: int = TIMEOUT

    def or_else(self, command: tuple[str, ...]) -> Usage:
        """The same with another command, where the profile names none of its own."""
        return self if self.command else replace(self, command=command)


def read_usage(table: Table, kind: str) -> Usage:
    """The command that a profile describes; what is wrong goes to the table's collector.

    :param kind: the endpoint's; a program that we start may bring a command of its own.
    """
    given = table.texts("command")
    command = given or ()
    if given == ():
        table.report("command", 'is empty; write program and arguments, such as ["du", "-sb", "/srv/data"]')
    elif table and "command" not in table and kind != "program":
        table.report(None, "has no command; without one nothing can be asked")
    tolerance, settle, timeout = table.number("tolerance"), table.duration("settle"), table.duration("timeout")
    table.close()
    if timeout == 0:
        table.report("timeout", "must be a second at the least")
    return Usage(
        command,
        TOLERANCE if tolerance is None else tolerance,
        SETTLE if settle is None else settle,
        timeout or TIMEOUT,
    )
