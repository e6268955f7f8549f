"""What a run tries beside its checks: each probe tells a careful store from a careless one."""

import base64
from contextlib import closing
from urllib.parse import parse_qs, unquote, urlsplit

import pytest
from defective_runs import laboratory
from live_runs import Store
from recording_server import recording

from restoreproof.fixtures import checksums, probing
from restoreproof.fixtures.ledger import Ledger
from restoreproof.fixtures.subjects import Subject
from restoreproof.fixtures.verdicts import Declared


@pytest.fixture(scope="module")
def lab():
    with laboratory() as running:
        yield running


class Careless:
    """A store in memory that heeds no condition and no checksum, and orders, groups and answers in its own way."""

    def __init__(self):
        self.objects = {}

    def __call__(self, request):
        method, target, _ = request.line.split()
        parts = urlsplit(target)
        query = {name: values[0] for name, values in parse_qs(parts.query, keep_blank_values=True).items()}
        key = unquote(parts.path).strip("/").partition("/")[2]
        status, body, tag = self.answer(method, key, query, request.body)
        head = f"HTTP/1.1 {status} X\r\nContent-Type: application/xml\r\nETag: {tag}\r\nContent-Length: {len(body)}"
        return head.encode() + b"\r\n\r\n" + (b"" if method == "HEAD" else body)

    def answer(self, method, key, query, body):
        if not key and method == "PUT":
            return (501 if "versioning" in query else 200), b"", ""
        if not key:
            return 200, self.listed(query), ""
        if "uploads" in query:
            return 200, b"<X><UploadId>id-1</UploadId></X>", ""
        if method == "POST":
            self.objects[key] = b"made of parts"
            return 200, b"<X><ETag>00</ETag></X>", ""
        if method == "PUT":
            self.objects.update({} if "uploadId" in query else {key: body})
            return 200, b"", '"1"'
        return (200 if key in self.objects else 503), self.objects.get(key, b""), '"1"'

    def listed(self, query):
        keys = sorted((key for key in self.objects if key.startswith(query.get("prefix", ""))), key=utf16)
        rows = "".join(f"<Contents><Key>{key}</Key></Contents>" for key in keys)
        group = "<CommonPrefixes><Prefix>fold-1/</Prefix></CommonPrefixes>" if query.get("delimiter") == "/" else ""
        return f"<ListBucketResult>{rows}{group}</ListBucketResult>".encode()


def utf16(key):
    return key.encode("utf-16-be")


def probed(endpoint, folder):
    """What is tried at an endpoint, value by name."""
    subject = Subject("acme", "acme", endpoint, Declared(), {"bucket_creation": "s3"}, str(folder), "", limits={})
    with closing(Ledger(folder)) as ledger:
        return {name: told["value"] for name, told in probing.probe(subject, ledger).items()}


def test_probes_tell_one_store_from_another(lab, tmp_path):
    with recording(Careless()) as careless:
        found_there = probed(careless.endpoint.with_bucket("b"), tmp_path)

    assert found_there == {
        "missing_head": ["503"],
        "etag": "zero-on-complete",
        "conditional_writes": "ignored",
        "checksums": [],
        "checksum_trailers": False,
        "bulk_delete_needs_md5": False,
        "listing_delimiter": "slash",
        "listing_order": "utf16",
        "versioning": False,
        "http.expect_100_continue": True,
    }
    Store(lab).s3.create_bucket(Bucket="probed")
    assert probed(lab.endpoint.with_bucket("probed"), tmp_path) == {
        "listing_v2": True,
        "missing_head": ["404"],
        "etag": "md5-of-md5s",
        "conditional_writes": "enforced",
        "checksums": ["CRC32", "CRC32C", "CRC64NVME", "SHA1", "SHA256"],
        "checksum_trailers": True,
        "bulk_delete_needs_md5": True,
        "listing_delimiter": "any",
        "listing_order": "utf8",
        "versioning": True,
        "http.expect_100_continue": True,
    }


def test_endpoint_that_stops_answering_ends_the_probes(tmp_path):
    with recording(lambda _request: None) as silent:
        assert probed(silent.endpoint.with_bucket("b"), tmp_path) == {}
        assert len(silent.requests) == 1


@pytest.mark.parametrize(
    ("algorithm", "checksum"),
    [("CRC32", "cbf43926"), ("CRC32C", "e3069283"), ("CRC64NVME", "ae8b14860a799888")],
)
def test_checksums_are_those_of_their_catalogue(algorithm, checksum):
    """The check values for 123456789, as the catalogue of CRC algorithms gives them."""
    assert base64.b64decode(checksums.of(algorithm, b"123456789")).hex() == checksum
