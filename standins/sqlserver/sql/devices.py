"""The devices and options of BACKUP and RESTORE: what is allowed on S3, and what becomes of it."""

from __future__ import annotations

import json
from contextlib import contextmanager
from typing import TYPE_CHECKING

from restoreproof.standins.sqlserver.backups import Device
from restoreproof.standins.sqlserver.session import SqlError
from restoreproof.standins.sqlserver.sql.credentials import credential_for
from restoreproof.standins.sqlserver.sql.messages import error, refused
from restoreproof.standins.sqlserver.sql.statements import Variable

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from restoreproof.standins.sqlserver.sql.running import StandinSession
    from restoreproof.standins.sqlserver.sql.statements import Options, Target, Value

__all__ = ["Progress", "find_devices", "option_text", "region_of", "resolve", "resolve_options", "speed", "terminating"]

_MOST_DEVICES = 64
_MIB = 1024 * 1024


def resolve(session: StandinSession, value: Value, line: int) -> str | int:
    """A name, number or text; what a variable holds.

    :raises SqlError: 137.
    """
    if not isinstance(value, Variable):
        return value
    if value.name not in session.variables:
        raise error(137, value.name, line=line)
    found = session.variables[value.name].value
    return found if isinstance(found, int) else str(found or "")


def resolve_options(session: StandinSession, options: Options, known: Iterable[str], line: int) -> dict[str, str | int]:
    """The WITH options.

    :raises SqlError: 3073 (FILE_SNAPSHOT), 3032 (known, but not for S3), 50001 (not known here).
    """
    for name in options:
        if name == "FILE_SNAPSHOT":
            raise error(3073)
        if name in ("REWIND", "NOREWIND", "UNLOAD", "NOUNLOAD", "PASSWORD", "MEDIAPASSWORD", "DBREADSIZE"):
            raise error(3032, name.lower())
        if name not in known:
            raise refused(f"WITH {name}", line)
    return {name: resolve(session, value, line) for name, value in options.items()}


def option_text(options: dict[str, str | int], name: str, longest: int) -> str:
    """A text that travels inside the backup.

    :raises SqlError: 3244 where it is too long.
    """
    found = str(options.get(name, ""))
    if len(found) > longest:
        raise error(3244, 65_536)
    return found


def region_of(options: dict[str, str | int], name: str) -> str:
    """The region of BACKUP_OPTIONS or RESTORE_OPTIONS.

    :raises SqlError: 3217 for what is no JSON of that shape, by guess.
    """
    text = options.get(name)
    if text is None:
        return "us-east-1"
    try:
        found = json.loads(str(text))["s3"]["region"]
    except (ValueError, KeyError, TypeError):
        raise error(3217, name) from None
    return str(found)


def find_devices(
    session: StandinSession, targets: Sequence[Target], named: str, line: int, besides: int = 0
) -> list[Device]:
    """The devices of a statement with their credentials.

    :param besides: devices of other mirrors: the limit counts all together.
    :raises SqlError: 3205, 3011, 3206, those of a credential, and 50001 where nothing is on S3.
    """
    if len(targets) + besides > _MOST_DEVICES:
        raise error(3205, _MOST_DEVICES)
    kinds = {target.kind for target in targets}
    if "LOGICAL" in kinds:
        logical = next(target.where for target in targets if target.kind == "LOGICAL")
        raise error(3206, resolve(session, logical, line))
    if len(kinds) > 1:
        raise error(3011)
    if kinds != {"URL"}:
        raise refused(f"backup to {kinds.pop()}", line)
    urls = [str(resolve(session, target.where, line)) for target in targets]
    return [Device(url, credential_for(session.instance, url, named)) for url in urls]


@contextmanager
def terminating(session: StandinSession, command: str, line: int) -> Iterator[None]:
    """Whatever goes wrong is followed by Msg 3013; inside of TRY only that is seen, as in SQL Server (from memory)."""
    try:
        yield
    except SqlError as found:
        found.line = line
        session.report(found)
        raise error(3013, command, line=line) from None


class Progress:
    """Tells percents as bytes go by, to the client and to sys.dm_exec_requests."""

    def __init__(self, session: StandinSession, total: int, step: int) -> None:
        self._session, self._total, self._step = session, max(total, 1), step
        self._done, self._told = 0, 0

    def through(self, pieces: Iterable[bytes]) -> Iterator[bytes]:
        """The pieces, counted."""
        for piece in pieces:
            self._done += len(piece)
            self._tell(min(100.0, self._done * 100 / self._total))
            yield piece

    def _tell(self, percent: float) -> None:
        if self._session.facts.request:
            self._session.facts.request.percent = percent
        while self._step and percent >= self._told + self._step:
            self._told += self._step
            self._session.output.info(3211, f"{self._told} percent processed.")


def speed(command: str, pages: int, seconds: float) -> str:
    """The text of Msg 3014."""
    rate = pages * 8192 / _MIB / max(seconds, 0.001)
    return f"{command} successfully processed {pages} pages in {seconds:.3f} seconds ({rate:.3f} MB/sec)."
