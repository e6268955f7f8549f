"""Settings of the self-tests, wherever and however they are started."""

import os
import shutil
import signal
import tempfile

from hypothesis import HealthCheck, settings

# How long an example takes on a busy machine says nothing about the code.
settings.register_profile("restoreproof", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("restoreproof")

# A shell makes what it puts into the background deaf to Ctrl-C, and all that is started from there with it.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
if hasattr(signal, "SIGHUP"):  # and nohup makes it deaf to a closed terminal
    signal.signal(signal.SIGHUP, signal.SIG_DFL)

# Hundreds of runs are started, each of which would compile the program anew where Python is told to keep nothing.
COMPILED = ""
if os.environ.get("PYTHONDONTWRITEBYTECODE"):
    COMPILED = os.environ["PYTHONPYCACHEPREFIX"] = tempfile.mkdtemp(prefix="restoreproof-compiled-")
    del os.environ["PYTHONDONTWRITEBYTECODE"]

LONG = ("rehearsals", "scale", "packaging", "whole_run", "tls_verdicts", "doctor_findings", "cleanup", "round_trips")
"""Files with tests of many seconds: they begin first, so that no process is left alone with one at the end."""

NOTHING_OF_PYTHON = (
    *("defects", "rehearsals", "whole_run", "packaging", "scale", "sequences", "report_browser", "measure"),
    *("certify_command", "cleanup", "bad_endpoints", "nodes", "allowance", "usage", "learning", "probing"),
    *("round_trips", "engine_round_trip", "engine_standin", "engine_mishaps", "media", "connector", "tsql_backups"),
    *("doctor_findings", "doctor_visits"),
)
"""Files that take long and say nothing about a Python; ``--brief`` leaves them out."""


def pytest_addoption(parser):
    parser.addoption("--brief", action="store_true", help="leave out what takes long and says nothing about a Python")


def pytest_ignore_collect(collection_path, config):
    return True if config.getoption("brief") and _subject(collection_path) in NOTHING_OF_PYTHON else None


def pytest_collection_modifyitems(items):
    items.sort(key=lambda item: _subject(item.path) not in LONG)


def pytest_unconfigure():
    if COMPILED:
        shutil.rmtree(COMPILED, ignore_errors=True)


def _subject(path):
    return path.stem.removeprefix("test_")
