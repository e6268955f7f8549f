"""Each switch of the connector shows on the wire, and backups can be read whichever way they are set."""

import base64
import hashlib
import re
import zlib
from dataclasses import replace

import pytest
from backup_store import BUCKET, PART, backups, content, device, look, read, refuse, storing, texts, write
from hostile_server import Misdeed

from restoreproof.standins.sqlserver.backups import Credential, Device
from restoreproof.standins.sqlserver.connector.address import region_of
from restoreproof.standins.sqlserver.connector.client import trust
from restoreproof.standins.sqlserver.session import SqlError

DATA = content(250_000)


def requests_of(*misdeeds, data=DATA, host="localhost", keep=(), **switches):
    """Back up and read back with these switches; gives the requests of the backup."""
    options = {
        name: switches.pop(name) for name in ("compression", "overwrite", "region", "buffer_count") if name in switches
    }
    with storing(*misdeeds) as store:
        store.objects.update(keep)
        one = (
            device(store)
            if host == "localhost"
            else Device(f"s3://{host}:{store.port}/dir/a.bak", device(store).credential)
        )
        write(backups(**switches), [one], data, **options)
        requests = list(store.requests)
        assert read(backups(**switches), [one], region=options.get("region", "us-east-1")) == data
        return requests


def kinds(requests):
    return [f"{request.method} {request.kind}" for request in requests]


def test_the_sequence_is_that_of_the_wire_notes():
    requests = requests_of(parts_in_flight=1)

    assert kinds(requests) == ["GET list", "POST open", "PUT part", "PUT part", "PUT part", "POST complete"]
    assert requests[0].target == f"/{BUCKET}?list-type=2&prefix=a.bak"
    assert [request.query["partnumber"] for request in requests[2:-1]] == ["1", "2", "3"]
    assert {name for request in requests for name in request.headers} == {
        *("authorization", "host", "user-agent", "x-amz-content-sha256", "x-amz-date"),
        *("content-length", "content-type"),
    }


@pytest.mark.parametrize(
    ("switches", "expected"),
    [
        ({"probe": "head"}, "HEAD head, POST open"),
        ({"probe": "both"}, "HEAD head, GET list, POST open"),
        ({"bucket_location": True}, "GET list, GET list, POST open"),
        ({"list_parts": True}, "PUT part, GET parts, POST complete"),
        ({"head_after_completion": True}, "POST complete, HEAD head"),
        ({"overwrite": True, "delete_before_format": True}, "GET list, DELETE delete, POST open"),
        ({"overwrite": True}, "GET list, POST open"),
        ({"tiny": "put"}, "GET list, POST open, PUT part"),
    ],
    ids=str,
)
def test_requests_that_are_sent_besides(switches, expected):
    keep = {"a.bak": b"old"} if "overwrite" in switches else {}

    assert expected in ", ".join(kinds(requests_of(keep=keep, **switches)))


def test_tiny_backups_are_put_where_a_switch_says_so():
    assert kinds(requests_of(data=b"few", tiny="put")) == ["GET list", "PUT put"]
    assert kinds(requests_of(data=b"few"))[1:] == ["POST open", "PUT part", "POST complete"]


def test_payload_hash_and_user_agent():
    sent, unsigned = requests_of(), requests_of(payload_hash="UNSIGNED-PAYLOAD", user_agent="WinHTTP/1.0")

    assert {request.headers["x-amz-content-sha256"] for request in unsigned} == {"UNSIGNED-PAYLOAD"}
    assert {request.headers["user-agent"] for request in unsigned} == {"WinHTTP/1.0"}
    assert all(re.fullmatch("[0-9a-f]{64}", request.headers["x-amz-content-sha256"]) for request in sent)


@pytest.mark.parametrize(
    ("kind", "name", "proof"),
    [
        ("md5", "content-md5", lambda body: hashlib.md5(body).digest()),
        ("crc32", "x-amz-checksum-crc32", lambda body: zlib.crc32(body).to_bytes(4, "big")),
        ("sha256", "x-amz-checksum-sha256", lambda body: hashlib.sha256(body).digest()),
    ],
)
def test_integrity_headers_are_right_and_named_in_the_completion(kind, name, proof):
    with storing() as store:
        write(backups(integrity=kind, on_failure="abort"), [device(store)], b"few")
        part = next(request for request in store.requests if request.kind == "part")
        told = base64.b64encode(proof(store.objects["a.bak"])).decode()

        assert part.headers[name] == told
        assert (f"<Checksum{kind.upper()}>{told}<".encode() in store.bodies[0]) == (kind != "md5")


