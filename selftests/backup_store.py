"""A store for backups behind TLS that does as it is told, and backups to it: small ones, with small parts."""

import atexit
import hashlib
import itertools
import random
import tempfile
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from xml.etree import ElementTree as ET

from hostile_server import AUTHORITY, BUCKET, HostileStore, hostile, xml

from restoreproof.standins.sqlserver.backups import BackupFile, BackupSet, Credential, Device, Transfer
from restoreproof.standins.sqlserver.connector.behaviour import Behaviour
from restoreproof.standins.sqlserver.media.backups import S3Backups

PART = 100_000
QUICK = {"retry_seconds": 0.001, "longest_retry_seconds": 0.001, "opening_retries": 1, "retries": 2}
DESCRIBED = BackupSet(
    database="sales",
    type="D",
    set_id="6f1c8c39-9a5b-4d94-b3a8-1c1e6df9c1b4",
    started=datetime.fromisoformat("2024-01-02T03:04:05.678"),
    finished=datetime.fromisoformat("2024-01-02T03:04:09"),
    first_lsn=37_000_000_012_300_001,
    last_lsn=37_000_000_099_900_001,
    checkpoint_lsn=37_000_000_012_300_001,
    database_backup_lsn=0,
    family_id="f",
    fork_id="k",
    recovery_model="FULL",
    copy_only=False,
    server="ENGINE\\ONE",
    name="büro 'näme' ✓",
    extra=(("tail", "1"),),
    files=(BackupFile("sales", "/data/sales.mdf", "D", 8_388_608), BackupFile("log", "/l.ldf", "L", 1, "", 2)),
)


@dataclass
class BackupStore(HostileStore):
    """One bucket; ids of uploads and ETags as S3 gives them. ``bodies`` are the bodies of completions."""

    names: object = field(default_factory=lambda: itertools.count(1))
    bodies: list[bytes] = field(default_factory=list)
    answered: int = 0

    def answer(self, request, body):
        if request.headers["host"].startswith(f"{BUCKET}."):
            request = replace(request, target=f"/{BUCKET}{request.target}")
        if request.target.lstrip("/").split("/")[0].split("?")[0] != BUCKET:
            return refuse(404, "NoSuchBucket", bare=request.method == "HEAD")
        said = super().answer(request, body)
        self.answered += 1
        return said

    def do_list(self, request, body):
        status, headers, content = super().do_list(request, body)
        root = b'ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"'
        return status, headers, content.replace(b"<L>", b"<%s>" % root).replace(b"</L>", b"</ListBucketResult>")

    def do_open(self, request, _body):
        name = f"{request.key}+{next(self.names)}/="
        self.open[name] = {}
        return xml(f"<InitiateMultipartUploadResult><UploadId>{name}</UploadId></InitiateMultipartUploadResult>")

    def do_part(self, request, body):
        self.open[request.query["uploadid"]][int(request.query["partnumber"])] = body
        return 200, {"ETag": etag(body)}, b""

    def do_complete(self, request, body):
        parts = self.open.pop(request.query["uploadid"])
        self.bodies.append(body)
        named = [(int(part[0].text), part[1].text) for part in ET.fromstring(body)]
        if named != [(number, etag(parts[number])) for number in sorted(parts)]:
            return 400, {}, b"<Error><Code>InvalidPart</Code></Error>"
        self.objects[request.key] = whole = b"".join(parts[number] for number, _ in named)
        told = f"<ETag>{etag(whole)}</ETag>"
        return xml(f"<CompleteMultipartUploadResult>{told}</CompleteMultipartUploadResult>")

    def do_abort(self, request, _body):
        return (204 if self.open.pop(request.query["uploadid"], None) is not None else 404), {}, b""

    def do_put(self, request, body):
        self.objects[request.key] = body
        return 200, {"ETag": etag(body)}, b""

    def do_read(self, request, body):
        status, headers, content = super().do_read(request, body)
        return status, {**headers, "ETag": etag(self.objects.get(request.key, b""))}, content

    do_head = do_read

    def kinds(self, *without):
        return [request.kind for request in self.requests if request.kind not in without]


def etag(body):
    return f'"{hashlib.md5(body).hexdigest()}"'


def refuse(status, code, *, bare=False):
    body = "" if bare else f"<Error><Code>{code}</Code></Error>"
    kind = "" if bare else "Content-Type: application/xml\r\n"
    return f"HTTP/1.1 {status} No\r\n{kind}Content-Length: {len(body)}\r\n\r\n{body}".encode()


@contextmanager
def storing(*misdeeds):
    with hostile(*misdeeds, kind=BackupStore) as store:
        store.port = store.listener.getsockname()[1]
        yield store


def authority(pem=AUTHORITY.pem):
    """A file with what TLS shall trust, which goes with the process."""
    with tempfile.NamedTemporaryFile("w", suffix=".pem", encoding="ascii", delete=False) as file:
        file.write(pem)
    atexit.register(Path(file.name).unlink, missing_ok=True)
    return Path(file.name)


CA = authority()


def backups(**switches):
    return S3Backups(CA, Behaviour(**{**QUICK, **switches}))


def device(store, key="a.bak", host="localhost"):
    return Device(f"s3://{host}:{store.port}/{BUCKET}/{key}", Credential("s3://x", "KEY", "s"))


def stripes(store, count, prefix=""):
    return [device(store, f"{prefix}{number}.bak") for number in range(count)]


def content(size, seed=1):
    return random.Random(seed).randbytes(size)


def texts(size):
    """Bytes that shrink, some more than others."""
    lines = b"".join(b"%d;%d;row\n" % (number, number * 7919 % 1013) for number in range(size // 8 + 1))
    return lines[:size]


def transfer(**options):
    return replace(Transfer(max_transfer_size=PART), **options)


def write(engine, devices, payload, *, cancelled=None, mirrors=(), **options):
    pieces = payload if not isinstance(payload, bytes) else [payload]
    return engine.write(
        [devices, *mirrors],
        pieces,
        lambda size: replace(DESCRIBED, backup_bytes=size),
        transfer(**options),
        cancelled or threading.Event(),
    )


def pieces(engine, devices, keys=None, *, cancelled=None, **options):
    with engine.mount(devices, transfer(**options), cancelled or threading.Event()) as mounted:
        yield from mounted.pieces((keys or {}).get)


def read(engine, devices, keys=None, **options):
    return b"".join(pieces(engine, devices, keys, **options))


def look(engine, one, *, cancelled=None, **options):
    with engine.mount([one], transfer(**options), cancelled or threading.Event()) as mounted:
        return mounted.media[0]
