"""A pytest plugin that writes down every request of a run, bodies included, so that `limit.py` can send them again.

Loaded with `-p recording`; the file's name comes from RESTOREPROOF_RECORDING. With RESTOREPROOF_TIMES_ONLY no body and
no answer is kept, for whatever is kept has to be given memory of its own, which takes time that is not the run's.
"""

from __future__ import annotations

import os
import pickle
import time
from pathlib import Path
from threading import Event, get_ident
from typing import TYPE_CHECKING, Any

import pytest

from restoreproof.fixtures import staging, waiting
from restoreproof.fixtures.transport import Transport

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

KEPT_ANSWER = 64 * 1024
TIMES_ONLY = "RESTOREPROOF_TIMES_ONLY" in os.environ

requests: list[dict[str, Any]] = []
bodies: dict[int, bytes] = {}
checking = [False]
probing = [False]
cpu: list[float] = []
waits: list[float] = []


def _recording(send: Callable[..., Any]) -> Callable[..., Any]:
    def recorded(self: Transport, method: str, url: str, headers: Any, body: bytes, *more: Any, **options: Any) -> Any:
        cpu.append(time.process_time())
        entry = {
            "method": method,
            "url": url,
            "headers": dict(headers),
            "body": id(body),
            "place": self.endpoint.place_of(""),
            "thread": get_ident(),
            "check": checking[0],
            "probe": probing[0],
            "began": time.perf_counter(),
            "answer": b"",
        }
        requests.append(entry)
        if not TIMES_ONLY:
            bodies[id(body)] = body  # kept, so that no other body gets its id
        try:
            received = send(self, method, url, headers, body, *more, **options)
            if not TIMES_ONLY:
                entry["answer"] = received.body[:KEPT_ANSWER]
        finally:
            entry["ended"] = time.perf_counter()
            cpu.append(time.process_time())
        return received

    return recorded


class _Clock:
    """What `waiting` has of the time module, with every wait of a check counted."""

    monotonic = staticmethod(time.monotonic)

    @staticmethod
    def sleep(seconds: float) -> None:
        Event().wait(seconds)
        if checking[0]:
            waits.append(seconds)


def pytest_configure() -> None:
    """Look over the transport's shoulder, and count what checks wait for on purpose."""
    Transport.send = _recording(Transport.send)  # type: ignore[method-assign]
    waiting.time = _Clock  # type: ignore[assignment]
    staging.probe = _trying(staging.probe)


def _trying(probe: Callable[..., Any]) -> Callable[..., Any]:
    """Tell what a run finds out beside its checks from housekeeping, too."""

    def tried(*arguments: Any) -> Any:
        probing[0] = True
        try:
            return probe(*arguments)
        finally:
            probing[0] = False

    return tried


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol() -> Generator[None, Any, Any]:
    """Tell requests of checks from those of housekeeping."""
    checking[0] = True
    try:
        return (yield)
    finally:
        checking[0] = False


@pytest.hookimpl(trylast=True)
def pytest_unconfigure() -> None:
    """Write it all down."""
    file = Path(os.environ["RESTOREPROOF_RECORDING"])
    file.touch(mode=0o600)
    used = {"cpu": cpu[-1] - cpu[0] if cpu else 0.0, "waited": sum(waits)}
    file.write_bytes(pickle.dumps({"requests": requests, "bodies": bodies, **used}))
