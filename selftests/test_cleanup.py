"""Whatever ends a run, nothing of it is left at the endpoint, and nothing else was touched there."""

import random
import shutil
import signal
import subprocess
import sys
from contextlib import ExitStack

import pytest
from defective_runs import laboratory, write_profile
from live_runs import COMMAND, PATIENCE, Store, ledgers, live_run

from restoreproof.standins.waiting import TimedOut, wait_until

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="process groups and /proc are those of Linux")

GIVEN = "sqlbackups"
SOMEBODYS_RUN = "20200101-000000-abcdef"
INTERRUPTED = 2
KILLS_AT_ONCE = 5


@pytest.fixture(scope="module")
def lab():
    with laboratory() as running:
        store = Store(running)
        store.plant(f"restoreproof-{SOMEBODYS_RUN}", "x", f"restoreproof/{SOMEBODYS_RUN}/x")
        store.plant("restoreproof-absent-0123456789ab", "x")
        store.plant(GIVEN, "sales.bak", "restoreproof", "restoreproof-notes/x", f"restoreproof/{SOMEBODYS_RUN}/x")
        yield running


@pytest.fixture
def store(lab):
    return Store(lab)


@pytest.fixture(params=["own"])
def profile(lab, request):
    """A profile without a bucket, so that a run makes its `own`, or with one that is `given`."""
    return str(write_profile(lab.folder, lab.endpoint, request.param, GIVEN if request.param == "given" else ""))


def with_profile(names, *cases):
    """Parameters of a test, of which the first is the kind of profile."""
    return pytest.mark.parametrize(f"profile, {names}", cases, indirect=["profile"])


@pytest.fixture
def decoys(lab, store):
    """What the endpoint holds before a run, and must hold after it."""
    assert ledgers(lab) == []
    return store.holds()


def certify(profile, tmp_path, workers, *words):
    where = ("--report-dir", str(tmp_path / "runs"), "-n", workers, "--require", "as-declared")
    return ("certify", "--provider", profile, *where, *(words or ("--area", "abort")))


def wait_for_its_objects(run, store, decoys):
    """Wait until a run has made its first object, or ended before it was seen."""
    buckets = len(decoys)

    def made():
        now = store.holds()
        objects = sum(len(keys) + len(uploads) for keys, uploads in now.values())
        before = sum(len(keys) + len(uploads) for keys, uploads in decoys.values())
        return objects > before or len(now) > buckets

    wait_until(lambda: run.process.poll() is not None or made(), 60, f"the first object: {run.said}")
    assert run.process.poll() is None, run.said


@with_profile("workers", ("own", "0"), ("given", "2"))
def test_run_to_its_end_leaves_nothing(lab, store, decoys, profile, tmp_path, workers):
    done = lab.command(*certify(profile, tmp_path, workers, "--area", "abort", "--area", "multipart"))

    assert done.returncode == 0, done.stdout + done.stderr
    assert store.holds() == decoys
    assert ledgers(lab) == []


@with_profile("defect", ("own", "untrusted-certificate"), ("given", "abort-ignored"))
def test_run_with_failing_checks_leaves_nothing(lab, store, decoys, profile, tmp_path, defect):
    done = lab.command(*certify(profile, tmp_path, "2", "--area", "abort", "--area", "tls", "--defect", defect))

    assert done.returncode == 1, done.stdout + done.stderr
    assert store.holds() == decoys
    assert ledgers(lab) == []


@with_profile("workers", ("own", "0"), ("given", "2"))
def test_reader_that_goes_away_ends_no_run_and_leaves_nothing(lab, store, decoys, profile, tmp_path, workers):
    words = [*COMMAND, *certify(profile, tmp_path, workers, "--area", "abort", "--engine", "none")]
    with subprocess.Popen(words, env=lab.environment, cwd=lab.folder, stdout=subprocess.PIPE, text=True) as run:
        for line in run.stdout:
            if line.startswith("["):
                break
        run.stdout.close()  # as `| head` does
        run.wait(PATIENCE)

    assert store.holds() == decoys
    assert ledgers(lab) == []
    assert run.returncode == 0
    assert {path.suffix for path in tmp_path.rglob("*/*/*") if path.is_file()} >= {".html", ".jsonl", ".md", ".xml"}


