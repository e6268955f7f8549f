"""Runs all benchmarks and writes docs/performance.md: figures, machine, method. Takes half an hour.

    python benchmarks/performance.py [--rounds N] [--mib N] [--output FILE]

Takes MinIO too where it is installed; `pip install awscrt obstore` brings the clients that ours is measured against.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from limit import ratio

HERE = Path(__file__).parent
DOCUMENT = HERE.parent / "docs" / "performance.md"
OURS = "restoreproof"
BESIDE = (OURS, "restoreproof hashed")

PAGE = """\
# Performance

Written by `python benchmarks/performance.py` on {cores} cores, {processor}, Python {python}.
Rounds: {rounds}; every figure is their median. Machines differ, so only ratios mean something elsewhere; both sides of
a ratio are measured in turn, in one run, against one server that runs on the same cores as its client.

## Until something is proven

| | seconds |
| --- | --- |
| `restoreproof --help` | {help:.2f} |
| a Python that does nothing | {python_seconds:.2f} |
| collecting all checks for 14 providers ({items} items) | {collection:.2f} |

## Against the limit

`benchmarks/limit.py`: the suites in one process, and their own requests sent again by a bare keep-alive client (no
pytest, no requests, no boto3; same bodies, hashed and signed anew, upload ids mapped, same order, at the same time what
was sent at the same time). Apart is what that client has no part in: waits on purpose, and checks that send no request
(handshakes). The CPU is that of the suites. Others are the requests that no check sends (housekeeping): making a
bucket, cleaning up, proving it gone, which takes a request for every key where a store lists open uploads by their
exact key only, as MinIO does. Probes find out, at the end of a whole run, what a profile says nothing of.

| server | suites, s | apart | client, s | ratio | without | checks/s | requests/s | each | CPU s | others | probes |
| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |
{limit}

## A second worker

`benchmarks/workers.py`: `certify` in one process and with `-n 2`. In use is how much of all processors was,
by the server and all else on the machine, too, while checks ran.

| server | | one process | two workers | times as fast |
| --- | --- | --- | --- | --- |
{workers}

## Traffic

`benchmarks/traffic.py`: one file of {mib} MiB up in parts of 10 MiB over 4 connections, and back in ranges of 10 MiB
over 4 connections into a file, through the very client that the checks use, and through others. Each client is a
process of its own; starting it is not counted. Payloads are not hashed, but for "hashed", which is what most checks
send.

| server | client | up, MiB/s | CPU s/GiB | peak, MiB | down, MiB/s | CPU s/GiB | peak, MiB |
| --- | --- | --- | --- | --- | --- | --- | --- |
{traffic}

Ours over the fastest other: {ratios}. Peak memory of ours after 100 and after 10,000 parts of 64 KiB: {memory}.

## The stand-in for SQL Server

`benchmarks/round_trips.py`: the stand-in backs a database of {mib} MiB up to 4 URLs with 4 buffers each, and restores
it, in turn with the client of the checks ("hashed" above). Its rate over the client's is asked to be 0.5 at least; its
memory, no more than all buffers and 100 MiB.

| server | backup | restore | peak, MiB | bound, MiB |
| --- | --- | --- | --- | --- |
{round_trips}

A rehearsal of all checks on the embedded endpoint, with two workers: {rehearsal:.0f} s (90 s are asked for).
"""


def main() -> None:
    """Run them all and write the page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3, help="rounds of each (3)")
    parser.add_argument("--mib", type=int, default=1024, help="size of the file for traffic (1024)")
    parser.add_argument("--output", type=Path, default=DOCUMENT, help="where to write (docs/performance.md)")
    args = parser.parse_args()
    servers = ["embedded", *(["minio"] if shutil.which("minio") else [])]
    named = [word for name in servers for word in ("--provider", name)]
    rounds = ["--rounds", str(args.rounds)]
    starting = figures("starting", *rounds)
    limit = figures("limit", *named, *rounds)
    workers = figures("workers", *named, *rounds)
    traffic = figures("traffic", *named, *rounds, "--mib", str(args.mib))
    round_trips = figures("round_trips", *named, *rounds, "--mib", str(args.mib))
    rehearsal = round_trips.pop("rehearsal")
    page = PAGE.format(
        cores=os.cpu_count(),
        processor=_processor(),
        python=platform.python_version(),
        rounds=args.rounds,
        mib=args.mib,
        help=starting["help"],
        python_seconds=starting["python"],
        items=f"{starting['items']:,}",
        collection=starting["collection"],
        limit="\n".join(_limit(name, found) for name, found in limit.items()),
        workers="\n".join(_workers(name, *found) for name, found in workers.items()),
        traffic="\n".join(row for name, found in traffic.items() for row in _traffic(name, found)),
        ratios="; ".join(_ratios(name, found) for name, found in traffic.items()),
        memory="; ".join(_memory(name, found) for name, found in traffic.items()),
        round_trips="\n".join(_round_trip(name, found) for name, found in round_trips.items()),
        rehearsal=rehearsal,
    )
    args.output.parent.mkdir(exist_ok=True)
    args.output.write_text(page, encoding="utf-8", newline="\n")


