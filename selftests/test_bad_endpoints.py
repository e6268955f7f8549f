"""Whatever an endpoint does, a run ends: in a verdict or one line, in bounded time and memory, and cleaned up."""

import os
import re
import signal
import socket
import subprocess
import sys
import threading
from contextlib import ExitStack
from dataclasses import dataclass

import pytest
from defective_runs import environment, write_profile
from hostile_server import Misdeed, endpoint_at, hostile
from live_runs import COMMAND
from misdeeds import (
    CASES,
    HANGING,
    HEAD,
    LISTS,
    OTHERS,
    PAGE,
    PAGED,
    VARIANTS,
    answer,
    bomb,
    endless_pages,
    for_ever,
    groups,
    hang_after,
    misdeeds,
    say,
)

from restoreproof.reports.reader import read_run
from restoreproof.standins.certificates import Authority

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the memory of a process is asked for as on Linux")

VICTIM = "URL-12.special-characters"
LATER = "WIRE-09.read-after-write"
WITNESS = "WIRE-05.range-status"
LIST = "LIST-02.paged-list"
TLS = "TLS-02.chain-to-given-ca"
HURRY = ("--check-deadline", "3")
LONGEST_RUN = 90
"""Seconds after which a run is killed, which fails the test: all these end by their deadlines, long before."""
MOST_MEMORY = 400 * 1024
"""KiB that a run may hold at its peak."""
USAGE = 4


@dataclass(frozen=True)
class Done:
    """How a command ended, and the most memory in KiB that its process held."""

    code: int
    said: str
    complained: str
    memory: int

    @property
    def one_line(self):
        """What it complained, which must be one line and no traceback."""
        lines = self.complained.strip().splitlines()
        assert len(lines) == 1, self.complained + self.said
        assert "Traceback" not in self.said
        return lines[0]


MEASURED = """
import resource, subprocess, sys
code = subprocess.call(sys.argv[2:])
with open(sys.argv[1], "w") as file:
    print(code, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss, file=file)
"""
"""A process that tells how its child ended. In between because to Linux a child has held at least what its parent held
when it started it, and the tests' own process may be larger than any run."""


def command(folder, *words, environment=None, before=()):
    """Run a command to its end; it is killed, and its code negative, should it not come to one."""
    measured = folder / "measured"
    with (folder / "said").open("wb") as said, (folder / "complained").open("wb") as complained:
        process = subprocess.Popen(
            [sys.executable, "-c", MEASURED, str(measured), *before, *COMMAND, *words],
            env=environment,
            cwd=folder,
            stdout=said,
            stderr=complained,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
        )
        clock = threading.Timer(LONGEST_RUN, os.killpg, (process.pid, signal.SIGKILL))
        clock.start()
        process.wait()
        clock.cancel()
    code, memory = measured.read_text(encoding="utf-8").split() if measured.exists() else (process.returncode, 0)
    texts = [(folder / name).read_text(encoding="utf-8") for name in ("said", "complained")]
    return Done(int(code), *texts, int(memory))


def certify(folder, endpoint, *words, before=(), **variables):
    """Certify one endpoint in a folder of its own."""
    profile = write_profile(folder, endpoint, "odd", endpoint.bucket)
    where = ("--provider", str(profile), "--report-dir", str(folder / "runs"), "--require", "as-declared")
    told = environment(folder, endpoint) | variables
    return command(folder, "certify", *where, *words, environment=told, before=before)


def run_of(folder, name="odd"):
    (file,) = (folder / "runs").glob(f"{name}/*/run.jsonl")
    return read_run(file)


def verdicts(run):
    asked = [record for record in run.records if record.id in run.header.selection["checks"]]
    return {record.id: (record.verdict, record.symptom) for record in asked}


def ledgers(folder):
    return [path for path in folder.glob("state/restoreproof/ledger/*") if path.is_dir()]


