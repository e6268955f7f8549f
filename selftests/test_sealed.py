"""Nothing on the machine decides what a run sends, where it sends it and whom it trusts."""

import socket
import sys
import threading
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import replace

import pytest
from defective_runs import laboratory
from recording_server import answer_with, recording

from restoreproof.fixtures.answer import Finding
from restoreproof.fixtures.budget import Budget
from restoreproof.fixtures.client import Client
from restoreproof.fixtures.housekeeper import CleanupError, Housekeeper
from restoreproof.fixtures.ledger import BUCKET, PREFIX, Intent
from restoreproof.fixtures.recorder import Recorder
from restoreproof.fixtures.signing import Signer
from restoreproof.fixtures.transport import Transport
from restoreproof.reports.redaction import Redactor
from restoreproof.standins.certificates import Authority

CREATED = b"<InitiateMultipartUploadResult><UploadId>u1</UploadId></InitiateMultipartUploadResult>"
EMPTY = b"<ListBucketResult><IsTruncated>false</IsTruncated></ListBucketResult>"
WRONG_REGION = b"<Error><Code>AuthorizationHeaderMalformed</Code><Region>eu-hostile-1</Region></Error>"
FEW_CHECKS = ("MPU-15.bytes-exact", "ABORT-03.abort-frees-upload", "URL-03.virtual-host", "TLS-03.host-name")

HOSTILE_CONFIG = """\
[default]
region = eu-hostile-1
endpoint_url = {trap}
ca_bundle = {ca}
services = hostile
s3 =
    addressing_style = virtual
    payload_signing_enabled = false
    use_accelerate_endpoint = true
[profile hostile]
credential_process = /bin/false
endpoint_url = {trap}
[services hostile]
s3 =
    endpoint_url = {trap}
"""


class Trap:
    """A socket that nobody may connect to; it counts who does, and hangs up."""

    def __init__(self, listener):
        self.url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        self.connections = 0
        self.listener = listener

    def run(self):
        with suppress(OSError):
            while True:
                self.listener.accept()[0].close()
                self.connections += 1


@pytest.fixture
def trap():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        trap = Trap(listener)
        thread = threading.Thread(target=trap.run, daemon=True)
        thread.start()
        yield trap
        listener.shutdown(socket.SHUT_RDWR)
        thread.join(5)


@pytest.fixture
def planted(trap, tmp_path):
    """Everything that could decide for a client on this machine, pointing to the trap and to a foreign CA."""
    (tmp_path / "foreign.pem").write_text(Authority().pem)
    (tmp_path / "home" / ".aws").mkdir(parents=True)
    config = HOSTILE_CONFIG.format(trap=trap.url, ca=tmp_path / "foreign.pem")
    for place in (tmp_path / "config", tmp_path / "home" / ".aws" / "config"):
        place.write_text(config)
    netrc = "default login hostile password hostile\n"
    for place in (tmp_path / "netrc", tmp_path / "home" / ".netrc"):
        place.write_text(netrc)
        place.chmod(0o600)
    proxies = {
        name: trap.url for word in ("http", "https", "all") for name in (f"{word}_proxy", f"{word}_PROXY".upper())
    }
    bundles = ("AWS_CA_BUNDLE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE")
    urls = ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3", "AWS_EC2_METADATA_SERVICE_ENDPOINT")
    return {
        **proxies,
        **{name: str(tmp_path / "foreign.pem") for name in bundles},
        **dict.fromkeys((*urls, "AWS_CONTAINER_CREDENTIALS_FULL_URI"), trap.url),
        **dict.fromkeys(("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"), "AKIAHOSTILEHOSTILE00"),
        **dict.fromkeys(("AWS_REGION", "AWS_DEFAULT_REGION"), "eu-hostile-1"),
        **dict.fromkeys(("AWS_USE_FIPS_ENDPOINT", "AWS_USE_DUALSTACK_ENDPOINT"), "true"),
        **dict.fromkeys(("AWS_REQUEST_CHECKSUM_CALCULATION", "AWS_RESPONSE_CHECKSUM_VALIDATION"), "when_supported"),
        "AWS_CONFIG_FILE": str(tmp_path / "config"),
        "AWS_SHARED_CREDENTIALS_FILE": str(tmp_path / "config"),
        "AWS_PROFILE": "hostile",
        "AWS_MAX_ATTEMPTS": "9",
        "AWS_RETRY_MODE": "standard",
        "NETRC": str(tmp_path / "netrc"),
        "HOME": str(tmp_path / "home"),
    }


