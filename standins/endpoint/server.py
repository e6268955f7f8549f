"""The embedded endpoint itself: Swift's servers as applications of one process, on sockets that already listen.

Started by the stand-in as `python -m restoreproof.standins.endpoint.server FOLDER WORKERS NAME=FD...`. Swift's own
start scripts would be five processes and more, each with Swift loaded, that leave our process group (setsid) and
fight over ports; its in-process functional tests run the applications in one process as we do here.
"""

import eventlet  # type: ignore[import-untyped]

eventlet.monkey_patch()

import gc  # noqa: E402 - after the patch, like all that follows
import inspect  # noqa: E402
import logging  # noqa: E402
import os  # noqa: E402
import socket  # noqa: E402
import ssl  # noqa: E402
import sys  # noqa: E402
import warnings  # noqa: E402
from functools import cache  # noqa: E402
from pathlib import Path  # noqa: E402
from typing import Any  # noqa: E402

import eventlet.wsgi  # type: ignore[import-untyped]  # noqa: E402
from swift.common import db, utils  # noqa: E402
from swift.common.ring import RingBuilder  # noqa: E402
from swift.common.storage_policy import reload_storage_policies  # noqa: E402
from swift.common.wsgi import SwiftHttpProtocol, loadapp  # noqa: E402
from swift.proxy.controllers.base import Controller  # noqa: E402

import restoreproof.standins.endpoint.remembering  # noqa: E402, F401 - before forking: its memory is partly shared
from restoreproof.standins.endpoint.settings import BACKENDS, DEVICE, NODES  # noqa: E402

__all__ = ["log_to_stderr", "main"]

_PARTITION_POWER = 4
_CONNECTIONS = 1024
_GARBAGE = 50_000
"""Objects after which Python looks for cycles: the 700 that it would wait for are a few requests here."""
_LONGEST_LINE = 65_536


def log_to_stderr(
    _conf: dict[str, str], _name: str, _console: bool, _route: str, _format: str, logger: logging.Logger, _adapted: Any
) -> None:
    """Send Swift's log where the stand-in looks for it; Swift calls this for each of its loggers."""
    logger.addHandler(logging.StreamHandler(sys.stderr))


def main(argv: list[str]) -> None:
    """Serve until a signal ends the process."""
    folder, workers, *listening = argv
    sockets = {name: socket.socket(fileno=int(fd)) for name, _, fd in (item.partition("=") for item in listening)}
    for name in BACKENDS:
        _write_ring(Path(folder), name, sockets[name].getsockname()[1])
    _settle(folder)
    for _ in range(int(workers) - 1):
        if os.fork() == 0:
            break
    _serve(Path(folder), sockets)


def _write_ring(folder: Path, name: str, port: int) -> None:
    """Say where data lives: one copy, on the one device, behind this port."""
    ring = RingBuilder(_PARTITION_POWER, 1, 0)
    address = {"ip": "127.0.0.1", "port": port, "replication_ip": "127.0.0.1", "replication_port": port}
    ring.add_dev({"id": 0, "region": 1, "zone": 1, "device": DEVICE, "weight": 1.0, "meta": "", **address})
    ring.rebalance()
    ring.get_ring().save(str(folder / f"{name}.ring.gz"))


def _settle(folder: str) -> None:
    """Point Swift at our folder instead of the system's, before any application is made."""
    utils.set_swift_dir(folder)
    utils.validate_configuration()
    reload_storage_policies()
    utils.disable_fallocate()
    _forget_durability()
    _look_at_methods_once()
    warnings.filterwarnings("ignore", message="capitalize_response_headers is disabled")


def _sync_nothing(fd: Any) -> None:
    pass


def _forget_durability() -> None:
    """Wait for no disk: what a stand-in holds ends with it, and syncing is half of what Swift's writes take."""
    os.fsync = os.fdatasync = _sync_nothing
    connect = db.get_db_connection

    def connect_unsynced(*args: Any, **options: Any) -> Any:
        connection = connect(*args, **options)
        connection.execute("PRAGMA synchronous = OFF")
        connection.execute("PRAGMA journal_mode = MEMORY")
        return connection

    db.get_db_connection = connect_unsynced


def _look_at_methods_once() -> None:
    """Find out once for each class which methods it offers; Swift does so twice for each request."""

    @cache
    def marked(of: Any, mark: str) -> frozenset[str]:
        return frozenset(name for name, method in inspect.getmembers(of) if getattr(method, mark, False))

    def offered(mark: str) -> property:
        def look(controller: Any) -> frozenset[str]:
            of: Any = type(controller)
            return marked(of, mark)

        return property(look)

    Controller.allowed_methods = offered("publicly_accessible")
    Controller.private_methods = offered("privately_accessible")


def _serve(folder: Path, sockets: dict[str, socket.socket]) -> None:
    """Make the applications, one after the other for their imports' sake, and serve each on its socket."""
    eventlet.hubs.use_hub(utils.get_hub())
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "server.pem")
    secure = {
        name: context.wrap_socket(sockets[name], server_side=True, do_handshake_on_connect=False) for name in NODES
    }
    apps = {name: _load(folder, NODES[0] if name in NODES else name) for name in sockets}
    gc.freeze()  # what was loaded stays
    gc.set_threshold(_GARBAGE)
    served = [eventlet.spawn(_serve_one, app, secure.get(name, sockets[name])) for name, app in apps.items()]
    for server in served:
        server.wait()


def _load(folder: Path, name: str) -> Any:
    return loadapp(str(folder / f"{name}.conf"), global_conf={"log_name": name})


def _serve_one(app: Any, listener: socket.socket) -> None:
    eventlet.wsgi.server(
        listener,
        app,
        logging.getLogger("silent"),
        custom_pool=eventlet.GreenPool(_CONNECTIONS),
        protocol=SwiftHttpProtocol,
        socket_timeout=60,
        log_output=False,
        capitalize_response_headers=False,  # SDKs look for "ETag", not "Etag"
        url_length_limit=_LONGEST_LINE,
    )


if __name__ == "__main__":
    main(sys.argv[1:])
