"""Backups of the engine stand-in on the embedded endpoint: a real store judges signatures, rights, parts and ranges."""

import importlib.util
import sys
import tracemalloc
import zlib

import pytest
from backup_store import authority, content, look, pieces, read, texts, write
from running_standin import RunningStandin, module

from restoreproof.standins.sqlserver.backups import Credential, Device, Encryption
from restoreproof.standins.sqlserver.connector.behaviour import Behaviour
from restoreproof.standins.sqlserver.media import memory
from restoreproof.standins.sqlserver.media.backups import S3Backups
from restoreproof.standins.sqlserver.media.layout import BLOCK
from restoreproof.standins.sqlserver.session import SqlError

pytestmark = pytest.mark.skipif(
    sys.platform != "linux" or importlib.util.find_spec("swift") is None,
    reason="needs Linux and the extra restoreproof[embedded]",
)

BUCKET = "mediatest"
MIB = 1024 * 1024
LARGE = {"max_transfer_size": 5 * MIB, "buffer_count": 3}


@pytest.fixture(scope="module")
def endpoint(tmp_path_factory):
    with RunningStandin(module("endpoint"), tmp_path_factory.mktemp("endpoint")) as running:
        running.client().create_bucket(Bucket=BUCKET)
        running.authority = authority(running.ready["ca"])
        yield running


def engine(endpoint, **switches):
    return S3Backups(endpoint.authority, Behaviour(**switches))


def device(endpoint, key, role="backup", bucket=BUCKET):
    pair = endpoint.ready["keys"][role]
    url = endpoint.ready["url"].replace("https:", "s3:")
    return Device(f"{url}/{bucket}/{key}", Credential(f"{url}/{bucket}", pair["id"], pair["secret"]))


def devices(endpoint, prefix, count, role):
    return [device(endpoint, f"{prefix}/{number}.bak", role) for number in range(count)]


def failure(call, *arguments, **options):
    with pytest.raises(SqlError) as failed:
        call(*arguments, **options)
    return failed.value.number, failed.value.text.partition("Operating system error ")[2]


def test_large_parts_in_stripes_and_memory_within_its_bounds(endpoint, monkeypatch):
    monkeypatch.setattr(memory, "buffer", lambda size: memoryview(bytearray(size)))  # what tracemalloc can see
    piece = content(MIB)
    count, whole = 2, 48
    bound = count * 3 * 5 * MIB + 6 * MIB
    tracemalloc.start()
    write(engine(endpoint), devices(endpoint, "big", count, "backup"), (piece for _ in range(whole)), **LARGE)
    written = tracemalloc.get_traced_memory()[1]
    tracemalloc.reset_peak()
    blocks = pieces(engine(endpoint), devices(endpoint, "big", count, "restore"), **LARGE)
    same = [block == piece[number % 16 * BLOCK :][:BLOCK] for number, block in enumerate(blocks)]
    seen = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert same == [True] * (whole * 16)
    assert written < bound
    assert seen < bound


@pytest.mark.parametrize(
    "switches",
    [
        {},
        {"probe": "head"},
        {"probe": "both", "tiny": "put", "head_after_completion": False},
        {"payload_hash": "UNSIGNED-PAYLOAD", "parts_in_flight": 4},
        {"integrity": "md5", "part_sizes": "mixed", "newest_tls": "1.3"},
    ],
    ids=str,
)
def test_switches_before_a_real_store(endpoint, switches):
    key = f"some dir/a+b&c #é%2B {zlib.crc32(str(switches).encode())}.bak"
    data = content(6 * MIB + 1)
    secret = Encryption("AES_256", "c", b"t" * 20, b"k" * 32)

    write(engine(endpoint, **switches), [device(endpoint, key)], data, encryption=secret, **LARGE)

    assert read(engine(endpoint, **switches), [device(endpoint, key, "restore")], {b"t" * 20: b"k" * 32}) == data
    assert look(engine(endpoint, **switches), device(endpoint, key, "restore")).families == 1
    with pytest.raises(SqlError):
        write(engine(endpoint, **switches), [device(endpoint, key)], data, **LARGE)


def test_refusals_of_a_real_store(endpoint):
    write(engine(endpoint), [device(endpoint, "there")], texts(1_000), compression=True)
    wrong = device(endpoint, "there")
    wrong = Device(wrong.url, Credential("c", wrong.credential.key_id, "wrong"))

    assert failure(write, engine(endpoint), [device(endpoint, "there")], b"")[0] == 3296
    assert failure(write, engine(endpoint), [device(endpoint, "x", bucket="none")], b"")[1].startswith("50(")
    assert failure(write, engine(endpoint), [device(endpoint, "x", "restore")], b"")[1].startswith("5(")
    assert failure(look, engine(endpoint), device(endpoint, "there", "backup"))[1].startswith("5(")
    assert failure(look, engine(endpoint), wrong)[1].startswith("5(")
    assert failure(look, engine(endpoint), device(endpoint, "not-there", "restore"))[1].startswith("2(")
    write(engine(endpoint), [device(endpoint, "there")], b"new", overwrite=True)
    assert read(engine(endpoint), [device(endpoint, "there", "restore")]) == b"new"
    assert endpoint.client().list_multipart_uploads(Bucket=BUCKET).get("Uploads", []) == []


def test_virtual_hosts_on_a_real_store(endpoint):
    role = endpoint.ready["keys"]["housekeeping"]
    port = endpoint.ready["url"].rpartition(":")[2]
    one = Device(f"s3://{BUCKET}.s3.localhost:{port}/v/h.bak", Credential("c", role["id"], role["secret"]))
    write(engine(endpoint), [one], b"virtual")

    assert read(engine(endpoint), [one]) == b"virtual"
    assert read(engine(endpoint), [device(endpoint, "v/h.bak", "restore")]) == b"virtual"
