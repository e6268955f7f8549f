"""sp_readerrorlog: reads the instance's error log."""

from __future__ import annotations

from typing import TYPE_CHECKING

from restoreproof.standins.sqlserver.sql.looking import send
from restoreproof.standins.sqlserver.sql.messages import refused
from restoreproof.standins.sqlserver.sql.viewing import columns

if TYPE_CHECKING:
    from restoreproof.standins.sqlserver.sql.running import StandinSession
    from restoreproof.standins.sqlserver.sql.statements import ReadErrorLog

__all__ = ["read_error_log"]

_COLUMNS = columns("LogDate datetime, ProcessInfo nvarchar(50), Text nvarchar(3000)")
_CURRENT, _OF_THE_SERVER, _ARGUMENTS = ("0", ""), ("1", ""), 4


def read_error_log(session: StandinSession, statement: ReadErrorLog) -> None:
    """Give the lines that were asked for: number of the log, its kind, and up to two texts to search for.

    :raises SqlError: 50001 for another log than the current one of the server: there is none.
    """
    given = [session.as_text(text, statement.line) for text in statement.arguments]
    number, kind, *words = [*given, *[""] * (_ARGUMENTS - len(given))]
    if number not in _CURRENT or kind not in _OF_THE_SERVER:
        raise refused("another error log than the current one", statement.line)
    send(session, _COLUMNS, session.instance.error_log.search(*words))
