"""Clean-up against stores that refuse, lie or answer nonsense: nothing foreign is touched, all of ours is told."""

import os
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from types import SimpleNamespace

import pytest
from defective_runs import write_profile
from memory_store import Store
from recording_server import recording

from restoreproof.fixtures.client import Client
from restoreproof.fixtures.deadlines import Deadlines
from restoreproof.fixtures.endpoints import EndpointError, container
from restoreproof.fixtures.housekeeper import CleanupError, Swept, housekeeper_of
from restoreproof.fixtures.ledger import (
    ABSENT,
    BUCKET,
    CONTAINER,
    KEY,
    PREFIX,
    UPLOAD,
    Intent,
    Ledger,
    LiveLedger,
    ledger_root,
)
from restoreproof.fixtures.recorder import Recorder
from restoreproof.fixtures.selection import Selection
from restoreproof.fixtures.signing import Signer
from restoreproof.fixtures.staging import begin_stage
from restoreproof.fixtures.sweeping import forget_started, sweep_abandoned
from restoreproof.fixtures.transport import Transport
from restoreproof.providers.profile import load_profile
from restoreproof.reports.redaction import Redactor
from restoreproof.reports.register import load_register
from restoreproof.standins.certificates import Authority

OURS = "restoreproof/run/"
SCOPE = Intent(PREFIX, "given", OURS)
REFUSED = (403, "AccessDenied")
UNKNOWN = (501, "NotImplemented")


@contextmanager
def keeping(store, **capabilities):
    with recording(store) as server, ExitStack() as stack:
        yield housekeeper_of(server.endpoint, capabilities, stack)


def sweep(store, *intents, **capabilities):
    """What a sweep tells: what it did, and its error."""
    with keeping(store, **capabilities) as keeper:
        try:
            return keeper.sweep(intents), ""
        except CleanupError as problem:
            return problem.swept, str(problem)


def filled(**special):
    """A store that holds an object and an upload of ours, and of somebody else."""
    store = Store("given", **special)
    store.buckets["given"] = {f"{OURS}a": ["null"], "sales.bak": ["null"], "restoreproof/runs": ["null"]}
    store.open = {"ours": ("given", f"{OURS}a"), "theirs": ("given", "sales.bak")}
    return store


def only_foreign(store):
    return (set(store.buckets["given"]), set(store.open)) == ({"sales.bak", "restoreproof/runs"}, {"theirs"})


@pytest.mark.parametrize("by_prefix", [True, False])
def test_what_a_listing_shows_beyond_its_prefix_is_left_alone(by_prefix):
    store = filled()

    done = sweep(store, SCOPE, Intent(KEY, "given", f"{OURS}a"), list_uploads_by_prefix=by_prefix)

    assert done == (Swept(2, ()), "")
    assert only_foreign(store)


def test_empty_list_by_prefix_is_no_proof_where_uploads_are_listed_by_their_exact_key():
    store = filled(exact=True)

    swept, error = sweep(store, SCOPE, Intent(UPLOAD, "given", f"{OURS}a", "ours"))

    assert (swept, error) == (Swept(2, ()), "")
    assert only_foreign(store)


@pytest.mark.parametrize(("begun", "removed"), [([], 2), ([Intent(UPLOAD, "given", f"{OURS}a//b", "id")], 1)])
def test_name_that_the_store_takes_for_none_has_no_uploads_unless_one_was_begun(begun, removed):
    store = filled(refuses_names={f"{OURS}a//b"})

    intents = (SCOPE, Intent(KEY, "given", f"{OURS}a"), Intent(KEY, "given", f"{OURS}a//b"), *begun)
    swept, problem = sweep(store, *intents, list_uploads_by_prefix=False)

    assert swept.removed == removed
    assert ("InvalidName" in problem) == bool(begun)


def test_prefix_without_a_name_is_nobodys():
    store = filled()

    assert sweep(store, Intent(PREFIX, "given", "")) == (Swept(0, ()), "")
    assert store.done == []


def test_refusal_in_one_scope_keeps_no_other_from_being_swept():
    store = Store("own", "restoreproof-absent-1", refuses={("versions", "own"): REFUSED, ("versioned", "own"): REFUSED})
    store.open = {"left": ("own", "a")}

    swept, error = sweep(store, Intent(ABSENT, "restoreproof-absent-1"), Intent(BUCKET, "own"))

    assert (store.buckets, store.open) == ({}, {})
    assert swept == Swept(3, ())
    assert "own: " in error
    assert "AccessDenied" in error
    assert [name for name, _ in store.done] == ["abort", "drop", "head", "drop"]


