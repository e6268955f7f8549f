"""What the engine and the backup media know of each other: devices, transfers, backup sets, and how they travel."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from contextlib import AbstractContextManager
    from datetime import datetime
    from threading import Event

__all__ = [
    "BackupFile",
    "BackupSet",
    "Backups",
    "Credential",
    "Device",
    "Encryption",
    "Medium",
    "MountedMedia",
    "Transfer",
    "Written",
]


@dataclass(frozen=True)
class Credential:
    """A row of sys.credentials for S3: its name (an ``s3://`` prefix), and the key pair of its SECRET."""

    name: str
    key_id: str
    secret: str = field(repr=False)


@dataclass(frozen=True)
class Device:
    """One URL of a statement, as typed, and the credential that the engine looked up for it."""

    url: str
    credential: Credential


@dataclass(frozen=True)
class Encryption:
    """The certificate that a backup is encrypted with: ``thumbprint`` is 20 bytes, ``key`` 32 bytes."""

    algorithm: str
    certificate: str
    thumbprint: bytes
    key: bytes = field(repr=False)


@dataclass(frozen=True)
class Transfer:
    """The WITH options that decide how bytes travel; sizes in bytes.

    :ivar region: of BACKUP_OPTIONS or RESTORE_OPTIONS.
    :ivar overwrite: WITH FORMAT: an object that exists may be replaced.
    :ivar persist: CONTINUE_AFTER_ERROR: called for each damaged block, which is given out as it is.
    """

    region: str = "us-east-1"
    max_transfer_size: int = 10 * 1024 * 1024
    buffer_count: int = 4
    block_size: int = 65_536
    checksum: bool = False
    compression: bool = False
    overwrite: bool = False
    encryption: Encryption | None = None
    media_name: str = ""
    media_description: str = ""
    persist: Callable[[], None] | None = field(default=None, compare=False)


@dataclass(frozen=True)
class BackupFile:
    """A row of FILELISTONLY: ``kind`` is D (rows), L (log) or S (filestream); size in bytes."""

    logical: str
    physical: str
    kind: str
    size: int
    filegroup: str = "PRIMARY"
    id: int = 1


@dataclass(frozen=True)
class BackupSet:
    """What a backup says of itself: HEADERONLY's columns, and what a chain is checked by. LSNs are plain integers.

    :ivar type: D (database), I (differential), L (log), F (file or filegroup), P (partial), as in msdb.
    """

    database: str
    type: str
    set_id: str
    started: datetime
    finished: datetime
    first_lsn: int
    last_lsn: int
    checkpoint_lsn: int
    database_backup_lsn: int
    family_id: str
    fork_id: str
    recovery_model: str
    copy_only: bool
    server: str
    name: str = ""
    description: str = ""
    user: str = "sa"
    collation: str = "SQL_Latin1_General_CP1_CI_AS"
    compatibility_level: int = 160
    checksum: bool = False
    compressed: bool = False
    encrypted_by: str = ""
    backup_bytes: int = 0
    stored_bytes: int = 0
    extra: tuple[tuple[str, str], ...] = ()
    files: tuple[BackupFile, ...] = ()

    @property
    def encryptor(self) -> bytes:
        """The thumbprint of the certificate that the database itself was encrypted with; empty where it was not."""
        return bytes.fromhex(dict(self.extra).get("encryptor", ""))


@dataclass(frozen=True)
class Written:
    """What a backup wrote: bytes of the payload, bytes of all objects together, and seconds."""

    payload: int
    stored: int
    seconds: float


@dataclass(frozen=True)
class Medium:
    """LABELONLY: what the object at one URL says of its media set, and the backup set that lies on it."""

    media_set_id: str
    family: int
    families: int
    mirrors: int
    written: datetime
    block_size: int
    compressed: bool
    name: str
    description: str
    backup_set: BackupSet
    thumbprint: bytes = b""


class MountedMedia(Protocol):
    """The objects of a restore, each of which was looked at once; the connections to them are kept until it is over.

    :ivar media: what they say of themselves, in the order of the devices.
    """

    media: Sequence[Medium]

    def pieces(self, key_of: Callable[[bytes], bytes | None]) -> Iterator[bytes]:
        """The payload, in order, whole, and checked block by block before it is given out.

        :param key_of: the certificate's key for a thumbprint, None if the instance has no such certificate (33111).
        :raises SqlError: 3132 (a stripe is missing), 3241, 3203 (read failed), 3183 or 3189 (damage found), 33111.
        """


class Backups(Protocol):
    """Writes and reads backup media.

    All that fails is a :class:`SqlError` with the number and text of SQL Server; the statement's last error (3013) is
    the engine's to add. All calls end with ``Cancelled`` soon after the event.

    :ivar reserved: bytes that what runs at the moment may take for its buffers.
    """

    reserved: int

    def write(
        self,
        mirrors: Sequence[Sequence[Device]],
        payload: Iterable[bytes],
        describe: Callable[[int], BackupSet],
        transfer: Transfer,
        cancelled: Event,
    ) -> Written:
        """Write a media set: the first sequence of devices are its stripes, the others (MIRROR TO) their mirrors.

        :param payload: the backup's bytes in pieces of any size; it is pulled from this thread only, so that progress
            can be told from within. It is not pulled before every device was opened: what is refused is refused early.
        :param describe: called once the payload has ended, with its size: gives the backup set, which has the last LSN.
        :raises SqlError: 3201 (can't open), 3202 (write failed), 3271 and others of the ERR entries.
        """

    def mount(
        self, devices: Sequence[Device], transfer: Transfer, cancelled: Event
    ) -> AbstractContextManager[MountedMedia]:
        """Read the labels and the backup sets of all objects, by a few small ranges of each.

        :raises SqlError: 3201 (can't open), 3241 (no backup, or damaged).
        """
