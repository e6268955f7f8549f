"""The embedded endpoint: real sockets, three key pairs, the rights of each, and nothing left behind."""

import http.client
import importlib.util
import os
import socket
import ssl
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from running_standin import RunningStandin, answer, groups_below, module, wait_until_ended

from restoreproof.standins.contract import StandinError
from restoreproof.standins.endpoint import __main__ as endpoint_program
from restoreproof.standins.endpoint.remembering import Memory, Remembering, View

pytestmark = pytest.mark.skipif(
    sys.platform != "linux" or importlib.util.find_spec("swift") is None,
    reason="needs Linux and the extra restoreproof[embedded]",
)

BUCKET = "selftest"
PRESENT = {"Bucket": BUCKET, "Key": "present"}
ABSENT = {"Bucket": BUCKET, "Key": "absent"}


@pytest.fixture(scope="module")
def endpoint(tmp_path_factory):
    with RunningStandin(module("endpoint"), tmp_path_factory.mktemp("endpoint")) as running:
        running.client().create_bucket(Bucket=BUCKET)
        running.client().put_object(**PRESENT, Body=b"bytes")
        yield running


@pytest.fixture
def upload(endpoint):
    housekeeping = endpoint.client()
    upload_id = housekeeping.create_multipart_upload(Bucket=BUCKET, Key="parts")["UploadId"]
    yield {"Bucket": BUCKET, "Key": "parts", "UploadId": upload_id}
    answer(housekeeping.abort_multipart_upload, Bucket=BUCKET, Key="parts", UploadId=upload_id)


def request(endpoint, path, headers=None):
    """Send one request as it is, to the endpoint's address."""
    context = ssl.create_default_context(cadata=endpoint.ready["ca"])
    client = http.client.HTTPSConnection("127.0.0.1", urlsplit(endpoint.ready["url"]).port, timeout=10, context=context)
    client.request("GET", path, headers=headers or {})
    response = client.getresponse()
    body = response.read()
    client.close()
    return response.status, body


def test_ready_line_has_everything_a_client_needs(endpoint):
    ready = endpoint.ready
    assert ready["url"].startswith("https://localhost:")
    assert ready["bucket"] is None
    assert ready["domain"] == "s3.localhost"
    assert ready["software"].startswith("OpenStack Swift ")
    pairs = list(ready["keys"].values())
    assert len({pair["id"] for pair in pairs}) == len({pair["secret"] for pair in pairs}) == 6
    assert all(pair["id"].isalnum() and len(pair["id"]) == 20 for pair in pairs)
    assert all(pair["secret"].isalnum() and len(pair["secret"]) == 40 for pair in pairs)


# operation, its arguments, what each of backup, restore and housekeeping is answered
RIGHTS = [
    ("list_objects", {"Bucket": BUCKET}, None, None, None),
    ("list_objects_v2", {"Bucket": BUCKET}, None, None, None),
    ("head_bucket", {"Bucket": BUCKET}, None, None, None),
    ("put_object", {"Bucket": BUCKET, "Key": "new", "Body": b"x"}, None, "AccessDenied", None),
    ("get_object", PRESENT, "AccessDenied", None, None),
    ("head_object", PRESENT, "403", None, None),
    ("get_object", ABSENT, "NoSuchKey", "NoSuchKey", "NoSuchKey"),
    ("head_object", ABSENT, "404", "404", "404"),
    ("copy_object", {**ABSENT, "Key": "copy", "CopySource": PRESENT}, "AccessDenied", "AccessDenied", None),
    ("list_multipart_uploads", {"Bucket": BUCKET}, "AccessDenied", "AccessDenied", None),
    ("list_object_versions", {"Bucket": BUCKET}, "AccessDenied", "AccessDenied", None),
    ("get_bucket_location", {"Bucket": BUCKET}, "AccessDenied", "AccessDenied", None),
    ("get_bucket_lifecycle_configuration", {"Bucket": BUCKET}, "AccessDenied", "AccessDenied", None),
    ("delete_object", {"Bucket": BUCKET, "Key": "nothing"}, "AccessDenied", "AccessDenied", None),
    ("delete_bucket", {"Bucket": BUCKET}, "AccessDenied", "AccessDenied", "BucketNotEmpty"),
    ("create_bucket", {"Bucket": "another"}, "AccessDenied", "AccessDenied", None),
    ("list_buckets", {}, "AccessDenied", "AccessDenied", None),
]


