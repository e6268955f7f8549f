"""`python -m restoreproof.standins.proxy`: a TLS reverse proxy before any S3 endpoint, with defects by name."""

from __future__ import annotations

import asyncio
import importlib.util
import logging
import random
import threading
from contextlib import contextmanager
from copy import copy
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from restoreproof.standins.certificates import Authority
from restoreproof.standins.contract import Settings, StandinError, run, scratch_folder
from restoreproof.standins.proxy.catalogue import chosen
from restoreproof.standins.proxy.census import Census
from restoreproof.standins.proxy.context import Context
from restoreproof.standins.proxy.faults import Faults
from restoreproof.standins.proxy.front import Front, address_of, node_at, server_context, upstream_context
from restoreproof.standins.proxy.passage import Doorman, Passage
from restoreproof.standins.proxy.upstream import Keys, Upstream

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from mitmproxy.master import Master

_START_SECONDS = 20
_STOP_SECONDS = 5


@contextmanager
def serve(settings: Settings) -> Iterator[Mapping[str, object]]:
    """Stand before `upstream`; see the package's contract for settings and ready line."""
    if importlib.util.find_spec("mitmproxy") is None:
        raise StandinError("The defect proxy needs mitmproxy; run: pip install 'restoreproof[proxy]'")
    context = _context(settings)
    addons = _addons(context, settings.get("defects", []))
    if "census" in settings:
        addons = [Faults(context), *addons, Census(context, Path(settings["census"]))]
    with scratch_folder("proxy") as folder, _running(context, addons, folder) as places:
        url = urlsplit(settings["upstream"]["url"])
        yield {
            "url": url._replace(
                netloc=f"{_bracketed(context.front.host or context.upstream.host)}:{places[0][1]}"
            ).geturl(),
            "ca": context.front.authority.pem,
            "domain": context.domain,
            "addresses": [f"{address}:{port}" for address, port in places],
            "region": context.upstream.region,
            "bucket": settings["upstream"].get("bucket"),
            "keys": {role: {"id": key_id, "secret": secret} for role, (key_id, secret) in context.issued.items()},
            "software": "RestoreProof proxy",
        }


def _context(settings: Settings) -> Context:
    try:
        keys: Keys = {role: (pair["id"], pair["secret"]) for role, pair in settings["keys"].items()}
        upstream = Upstream.read(settings["upstream"], keys)
    except (KeyError, TypeError, ValueError) as error:
        raise StandinError(
            f"The proxy needs `upstream` (url, region) and `keys` (id, secret by role): {error}"
        ) from None
    domain = settings["upstream"].get("domain") or None
    wildcards = (domain, f"*.{domain}") if domain else ()
    front = Front(Authority(), tuple(dict.fromkeys((upstream.host, *wildcards, address_of(0)))))
    return Context(upstream, keys, domain, front, random.Random(settings.get("seed", 0)))  # noqa: S311 - repeatable


def _addons(context: Context, names: Sequence[str]) -> list[object]:
    """Make the add-ons of the named defects, and let them say which keys are issued."""
    try:
        defects = chosen(names)
    except LookupError as error:
        raise StandinError(str(error.args[0])) from None
    addons = [defect.addon(context) for defect in defects]
    for defect, addon in zip(defects, addons, strict=True):
        addon.name = defect.name  # type: ignore[attr-defined]  # mitmproxy wants a name of its own for each
        if hasattr(addon, "issue_keys"):
            addon.issue_keys()
    return [context.uploads, *addons] if addons else []


def _fronts(context: Context, addons: Sequence[object]) -> list[Front]:
    """Let the add-ons alter the face before it is shown, all nodes' or that of all but the first."""
    for addon in addons:
        if hasattr(addon, "face"):
            addon.face(context.front)
    fronts = [copy(context.front) for _ in context.upstream.nodes]
    for addon in addons:
        if hasattr(addon, "face_others"):
            addon.face_others(fronts[1:])
    return fronts


@contextmanager
def _running(context: Context, addons: Sequence[object], folder: Path) -> Iterator[Sequence[tuple[str, int]]]:
    """Run mitmproxy in a thread of its own, since signals and clean-up belong to the main one; yield where it listens.

    There is one listener for each node of the store, and it leads to that node.
    """
    _only_errors_are_logged()
    ca = folder / "upstream.pem"
    if context.upstream.ca:
        ca.write_text(context.upstream.ca, encoding="utf-8")
    fronts = _fronts(context, addons)
    doorman = Doorman(
        fronts,
        [server_context(front, folder) for front in fronts],
        upstream_context(context.upstream.host, ca if context.upstream.ca else None),
        context.upstream.host,
        lambda: None,
    )
    proxy = _Proxy(context.upstream, [doorman, *addons, Passage()])
    doorman.when_ready = proxy.ready.set
    proxy.start()
    try:
        yield proxy.wait_for_ports()
    finally:
        proxy.stop()


class _Proxy:
    """mitmproxy with the few of its add-ons that a reverse proxy needs; it writes no file and keeps no flow."""

    def __init__(self, upstream: Upstream, addons: Sequence[object]) -> None:
        self.ready = threading.Event()
        self._upstream = upstream
        self._addons = addons
        self._master: Master | None = None
        self._addresses: Callable[[], Sequence[tuple[Any, ...]]] = list
        self._failure: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="mitmproxy", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def wait_for_ports(self) -> list[tuple[str, int]]:
        """Return address and port of each node, the first node first."""
        if not self.ready.wait(_START_SECONDS) or self._failure:
            raise StandinError(f"The proxy could not start: {self._failure or 'it did not open its port in time'}.")
        places = sorted({(str(place[0]), int(place[1])) for place in self._addresses()}, key=node_at)
        if len(places) < len(self._upstream.nodes):  # mitmproxy logs why and runs on
            raise StandinError("The proxy could not open a port; the reason stands above.")
        return places

    def stop(self) -> None:
        logging.getLogger("asyncio").setLevel(logging.CRITICAL)  # it reports clients that are still there as errors
        if self._master:
            self._master.shutdown()  # type: ignore[no-untyped-call]
        self._thread.join(_STOP_SECONDS)  # a connection that won't end goes with the process

    def _run(self) -> None:
        try:
            asyncio.run(self._serve())
        except BaseException as failure:  # noqa: BLE001 - told to the main thread, which raises
            self._failure = failure
        self.ready.set()

    async def _serve(self) -> None:
        from mitmproxy.addons import core, next_layer, proxyserver  # noqa: PLC0415 - half a second, and it may be absent
        from mitmproxy.master import Master  # noqa: PLC0415
        from mitmproxy.options import Options  # noqa: PLC0415

        nodes = enumerate(self._upstream.nodes)
        modes = [f"reverse:https://{_bracketed(host)}:{port}@{address_of(node)}:0" for node, (host, port) in nodes]
        options = Options(mode=modes)
        self._master = Master(options)
        listener = proxyserver.Proxyserver()  # type: ignore[no-untyped-call]
        self._addresses = listener.listen_addrs
        self._master.addons.add(core.Core(), listener, next_layer.NextLayer(), *self._addons)  # type: ignore[no-untyped-call]
        options.update(  # type: ignore[no-untyped-call]
            connection_strategy="lazy",
            keep_host_header=True,
            validate_inbound_headers=False,
            http2=False,
            rawtcp=False,
            websocket=False,
        )
        await self._master.run()


def _only_errors_are_logged() -> None:
    """Send mitmproxy's errors to standard error and nothing else anywhere."""
    logging.basicConfig(level=logging.ERROR, format="%(levelname)s: %(message)s")


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host


if __name__ == "__main__":
    run(serve)
