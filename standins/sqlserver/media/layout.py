"""How the stand-in's objects are laid out. It is a format of its own, and says so: no SQL Server could read it.

    preamble (64 bytes) | label | block, block, ... | catalogue | trailer (64 bytes)

All between preamble and trailer are records: a head of 40 bytes with kind, family, length, sequence number, media set
and a CRC over head and body. Blocks are numbered through the whole media set and dealt over its families, so that one
that is altered, missing, repeated, swapped, or of another backup is noticed, whatever the options of the backup.
(The real server notices altered data for certain only in backups WITH CHECKSUM; the stand-in always does.)
"""

from __future__ import annotations

import hmac
import json
import struct
import zlib
from dataclasses import asdict, dataclass, fields
from datetime import datetime
from enum import Enum
from typing import TYPE_CHECKING, Any
from uuid import UUID

from restoreproof.standins.sqlserver.backups import BackupFile, BackupSet

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

__all__ = [
    "BLOCK",
    "HEAD",
    "LONGEST",
    "PREAMBLE",
    "TRAILER",
    "Block",
    "Catalogue",
    "Coder",
    "Damage",
    "Head",
    "Kind",
    "Label",
    "head_of",
    "read_trailer",
    "running_digest",
    "trailer",
]

PREAMBLE = b"RestoreProof stand-in media 1; not the format of SQL Server\r\n\x1a\n".ljust(64, b"\0")
BLOCK = 65_536
"""Bytes of the payload in a block."""
LONGEST = 1 << 26
"""No record is longer."""
_HEAD = struct.Struct("<4sBBHIQ16s")
_CRC = struct.Struct("<I")
_COUNTED = struct.Struct("<QI")
HEAD = _HEAD.size + _CRC.size
_TRAILER = struct.Struct("<16sQQ16s12x")
_END = b"RestoreProof.end"
TRAILER = _TRAILER.size + _CRC.size
_DEFLATED, _ENCRYPTED = 1, 2


class Damage(Exception):  # noqa: N818 - of the medium
    """The object is not as it was written."""


class Kind(Enum):
    """What a record holds."""

    LABEL = b"LABL"
    BLOCK = b"BLCK"
    CATALOGUE = b"CATL"


@dataclass(frozen=True)
class Head:
    """The head of a record, and the CRC that head and body must have."""

    kind: Kind
    flags: int
    length: int
    sequence: int
    owner: tuple[bytes, int]
    crc: int
    raw: bytes

    @classmethod
    def read(cls, raw: bytes) -> Head:
        """Read a head.

        :raises Damage: it is none.
        """
        if len(raw) != HEAD:
            raise Damage("a record's head is cut short")
        kind, flags, family, spare, length, sequence, media_set = _HEAD.unpack_from(raw)
        if kind not in {one.value for one in Kind} or length > LONGEST or spare:
            raise Damage("no record begins where one should")
        crc = _CRC.unpack_from(raw, _HEAD.size)[0]
        return cls(Kind(kind), flags, length, sequence, (media_set, family), crc, raw)

    def check(self, body: bytes | memoryview) -> None:
        """Compare the CRC.

        :raises Damage: it is another.
        """
        if zlib.crc32(body, zlib.crc32(self.raw[: _HEAD.size])) != self.crc:
            raise Damage(f"record {self.sequence} has another checksum")


def head_of(kind: Kind, owner: tuple[bytes, int], sequence: int, body: bytes | memoryview, flags: int = 0) -> bytes:
    """Write the head of a record; its owner is a media set and a family of it."""
    head = _HEAD.pack(kind.value, flags, owner[1], 0, len(body), sequence, owner[0])
    return head + _CRC.pack(zlib.crc32(body, zlib.crc32(head)))


def running_digest(before: int, number: int, crc: int) -> int:
    """Go on with the checksum over all blocks' numbers and checksums."""
    return zlib.crc32(_COUNTED.pack(number, crc), before)


def trailer(catalogue_at: int, size: int, media_set: bytes) -> bytes:
    """Write the end of an object: where its catalogue is, and how long the whole is."""
    packed = _TRAILER.pack(_END, catalogue_at, size, media_set)
    return packed + _CRC.pack(zlib.crc32(packed))


def read_trailer(raw: bytes, size: int, media_set: bytes) -> int:
    """Give the place of the catalogue.

    :raises Damage: it is no trailer of an object of this size and media set.
    """
    if len(raw) != TRAILER or _CRC.unpack_from(raw, _TRAILER.size)[0] != zlib.crc32(raw[: _TRAILER.size]):
        raise Damage("the object has no end")
    end, place, told, owner = _TRAILER.unpack_from(raw)
    if end != _END or told != size or owner != media_set or not len(PREAMBLE) <= place <= size - TRAILER - HEAD:
        raise Damage("the object's end is that of another")
    return int(place)


