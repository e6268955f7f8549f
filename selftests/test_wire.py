"""What the client makes of answers in any shape, and that nothing but a finding comes of those that have none."""

import itertools
import random
import threading
import time
from contextlib import contextmanager
from xml.etree import ElementTree as ET

import pytest
from hostile_server import Misdeed, hostile
from hypothesis import given, settings
from hypothesis import strategies as st
from recording_server import answer_with, recording

from restoreproof.fixtures.answer import Finding
from restoreproof.fixtures.budget import FLOOR, Budget, RunOver
from restoreproof.fixtures.client import Client
from restoreproof.fixtures.crowd import call_together
from restoreproof.fixtures.documents import DocumentError, parse
from restoreproof.fixtures.recorder import Recorder
from restoreproof.fixtures.signing import Signer
from restoreproof.fixtures.transport import Transport
from restoreproof.reports.redaction import Redactor

EXPECTING = {"Expect": "100-continue"}
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
OUTCOMES = {200, "reset"}
RECORD = 16 * 1024
"""Bytes of the longest TLS record."""
SECONDS = 6
QUIET = 10
"""Seconds; the scripted server answers at once, or never."""
WORDS = st.text("abcdefghijklmnopqrstuvwxyz", min_size=1, max_size=9)


@contextmanager
def client_of(endpoint, seconds=20):
    transport = Transport(endpoint)
    recorder = Recorder(Redactor([]), Budget(seconds))
    signer = Signer(endpoint.keys["backup"], endpoint.region)
    try:
        yield Client(endpoint, transport, recorder, "bkt", "path", signer)
    finally:
        transport.close()


class Script:
    """A server's answer that a test changes from request to request; it may hang up after it."""

    def __init__(self):
        self.pieces, self.hangs_up = [], False

    def __call__(self, _request):
        yield from self.pieces
        if self.hangs_up:
            raise OSError


@pytest.fixture(scope="module")
def scripted():
    script = Script()
    with recording(script) as server, client_of(server.endpoint, 600) as client:
        yield script, client


@st.composite
def framed(draw):
    """A body, and the lines and bytes that carry it; whether its end is the connection's."""
    body = draw(st.binary(max_size=3000))
    how = draw(st.sampled_from(["length", "chunks", "end"]))
    if how == "length":
        return body, f"content-LENGTH: {len(body)}\r\n", body, False
    if how == "end":
        return body, "", body, True
    cuts = sorted({0, len(body), *draw(st.lists(st.integers(0, len(body)), max_size=5))})
    pieces = [body[start:end] for start, end in itertools.pairwise(cuts)]
    chunks = b"".join(f"{len(piece):x};a=b\r\n".encode() + piece + b"\r\n" for piece in pieces if piece)
    return body, "Transfer-Encoding: chunked\r\n", chunks + b"0\r\nTrailer: x\r\n\r\n", False


@settings(max_examples=60)
@given(framed(), st.integers(0, 3), st.dictionaries(WORDS, WORDS, max_size=5), st.integers(1, 700))
def test_answer_is_read_whatever_its_frame(scripted, frame, interim, headers, size):
    body, lines, carried, is_end = frame
    script, client = scripted
    named = "".join(f"X-{name}: {value}\r\n" for name, value in headers.items())
    whole = CONTINUE * interim + f"HTTP/1.1 200 OK\r\n{named}{lines}\r\n".encode() + carried
    script.pieces, script.hangs_up = [whole[at : at + size] for at in range(0, len(whole), size)], is_end

    answer = client.get("key")

    assert (answer.status, answer.body) == (200, body)
    assert {name: answer.header(f"x-{name}") for name in headers} == headers


@settings(max_examples=40)
@given(st.integers(1, 40), st.integers(-2, 2), st.lists(st.integers(1, 20), max_size=4))
def test_long_answer_is_read_to_its_last_byte_and_no_further(scripted, records, beside, cuts):
    script, client = scripted
    body = random.Random(records).randbytes(records * RECORD + beside)
    ends = [0, *sorted(RECORD * cut for cut in cuts if cut < records), len(body)]
    head = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body)
    script.pieces = [head, *(body[start:end] for start, end in itertools.pairwise(ends))]
    script.hangs_up = False

    began = time.monotonic()
    answer = client.get("k")

    assert answer.body == body
    assert time.monotonic() - began < QUIET, "it waited for more than the answer has"


def test_long_answer_that_stops_coming_is_given_up_in_time():
    body, came, stopped = bytes(32 * 1024 * 1024), 6 * 1024 * 1024, threading.Event()

    def stop(_request):
        yield b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body)
        yield body[:came]
        stopped.wait(4 * SECONDS)

    with recording(stop) as server, client_of(server.endpoint, SECONDS) as client:
        began = time.monotonic()
        with pytest.raises(Finding) as given_up:
            client.get("k")
        took = time.monotonic() - began
        stopped.set()

    assert given_up.value.symptom == "timeout"
    assert took < 1.7 * SECONDS, "the clock was not looked at"