@with_profile(
    "workers, proxied", ("own", "0", ""), ("given", "2", ""), ("given", "0", "proxied"), ("own", "2", "proxied")
)
def test_ctrl_c_leaves_nothing(lab, store, decoys, profile, tmp_path, workers, proxied):
    defect = ("--defect", "abort-ignored", "--area", "abort") if proxied else ()
    words = certify(profile, tmp_path, workers, *defect)
    with live_run(lab, tmp_path / "said", *words) as run:
        wait_for_its_objects(run, store, decoys)
        run.press_ctrl_c()

        assert run.code() == INTERRUPTED, run.said
        run.wait_until_nothing_lives()
    assert store.holds() == decoys, run.said
    assert ledgers(lab) == []
    assert "Traceback" not in run.said


@with_profile(
    "workers, number", ("own", "0", signal.SIGTERM), ("given", "2", signal.SIGTERM), ("own", "2", signal.SIGHUP)
)
def test_signal_to_the_controller_alone_leaves_nothing(lab, store, decoys, profile, tmp_path, workers, number):
    with live_run(lab, tmp_path / "said", *certify(profile, tmp_path, workers)) as run:
        wait_for_its_objects(run, store, decoys)
        run.process.send_signal(number)

        assert run.code() == INTERRUPTED, run.said
        run.wait_until_nothing_lives()
    assert store.holds() == decoys, run.said
    assert ledgers(lab) == []


@pytest.mark.skipif(not shutil.which("nohup"), reason="there is no nohup")
def test_closed_terminal_does_not_end_what_nohup_started(lab, store, decoys, profile, tmp_path):
    words = certify(profile, tmp_path, "0", "--check", "ABORT-03.abort-frees-upload")
    with live_run(lab, tmp_path / "said", *words, command=("nohup", *COMMAND)) as run:
        run.wait_until_it_says("starting")
        run.process.send_signal(signal.SIGHUP)

        assert run.code() == 0, run.said
    assert store.holds() == decoys, run.said


SIGNAL_AFTER = """
import os, signal
import {module}

def and_then(*words, **more):
    {owner}.{name} = once
    made = once(*words, **more)
    os.kill(os.getpid(), signal.SIGTERM)
    return made

once, {owner}.{name} = {owner}.{name}, and_then
"""


SIGNAL_IN_IMPORT = """
import os, signal, sys

class Signaller:
    def find_spec(self, name, *_):
        if name == "{name}":
            sys.meta_path.remove(self)
            os.kill(os.getpid(), signal.SIGTERM)

sys.meta_path.insert(0, Signaller())
"""


@pytest.mark.parametrize(
    ("module", "owner", "name"),
    [
        ("restoreproof.fixtures.staging", "", "begin_ledger"),
        ("restoreproof.fixtures.staging", "", "find_nodes"),
        ("restoreproof.fixtures.staging", "", "Stage"),
        ("xdist.workermanage", "NodeManager", "setup_node"),
        ("", "", "boto3.resources"),
    ],
    ids=["ledger", "endpoint", "stage", "first worker", "boto3"],
)
def test_signal_when_something_is_made_that_nobody_holds_yet_leaves_nothing(
    lab, store, decoys, profile, tmp_path, module, owner, name
):
    template = SIGNAL_AFTER if module else SIGNAL_IN_IMPORT
    plugin = template.format(module=module, owner=f"{module}.{owner}".rstrip("."), name=name)
    (tmp_path / "signal_after.py").write_text(plugin, encoding="utf-8")
    environment = {"PYTHONPATH": str(tmp_path), "PYTEST_ADDOPTS": "-p signal_after"}
    with live_run(lab, tmp_path / "said", *certify(profile, tmp_path, "2"), environment=environment) as run:
        assert run.code() == INTERRUPTED, run.said
        run.wait_until_nothing_lives()
    assert store.holds() == decoys, run.said
    assert ledgers(lab) == []
    assert "Traceback" not in run.said


@pytest.mark.parametrize("moment", ["starting", "answers", "cleaning up"])
def test_ctrl_c_at_any_stage_of_a_run_leaves_nothing(lab, store, decoys, profile, tmp_path, moment):
    with live_run(lab, tmp_path / "said", *certify(profile, tmp_path, "0")) as run:
        run.wait_until_it_says(moment)
        run.press_ctrl_c()

        assert run.code() == INTERRUPTED, run.said
    assert store.holds() == decoys, run.said
    assert ledgers(lab) == []