@dataclass(frozen=True)
class Label:
    """What the begin of every object says of the media set and the object's place in it."""

    media_set_id: str
    family: int
    families: int
    mirrors: int
    written: str
    block_size: int
    transfer_size: int
    compressed: bool
    name: str
    description: str
    algorithm: str
    thumbprint: str

    @property
    def owner(self) -> tuple[bytes, int]:
        """Media set and family as records carry them."""
        return UUID(self.media_set_id).bytes, self.family

    def dumped(self) -> bytes:
        """Write it."""
        return json.dumps(asdict(self)).encode()

    @classmethod
    def loaded(cls, raw: bytes) -> Label:
        """Read it.

        :raises Damage: it is none.
        """
        label: Label = _built(cls, _object(raw))
        try:
            UUID(label.media_set_id), bytes.fromhex(label.thumbprint), datetime.fromisoformat(label.written)
            right = 1 <= label.family <= label.families and 1 <= label.transfer_size <= LONGEST
        except (TypeError, ValueError, AttributeError) as error:
            raise Damage("the label holds values that are none") from error
        if not right:
            raise Damage("the label names no family, or no transfer size")
        return label


@dataclass(frozen=True)
class Catalogue:
    """What the end of every object says: the backup set, and what must have come until here.

    :ivar own: blocks in this object; ``blocks``, ``payload`` and ``digest`` are of all objects together.
    """

    backup_set: BackupSet
    own: int
    blocks: int
    payload: int
    digest: int

    def dumped(self) -> bytes:
        """Write it."""
        return json.dumps(asdict(self), default=datetime.isoformat).encode()

    @classmethod
    def loaded(cls, raw: bytes) -> Catalogue:
        """Read it.

        :raises Damage: it is none.
        """
        told = _object(raw)
        described = told.get("backup_set")
        if not isinstance(described, dict):
            raise Damage("the catalogue describes no backup set")
        try:
            described = {
                **described,
                "started": datetime.fromisoformat(described["started"]),
                "finished": datetime.fromisoformat(described["finished"]),
                "extra": tuple((name, value) for name, value in described["extra"]),
                "files": tuple(_built(BackupFile, file) for file in described["files"]),
            }
        except (KeyError, TypeError, ValueError) as error:
            raise Damage("the catalogue's backup set is none") from error
        catalogue: Catalogue = _built(cls, {**told, "backup_set": _built(BackupSet, described)})
        counts = (catalogue.own, catalogue.blocks, catalogue.payload, catalogue.digest)
        if any(type(count) is not int or count < 0 for count in counts):
            raise Damage("the catalogue counts in no numbers")
        return catalogue


def _object(raw: bytes) -> dict[str, Any]:
    try:
        told = json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise Damage("no JSON") from error
    if not isinstance(told, dict):
        raise Damage("no JSON object")
    return told


def _built(kind: Any, told: dict[str, Any]) -> Any:
    if set(told) != {one.name for one in fields(kind)}:
        raise Damage(f"no {kind.__name__}")
    return kind(**told)


@dataclass(frozen=True)
class Block:
    """A block as it is stored: flags and bytes."""

    flags: int
    body: bytes | memoryview


class Coder:
    """Packs blocks as a backup's options want, and unpacks them: zlib, then AES-256-GCM under a key of this backup.

    The key is made of the certificate's and the media set's id, so a block's number never meets the same key twice.
    """

    def __init__(self, media_set: bytes, key: bytes | None, *, compress: bool = False) -> None:
        self._compress = compress
        self._cipher = _cipher(key, media_set) if key else None

    def pack(self, number: int, data: bytes | memoryview) -> Block:
        """Make what is stored of a block; what does not shrink is stored as it is."""
        flags = 0
        if self._compress and len(small := zlib.compress(data, 1)) < len(data):
            flags, data = _DEFLATED, small
        if self._cipher:
            flags |= _ENCRYPTED
            data = self._cipher.encrypt(number.to_bytes(12, "little"), bytes(data), bytes([flags]))
        return Block(flags, data)

    def unpack(self, number: int, block: Block) -> bytes:
        """Give the data back.

        :raises Damage: it does not decrypt or inflate.
        """
        data = bytes(block.body)
        if bool(block.flags & _ENCRYPTED) != bool(self._cipher):
            raise Damage("a block is not encrypted as the label says")
        if self._cipher:
            from cryptography.exceptions import InvalidTag  # noqa: PLC0415 - weighs

            try:
                data = self._cipher.decrypt(number.to_bytes(12, "little"), data, bytes([block.flags]))
            except InvalidTag as error:
                raise Damage("a block does not decrypt") from error
        return _inflated(data) if block.flags & _DEFLATED else data


def _cipher(key: bytes, media_set: bytes) -> AESGCM:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM  # noqa: PLC0415 - weighs

    return AESGCM(hmac.digest(key, b"RestoreProof media" + media_set, "sha256"))


def _inflated(data: bytes) -> bytes:
    inflater = zlib.decompressobj()
    try:
        whole = inflater.decompress(data, BLOCK + 1)
    except zlib.error as error:
        raise Damage("a block does not inflate") from error
    if len(whole) > BLOCK or not inflater.eof:
        raise Damage("a block inflates to more than one")
    return whole
