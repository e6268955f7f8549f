"""What a session remembers of its last statements."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from restoreproof.standins.sqlserver.session import SqlError

__all__ = ["Conditions"]


@dataclass
class Conditions:
    """For @@ROWCOUNT, @@ERROR and ERROR_NUMBER().

    :ivar caught: the error that the CATCH block in force caught.
    :ivar catching: how many TRY blocks are around.
    """

    rows: int = 0
    last_error: int = 0
    caught: SqlError | None = None
    catching: int = 0
    abort: bool = False
    """XACT_ABORT"""
