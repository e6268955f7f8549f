"""A visit of the doctor from its beginning to its end: time, interruptions, secrets, styles, and what is left."""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hostile_server import Misdeed, hostile
from planted_store import BUCKET, ROLES, SOURCES, Plan, examined, leaf_of, make, patient_of, served
from test_doctor_findings import names

from restoreproof.fixtures.budget import Budget
from restoreproof.fixtures.doctor import examining
from restoreproof.fixtures.doctor.catalogue import catalogue
from restoreproof.fixtures.doctor.hurrying import all_within, within
from restoreproof.fixtures.doctor.patient import EXCHANGE_SECONDS, LOOK_SECONDS
from restoreproof.fixtures.ledger import ledger_root
from restoreproof.providers.facts import load_facts, shipped_facts
from restoreproof.providers.vocabulary import VOCABULARY
from restoreproof.reports.findings import AREAS, GOOD, SEVERITIES
from restoreproof.reports.rules import load_rules


@pytest.fixture(autouse=True)
def ledgers(tmp_path, monkeypatch):
    """Ledgers of the test's own."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))


def kept_ledgers():
    return [path for path in ledger_root().glob("*") if path.is_dir()]


def examined_with(misdeed, folder, budget, plan=None):
    """A visit to a store that behaves, but for one misdeed."""
    plan = plan or Plan()
    with hostile(misdeed, kind=lambda *given: make(plan, *given)) as store:
        plan.given = type("Given", (), {"pem": store.endpoint.ca})
        visit = examining.begin(patient_of(plan, store.endpoint.port, folder, budget), SOURCES)
        visit.examine()
        return visit.report(), store


HANGING = {
    "greeting": (Misdeed(lambda talk: talk.hang(), when="handshake"), {"tls-silent"}),
    "list": (Misdeed(lambda talk: talk.hang(), on="list", word="list-type"), {"answer-missing"}),
    "upload": (Misdeed(lambda talk: talk.hang(), on="open"), {"answer-missing"}),
    "object": (Misdeed(lambda talk: talk.hang(), on="put"), {"answer-missing"}),
}


@pytest.mark.parametrize("where", HANGING)
def test_hanging_store_ends_the_visit(where, tmp_path):
    misdeed, wrong = HANGING[where]

    examination, store = examined_with(misdeed, tmp_path, Budget(2.0, exchange=0.5))

    assert names(examination) >= wrong
    assert len([request for request in store.requests if misdeed.strikes("answer", request)]) <= 1
    assert {unlooked.area for unlooked in examination.unlooked} | {f.area for f in examination.findings} >= {
        *("route", "tls", "bucket", "rights", "rules")
    }
    assert (store.objects, store.open, kept_ledgers()) == ({}, {}, [])


def test_visit_and_clean_up_together_stay_below_ten_seconds():
    lines_of_a_ledger = 4

    assert LOOK_SECONDS + examining.CLEAN_SECONDS + lines_of_a_ledger * 0.5 < 10
    assert EXCHANGE_SECONDS < LOOK_SECONDS


def test_what_hangs_is_not_waited_for():
    over = threading.Event()

    with pytest.raises(TimeoutError):
        within(0.01, over.wait)
    assert all_within(0.2, {"hangs": over.wait, "says": lambda: "yes"}) == {"says": "yes"}
    assert isinstance(all_within(5, {"fails": lambda: {}["none"]})["fails"], KeyError)
    over.set()


def test_interruption_leaves_nothing(tmp_path):
    def interrupt(_talk):
        raise KeyboardInterrupt

    plan = Plan()
    with served(plan) as (store, port):
        visit = examining.begin(patient_of(plan, port, tmp_path), SOURCES)
        seen = []
        look = visit.chart.find
        visit.chart.find = lambda name, *words: (
            seen.append(dict(store.objects)) or (look(name, *words) if name != "backup-may-read" else interrupt(None))
        )
        plan.rights["backup"].add("get")
        with pytest.raises(KeyboardInterrupt):
            visit.examine()

        assert (store.objects, store.open, kept_ledgers()) == ({}, {}, [])


@pytest.mark.skipif(sys.platform == "win32", reason="signals as POSIX knows them")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signal_ends_a_visit_through_clean_up(number, tmp_path):
    plan, reached = Plan(), threading.Event()
    misdeed = Misdeed(lambda talk: reached.set() or talk.hang(), on="part")
    with hostile(misdeed, kind=lambda *given: make(plan, *given), leaf=leaf_of(plan)) as store:
        profile = patient_of(plan, store.endpoint.port, tmp_path).profile
        halves = [(role, half) for role in ROLES for half in ("id", "secret")]
        environ = {f"{role}_{half}".upper(): getattr(plan, half)(role) for role, half in halves}
        command = [sys.executable, "-m", "restoreproof.commands.main", "doctor", "--provider", str(profile.path)]
        with subprocess.Popen(command, env={**os.environ, **environ}, stderr=subprocess.PIPE) as process:
            assert reached.wait(30)
            assert len(store.objects) == len(store.open) == 1
            process.send_signal(number)
            errors = process.communicate(timeout=30)[1]

    assert (process.returncode, errors) == (2, b"")
    assert (store.objects, store.open, kept_ledgers()) == ({}, {}, [])


def test_what_can_not_be_removed_is_told_and_left_to_a_sweep(tmp_path):
    plan = Plan()
    plan.rights["housekeeping"] -= {"delete"}
    misdeed = Misdeed(lambda talk: talk.say("HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n"), on="delete")

    examination, store = examined_with(misdeed, tmp_path, None)

    assert names(examination) >= {"left-behind"}
    assert len(store.objects) == len(kept_ledgers()) == 1


def test_writes_one_object_and_one_upload_at_the_most(tmp_path):
    plan = Plan()
    for rights in plan.rights.values():
        rights |= {"list", "put", "get", "delete"}

    _, store = examined(plan, tmp_path)

    written = [request for request in store.requests if request.kind == "put"]
    assert len(written) == len([request for request in store.requests if request.kind == "open"]) == 1
    assert all(request.key.startswith("restoreproof-") and request.size < 100 for request in written)
    assert not kept_ledgers()


def test_housekeeping_key_that_may_not_look_keeps_all_from_being_written(tmp_path):
    plan = Plan()
    plan.rights["housekeeping"] = {"list"}

    examination, store = examined(plan, tmp_path)

    assert names(examination) == {"housekeeping-cannot-list"}
    assert {"versioning", "Object Lock", "lifecycle rules"} <= {unlooked.what for unlooked in examination.unlooked}
    assert not [request for request in store.requests if request.method in ("PUT", "POST")]


def test_one_key_for_all_is_named_and_its_rights_are_not_counted_against_it(tmp_path):
    plan = Plan()
    plan.id = lambda _role: f"{'ONE':Z<20}"
    plan.secret = lambda _role: "x" * 40
    plan.rights["backup"] = {"list", "put", "get", "delete", "rules"}

    examination, _ = examined(plan, tmp_path)

    assert names(examination) == {"one-key-for-all"}


def test_bucket_in_the_host_name_needs_a_certificate_for_it(tmp_path):
    examination, _ = examined(Plan(style="virtual", names=("localhost", "127.0.0.1")), tmp_path)

    assert names(examination) == {"bucket-not-covered", "name-known-here-alone"}


def test_bucket_in_the_host_name_needs_dns(tmp_path):
    examination, _ = examined(Plan(style="virtual", addresses=()), tmp_path)

    assert names(examination) == {"bucket-name-unknown"}
    assert {unlooked.because for unlooked in examination.unlooked} == {"the bucket's host name leads nowhere"}


def test_host_of_the_bucket_is_all_that_sql_server_asks_for(tmp_path, monkeypatch):
    look_up = socket.getaddrinfo

    def as_dns_does(host, *given, **named):
        if host == "nowhere.invalid":
            raise socket.gaierror(socket.EAI_NONAME, "no such name")
        return look_up("127.0.0.1" if host == f"{BUCKET}.s3.localhost" else host, *given, **named)

    monkeypatch.setattr(socket, "getaddrinfo", as_dns_does)
    plan = Plan(style="virtual", addresses=(), host="nowhere.invalid", names=("*.s3.localhost",))
    examination, _ = examined(plan, tmp_path)

    assert (names(examination), examination.unlooked) == (set(), ())
    assert any("sqlbackups.s3.localhost" in str(finding) for finding in examination.findings)


def test_bucket_of_the_other_style_is_named(tmp_path):
    examination, _ = examined(Plan(style="virtual", virtual=False), tmp_path)

    assert names(examination) == {"virtual-host-refused", "name-known-here-alone"}


def test_bucket_that_stands_in_the_host_name_alone_is_named(tmp_path):
    examination, _ = examined(Plan(domain="s3.localhost", only_virtual=True), tmp_path)

    assert names(examination) == {"path-style-refused"}


def test_region_that_statements_must_name_is_told(tmp_path):
    examination, _ = examined(Plan(region="eu-central-7", signs="eu-central-7"), tmp_path)

    told = next(finding for finding in examination.findings if finding.name == "region-to-be-named")
    assert names(examination) == {"region-to-be-named"}
    assert '{"s3": {"region":"eu-central-7"}}' in told.fix


def test_wrong_region_comes_with_the_right_one(tmp_path):
    examination, _ = examined(Plan(region="eu-central-7"), tmp_path)

    told = next(finding for finding in examination.findings if finding.name == "wrong-region")
    assert 'region = "eu-central-7"' in told.fix
    assert 'BACKUP_OPTIONS = \'{"s3": {"region":"eu-central-7"}}\'' in told.fix


def test_secrets_show_nowhere(tmp_path):
    plan = Plan(extra={"backup": ":%!", "restore": "/+="}, prefix={"restore": "ASIA"})
    plan.wrong_secrets.add("backup")
    plan.unknown.add("restore")

    examination, _ = examined(plan, tmp_path)

    told = json.dumps(examination.to_json(), ensure_ascii=False)
    for role in ("backup", "restore", "housekeeping"):
        assert plan.secret(role) not in told
        assert plan.id(role) not in told
    assert {"wrong-secret", "unknown-key"} <= names(examination)


def test_store_that_repeats_keys_does_not_spread_them(tmp_path):
    plan = Plan()
    words = f"<Error><Code>Odd</Code><Message>{plan.secret('backup')} of {plan.id('backup')}</Message></Error>"
    head = f"HTTP/1.1 400 No\r\nContent-Type: application/xml\r\nContent-Length: {len(words)}\r\n\r\n"
    misdeed = Misdeed(lambda talk: talk.say(head, words), on="list", word="list-type")

    examination, _ = examined_with(misdeed, tmp_path, None, plan)

    told = json.dumps(examination.to_json())
    assert "no-s3-answer" in names(examination)
    assert plan.secret("backup") not in told
    assert plan.id("backup") not in told


def test_catalogue_is_sound():
    here = Path(__file__).parent
    files = [*here.glob("test_doctor_*.py"), here / "planted_faults.py"]
    shown = "".join(file.read_text(encoding="utf-8") for file in files)
    for name, entry in catalogue().items():
        assert entry.area in AREAS
        assert entry.severity in SEVERITIES
        source = SOURCES[entry.id]
        assert entry.severity == GOOD or ((entry.dba_sees or source.dba_sees) and (entry.fix or source.remedy)), name
        assert set(entry.also) <= set(SOURCES)
        assert entry.severity == GOOD or f'"{name}"' in shown, f"no test shows {name}"


@pytest.mark.parametrize("slug", shipped_facts())
def test_every_vendor_is_advised_in_its_own_words(slug, tmp_path):
    patient = patient_of(Plan(facts=slug), 1, tmp_path)
    chart = examining.begin(patient, SOURCES).chart

    for name in catalogue():
        chart.find(name, "seen")

    facts = load_facts(slug)
    fixes = {finding.name: finding.fix for finding in chart.found}
    for entry in catalogue().values():
        known = [facts.known[name] for name in entry.facts if name in facts.known]
        assert (f" With {facts.offering}: " in fixes[entry.name]) == bool(known), entry.name
        assert all(str(fact.value) in fixes[entry.name] for fact in known if not isinstance(fact.value, bool))


def test_rules_that_the_doctor_names_say_so():
    named_here = {entry.id for entry in catalogue().values()} | {i for e in catalogue().values() for i in e.also}
    places = {rule.id: rule.places for rule in load_rules().values()}

    assert [id_ for id_ in sorted(named_here & places.keys()) if "doctor" not in places[id_]] == []


def test_words_for_vendors_are_of_the_vocabulary():
    assert {name for entry in catalogue().values() for name in entry.facts} <= set(VOCABULARY)


def test_time_is_told(tmp_path):
    before = datetime.now(UTC)
    began = time.monotonic()

    examination, _ = examined(Plan(speaks="nothing"), tmp_path)

    assert 0 <= examination.seconds <= time.monotonic() - began + 0.01
    assert abs(datetime.fromisoformat(examination.started) - before) < timedelta(minutes=1)
    assert examination.bucket == BUCKET
