"""The only place in the stand-ins that sleeps."""

import asyncio
import time
from collections.abc import Callable
from typing import TypeVar

__all__ = ["TimedOut", "pause", "rest", "wait_until"]

_T = TypeVar("_T")
_FIRST_PAUSE = 0.005
_LONGEST_PAUSE = 0.1


class TimedOut(Exception):  # noqa: N818 - reads as what happened
    """What was waited for did not happen in time; the text says what and how long."""


def wait_until(predicate: Callable[[], _T | None], seconds: float, describe: str) -> _T:
    """Return the first truthy answer of `predicate`; raise `TimedOut` after `seconds`.

    The pauses start at 5 ms and double up to 100 ms: quick things are noticed quickly, slow ones cost little.
    """
    deadline, interval = time.monotonic() + seconds, _FIRST_PAUSE
    while not (answer := predicate()):
        if time.monotonic() >= deadline:
            raise TimedOut(f"{describe} did not happen within {seconds:g} s")
        time.sleep(interval)
        interval = min(interval * 2, _LONGEST_PAUSE)
    return answer


def rest(seconds: float) -> None:
    """Keep this thread, and no other, waiting; not at all for no seconds or less."""
    if seconds > 0:
        time.sleep(seconds)


async def pause(seconds: float) -> None:
    """Let the proxy go on with everything else for a while."""
    await asyncio.sleep(seconds)
