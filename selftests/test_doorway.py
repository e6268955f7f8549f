"""The way to a store that falls shut in mid-backup, between real sockets."""

import socket
import threading
from contextlib import closing, suppress

import pytest

from restoreproof.fixtures.doorway import LOOPBACK, Doorway

PATIENCE = 10
SIZE = 100_000


class Echo:
    """Answers every byte with itself, and the first with a name before it."""

    def __init__(self, name):
        self.listener = socket.create_server((LOOPBACK, 0))
        self.place = self.listener.getsockname()
        self.name = name
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        with suppress(OSError):
            while True:
                near, _ = self.listener.accept()
                threading.Thread(target=self.answer, args=(near,), daemon=True).start()

    def answer(self, near):
        with near, suppress(OSError):
            near.sendall(self.name)
            while piece := near.recv(SIZE):
                near.sendall(piece)

    def close(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()


@pytest.fixture
def store():
    with closing(Echo(b"store")) as running:
        yield running


@pytest.fixture
def doorway(store):
    with closing(Doorway(store.place)) as running:
        yield running


def connected(doorway):
    client = socket.create_connection((LOOPBACK, doorway.port), PATIENCE)
    assert read(client, 5)
    return client


def read(client, size):
    """As many bytes, or fewer where the other side is gone before."""
    found = b""
    while len(found) < size and (piece := client.recv(size - len(found))):
        found += piece
    return found


def said_first(doorway):
    with socket.create_connection((LOOPBACK, doorway.port), PATIENCE) as client:
        return read(client, 5)


def until_cut(client):
    """Send until the other side is gone, at the most four times what is needed."""
    with suppress(OSError):
        for _ in range(4):
            client.sendall(bytes(SIZE // 2))
        while client.recv(SIZE):
            pass


def refused(doorway):
    try:
        socket.create_connection((LOOPBACK, doorway.port), PATIENCE).close()
    except ConnectionRefusedError:
        return True
    return False


def test_bytes_pass_both_ways(doorway):
    doorway.fall_after(SIZE)
    with connected(doorway) as client:
        client.sendall(bytes(SIZE))

        assert read(client, SIZE) == bytes(SIZE)
    assert not doorway.fell


def test_it_falls_shut_for_every_connection_and_refuses_new_ones(doorway):
    fell = threading.Event()
    doorway.fall_after(SIZE, fell.set)
    with connected(doorway) as busy, connected(doorway) as idle:
        until_cut(busy)

        assert fell.wait(PATIENCE)
        with suppress(ConnectionResetError):
            assert idle.recv(1) == b""
    assert (doorway.fell, refused(doorway)) == (True, True)


@pytest.mark.parametrize("elsewhere", [False, True])
def test_it_opens_again_where_it_was_or_elsewhere(doorway, elsewhere):
    with closing(Echo(b"other")) as other:
        opened = threading.Event()

        def open_again():
            doorway.reopen(other.place if elsewhere else None)
            opened.set()

        doorway.fall_after(SIZE, open_again)
        with connected(doorway) as client:
            until_cut(client)
        assert opened.wait(PATIENCE)

        assert said_first(doorway) == (b"other" if elsewhere else b"store")


def test_once_closed_it_stays_shut(doorway):
    doorway.close()
    doorway.reopen()

    assert refused(doorway)
