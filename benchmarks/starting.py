"""What users wait for before anything is proven: `--help`, and collecting all checks for fourteen providers.

python benchmarks/starting.py [--rounds N] [--output FILE.json]
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

PROVIDERS = 14
PROFILE = """\
name  = "provider{number}"
title = "A provider that is only collected"

[endpoint]
url = "https://localhost:{number}"

[keys.backup]
id     = "BENCHMARK_ID"
secret = "BENCHMARK_SECRET"
"""
COLLECT = """
import sys, time
from importlib import resources
from types import SimpleNamespace
import pytest
from restoreproof.fixtures.subjects import SUBJECTS

class Stopwatch:
    def pytest_sessionstart(self, session):
        session.config.stash[SUBJECTS] = {name: SimpleNamespace(engines=("one",)) for name in NAMES}
    @pytest.hookimpl(wrapper=True)
    def pytest_collection(self, session):
        began = time.perf_counter()
        yield
        print(f"\\n{time.perf_counter() - began} {len(session.items)}")

NAMES = [f"provider{number}" for number in range(1, len(sys.argv))]
suites = resources.files("restoreproof.suites")
words = [str(suites), "-c", str(suites / "certify.ini"), "--rootdir", str(suites), "--collect-only", "-qqq"]
words += [word for file in sys.argv[1:] for word in ("--provider", file)]

class Instead:
    @pytest.hookimpl(trylast=True)
    def pytest_configure(self, config):
        config.pluginmanager.unregister(name="restoreproof.conductor")  # it would start fourteen endpoints

sys.exit(pytest.main(words, plugins=[Instead(), Stopwatch()]))
"""


def main() -> None:
    """Measure both and print them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5, help="times each is measured (5)")
    parser.add_argument("--output", type=Path, help="write the figures here, too")
    args = parser.parse_args()
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # Python keeps what it compiled, if it isn't told otherwise
    helped = statistics.median(help_seconds() for _ in range(args.rounds))
    bare = statistics.median(python_seconds() for _ in range(args.rounds))
    collected = [collection() for _ in range(args.rounds)]
    figures = {
        "help": helped,
        "python": bare,
        "collection": statistics.median(seconds for seconds, _ in collected),
        "items": collected[0][1],
    }
    print(f"--help: {helped:.2f} s, {helped / bare:.1f} times what Python alone takes ({bare:.2f} s)")
    print(f"collecting {figures['items']} items for {PROVIDERS} providers: {figures['collection']:.2f} s")
    if args.output:
        args.output.write_text(json.dumps(figures, indent=1), encoding="utf-8")


def help_seconds() -> float:
    """Seconds of `restoreproof --help`."""
    return _seconds([str(Path(sys.executable).with_name("restoreproof")), "--help"])


def python_seconds() -> float:
    """Seconds of a Python that does nothing."""
    return _seconds([sys.executable, "-c", ""])


def _seconds(words: list[str]) -> float:
    began = time.perf_counter()
    subprocess.run(words, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - began


def collection() -> tuple[float, int]:
    """Seconds of pytest's collection, and the number of items."""
    with tempfile.TemporaryDirectory() as folder:
        files = []
        for number in range(1, PROVIDERS + 1):
            file = Path(folder) / f"provider{number}.toml"
            file.write_text(PROFILE.format(number=number), encoding="utf-8")
            files.append(str(file))
        keys = {"BENCHMARK_ID": "benchmarkid", "BENCHMARK_SECRET": "benchmark-secret"}
        words = [sys.executable, "-c", COLLECT, *files]
        done = subprocess.run(
            words, env={**os.environ, **keys}, cwd=folder, capture_output=True, text=True, check=False
        )
    lines = [line.split() for line in done.stdout.splitlines() if len(line.split()) == 2]  # noqa: PLR2004 - two figures
    if not lines:
        sys.exit(done.stdout + done.stderr)
    return float(lines[-1][0]), int(lines[-1][1])


if __name__ == "__main__":
    main()
