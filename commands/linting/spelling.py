"""Words as SQL Server knows them, and which one a misspelt word was meant to be."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from restoreproof.commands.linting.finding import ERROR, SYNTAX, Finding

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from restoreproof.commands.linting.finding import Setting
    from restoreproof.commands.linting.script import Script

_BOTH = """
BLOCKSIZE BUFFERCOUNT CHECKSUM CONTINUE_AFTER_ERROR CREDENTIAL DBREADSIZE MAXTRANSFERSIZE MEDIANAME MEDIAPASSWORD
METADATA_ONLY NORECOVERY NOREWIND NOUNLOAD NO_CHECKSUM PASSWORD RESTART REWIND SNAPSHOT STANDBY STATS STOP_ON_ERROR
UNLOAD
"""
_BACKUP = """
BACKUP_OPTIONS COMPRESSION COPY_ONLY DESCRIPTION DIFFERENTIAL ENCRYPTION EXPIREDATE FILE_SNAPSHOT FORMAT INIT
MEDIADESCRIPTION NAME NOFORMAT NOINIT NOSKIP NO_COMPRESSION NO_LOG NO_TRUNCATE RETAINDAYS SKIP TRUNCATE_ONLY
"""
_RESTORE = """
DBNAME DBO_ONLY ENABLE_BROKER ERROR_BROKER_CONVERSATIONS FILE FILESTREAM KEEP_CDC KEEP_REPLICATION
KEEP_TEMPORAL_RETENTION LOADHISTORY MOVE NEW_BROKER PAGE PARTIAL RECOVERY REPLACE RESTORE_OPTIONS RESTRICTED_USER STOPAT
STOPATMARK STOPBEFOREMARK
"""
OPTIONS = {"BACKUP": frozenset((_BOTH + _BACKUP).split()), "RESTORE": frozenset((_BOTH + _RESTORE).split())}
"""What may stand behind WITH, on whichever class of devices."""

TOLD_ELSEWHERE = frozenset(("BACKUP_OPTIONS", "RESTORE_OPTIONS", "BACKUP_OPTION", "RESTORE_OPTION", "FILE_SNAPSHOT"))
"""Words that rules of their own speak of, wherever they stand."""

_SHORT, _MIDDLE = 4, 8


@dataclass(frozen=True)
class Slip:
    """A place where a statement is not written as SQL Server reads it.

    :ivar what: the slip in a few words; nothing of it is the text of a literal.
    """

    spot: int
    what: str
    severity: str = ERROR


def check_spelling(script: Script, setting: Setting) -> Iterator[Finding]:
    """Every word that was meant to be another, and every comma that is missing."""
    del setting
    for slip in script.slips:
        yield Finding(SYNTAX, slip.severity, slip.what, slip.spot)


@lru_cache(maxsize=4096)
def meant(word: str, words: Collection[str]) -> str:
    """The one of these words that another was meant to be: one slip away if it is short, up to three if it is long."""
    slips = 0 if len(word) < _SHORT - 1 else 1 if len(word) <= _SHORT else 2 if len(word) <= _MIDDLE else 3
    near = ((_distance(word, other), other) for other in words if abs(len(other) - len(word)) <= slips)
    distance, found = min(near, default=(slips + 1, ""))
    return found if 0 < distance <= slips else ""


def meant_option(word: str, verb: str) -> str:
    """The option of BACKUP or RESTORE that a word was meant to be."""
    return meant(word, OPTIONS[verb])


def _distance(one: str, other: str) -> int:
    """How many letters are missing, too many, wrong, or swapped with their neighbour."""
    rows: list[list[int]] = [list(range(len(other) + 1))]
    for at, letter in enumerate(one, 1):
        rows.append([at])
        for to, wanted in enumerate(other, 1):
            best = min(rows[at - 1][to] + 1, rows[at][to - 1] + 1, rows[at - 1][to - 1] + (letter != wanted))
            if at > 1 and to > 1 and letter == other[to - 2] and one[at - 2] == wanted:
                best = min(best, rows[at - 2][to - 2] + 1)
            rows[at].append(best)
    return rows[-1][-1]