@pytest.mark.parametrize("cases", [HANGING, OTHERS], ids=["waits", "others"])
def test_every_misdeed_is_a_verdict_on_its_check_and_on_no_other(tmp_path, cases):
    """A server for every nine cases, all in one run; what is left in peace conforms, and nothing is left behind."""
    dealt = {f"group{number}": group for number, group in enumerate(groups(cases))}
    with ExitStack() as stack:
        stores = {name: stack.enter_context(hostile(*misdeeds(group))) for name, group in dealt.items()}
        done = certify_all(tmp_path, {name: store.endpoint for name, store in stores.items()}, HURRY)

    for name, group in dealt.items():
        run = run_of(tmp_path, name)
        (victim,) = [record for record in run.records if record.id == VICTIM]
        expected = {variant: CASES[group[variant]].symptom if variant in group else "" for variant in VARIANTS}
        assert {variant.id: variant.symptom for variant in victim.variants} == expected, group
        assert verdicts(run)[WITNESS] == ("conforms", "")
        assert (run.footer.cleanup["error"], run.footer.cleanup["left"]) == ("", [])
        assert (stores[name].objects, stores[name].open) == ({}, {})
        redirected = [variant for variant in group if group[variant] == "redirect_loop"]
        assert [stores[name].count("part", VARIANTS[variant]) for variant in redirected] in ([], [1])
    assert (done.code, ledgers(tmp_path)) == (1, []), done.complained
    assert done.memory < MOST_MEMORY
    assert "Traceback" not in done.said + done.complained


def test_every_list_that_has_no_end_is_a_verdict(tmp_path):
    with ExitStack() as stack:
        stores = {name: stack.enter_context(hostile(case.misdeed(PAGED))) for name, case in LISTS.items()}
        done = certify_all(tmp_path, {name: store.endpoint for name, store in stores.items()}, ("--check", LIST))

    seen = {name: verdicts(run_of(tmp_path, name))[LIST] for name in stores}
    assert seen == {name: ("fails", case.symptom) for name, case in LISTS.items()}
    assert (done.code, ledgers(tmp_path), done.memory < MOST_MEMORY) == (1, [], True)


def certify_all(folder, endpoints, words):
    profiles = [write_profile(folder, endpoint, name, endpoint.bucket) for name, endpoint in endpoints.items()]
    named = [word for profile in profiles for word in ("--provider", str(profile))]
    asked = [word for check in (VICTIM, WITNESS) for word in ("--check", check)]
    where = ("--report-dir", str(folder / "runs"), "--require", "as-declared")
    keys = environment(folder, next(iter(endpoints.values())))
    return command(folder, "certify", *named, *asked, *where, *words, environment=keys)


@pytest.mark.parametrize("when", ["accept", "handshake"])
def test_reset_before_tls_is_a_verdict_or_one_line(tmp_path, when):
    with hostile(Misdeed(lambda talk: talk.reset(), when=when)) as store:
        done = certify(tmp_path, store.endpoint, "--check", TLS, "--check", VICTIM, *HURRY)

    assert (done.code, ledgers(tmp_path)) == (1, [])
    if done.complained:  # whoever is reset at once may see no connection at all
        assert re.search(r"can't be (reached|connected to)", done.one_line)
    else:
        seen = verdicts(run_of(tmp_path))
        assert seen[TLS] in (("fails", "no-handshake"), ("fails", "reset")), done.said
        assert seen[VICTIM] == ("not run", "")


@pytest.mark.parametrize("when", ["accept", "head"])
def test_endpoint_that_says_nothing_is_one_line(tmp_path, when):
    with hostile(Misdeed(lambda talk: talk.hang(), when=when)) as store:
        done = certify(tmp_path, store.endpoint, *HURRY)

    assert (done.code, "takes connections but" in done.one_line) == (1, True)
    assert (ledgers(tmp_path), list(tmp_path.glob("runs/*/*"))) == ([], [])


