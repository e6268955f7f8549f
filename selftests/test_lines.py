"""Parts that overlap and answers nobody listens to, against a server that tells what really came over the wire."""

import re
import threading
import time
import xml.etree.ElementTree as ET
from contextlib import contextmanager
from queue import Queue

import pytest
from hypothesis import given
from hypothesis import strategies as st
from recording_server import PATIENCE, answer_with, recording

from restoreproof.fixtures.answer import Finding, Refused
from restoreproof.fixtures.budget import Budget, RunOver
from restoreproof.fixtures.client import Client, Upload
from restoreproof.fixtures.completing import completion, spelled
from restoreproof.fixtures.lines import Lines
from restoreproof.fixtures.recorder import Recorder
from restoreproof.fixtures.signing import Signer
from restoreproof.fixtures.transport import Transport
from restoreproof.reports.redaction import Redactor

MEDIA = {3: b"c" * 40_000, 1: b"a" * 70_000, 2: b"b"}


@contextmanager
def opened(answer, seconds=PATIENCE):
    """Lines to a server with this answer, an upload of one of its clients, and what the server has seen."""
    with recording(answer) as seen:
        transport = Transport(seen.endpoint)
        recorder = Recorder(Redactor(seen.endpoint.secrets), Budget(seconds))
        signer = Signer(seen.endpoint.keys["backup"], "us-east-1")
        client = Client(seen.endpoint, transport, recorder, "bkt", "path", signer)
        yield Lines(transport, recorder), Upload(client, "a/full.bak", "id+1"), seen
        transport.close()


def part_number(request):
    return int(re.search(r"partNumber=(\d+)&uploadId=id%2B1 ", request.line)[1])


def test_parts_are_all_under_way_before_the_first_is_answered():
    meeting = threading.Barrier(len(MEDIA), timeout=PATIENCE)

    def answer(request):
        meeting.wait()
        return answer_with("200 OK", ETag=f'"{part_number(request)}"')(request)

    with opened(answer) as (lines, upload, seen):
        tags = lines.send_parts(upload, MEDIA)

    assert tags == [(3, '"3"'), (1, '"1"'), (2, '"2"')]
    assert {part_number(request): request.body for request in seen.requests} == MEDIA
    assert seen.connections == len(MEDIA)
    assert (lines.recorder.requests, lines.recorder.sent) == (3, 110_001)


@pytest.mark.parametrize(
    ("answer", "symptom"),
    [
        (answer_with("200 OK"), "no-etag"),
        (answer_with("404 Not Found", b"<Error><Code>NoSuchUpload</Code></Error>"), "NoSuchUpload"),
        (lambda _: None, "reset"),
        (lambda _: b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n", "timeout"),
    ],
    ids=["no-etag", "refused", "reset", "unfinished"],
)
def test_overlapping_part_that_is_not_accepted_is_a_finding(answer, symptom):
    seconds = 1 if symptom == "timeout" else PATIENCE
    with opened(answer, seconds) as (lines, upload, _), pytest.raises(Finding) as finding:
        lines.send_parts(upload, {1: b"body"})

    assert finding.value.symptom == symptom
    assert isinstance(finding.value, Refused) == (symptom == "NoSuchUpload")


def test_half_a_part_is_under_way_while_another_is_answered_and_never_ends():
    came = Queue()

    def answer(request):
        came.put(request.body)
        return answer_with("200 OK", ETag='"t"')(request)

    with opened(answer) as (lines, upload, _):
        with lines.part_under_way(upload, 1, b"0123456789"):
            assert lines.send_parts(upload, {1: b"again"}) == [(1, '"t"')]
            assert came.get(timeout=PATIENCE) == b"again"
        assert came.get(timeout=PATIENCE) == b"01234"


def test_whole_requests_arrive_though_nobody_listens():
    came = Queue()

    def answer(request):
        if not request.line.startswith("HEAD "):
            came.put(request)
        return answer_with("404 Not Found")(request)

    with opened(answer) as (lines, upload, _):
        lines.send_part_unheard(upload, 7, b"x" * 50_000)
        lines.complete_unheard([(upload, [(7, '"seven"')])])
        part, last = came.get(timeout=PATIENCE), came.get(timeout=PATIENCE)

    requests = {request.line.split()[0]: request for request in (part, last)}
    assert requests["PUT"].body == b"x" * 50_000
    assert requests["POST"].body == completion([(7, '"seven"')])
    assert [exchange.status for exchange in lines.recorder.exchanges] == [404, 0, 404, 0]


def parts_of(document):
    root = ET.fromstring(document)
    rows = [element for element in root.iter() if element.tag.rpartition("}")[2] == "Part"]
    return [[(child.text or "").strip() for child in row] for row in rows]


@given(
    tags=st.lists(st.tuples(st.integers(1, 10_000), st.text('abc"<&-', min_size=1)), max_size=3),
    spelling=st.sampled_from(["bare", "declared"]),
)
def test_every_spelling_means_the_same(tags, spelling):
    assert parts_of(spelled(spelling, tags)) == parts_of(completion(tags)) == [[str(n), tag] for n, tag in tags]


@given(tag=st.text("abc123-", min_size=1))
def test_quotes_may_be_entities(tag):
    document = spelled("entities", [(1, f'"{tag}"')])

    assert parts_of(document) == [["1", f'"{tag}"']]
    assert f"&quot;{tag}&quot;".encode() in document


def test_budget_within_another_ends_first_and_never_after_the_run():
    assert Budget(60).within(5).left() <= 5 < Budget(60).within(90).left() <= 60
    with pytest.raises(RunOver):
        Budget(60, run_ends=time.time() - 1).within(5)
