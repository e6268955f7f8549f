"""A double of the backup media: one pickled file per URL, in a folder."""

import hashlib
import pickle
import time
from contextlib import contextmanager
from types import SimpleNamespace
from uuid import uuid4

from restoreproof.standins.sqlserver.backups import Medium, Written
from restoreproof.standins.sqlserver.session import Cancelled, SqlError


class FolderBackups:
    """Writes, looks and reads as ``Backups`` says; stripes take turns by piece.

    :ivar on_piece: called after each piece that was written or read.
    """

    def __init__(self, folder):
        self.folder = folder
        self.on_piece = lambda _: None
        self.credentials = []
        self.reserved = 0

    def path(self, url):
        return self.folder / hashlib.sha256(url.encode()).hexdigest()

    def write(self, mirrors, payload, describe, transfer, cancelled):
        started = time.monotonic()
        devices = [device for stripes in mirrors for device in stripes]
        self.credentials = [device.credential for device in devices]
        for device in devices:
            if self.path(device.url).exists() and not transfer.overwrite:
                raise SqlError(3296, f"The file {device.url} exists on the remote endpoint.")
        pieces = [[] for _ in mirrors[0]]
        size = 0
        for number, piece in enumerate(payload):
            if cancelled.is_set():
                raise Cancelled
            pieces[number % len(pieces)].append(piece)
            size += len(piece)
            self.on_piece(number)
        made = describe(size)
        media = str(uuid4())
        sealed = transfer.encryption.thumbprint if transfer.encryption else b""
        for stripes in mirrors:
            for family, device in enumerate(stripes, 1):
                medium = Medium(
                    media, family, len(stripes), len(mirrors), made.finished, transfer.block_size, transfer.compression,
                    transfer.media_name, transfer.media_description, made, sealed,
                )  # fmt: skip
                self.path(device.url).write_bytes(pickle.dumps((medium, pieces[family - 1])))
        return Written(size, size, time.monotonic() - started)

    def _load(self, device):
        try:
            return pickle.loads(self.path(device.url).read_bytes())
        except FileNotFoundError:
            text = (
                f"Cannot open backup device '{device.url}'. Operating system error 2(The system cannot find the file)."
            )
            raise SqlError(3201, text) from None

    @contextmanager
    def mount(self, devices, _transfer, cancelled):
        loaded = [self._load(device) for device in devices]
        yield SimpleNamespace(
            media=[medium for medium, _ in loaded], pieces=lambda key_of: self._pieces(loaded, key_of, cancelled)
        )

    def _pieces(self, loaded, key_of, cancelled):
        loaded = sorted(loaded, key=lambda one: one[0].family)
        if loaded[0][0].thumbprint and key_of(loaded[0][0].thumbprint) is None:
            raise SqlError(33111, "Cannot find server certificate with thumbprint.")
        pieces = [one[1] for one in loaded]
        for number in range(sum(map(len, pieces))):
            if cancelled.is_set():
                raise Cancelled
            yield pieces[number % len(pieces)][number // len(pieces)]
            self.on_piece(number)

    def damage(self, url, piece=0):
        """Cut a stripe short."""
        medium, pieces = pickle.loads(self.path(url).read_bytes())
        self.path(url).write_bytes(pickle.dumps((medium, pieces[:piece])))
