"""Every stand-in: one line in, one line out, and nothing left behind however it ends."""

import json
import os
import signal
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from running_standin import RunningStandin, groups_below, wait_until_ended

from restoreproof.standins import contract
from restoreproof.standins.waiting import TimedOut, wait_until

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="stand-ins start process groups as Linux knows them")

SLEEPER = """
from contextlib import contextmanager
from restoreproof.standins.contract import Children, run, scratch_folder

@contextmanager
def serve(settings):
    with scratch_folder("sleeper") as folder, Children() as children:
        children.spawn(["/bin/sh", "-c", settings["command"]], log=folder / "sleeper.log")
        (folder / "data").write_bytes(bytes(4096))
        yield {"folder": str(folder)}

run(serve)
"""
GRANDCHILDREN = "sleep 600 & sleep 600"
STUBBORN = "trap '' TERM; sleep 600 & sleep 600"


def start_sleeper(temporary, command=GRANDCHILDREN):
    return RunningStandin([sys.executable, "-c", SLEEPER], temporary, {"command": command})


def test_ready_line_names_process_and_folder_is_private(tmp_path):
    with start_sleeper(tmp_path) as sleeper:
        folder = Path(sleeper.ready["folder"])
        assert sleeper.ready["pid"] == sleeper.process.pid
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        assert folder.parent == tmp_path


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signal_ends_children_and_removes_folder(tmp_path, number):
    sleeper = start_sleeper(tmp_path)
    groups = groups_below(sleeper.process.pid)
    sleeper.process.send_signal(number)
    assert sleeper.process.wait(timeout=20) == 0
    wait_until_ended(groups)
    assert sleeper.folders() == []
    sleeper.stop()


def test_end_of_input_ends_children_and_removes_folder(tmp_path):
    sleeper = start_sleeper(tmp_path)
    groups = groups_below(sleeper.process.pid)
    assert groups
    assert sleeper.stop() == 0
    wait_until_ended(groups)
    assert sleeper.folders() == []


def test_children_that_ignore_the_request_to_end_are_killed(tmp_path):
    sleeper = start_sleeper(tmp_path, STUBBORN)
    groups = groups_below(sleeper.process.pid)
    assert sleeper.stop() == 0
    wait_until_ended(groups)
    assert sleeper.folders() == []


def test_killed_standin_leaves_no_process_and_its_folder_to_the_next(tmp_path):
    killed = start_sleeper(tmp_path)
    groups = groups_below(killed.process.pid)
    killed.process.kill()
    killed.stop()
    wait_until_ended(groups)
    assert len(killed.folders()) == 1
    with start_sleeper(tmp_path) as following:
        assert following.folders() == [Path(following.ready["folder"])]
    assert following.folders() == []


def test_killed_parent_takes_everything_along(tmp_path):
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT, SLEEPER],
        stdout=subprocess.PIPE,
        env={**os.environ, "TMPDIR": str(tmp_path)},
    )
    ready = json.loads(parent.stdout.readline())
    groups = groups_below(ready["pid"])
    parent.kill()
    parent.communicate()
    wait_until_ended(groups)
    wait_until(lambda: not Path(ready["folder"]).exists(), 10, "removal of the folder")


PARENT = """
import subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", sys.argv[1]], stdin=subprocess.PIPE)
child.stdin.write(b'{"command": "sleep 600 & sleep 600"}\\n')
child.stdin.flush()
time.sleep(600)
"""


def test_two_at_once_do_not_sweep_each_other(tmp_path):
    with start_sleeper(tmp_path) as first, start_sleeper(tmp_path) as second:
        assert Path(first.ready["folder"]).exists()
        assert len(second.folders()) == 2
    assert second.folders() == []


def test_sweep_leaves_what_is_not_a_folder_of_ours(tmp_path, monkeypatch):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (tmp_path / "restoreproof-standin-link").symlink_to(elsewhere)
    (tmp_path / "restoreproof-notes").mkdir()
    (tmp_path / "restoreproof-standin-old-1-x").mkdir()
    monkeypatch.setattr(contract.tempfile, "gettempdir", lambda: str(tmp_path))
    assert contract.sweep() == [tmp_path / "restoreproof-standin-old-1-x"]
    assert {path.name for path in tmp_path.iterdir()} == {
        "elsewhere",
        "restoreproof-notes",
        "restoreproof-standin-link",
    }


def test_nonsense_on_standard_input_is_one_error_line():
    done = subprocess.run([sys.executable, "-c", SLEEPER], input=b"hello\n", capture_output=True, check=False)
    assert done.returncode == 1
    assert "JSON" in json.loads(done.stdout)["error"]
    assert done.stderr == b""


def test_child_that_ends_by_itself_is_reported_with_its_last_words(tmp_path):
    with contract.Children() as children:
        children.spawn(["/bin/sh", "-c", "echo no disk; exit 7"], log=tmp_path / "server.log")
        with pytest.raises(contract.StandinError, match="server ended with 7: no disk"):
            wait_until(children.check, 5, "the end")


def test_waiting_says_what_did_not_happen():
    with pytest.raises(TimedOut, match=r"the tide did not happen within 0\.01 s"):
        wait_until(lambda: False, 0.01, "the tide")


def test_free_ports_are_free():
    assert len({contract.free_port() for _ in range(20)}) > 15
