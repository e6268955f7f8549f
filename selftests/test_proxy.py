"""The defect proxy without a defect: nothing that either side can see, and nothing left behind."""

import http.client
import importlib.util
import os
import socket
import ssl
import sys
import threading
from contextlib import closing
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from running_standin import RunningStandin, answer, module

from restoreproof.standins.certificates import LAB_NAMES, Authority
from restoreproof.standins.contract import free_port
from restoreproof.standins.waiting import wait_until

pytestmark = pytest.mark.skipif(
    sys.platform != "linux" or not all(importlib.util.find_spec(name) for name in ("swift", "mitmproxy")),
    reason="needs Linux and the extras restoreproof[embedded,proxy]",
)

MIB = 1024 * 1024
NAMED = b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\nConnection: close\r\n\r\n%6s"
BUCKET = "behind-the-proxy"


def settings_for(ready, *defects, **altered):
    upstream = {name: ready[name] for name in ("url", "ca", "addresses", "domain", "region", "bucket")}
    return {"upstream": upstream | altered, "keys": ready["keys"], "defects": defects}


@pytest.fixture(scope="module")
def endpoint(tmp_path_factory):
    with RunningStandin(module("endpoint"), tmp_path_factory.mktemp("endpoint")) as running:
        running.client().create_bucket(Bucket=BUCKET)
        yield running


@pytest.fixture(scope="module")
def proxy(endpoint, tmp_path_factory):
    with RunningStandin(module("proxy"), tmp_path_factory.mktemp("proxy"), settings_for(endpoint.ready)) as running:
        yield running


@pytest.fixture
def behind(endpoint, tmp_path):
    """Start a proxy with defects before the shared endpoint."""
    started = []

    def start(*defects):
        started.append(RunningStandin(module("proxy"), tmp_path, settings_for(endpoint.ready, *defects)))
        return started[-1]

    yield start
    for running in started:
        running.stop()


class Listener:
    """A bare TLS server with a certificate of our authority; it keeps what it is told and says what it was given."""

    def __init__(self, folder, response=b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"):
        self.authority, self.response = Authority(), response
        leaf = self.authority.leaf(*LAB_NAMES)
        (folder / "bundle.pem").write_text(leaf.bundle)
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(folder / "bundle.pem")
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.heard, self.connections, self.ends = bytearray(), 0, 0
        threading.Thread(target=self._serve, daemon=True).start()

    @property
    def ready(self):
        keys = {role: {"id": "ID", "secret": "SECRET"} for role in ("backup", "restore", "housekeeping")}
        place = {"url": f"https://localhost:{self.socket.getsockname()[1]}", "addresses": ["127.0.0.1"]}
        return {
            "ca": self.authority.pem,
            "domain": "s3.localhost",
            "region": "us-east-1",
            "bucket": None,
            "keys": keys,
        } | place

    def _serve(self):
        while True:
            try:
                plain, _ = self.socket.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self._talk, args=(plain,), daemon=True).start()

    def _talk(self, plain):
        try:
            with self.context.wrap_socket(plain, server_side=True) as connection:
                while data := connection.recv(65536):
                    self.heard += data
                    if data.endswith(b"\r\n\r\n"):
                        connection.sendall(self.response)
        except OSError:
            pass
        self.ends += 1


@pytest.fixture
def listener(tmp_path):
    made = Listener(tmp_path)
    with closing(made.socket):
        yield made


def connect(ready):
    context = ssl.create_default_context(cadata=ready["ca"])
    return http.client.HTTPSConnection("localhost", urlsplit(ready["url"]).port, timeout=20, context=context)


def ask_at(ready, node):
    """The body that one node answers with, its certificate checked for the name that all nodes go by."""
    address, _, port = node.rpartition(":")
    context = ssl.create_default_context(cadata=ready["ca"])
    connection = http.client.HTTPSConnection("localhost", urlsplit(ready["url"]).port, timeout=20)
    plain = socket.create_connection((address, int(port)), 20)
    with closing(connection):
        connection.sock = context.wrap_socket(plain, server_hostname="localhost")
        connection.request("GET", "/")
        return connection.getresponse().read().strip()


def secured(ready, context, name):
    plain = socket.create_connection(("127.0.0.1", urlsplit(ready["url"]).port), 20)
    return context.wrap_socket(plain, server_hostname=name)


def ask(ready, path="/", **headers):
    with closing(connect(ready)) as connection:
        connection.request("GET", path, headers=headers)
        response = connection.getresponse()
        return response.status, response.read()


def test_ready_line_is_the_endpoints_own_but_for_port_and_authority(endpoint, proxy):
    theirs, ours = endpoint.ready, proxy.ready
    same = ("domain", "region", "bucket", "keys")
    assert {name: ours[name] for name in same} == {name: theirs[name] for name in same}
    assert urlsplit(ours["url"]).hostname == urlsplit(theirs["url"]).hostname
    assert urlsplit(ours["url"]).port != urlsplit(theirs["url"]).port
    assert len(ours["addresses"]) == len(theirs["addresses"])
    assert ours["ca"] != theirs["ca"]
    assert ours["software"] == "RestoreProof proxy"


