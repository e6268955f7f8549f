"""Events that wait for one another."""

from __future__ import annotations

import threading
import time

__all__ = ["AnyOf"]

_POLL = 0.02


class AnyOf(threading.Event):
    """Set as soon as one of several events is."""

    def __init__(self, *events: threading.Event) -> None:
        super().__init__()
        self._events = events

    def is_set(self) -> bool:
        """Whether one of them is set."""
        return super().is_set() or any(event.is_set() for event in self._events)

    def wait(self, timeout: float | None = None) -> bool:
        """Wait for one of them."""
        end = None if timeout is None else time.monotonic() + timeout
        while not self.is_set():
            left = _POLL if end is None else min(_POLL, end - time.monotonic())
            if left <= 0:
                break
            self._events[0].wait(left)
        return self.is_set()
