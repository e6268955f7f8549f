"""Plays an engine's defects: sits before a session, and changes what goes in, comes out, or is left behind."""

from __future__ import annotations

import re
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Event, Lock
from typing import TYPE_CHECKING, Any

from restoreproof.standins.sqlserver.session import Cancelled, SqlError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from restoreproof.standins.sqlserver.session import Column, Engine, Output, Parameter, Session

__all__ = ["Batch", "Deaf", "DefectiveEngine", "EngineDefect", "Memory", "Through"]

URLS = re.compile(r"URL\s*=\s*N?'([^']*)'")
SUBJECT = re.compile(r"\b(?:BACKUP|RESTORE)\s+(?:DATABASE|LOG)\s+\[([^\]]+)\]")
FINAL = re.compile(r"\bRESTORE\s+(?:DATABASE|LOG)\b(?!.*\b(?:NORECOVERY|STANDBY)\b)", re.DOTALL)


@dataclass(frozen=True)
class EngineDefect:
    """A defect of SQL Server, or of a store as SQL Server would show it.

    :ivar name: lower case, words joined by hyphens; what `--defect` takes.
    :ivar sentence: what goes wrong, in one sentence.
    :ivar breaks: id of the requirement it breaks.
    :ivar reddens: ids of every check that must turn red.
    :ivar play: runs one batch in its own way.
    :ivar behaviour: switches of the connector that it turns.
    """

    name: str
    sentence: str
    breaks: str
    reddens: tuple[str, ...]
    play: Callable[[Batch], None] = lambda batch: batch.run()
    behaviour: Mapping[str, Any] = field(default_factory=dict)
    scale: str = "smoke"


@dataclass
class Memory:
    """What a defect remembers from batch to batch, of all sessions."""

    marked: set[str] = field(default_factory=set)
    running: int = 0
    lock: Lock = field(default_factory=Lock)

    def mark(self, things: Sequence[str]) -> None:
        """Remember these URLs or names."""
        with self.lock:
            self.marked.update(things)

    def forget(self, things: Sequence[str]) -> None:
        """Forget these again."""
        with self.lock:
            self.marked.difference_update(things)

    def knows(self, things: Sequence[str]) -> bool:
        """Whether one of them was marked."""
        with self.lock:
            return not self.marked.isdisjoint(things)

    @contextmanager
    def counted(self) -> Iterator[int]:
        """How many run at this moment, this one included."""
        with self.lock:
            self.running += 1
            now = self.running
        try:
            yield now
        finally:
            with self.lock:
                self.running -= 1


@dataclass(frozen=True)
class Batch:
    """One batch on its way to the engine.

    :ivar step: what comes next: another defect, or the engine.
    """

    text: str
    parameters: Mapping[str, Parameter]
    output: Output
    cancelled: Event
    memory: Memory
    step: Callable[[str, Mapping[str, Parameter], Output, Event], None]

    @property
    def urls(self) -> list[str]:
        """Every URL of the statement, in order."""
        return URLS.findall(self.text)

    @property
    def subject(self) -> str:
        """The database that is backed up or restored; empty for other statements."""
        found = SUBJECT.search(self.text)
        return found[1] if found else ""

    def says(self, pattern: str) -> bool:
        """Whether the text has this pattern."""
        return re.search(pattern, self.text) is not None

    @property
    def is_backup(self) -> bool:
        """Whether it is a BACKUP DATABASE or LOG."""
        return self.says(r"\bBACKUP (DATABASE|LOG)\b")

    @property
    def opens(self) -> bool:
        """Whether it is a restore after which the database can be used."""
        return FINAL.search(self.text) is not None

    def run(self, text: str | None = None, output: Output | None = None) -> None:
        """Let it run, as it is or otherwise."""
        self.step(self.text if text is None else text, self.parameters, output or self.output, self.cancelled)

    def run_marking(self, things: Sequence[str], condition: Callable[[Batch], bool]) -> None:
        """Let it run, and remember these things if a backup that meets the condition fails."""
        try:
            self.run()
        except SqlError:
            if self.is_backup and condition(self):
                self.memory.mark(things)
            raise

    def also(self, text: str) -> None:
        """Run a further batch that nobody hears of."""
        self.step(text, {}, Deaf(), Event())

    def lose(self, rows: str = "id = (SELECT MAX(id) FROM dbo.receipts)") -> None:
        """Take rows out of the database that was restored."""
        self.also(f"USE [{self.subject}]; DELETE FROM dbo.receipts WHERE {rows}; USE master")


