"""The engine stand-in's S3 client before a server that does as it is told: SQL Server's errors, and retries."""

import socket
from dataclasses import replace
from urllib.parse import unquote

import pytest
from backup_store import BUCKET, PART, backups, content, device, look, pieces, read, refuse, storing, stripes, write
from backup_store import authority as saved
from hostile_server import Misdeed

from restoreproof.standins.certificates import Authority, self_signed
from restoreproof.standins.sqlserver.backups import Credential, Device
from restoreproof.standins.sqlserver.connector.address import Address
from restoreproof.standins.sqlserver.connector.behaviour import Behaviour
from restoreproof.standins.sqlserver.media.backups import S3Backups
from restoreproof.standins.sqlserver.session import SqlError

DATA = content(250_000)


def says(status, code="", *, times=1_000, bare=False):
    """A misdeed's deed: refuse so many times, then behave."""
    left = [times]

    def do(talk):
        left[0] -= 1
        answer = refuse(status, code, bare=bare) if left[0] >= 0 else talk.store.answer(talk.request, b"")
        return talk.say(answer)

    return do


def replies(status, body="", **headers):
    lines = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items())
    text = f"HTTP/1.1 {status} X\r\nContent-Length: {len(body)}\r\n{lines}\r\n{body}"
    return lambda talk: talk.say(text)


def times(count, do):
    """Do it so many times, and behave otherwise; only for requests without a body."""
    left = [count]

    def deed(talk):
        left[0] -= 1
        return do(talk) if left[0] >= 0 else talk.say(talk.store.answer(talk.request, b""))

    return deed


def failure(call, *arguments, **options):
    with pytest.raises(SqlError) as failed:
        call(*arguments, **options)
    return failed.value.number, failed.value.text


@pytest.fixture(scope="module")
def store():
    with storing() as running:
        write(backups(), [device(running)], DATA)
        yield running


@pytest.mark.parametrize(
    ("url", "number"),
    [
        ("s3:/h/b/k", 3078),
        ("s3://h/", 3078),
        ("s3://h", 3078),
        ("s3://h/b/folder/", 3078),
        ("s3://h:99999/b/k", 3078),
        ("s3://h:0/b/k", 3078),
        ("s3://user@h/b/k", 3078),
        ("s3://h/b/\nk", 3078),
        ("s3://h/b/k?uploads", 3297),
        ("https://h/b/k", 3297),
        ("http://h/b/k", 3297),
        ("s3://h/b/" + "k" * 251, 3057),
    ],
)
def test_urls_that_are_none(url, number):
    assert failure(Address.read, url)[0] == number


def test_urls_are_taken_as_typed():
    assert Address.read("S3://Host.Example:9000/B/dir/K.bak") == Address("Host.Example", 9000, "/B/dir/K.bak")
    assert Address.read("s3://[::1]/b/k").netloc == "[::1]"
    assert Address.read("s3://h:443/b/k").netloc == "h"
    assert Address.read("s3://h/b/" + "k" * 250)


@pytest.mark.parametrize(
    ("kind", "status", "code", "number", "told"),
    [
        ("list", 404, "NoSuchBucket", 3201, "error 50(The request is not supported.)."),
        ("list", 403, "AccessDenied", 3201, "error 5(Access is denied.)."),
        ("list", 403, "RequestTimeTooSkewed", 3201, "error 5(Access is denied.)."),
        ("list", 400, "AuthorizationHeaderMalformed", 3201, "error 5(Access is denied.)."),
        ("list", 501, "NotImplemented", 3201, "error 50("),
        ("list", 301, "PermanentRedirect", 3201, "error 50("),
        ("open", 404, "NoSuchBucket", 3201, "error 50("),
        ("open", 403, "AccessDenied", 3201, "error 5("),
        ("open", 503, "SlowDown", 3201, "error 1117("),
        ("part", 400, "InvalidRequest", 3202, "failed: 87(The parameter is incorrect.)"),
        ("part", 403, "AccessDenied", 3202, "failed: 5("),
        ("part", 503, "SlowDown", 3202, "failed: 1117(The request could not be performed because of an I/O device"),
        ("part", 404, "NoSuchUpload", 3202, "failed: 87("),
        ("complete", 400, "EntityTooSmall", 3202, "failed: 87("),
        ("complete", 500, "InternalError", 3202, "failed: 1117("),
    ],
)
def test_refusals_of_a_backup(kind, status, code, number, told):
    with storing(Misdeed(says(status, code), on=kind)) as store:
        found, text = failure(write, backups(), [device(store)], DATA)

        assert (found, told in text, f"s3://localhost:{store.port}/{BUCKET}/a.bak" in text) == (number, True, True)
        assert store.objects == {}
        assert len(store.open) == (0 if number == 3201 else 1)


def test_regions_that_no_header_can_hold(store):
    for region in ("a\r\nb: c", "→"):
        assert failure(look, backups(), device(store), region=region)[0] == 3201