def part_requests(**switches):
    return [request for request in requests_of(parts_in_flight=1, **switches) if request.kind == "part"]


def test_part_numbers():
    numbered = part_requests(first_part_number=5, part_number_step=3)

    assert [request.query["partnumber"] for request in numbered] == ["5", "8", "11"]


@pytest.mark.parametrize(
    ("spread", "packed", "mixed"),
    [
        ("ceiling", True, False),
        ("mixed", False, True),
        ("mixed-if-compressed", True, True),
        ("mixed-if-compressed", False, False),
    ],
)
def test_part_sizes(spread, packed, mixed):
    parts = part_requests(data=texts(1_200_000), part_floor=30_000, part_sizes=spread, compression=packed)
    sizes = [request.size for request in parts[:-1]]

    assert all((30_000 if mixed else PART) <= size <= PART for size in sizes)
    assert (len(set(sizes)) > 1) == mixed


def test_parts_in_flight_are_bounded_by_buffers():
    flying, most = [], []

    def watched(talk):
        flying.append(1)
        most.append(len(flying))
        talk.store.over.wait(0.01)
        flying.pop()
        return talk.say(talk.store.answer(talk.request, b"x" * talk.request.size))

    for in_flight, buffers, expected in ((1, 8, 1), (3, 8, 3), (8, 2, 2)):
        most.clear()
        with storing(Misdeed(watched, on="part")) as store:
            write(backups(parts_in_flight=in_flight), [device(store)], content(1_200_000), buffer_count=buffers)
        assert 1 <= max(most) <= expected


def test_ranges():
    with storing() as store:
        write(backups(), [device(store)], DATA)
        last = len(store.objects["a.bak"]) - 1

        def ranges(**switches):
            store.requests.clear()
            read(backups(**switches), [device(store)])
            whole = [request.headers["range"] for request in store.requests if request.kind == "read"][2:]
            return sorted(one.removeprefix("bytes=") for one in whole)

        assert ranges() == ranges(parallel_ranges=8) == ["0-99999", "100000-199999", f"200000-{last}"]
        assert ranges(range_bytes=150_000) == ["0-149999", f"150000-{last}"]


def scope(request):
    return request.headers["authorization"].split("/")[2]


@pytest.mark.parametrize(
    ("host", "hosts", "named", "expected"),
    [
        ("s3.us-west-2.amazonaws.com", "aws", "us-east-1", "us-west-2"),
        ("b.s3.eu-central-1.amazonaws.com", "aws", "us-east-1", "eu-central-1"),
        ("s3.us-west-2.amazonaws.com", "none", "us-east-1", "us-east-1"),
        ("s3.us-west-2.amazonaws.com", "aws", "eu-west-1", "eu-west-1"),
        ("s3.eu-test-1.example.test", "aws", "us-east-1", "us-east-1"),
        ("s3.eu-test-1.example.test", "any", "us-east-1", "eu-test-1"),
        ("localhost", "any", "ch-central", "ch-central"),
    ],
)
def test_the_region_to_sign_for(host, hosts, named, expected):
    assert region_of(host, hosts, named) == expected


def test_a_named_region_is_signed_for_and_another_is_learned_where_a_switch_says_so():
    body = "<Error><Code>AuthorizationHeaderMalformed</Code><Region>eu-test-1</Region></Error>"

    def elsewhere(talk):
        if scope(talk.request) == "eu-test-1":
            return talk.say(talk.store.answer(talk.request, talk.stream.read(0)))
        return talk.say(f"HTTP/1.1 400 X\r\nContent-Length: {len(body)}\r\n\r\n{body}")

    assert {scope(request) for request in requests_of(region="ch-central")} == {"ch-central"}
    learned = requests_of(Misdeed(elsewhere, on="list"), region_errors="retry")
    assert [scope(request) for request in learned][:3] == ["us-east-1", "eu-test-1", "eu-test-1"]
    with pytest.raises(SqlError, match=r"error 5\("):
        requests_of(Misdeed(elsewhere, on="list"))


