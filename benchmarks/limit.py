"""How near the suites come to what the server allows: a run, and its requests again from a bare keep-alive client.

    python benchmarks/limit.py [--provider NAME ...] [--rounds N] [--output FILE.json]

The server is started once. In each round the suites run in one process against it, once to be timed and once to be
written down; then the bare client (no pytest, no requests, no boto3) sends the same requests with the same bodies in
the same order, hashed and signed anew, upload ids mapped; what the suites sent at the same time, it sends at the same
time. Both are timed from their first request to their last.
"""

from __future__ import annotations

import argparse
import hashlib
import http.client
import json
import os
import pickle
import re
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit

from restoreproof.fixtures.endpoints.starting import start_endpoint
from restoreproof.fixtures.housekeeper import housekeeper_of
from restoreproof.fixtures.transport import trust
from restoreproof.providers.profile import load_profile
from restoreproof.reports.reader import read_run
from restoreproof.reports.register import load_register
from restoreproof.standins.proxy.upstream import stamp_now
from restoreproof.standins.signature import Authorization, Signable, authorization, scope_of, signature

if TYPE_CHECKING:
    import ssl
    from collections.abc import Iterator, Mapping, Sequence

    from restoreproof.fixtures.endpoints import Endpoint
    from restoreproof.reports.record import Record

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent / "selftests"))
from defective_runs import environment, write_profile  # noqa: E402 - how the self-tests name a running endpoint

BUCKET = "restoreproof-limit"
UPLOAD_ID = re.compile(rb"<UploadId>([^<]+)</UploadId>")


def main() -> None:
    """Run and replay in turn, and print the ratio."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--provider", action="append", help="server to start (embedded)")
    parser.add_argument("--rounds", type=int, default=3, help="runs and replays (3)")
    parser.add_argument("--output", type=Path, help="write the figures here, too")
    args = parser.parse_args()
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # Python keeps what it compiled, if it isn't told otherwise
    figures = {name: measured(name, args.rounds) for name in args.provider or ("embedded",)}
    for name, rounds in figures.items():
        report(name, rounds)
    if args.output:
        args.output.write_text(json.dumps(figures, indent=1), encoding="utf-8")


def measured(provider: str, rounds: int) -> list[dict[str, float]]:
    """The figures of each round."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="restoreproof-limit-")))
        profile = load_profile(provider, os.environ, load_register().requirements)
        endpoint = start_endpoint(profile, (), stack)
        if not endpoint.bucket:
            housekeeper_of(endpoint, profile.capabilities, stack).make_bucket(BUCKET)
            endpoint = endpoint.with_bucket(BUCKET)
        return [one_round(provider, endpoint, folder) for _ in range(rounds)]


def one_round(provider: str, endpoint: Endpoint, folder: Path) -> dict[str, float]:
    """A run that is timed, one that is written down, and that one's replay."""
    timed, records = run_suites(provider, endpoint, folder, RESTOREPROOF_TIMES_ONLY="yes")
    recording, _ = run_suites(provider, endpoint, folder)
    sent = [entry for entry in timed["requests"] if entry["check"]]
    again = [entry for entry in recording["requests"] if entry["check"]]
    return {
        "suite": max(entry["ended"] for entry in sent) - min(entry["began"] for entry in sent),
        "replay": Replay(endpoint, recording["bodies"]).play(again) * len(sent) / len(again),
        "requests": len(sent),
        "probes": sum(entry["probe"] for entry in timed["requests"]),
        "housekeeping": sum(not (entry["check"] or entry["probe"]) for entry in timed["requests"]),
        "checks": sum(record.requests > 0 for record in records),
        "cpu": timed["cpu"],
        "apart": timed["waited"] + sum(record.seconds for record in records if not record.requests),
    }


def run_suites(
    provider: str, endpoint: Endpoint, folder: Path, **variables: str
) -> tuple[dict[str, Any], Sequence[Record]]:
    """What `recording` has seen of one run, and the records of its checks."""
    file = folder / "recording"
    profile = write_profile(folder, endpoint, provider, endpoint.bucket)
    reports = tempfile.mkdtemp(dir=folder)
    words = [sys.executable, "-m", "restoreproof.commands.main", "certify", "--engine", "none"]
    words += ["--provider", str(profile)]
    words += ["--require", "as-declared", "--report-dir", reports, "-p", "recording"]
    told = {"RESTOREPROOF_RECORDING": str(file), "PYTHONPATH": str(HERE), **variables}
    env = {**environment(folder, endpoint), **told}
    subprocess.run(words, env=env, cwd=folder, stdout=subprocess.DEVNULL, check=False)
    recording: dict[str, Any] = pickle.loads(file.read_bytes())
    file.unlink()
    return recording, read_run(next(Path(reports).glob("*/*/run.jsonl"))).records