def test_ctrl_c_twice_leaves_the_rest_to_a_sweep_and_says_so(lab, store, decoys, profile, tmp_path):
    with live_run(lab, tmp_path / "said", *certify(profile, tmp_path, "2")) as run:
        wait_for_its_objects(run, store, decoys)
        run.press_ctrl_c()
        run.wait_until_it_says("interrupt again")
        run.press_ctrl_c()

        assert run.code() == INTERRUPTED, run.said
        run.wait_until_nothing_lives()
    assert ledgers(lab) == [] or f"restoreproof sweep --provider {profile}" in run.said
    assert lab.command("sweep", "--provider", profile).returncode == 0
    assert store.holds() == decoys
    assert ledgers(lab) == []


@pytest.mark.parametrize("how", ["ctrl-c", "kill"])
def test_endpoint_that_a_run_started_ends_with_it(lab, tmp_path, how):
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    words = certify("embedded", tmp_path, "2")
    with live_run(lab, tmp_path / "said", *words, environment={"TMPDIR": str(temporary)}) as run:
        run.wait_until_it_says("answers")
        run.tell_all(signal.SIGINT if how == "ctrl-c" else signal.SIGKILL)

        assert run.code() == (INTERRUPTED if how == "ctrl-c" else -signal.SIGKILL), run.said
        run.wait_until_nothing_lives()
    wait_until(lambda: not list(temporary.glob("restoreproof-*")), 20, f"removal of {list(temporary.iterdir())}")
    assert lab.command("sweep", "--provider", "embedded").returncode == 0
    assert ledgers(lab) == []


@with_profile(
    "who, then",
    ("own", "all", "a sweep"),
    ("given", "all", "the next run"),
    ("given", "the controller", "a sweep"),
    ("own", "the controller", "the next run"),
)
def test_killed_runs_are_finished_by(lab, store, decoys, profile, tmp_path, who, then):
    chance = random.Random(f"{who} {then}")
    with ExitStack() as stack:
        words = [certify(profile, tmp_path / str(n), chance.choice("02")) for n in range(KILLS_AT_ONCE)]
        runs = [stack.enter_context(live_run(lab, tmp_path / f"said{n}", *w)) for n, w in enumerate(words)]
        for run in runs:
            kill_at_some_moment(run, chance, who)
        if then == "a sweep":
            done = lab.command("sweep", "--provider", profile)
        else:
            done = lab.command(*certify(profile, tmp_path, "0", "--check", "ABORT-03.abort-frees-upload"))

    assert done.returncode == 0, done.stdout + done.stderr
    assert then == "a sweep" or "swept what the killed run" in done.stdout
    assert store.holds() == decoys, done.stdout
    assert ledgers(lab) == []


def kill_at_some_moment(run, chance, who):
    run.wait_until_it_says("answers")
    moment = chance.uniform(0, 0.6)
    try:
        wait_until(lambda: run.process.poll() is not None, moment, "an early end")
    except TimedOut:
        run.tell_all(signal.SIGKILL) if who == "all" else run.process.kill()
    assert run.code() == -signal.SIGKILL, run.said


def test_live_run_is_not_swept(lab, store, decoys, profile, tmp_path):
    with live_run(lab, tmp_path / "said", *certify(profile, tmp_path, "2")) as run:
        wait_for_its_objects(run, store, decoys)
        run.tell_all(signal.SIGSTOP)
        while_it_lives = store.holds()
        swept = lab.command("sweep", "--provider", profile)
        after = store.holds()
        run.tell_all(signal.SIGCONT)

        assert run.code() == 0, run.said
    assert swept.returncode == 0
    assert "no killed run left anything" in swept.stdout
    assert after == while_it_lives != decoys
    assert store.holds() == decoys


def test_sweep_of_an_endpoint_that_is_down_keeps_the_ledger(lab, store, decoys, tmp_path):
    profile = write_profile(lab.folder, lab.endpoint, "down")
    with live_run(lab, tmp_path / "said", *certify(str(profile), tmp_path, "0")) as run:
        wait_for_its_objects(run, store, decoys)
        run.process.kill()
    text = profile.read_text(encoding="utf-8")
    profile.write_text(text.replace("127.0.0.1", "127.0.0.2"), encoding="utf-8")

    refused = lab.command("sweep", "--provider", str(profile))

    assert (refused.returncode, refused.stdout, len(refused.stderr.splitlines())) == (1, "", 1)
    assert "nothing listens on 127.0.0.2" in refused.stderr
    assert len(ledgers(lab)) == 1
    profile.write_text(text, encoding="utf-8")
    assert lab.command("sweep", "--provider", str(profile)).returncode == 0
    assert store.holds() == decoys
    assert ledgers(lab) == []
