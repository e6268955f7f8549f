"""PRELOGIN and LOGIN7: what a client says before it is let in. MS-TDS 2.2.6.4 and 2.2.6.5."""

from __future__ import annotations

import struct
from dataclasses import dataclass, field

from restoreproof.standins.sqlserver.tds.codes import Encryption
from restoreproof.standins.sqlserver.tds.reading import Malformed, Reader

__all__ = ["TDS_7_4", "TDS_8_0", "Login", "Prelogin", "agreed", "prelogin_answer", "read_login", "read_prelogin"]

TDS_7_4 = 0x74000004
TDS_8_0 = 0x08000000
_OLDEST = 0x72090002
_ENCRYPTIONS = frozenset(Encryption)
_TERMINATOR = 0xFF
_OPTION = struct.Struct(">BHH")
_FIELDS = 36
_FIXED = 94
_OBFUSCATION = 0xA5
_USER, _PASSWORD, _DATABASE = 1, 2, 8


@dataclass(frozen=True)
class Prelogin:
    """What a client wants of TLS."""

    encryption: Encryption


@dataclass(frozen=True)
class Login:
    """LOGIN7, as far as it decides anything.

    :ivar version: of TDS, the newest that the client knows.
    :ivar integrated: the client wants to be known by its Windows or Kerberos account.
    """

    user: str
    password: str = field(repr=False)
    database: str
    version: int
    packet_size: int
    integrated: bool


def read_prelogin(body: bytes) -> Prelogin:
    """Read PRELOGIN.

    :raises Malformed: it is none.
    """
    table, options = Reader(body), dict[int, bytes]()
    while table.peek() != _TERMINATOR:
        token, offset, size = _OPTION.unpack(table.take(_OPTION.size))
        if offset + size > len(body):
            raise Malformed("an option lies outside")
        options[token] = body[offset : offset + size]
    wanted = options.get(1) or bytes((Encryption.NOT_SUPPORTED,))
    if wanted[0] not in _ENCRYPTIONS:
        raise Malformed("this kind of encryption is not known")
    return Prelogin(Encryption(wanted[0]))


def agreed(wanted: Encryption, *, required: bool) -> Encryption:
    """What the server answers: MS-TDS 2.2.6.5, the table of encryption outcomes."""
    if wanted is Encryption.NOT_SUPPORTED:
        return Encryption.REQUIRED if required else Encryption.NOT_SUPPORTED
    if wanted is Encryption.LOGIN_ONLY:
        return Encryption.REQUIRED if required else Encryption.LOGIN_ONLY
    return Encryption.ON


def prelogin_answer(version: tuple[int, int, int], encryption: Encryption) -> bytes:
    """PRELOGIN in return: version, encryption, no instance name, no MARS."""
    major, minor, build = version
    options = [(0, struct.pack(">BBHH", major, minor, build, 0)), (1, bytes((encryption,))), (2, b"\0"), (4, b"\0")]
    table, data = b"", b""
    start = _OPTION.size * len(options) + 1
    for token, value in options:
        table += _OPTION.pack(token, start + len(data), len(value))
        data += value
    return table + bytes((_TERMINATOR,)) + data


def read_login(body: bytes) -> Login:
    """Read LOGIN7.

    :raises Malformed: it is none, or of a TDS before 7.2.
    """
    if len(body) < _FIXED:
        raise Malformed("the login is too short")
    _, version, packet_size = struct.unpack_from("<III", body)
    if version != TDS_8_0 and version < _OLDEST:
        raise Malformed("this TDS is too old")
    return Login(
        user=_text(_field(body, _USER)),
        password=_text(bytes(_revealed(byte) for byte in _field(body, _PASSWORD))),
        database=_text(_field(body, _DATABASE)),
        version=version,
        packet_size=packet_size,
        integrated=bool(body[25] & 0x80),
    )


def _field(body: bytes, index: int) -> bytes:
    offset, units = struct.unpack_from("<HH", body, _FIELDS + 4 * index)
    if offset + 2 * units > len(body):
        raise Malformed("a field of the login lies outside")
    return body[offset : offset + 2 * units]


def _revealed(byte: int) -> int:
    """Undo what MS-TDS 2.2.6.4 does to each byte of a password: halves swapped, some bits turned."""
    turned = byte ^ _OBFUSCATION
    return (turned << 4 | turned >> 4) & 0xFF


def _text(raw: bytes) -> str:
    return Reader(raw).text(len(raw) // 2)
