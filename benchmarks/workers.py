"""How much a second worker gains, and what the suites do per second; both sides measured in turn, in one run.

    python benchmarks/workers.py [--provider NAME ...] [--rounds N] [--output FILE.json]

Prints how many times as fast two workers are, while checks run and for the whole command with start and clean-up; and
how much of all processors was in use while checks ran, by whatever ran on them, for nobody can be faster than these
allow.
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
from pathlib import Path


def certify(provider: str, workers: int, folder: str) -> dict[str, float]:
    """One run: seconds in all, until the first verdict, and while checks ran; checks and requests."""
    words = [sys.executable, "-m", "restoreproof.commands.main", "certify", "--engine", "none"]
    words += ["--provider", provider]
    words += ["--require", "as-declared", "-n", str(workers), "--report-dir", folder]
    started = time.monotonic()
    shown: list[float] = []
    used: list[tuple[int, int]] = []
    said: list[str] = []
    proving = 0.0
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True, env={**os.environ, "CI": "1"}) as process:
        assert process.stdout is not None
        for line in process.stdout:
            said.append(line)
            proving = proving or (time.monotonic() if ": proving " in line else 0.0)
            if ": proving " in line or line.startswith("["):
                used.append(processors_used())
            if line.startswith("["):
                shown.append(time.monotonic())
    seconds = time.monotonic() - started
    if process.returncode != 0:
        sys.exit("".join(line for line in said if not line.startswith("[")))
    run = max(Path(folder).glob("*/*/run.jsonl"), key=lambda path: path.stat().st_mtime)
    lines = [json.loads(line) for line in run.read_text(encoding="utf-8").splitlines()]
    return {
        "seconds": seconds,
        "first": shown[0] - started,
        "checking": shown[-1] - proving,
        "used": (used[-1][0] - used[0][0]) / max(used[-1][1] - used[0][1], 1),
        "checks": sum(line["kind"] == "check" and line["requests"] > 0 for line in lines),
        "requests": lines[-1]["requests"],
    }


def processors_used() -> tuple[int, int]:
    """What all processors together have done, and could have done, so far; as Linux counts it, else nothing."""
    counted = Path("/proc/stat")
    if not counted.exists():
        return 0, 0
    spent = [int(word) for word in counted.read_text(encoding="utf-8").splitlines()[0].split()[1:9]]
    return sum(spent) - spent[3] - spent[4], sum(spent)


def main() -> None:
    """Measure in turn, and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--provider", action="append", help="server to start (embedded)")
    parser.add_argument("--rounds", type=int, default=3, help="rounds of both (3)")
    parser.add_argument("--output", type=Path, help="write the figures here, too")
    args = parser.parse_args()
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # Python keeps what it compiled, if it isn't told otherwise
    figures = {name: measured(name, args.rounds) for name in args.provider or ("embedded",)}
    for name, (one, two) in figures.items():
        print(f"{name}: two workers are {one['checking'] / two['checking']:.2f} times as fast while checks run,")
        print(f"  {one['seconds'] / two['seconds']:.2f} times for the whole command")
        print(f"  all processors are in use, by whatever runs, for {one['used']:.0%} and {two['used']:.0%} of the time")
    if args.output:
        args.output.write_text(json.dumps(figures, indent=1), encoding="utf-8")


def measured(provider: str, rounds: int) -> list[dict[str, float]]:
    """The medians of one process and of two workers."""
    with tempfile.TemporaryDirectory(prefix="restoreproof-benchmark-") as folder:
        pairs = [(certify(provider, 0, folder), certify(provider, 2, folder)) for _ in range(rounds)]
    return [{name: statistics.median(pair[side][name] for pair in pairs) for name in pairs[0][0]} for side in (0, 1)]


if __name__ == "__main__":
    main()
