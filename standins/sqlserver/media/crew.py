"""The threads that work for one statement: the first failure, or the client's wish, ends them all."""

from __future__ import annotations

import threading
from concurrent.futures import Future, wait
from typing import TYPE_CHECKING, Self, TypeVar

from restoreproof.standins.sqlserver.session import Cancelled

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = ["Crew"]

_T = TypeVar("_T")
_GLANCE = 0.05
_PATIENCE = 2.0


class Crew:
    """Starts work, and waits for it in the statement's own thread; who leaves it has stopped all of it.

    ``stop`` is what the work looks at. Threads are daemons: one that hangs in a name look-up keeps nobody.
    """

    def __init__(self, cancelled: threading.Event) -> None:
        self.stop = threading.Event()
        self._cancelled = cancelled
        self._closers: list[Callable[[], None]] = []
        self._running: set[Future[None]] = set()
        self._failure: BaseException | None = None
        self._lock = threading.Lock()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop.set()
        for close in self._closers:
            close()
        with self._lock:
            running = set(self._running)
        wait(running, _PATIENCE)

    def closes(self, close: Callable[[], None]) -> None:
        """Remember what wakes those who wait for an answer."""
        self._closers.append(close)

    def start(self, work: Callable[[], _T]) -> Future[_T]:
        """Run work in a thread of its own; what it raises is kept for :meth:`check` and :meth:`result`."""
        future: Future[_T] = Future()
        with self._lock:
            self._running.add(future)  # type: ignore[arg-type]
        threading.Thread(target=self._run, args=(work, future), name="backup media", daemon=True).start()
        return future

    def check(self) -> None:
        """Raise what ends the statement, if anything does.

        :raises Cancelled: the client wants it to end.
        """
        if self._cancelled.is_set():
            raise Cancelled
        if self._failure is not None:
            raise self._failure

    def result(self, future: Future[_T]) -> _T:
        """Wait for work; what it raised is raised, or what ended the statement meanwhile."""
        while not future.done():
            self.check()
            wait((future,), _GLANCE)
        self._heed()
        return future.result()

    def results(self, works: Sequence[Callable[[], _T]]) -> list[_T]:
        """Do all at once; of several failures the first in this order is raised."""
        futures = [self.start(work) for work in works]
        for future in futures:
            while not future.done():
                self._heed()
                wait((future,), _GLANCE)
        self._heed()
        return [future.result() for future in futures]

    def acquire(self, permits: threading.Semaphore) -> None:
        """Take a permit, whenever there is one."""
        while not permits.acquire(timeout=_GLANCE):
            self.check()
        self.check()

    def _heed(self) -> None:
        if self._cancelled.is_set():
            raise Cancelled

    def _run(self, work: Callable[[], _T], future: Future[_T]) -> None:
        try:
            future.set_result(work())
        except BaseException as error:  # noqa: BLE001 - the statement's thread raises it
            if not self.stop.is_set():
                self._failure = self._failure or error
            future.set_exception(error)
        finally:
            with self._lock:
                self._running.discard(future)