@settings(max_examples=60)
@given(st.one_of(st.binary(max_size=300), st.binary(max_size=300).map(lambda end: b"HTTP/1.1 200 OK\r\n" + end)))
def test_nothing_but_a_finding_comes_of_bytes_that_are_no_answer(scripted, garbage):
    script, client = scripted
    script.pieces, script.hangs_up = [garbage], True

    assert outcome_of(client) in OUTCOMES


def outcome_of(client):
    try:
        return client.get("key").status
    except Finding as finding:
        return finding.symptom


def test_connection_serves_many_requests_until_something_unasked_comes():
    with recording(answer_with("200 OK", b"x")) as server, client_of(server.endpoint) as client:
        for _ in range(5):
            client.get("key")
    assert server.connections == 1

    script = Script()
    script.pieces = [answer_with("200 OK", b"x")(None), b"HTTP/1.1 500 Unasked\r\nContent-Length: 0\r\n\r\n"]
    with recording(script) as server, client_of(server.endpoint) as client:
        seen = {client.call("HEAD", "key").status for _ in range(3)}
    assert seen == {200}


@pytest.mark.parametrize(
    "do",
    [
        lambda talk: talk.say(CONTINUE),
        lambda talk: talk.say(b""),
    ],
    ids=["answered", "never answered"],
)
def test_body_that_waits_for_leave_is_sent_with_it_or_after_a_while(do):
    def then_store(talk):
        do(talk)
        body = talk.stream.read(talk.request.size)
        return talk.say(talk.store.answer(talk.request, body))

    with hostile(Misdeed(then_store, "put", "head")) as store, client_of(store.endpoint) as client:
        client.in_bucket("sqlbackups").call("PUT", "key", body=b"body" * 9, headers=EXPECTING).must_succeed()
        assert store.objects == {"key": b"body" * 9}


def refusing(status):
    """A write is refused before its body was read, and the connection closed."""
    refusal = f"HTTP/1.1 {status} No\r\nContent-Length: 0\r\n\r\n"
    return Misdeed(lambda talk: not talk.say(refusal), "put", "head")


def test_body_that_waits_for_leave_is_not_sent_where_it_is_refused():
    refusal = b"HTTP/1.1 417 No\r\nContent-Length: 0\r\n\r\n"
    with (
        hostile(Misdeed(lambda talk: not talk.say(refusal), "put", "head")) as store,
        client_of(store.endpoint) as client,
    ):
        assert client.call("PUT", "key", body=b"body", headers=EXPECTING).status == 417


def test_refusal_of_a_server_that_stopped_reading_is_heard():
    refusal = b"HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n"
    with (
        hostile(Misdeed(lambda talk: not talk.say(refusal), "put", "head")) as store,
        client_of(store.endpoint) as client,
    ):
        assert client.put("key", b"x" * 100).status == 403


def test_budget_grows_with_what_is_moved_and_ends():
    budget = Budget(0.01)
    budget.grow(100 * FLOOR)
    assert 90 < budget.left() < 101
    assert budget.within(1).left() <= 1
    budget.allow(-200)
    with pytest.raises(TimeoutError):
        budget.left()
    with pytest.raises(RunOver):
        Budget(10, run_ends=time.time() - 1).left()


def test_budget_of_a_clean_up_ends_when_nobody_answers():
    budget = Budget(600, exchange=60)
    budget.miss(60)
    assert budget.left(time.monotonic()) <= 5
    budget.miss(0)
    with pytest.raises(TimeoutError):
        budget.left()


def test_requests_that_time_out_together_are_one_miss():
    """A clean-up that sends four at a time gets its second chance as one that sends them one by one does."""
    budget, before = Budget(600, exchange=60), time.monotonic() - 1
    for _ in range(4):
        budget.miss(60)

    assert budget.left(time.monotonic()) <= 5 < budget.left(before)


def test_calls_at_once_are_not_waited_for_beyond_the_budget():
    with (
        hostile(Misdeed(lambda talk: talk.hang(), "read")) as store,
        client_of(store.endpoint, 1) as client,
        pytest.raises(Finding) as late,
    ):
        call_together(client.get, ["one", "two", "three"], client.recorder.budget)

    assert late.value.symptom == "timeout"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16-le", "utf-16-be", "latin-1"])
@pytest.mark.parametrize("padding", [0, 2000, 100_000])
def test_document_type_is_refused_wherever_it_stands(encoding, padding):
    declared = {"utf-8": "UTF-8", "latin-1": "ISO-8859-1"}.get(encoding, "UTF-16")
    text = f'<?xml version="1.0" encoding="{declared}"?><!--{" " * padding}--><!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>'

    with pytest.raises(DocumentError):
        parse(text.encode(encoding))


@given(st.recursive(WORDS, lambda inner: st.lists(st.tuples(WORDS, inner), max_size=4), max_leaves=20))
def test_other_documents_are_parsed_as_usual(tree):
    text = f'<r xmlns="http://s3.amazonaws.com/doc/2006-03-01/" x="1">{spell(tree)}</r>'

    assert ET.tostring(parse(text.encode())) == ET.tostring(ET.fromstring(text))


def spell(tree):
    return tree if isinstance(tree, str) else "".join(f"<{name}>{spell(inner)}</{name}>" for name, inner in tree)