def test_endpoint_that_never_accepts_is_one_line(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        done = certify(tmp_path, endpoint_at(listener.getsockname()[1]), *HURRY)

    assert (done.code, "does not begin to speak TLS" in done.one_line) == (1, True)


def test_closed_port_is_one_line(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    done = certify(tmp_path, endpoint_at(port))

    assert (done.code, "nothing listens on" in done.one_line) == (1, True)


def test_host_that_no_dns_knows_is_one_line(tmp_path):
    done = certify(tmp_path, endpoint_at(443, host="no-such-host.invalid", addresses=()))

    assert (done.code, "no DNS entry for no-such-host.invalid" in done.one_line) == (1, True)


def test_wrong_ca_is_a_verdict_and_nothing_is_sent(tmp_path):
    with hostile(ca=Authority().pem) as store:
        done = certify(tmp_path, store.endpoint, "--check", TLS, "--check", VICTIM, *HURRY)

    assert done.code == 1
    assert verdicts(run_of(tmp_path)) == {TLS: ("fails", "not-trusted"), VICTIM: ("not run", "")}, done.said
    (reason,) = {record.reason for record in run_of(tmp_path).records if record.id == VICTIM}
    assert reason.startswith('the endpoint\'s certificate is not signed by the CA that ca = "ca.pem" of '), reason
    assert ("odd.toml" in reason, "check ca" in reason, reason in done.said) == (True, True, True)
    assert [request for request in store.requests if "authorization" in request.headers] == []
    assert ledgers(tmp_path) == []


def test_wrong_ca_is_one_line_where_no_check_of_tls_was_asked_for(tmp_path):
    """Nothing can be judged then, and nothing is: neither red nor green."""
    with hostile(ca=Authority().pem) as store:
        done = certify(tmp_path, store.endpoint, "--check", VICTIM, *HURRY)

    assert (done.code, 'not signed by the CA that ca = "ca.pem" of' in done.one_line) == (1, True)
    assert [request for request in store.requests if "authorization" in request.headers] == []
    assert (ledgers(tmp_path), list(tmp_path.glob("runs/*/*"))) == ([], [])


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (
            lambda text: text.replace('ca        = "ca.pem"', 'ca = "absent.pem"'),
            "[endpoint].ca: the file does not exist",
        ),
        (lambda text: text.replace('ca        = "ca.pem"', 'ca = "odd.toml"'), "odd.toml"),
        (lambda text: text.replace("SELFTEST_BACKUP_ID", "NOBODY_SET_THIS"), "NOBODY_SET_THIS"),
        (lambda text: text.replace("[endpoint]", "[endpoint"), "odd.toml"),
        (lambda text: text.replace("domain", "doman"), "did you mean 'domain'?"),
    ],
    ids=["no CA file", "no certificate in it", "missing variable", "no TOML", "unknown word"],
)
def test_wrong_profile_is_one_line(tmp_path, change, said):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        endpoint = endpoint_at(listener.getsockname()[1])
        profile = write_profile(tmp_path, endpoint, "odd", endpoint.bucket)
        profile.write_text(change(profile.read_text(encoding="utf-8")), encoding="utf-8")
        done = command(tmp_path, "certify", "--provider", str(profile), environment=environment(tmp_path, endpoint))

    assert (done.code, said in done.one_line) == (USAGE, True), done.complained


@pytest.mark.parametrize("words", ["--deadline soon", "--deadline 0", "--check-deadline nan", "--check-deadline -1"])
def test_deadline_that_is_no_time_is_one_line(tmp_path, words):
    done = command(tmp_path, "certify", "--provider", "embedded", *words.split())

    assert (done.code, done.said) == (USAGE, "")
    assert words.split()[0] in done.one_line


def dies(talk):
    talk.die()


def falls_silent(talk):
    """From this request on, nothing is answered any more, and every connection hangs."""
    talk.store.misdeeds = (Misdeed(lambda later: later.hang(), when="accept"),)
    talk.store.is_dead = True
    talk.hang()


@pytest.mark.parametrize("do", [dies, falls_silent])
def test_store_that_dies_of_a_request_ends_the_run(tmp_path, do):
    """The check that it died of fails, the rest is not run, and what it may still hold is left to a sweep."""
    with hostile(Misdeed(do, "part")) as store:
        done = certify(tmp_path, store.endpoint, "--check-deadline", "3")
        told = environment(tmp_path, store.endpoint)
        swept = command(tmp_path, "sweep", "--provider", "odd.toml", environment=told) if do is dies else done

    run = run_of(tmp_path)
    (died,) = [record for record in run.records if record.symptom == ("reset" if do is dies else "timeout")]
    reasons = {record.reason for record in run.records if record.verdict == "not run"}
    assert (died.verdict, died.requirement.level) == ("fails", "must"), done.said
    assert f"the endpoint stopped answering during {died.id}" in reasons
    assert done.said.count("stopped answering during") == 2  # when it is found out, and in the summary
    assert (done.code, run.footer.rung) == (1, "not certified")
    assert "clean-up failed" in run.footer.cleanup["error"]
    assert (swept.code, len(ledgers(tmp_path))) == (1, 1)


