"""How much a second worker gains, and what the suites do per second; both sides measured in turn, in one run.

    python benchmarks/workers.py [--rounds N] [--output docs/performance.md]

Prints the ratio of the medians, and writes it with the figures behind it.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

DOCUMENT = Path(__file__).parent.parent / "docs" / "performance.md"

PAGE = """\
# Performance

Written by `python benchmarks/workers.py`: `certify --provider embedded`, {rounds} rounds of one process and two workers
in turn on {cores} cores, Python {python}. Medians; machines differ, so only the ratios mean something elsewhere.

| | one process | two workers | ratio |
| --- | --- | --- | --- |
| whole command, seconds | {one:.1f} | {two:.1f} | {ratio:.2f} |
| until the first verdict, seconds | {first_one:.1f} | {first_two:.1f} | |
| checks per second | {checks_one:.1f} | {checks_two:.1f} | |
| requests per second | {requests_one:.0f} | {requests_two:.0f} | |
"""


def certify(workers: int, folder: str) -> dict[str, float]:
    """One run: seconds in all, seconds until the first verdict, checks and requests."""
    words = [sys.executable, "-m", "restoreproof.commands.main", "certify", "--provider", "embedded"]
    words += ["--require", "wire conformant", "-n", str(workers), "--report-dir", folder]
    started = time.monotonic()
    first = 0.0
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True, env={**os.environ, "CI": "1"}) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if line.startswith("[") and not first:
                first = time.monotonic() - started
    seconds = time.monotonic() - started
    if process.returncode != 0:
        sys.exit(f"the run failed with {process.returncode}; see {folder}")
    run = max(Path(folder).glob("*/*/run.jsonl"), key=lambda path: path.stat().st_mtime)
    lines = [json.loads(line) for line in run.read_text(encoding="utf-8").splitlines()]
    checks = sum(line["kind"] == "check" for line in lines)
    return {"seconds": seconds, "first": first, "checks": checks, "requests": lines[-1]["requests"]}


def main() -> None:
    """Measure in turn, print, and write the page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3, help="rounds of both (3)")
    parser.add_argument("--output", type=Path, default=DOCUMENT, help="where to write (docs/performance.md)")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="restoreproof-benchmark-") as folder:
        pairs = [(certify(0, folder), certify(2, folder)) for _ in range(args.rounds)]
    one, two = ({name: statistics.median(p[side][name] for p in pairs) for name in pairs[0][0]} for side in (0, 1))
    print(f"two workers take {two['seconds'] / one['seconds']:.2f} of the time of one process")
    page = PAGE.format(
        rounds=args.rounds,
        cores=os.cpu_count(),
        python=platform.python_version(),
        one=one["seconds"],
        two=two["seconds"],
        ratio=two["seconds"] / one["seconds"],
        first_one=one["first"],
        first_two=two["first"],
        checks_one=one["checks"] / one["seconds"],
        checks_two=two["checks"] / two["seconds"],
        requests_one=one["requests"] / one["seconds"],
        requests_two=two["requests"] / two["seconds"],
    )
    args.output.parent.mkdir(exist_ok=True)
    args.output.write_text(page, encoding="utf-8", newline="\n")


if __name__ == "__main__":
    main()
