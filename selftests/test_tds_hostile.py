"""Bytes that no driver sends: the server neither ends nor hangs, nor gives them more memory than they bring along."""

import socket
import ssl
import struct
import threading
import time
import tracemalloc
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scripted_engine import PASSWORD, drained, serving
from tds_client import (
    ATTENTION,
    BATCH,
    HEADERS,
    LOGIN,
    PRELOGIN,
    RPC,
    TRANSACTION,
    batch,
    client,
    login,
    packet,
    prelogin,
)

from restoreproof.standins.sqlserver.session import SqlError
from restoreproof.standins.sqlserver.tds.calls import read_calls
from restoreproof.standins.sqlserver.tds.codes import Kind, Type
from restoreproof.standins.sqlserver.tds.login import read_login, read_prelogin
from restoreproof.standins.sqlserver.tds.parameters import read_parameter
from restoreproof.standins.sqlserver.tds.reading import Malformed, Reader
from restoreproof.standins.waiting import wait_until

CALL = struct.pack("<HHHBBBBBI", 0xFFFF, 12, 0, 0, 0, Type.INTEGER, 4, 4, 7)
PRELOGINS = packet(PRELOGIN, prelogin())


@pytest.fixture(scope="module")
def service(tmp_path_factory):
    with serving(tmp_path_factory.mktemp("tds")) as running:
        yield running


@pytest.fixture(scope="module")
def impatient(tmp_path_factory):
    """A service that lets nobody take long to log in."""
    with serving(tmp_path_factory.mktemp("tds"), login_seconds=0.5) as running:
        yield running


def mutations(whole):
    """The same with some bytes changed, and cut off somewhere."""
    changes = st.dictionaries(st.integers(0, len(whole) - 1), st.integers(0, 255), max_size=6)
    return st.builds(lambda change, end: changed(whole, change)[:end], changes, st.integers(0, len(whole)))


def changed(whole, change):
    return bytes(change.get(at, byte) for at, byte in enumerate(whole))


def is_well(service):
    """Others are served, and what was hostile has left no thread behind."""
    with client(service.port) as polite:
        assert polite.log_in(PASSWORD)
        polite.say(batch("one"))
        assert polite.answer()


@given(st.binary() | mutations(prelogin()))
def test_any_prelogin_is_read_or_refused(body):
    with suppress(Malformed):
        read_prelogin(body)


@given(st.binary(max_size=300) | mutations(login("sa", PASSWORD, "master")))
def test_any_login_is_read_or_refused(body):
    with suppress(Malformed):
        read_login(body)


@given(st.binary() | mutations(CALL + b"\xff" + CALL))
def test_any_call_is_read_or_refused(body):
    with suppress(Malformed, SqlError):
        read_calls(Reader(body))


@settings(max_examples=200)
@given(st.sampled_from(Type), st.binary(max_size=40))
def test_any_parameter_is_read_or_refused(kind, body):
    with suppress(Malformed, SqlError):
        read_parameter(Reader(bytes((kind,)) + body))


@pytest.mark.parametrize(
    "body",
    [
        struct.pack("<BHQI", Type.VARBINARY, 0xFFFF, 2**63, 2**32 - 1),
        struct.pack("<BHQI", Type.VARBINARY, 0xFFFF, 2**64 - 2, 2**31),
        struct.pack("<BII", Type.IMAGE, 2**32 - 1, 2**32 - 2),
        struct.pack("<BBBBB", Type.DECIMAL, 17, 38, 255, 17) + b"\xff" * 17,
        struct.pack("<BBB", Type.TIME, 255, 5) + b"\xff" * 5,
    ],
)
def test_lengths_are_not_believed(body):
    tracemalloc.start()
    try:
        with pytest.raises(Malformed):
            read_parameter(Reader(body))
        assert tracemalloc.get_traced_memory()[1] < 1_000_000
    finally:
        tracemalloc.stop()


@settings(max_examples=25)
@given(st.binary(min_size=1, max_size=200) | mutations(PRELOGINS + packet(LOGIN, login(password="no"))))
def test_any_beginning_is_survived(service, data):
    with client(service.port) as stranger:
        stranger.say(data)
        stranger.plain.shutdown(socket.SHUT_WR)
        assert stranger.is_dropped()
    is_well(service)


@settings(max_examples=25)
@given(st.sampled_from([BATCH, RPC, TRANSACTION, ATTENTION, LOGIN]), st.binary(max_size=60), st.booleans())
def test_any_request_is_survived(service, kind, body, headed):
    with client(service.port) as guest:
        assert guest.log_in(PASSWORD)
        guest.say(packet(kind, (HEADERS if headed else b"") + body))
        guest.plain.shutdown(socket.SHUT_WR)
        assert guest.is_dropped()
    is_well(service)


@settings(max_examples=25)
@given(mutations(packet(RPC, HEADERS + CALL) + batch("one")))
def test_damaged_requests_are_survived(service, data):
    with client(service.port) as guest:
        assert guest.log_in(PASSWORD)
        guest.say(data)
        guest.plain.shutdown(socket.SHUT_WR)
        assert guest.is_dropped()
    is_well(service)