@pytest.mark.skipif(sys.platform != "linux", reason="the embedded endpoint runs on Linux only")
@pytest.mark.parametrize("defect", ["", "abort-ignored"])
def test_run_is_the_same_whatever_the_environment_says(planted, trap, defect):
    words = [word for check in FEW_CHECKS for word in ("--check", check)]
    words += ["--defect", defect] if defect else []
    with laboratory() as lab:
        clean, expected = lab.certify(*words)
        lab.environment.update(planted)
        done, run = lab.certify(*words, "-n", "2")

    assert {r.id: (r.verdict, r.requests) for r in run.records} == {
        r.id: (r.verdict, r.requests) for r in expected.records
    }
    assert (done.returncode, run.footer.cleanup) == (clean.returncode, expected.footer.cleanup)
    assert run.footer.cleanup["removed"] > 0
    assert trap.connections == 0


@pytest.mark.skipif(sys.platform != "linux", reason="the embedded endpoint runs on Linux only")
def test_endpoint_that_a_run_starts_is_sealed_off_as_well(planted, trap, tmp_path):
    with laboratory() as lab:
        lab.environment.update(planted)
        words = ("--provider", "embedded", "--check", FEW_CHECKS[0], "--report-dir", str(tmp_path / "runs"))
        done = lab.command("certify", *words)

    assert done.returncode == 0, done.stdout + done.stderr
    assert trap.connections == 0


@pytest.fixture
def sealed_off(planted, monkeypatch):
    for name, value in planted.items():
        monkeypatch.setenv(name, value)


@contextmanager
def speaking_to(recorded, **changed):
    """The client and the housekeeper that checks and clean-up use."""
    endpoint = recorded.endpoint if not changed else type(recorded.endpoint)(**{**vars(recorded.endpoint), **changed})
    with ExitStack() as stack:
        transport = Transport(endpoint)
        stack.callback(transport.close)
        recorder = Recorder(Redactor(endpoint.secrets))
        signer = Signer(endpoint.keys["backup"], endpoint.region)
        yield Client(endpoint, transport, recorder, "bkt", "path", signer), Housekeeper(endpoint, transport, recorder)


@pytest.mark.usefixtures("sealed_off")
@pytest.mark.parametrize("ca", ["", Authority().pem], ids=["public CAs", "a CA of the profile"])
def test_foreign_ca_of_the_environment_is_not_trusted(ca, tmp_path, monkeypatch):
    authority = Authority()
    (tmp_path / "planted.pem").write_text(authority.pem)
    for name in ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "AWS_CA_BUNDLE"):
        monkeypatch.setenv(name, str(tmp_path / "planted.pem"))
    with (
        recording(answer_with("200 OK"), authority=authority) as server,
        speaking_to(server, ca=ca) as (client, keeper),
    ):
        with pytest.raises(Finding) as refusal:
            client.put("key", b"x")
        with pytest.raises(CleanupError) as second:
            keeper.make_bucket("bkt")

    assert (refusal.value.symptom, "CERTIFICATE_VERIFY_FAILED" in str(second.value)) == ("tls", True)
    assert server.requests == []