def test_each_node_of_the_endpoint_has_a_listener_that_leads_to_it(tmp_path):
    folders = [tmp_path / name for name in ("first", "second")]
    [folder.mkdir() for folder in folders]
    listeners = [Listener(folders[0], NAMED % b"first"), Listener(folders[1], NAMED % b"second")]
    first, second = (listener.ready for listener in listeners)
    settings = settings_for(first, ca=first["ca"] + second["ca"])
    settings["upstream"]["addresses"] = [f"127.0.0.1:{urlsplit(node['url']).port}" for node in (first, second)]
    with RunningStandin(module("proxy"), tmp_path, settings) as running:
        assert [ask_at(running.ready, node) for node in running.ready["addresses"]] == [b"first", b"second"]
    [listener.socket.close() for listener in listeners]


@pytest.mark.parametrize("role", ["backup", "restore", "housekeeping"])
def test_signatures_pass_untouched_and_rights_stay_the_endpoints(proxy, role):
    stranger = proxy.client(pair={**proxy.ready["keys"][role], "secret": "not the secret"})

    assert answer(proxy.client(role).list_objects_v2, Bucket=BUCKET) is None
    assert answer(stranger.list_objects_v2, Bucket=BUCKET) == "SignatureDoesNotMatch"
    assert answer(proxy.client(role).delete_object, Bucket=BUCKET, Key="none") == (
        None if role == "housekeeping" else "AccessDenied"
    )


def test_large_bodies_stream_both_ways_in_bounded_memory(proxy):
    body, client = os.urandom(64 * MIB), proxy.client()

    client.put_object(Bucket=BUCKET, Key="large", Body=body)
    read = client.get_object(Bucket=BUCKET, Key="large")["Body"].read()

    status = Path(f"/proc/{proxy.ready['pid']}/status").read_text()
    peak = int(status.partition("VmHWM:")[2].split()[0])
    assert read == body
    assert peak < 150 * 1024


def test_ranges_and_odd_keys_pass(proxy):
    client, key = proxy.client(), "a b+c/ü%41&=~.bak"
    client.put_object(Bucket=BUCKET, Key=key, Body=b"0123456789")

    ranged = client.get_object(Bucket=BUCKET, Key=key, Range="bytes=2-4")

    assert (ranged["Body"].read(), ranged["ContentRange"]) == (b"234", "bytes 2-4/10")
    assert client.head_object(Bucket=BUCKET, Key=key)["ContentLength"] == 10


def test_host_header_path_and_names_of_headers_pass_byte_for_byte(listener, tmp_path):
    with RunningStandin(module("proxy"), tmp_path, settings_for(listener.ready)) as running:
        ask(running.ready, "/b/k%7E//x%20+?a=%2f&b", **{"Host": "b.s3.localhost:123", "X-Odd-CASE": "a  b"})

    assert listener.heard.startswith(b"GET /b/k%7E//x%20+?a=%2f&b HTTP/1.1\r\n")
    assert b"\r\nHost: b.s3.localhost:123\r\n" in listener.heard
    assert b"\r\nX-Odd-CASE: a  b\r\n" in listener.heard


def test_connections_are_kept_alive_on_both_sides(listener, tmp_path):
    with (
        RunningStandin(module("proxy"), tmp_path, settings_for(listener.ready)) as running,
        closing(connect(running.ready)) as connection,
    ):
        for _ in range(5):
            connection.request("GET", "/")
            assert connection.getresponse().read() == b"ok"

    assert listener.connections == 1


def test_client_that_hangs_up_in_mid_body_is_passed_on(listener, tmp_path):
    with RunningStandin(module("proxy"), tmp_path, settings_for(listener.ready)) as running:
        connection = connect(running.ready)
        connection.putrequest("PUT", "/b/k")
        connection.putheader("Content-Length", "1000000")
        connection.endheaders(b"x" * 1000)
        wait_until(lambda: listener.heard.endswith(b"x" * 1000), 10, "arrival of the first bytes")
        connection.close()

        wait_until(lambda: listener.ends, 10, "end of the connection to the store")


def test_clients_that_ask_whether_to_continue_are_answered(proxy):
    with closing(connect(proxy.ready)) as connection:
        connection.putrequest("PUT", f"/{BUCKET}/expected")
        connection.putheader("Expect", "100-continue")
        connection.putheader("Content-Length", "3")
        connection.endheaders()
        connection.send(b"abc")

        assert connection.getresponse().status == 403


def test_plain_http_gets_no_answer(proxy):
    with closing(http.client.HTTPConnection("127.0.0.1", urlsplit(proxy.ready["url"]).port, timeout=10)) as connection:
        connection.request("GET", "/")
        with pytest.raises(http.client.RemoteDisconnected):
            connection.getresponse()