def test_redirects_are_followed_and_signed_anew_where_a_switch_says_so():
    with storing() as goal:

        def elsewhere(talk):
            place = f"https://127.0.0.1:{goal.port}{talk.request.target}"
            return talk.say(f"HTTP/1.1 307 X\r\nLocation: {place}\r\nContent-Length: 0\r\n\r\n")

        with storing(Misdeed(elsewhere)) as front:
            write(backups(redirects="follow"), [device(front)], DATA)
            assert read(backups(redirects="follow"), [device(front)]) == DATA
            assert {request.headers["host"] for request in goal.requests} == {f"127.0.0.1:{goal.port}"}
            with pytest.raises(SqlError, match=r"error 50\("):
                look(backups(), device(front))


def test_redirects_lead_to_no_plain_http_and_end():
    for place in ("http://127.0.0.1:1/x", "/again"):
        deed = Misdeed(
            lambda talk, place=place: talk.say(f"HTTP/1.1 301 X\r\nLocation: {place}\r\nContent-Length: 0\r\n\r\n")
        )
        with storing(deed) as front, pytest.raises(SqlError, match=r"error 50\("):
            look(backups(redirects="follow"), device(front))


def test_keys_are_encoded_once_or_their_escapes_are_kept():
    with storing() as store:
        for encoding, sent in (("once", "a%20b%252Bc%23%C3%A9%2B.bak"), ("keep-escapes", "a%20b%2Bc%23%C3%A9%2B.bak")):
            one = device(store, "dir/a b%2Bc#é+.bak")
            write(backups(key_encoding=encoding), [one], DATA)
            assert read(backups(key_encoding=encoding), [one]) == DATA
            assert store.requests[-1].target == f"/{BUCKET}/dir/{sent}"
    assert sorted(store.objects) == ["dir/a b%2Bc#é+.bak", "dir/a b+c#é+.bak"]


@pytest.mark.parametrize("probe", ["list", "head", "both"])
def test_the_bucket_may_be_in_the_hosts_name(probe):
    requests = requests_of(host=f"{BUCKET}.s3.localhost", probe=probe)

    assert {request.headers["host"].split(":")[0] for request in requests} == {f"{BUCKET}.s3.localhost"}
    assert requests[-1].target.startswith("/dir/a.bak?")


def test_a_head_that_is_refused_says_nothing_to_a_backup_that_lists_too():
    deed = Misdeed(lambda talk: talk.say(refuse(403, "", bare=True)), on="head")
    with storing(deed) as store:
        write(backups(probe="both"), [device(store)], DATA)
        with pytest.raises(SqlError) as there:
            write(backups(probe="both"), [device(store)], DATA)
        with pytest.raises(SqlError) as unknown:
            write(backups(probe="head"), [device(store)], DATA)
        write(backups(probe="head"), [device(store)], b"new", overwrite=True)
        assert read(backups(), [device(store)]) == b"new"

    assert (there.value.number, unknown.value.number) == (3296, 3201)


@pytest.mark.parametrize(("switch", "left"), [("leave", 1), ("abort", 0)])
def test_open_uploads_of_failed_backups(switch, left):
    with storing(Misdeed(lambda talk: talk.say(refuse(400, "InvalidPart")), on="part")) as store:
        with pytest.raises(SqlError):
            write(backups(on_failure=switch), [device(store)], DATA)

        assert (len(store.open), store.count("abort", "")) == (left, 1 - left)


def test_an_object_that_is_not_what_was_sent_is_noticed_after_completion():
    with storing() as store:
        complete = store.do_complete

        def do_complete(request, body):
            said = complete(request, body)
            store.objects[request.key] += b"!"
            return said

        store.do_complete = do_complete
        with pytest.raises(SqlError, match=r"failed: 1117\("):
            write(backups(head_after_completion=True), [device(store)], DATA)


def test_only_what_tls_versions_the_switch_allows():
    assert [trust(None, newest).maximum_version.name for newest in ("1.2", "1.3")] == ["TLSv1_2", "TLSv1_3"]
    assert requests_of(newest_tls="1.3")


def test_credentials_sign_for_their_own_device():
    with storing() as store:
        one, two = device(store, "one"), replace(device(store, "two"), credential=Credential("c", "OTHER", "s"))
        write(backups(), [one, two], DATA)

        signed = {
            (request.key, "Credential=OTHER/" in request.headers["authorization"])
            for request in store.requests
            if request.key
        }
        assert signed == {("one", False), ("two", True)}