@pytest.mark.parametrize(
    "data",
    [
        packet(PRELOGIN, size=7),
        packet(PRELOGIN, size=65_535),
        packet(0x99),
        packet(LOGIN, login(password=PASSWORD)),
        packet(PRELOGIN, status=0) + packet(BATCH),
        PRELOGINS + packet(BATCH, HEADERS),
        PRELOGINS + packet(LOGIN, login(password=PASSWORD, version=0x71000001)),
        packet(PRELOGIN, prelogin(1)) + packet(PRELOGIN, b"\x16\x03\x01\x00\x05hello"),
        b"\x16\x03\x01\xff\xff" + bytes(100),
        b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n",
    ],
    ids=lambda data: data[:12].hex(),
)
def test_what_is_no_login_is_dropped(service, data):
    with client(service.port) as stranger:
        stranger.say(data)
        assert stranger.is_dropped()
    is_well(service)


@pytest.mark.parametrize("size", [1000, 30_000])
def test_login_without_end_is_dropped(service, size):
    with client(service.port) as stranger:
        stranger.say(PRELOGINS)
        stranger.answer()
        with pytest.raises(OSError, match=r"reset|[Bb]roken"):  # noqa: PT012 - whichever is refused first
            for _ in range(2_000_000 // size):
                stranger.say(packet(LOGIN, bytes(size), status=0))
            stranger.plain.recv(1)
            raise ConnectionResetError("reset before it was all sent")
    is_well(service)


@pytest.mark.parametrize(
    "data", [b"", b"\x12", b"\x16\x03", PRELOGINS, packet(PRELOGIN, prelogin(1)) + packet(PRELOGIN)], ids=len
)
def test_login_has_a_time_limit(impatient, data):
    began = time.monotonic()
    with client(impatient.port) as sleeper:
        sleeper.say(data)
        assert sleeper.is_dropped()
    assert 0.4 < time.monotonic() - began < 5


def test_time_limit_counts_for_the_login_as_a_whole(impatient):
    drops = 0
    with client(impatient.port) as dripping:
        dripping.say(packet(PRELOGIN, size=1000))
        while drops < 100 and is_waiting(dripping, 0.05):
            dripping.say(b"\x00")
            drops += 1
    assert 5 <= drops <= 50


def is_waiting(guest, seconds):
    """Whether the server neither speaks nor hangs up in that time."""
    guest.plain.settimeout(seconds)
    with suppress(ConnectionResetError):
        try:
            guest.plain.recv(1)
        except TimeoutError:
            guest.plain.settimeout(10)
            return True
    return False


def test_session_has_no_time_limit(impatient):
    with client(impatient.port) as guest:
        assert guest.log_in(PASSWORD)
        assert is_waiting(guest, 0.7)
        guest.say(batch("one"))
        assert guest.answer()


def test_number_of_connections_is_bounded(tmp_path):
    with (
        serving(tmp_path, most_connections=2) as service,
        client(service.port) as first,
        client(service.port) as second,
    ):
        assert first.log_in(PASSWORD)
        assert second.log_in(PASSWORD)
        with client(service.port) as third:
            assert third.is_dropped()
        first.say(batch("one"))
        assert first.answer()


def test_attention_that_comes_too_late_is_acknowledged_alone(service):
    with client(service.port) as guest:
        assert guest.log_in(PASSWORD)
        guest.say(packet(ATTENTION))
        assert guest.answer() == struct.pack("<BHHQ", 0xFD, 0x20, 0, 0)
        guest.say(batch("one"))
        assert guest.answer()


def test_requests_that_come_together_are_answered_in_order(service):
    with client(service.port) as guest:
        assert guest.log_in(PASSWORD)
        guest.say(batch("one") + batch("one") + batch("one"))
        assert len({guest.answer() for _ in range(3)}) == 1


def test_nothing_in_the_clear_passes_behind_the_handshake(service):
    """What a stranger on the way slips in behind the last record of the handshake is not taken for protected."""
    before = len(service.engine.sessions)
    with client(service.port) as guest:
        guest.say(packet(PRELOGIN, prelogin(1)))
        assert guest.answer()
        shake_hands(guest, trailing=packet(LOGIN, login(password=PASSWORD)))
        assert guest.is_dropped()
    assert len(service.engine.sessions) == before


def shake_hands(guest, trailing):
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = context.wrap_bio(incoming, outgoing)
    for turn in range(2):
        with pytest.raises(ssl.SSLWantReadError):
            tls.do_handshake()
        guest.say(packet(PRELOGIN, outgoing.read()) + (trailing if turn else b""))
        answer = guest.answer()
        incoming.write(answer or b"")


def test_no_thread_is_left_behind(tmp_path):
    before = set(threading.enumerate())
    with serving(tmp_path) as service:
        for _ in range(5):
            with client(service.port) as guest:
                guest.log_in(PASSWORD)
        drained(service.connect().execute("one"))

    wait_until(lambda: set(threading.enumerate()) <= before, 10, "the end of all threads")


def test_kinds_of_packets_are_all_known():
    assert {BATCH, RPC, ATTENTION, TRANSACTION, LOGIN, PRELOGIN} | {0x04} == set(Kind)