def test_what_is_not_there_and_what_is_already_there(store):
    nowhere = replace(device(store), url=f"s3://localhost:{store.port}/nobucket/a.bak")

    told = f"The file {device(store).url} exists on the remote endpoint, and WITH FORMAT was not specified."

    assert failure(write, backups(), [device(store)], DATA) == (3296, f"{told} Backup cannot proceed.")
    assert failure(write, backups(), [nowhere], DATA)[0] == 3201
    assert "error 50(" in failure(look, backups(), nowhere)[1]
    assert "error 2(The system cannot find the file specified.)." in failure(look, backups(), device(store, "no"))[1]
    for probe in ("head", "both"):
        assert failure(look, backups(probe=probe), device(store, "no"))[0] == 3201


def test_refused_early_nothing_is_pulled_or_left_open(store):
    before = dict(store.open)
    pulled = []
    assert failure(write, backups(), [device(store, "new"), device(store)], map(pulled.append, b"x"))[0] == 3296

    assert (pulled, store.open) == ([], before)


@pytest.mark.parametrize("kind", ["list", "open", "complete"])
@pytest.mark.parametrize("status", [500, 503])
def test_what_is_temporary_is_tried_again(kind, status):
    with storing(Misdeed(says(status, "InternalError"), on=kind)) as store:
        failure(write, backups(opening_retries=3, retries=2), [device(store)], DATA)

        assert store.kinds().count(kind) == (3 if kind == "complete" else 4)


def test_lost_connections_and_late_answers_are_tried_again():
    deeds = (lambda talk: talk.reset(), says(503, "SlowDown", times=1))
    for deed in deeds:
        left = [2]

        def sometimes(talk, deed=deed, left=left):
            left[0] -= 1
            return deed(talk) if left[0] >= 0 else talk.say(talk.store.answer(talk.request, talk.stream.read(0)))

        with storing(Misdeed(sometimes, on="list")) as store:
            assert write(backups(opening_retries=3), [device(store)], DATA).payload == len(DATA)
            assert read(backups(), [device(store)]) == DATA


def test_a_part_that_is_cut_in_the_middle_is_sent_again():
    def cut(talk):
        talk.store.misdeeds = ()
        talk.reset()

    with storing(Misdeed(cut, on="part", when="body")) as store:
        write(backups(), [device(store)], DATA)

        assert read(backups(), [device(store)]) == DATA
        assert store.kinds().count("part") == 4


def test_statuses_that_are_not_to_be_tried_again_are_not():
    with storing(Misdeed(says(503, "Whatever"), on="part")) as store:
        failure(write, backups(retry_statuses=(500,), parts_in_flight=1), [device(store)], b"x")

        assert store.kinds().count("part") == 1


@pytest.mark.parametrize(
    ("kind", "deed"),
    [
        ("open", replies(200, "<html>welcome")),
        ("open", replies(200, "<InitiateMultipartUploadResult/>")),
        ("open", replies(200, '<!DOCTYPE a [<!ENTITY b "c">]><InitiateMultipartUploadResult/>')),
        ("open", replies(200, "<x>" * 200)),
        ("open", replies(200, " " * 5_000_000)),
        ("open", replies(204)),
        ("part", replies(200)),
        ("complete", replies(200, "<Error><Code>InvalidPart</Code></Error>")),
        ("complete", replies(200, "<Error><Code>InternalError</Code></Error>")),
        ("complete", replies(200, "")),
        ("complete", replies(200, "<OtherResult/>")),
        ("list", replies(200, "<ListBucketResult><Contents><Key>a.bak</Key></Contents></ListBucketResult>")),
    ],
)
def test_answers_that_are_none_are_failures(kind, deed):
    with storing(Misdeed(deed, on=kind)) as store:
        assert failure(write, backups(), [device(store)], DATA)[0] == (3201 if kind in ("open", "list") else 3202)
        assert store.objects == {}


@pytest.mark.parametrize(
    "deed",
    [
        replies(200, "x" * 200),
        replies(206, "x" * 100),
        replies(206, "x", Content_Range="bytes 0-0/1"),
        replies(416, "<Error><Code>InvalidRange</Code></Error>"),
        lambda talk: (
            talk.say("HTTP/1.1 206 P\r\nContent-Length: 999\r\nContent-Range: bytes 0-998/999\r\n\r\nxx")
            and talk.reset()
        ),
    ],
    ids=["whole", "no-range", "another-range", "refused", "cut"],
)
def test_reads_of_anything_but_the_range_fail(deed):
    with storing() as store:
        write(backups(), [device(store)], DATA)
        store.misdeeds = (Misdeed(deed, on="read"),)

        assert failure(read, backups(), [device(store)])[0] == 3201


