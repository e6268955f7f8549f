"""Data that is made while it is sent: any piece is the same as of the whole, and how far checks go is read from it."""

import threading
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from restoreproof.fixtures.answer import Finding
from restoreproof.fixtures.budget import Budget
from restoreproof.fixtures.content import MIB, READ_WHOLE, WINDOW, stream
from restoreproof.fixtures.envelope import Envelope, widest
from restoreproof.fixtures.recorder import Sent
from restoreproof.fixtures.streaming import side_by_side

HOST = "https://store.test/bucket/"


@given(size=st.integers(1, 5000), part=st.integers(1, 2000), cut=st.integers(0, 4999))
def test_pieces_of_a_stream_make_the_whole(size, part, cut):
    data = stream("name", size, part)
    whole = data.between(0, size - 1)
    cut = min(cut, size - 1)

    assert len(whole) == size
    assert b"".join(data.body(number) for number in range(1, data.parts + 1)) == whole
    assert data.between(cut, size - 1) == whole[cut:]


def test_streams_of_other_names_and_other_places_differ():
    data = stream("one", 64 * 1024, 1024)
    pieces = {data.body(number) for number in range(1, 65)} | {stream("two", 64 * 1024, 1024).body(1)}

    assert len(pieces) == 65


@given(size=st.integers(1, 10_000 * 20 * MIB), part=st.integers(1024, 20 * MIB))
def test_windows_lie_within_and_show_both_ends(size, part):
    windows = stream("name", size, part).windows()

    assert all(0 <= start <= end < size for start, end in windows)
    assert (windows[0][0], windows[-1][1]) == (0, size - 1)
    assert sum(end + 1 - start for start, end in windows) <= max(READ_WHOLE, 18 * WINDOW)


def test_a_stream_of_any_size_is_never_held():
    data = stream("large", 200_000 * MIB, 20 * MIB)

    tracemalloc.start()
    data.between(data.size - WINDOW, data.size - 1)
    assert data.parts == 10_000
    assert tracemalloc.get_traced_memory()[1] < MIB
    tracemalloc.stop()


def test_lanes_take_one_after_the_other_and_keep_the_order():
    busy, most, lock = [], [], threading.Lock()
    gate = threading.Barrier(4)

    def work(number):
        with lock:
            busy.append(number)
            most.append(len(busy))
        if number < 4:
            gate.wait(10)
        with lock:
            busy.remove(number)
        return number * 2

    assert side_by_side(work, range(100), Budget()) == [number * 2 for number in range(100)]
    assert max(most) == 4


def test_first_failure_ends_all_lanes():
    done = []

    def work(number):
        if number == 3:
            raise Finding("NoSuchUpload", "a part to be taken", "404")
        done.append(number)

    with pytest.raises(Finding, match="404"):
        side_by_side(work, range(10_000), Budget(), lanes=2)
    assert len(done) < 10_000


def opened(envelope, key):
    envelope.note(Sent("POST", f"{HOST}{key}?uploads=", {}, 0), b"", 200, f"<UploadId>{key}-id</UploadId>".encode())


def sent(envelope, key, number, size, status=200):
    envelope.note(Sent("PUT", f"{HOST}{key}?partNumber={number}&uploadId={key}-id", {}, size), b"", status, b"")


def completed(envelope, key, numbers, answer=b"<CompleteMultipartUploadResult/>"):
    body = "".join(f"<Part><PartNumber>{number}</PartNumber></Part>" for number in numbers).encode()
    envelope.note(Sent("POST", f"{HOST}{key}?uploadId={key}-id", {}, len(body)), body, 200, answer)


def test_envelope_is_what_was_completed():
    envelope = Envelope()
    for key in ("a", "b", "never-completed"):
        opened(envelope, key)
    sent(envelope, "a", 1, 100)
    sent(envelope, "a", 2, 50)
    sent(envelope, "a", 3, 10_000)
    sent(envelope, "b", 1, 70, status=503)
    completed(envelope, "a", [1, 2])
    completed(envelope, "b", [1], b"\n <Error><Code>InvalidPart</Code></Error>")

    seen = envelope.seen()

    assert (seen["object_bytes"], seen["parts"], seen["stripes"]) == (150, 2, 1)


def test_stripes_are_different_keys_under_way_at_the_same_time():
    envelope = Envelope()
    for key in ("a", "b", "c"):
        opened(envelope, key)
        sent(envelope, key, 1, 1)
    for key in ("a", "b", "c"):
        completed(envelope, key, [1])
    opened(envelope, "d")
    completed(envelope, "d", [])

    assert envelope.seen()["stripes"] == 3


def test_concurrency_counts_requests_under_way():
    envelope = Envelope()
    with envelope.request(), envelope.request():
        pass
    with envelope.request():
        pass

    assert envelope.seen()["concurrency"] == 2


def test_widest_envelope_takes_the_most_of_each():
    assert widest([{"parts": 3, "stripes": 1}, {"parts": 2, "stripes": 4}, {}]) == {"parts": 3, "stripes": 4}