def test_only_http_1_1_is_offered(proxy):
    context = ssl.create_default_context(cadata=proxy.ready["ca"])
    context.set_alpn_protocols(["h2", "http/1.1"])
    with secured(proxy.ready, context, "localhost") as connection:
        assert connection.selected_alpn_protocol() == "http/1.1"


def test_dead_endpoint_is_a_502(endpoint, tmp_path):
    settings = settings_for(endpoint.ready, url=f"https://localhost:{free_port()}", addresses=["127.0.0.1"])
    with RunningStandin(module("proxy"), tmp_path, settings) as running:
        assert ask(running.ready)[0] == 502


def test_endpoint_with_another_authority_is_a_502_and_hears_nothing(listener, tmp_path):
    settings = settings_for(listener.ready, ca=Authority("Another CA").pem)
    with RunningStandin(module("proxy"), tmp_path, settings) as running:
        status, body = ask(running.ready)

    assert (status, b"verify failed" in body) == (502, True)
    assert listener.heard == b""


def test_endpoint_with_another_name_is_a_502(listener, tmp_path):
    port = urlsplit(listener.ready["url"]).port
    settings = settings_for(listener.ready, url=f"https://other.localhost:{port}")
    with RunningStandin(module("proxy"), tmp_path, settings) as running:
        context = ssl.create_default_context(cadata=running.ready["ca"])
        with secured(running.ready, context, "other.localhost") as connection:
            connection.sendall(b"GET / HTTP/1.1\r\nHost: other.localhost\r\n\r\n")
            assert connection.recv(100).startswith(b"HTTP/1.1 502 ")


def test_unknown_defect_is_an_error_with_the_nearest_spelling(endpoint, tmp_path):
    running = RunningStandin(module("proxy"), tmp_path, settings_for(endpoint.ready, "abort-ignord"))

    assert "did you mean 'abort-ignored'?" in running.ready["error"]
    assert "verbose-xml" in running.ready["error"]
    assert running.stop() == 1


def test_settings_without_an_endpoint_are_an_error(tmp_path):
    running = RunningStandin(module("proxy"), tmp_path)

    assert "upstream" in running.ready["error"]
    assert running.stop() == 1


def test_end_of_input_ends_it_and_leaves_nothing(endpoint, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    (tmp_path / "home").mkdir()
    running = RunningStandin(module("proxy"), tmp_path, settings_for(endpoint.ready))
    running.client().list_objects_v2(Bucket=BUCKET)
    (folder,) = running.folders()
    assert folder.stat().st_mode & 0o777 == 0o700

    assert running.stop() == 0
    assert running.folders() == []
    assert list((tmp_path / "home").iterdir()) == []
    with pytest.raises(OSError, match="refused"):
        socket.create_connection(("127.0.0.1", urlsplit(running.ready["url"]).port), 5)


def test_secrets_are_in_no_file_and_no_argument(endpoint, proxy):
    command = Path(f"/proc/{proxy.ready['pid']}/cmdline").read_bytes()
    files = [path for folder in proxy.folders() for path in folder.rglob("*") if path.is_file()]
    written = b"".join(path.read_bytes() for path in files) + command
    assert files
    assert not [role for role, pair in endpoint.ready["keys"].items() if pair["secret"].encode() in written]


def test_several_defects_work_together(behind):
    client = behind("redirects-reads", "verbose-xml", "clock-runs-late").client()

    assert answer(client.list_objects, Bucket=BUCKET, Prefix="a") is None
    opened = client.create_multipart_upload(Bucket=BUCKET, Key="several")
    client.abort_multipart_upload(Bucket=BUCKET, Key="several", UploadId=opened["UploadId"])

    assert int(opened["ResponseMetadata"]["HTTPHeaders"]["content-length"]) > 1024


def test_altered_requests_carry_a_right_signature(behind):
    running = behind("plus-becomes-space")
    running.client().put_object(Bucket=BUCKET, Key="one+two", Body=b"x")

    listed = [row["Key"] for row in running.client().list_objects_v2(Bucket=BUCKET, Prefix="one")["Contents"]]

    assert listed == ["one two"]


@pytest.mark.parametrize(("defect", "half"), [("colon-in-key-ids", "id"), ("colon-in-secrets", "secret")])
def test_keys_of_a_defect_are_as_good_as_the_stores_own(behind, endpoint, defect, half):
    running = behind(defect)
    told, own = running.ready["keys"]["backup"], endpoint.ready["keys"]["backup"]

    assert told[half].replace(":", "") == own[half] != told[half]
    assert answer(running.client("backup").list_objects_v2, Bucket=BUCKET) is None
    assert answer(running.client("backup").list_buckets) == "AccessDenied"
    wrong = running.client(pair=told | {"secret": "x"})
    assert answer(wrong.list_objects_v2, Bucket=BUCKET) == "SignatureDoesNotMatch"