@pytest.mark.parametrize(
    ("on", "do"),
    [
        pytest.param("list", endless_pages, id="pages for ever"),
        pytest.param("list", say(answer(PAGE.format("again"))), id="same page for ever"),
        pytest.param("list", say(answer("<L><IsTruncated>true</IsTruncated></L>")), id="no next page"),
        pytest.param("list", say(bomb()), id="XML bomb"),
        pytest.param("list", for_ever(f"{HEAD}Content-Length: 100000000\r\n\r\n", "<a/>" * 9999), id="100 MB"),
        pytest.param("list", for_ever(f"{HEAD}\r\n<L>", "<Contents><Key>k</Key></Contents>" * 999), id="no end"),
        pytest.param("list", hang_after(), id="no answer"),
        pytest.param("uploads", endless_pages, id="pages of uploads for ever"),
        pytest.param("uploads", say(answer("<L><IsTruncated>true</IsTruncated></L>")), id="no next page of uploads"),
    ],
)
def test_list_that_clean_up_cannot_trust_is_said_and_left_to_a_sweep(tmp_path, on, do):
    """Once the check is over, so that its own lists are as they should be."""

    def once_it_was_read(talk):
        read = any(request.kind == "read" for request in talk.store.requests)
        return do(talk) if read and talk.request.key == "" and talk.request.method == "GET" else talk.say(good(talk))

    with hostile(Misdeed(once_it_was_read, on)) as store:
        done = certify(tmp_path, store.endpoint, "--check", WITNESS, *HURRY)

    assert verdicts(run_of(tmp_path)) == {WITNESS: ("conforms", "")}, done.said
    assert "clean-up failed" in run_of(tmp_path).footer.cleanup["error"]
    assert (done.code, len(ledgers(tmp_path)), done.memory < MOST_MEMORY) == (1, 1, True)


def good(talk):
    return talk.store.answer(talk.request, b"")


@pytest.mark.parametrize("deadline", ["0.001", "3"], ids=["before the first check", "in the middle of a check"])
def test_deadline_of_the_run_ends_it_and_cleans_up(tmp_path, deadline):
    """Who is cut off by the run's own deadline is not to blame: that check has no answer, as those after it."""
    with hostile(Misdeed(hang_after(), "read", word="range-is-answered-206")) as store:
        checks = ("--check", WITNESS, "--check", LATER)
        done = certify(tmp_path, store.endpoint, *checks, "--deadline", deadline, "--check-deadline", "60")

    run = run_of(tmp_path)
    assert verdicts(run) == {LATER: ("not run", ""), WITNESS: ("not run", "")}, done.said
    assert {record.reason for record in run.records} == {"not asked for", "the run's deadline is over"}
    assert (run.footer.cleanup["error"], run.footer.cleanup["left"], store.objects) == ("", [], {})
    assert (done.code, ledgers(tmp_path)) == (1, [])


def test_check_that_does_not_end_by_itself_is_an_error_of_ours(tmp_path):
    (tmp_path / "endless.py").write_text(ENDLESS, encoding="utf-8")
    with hostile() as store:
        words = ("--check", LATER, "--check", WITNESS, "-p", "endless", "--check-deadline", "1")
        done = certify(tmp_path, store.endpoint, *words, PYTHONPATH=str(tmp_path))

    run = run_of(tmp_path)
    assert verdicts(run) == {LATER: ("error", ""), WITNESS: ("conforms", "")}, done.said
    assert (done.code, run.footer.cleanup["error"], ledgers(tmp_path)) == (1, "", [])


ENDLESS = """\
import pytest

@pytest.hookimpl(tryfirst=True)
def pytest_runtest_call(item):
    while "read_at_once" in item.name:
        pass
"""


@pytest.mark.parametrize("size", [1, 40], ids=["at the start", "at the end"])
def test_full_disk_is_one_line(tmp_path, size):
    """On a file system of so many KiB, in a mount name space of its own."""
    (tmp_path / "runs").mkdir()
    with hostile() as store:
        done = certify(tmp_path, store.endpoint, "--check", WITNESS, before=on_small_disk(tmp_path / "runs", size))

    told = done.complained + "".join(line for line in done.said.splitlines() if "recorded" in line)
    assert (done.code, "No space left on device; free some space" in told) == (1, True), done.said + done.complained
    assert "Traceback" not in done.said + done.complained
    assert (store.objects, ledgers(tmp_path)) == ({}, [])


def on_small_disk(folder, size):
    """What to put before a command so that it sees a small disk in place of a folder."""
    mount = f'mount -t tmpfs -o size={size}k none "{folder}" && exec "$@"'
    words = ["unshare", "--map-root-user", "--mount", "sh", "-c", mount, "sh"]
    if subprocess.run([*words, "true"], capture_output=True, check=False).returncode:
        pytest.skip("this machine lets nobody mount a small disk for itself")
    return words


def test_folder_that_nobody_may_write_to_is_one_line(tmp_path):
    with hostile() as store:
        words = ("--report-dir", "/proc/restoreproof", "--check", WITNESS)
        done = certify(tmp_path, store.endpoint, *words)

    assert (done.code, "--report-dir" in done.one_line) == (USAGE, True)
    assert (store.requests, ledgers(tmp_path)) == ([], [])
