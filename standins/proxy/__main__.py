"""`python -m restoreproof.standins.proxy`: a TLS reverse proxy before any S3 endpoint, with defects by name."""

from __future__ import annotations

import asyncio
import importlib.util
import logging
import random
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from restoreproof.standins.certificates import Authority
from restoreproof.standins.contract import Settings, StandinError, run, scratch_folder
from restoreproof.standins.proxy.catalogue import chosen
from restoreproof.standins.proxy.context import Context
from restoreproof.standins.proxy.front import Front, server_context, upstream_context
from restoreproof.standins.proxy.passage import Doorman, Passage
from restoreproof.standins.proxy.upstream import Keys, Upstream

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from mitmproxy.master import Master

_LOOPBACK = "127.0.0.1"
_START_SECONDS = 20
_STOP_SECONDS = 5


@contextmanager
def serve(settings: Settings) -> Iterator[Mapping[str, object]]:
    """Stand before `upstream`; see the package's contract for settings and ready line."""
    if importlib.util.find_spec("mitmproxy") is None:
        raise StandinError("The defect proxy needs mitmproxy; run: pip install 'restoreproof[proxy]'")
    context = _context(settings)
    addons = _addons(context, settings.get("defects", []))
    with scratch_folder("proxy") as folder, _running(context, addons, folder) as port:
        url = urlsplit(settings["upstream"]["url"])
        yield {
            "url": url._replace(netloc=f"{_bracketed(context.upstream.host)}:{port}").geturl(),
            "ca": context.front.authority.pem,
            "domain": context.domain,
            "addresses": [_LOOPBACK],
            "region": context.upstream.region,
            "bucket": settings["upstream"].get("bucket"),
            "keys": settings["keys"],
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
    front = Front(Authority(), tuple(dict.fromkeys((upstream.host, *wildcards, _LOOPBACK))))
    return Context(upstream, keys, domain, front, random.Random(settings.get("seed", 0)))  # noqa: S311 - repeatable


def _addons(context: Context, names: Sequence[str]) -> list[object]:
    """Make the add-ons of the named defects, and let them alter the face before it is shown."""
    try:
        defects = chosen(names)
    except LookupError as error:
        raise StandinError(str(error.args[0])) from None
    addons = [defect.addon(context) for defect in defects]
    for defect, addon in zip(defects, addons, strict=True):
        addon.name = defect.name  # type: ignore[attr-defined]  # mitmproxy wants a name of its own for each
        if hasattr(addon, "face"):
            addon.face(context.front)
    return [context.uploads, *addons] if addons else []


@contextmanager
def _running(context: Context, addons: Sequence[object], folder: Path) -> Iterator[int]:
    """Run mitmproxy in a thread of its own, since signals and clean-up belong to the main one; yield the port."""
    _only_errors_are_logged()
    ca = folder / "upstream.pem"
    if context.upstream.ca:
        ca.write_text(context.upstream.ca, encoding="utf-8")
    doorman = Doorman(
        server_context(context.front, folder),
        upstream_context(context.upstream.host, ca if context.upstream.ca else None),
        context.upstream.host,
        context.front.answers_plain_http,
        lambda: None,
    )
    proxy = _Proxy(context.upstream, [doorman, *addons, Passage()])
    doorman.when_ready = proxy.ready.set
    proxy.start()
    try:
        yield proxy.wait_for_port()
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

    def wait_for_port(self) -> int:
        """Return the port that clients connect to."""
        if not self.ready.wait(_START_SECONDS) or self._failure:
            raise StandinError(f"The proxy could not start: {self._failure or 'it did not open its port in time'}.")
        addresses = self._addresses()
        if not addresses:  # mitmproxy logs why and runs on
            raise StandinError("The proxy could not open a port; the reason stands above.")
        return int(addresses[0][1])

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

        where = f"{_bracketed(self._upstream.address)}:{self._upstream.port}"
        options = Options(mode=[f"reverse:https://{where}"], listen_host=_LOOPBACK, listen_port=0)
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
