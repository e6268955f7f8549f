"""What a run of a part says and ends with, what its plan tells, and which words are refused before anything starts."""

import re
import subprocess
import sys
from io import StringIO

import example_runs as examples
import pytest
from defective_runs import laboratory, write_profile
from live_runs import COMMAND
from recording_server import KEYS
from rich.console import Console

from restoreproof.fixtures.endpoints import Endpoint
from restoreproof.reports import figures, html, terminal
from restoreproof.standins.certificates import Authority
from restoreproof.standins.proxy.catalogue import DEFECTS

USAGE = 4
ONLY_WITH_THREE_KEYS = ("--check", "PERM-01.backup-key-cannot-read")
LEFT_OUT = {"verdict": "not run", "reason": "not asked for"}
needs_endpoint = pytest.mark.skipif(sys.platform != "linux", reason="the embedded endpoint runs on Linux only")


@pytest.fixture(scope="module")
def lab():
    with laboratory() as running:
        yield running


@pytest.fixture
def partial_run():
    selection = {
        "checks": ["TLS-03.host-name", "TLS-12.not-expired"],
        "areas": [],
        "level": None,
        "scale": "smoke",
        "filtered": True,
    }
    given = {1: examples.record(1), 4: examples.record(4, "not run", reason="blocked by TLS-02")}
    every = (given.get(index) or examples.record(index, **LEFT_OUT) for index in range(len(examples.CLAIMS)))
    return examples.run(every, examples.header(selection=selection))


def call(*words, **special):
    return subprocess.run([*COMMAND, *words], capture_output=True, text=True, timeout=120, check=False, **special)


def remote_profile(folder):
    """A profile of an endpoint that nothing may connect to here; its keys are not set."""
    url, domain = "https://localhost:9000", "s3.localhost"
    endpoint = Endpoint(url, Authority().pem, "us-east-1", "path", domain, ("127.0.0.1",), "", KEYS, "url")
    return write_profile(folder, endpoint, "acme", "sqlbackups")


def summary(run):
    stream = StringIO()
    terminal.print_summary(run, Console(file=stream, force_terminal=False))
    return stream.getvalue()


def test_sums_count_only_what_was_asked_for(partial_run):
    assert [(area.name, area.proven, area.total) for area in figures.areas(partial_run)] == [("tls", 1, 2)]
    assert figures.total(partial_run).count("not run") == 1
    assert [(kind.met, kind.total) for kind in (figures.musts(partial_run), *figures.stakes(partial_run))] == [
        (1, 2), (1, 1), (0, 1),
    ]  # fmt: skip


def test_reports_say_how_much_was_not_asked_for(partial_run):
    assert re.search(r"^All areas +1 of 2 ", summary(partial_run), re.MULTILINE)
    assert f"not asked for {len(examples.CLAIMS) - 2} checks" in summary(partial_run)
    assert f"{len(examples.CLAIMS) - 2} checks were not asked for" in html.render(partial_run)


@needs_endpoint
def test_run_in_which_nothing_gave_an_answer_is_never_green(lab, tmp_path):
    """One pair of keys can't show what narrow keys may do."""
    profile = write_profile(tmp_path, lab.endpoint, "narrow")
    text = profile.read_text(encoding="utf-8")
    profile.write_text(text.partition("[keys.restore]")[0], encoding="utf-8")

    done = lab.command(
        "certify", "--provider", str(profile), "--report-dir", str(tmp_path / "runs"), *ONLY_WITH_THREE_KEYS
    )

    assert "no check that was asked for gave an answer" in done.stdout
    assert done.returncode == 1


@needs_endpoint
def test_plain_lines_say_which_area_is_being_proven(lab):
    """The last check of one area and the first of another: each area is announced once, before its verdicts."""
    done, _ = lab.certify("--area", "tls", "--check", "TLS-02.chain-to-given-ca", "--check", "TLS-03.host-name")

    lines = done.stdout.splitlines()
    announced = [number for number, line in enumerate(lines) if "proving" in line]
    assert [lines[number] for number in announced] == ["laboratory: proving TLS: 2 checks"]
    assert min(number for number, line in enumerate(lines) if "conforms" in line) > announced[0]


@pytest.mark.parametrize("command", ["certify", "serve"])
def test_unknown_defect_is_refused_before_anything_starts(command, tmp_path):
    done = call(command, "--provider", "embedded", "--defect", "abort-ignord", cwd=tmp_path)

    assert "abort-ignored" in DEFECTS
    assert (done.returncode, done.stdout, list(tmp_path.iterdir())) == (USAGE, "", [])
    assert "did you mean 'abort-ignored'?" in done.stderr


def test_plan_checks_the_profile_and_names_what_it_will_meet(tmp_path):
    bad = tmp_path / "bad.toml"
    bad.write_text('name = "bad"\n')

    refused = call("certify", "--plan", "--provider", str(bad))
    told = call("certify", "--plan", "--provider", str(remote_profile(tmp_path)))

    assert (refused.returncode, refused.stdout) == (USAGE, "")
    assert "title: is missing" in refused.stderr
    assert told.returncode == 0
    assert "acme: An endpoint of the self-tests, at https://localhost:9000; bucket: sqlbackups" in told.stdout
    for word in ("forged", "handshakes", "plain HTTP", "don't exist", "clean-up", "rights:"):
        assert word in told.stdout


def test_serve_shows_no_secret_of_others(tmp_path):
    done = call("serve", "--provider", str(remote_profile(tmp_path)))

    assert (done.returncode, done.stdout) == (USAGE, "")
    assert "acme is served by others" in done.stderr


@needs_endpoint
def test_sweep_says_plainly_that_nothing_is_left(lab):
    assert lab.command("sweep", "--provider", "embedded").stdout == "embedded: no killed run left anything\n"
