"""Several nodes behind one name: found, connected to one by one, and told from two stores that share nothing."""

import importlib.util
import socket
import sys
import tempfile
from contextlib import ExitStack
from dataclasses import replace

import boto3
import pytest
from botocore.config import Config
from defective_runs import Laboratory, environment, write_profile
from detection import red_ids
from example_runs import header, record, requirement
from example_runs import run as example_run
from hypothesis import given
from hypothesis import strategies as st
from recording_server import KEYS, answer_with, recording

from restoreproof.fixtures.client import Client
from restoreproof.fixtures.endpoints import Endpoint, EndpointError
from restoreproof.fixtures.endpoints.finding import find_nodes
from restoreproof.fixtures.endpoints.program import endpoint_of, launch
from restoreproof.fixtures.nodes import Nodes
from restoreproof.fixtures.recorder import Recorder
from restoreproof.fixtures.signing import Signer
from restoreproof.fixtures.transport import Transport
from restoreproof.providers.endpoint import split_address
from restoreproof.providers.profile import load_profile
from restoreproof.reports import formats, wording
from restoreproof.reports.outcome import ONE_ADDRESS, SEVERAL_NODES, judge
from restoreproof.reports.redaction import Redactor
from restoreproof.reports.register import load_register
from restoreproof.standins.proxy.catalogue import DEFECTS

PORTS = st.integers(1, 65535)


def at(*addresses, host="localhost", port=9000):
    return Endpoint(f"https://{host}:{port}", "", "us-east-1", "path", "", addresses, "", KEYS, "url")


def closed_port():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


@given(st.ip_addresses(), PORTS)
def test_address_is_read_with_its_port(address, port):
    text = f"[{address}]:{port}" if address.version == 6 else f"{address}:{port}"

    assert split_address(text) == (str(address), port)
    assert split_address(str(address)) == (str(address), 0)


@pytest.mark.parametrize(
    "text",
    [
        *("", "node-1", "node-1:9000", "192.0.2.1:", "192.0.2.1:0", "192.0.2.1:65536", "192.0.2.1:0x1"),
        *("192.0.2.1:\u0663", "[192.0.2.1]:9000", "[2001:db8::1]", "[2001:db8::1", "2001:db8::1]:9000", "[]:9000"),
        "192.0.2.1:9000:9000",
    ],
)
def test_what_is_no_address_is_refused(text):
    with pytest.raises(ValueError, match=r".*"):
        split_address(text)


def test_listed_addresses_are_the_nodes():
    with socket.create_server(("127.0.0.1", 0)) as first, socket.create_server(("127.0.0.1", 0)) as second:
        ports = [listener.getsockname()[1] for listener in (first, second)]

        found = find_nodes(at("127.0.0.1", f"127.0.0.1:{ports[1]}", port=ports[0]))

    assert found.nodes == (f"127.0.0.1:{ports[0]}", f"127.0.0.1:{ports[1]}")


def test_listed_node_that_is_down_is_named():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        up, down = listener.getsockname()[1], closed_port()

        with pytest.raises(EndpointError, match=f"^127.0.0.1 port {down} can't be connected to: "):
            find_nodes(at(f"127.0.0.1:{up}", f"127.0.0.1:{down}"))


def test_addresses_that_dns_gives_are_the_nodes_and_silent_ones_are_told(monkeypatch):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        rows = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in ("127.0.0.1", "127.0.0.9")]
        monkeypatch.setattr(socket, "getaddrinfo", lookup_of({"s3.example.test": [*rows, rows[0]]}))

        found = find_nodes(at(host="s3.example.test", port=port))

    assert (found.nodes, found.unreached) == ((f"127.0.0.1:{port}",), (f"127.0.0.9:{port}",))


def lookup_of(names):
    """DNS with entries of our own; addresses are looked up as ever."""
    usual = socket.getaddrinfo
    return lambda host, *words, **named: names.get(host) or usual(host, *words, **named)


@given(st.lists(st.integers(1, 99), min_size=2, max_size=9, unique=True), st.integers(1, 30))
def test_every_node_has_its_turn(numbers, count):
    nodes = Nodes(tuple(f"192.0.2.{number}:443" for number in numbers))

    assert nodes.first not in nodes.others(count)
    assert set(nodes.in_turn(len(numbers))) == {node for pair in nodes.pairs() for node in pair} == set(nodes.all)
    assert all(writer != reader for writer, reader in nodes.pairs())
    assert nodes.first != nodes.last