class Replay:
    """Sends requests again, each place with a connection of its own for each thread."""

    def __init__(self, endpoint: Endpoint, bodies: Mapping[int, bytes]) -> None:
        self.endpoint, self.bodies = endpoint, bodies
        self.context = trust(endpoint.ca)
        self.pairs = {pair.id.reveal(): pair.secret.reveal() for pair in endpoint.keys.values()}
        self.ids: dict[str, str] = {}
        self.local = threading.local()

    def play(self, entries: list[dict[str, Any]]) -> float:
        """Send them all; the seconds from the first to the last answer."""
        for entry in entries:
            entry["signed"], entry["hashed"] = self.how_signed(entry)
        with ThreadPoolExecutor(64) as pool:
            began = time.perf_counter()
            for batch in batches(entries):
                if len(batch) == 1:
                    self.send(batch[0])
                else:
                    list(pool.map(self.send, batch))
            return time.perf_counter() - began

    def send(self, entry: dict[str, Any]) -> None:
        """Send one request and read its answer."""
        body, parts = self.bodies[entry["body"]], urlsplit(entry["url"])
        query = self.mapped(parts.query)
        headers = {**entry["headers"], "Content-Length": str(len(body))}
        self.sign(entry, parts.path, query, headers, body)
        target = parts.path + (f"?{query}" if query else "")
        answer = self.exchange(entry, target, headers, body)
        old, new = UPLOAD_ID.search(entry["answer"]), UPLOAD_ID.search(answer)
        if old and new and "uploads" in parts.query:
            self.ids[old[1].decode()] = new[1].decode()

    def mapped(self, query: str) -> str:
        """The query with the upload ids of this replay."""
        pairs = (pair.partition("=") for pair in query.split("&") if pair)
        return "&".join(
            f"{name}={quote(self.ids.get(value, value), safe='-_.~%') if name == 'uploadId' else value}"
            for name, _, value in pairs
        )

    def how_signed(self, entry: dict[str, Any]) -> tuple[Authorization | None, bool]:
        """What was rightly signed, which alone is signed anew, and whether its body was hashed for that."""
        lower = {name.lower(): text for name, text in entry["headers"].items()}
        parts, said = urlsplit(entry["url"]), Authorization.read(lower.get("authorization", ""))
        secret = self.pairs.get(said.key_id) if said else None
        old = Signable(entry["method"], parts.path, parts.query, lower)
        if said is None or secret is None or signature(old, said.names, said.scope, secret) != said.signature:
            return None, False
        return said, lower.get("x-amz-content-sha256") == hashlib.sha256(self.bodies[entry["body"]]).hexdigest()

    def sign(self, entry: dict[str, Any], path: str, query: str, headers: dict[str, str], body: bytes) -> None:
        """Sign anew what was rightly signed; what was forged stays as it is."""
        said: Authorization | None = entry["signed"]
        if said is None:
            return
        headers.update({name: stamp_now() for name in headers if name.lower() == "x-amz-date"})
        lower = {name.lower(): text for name, text in headers.items()}
        if entry["hashed"]:
            lower["x-amz-content-sha256"] = hashlib.sha256(body).hexdigest()
        fresh = Signable(entry["method"], path, query, lower)
        scope = scope_of(lower["x-amz-date"], self.endpoint.region)
        headers["Authorization"] = authorization(fresh, said.names, scope, (said.key_id, self.pairs[said.key_id]))

    def exchange(self, entry: dict[str, Any], target: str, headers: dict[str, str], body: bytes) -> bytes:
        """One request over this thread's connection; a broken one is opened again once."""
        host = urlsplit(entry["url"]).hostname or ""
        for _ in range(2):
            connection = self.connection(entry["place"], host)
            try:
                connection.putrequest(entry["method"], target, skip_host=True, skip_accept_encoding=True)
                for name, text in headers.items():
                    connection.putheader(name, text)
                connection.endheaders(body)
                return connection.getresponse().read()
            except (OSError, http.client.HTTPException):
                connection.close()
        return b""

    def connection(self, place: tuple[str, int], host: str) -> http.client.HTTPSConnection:
        """The calling thread's connection to one place under one name."""
        known = self.local.__dict__.setdefault("known", {})
        if (place, host) not in known:
            known[place, host] = _Connection(place, host, self.context)
        connection: http.client.HTTPSConnection = known[place, host]
        return connection


class _Connection(http.client.HTTPSConnection):
    """Goes to one address and asks for another name."""

    def __init__(self, place: tuple[str, int], name: str, context: ssl.SSLContext) -> None:
        super().__init__(place[0], place[1], context=context, timeout=60)
        self._name = name

    def connect(self) -> None:
        """Connect, and shake hands under the other name."""
        http.client.HTTPConnection.connect(self)
        self.sock = self._context.wrap_socket(self.sock, server_hostname=self._name)  # type: ignore[attr-defined]


def batches(entries: list[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    """Requests in the order in which they began, those together that were under way at the same time."""
    batch: list[dict[str, Any]] = []
    ends = 0.0
    for entry in sorted(entries, key=lambda entry: entry["began"]):
        if batch and entry["began"] >= ends:
            yield batch
            batch = []
        ends = max(ends, entry["ended"]) if batch else entry["ended"]
        batch.append(entry)
    if batch:
        yield batch


def ratio(rounds: list[dict[str, float]], *, alike: bool = False) -> float:
    """The suites' time over the bare client's; or without what that does not repeat: waits, and bare handshakes."""
    return statistics.median((found["suite"] - alike * found["apart"]) / found["replay"] for found in rounds)


def report(provider: str, rounds: list[dict[str, float]]) -> None:
    """Print one server's figures."""
    middle = {name: statistics.median(found[name] for found in rounds) for name in rounds[0]}
    per_check = middle["requests"] / middle["checks"]
    print(f"{provider}: the suites take {middle['suite']:.1f} s, the bare client {middle['replay']:.1f} s")
    apart = f"without the {middle['apart']:.1f} s of waits on purpose and of checks that send no request"
    print(f"  ratio {ratio(rounds):.2f}; {apart} {ratio(rounds, alike=True):.2f}")
    print(
        f"  {middle['checks'] / middle['suite']:.1f} checks and {middle['requests'] / middle['suite']:.0f} requests/s"
    )
    print(f"  {per_check:.1f} requests and {middle['cpu'] / middle['checks']:.3f} CPU s of the client per check")
    every = middle["housekeeping"] + middle["probes"] + middle["requests"]
    print(
        f"  housekeeping: {middle['housekeeping'] / every:.1%} of all requests, probes: {middle['probes'] / every:.1%}"
    )


if __name__ == "__main__":
    main()
