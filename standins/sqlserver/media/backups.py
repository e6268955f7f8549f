"""The backups of the engine stand-in: media sets in an object store, as the engine asks for them."""

from __future__ import annotations

import time
from contextlib import contextmanager, suppress
from datetime import datetime
from functools import partial
from threading import Event, Lock
from typing import TYPE_CHECKING

from restoreproof.standins.sqlserver.backups import Medium, Written
from restoreproof.standins.sqlserver.connector import messages
from restoreproof.standins.sqlserver.connector.client import trust
from restoreproof.standins.sqlserver.connector.store import Store
from restoreproof.standins.sqlserver.connector.upload import Upload
from restoreproof.standins.sqlserver.media.crew import Crew
from restoreproof.standins.sqlserver.media.reading import look_at, read_set
from restoreproof.standins.sqlserver.media.writing import write_set
from restoreproof.standins.sqlserver.session import Cancelled, SqlError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from contextlib import AbstractContextManager
    from pathlib import Path

    from restoreproof.standins.sqlserver.backups import BackupSet, Device, Transfer
    from restoreproof.standins.sqlserver.connector.behaviour import Behaviour
    from restoreproof.standins.sqlserver.media.reading import Volume

__all__ = ["S3Backups"]


class S3Backups:
    """Implements :class:`Backups` over S3; any number of statements may use it at a time.

    Memory of a statement: stripes x BUFFERCOUNT x MAXTRANSFERSIZE at most, both ways; mirrors share their buffers.

    :param ca: PEM file of what TLS trusts; None for the public authorities.
    """

    def __init__(self, ca: Path | None, behaviour: Behaviour) -> None:
        self._context = trust(ca, behaviour.newest_tls)
        self.behaviour = behaviour
        self.reserved = 0
        self._lock = Lock()

    @contextmanager
    def _reserved(self, buffers: int) -> Iterator[None]:
        """The bytes of a statement's buffers, set aside for as long as it moves data."""
        with self._lock:
            self.reserved += buffers
        try:
            yield
        finally:
            with self._lock:
                self.reserved -= buffers

    def write(
        self,
        mirrors: Sequence[Sequence[Device]],
        payload: Iterable[bytes],
        describe: Callable[[int], BackupSet],
        transfer: Transfer,
        cancelled: Event,
    ) -> Written:
        """Write a media set; what fails or is cancelled leaves its uploads open, unless a switch says otherwise."""
        began = time.monotonic()
        opened: list[Upload] = []
        try:
            with self._reserved(_buffers(mirrors[0], transfer)), Crew(cancelled) as crew:
                uploads = [[Upload(self._store(device, transfer, crew)) for device in row] for row in mirrors]
                opened = [upload for row in uploads for upload in row]
                _check_names([upload.store.url for upload in opened])
                self._open(opened, transfer, crew)
                size, stored = write_set(uploads, payload, describe, transfer, crew)
        except BaseException:
            if self.behaviour.on_failure == "abort":
                self._abort(opened, mirrors, transfer)
            raise
        return Written(size, stored, time.monotonic() - began)

    @contextmanager
    def mount(self, devices: Sequence[Device], transfer: Transfer, cancelled: Event) -> Iterator[_Mounted]:
        """Look at all objects, at the same time; of several that can't be opened the first is told of."""
        with Crew(cancelled) as crew:
            stores = [self._store(device, transfer, crew) for device in devices]
            volumes = crew.results([partial(look_at, store) for store in stores])
            yield _Mounted(volumes, transfer, crew, self._reserved(_buffers(devices, transfer)))

    def _store(self, device: Device, transfer: Transfer, crew: Crew) -> Store:
        store = Store(device, transfer.region, self.behaviour, self._context, crew.stop)
        crew.closes(store.close)
        return store

    def _open(self, uploads: Sequence[Upload], transfer: Transfer, crew: Crew) -> None:
        """Look for all objects before any upload is opened, so that what is refused leaves nothing behind."""
        overwrite = transfer.overwrite
        found = crew.results([partial(_look_before, upload, overwrite=overwrite) for upload in uploads])
        if overwrite and self.behaviour.delete_before_format:
            crew.results([upload.remove_old for upload, there in zip(uploads, found, strict=True) if there])
        if self.behaviour.tiny == "multipart":
            crew.results([upload.open for upload in uploads])

    def _abort(self, opened: Sequence[Upload], mirrors: Sequence[Sequence[Device]], transfer: Transfer) -> None:
        """Abort what is open, on connections of its own; a store that refuses that changes nothing."""
        devices = [device for row in mirrors for device in row]
        with Crew(Event()) as crew, suppress(SqlError, Cancelled):
            for upload, device in zip(opened, devices, strict=True):
                upload.store = self._store(device, transfer, crew)
            crew.results([upload.abort for upload in opened])


class _Mounted:
    """Implements :class:`MountedMedia`."""

    def __init__(
        self, volumes: Sequence[Volume], transfer: Transfer, crew: Crew, reserved: AbstractContextManager[None]
    ) -> None:
        self.media: Sequence[Medium] = [_medium(volume) for volume in volumes]
        self._volumes, self._transfer, self._crew, self._reserved = volumes, transfer, crew, reserved

    def pieces(self, key_of: Callable[[bytes], bytes | None]) -> Iterator[bytes]:
        """Give the payload in order; no more is asked of a store before the first piece is taken."""
        with self._reserved:
            yield from read_set(self._volumes, key_of, self._transfer, self._crew)


def _medium(volume: Volume) -> Medium:
    label = volume.label
    return Medium(
        media_set_id=label.media_set_id,
        family=label.family,
        families=label.families,
        mirrors=label.mirrors,
        written=datetime.fromisoformat(label.written),
        block_size=label.block_size,
        compressed=label.compressed,
        name=label.name,
        description=label.description,
        backup_set=volume.catalogue.backup_set,
        thumbprint=bytes.fromhex(label.thumbprint),
    )


def _buffers(stripes: Sequence[Device], transfer: Transfer) -> int:
    return len(stripes) * transfer.buffer_count * transfer.max_transfer_size


def _check_names(urls: Sequence[str]) -> None:
    """Whether each device is named once: the later of two uploads would replace the earlier."""
    for place, url in enumerate(urls):
        if url in urls[:place]:
            raise messages.Stage.OPEN.error(url, messages.IN_USE)


def _look_before(upload: Upload, *, overwrite: bool) -> bool:
    """Probe a device.

    :raises SqlError: 3201 (the bucket is not there, or not ours), 3296 (the object is there, and may not be replaced).
    """
    there = upload.store.find(reading=False, overwrite=overwrite) is not None
    if there and not overwrite:
        raise messages.exists(upload.store.url)
    return there