@pytest.mark.usefixtures("sealed_off")
def test_uploads_carry_nothing_but_what_sql_server_sends():
    with recording(answer_with("200 OK", CREATED, ETag='"e"')) as server, speaking_to(server) as (client, _):
        client.put("a b/ü+.bak", b"x" * 100_000)
        client.upload("key", b"y" * 70_000, b"z").abort()

    expected = {"host", "x-amz-date", "x-amz-content-sha256", "authorization", "accept-encoding", "content-length"}
    complete = server.requests[4]
    assert complete.headers.pop("content-type") == "application/xml"
    assert [set(request.headers) - {"user-agent"} for request in server.requests] == [expected] * 6
    assert [request.line.rpartition(" ")[0] for request in server.requests] == [
        "PUT /bkt/a%20b/%C3%BC%2B.bak",
        "POST /bkt/key?uploads=",
        "PUT /bkt/key?partNumber=1&uploadId=u1",
        "PUT /bkt/key?partNumber=2&uploadId=u1",
        "POST /bkt/key?uploadId=u1",
        "DELETE /bkt/key?uploadId=u1",
    ]
    assert {request.headers["host"] for request in server.requests} == {server.endpoint.url.removeprefix("https://")}
    assert all("/us-east-1/s3/aws4_request" in request.headers["authorization"] for request in server.requests)


@pytest.mark.usefixtures("sealed_off")
def test_housekeeping_sends_only_what_it_says():
    with recording(answer_with("200 OK", EMPTY)) as server, speaking_to(server) as (_, keeper):
        keeper.make_bucket("bkt")
        keeper.sweep([Intent(PREFIX, "bkt", "restoreproof/run/"), Intent(BUCKET, "mine")])

    methods = [request.line.split(" ")[0] for request in server.requests]
    assert set(methods) == {"PUT", "GET", "DELETE", "HEAD"}
    for request in server.requests:
        assert request.headers["host"] == server.endpoint.url.removeprefix("https://")
        assert not {"expect", "content-md5", "x-amz-sdk-checksum-algorithm", "x-amz-security-token"} & set(
            request.headers
        )
        assert not [name for name in request.headers if name.startswith("x-amz-checksum")]
        assert "/us-east-1/s3/aws4_request" in request.headers["authorization"]
        assert f"Credential={server.endpoint.keys['housekeeping'].id.reveal()}/" in request.headers["authorization"]


def test_bucket_in_front_of_the_host_name_stands_in_the_host_header_and_in_the_greeting():
    with recording(answer_with("200 OK", EMPTY)) as server, speaking_to(server) as (client, _):
        client.in_style("virtual").list("p/")

    assert server.requests[0].line == "GET /?list-type=2&prefix=p%2F HTTP/1.1"
    assert server.requests[0].headers["host"] == f"bkt.s3.localhost:{server.endpoint.port}"


@pytest.mark.parametrize(
    "status", ["500 Internal Server Error", "503 Slow Down", "307 Temporary Redirect", "400 Wrong Region", "reset"]
)
def test_every_request_is_sent_once_and_follows_nobody(trap, status):
    body = WRONG_REGION if status.startswith("400") else b""
    answer = answer_with(status, body, Location=trap.url, Retry_After="0", X_Amz_Bucket_Region="eu-hostile-1")
    with (
        recording((lambda _: None) if status == "reset" else answer) as server,
        speaking_to(server) as (client, keeper),
    ):
        for number, call in enumerate(
            (lambda: client.put("key", b"x"), lambda: client.get("key"), lambda: keeper.make_bucket("b")), 1
        ):
            with suppress(Finding, CleanupError):
                call()
            assert len(server.requests) == number

    assert trap.connections == 0


def test_server_that_sends_a_byte_now_and_then_is_given_up():
    over = threading.Event()

    def drip(_request):
        yield b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n"
        while not over.wait(0.1):
            yield b"."

    with recording(drip) as server, speaking_to(server) as (client, _):
        patient = replace(client, recorder=Recorder(Redactor([]), Budget(1)))
        with pytest.raises(Finding) as given_up:
            patient.get("key")
        over.set()

    assert given_up.value.symptom == "timeout"
