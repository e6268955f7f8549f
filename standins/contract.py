"""What every stand-in is: a process that takes one line, says one line, and cleans up when its parent is gone.

A stand-in module is a function that takes the settings and is a context manager: it yields what the ready line says,
and cleans up when left. `run` does the rest:

    @contextmanager
    def serve(settings: Settings) -> Iterator[Mapping[str, object]]:
        with scratch_folder("echo") as folder, Children() as children:
            port = free_port()
            children.spawn(["echo-server", str(port)], log=folder / "echo.log")
            yield {"url": f"https://localhost:{port}", ...}

    if __name__ == "__main__":
        run(serve)

The parent writes one JSON object and keeps the pipe open; end of input, SIGTERM and SIGINT all mean stop. A SIGKILLed
parent closes the pipe too, so nothing has to be told to end.
"""

import json
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, closing, contextmanager, suppress
from pathlib import Path
from types import FrameType
from typing import Any, Self

from filelock import FileLock, Timeout

from restoreproof.standins.waiting import TimedOut, wait_until

__all__ = [
    "Children",
    "Settings",
    "StandinError",
    "announce",
    "fail",
    "free_port",
    "read_settings",
    "run",
    "scratch_folder",
    "stop_on_end_of_input",
    "sweep",
    "wait_until_stopped",
]

Settings = dict[str, Any]

_LOOPBACK = "127.0.0.1"
_PREFIX = "restoreproof-standin-"
_LOCK = "in-use.lock"
_PORTS = range(15_000, 32_000)  # below the range from which Linux takes the ports of outgoing connections
_REMOVAL_SECONDS = 5.0
_GUARD = "trap '' TERM INT HUP; read -r _; kill -KILL 0"


class StandinError(Exception):
    """The stand-in can't run here; the text is one sentence that names the fix."""


def read_settings() -> Settings:
    """Read the one line of JSON settings from standard input."""
    with open(sys.stdin.fileno(), "rb", buffering=0, closefd=False) as unbuffered:
        line = unbuffered.readline()
    try:
        settings = json.loads(line)
    except ValueError:
        settings = None
    if not isinstance(settings, dict):
        raise StandinError("A stand-in needs one line with a JSON object on standard input; write {} and keep it open.")
    return settings


def announce(ready: Mapping[str, object]) -> None:
    """Say on standard output that the stand-in is ready; our process id is added."""
    _say({**ready, "pid": os.getpid()})


def fail(message: str) -> None:
    """Say on standard output why the stand-in can't run, and exit with 1."""
    _say({"error": " ".join(message.split())})
    sys.exit(1)


def _say(line: Mapping[str, object]) -> None:
    """Write one JSON line; a parent that is gone does not want to know."""
    with suppress(BrokenPipeError):
        sys.stdout.write(json.dumps(line) + "\n")
        sys.stdout.flush()


def stop_on_end_of_input(stop: Callable[[], None]) -> None:
    """Call `stop` from a thread of its own as soon as standard input ends.

    It reads the descriptor, not `sys.stdin`: the interpreter can't shut down beside a thread that waits in there.
    """
    descriptor = sys.stdin.fileno()

    def watch() -> None:
        while os.read(descriptor, 4096):
            pass
        stop()

    threading.Thread(target=watch, name="end of input", daemon=True).start()


def run(serve: Callable[[Settings], AbstractContextManager[Mapping[str, object]]]) -> None:
    """Be a stand-in: settings in, ready line out, wait for the end, leave nothing behind."""
    signal.signal(signal.SIGTERM, _exit_once)
    signal.signal(signal.SIGINT, _exit_once)
    try:
        settings = read_settings()
        stop_on_end_of_input(_stop_self)
        with serve(settings) as ready:
            announce(ready)
            wait_until_stopped()
    except (StandinError, TimedOut) as error:
        _ignore_signals()
        fail(str(error))


def wait_until_stopped() -> None:
    """Block the main thread until a signal ends it.

    The kernel may hand a signal to any thread, and only the main one runs its handler: `signal.pause` would sleep on.
    Python writes a byte to the wake-up socket whichever thread was hit.
    """
    reader, writer = socket.socketpair()
    writer.setblocking(False)
    before = signal.set_wakeup_fd(writer.fileno(), warn_on_full_buffer=False)
    try:
        while True:
            reader.recv(1)
    finally:
        signal.set_wakeup_fd(before)
        reader.close()
        writer.close()


def _stop_self() -> None:
    """End this process in the way that runs every clean-up, from whatever thread."""
    os.kill(os.getpid(), signal.SIGTERM)


def _exit_once(_number: int, _frame: FrameType | None) -> None:
    """Leave by unwinding; a second signal must not cut the clean-up short."""
    _ignore_signals()
    sys.exit(0)


def _ignore_signals() -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    signal.signal(signal.SIGINT, signal.SIG_IGN)