def test_absent_bucket_that_nobody_may_look_at_is_no_trouble():
    store = Store("own", refuses={("head", "restoreproof-absent-1"): REFUSED})

    assert sweep(store, Intent(BUCKET, "own"), Intent(ABSENT, "restoreproof-absent-1")) == (Swept(1, ()), "")


def test_bucket_that_can_not_be_emptied_is_told_with_what_it_holds():
    store = Store("own", refuses={"delete": REFUSED})
    store.buckets["own"] = {"a": ["null"]}

    swept, error = sweep(store, Intent(BUCKET, "own"))

    assert swept == Swept(0, ("object own/a", "bucket own"))
    assert "DeleteObject" in error


@pytest.mark.parametrize(
    "says",
    [
        {"uploads": "<ListMultipartUploadsResult><Upload><UploadId>x</UploadId></Upload></ListMultipartUploadsResult>"},
        {"uploads": "<ListMultipartUploadsResult><Upload>"},
        {"uploads": "<R><IsTruncated>maybe</IsTruncated><Upload><Key>a</Key><Initiated>soon</Initiated></Upload></R>"},
        {"list": "<ListBucketResult><Contents><Size>1</Size></Contents></ListBucketResult>"},
        {"list": "<ListBucketResult><Contents><Key>a</Key><Size>many</Size></Contents></ListBucketResult>"},
        {"list": "not xml"},
    ],
    ids=["no key", "cut off", "bad date", "no key of an object", "bad size", "no xml"],
)
def test_answer_that_makes_no_sense_is_trouble_and_no_crash(says):
    store = filled(says=says)

    _, error = sweep(store, SCOPE)

    assert error.startswith("given: ")
    assert {"sales.bak", "restoreproof/runs"} <= set(store.buckets["given"])
    assert "theirs" in store.open


def test_list_without_end_is_trouble():
    page = "<R><IsTruncated>true</IsTruncated><NextContinuationToken>same</NextContinuationToken></R>"

    assert "given: " in sweep(filled(says={"list": page}), SCOPE)[1]


def test_nonsense_as_the_answer_to_a_new_bucket_is_trouble_and_no_crash():
    with keeping(Store(refuses={"make": (500, "<")})) as keeper, pytest.raises(CleanupError, match="bucket own could"):
        keeper.make_bucket("own")


@pytest.mark.parametrize(
    ("refuses", "versioning", "error"),
    [
        ({"versions": UNKNOWN}, "", ""),
        ({"versions": UNKNOWN, "versioned": UNKNOWN}, "", ""),
        ({"versions": REFUSED}, "", ""),
        ({"versions": REFUSED}, "Enabled", "AccessDenied"),
        ({"versions": UNKNOWN}, "Suspended", "NotImplemented"),
        ({"versions": REFUSED, "versioned": REFUSED}, "", "AccessDenied"),
    ],
)
def test_versions_that_can_not_be_listed_are_trouble_unless_there_can_be_none(refuses, versioning, error):
    store = filled(refuses=refuses, versioning=versioning)

    told = sweep(store, SCOPE)[1]

    assert error in told
    assert bool(error) == bool(told)
    assert error or only_foreign(store)


@pytest.mark.parametrize("versioning", ["", "Enabled", "Suspended"])
def test_null_version_leaves_no_delete_marker(versioning):
    store = filled(versioning=versioning)

    assert sweep(store, SCOPE) == (Swept(2, ()), "")
    assert only_foreign(store)


def test_upload_is_aborted_by_the_id_in_the_ledger_where_uploads_can_not_be_listed(tmp_path):
    store = Store("given", refuses={"uploads": UNKNOWN})
    with recording(store) as server, ExitStack() as stack:
        transport = Transport(server.endpoint)
        stack.callback(transport.close)
        recorder = Recorder(Redactor(server.endpoint.secrets))
        ledger = Ledger(tmp_path)
        stack.callback(ledger.close)
        signer = Signer(server.endpoint.keys["backup"], "us-east-1")
        Client(server.endpoint, transport, recorder, "given", "path", signer, ledger=ledger).open_upload(f"{OURS}a")
        intents = [SCOPE, *ledger.intents()]
        swept = housekeeper_of(server.endpoint, {"list_uploads": False}, stack).sweep(intents)

    assert intents[1:] == [Intent(UPLOAD, "given", f"{OURS}a", "id-1")]
    assert (swept, store.open) == (Swept(1, ()), {})


