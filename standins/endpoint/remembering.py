"""What Swift's servers remember of buckets and accounts from request to request, where a real cluster has memcached.

Without it, every request about an object asks the account's and the container's database first whether they are there.
memcached lets a server go by what was true some seconds ago; here nobody does: whoever changes a bucket or an account
has every process of the endpoint forget all it knew before the change is answered.
"""

import mmap
import os
from collections.abc import Callable, Iterable
from typing import Any

__all__ = ["Memory", "Remembering", "View", "filter_factory"]

_Environ = dict[str, Any]
_App = Callable[[_Environ, Callable[..., Any]], Iterable[bytes]]

_ERA_BYTES = 8
_NEVER = b""


class Memory:
    """What the applications of one process know, each thing with the era in which it was asked for.

    :ivar era: memory that all processes share; other bytes after every change.
    """

    def __init__(self) -> None:
        self.era = mmap.mmap(-1, _ERA_BYTES)
        self.known: dict[str, tuple[bytes, Any]] = {}

    def forget(self) -> None:
        """Begin another era."""
        self.era[:] = os.urandom(_ERA_BYTES)


class View:
    """Swift's cache for one request: what it learns counts for as long as nothing has changed since it began."""

    def __init__(self, memory: Memory) -> None:
        self._memory, self._begun = memory, memory.era[:]
        self.changes = False

    def get(self, key: str, **_options: Any) -> Any:
        """What is known now; None where nothing is."""
        era, value = self._memory.known.get(key, (_NEVER, None))
        return value if era == self._memory.era[:] else None

    def set(self, key: str, value: Any, **_options: Any) -> None:
        """Keep what was read after the request had begun."""
        self._memory.known[key] = (self._begun, value)

    def delete(self, _key: str, **_options: Any) -> None:
        """Forget everything, in all processes; Swift asks for it before some changes, and after others."""
        self.changes = True
        self._memory.forget()


class Remembering:
    """The filter that gives every request its view."""

    def __init__(self, app: _App, memory: Memory) -> None:
        self._app, self._memory = app, memory

    def __call__(self, env: _Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
        """Answer a request once all that it has changed is forgotten."""
        view = env["swift.cache"] = View(self._memory)
        try:
            return self._app(env, start_response)
        finally:
            if view.changes:  # others may have read between the forgetting and the change
                self._memory.forget()


def filter_factory(_global_conf: dict[str, str], **_local_conf: str) -> Callable[[_App], Remembering]:
    """Make the filter, as Paste asks for it."""
    return lambda app: Remembering(app, _memory)


_memory = Memory()
"""Of this process; forked processes have their own, but for its era."""