@contextmanager
def scratch_folder(name: str) -> Iterator[Path]:
    """Lend a private folder (mode 0700) that is removed afterwards; folders of killed stand-ins are swept first.

    The folder appears under its final name only when its lock is held, so a sweep never meets one that is being made.
    """
    sweep()
    made = Path(tempfile.mkdtemp(prefix="restoreproof-new-"))
    lock = FileLock(made / _LOCK)
    lock.acquire()
    folder = made.rename(made.with_name(f"{_PREFIX}{name}-{os.getpid()}-{made.name[-8:]}"))
    try:
        yield folder
    finally:
        _remove(folder)
        with suppress(OSError):  # the lock file went with the folder
            lock.release()


def sweep() -> list[Path]:
    """Remove the folders of stand-ins of this user that were killed, and return them; a held lock means in use."""
    candidates = Path(tempfile.gettempdir()).glob(f"{_PREFIX}*")
    return [folder for folder in candidates if _is_ours(folder) and _remove_if_abandoned(folder)]


def _is_ours(folder: Path) -> bool:
    """Tell whether this is a real folder of this user: another user's, or a link, is none of our business."""
    with suppress(OSError):
        return not folder.is_symlink() and folder.is_dir() and folder.stat().st_uid == os.getuid()
    return False


def _remove_if_abandoned(folder: Path) -> bool:
    lock = FileLock(folder / _LOCK)
    try:
        lock.acquire(timeout=0)
    except (Timeout, OSError):
        return False
    _remove(folder)
    with suppress(OSError):
        lock.release()
    return True


def _remove(folder: Path) -> None:
    """Remove a folder into which a process that was just killed may still write its last file."""

    def gone() -> bool:
        shutil.rmtree(folder, ignore_errors=True)
        return not folder.exists()

    with suppress(TimedOut):
        wait_until(gone, _REMOVAL_SECONDS, f"the removal of {folder}")


def free_port() -> int:
    """Find a port of 127.0.0.1 that nothing listens on.

    Someone else may take it before it is used: whoever starts a server on it tries again with another one.
    """
    chooser = random.SystemRandom()
    for _ in range(200):
        port = chooser.choice(_PORTS)
        with closing(socket.socket()) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            with suppress(OSError):
                probe.bind((_LOOPBACK, port))
                return port
    raise StandinError(f"No free port on {_LOOPBACK} between {_PORTS.start} and {_PORTS.stop}; end what listens there.")


class Children:
    """The processes of a stand-in: one process group, which dies with the stand-in however that one ends.

    The group's leader is a shell that waits for the end of a pipe held open by us alone. Should we be SIGKILLed, the
    kernel closes the pipe and the shell kills its whole group, grandchildren included, which no signal on the parent's
    death (PR_SET_PDEATHSIG reaches one generation) would do.
    """

    def __init__(self) -> None:
        self.processes: list[tuple[subprocess.Popen[bytes], Path]] = []
        self._guard = subprocess.Popen(  # noqa: S603 - a constant
            ["/bin/sh", "-c", _GUARD], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, process_group=0
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def spawn(
        self,
        argv: Sequence[str],
        *,
        log: Path,
        env: Mapping[str, str] | None = None,
        pass_fds: Sequence[int] = (),
    ) -> subprocess.Popen[bytes]:
        """Start a process in the group; what it prints goes to `log`, whose stem names it, and it reads nothing.

        `pass_fds` are file descriptors it inherits under the same numbers, such as sockets that already listen.
        """
        with log.open("ab") as output:
            process = subprocess.Popen(  # noqa: S603 - every caller passes a list of its own
                list(argv),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=env,
                pass_fds=pass_fds,
                process_group=self._guard.pid,
            )
        self.processes.append((process, log))
        return process

    def check(self) -> None:
        """Raise `StandinError` with the last lines of its log if a process has ended by itself."""
        for process, log in self.processes:
            if process.poll() is not None:
                raise StandinError(f"{log.stem} ended with {process.returncode}: {_tail(log)}")

    def stop(self, patience: float = 5.0) -> None:
        """Ask the group to end, wait at most `patience` seconds, then kill what is left."""
        if self._guard.poll() is not None:
            return
        os.killpg(self._guard.pid, signal.SIGTERM)
        with suppress(TimedOut):
            wait_until(self._all_ended, patience, "the end of the children")
        os.killpg(self._guard.pid, signal.SIGKILL)
        for process, _ in self.processes:
            process.wait()
        self._guard.communicate()

    def _all_ended(self) -> bool:
        return all(process.poll() is not None for process, _ in self.processes)


def _tail(log: Path, lines: int = 3) -> str:
    """Give the last lines of a log, joined: where a program says why it ended."""
    said = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
    return " / ".join(said[-lines:]) or "it said nothing"
