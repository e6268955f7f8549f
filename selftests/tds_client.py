"""A TDS client by hand, to say what no driver would."""

import socket
import struct
from contextlib import contextmanager

BATCH, RPC, REPLY, ATTENTION, TRANSACTION, LOGIN, PRELOGIN = 0x01, 0x03, 0x04, 0x06, 0x0E, 0x10, 0x12
NOT_SUPPORTED = 2
HEADERS = struct.pack("<IIHQI", 22, 18, 2, 0, 1)
PATIENCE = 10


def packet(kind, body=b"", *, status=1, size=None):
    return struct.pack(">BBHHBB", kind, status, len(body) + 8 if size is None else size, 0, 1, 0) + body


def prelogin(encryption=NOT_SUPPORTED):
    table = struct.pack(">BHHBHHB", 0, 11, 6, 1, 17, 1, 0xFF)
    return table + bytes(6) + bytes((encryption,))


def login(user="sa", password="", database="", *, version=0x74000004, packet_size=4096):
    hidden = bytes(((byte << 4 | byte >> 4) & 0xFF) ^ 0xA5 for byte in password.encode("utf-16-le"))
    values = [b"", user.encode("utf-16-le"), hidden, b"", b"", b"", b"", b"", database.encode("utf-16-le")]
    offsets, data = b"", b""
    for value in values:
        offsets += struct.pack("<HH", 94 + len(data), len(value) // 2)
        data += value
    fixed = struct.pack("<IIIIII", 94 + len(data), version, packet_size, 0, 0, 0) + bytes(12)
    return fixed + offsets + bytes(22) + data


def batch(text):
    return packet(BATCH, HEADERS + text.encode("utf-16-le"))


class Client:
    def __init__(self, plain):
        self.plain = plain
        self.stream = plain.makefile("rb")

    def say(self, *data):
        self.plain.sendall(b"".join(data))

    def answer(self):
        """The body of the next message; None where the server has hung up."""
        body = b""
        while True:
            head = self.stream.read(8)
            if len(head) < 8:
                return None
            body += self.stream.read(struct.unpack(">H", head[2:4])[0] - 8)
            if head[1] & 1:
                return body

    def log_in(self, password, **more):
        self.say(packet(PRELOGIN, prelogin()))
        assert self.answer()
        self.say(packet(LOGIN, login(password=password, **more)))
        return self.answer()

    def is_dropped(self):
        """Whether the server hangs up, whatever it says before."""
        try:
            while self.plain.recv(65_536):
                pass
        except ConnectionResetError:
            pass
        return True


@contextmanager
def client(port):
    with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE) as plain:
        talking = Client(plain)
        with talking.stream:
            yield talking