@pytest.mark.parametrize(("operation", "arguments", "backup", "restore", "housekeeping"), RIGHTS)
def test_rights_differ_by_key_pair(endpoint, operation, arguments, backup, restore, housekeeping):
    answers = [
        answer(getattr(endpoint.client(role), operation), **arguments) for role in ("backup", "restore", "housekeeping")
    ]
    assert answers == [backup, restore, housekeeping]


def test_backup_pair_uploads_in_parts_and_cannot_look_at_or_abort_uploads(endpoint):
    backup = endpoint.client("backup")
    upload = {"Bucket": BUCKET, "Key": "backup"}
    upload["UploadId"] = backup.create_multipart_upload(**upload)["UploadId"]
    etag = backup.upload_part(**upload, PartNumber=1, Body=b"part")["ETag"]
    assert answer(backup.list_parts, **upload) == "AccessDenied"
    assert answer(backup.abort_multipart_upload, **upload) == "AccessDenied"
    backup.complete_multipart_upload(**upload, MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": etag}]})
    assert endpoint.client("restore").get_object(Bucket=BUCKET, Key="backup")["Body"].read() == b"part"


def test_restore_pair_cannot_write_parts(endpoint, upload):
    restore = endpoint.client("restore")
    parts = {"Parts": [{"PartNumber": 1, "ETag": "x"}]}
    assert answer(restore.create_multipart_upload, Bucket=BUCKET, Key="parts") == "AccessDenied"
    assert answer(restore.upload_part, **upload, PartNumber=1, Body=b"x") == "AccessDenied"
    assert answer(restore.complete_multipart_upload, **upload, MultipartUpload=parts) == "AccessDenied"


def test_part_numbers_reach_ten_thousand(endpoint, upload):
    assert answer(endpoint.client("backup").upload_part, **upload, PartNumber=10_000, Body=b"x") is None
    assert answer(endpoint.client("backup").upload_part, **upload, PartNumber=10_001, Body=b"x") == "InvalidArgument"


def test_wrong_credentials_are_answered_as_by_aws(endpoint):
    known = endpoint.ready["keys"]["backup"]["id"]
    unknown = endpoint.client(pair={"id": "NOBODY", "secret": "x"})
    wrong = endpoint.client(pair={"id": known, "secret": "x"})
    assert answer(unknown.list_objects_v2, Bucket=BUCKET) == "InvalidAccessKeyId"
    assert answer(wrong.list_objects_v2, Bucket=BUCKET) == "SignatureDoesNotMatch"
    assert answer(wrong.list_objects_v2, Bucket="absent") == "SignatureDoesNotMatch"


@pytest.mark.parametrize("path", ["/", f"/{BUCKET}", f"/{BUCKET}/present", "/info", "/v1/AUTH_restoreproof"])
def test_unsigned_requests_are_refused_whatever_they_ask(endpoint, path):
    status, body = request(endpoint, path)
    assert status == 403
    assert b"<Code>AccessDenied</Code>" in body


def test_bucket_name_may_stand_in_the_host_name(endpoint):
    port = urlsplit(endpoint.ready["url"]).port
    host = f"{BUCKET}.{endpoint.ready['domain']}:{port}"
    signed = AWSRequest(
        "GET", f"https://{host}/present", headers={"Host": host, "x-amz-content-sha256": "UNSIGNED-PAYLOAD"}
    )
    pair = endpoint.ready["keys"]["restore"]
    SigV4Auth(Credentials(pair["id"], pair["secret"]), "s3", endpoint.ready["region"]).add_auth(signed)
    assert request(endpoint, "/present", dict(signed.headers)) == (200, b"bytes")


def test_silent_connections_hold_up_nobody(endpoint):
    port = urlsplit(endpoint.ready["url"]).port
    silent = [socket.create_connection(("127.0.0.1", port)) for _ in range(8)]
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda _: endpoint.client("restore").get_object(**PRESENT)["Body"].read(), range(8)))
    assert found == [b"bytes"] * 8
    for connection in silent:
        connection.close()


