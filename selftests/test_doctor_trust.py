"""Certificates and servers as administrators make them: what the doctor calls each."""

import socket
from contextlib import ExitStack, closing
from dataclasses import replace

import pytest
from certificate_examples import BAD, GOOD, NOT_SERVED, SERVED, authority
from hostile_server import Misdeed, hostile
from planted_store import OTHERS, SOURCES, Plan, make, patient_of, served
from tls_server import serving

from restoreproof.fixtures.budget import Budget
from restoreproof.fixtures.doctor import examining
from restoreproof.fixtures.doctor.chart import Chart
from restoreproof.fixtures.doctor.route import look_at_route
from restoreproof.fixtures.doctor.trust import look_at_trust
from restoreproof.fixtures.tls import OLD
from restoreproof.reports.findings import GOOD as WELL
from restoreproof.reports.findings import NOTE
from restoreproof.reports.redaction import Redactor

NAMED = {
    **{key: set() for key in GOOD},
    "expired": {"expired"},
    "expired-intermediate": {"expired"},
    "expired-root": {"wrong-ca"},
    "not-yet-valid": {"not-yet-valid"},
    "foreign-authority": {"wrong-ca"},
    "impostor-of-the-authority": {"wrong-ca"},
    "intermediate-not-sent": {"intermediate-missing"},
    "signed-by-no-authority": {"wrong-ca"},
    "another-host": {"name-not-covered"},
    "common-name-only": {"name-not-covered"},
    "another-address": {"name-not-covered"},
    "address-as-host": {"name-not-covered"},
    "self-signed-and-not-trusted": {"wrong-ca"},
    "self-signed-again": {"wrong-ca"},
    "for-clients-only": {"wrong-ca"},
    "ends-soon": {"expires-soon"},
    "short-life-ends-soon": {"expires-soon"},
    "tls-1-3-only": {"no-tls12"},
    "tls-1-0-only": {"old-tls"},
}
"""Every example; what is only weak is left to the checks of a run."""


def chart():
    return Chart(SOURCES, Redactor(()))


def named(found):
    return {finding.name for finding in found.found if finding.severity not in (WELL, NOTE)}


@pytest.mark.parametrize("name", {**GOOD, **BAD, **SERVED, **NOT_SERVED})
def test_certificate_is_called_by_its_name(name, tmp_path):
    if name == "tls-1-0-only" and not OLD.is_possible():
        pytest.skip("this machine's OpenSSL refuses to speak TLS 1.0")
    with serving({**GOOD, **BAD, **SERVED, **NOT_SERVED}[name]()) as endpoint:
        found = chart()
        answer = look_at_trust(replace(patient_of(Plan(), 1, tmp_path), endpoint=endpoint), found)

    assert named(found) == NAMED.get(name, set())
    assert (answer is None) == (name in NOT_SERVED)
    assert found.has("trusted") == (not named(found) - {"expires-soon", "no-tls12"})


def test_certificate_that_names_the_bucket_s_host_alone_is_enough(tmp_path):
    plan = Plan(style="virtual", names=("*.s3.localhost",))
    with served(plan) as (_, port):
        found = chart()
        look_at_trust(patient_of(plan, port, tmp_path), found)

    assert named(found) == set()


def test_folder_for_cas_holds_fifty(tmp_path):
    with hostile(kind=lambda *given: make(Plan(), *given)) as store:
        ca = store.endpoint.ca + authority().pem * 50
        found = chart()
        look_at_trust(replace(patient_of(Plan(), 1, tmp_path), endpoint=replace(store.endpoint, ca=ca)), found)

    assert named(found) == {"too-many-cas"}


@pytest.mark.parametrize(
    ("misdeed", "name"),
    [
        (Misdeed(lambda talk: talk.reset(), when="handshake"), "no-handshake"),
        (Misdeed(lambda talk: talk.reset(), when="head"), "no-http-answer"),
        (Misdeed(lambda talk: talk.hang(), when="head"), "answer-missing"),
    ],
    ids=["handshake", "answer", "silence"],
)
def test_server_that_breaks_off_is_named(misdeed, name, tmp_path):
    with hostile(misdeed, kind=lambda *given: make(Plan(), *given)) as store:
        found = chart()
        patient = replace(patient_of(Plan(), 1, tmp_path, Budget(0.6)), endpoint=store.endpoint)
        look_at_trust(patient, found)

    assert named(found) == {name}


def test_node_with_another_certificate_is_named(tmp_path):
    with served(Plan()) as (_, port), served(Plan(issuer=OTHERS)) as (_, other):
        plan = Plan(addresses=("127.0.0.1", f"127.0.0.1:{other}"))
        visit = examining.begin(patient_of(plan, port, tmp_path), SOURCES)
        visit.examine()

    [told] = [finding for finding in visit.report().findings if finding.name == "node-not-trusted"]
    assert f"127.0.0.1:{other}: " in told.seen
    assert f"127.0.0.1:{port}: " not in told.seen
    assert named(visit.chart) == {"node-not-trusted"}


def test_address_that_takes_no_connection_is_told_apart_from_a_closed_port(tmp_path):
    with ExitStack() as stack, socket.create_server(("127.0.0.1", 0), backlog=0) as full:
        port = full.getsockname()[1]
        for _ in range(4):  # what fills the queue of a server that accepts nobody
            waiting = stack.enter_context(closing(socket.socket()))
            waiting.setblocking(False)
            waiting.connect_ex(("127.0.0.1", port))
        found = chart()
        place = look_at_route(patient_of(Plan(), port, tmp_path, Budget(0.5)), found)

    assert (named(found), place) == ({"silent-address"}, [])