def test_client_at_a_node_connects_there_and_keeps_host_and_signature():
    with recording(answer_with("200 OK")) as first, recording(answer_with("200 OK")) as second:
        node = second.endpoint.url.removeprefix("https://localhost:")
        endpoint = replace(first.endpoint, ca=first.endpoint.ca + second.endpoint.ca)
        transport, recorder = Transport(endpoint), Recorder(Redactor(endpoint.secrets))
        signer = Signer(endpoint.keys["backup"], endpoint.region)
        client = Client(endpoint, transport, recorder, "bucket", "path", signer)

        client.head("key")
        client.at(f"127.0.0.1:{node}").head("key")
        transport.close()

    (here,), (there,) = first.requests, second.requests
    assert there.line == here.line
    assert there.headers["host"] == here.headers["host"] == endpoint.url.removeprefix("https://")


def claims(*verdicts):
    """A claim for every endpoint, met, and one about several nodes for every verdict."""
    need = replace(requirement(0), harm="data-loss", needs=(SEVERAL_NODES,))
    needs = [replace(need, id=f"NODE-0{number}") for number in range(len(verdicts))]
    reasons = {"reason": ONE_ADDRESS}
    about_nodes = [
        record(0, verdict, requirement=need, **(reasons if verdict == "not run" else {}))
        for need, verdict in zip(needs, verdicts, strict=True)
    ]
    return [record(0, requirement=replace(requirement(0), harm="data-loss")), *about_nodes]


def head(*nodes):
    plain = header()
    return replace(plain, endpoint={**plain.endpoint, "nodes": list(nodes)})


def test_claims_about_several_nodes_are_no_musts_of_an_endpoint_with_one_address():
    rung, reason = judge(head("192.0.2.1:443"), claims("not run", "not run"))

    assert rung == "wire conformant"
    assert reason.endswith("claims that do not apply: 2 about several nodes (it has one address)")


@pytest.mark.parametrize(("verdict", "rung"), [("not run", "incomplete"), ("fails", "not certified")])
def test_claims_about_several_nodes_are_musts_where_there_are_several(verdict, rung):
    assert judge(head("192.0.2.1:443", "192.0.2.2:443"), claims("conforms", verdict))[0] == rung


def test_every_report_says_that_claims_do_not_apply(tmp_path):
    run = example_run(claims("not run", "not run"), head("192.0.2.1:443"))

    formats.write_reports(run, tmp_path)

    said = "The endpoint has one address: 2 claims about several nodes do not apply and were not run."
    assert said in wording.cautions(run)
    assert all(said in (tmp_path / name).read_text(encoding="utf-8") for name in ("report.html", "report.md"))
    assert ONE_ADDRESS in (tmp_path / "junit.xml").read_text(encoding="utf-8")


@pytest.fixture
def unrelated(tmp_path):
    """Two separate stores with the same keys and the same empty bucket, behind one name."""
    with ExitStack() as stack:
        settings = load_profile("embedded", known_ids=load_register().requirements).endpoint
        pairs = {role: {"id": f"{role.upper():A<20}", "secret": f"{role:s<40}"} for role in KEYS}
        stores = []
        for _ in range(2):
            program = launch("restoreproof.standins.endpoint", {"keys": pairs, "workers": 1})
            stack.callback(program.close)
            stores.append(endpoint_of(program.ready, settings, ours=True))
        for store in stores:
            make_bucket(store, tmp_path)
        addresses = tuple(store.addresses[0] for store in stores)
        endpoint = replace(stores[0], ca="".join(store.ca for store in stores), addresses=addresses)
        yield Laboratory(
            endpoint,
            tmp_path,
            write_profile(tmp_path, endpoint, "unrelated", "backups"),
            environment(tmp_path, endpoint),
        )


def make_bucket(store, folder):
    pair = store.keys["housekeeping"]
    with tempfile.NamedTemporaryFile("w", suffix=".pem", dir=folder) as authority:
        authority.write(store.ca)
        authority.flush()
        boto3.client(
            "s3",
            endpoint_url=store.url,
            region_name=store.region,
            aws_access_key_id=pair.id.reveal(),
            aws_secret_access_key=pair.secret.reveal(),
            verify=authority.name,
            config=Config(proxies={}),
        ).create_bucket(Bucket="backups")


@pytest.mark.skipif(
    sys.platform != "linux" or importlib.util.find_spec("swift") is None,
    reason="needs Linux and Swift",
)
def test_two_unrelated_stores_behind_one_name_are_red_as_the_defect_that_plays_them(unrelated):
    _, run = unrelated.certify("--area", "nodes", "--require", "as-declared")

    assert run.header.endpoint["nodes"] == list(unrelated.endpoint.addresses)
    assert red_ids(run) == {*DEFECTS["unrelated-stores"].reddens, "TLS-05.same-certificate"}
