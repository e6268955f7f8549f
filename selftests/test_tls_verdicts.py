"""Certificates that SQL Server's platforms accept turn no TLS check red; each bad one turns its own red."""

import os
import subprocess
import sys
from contextlib import ExitStack
from datetime import UTC, datetime

import certificate_examples as examples
import pytest
from certificate_examples import BAD, GOOD, NOT_SERVED, SERVED
from defective_runs import write_profile
from tls_server import server_context, serving

from restoreproof.fixtures.answer import Finding
from restoreproof.fixtures.recorder import Recorder
from restoreproof.fixtures.tls import OLD, Offer, TlsProbe, speaks_s3
from restoreproof.fixtures.transport import Transport
from restoreproof.reports.reader import read_run
from restoreproof.reports.record import RED
from restoreproof.reports.redaction import Redactor
from restoreproof.reports.register import load_register

REGISTER = load_register()
ALL = {**GOOD, **BAD, **SERVED, **NOT_SERVED}
PARTS = ("ID", "SECRET")
NEWEST = ("TLSv1.2", "TLSv1.3")


@pytest.mark.parametrize("name", ALL)
def test_a_certificate_turns_red_what_is_wrong_with_it_and_nothing_else(name):
    example = ALL[name]()
    with serving(example) as endpoint:
        assert red(TlsProbe(endpoint)) == example.red


@pytest.mark.parametrize("name", GOOD)
def test_the_other_checks_can_run_behind_a_good_certificate(name):
    with serving(GOOD[name]()) as endpoint:
        assert status_of_a_request(endpoint) == 403
        with Transport(endpoint).connect(endpoint.host) as connection:
            assert connection.version() == "TLSv1.3"


@pytest.mark.parametrize("name", SERVED)
def test_the_other_checks_can_run_behind_what_is_only_advised_against(name):
    with serving(SERVED[name]()) as endpoint:
        assert status_of_a_request(endpoint) == 403


@pytest.mark.parametrize("newest", NEWEST)
def test_the_second_connection_does_offer_the_session_of_the_first(newest):
    example = examples.plain()
    context = server_context(example)
    with serving(example, context) as endpoint:
        TlsProbe(endpoint).ask_twice(newest)

    assert context.session_stats()["hits"] == 1


def test_an_offer_that_the_local_openssl_cannot_make_is_known_before_it_is_made():
    assert OLD.is_possible()
    assert not Offer(oldest="TLSv1", newest="TLSv1.1", ciphers="ECDHE+AESGCM").is_possible()


@pytest.mark.parametrize("name", BAD)
def test_no_request_is_sent_behind_a_bad_certificate(name):
    with serving(BAD[name]()) as endpoint:
        with pytest.raises(Finding) as refused:
            status_of_a_request(endpoint)
        with pytest.raises(OSError, match="certificate verify failed"):
            Transport(endpoint).connect(endpoint.host)
    assert refused.value.symptom == "tls"


def test_cross_signed_authorities_that_lead_nowhere_are_named_as_missing():
    one = examples.authority("One CA")
    other = examples.authority("Other CA", one)
    again = examples.Order(common_name="One CA", authority=True, key=one.key).signed_by(other)
    shown = examples.leaf(one)
    example = examples.Example(examples.authority().pem, shown.pem + again.pem + other.pem, shown.key_pem)
    with serving(example) as endpoint:
        assert TlsProbe(endpoint).handshake().missing_issuer(endpoint.ca) == "CN=One CA"


def test_the_command_line_gives_every_certificate_its_verdicts(tmp_path):
    made = {name.replace("-", "_"): make() for name, make in ALL.items()}
    with ExitStack() as stack:
        profiles = [profile(tmp_path / name, name, stack.enter_context(serving(e))) for name, e in made.items()]
        done = certify(tmp_path, profiles)
    runs = {name: seen(tmp_path, name, done) for name in made}
    assert {name: run[0] for name, run in runs.items()} == {name: example.red for name, example in made.items()}
    assert {name for name, run in runs.items() if run[1]} == {name for name, example in made.items() if not example.red}


