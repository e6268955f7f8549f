"""A local S3 server behind its start-up hook: files and ports before, a ready line when it answers, nothing left after.

The hook is a program that runs the server in the foreground. It finds in its environment: S3_HOST S3_PORT S3_DOMAIN
S3_REGION (where to serve), S3_SECOND_PORT (for a second node, if it has one), S3_SPARE_PORT (if it needs another one),
S3_DATA (an empty private folder), S3_CERT S3_KEY S3_BUNDLE S3_CA (PEM files: chain, key, both, authority), S3_BUCKET
(the bucket to make, if it can), per role BACKUP, RESTORE and HOUSEKEEPING an S3_<ROLE>_KEY_ID and S3_<ROLE>_SECRET,
and the same for LIST_ONLY, PUT_ONLY and GET_ONLY, which a server may leave out.
Everything it starts stays in its process group and is killed with it.

A hook with work to do after the server answers creates S3_READY as an empty file first and fills it (by renaming) when
done, with a JSON object: `bucket` that exists, `keys` that are real (housekeeping alone serves all roles), `software`,
`release` (dotted numbers, as the program says itself), `host` if it does not go by the name localhost, `region`,
`second_node` if one answers at S3_SECOND_PORT.
"""

import http.client
import json
import os
import secrets
import socket
import ssl
import string
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any

from restoreproof.standins.certificates import LAB_DOMAIN, LAB_NAMES, Authority
from restoreproof.standins.contract import Children, Settings, StandinError, free_port, run, scratch_folder
from restoreproof.standins.waiting import wait_until

_HOST = "127.0.0.1"
_REGION = "us-east-1"
_BUCKET = "sqlbackups"
_ROLES = ("backup", "restore", "housekeeping")
_NARROW_ROLES = ("list_only", "put_only", "get_only")
_START_SECONDS = 120.0
_TRIES = 3
_PORTS = 3
# What a program needs to be found and to run; proxies, CA files and key pairs of this machine are not for the server.
_PASSED_ON = ("PATH", "HOME", "USER", "LOGNAME", "LANG", "LC_ALL", "TMPDIR", "XDG_CACHE_HOME", "VIRTUAL_ENV")

_KeyPair = dict[str, str]


@contextmanager
def serve(settings: Settings) -> Iterator[Mapping[str, object]]:
    """Run the server behind the hook that `settings` name as `program`."""
    hook = _hook(settings)
    authority = Authority()
    keys = {role: {"id": _random_text(20).upper(), "secret": _random_text(40)} for role in (*_ROLES, *_NARROW_ROLES)}
    for attempt in range(1, _TRIES + 1):
        with scratch_folder("program") as folder, Children() as children:
            ports = _free_ports()
            environment = _environment(folder, ports, keys, authority)
            children.spawn(_command(hook), log=folder / f"{hook.stem}.log", env=environment)
            try:
                told = _wait_until_ready(folder, ports[0], authority.pem, children)
            except StandinError:
                if attempt < _TRIES and any(map(_is_taken, ports)):
                    continue  # someone else took a port first
                raise
            yield _ready(hook, ports, authority.pem, keys, told)
            return


def _free_ports() -> tuple[int, ...]:
    """Find a port for the server, one for a second node and one to spare."""
    ports: dict[int, None] = {}
    while len(ports) < _PORTS:
        ports[free_port()] = None
    return tuple(ports)


def _hook(settings: Settings) -> Path:
    hook = Path(str(settings.get("program", "")))
    if not hook.is_absolute() or not hook.is_file():
        raise StandinError(f"There is no start-up hook {str(hook)!r}; name an existing file by its full path.")
    return hook


def _command(hook: Path) -> list[str]:
    """Run shell scripts by their shell: an installed wheel does not keep the permission to execute."""
    return ["bash", str(hook)] if hook.suffix == ".sh" else [str(hook)]


def _environment(
    folder: Path, ports: tuple[int, ...], keys: dict[str, _KeyPair], authority: Authority
) -> dict[str, str]:
    """Write the files a server needs and give the environment that names them."""
    leaf = authority.leaf(*LAB_NAMES)
    files = {"CERT": leaf.chain, "KEY": leaf.key, "BUNDLE": leaf.bundle, "CA": authority.pem}
    for name, text in files.items():
        (folder / f"{name.lower()}.pem").touch(mode=0o600)
        (folder / f"{name.lower()}.pem").write_text(text, encoding="ascii")
    (folder / "data").mkdir()
    where = {"HOST": _HOST, "DOMAIN": LAB_DOMAIN, "REGION": _REGION, "BUCKET": _BUCKET}
    where |= dict(zip(("PORT", "SECOND_PORT", "SPARE_PORT"), map(str, ports), strict=True))
    paths = {name: str(folder / f"{name.lower()}.pem") for name in files}
    pairs = {f"{role.upper()}_KEY_ID": pair["id"] for role, pair in keys.items()}
    pairs |= {f"{role.upper()}_SECRET": pair["secret"] for role, pair in keys.items()}
    own = {**where, **paths, **pairs, "DATA": str(folder / "data"), "READY": str(folder / "ready.json")}
    passed_on = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
    return {**passed_on, **{f"S3_{name}": value for name, value in own.items()}}


def _random_text(length: int) -> str:
    return "".join(secrets.choice(string.ascii_letters + string.digits) for _ in range(length))


def _wait_until_ready(folder: Path, port: int, ca: str, children: Children) -> dict[str, Any]:
    """Wait for an HTTP answer over TLS and for the hook's own word, and return that."""
    context = ssl.create_default_context(cadata=ca)

    def told() -> dict[str, Any] | None:
        children.check()
        return _told_by(folder / "ready.json") if _answers(port, context) else None

    return wait_until(told, _START_SECONDS, "an HTTPS answer of the program")


def _answers(port: int, context: ssl.SSLContext) -> bool:
    client = http.client.HTTPSConnection(_HOST, port, timeout=5, context=context)
    with suppress(OSError, http.client.HTTPException), closing(client):
        client.request("GET", "/")
        return client.getresponse().status > 0
    return False


def _told_by(ready: Path) -> dict[str, Any] | None:
    """Read what the hook says; a hook that says nothing serves one key pair, and an empty file means not yet."""
    with suppress(FileNotFoundError):
        text = ready.read_text(encoding="utf-8")
        return dict(json.loads(text)) if text.strip() else None
    return {"keys": ["housekeeping"]}


def _is_taken(port: int) -> bool:
    with closing(socket.socket()) as probe:
        return probe.connect_ex((_HOST, port)) == 0


def _ready(
    hook: Path, ports: tuple[int, ...], ca: str, keys: dict[str, _KeyPair], told: Mapping[str, Any]
) -> dict[str, object]:
    real = told.get("keys", _ROLES)
    return {
        "url": f"https://{told.get('host', 'localhost')}:{ports[0]}",
        "ca": ca,
        "domain": LAB_DOMAIN,
        "addresses": [f"{_HOST}:{port}" for port in ports[: 2 if told.get("second_node") else 1]],
        "region": told.get("region", _REGION),
        "bucket": told.get("bucket"),
        "keys": {
            **{role: keys[role if role in real else "housekeeping"] for role in _ROLES},
            **{role: keys[role] for role in _NARROW_ROLES if role in real},
        },
        "software": told.get("software", hook.stem),
        "release": told.get("release", ""),
        "usage": told.get("usage", []),
    }


if __name__ == "__main__":
    run(serve)
