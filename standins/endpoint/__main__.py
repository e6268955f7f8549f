"""The embedded endpoint: OpenStack Swift's S3 API over TLS on loopback, with three key pairs of different rights."""

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
from restoreproof.standins.endpoint.settings import SERVERS, KeyPair, Plan, write
from restoreproof.standins.waiting import wait_until

_RIGHTS = {"backup": ("list", "put"), "restore": ("list", "get"), "housekeeping": ("list", "put", "get", "other")}
_REGION = "us-east-1"
_WORKERS = 2
_START_SECONDS = 30.0


@contextmanager
def serve(settings: Settings) -> Iterator[Mapping[str, object]]:
    """Run the endpoint; `settings` may name the number of `workers`."""
    _require_swift()
    authority = Authority()
    with scratch_folder("endpoint") as folder, Children() as children:
        _require_extended_attributes(folder)
        (folder / "server.pem").touch(mode=0o600)
        (folder / "server.pem").write_text(authority.leaf(*LAB_NAMES).bundle, encoding="ascii")
        keys = tuple(_key_pair(role) for role in _RIGHTS)
        port = _start(folder, keys, children, int(settings.get("workers", _WORKERS)))
        _wait_until_healthy(port, authority.pem, children)
        yield _ready(port, authority.pem, keys)


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


def _key_pair(role: str) -> KeyPair:
    return KeyPair(
        role, _random_text(string.ascii_uppercase, 20), _random_text(string.ascii_letters, 40), _RIGHTS[role]
    )


def _random_text(letters: str, length: int) -> str:
    return "".join(secrets.choice(letters + string.digits) for _ in range(length))


def _start(folder: Path, keys: tuple[KeyPair, ...], children: Children, workers: int) -> int:
    """Start the servers on sockets that we have bound: nobody can take a port in between. Returns the S3 port."""
    sockets = {name: socket.create_server(("127.0.0.1", 0), backlog=1024) for name in SERVERS}
    ports = {name: listener.getsockname()[1] for name, listener in sockets.items()}
    write(Plan(folder, ports, keys, _REGION, LAB_DOMAIN))
    numbers = {name: listener.fileno() for name, listener in sockets.items()}
    server = [sys.executable, "-m", "restoreproof.standins.endpoint.server", str(folder), str(workers)]
    listening = [f"{name}={number}" for name, number in numbers.items()]
    children.spawn([*server, *listening], log=folder / "server.log", pass_fds=list(numbers.values()))
    for listener in sockets.values():
        listener.close()
    return int(ports["proxy"])


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


def _ready(port: int, ca: str, keys: tuple[KeyPair, ...]) -> dict[str, object]:
    return {
        "url": f"https://localhost:{port}",
        "ca": ca,
        "domain": LAB_DOMAIN,
        "addresses": ["127.0.0.1"],
        "region": _REGION,
        "bucket": None,
        "keys": {key.role: {"id": key.key_id, "secret": key.secret} for key in keys},
        "software": f"OpenStack Swift {importlib.metadata.version('swift')}",
    }


if __name__ == "__main__":
    run(serve)