def figures(script: str, *words: str) -> Any:
    """What one benchmark measures; it prints as it goes."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "figures.json"
        subprocess.run([sys.executable, str(HERE / f"{script}.py"), *words, "--output", str(file)], check=True)
        return json.loads(file.read_text(encoding="utf-8"))


def _processor() -> str:
    names = [line for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines() if "model name" in line]
    return names[0].partition(": ")[2] if names else platform.machine()


def _limit(name: str, rounds: list[dict[str, float]]) -> str:
    middle = {what: statistics.median(found[what] for found in rounds) for what in rounds[0]}
    whole, alike = ratio(rounds), ratio(rounds, alike=True)
    every = middle["housekeeping"] + middle["probes"] + middle["requests"]
    checks, requests, suite, cpu = (middle[what] for what in ("checks", "requests", "suite", "cpu"))
    sizes = f"{checks / suite:.1f} | {requests / suite:.0f} | {requests / checks:.1f} | {cpu / checks:.3f}"
    return (
        f"| {name} | {suite:.1f} | {middle['apart']:.1f} | {middle['replay']:.1f} | {whole:.2f} | {alike:.2f} "
        f"| {sizes} | {middle['housekeeping'] / every:.1%} | {middle['probes'] / every:.1%} |"
    )


def _workers(name: str, one: dict[str, float], two: dict[str, float]) -> str:
    rows = [("while checks run, s", "checking"), ("whole command, s", "seconds")]
    lines = [
        f"| {name} | {told} | {one[what]:.1f} | {two[what]:.1f} | {one[what] / two[what]:.2f} |" for told, what in rows
    ]
    lines.append(f"| {name} | processors in use | {one['used']:.0%} | {two['used']:.0%} | |")
    lines.append(f"| {name} | until the first verdict, s | {one['first']:.1f} | {two['first']:.1f} | |")
    return "\n".join(lines)


def _traffic(name: str, found: dict[str, Any]) -> list[str]:
    rows = []
    for client, ways in found["clients"].items():
        cells = []
        for way in ("up", "down"):
            middle = {what: statistics.median(run[what] for run in ways[way]) for what in ways[way][0]}
            rate, cpu = found["mib"] / middle["seconds"], middle["cpu"] * 1024 / found["mib"]
            cells.append(f"{rate:.0f} | {cpu:.2f} | {middle['peak']:.0f}")
        rows.append(f"| {name} | {client} | {' | '.join(cells)} |")
    return rows


def _round_trip(name: str, found: dict[str, float]) -> str:
    return f"| {name} | {found['up']:.2f} | {found['down']:.2f} | {found['peak']:.0f} | {found['bound']} |"


def _ratios(name: str, found: dict[str, Any]) -> str:
    told = []
    for way in ("up", "down"):
        seconds = {c: statistics.median(run["seconds"] for run in ways[way]) for c, ways in found["clients"].items()}
        told.append(f"{way} {min(s for c, s in seconds.items() if c not in BESIDE) / seconds[OURS]:.2f}")
    return f"{name} {', '.join(told)}"


def _memory(name: str, found: dict[str, Any]) -> str:
    low, high = found["memory"].values()
    return f"{name} {low:.0f} and {high:.0f} MiB"


if __name__ == "__main__":
    main()
