"""What a ledger says of uploads: a key is passed over by clean-up only where every upload under it is done with."""

from contextlib import ExitStack

import pytest
from hypothesis import given
from hypothesis import strategies as st
from memory_store import Store
from recording_server import recording

from restoreproof.fixtures.client import Client
from restoreproof.fixtures.housekeeper import Swept, housekeeper_of
from restoreproof.fixtures.ledger import BEGUN, DONE, PREFIX, UPLOAD, Intent, Ledger, open_uploads
from restoreproof.fixtures.recorder import Recorder
from restoreproof.fixtures.signing import Signer
from restoreproof.fixtures.transport import Transport
from restoreproof.reports.redaction import Redactor

OURS = "restoreproof/run/"
SCOPE = Intent(PREFIX, "given", OURS)
HISTORIES = ("killed or lost", "refused", "open", "completed", "completed twice")

histories = st.lists(st.tuples(st.sampled_from(["a", "b", "c"]), st.sampled_from(HISTORIES)), max_size=12)


def written(number, key, history):
    """What stands in a ledger of one upload."""
    lines = [Intent(BEGUN, "given", key, f"main-{number}")]
    if history == "refused":
        lines.append(Intent(DONE, "given", key, f"main-{number}"))
    elif history != "killed or lost":
        lines.append(Intent(UPLOAD, "given", key, f"id-{number}"))
    if history.startswith("completed"):
        lines.append(Intent(DONE, "given", key, f"id-{number}"))
    return lines


@given(histories)
def test_key_is_passed_over_only_where_every_upload_was_refused_or_completed(uploads):
    intents = [line for number, upload in enumerate(uploads) for line in written(number, *upload)]

    found = open_uploads(intents)

    unsure = {("given", key) for key, history in uploads if history in ("killed or lost", "open")}
    assert set(found) == unsure
    known = {f"id-{number}" for number, (_, history) in enumerate(uploads) if history == "open"}
    assert {id_ for ids in found.values() for id_ in ids} == known


class ExactStore(Store):
    """Lists uploads by their exact key only, as MinIO does, and remembers which it was asked for."""

    def __init__(self):
        super().__init__("given", exact=True)
        self.asked = []

    def uploads(self, bucket, key, query):
        self.asked.append(query.get("prefix"))
        return super().uploads(bucket, key, query)

    def initiate(self, bucket, key, _query):
        if key.endswith("lost"):
            return 200, ""
        if key.endswith("refused"):
            return 400, "<Error><Code>InvalidName</Code></Error>"
        self.open[key] = (bucket, key)
        return 200, f"<InitiateMultipartUploadResult><UploadId>{key}</UploadId></InitiateMultipartUploadResult>"


@pytest.mark.parametrize("capability", ["list_uploads_by_prefix", "list_uploads"])
def test_clean_up_asks_for_no_upload_that_is_done_with(tmp_path, capability):
    store = ExactStore()
    with recording(store) as server, ExitStack() as stack:
        transport = Transport(server.endpoint)
        stack.callback(transport.close)
        ledger = Ledger(tmp_path)
        stack.callback(ledger.close)
        recorder = Recorder(Redactor(server.endpoint.secrets))
        signer = Signer(server.endpoint.keys["backup"], "us-east-1")
        client = Client(server.endpoint, transport, recorder, "given", "path", signer, ledger=ledger)
        for name in ("completed", "open"):
            upload = client.open_upload(OURS + name)
            if name == "completed":
                upload.complete([(1, "tag")]).must_succeed()
        for name in ("lost", "refused"):
            client.create_upload(OURS + name)
        intents = [SCOPE, *ledger.intents()]
        swept = housekeeper_of(server.endpoint, {capability: False}, stack).sweep(intents)

    assert (swept, store.open) == (Swept(1, ()), {})
    by_key = {OURS, OURS + "open", OURS + "lost"}
    assert set(store.asked) == (by_key if capability == "list_uploads_by_prefix" else set())