class Through:
    """An output that hands everything on; what a defect changes is overridden."""

    def __init__(self, output: Output) -> None:
        self.output = output

    def columns(self, columns: Sequence[Column]) -> None:
        """Begin a result."""
        self.output.columns(columns)

    def row(self, values: Sequence[object]) -> None:
        """One row."""
        self.output.row(values)

    def done(self, rows: int | None = None) -> None:
        """End a statement."""
        self.output.done(rows)

    def info(self, number: int, text: str, **how: int) -> None:
        """A message."""
        self.output.info(number, text, **how)

    def error(self, error: SqlError) -> None:
        """An error after which the batch may go on."""
        self.output.error(error)


class Deaf:
    """An output that takes everything and tells nobody."""

    def columns(self, columns: Sequence[Column]) -> None:
        """Nothing."""

    def row(self, values: Sequence[object]) -> None:
        """Nothing."""

    def done(self, rows: int | None = None) -> None:
        """Nothing."""

    def info(self, number: int, text: str, **how: int) -> None:
        """Nothing."""

    def error(self, error: SqlError) -> None:
        """Nothing."""


class DefectiveEngine:
    """An engine with defects; everything else is that engine's."""

    def __init__(self, engine: Engine, defects: Sequence[EngineDefect]) -> None:
        self.engine = engine
        self.defects = [(defect, Memory()) for defect in defects]
        self.name, self.version = engine.name, engine.version

    def login(self, user: str, password: str, database: str, disconnect: Event) -> Session:
        """Open a session; see :class:`Engine`."""
        return _DefectiveSession(self.engine.login(user, password, database, disconnect), self.defects)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.engine, name)


class _DefectiveSession:
    def __init__(self, session: Session, defects: Sequence[tuple[EngineDefect, Memory]]) -> None:
        self._session = session
        self._step = session.run
        for defect, memory in defects:
            self._step = _before(self._step, defect, memory)

    def run(self, text: str, parameters: Mapping[str, Parameter], output: Output, cancelled: Event) -> None:
        """Run a batch as the defects will have it."""
        self._step(text, parameters, output, cancelled)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._session, name)


def _before(step: Any, defect: EngineDefect, memory: Memory) -> Any:
    def play(text: str, parameters: Mapping[str, Parameter], output: Output, cancelled: Event) -> None:
        defect.play(Batch(text, parameters, output, cancelled, memory, step))

    return play


def rewrites(pattern: str, replacement: str, *, only: str = "") -> Callable[[Batch], None]:
    """Have part of a batch say something else, where ``only`` is found in it."""
    return lambda batch: batch.run(re.sub(pattern, replacement, batch.text) if batch.says(only) else batch.text)


def skips(condition: Callable[[Batch], bool]) -> Callable[[Batch], None]:
    """Say that a statement succeeded, and do nothing; what was backed up before is known by its URLs."""

    def play(batch: Batch) -> None:
        if condition(batch):
            batch.output.done()
            return
        batch.run()
        if batch.is_backup:
            batch.memory.mark(batch.urls)

    return play


def refuses(condition: Callable[[Batch], bool], number: int, text: str) -> Callable[[Batch], None]:
    """Refuse a statement that is right."""

    def play(batch: Batch) -> None:
        if condition(batch):
            raise SqlError(number, text)
        batch.run()

    return play


def loses(condition: Callable[[Batch], bool], rows: str = "") -> Callable[[Batch], None]:
    """Lose rows in a restore after which the database can be used."""

    def play(batch: Batch) -> None:
        batch.run()
        if batch.opens and condition(batch):
            batch.lose(*([rows] if rows else []))

    return play


