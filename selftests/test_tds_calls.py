"""Remote calls that Microsoft's driver does not make, or only by mistake."""

import struct

import pytest
from scripted_engine import PASSWORD, serving
from tds_client import HEADERS, RPC, TRANSACTION, client, packet

from restoreproof.standins.sqlserver.session import SqlType
from restoreproof.standins.sqlserver.tds.values import type_info, writer

TEXT, NUMBER = SqlType("nvarchar", 100), SqlType("int")
ERROR = 0xAA
ECHO = ("echo @a, @b", "@a int, @b decimal(10,2)")


@pytest.fixture(scope="module")
def service(tmp_path_factory):
    with serving(tmp_path_factory.mktemp("tds")) as running:
        yield running


@pytest.fixture
def guest(service):
    with client(service.port) as talking:
        assert talking.log_in(PASSWORD)
        yield talking


def argument(value, name="", *, output=False):
    kind = NUMBER if isinstance(value, int) else TEXT
    raw = name.encode("utf-16-le")
    return bytes((len(name),)) + raw + bytes((output,)) + type_info(kind) + writer(kind)(value)


def call(name, *arguments):
    """A call by name or number; arguments are values, or bytes that are ready."""
    named = struct.pack("<HH", 0xFFFF, name) if isinstance(name, int) else struct.pack("<H", len(name))
    raw = b"" if isinstance(name, int) else name.encode("utf-16-le")
    ready = (value if isinstance(value, bytes) else argument(value) for value in arguments)
    return named + raw + bytes(2) + b"".join(ready)


def ask(guest, *calls):
    guest.say(packet(RPC, HEADERS + b"\xff".join(calls)))
    return guest.answer()


def error_of(answer):
    return struct.unpack_from("<i", answer, 3)[0] if answer[0] == ERROR else None


@pytest.mark.parametrize("name", ["sp_executesql", "SYS.SP_EXECUTESQL", "[sys].[sp_executesql]", 10])
def test_procedures_are_known_by_all_their_names(guest, name):
    assert error_of(ask(guest, call(name, "one"))) is None


@pytest.mark.parametrize(
    "arguments",
    [(7, 8), (argument(7, "@a"), argument(8, "@b")), (argument(8, "@b"), argument(7, "@a"))],
    ids=["by place", "by name", "the other way round"],
)
def test_arguments_are_given_by_place_or_by_name(service, guest, arguments):
    found = {}

    def note(batch):
        found.update((name, parameter.value) for name, parameter in batch.parameters.items())
        batch.output.done()

    service.engine.scripts["note"] = note
    assert error_of(ask(guest, call("sp_executesql", "note", ECHO[1], *arguments))) is None
    assert found == {"@a": 7, "@b": 8}


@pytest.mark.parametrize(
    ("wrong", "number"),
    [
        (call("sp_who"), 2812),
        (call(2), 2812),
        (call("sp_executesql"), 214),
        (call("sp_executesql", 7), 214),
        (call("sp_execute", "x"), 214),
        (call("sp_execute", 99), 8179),
        (call("sp_unprepare", 99), 8179),
        (call("sp_executesql", *ECHO, 7), 8178),
        (call("sp_executesql", *ECHO, argument(7, "@c"), 8), 8178),
        (call("sp_executesql", *ECHO, 7, 8, 9), 8144),
        (call("sp_executesql", *ECHO, 7, argument(8, output=True)), 50001),
        (call("sp_executesql", "one", b"\x00\x00\xf3"), 8009),
        (call("sp_executesql", "nonsense"), 102),
    ],
    ids=str,
)
def test_wrong_calls_are_refused_and_the_session_goes_on(guest, wrong, number):
    assert error_of(ask(guest, wrong)) == number
    assert error_of(ask(guest, call("sp_executesql", "one"))) is None


def test_calls_of_one_request_are_carried_out_in_order(service, guest):
    ask(guest, *(call("sp_executesql", f"echo {number}") for number in range(3)))

    assert service.engine.sessions[-1].done == ["echo 0", "echo 1", "echo 2"]


def test_statement_is_prepared_used_and_forgotten(guest):
    prepared = ask(guest, call("sp_prepare", argument(0, output=True), "", "one"))
    handle = int.from_bytes(prepared[-17:-13], "little")

    assert error_of(ask(guest, call("sp_execute", handle))) is None
    assert error_of(ask(guest, call("sp_unprepare", handle))) is None
    assert error_of(ask(guest, call("sp_execute", handle))) == 8179


def test_unknown_transaction_request_is_refused(guest):
    guest.say(packet(TRANSACTION, HEADERS + struct.pack("<H", 9)))

    assert error_of(guest.answer()) == 50001