def red(probe):
    """What the checks of the area ask, asked directly, less what comes after something that is red."""
    unmet, found = set(), set()
    for check, ask in questions(probe).items():
        if unmet & set(REGISTER[check].after):
            unmet.add(check)
        elif not is_met(ask):
            unmet.add(check)
            found.add(check)
    return found


def questions(probe):
    """A question for each check of the area, in the order of the register."""
    shown, now = probe.handshake, datetime.now(UTC)
    by_name, virtual_host = not probe.endpoint.names_an_address, f"sqlbackups.{probe.endpoint.domain}"
    asked = {
        examples.HANDSHAKE: lambda: shown().version in ("TLSv1.2", "TLSv1.3"),
        examples.CHAIN: lambda: shown().chain_problem(probe.ca) == "",
        examples.SELF_SIGNED: lambda: not shown().stands_for_itself(probe.ca),
        examples.KEYS: lambda: shown().weak_keys == [],
        examples.SIGNATURES: lambda: shown().weak_signatures == [],
        examples.NAME: lambda: shown().covers(probe.host) == "",
        examples.ADDRESS: lambda: by_name or probe.address in shown().addresses,
        examples.EXPIRED: lambda: shown().expired(now) == [],
        examples.PREMATURE: lambda: shown().premature(now) == [],
        examples.MARGIN: lambda: shown().expiring(now) == [],
        examples.OPEN_TO_ALL: lambda: probe.ask().startswith(b"HTTP/1.1 403 "),
        examples.SENT: lambda: shown().missing_issuer(probe.ca) == "",
        examples.TLS12: lambda: probe.handshake_tls12().version == "TLSv1.2",
        examples.SUITES: lambda: "-GCM-" in probe.handshake_mainstream().cipher,
        examples.OLD: lambda: probe.old_version_served() == "",
        examples.RESUMED: lambda: all(b" 403 " in a for v in NEWEST for a in probe.ask_twice(v)),
        examples.VIRTUAL: lambda: not probe.endpoint.domain or shown().covers(virtual_host) == "",
        examples.CLEAR: lambda: not speaks_s3(probe.ask_in_clear()),
        examples.BY_ALPN: lambda: probe.handshake_http1().protocol in ("http/1.1", ""),
        examples.NO_ALPN: lambda: probe.ask(protocol="").startswith(b"HTTP/1.1 403 "),
    }
    assert tuple(asked) == examples.CHECKS
    return asked


def is_met(ask):
    try:
        return ask()
    except Finding:
        return False


def status_of_a_request(endpoint):
    transport = Transport(endpoint)
    try:
        url = f"{endpoint.url}/sqlbackups"
        return transport.send("GET", url, {"Host": endpoint.netloc("", "path")}, b"", Recorder(Redactor([]))).status
    finally:
        transport.close()


def profile(folder, name, endpoint):
    folder.mkdir()
    file = write_profile(folder, endpoint, name, endpoint.bucket)
    text = file.read_text()
    if not endpoint.domain:
        text = text.replace('domain    = ""\n', "").replace("virtual_host = true", "virtual_host = false")
    file.write_text(text)
    return file


def certify(folder, profiles):
    words = [word for file in profiles for word in ("--provider", str(file))]
    command = [sys.executable, "-m", "restoreproof.commands.main", "certify", "--area", "tls", "-n", "2", *words]
    keys = {f"SELFTEST_{role}_{part}": "X" * 20 for role in ("BACKUP", "RESTORE", "HOUSEKEEPING") for part in PARTS}
    environment = {**os.environ, **keys, "XDG_STATE_HOME": str(folder / "state")}
    return subprocess.run(
        [*command, "--require", "as-declared", "--report-dir", str(folder / "runs")],
        env=environment,
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def seen(folder, name, done):
    """The checks that a provider's run shows in red, and whether all is as declared."""
    files = list(folder.glob(f"runs/{name}/*/run.jsonl"))
    assert files, done.stdout + done.stderr
    run = read_run(files[0])
    asked = [record for record in run.records if record.id in examples.CHECKS]
    assert len(asked) == len(examples.CHECKS)
    return {record.id for record in asked if record.verdict in RED}, run.footer.as_declared