def test_upload_that_outlives_its_abort_is_told_where_uploads_can_not_be_listed():
    store = Store("given", says={"abort": ""})
    store.open = {"id-1": ("given", f"{OURS}a")}

    swept, _ = sweep(store, SCOPE, Intent(UPLOAD, "given", f"{OURS}a", "id-1"), list_uploads=False)

    assert swept == Swept(0, (f"open upload of given/{OURS}a",))


class Containers:
    """The Docker engine's containers, at the boundary to its client."""

    def __init__(self, *labels, stuck=False):
        self.living = [SimpleNamespace(label=label, remove=self.remover(label, stuck)) for label in labels]

    def remover(self, label, stuck):
        def remove(**_how):
            if not stuck:
                self.living = [other for other in self.living if other.label != label]

        return remove

    def list(self, filters, **_all):
        return [other for other in self.living if other.label == filters["label"]]


@pytest.fixture
def killed_run(tmp_path, monkeypatch):
    """The ledger of a run that was killed while its container lived."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    live = LiveLedger.begin("killed", {"provider": "acme", "kind": "image", "url": "", "started": "then"})
    live.ledger.intend(CONTAINER, "", "killed")
    live.release()
    return SimpleNamespace(name="acme")


def docker(monkeypatch, containers):
    client = SimpleNamespace(client=SimpleNamespace(containers=containers))
    monkeypatch.setattr(container, "must_listen", lambda: None)
    monkeypatch.setattr("testcontainers.core.docker_client.DockerClient", lambda: client)


def test_container_of_a_killed_run_is_removed_and_no_other(killed_run, monkeypatch):
    label = f"{container.LABEL}=killed"
    engine = Containers(label, f"{container.LABEL}=living")
    docker(monkeypatch, engine)

    swept = sweep_abandoned(killed_run, SimpleNamespace(url=""))

    assert [run.sentence for run in swept] == ["swept what the killed run killed left: 1 thing removed"]
    assert [other.label for other in engine.living] == [f"{container.LABEL}=living"]
    assert list(ledger_root().iterdir()) == []


def test_ledger_is_kept_while_a_container_may_live(killed_run, monkeypatch):
    docker(monkeypatch, Containers(f"{container.LABEL}=killed", stuck=True))

    with pytest.raises(EndpointError, match="still there; its ledger is kept"):
        forget_started(killed_run)
    assert [folder.name for folder in ledger_root().iterdir()] == ["killed"]


def test_ledger_is_kept_while_docker_does_not_answer(killed_run, monkeypatch):
    monkeypatch.setenv("DOCKER_HOST", "tcp://127.0.0.1:9")

    (told,) = sweep_abandoned(killed_run, SimpleNamespace(url=""))

    assert "does `docker ps` work?" in told.sentence
    assert [folder.name for folder in ledger_root().iterdir()] == ["killed"]


@pytest.mark.parametrize(
    ("bucket", "trusted_first", "cleaned"),
    [("", True, False), ("", False, True), ("given", True, True)],
    ids=["made", "never made", "given"],
)
def test_endpoint_that_tls_keeps_us_from_is_clean_only_if_nothing_was_made(
    tmp_path, monkeypatch, bucket, trusted_first, cleaned
):
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    other = Authority().pem
    with recording(Store("given")) as server:
        endpoint = server.endpoint if trusted_first else replace(server.endpoint, ca=other)
        for role, pair in endpoint.keys.items():
            monkeypatch.setenv(f"SELFTEST_{role.upper()}_ID", pair.id.reveal())
            monkeypatch.setenv(f"SELFTEST_{role.upper()}_SECRET", pair.secret.reveal())
        profile = load_profile(str(write_profile(tmp_path, endpoint, "acme", bucket)), os.environ)
        asked = (load_register(), Selection(areas=("tls",)), tmp_path / "runs", Deadlines())
        stage = begin_stage(profile, (), *asked, ExitStack())
        stage.behind = replace(endpoint, ca=other)
        run = stage.finish()
        stage.close()

    assert (stage.cleaned, bool(run.footer.cleanup["error"])) == (cleaned, not cleaned)
    assert len(list(ledger_root().iterdir())) == (0 if cleaned else 1)
