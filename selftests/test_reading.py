"""Reads that no client makes: broken off, beside a write, of a key that is spelt in another way; over real sockets."""

from contextlib import closing, contextmanager

import pytest
from recording_server import KEYS, answer_with, recording

from restoreproof.fixtures.answer import Finding, Refused
from restoreproof.fixtures.client import Client
from restoreproof.fixtures.reading import Reader
from restoreproof.fixtures.recorder import Recorder
from restoreproof.fixtures.signing import Signer
from restoreproof.fixtures.transport import Transport
from restoreproof.reports.redaction import Redactor

WHOLE = bytes(range(256)) * 16


@contextmanager
def reading(answer):
    """A server, a reader, and the client it reads for."""
    with recording(answer) as server, closing(Transport(server.endpoint)) as transport:
        recorder, signer = Recorder(Redactor(server.endpoint.secrets)), Signer(KEYS["restore"], "us-east-1")
        client = Client(server.endpoint, transport, recorder, "b", "path", signer)
        yield server, Reader(transport, recorder), client


def chunked(_request):
    head = b"HTTP/1.1 206 Partial Content\r\nTransfer-Encoding: chunked\r\n\r\n"
    return head + b"1000\r\n" + WHOLE + b"\r\n0\r\n\r\n"


@pytest.mark.parametrize("answer", [answer_with("206 Partial Content", WHOLE), chunked])
def test_first_bytes_of_a_range_are_taken_and_no_more(answer):
    with reading(answer) as (server, reader, client):
        assert reader.read_some(client, "k", (0, len(WHOLE) - 1), 100) == WHOLE[:100]

    assert (reader.recorder.requests, reader.recorder.received) == (1, 100)
    assert server.requests[0].headers["range"] == "bytes=0-4095"
    assert "range" in server.requests[0].headers["authorization"]


@pytest.mark.parametrize(
    ("answer", "symptom"),
    [(answer_with("404 Not Found"), "HTTP-404"), (answer_with("206 Partial Content", WHOLE[:50]), "timeout")],
    ids=["refused", "too-short"],
)
def test_range_that_is_not_there_is_a_finding(answer, symptom):
    with reading(answer) as (_, reader, client):
        reader.recorder.budget.allow(-58)

        with pytest.raises(Finding) as finding:
            reader.read_some(client, "k", (0, 4_095), 100)

    assert finding.value.symptom == symptom


def test_key_is_asked_for_as_it_is_spelt_and_signed_as_usual():
    with reading(answer_with("200 OK", b"bytes")) as (server, reader, client):
        answer = reader.get_as_spelt(client, "a+b/ä.bak", "a+b/%c3%a4.bak")
        client.get("a+b/ä.bak")

    assert answer.body == b"bytes"
    assert [request.line.split()[1] for request in server.requests] == ["/b/a+b/%c3%a4.bak", "/b/a%2Bb/%C3%A4.bak"]


def test_read_comes_between_the_halves_of_a_write():
    with reading(lambda request: answer_with("200 OK", b"old" if "GET" in request.line else b"")(request)) as (
        server,
        reader,
        client,
    ):
        answer = reader.read_beside_write(client, "k", WHOLE, client)

    assert answer.body == b"old"
    assert [request.line.split()[0] for request in server.requests] == ["GET", "PUT"]
    assert server.requests[1].body == WHOLE


def refusing_writes(request):
    return answer_with("200 OK" if "GET" in request.line else "403 Forbidden")(request)


def test_write_that_is_refused_is_a_finding():
    with reading(refusing_writes) as (_, reader, client), pytest.raises(Refused) as finding:
        reader.read_beside_write(client, "k", WHOLE, client)

    assert finding.value.symptom == "HTTP-403"
