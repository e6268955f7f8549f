"""How fast the stand-in backs up and restores, beside the suites' own client, and how long a rehearsal takes.

    python benchmarks/round_trips.py [--provider NAME ...] [--mib N] [--rounds N] [--output FILE.json]
    python benchmarks/round_trips.py --provider embedded --mib 256 --rounds 1 --no-rehearsal  # a minute or two

Server, stand-in and client take turns: in each round the client of the suites uploads and reads a file
over 4 connections, then the stand-in backs up and restores a database of the same size to 4 URLs. Prints both rates
of every round, and the stand-in's over the client's (0.5 is asked for), and its peak memory beside its bound: stripes x
BUFFERCOUNT x MAXTRANSFERSIZE and 100 MiB. Last, a rehearsal of all checks on the embedded endpoint with two workers
(90 s are asked for).

Whoever's turn it is finds nothing left for the disk to write, and takes the file that it read last away right before
it writes the next: a virtual machine's memory that nobody used for a while is several times slower to write to.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack, closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

from traffic import BUCKET, MIB, make_file, played, started

from restoreproof.fixtures.endpoints import Endpoint
from restoreproof.fixtures.engines.connection import Connection
from restoreproof.fixtures.engines.driver import find_driver
from restoreproof.fixtures.engines.standin import start_standin
from restoreproof.fixtures.engines.tsql import create_credential

if TYPE_CHECKING:
    from collections.abc import Callable

STRIPES, BUFFERS, TRANSFER = 4, 4, 10 * MIB
BOUND = STRIPES * BUFFERS * TRANSFER // MIB + 100
HASHED = "restoreproof hashed"
NAMES = {"up": "backup", "down": "restore"}
ROW = 8000
LONG = 900.0


def main() -> None:
    """Measure, and print the ratios."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--provider", action="append", help="server to start (embedded and minio)")
    parser.add_argument("--mib", type=int, default=1024, help="size of the database (1024)")
    parser.add_argument("--rounds", type=int, default=3, help="times it is backed up and restored (3)")
    parser.add_argument("--no-rehearsal", action="store_true", help="leave the rehearsal out, which takes longest")
    parser.add_argument("--output", type=Path, help="write the figures here, too")
    args = parser.parse_args()
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # Python keeps what it compiled, if it isn't told otherwise
    figures: dict[str, Any] = {
        name: measured(name, args.mib, args.rounds) for name in args.provider or ("embedded", "minio")
    }
    for name, found in figures.items():
        print(f"{name}: backup {found['up']:.2f} and restore {found['down']:.2f} of the client's rate, {args.mib} MiB")
        print(f"{name}: the stand-in took {found['peak']:.0f} MiB, bound {found['bound']} MiB")
    if not args.no_rehearsal:
        figures["rehearsal"] = rehearsal()
        print(f"rehearsal on the embedded endpoint, two workers: {figures['rehearsal']:.0f} s")
    if args.output:
        args.output.write_text(json.dumps(figures, indent=1), encoding="utf-8")


def measured(provider: str, mib: int, rounds: int) -> dict[str, float]:
    """The stand-in's rate over the client's, each way, and its peak memory in MiB."""
    ratios: dict[str, list[float]] = {"up": [], "down": []}
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="restoreproof-round-trips-")))
        job = started(provider, folder, stack)
        make_file(folder / "source", mib)
        endpoint = Endpoint.from_json(json.loads(job.read_text(encoding="utf-8")))
        program, engine = start_standin(find_driver(None).name, endpoint.ca, {})
        stack.enter_context(closing(program))
        connection = stack.enter_context(closing(Connection.to(engine, known=endpoint.secrets)))
        urls = prepared(connection, endpoint, mib)
        for _ in range(rounds):
            client = {way: settled(lambda way=way: played(HASHED, way, job)["seconds"]) for way in ratios}
            for way, seconds in moved(connection, urls).items():
                ratios[way].append(client[way] / seconds)
                told = f"{mib / seconds:.0f} of the client's {mib / client[way]:.0f} MiB/s, {ratios[way][-1]:.2f}"
                print(f"  {provider}, {NAMES[way]}: {told}", flush=True)
        peak = peak_of(program.process.pid)
    return {way: statistics.median(found) for way, found in ratios.items()} | {"peak": peak, "bound": BOUND}


def prepared(connection: Connection, endpoint: Endpoint, mib: int) -> str:
    """A database of this size, a credential, and the URLs as BACKUP and RESTORE name them."""
    root = f"s3://{endpoint.netloc(endpoint.bucket or BUCKET, 'path')}/{endpoint.bucket or BUCKET}"
    connection.run(create_credential(root, endpoint.keys["housekeeping"]))
    connection.run("CREATE DATABASE [source]")
    connection.run("USE [source]; CREATE TABLE dbo.t (id int NOT NULL PRIMARY KEY, filler varbinary(8000)); USE master")
    rows = mib * MIB // ROW
    connection.run(
        f"USE [source]; INSERT INTO dbo.t SELECT value, CRYPT_GEN_RANDOM({ROW}) FROM GENERATE_SERIES(1, {rows}); "
        "USE master",
        seconds=LONG,
    )
    return ", ".join(f"URL = N'{root}/round-trip-{number}.bak'" for number in range(STRIPES))


def moved(connection: Connection, urls: str) -> dict[str, float]:
    """Seconds of one backup and one restore."""
    backup = f"BACKUP DATABASE [source] TO {urls} WITH FORMAT, BUFFERCOUNT = {BUFFERS}"
    moves = (
        "MOVE N'source' TO N'/var/opt/mssql/data/target.mdf', MOVE N'source_log' TO N'/var/opt/mssql/data/target.ldf'"
    )
    restore = f"RESTORE DATABASE [target] FROM {urls} WITH {moves}"
    written = settled(lambda: seconds_of(connection, backup))
    return {"up": written, "down": settled(lambda: seconds_of(connection, restore, "DROP DATABASE IF EXISTS [target]"))}


def settled(turn: Callable[[], float]) -> float:
    """Take a turn once all is on the disk that was written before."""
    os.sync()
    return turn()


def seconds_of(connection: Connection, statement: str, before: str = "") -> float:
    """How long a statement takes; not counted, another before it."""
    if before:
        connection.run(before)
    began = time.perf_counter()
    connection.run(statement, seconds=LONG)
    return time.perf_counter() - began


def peak_of(pid: int) -> float:
    """The largest resident size so far, in MiB."""
    status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    return next(int(line.split()[1]) / 1024 for line in status.splitlines() if line.startswith("VmHWM"))


def rehearsal() -> float:
    """Seconds of a whole run with the stand-in."""
    with tempfile.TemporaryDirectory(prefix="restoreproof-rehearsal-") as folder:
        words = [sys.executable, "-m", "restoreproof.commands.main", "certify", "--provider", "embedded", "-n", "2"]
        began = time.perf_counter()
        done = subprocess.run(
            [*words, "--engine", "standin", "--require", "rehearsed", "--report-dir", folder],
            stdout=subprocess.DEVNULL,
            check=False,
        )
    if done.returncode:
        sys.exit("the rehearsal did not come out as one")
    return time.perf_counter() - began


if __name__ == "__main__":
    main()