def test_a_restore_looks_at_each_object_once_and_then_asks_for_every_byte_once():
    with storing() as store:
        devices = stripes(store, 2)
        write(backups(), devices, content(700_000))
        store.requests.clear()
        read(backups(), devices)

        for one in devices:
            name = one.url.rpartition("/")[2]
            own = [request for request in store.requests if name in unquote(request.target)]
            ranges = [request.headers.get("range", "")[6:] for request in own]
            end = len(store.objects[name])
            assert [request.kind for request in own] == ["list", *["read"] * (len(own) - 1)]
            assert ranges[1:3] == ["0-65535", f"{end - 65_536}-{end - 1}"]
            assert sorted(ranges[3:]) == sorted(f"{at}-{min(at + PART, end) - 1}" for at in range(0, end, PART))


def test_reads_that_fail_later_are_3203():
    with storing() as store:
        write(backups(), [device(store)], DATA)
        for deed, told in ((replies(200, "x"), "13("), (says(503, "SlowDown"), "1117("), (says(403, "X"), "5(")):
            rest = pieces(backups(), [device(store)], buffer_count=1)
            store.misdeeds = ()
            next(rest)
            store.misdeeds = (Misdeed(deed, on="read"),)
            number, text = failure(b"".join, rest)

            assert (number, f'Read on "{device(store).url}" failed: {told}' in text) == (3203, True)


def test_an_object_that_is_replaced_while_it_is_read_is_noticed():
    with storing() as store:
        write(backups(), [device(store)], DATA)
        rest = pieces(backups(), [device(store)], buffer_count=1)
        next(rest)
        write(backups(), [device(store)], DATA, overwrite=True)

        assert failure(b"".join, rest)[0] == 3203


def test_hosts_that_are_not_to_be_trusted_found_or_reached(store):
    stranger, own = saved(Authority().pem), saved(self_signed("localhost").certificate)
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    gone = Device(f"s3://localhost:{port}/b/k", Credential("c", "i", "s"))
    cases = [
        (
            S3Backups(stranger, Behaviour()),
            device(store),
            "12175(failed to retrieve text for this error. Reason: 15105).",
        ),
        (S3Backups(own, Behaviour()), device(store), "12175("),
        (S3Backups(None, Behaviour()), device(store), "12175("),
        (backups(), device(store, host="other.localhost"), "12175("),
        (backups(), Device("s3://no.such.host.invalid/b/k", gone.credential), "12007("),
        (backups(), gone, "12029("),
    ]
    for engine, one, told in cases:
        number, text = failure(look, engine, one)
        assert (number, f"Operating system error {told}" in text) == (3201, True), text


def test_servers_that_speak_no_tls_or_nothing():
    with storing(Misdeed(lambda talk: talk.say("HTTP/1.1 400 no\r\n\r\n"), when="handshake")) as plain:
        assert "error 12157(" in failure(look, backups(), device(plain))[1]
    with storing(Misdeed(lambda talk: talk.hang(), when="handshake")) as silent:
        assert "error 12002(" in failure(look, backups(connect_seconds=0.1, opening_retries=0), device(silent))[1]
    with storing(Misdeed(lambda talk: talk.hang(), on="list")) as late:
        assert "error 12002(" in failure(look, backups(answer_seconds=0.1, opening_retries=0), device(late))[1]
    with storing(Misdeed(lambda talk: talk.hang(), on="complete")) as slow:
        engine = backups(completion_seconds=0.1, retries=0)
        assert "failed: 1117(" in failure(write, engine, [device(slow)], DATA)[1]


def test_nothing_of_the_environment_decides(store, monkeypatch):
    for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    for name in ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "AWS_CA_BUNDLE", "SSLKEYLOGFILE"):
        monkeypatch.setenv(name, str(saved(Authority().pem)))
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_ENDPOINT_URL", "AWS_ACCESS_KEY_ID"):
        monkeypatch.setenv(name, "elsewhere")

    assert look(backups(), device(store)).families == 1
    assert "/us-east-1/s3/" in store.requests[-1].headers["authorization"]


def test_no_secret_is_in_what_is_told():
    hidden = str(10**20 // 7)
    with storing(Misdeed(says(403, "SignatureDoesNotMatch"), on="list")) as refusing:
        one = replace(device(refusing), credential=Credential("s3://x", "KEYID", hidden))
        with pytest.raises(SqlError) as failed:
            look(backups(), one)

    told = str(failed.getrepr(showlocals=True, funcargs=True, chain=True)).replace(repr(hidden), "")
    assert (hidden in told, hidden in repr(one), "error 5(" in told) == (False, False, True)


def test_the_part_limit():
    with storing() as store:
        number, text = failure(write, backups(part_limit=2), [device(store)], DATA)

    told = f"Write to S3 object storage device {device(store).url} failed."
    assert (number, text) == (3236, f"{told} Device has reached its limit of 2 allowed parts.")


def test_stripes_go_to_several_hosts_each_with_its_credential(store):
    with storing() as other:
        devices = [device(store, "one"), *stripes(other, 2)]
        write(backups(), devices, DATA)

        assert read(backups(), devices) == DATA
        assert len(other.objects) == 2
