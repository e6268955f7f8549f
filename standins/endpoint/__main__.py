"""The embedded endpoint: OpenStack Swift's S3 API over TLS on loopback, with key pairs of different rights.

It has two nodes as stores behind a name with several addresses have: two of Swift's proxy servers before one store.
"""

import http.client
import importlib.metadata
import importlib.util
import os
import secrets
import socket
import ssl
import string
import sys
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from pathlib import Path

from restoreproof.standins.certificates import LAB_DOMAIN, LAB_NAMES, Authority
from restoreproof.standins.contract import Children, Settings, StandinError, run, scratch_folder
from restoreproof.standins.endpoint.settings import NODES, SERVERS, KeyPair, Plan, write
from restoreproof.standins.waiting import wait_until

_RIGHTS = {
    "backup": ("list", "put"),
    "restore": ("list", "get"),
    "housekeeping": ("list", "put", "get", "other"),
    "list_only": ("list",),
    "put_only": ("put",),
    "get_only": ("get",),
}
_REGION = "us-east-1"
_WORKERS = 2
_PART_MINIMUM = 5 * 1024 * 1024
_START_SECONDS = 30.0


@contextmanager
def serve(settings: Settings) -> Iterator[Mapping[str, object]]:
    """Run the endpoint; `settings` may name the number of `workers`, `keys` (id and secret by role), `part_minimum`."""
    _require_swift()
    authority = Authority()
    with scratch_folder("endpoint") as folder, Children() as children:
        _require_extended_attributes(folder)
        (folder / "server.pem").touch(mode=0o600)
        (folder / "server.pem").write_text(authority.leaf(*LAB_NAMES).bundle, encoding="ascii")
        keys = tuple(_key_pair(role, settings.get("keys", {}).get(role)) for role in _RIGHTS)
        smallest = max(1, int(settings.get("part_minimum", _PART_MINIMUM)))
        ports = _start(folder, keys, children, int(settings.get("workers", _WORKERS)), smallest)
        for port in ports:
            _wait_until_healthy(port, authority.pem, children)
        yield _ready(ports, authority.pem, keys)


def _require_swift() -> None:
    if sys.platform != "linux":
        raise StandinError("The embedded endpoint runs on Linux only; name a server of your own in a profile instead.")
    if importlib.util.find_spec("swift") is None:
        raise StandinError("The embedded endpoint needs OpenStack Swift; run: pip install 'restoreproof[embedded]'")


def _require_extended_attributes(folder: Path) -> None:
    """Refuse a file system where Swift could not keep its metadata."""
    try:
        os.setxattr(folder, "user.restoreproof", b"1")
    except OSError as error:
        raise StandinError(
            f"The file system of {folder.parent} has no user extended attributes ({error.strerror}); "
            "set TMPDIR to a folder on ext4, xfs or btrfs."
        ) from error


def _key_pair(role: str, given: Mapping[str, str] | None) -> KeyPair:
    """The pair given, or one made up."""
    made = {"id": _random_text(string.ascii_uppercase, 20), "secret": _random_text(string.ascii_letters, 40)}
    pair = given or made
    return KeyPair(role, pair["id"], pair["secret"], _RIGHTS[role])


def _random_text(letters: str, length: int) -> str:
    return "".join(secrets.choice(letters + string.digits) for _ in range(length))


def _start(folder: Path, keys: tuple[KeyPair, ...], children: Children, workers: int, smallest: int) -> tuple[int, ...]:
    """Start the servers on sockets that we have bound: nobody can take a port in between. Returns the nodes' ports."""
    sockets = {name: socket.create_server(("127.0.0.1", 0), backlog=1024) for name in SERVERS}
    for listener in sockets.values():  # as Swift's own sockets: else the second of two small writes waits for an ACK
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    ports = {name: listener.getsockname()[1] for name, listener in sockets.items()}
    write(Plan(folder, ports, keys, _REGION, LAB_DOMAIN, smallest))
    numbers = {name: listener.fileno() for name, listener in sockets.items()}
    server = [sys.executable, "-m", "restoreproof.standins.endpoint.server", str(folder), str(workers)]
    listening = [f"{name}={number}" for name, number in numbers.items()]
    children.spawn([*server, *listening], log=folder / "server.log", pass_fds=list(numbers.values()))
    for listener in sockets.values():
        listener.close()
    return tuple(int(ports[node]) for node in NODES)


def _wait_until_healthy(port: int, ca: str, children: Children) -> None:
    context = ssl.create_default_context(cadata=ca)

    def healthy() -> bool:
        children.check()
        client = http.client.HTTPSConnection("127.0.0.1", port, timeout=5, context=context)
        with suppress(OSError, http.client.HTTPException), closing(client):
            client.request("GET", "/healthcheck")
            return client.getresponse().status == http.HTTPStatus.OK
        return False

    wait_until(healthy, _START_SECONDS, "the start of the embedded endpoint")


def _ready(ports: tuple[int, ...], ca: str, keys: tuple[KeyPair, ...]) -> dict[str, object]:
    return {
        "url": f"https://localhost:{ports[0]}",
        "ca": ca,
        "domain": LAB_DOMAIN,
        "addresses": [f"127.0.0.1:{port}" for port in ports],
        "region": _REGION,
        "bucket": None,
        "keys": {key.role: {"id": key.key_id, "secret": key.secret} for key in keys},
        "software": f"OpenStack Swift {importlib.metadata.version('swift')}",
    }


if __name__ == "__main__":
    run(serve)
