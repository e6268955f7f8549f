"""The rules of restore sequences: which backup may be restored onto which database."""

from __future__ import annotations

from typing import TYPE_CHECKING

from restoreproof.standins.sqlserver.session import SqlError
from restoreproof.standins.sqlserver.sql.database import DatabaseFile
from restoreproof.standins.sqlserver.sql.messages import error

if TYPE_CHECKING:
    from collections.abc import Mapping

    from restoreproof.standins.sqlserver.backups import BackupSet
    from restoreproof.standins.sqlserver.sql.database import Database
    from restoreproof.standins.sqlserver.sql.running import StandinSession

__all__ = ["check_differential", "check_log", "check_overwrite", "plan_files"]


def check_overwrite(session: StandinSession, old: Database, found: BackupSet, *, replace: bool, stops: bool) -> None:
    """Whether a full backup may take the place of a database.

    That 3159 is due whenever the database is online with a log chain is a guess: SQL Server looks for work in the log.

    :raises SqlError: 3102, 3101 (in use), 3154 (another database), 3159 (the tail of the log is not backed up).
    """
    if session.database.lower() == old.name.lower():
        raise error(3102, "RESTORE", old.name)
    if session.instance.users_of(old) or old.restoring or old.busy or old.single_user not in (None, session.id):
        raise error(3101)
    if replace:
        return
    if old.family != found.family_id:
        raise error(3154, old.name)
    online = old.state == "ONLINE" and not old.standby
    if online and old.recovery != "SIMPLE" and old.log_start is not None and not stops:
        raise error(3159, old.name)


def check_log(database: Database, found: BackupSet, stop: int | None) -> None:
    """Whether a log backup comes next.

    :raises SqlError: 3154, 4330 (another recovery path), 4305 (too recent), 4326 (too early), 4335 (STOPAT too early).
    """
    if found.family_id != database.family:
        raise error(3154, database.name)
    _check_path(database, found)
    if found.first_lsn > database.lsn:
        raise error(4305, found.first_lsn, database.lsn)
    if found.last_lsn < database.lsn:
        raise error(4326, found.last_lsn, database.lsn)
    if stop is not None and stop < database.time:
        raise error(4335)


def _check_path(database: Database, found: BackupSet) -> None:
    """See that both descend from one another: the same fork, or one that began here or later."""
    extra = dict(found.extra)
    if found.fork_id == database.fork:
        return
    forked = int(extra.get("fork_lsn", "0"))
    if extra.get("first_fork") != database.fork or database.lsn > forked:
        raise error(4330)


def check_differential(database: Database, found: BackupSet) -> None:
    """Whether a differential backup fits onto the full backup that was restored.

    :raises SqlError: 3154, 3136.
    """
    if found.family_id != database.family:
        raise error(3154, database.name)
    base = database.base.set_id if database.base else ""
    if dict(found.extra).get("base_id") != base or found.last_lsn < database.lsn:
        raise error(3136)


def plan_files(session: StandinSession, name: str, found: BackupSet, moves: Mapping[str, str]) -> list[DatabaseFile]:
    """Where the files of a restored database go.

    :raises SqlError: 3234 (MOVE of a file that is not in the backup); 3119 behind 1834 and 3156 (another's file).
    """
    known = {file.logical.lower() for file in found.files}
    if unknown := [logical for logical in moves if logical not in known]:
        raise error(3234, unknown[0], found.database)
    files = [
        DatabaseFile(f.logical, moves.get(f.logical.lower(), f.physical), f.kind, f.filegroup or "PRIMARY")
        for f in found.files
    ]
    try:
        session.instance.refuse_clash(files, name)
    except SqlError as clash:
        session.report(clash)
        session.report(error(3156, files[0].logical, files[0].physical))
        raise error(3119) from None
    return files