def test_secrets_are_on_no_command_line_and_in_no_environment(endpoint):
    shown = subprocess.run(["ps", "axwwe"], capture_output=True, check=True, text=True).stdout
    assert not [role for role, pair in endpoint.ready["keys"].items() if pair["secret"] in shown]


def test_two_at_once_share_nothing(endpoint, tmp_path):
    with RunningStandin(module("endpoint"), tmp_path) as other:
        assert other.ready["url"] != endpoint.ready["url"]
        other.client().create_bucket(Bucket=BUCKET)
        assert answer(other.client().get_object, **PRESENT) == "NoSuchKey"
        pair = endpoint.ready["keys"]["housekeeping"]
        assert answer(other.client(pair=pair).list_buckets) == "InvalidAccessKeyId"
    assert other.folders() == []


@pytest.mark.parametrize("killed", [False, True])
def test_nothing_is_left_when_it_ends(tmp_path, killed):
    running = RunningStandin(module("endpoint"), tmp_path)
    groups = groups_below(running.process.pid)
    if killed:
        running.process.kill()
    running.stop()
    wait_until_ended(groups)
    with RunningStandin(module("endpoint"), tmp_path) as following:
        assert len(following.folders()) == 1
    assert following.folders() == []


def test_file_system_without_extended_attributes_is_named(tmp_path, monkeypatch):
    def refuse(*_):
        raise OSError(os.strerror(95))

    monkeypatch.setattr(os, "setxattr", refuse)
    with pytest.raises(StandinError, match="set TMPDIR"):
        endpoint_program._require_extended_attributes(tmp_path)


def test_missing_software_is_named_with_its_command(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    with pytest.raises(StandinError, match=r"pip install 'restoreproof\[embedded\]'"):
        endpoint_program._require_swift()


def test_other_systems_are_told_what_to_do(monkeypatch):
    monkeypatch.setattr(sys, "platform", "win32")
    with pytest.raises(StandinError, match="Linux only"):
        endpoint_program._require_swift()


def test_no_process_believes_in_a_bucket_that_is_gone(endpoint):
    """Requests meet either process; what one has changed, the other knows with the next request."""
    clients = [endpoint.client() for _ in range(8)]
    for number in range(6):
        name = {"Bucket": f"comes-and-goes-{number % 2}"}
        assert {answer(client.put_object, **name, Key="k", Body=b"1") for client in clients} == {"NoSuchBucket"}
        clients[number].create_bucket(**name)
        assert {answer(client.put_object, **name, Key="k", Body=b"1") for client in clients} == {None}
        clients[-1].delete_object(**name, Key="k")
        clients[-1].delete_bucket(**name)


def test_what_was_read_amid_a_change_is_not_remembered():
    memory = Memory()
    before = View(memory)
    View(memory).delete("container/a/b")
    before.set("container/a/b", {"status": 200})
    assert View(memory).get("container/a/b") is None

    after = View(memory)
    after.set("container/a/b", {"status": 404})
    assert View(memory).get("container/a/b") == {"status": 404}


def test_change_that_is_answered_is_forgotten_once_more():
    memory = Memory()

    def changes(env, _start_response):
        env["swift.cache"].delete("container/a/b")
        reader = View(memory)
        reader.set("container/a/b", {"status": 200})  # before the change is made
        return [b""]

    Remembering(changes, memory)({}, None)

    assert View(memory).get("container/a/b") is None