def loses_what(condition: Callable[[Batch], bool]) -> Callable[[Batch], None]:
    """Lose a row in the restore of backups that were made in a certain way."""

    def play(batch: Batch) -> None:
        if batch.is_backup and condition(batch):
            batch.memory.mark(batch.urls)
        batch.run()
        if batch.opens and batch.memory.knows(batch.urls):
            batch.lose()

    return play


class _Heard(Through):
    """Keeps errors to itself."""

    def __init__(self, output: Output) -> None:
        super().__init__(output)
        self.errors: list[SqlError] = []

    def error(self, error: SqlError) -> None:
        """Hear an error that nobody else hears."""
        self.errors.append(error)


def accepts(condition: Callable[[Batch], bool], *numbers: int) -> Callable[[Batch], None]:
    """Take what should be refused: the error is kept back. With numbers, only if one of these is among the errors."""

    def play(batch: Batch) -> None:
        if not condition(batch):
            batch.run()
            return
        heard = _Heard(batch.output)
        try:
            batch.run(output=heard)
        except SqlError as refusal:
            heard.error(refusal)
        if numbers and heard.errors and not {error.number for error in heard.errors} & set(numbers):
            for error in heard.errors[:-1]:
                batch.output.error(error)
            raise heard.errors[-1]
        if heard.errors:
            batch.output.done()

    return play


class _Renumbered(Through):
    """Changes every error."""

    def __init__(self, output: Output, change: Callable[[SqlError], SqlError]) -> None:
        super().__init__(output)
        self.change = change

    def error(self, error: SqlError) -> None:
        """An error, changed."""
        super().error(self.change(error))


def renumbers(condition: Callable[[Batch, SqlError], bool], number: int, text: str) -> Callable[[Batch], None]:
    """Give an error another number and text."""

    def play(batch: Batch) -> None:
        def change(error: SqlError) -> SqlError:
            return SqlError(number, text) if condition(batch, error) else error

        try:
            batch.run(output=_Renumbered(batch.output, change))
        except SqlError as refusal:
            raise change(refusal) from None

    return play


class _Hushed(Through):
    """Keeps one message to itself."""

    def __init__(self, output: Output, number: int) -> None:
        super().__init__(output)
        self.number = number

    def info(self, number: int, text: str, **how: int) -> None:
        """A message, unless it is that one."""
        if number != self.number:
            super().info(number, text, **how)


def hushes(number: int) -> Callable[[Batch], None]:
    """Say nothing where this message is due."""
    return lambda batch: batch.run(output=_Hushed(batch.output, number))


class _Column(Through):
    """Changes one column of every result that has it."""

    def __init__(self, output: Output, name: str, change: Callable[[Any], Any]) -> None:
        super().__init__(output)
        self.name, self.change, self.place = name, change, -1

    def columns(self, columns: Sequence[Column]) -> None:
        """Find the column's place."""
        names = [column.name for column in columns]
        self.place = names.index(self.name) if self.name in names else -1
        super().columns(columns)

    def row(self, values: Sequence[object]) -> None:
        """A row, changed."""
        row = list(values)
        if self.place >= 0:
            row[self.place] = self.change(row[self.place])
        super().row(row)


def falsifies(pattern: str, column: str, change: Callable[[Any], Any]) -> Callable[[Batch], None]:
    """Change a column of the results of matching statements."""
    return lambda batch: batch.run(output=_Column(batch.output, column, change) if batch.says(pattern) else None)


def interrupted(then: Callable[[Batch], None], condition: Callable[[Batch], bool]) -> Callable[[Batch], None]:
    """Do something after a statement that was killed, cancelled or cut off."""

    def play(batch: Batch) -> None:
        try:
            batch.run()
        except (Cancelled, SqlError) as end:
            if (isinstance(end, Cancelled) or batch.cancelled.is_set()) and condition(batch):
                then(batch)
            raise

    return play
