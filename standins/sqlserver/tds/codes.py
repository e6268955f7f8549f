"""Numbers of TDS, by the names that MS-TDS gives them."""

from enum import IntEnum, IntFlag

__all__ = [
    "COLLATION",
    "LONG_TYPES",
    "MAX_BYTES",
    "UNLIMITED",
    "Change",
    "Done",
    "Encryption",
    "Kind",
    "Status",
    "Token",
    "Type",
]

COLLATION = bytes.fromhex("0904d00034")
"""SQL_Latin1_General_CP1_CI_AS; MS-TDS 2.2.5.1.2."""

MAX_BYTES = 8000
"""Bytes of the widest column that is not ``max``."""

UNLIMITED = 0xFFFF
"""Instead of a size: ``max``; instead of a length: NULL."""


class Kind(IntEnum):
    """Kinds of packets; MS-TDS 2.2.3.1.1."""

    BATCH = 0x01
    RPC = 0x03
    REPLY = 0x04
    ATTENTION = 0x06
    TRANSACTION = 0x0E
    LOGIN = 0x10
    PRELOGIN = 0x12


class Status(IntFlag):
    """Status bits of a packet; MS-TDS 2.2.3.1.2."""

    LAST = 0x01
    IGNORE = 0x02
    RESET = 0x08
    RESET_BUT_TRANSACTION = 0x10


class Encryption(IntEnum):
    """What PRELOGIN says of TLS; MS-TDS 2.2.6.5."""

    LOGIN_ONLY = 0
    ON = 1
    NOT_SUPPORTED = 2
    REQUIRED = 3


class Token(IntEnum):
    """First bytes of the tokens that answers consist of; MS-TDS 2.2.7."""

    RETURN_STATUS = 0x79
    COLUMNS = 0x81
    ERROR = 0xAA
    INFO = 0xAB
    RETURN_VALUE = 0xAC
    LOGIN = 0xAD
    ROW = 0xD1
    CHANGE = 0xE3
    DONE = 0xFD
    DONE_PROCEDURE = 0xFE
    DONE_IN_PROCEDURE = 0xFF


class Done(IntFlag):
    """Status bits of DONE; MS-TDS 2.2.7.6."""

    FINAL = 0x00
    MORE = 0x01
    ERROR = 0x02
    IN_TRANSACTION = 0x04
    COUNT = 0x10
    ATTENTION = 0x20


class Change(IntEnum):
    """What ENVCHANGE says has changed; MS-TDS 2.2.7.9."""

    DATABASE = 1
    LANGUAGE = 2
    PACKET_SIZE = 4
    COLLATION = 7
    BEGIN = 8
    COMMIT = 9
    ROLLBACK = 10


class Type(IntEnum):
    """Types as TYPE_INFO numbers them; MS-TDS 2.2.5.4."""

    NULL = 0x1F
    IMAGE = 0x22
    TEXT = 0x23
    GUID = 0x24
    INTEGER = 0x26
    DATE = 0x28
    TIME = 0x29
    DATETIME2 = 0x2A
    DATETIMEOFFSET = 0x2B
    NTEXT = 0x63
    BIT = 0x68
    DECIMAL = 0x6A
    NUMERIC = 0x6C
    FLOAT = 0x6D
    MONEY = 0x6E
    DATETIME = 0x6F
    VARBINARY = 0xA5
    VARCHAR = 0xA7
    BINARY = 0xAD
    CHAR = 0xAF
    NVARCHAR = 0xE7
    NCHAR = 0xEF


LONG_TYPES = {
    "varbinary": Type.VARBINARY,
    "varchar": Type.VARCHAR,
    "binary": Type.BINARY,
    "char": Type.CHAR,
    "nvarchar": Type.NVARCHAR,
    "nchar": Type.NCHAR,
}
"""The types whose values carry a length of two bytes, or come in chunks."""
