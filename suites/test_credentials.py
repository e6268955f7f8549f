"""Credentials: who gets in, and who does not."""

import hashlib

import pytest

OPERATIONS = pytest.mark.parametrize("operation", ["list", "get", "put"])


def attempt(operation, client, key):
    """One request of each kind: a list, a read and a write."""
    calls = {
        "list": lambda: client.list(key),
        "get": lambda: client.get(key),
        "put": lambda: client.put(key, b"written by a stranger"),
    }
    return calls[operation]()


@OPERATIONS
@pytest.mark.requirement("WIRE-02.wrong-secret-refused")
def test_wrong_secret_is_refused(operation, restore, backup, strangers, guarded, evidence):
    """A known key id with a wrong secret is refused for lists, reads and writes."""
    owner = {"put": backup}.get(operation, restore)

    answer = attempt(operation, strangers.with_wrong_secret(owner), guarded)

    evidence.keep("answer", answer.outcome)
    answer.must_be_refused()


@OPERATIONS
@pytest.mark.requirement("WIRE-02.tampered-signature-refused")
def test_tampered_signature_is_refused(operation, restore, backup, strangers, guarded, evidence):
    """A signature that differs in its last digit is refused for lists, reads and writes."""
    owner = {"put": backup}.get(operation, restore)

    answer = attempt(operation, strangers.with_tampered_signature(owner), guarded)

    evidence.keep("answer", answer.outcome)
    answer.must_be_refused()


@pytest.mark.requirement("WIRE-02.tampered-body-refused")
def test_body_other_than_signed_is_refused(backup, restore, bucket, content, evidence):
    """A body that is not the one whose SHA-256 was signed is refused and not stored."""
    key = bucket.key("tampered.bak")
    signed_for = hashlib.sha256(content.make("signed", content.KIB)).hexdigest()

    answer = backup.claiming(signed_for).put(key, content.make("sent", content.KIB))

    evidence.keep("answer", answer.outcome)
    answer.must_be_refused()
    restore.get(key).must_be_refused()


@pytest.mark.requirement("WIRE-02.tampered-query-refused")
def test_query_other_than_signed_is_refused(restore, bucket, evidence):
    """A query string that was not signed is refused."""
    query = {"list-type": "2", "prefix": bucket.prefix}

    answer = restore.call("GET", query=query, signed_query={})

    evidence.keep("answer", answer.outcome)
    answer.must_be_refused()


@OPERATIONS
@pytest.mark.requirement("WIRE-02.anonymous-refused")
def test_unsigned_request_is_refused(operation, restore, strangers, guarded, evidence):
    """A request without a signature is refused for lists, reads and writes."""
    answer = attempt(operation, strangers.without_signature(restore), guarded)

    evidence.keep("answer", answer.outcome)
    answer.must_be_refused()


@OPERATIONS
@pytest.mark.requirement("WIRE-02.unknown-key-refused")
def test_unknown_key_is_refused(operation, restore, strangers, guarded, evidence):
    """A key id that nobody was given is refused for lists, reads and writes."""
    answer = attempt(operation, strangers.with_unknown_key(restore), guarded)

    evidence.keep("answer", answer.outcome)
    answer.must_be_refused()


@pytest.mark.parametrize("minutes", [-20, 20], ids=["past", "future"])
@pytest.mark.requirement("CLK-01.skewed-clock-refused")
def test_request_of_another_time_is_refused(minutes, restore, strangers, bucket, evidence):
    """A request signed twenty minutes off is refused, so a recorded one can't be played back later."""
    answer = strangers.with_clock_off(restore, minutes).list(bucket.prefix)

    evidence.keep("answer", answer.outcome)
    answer.must_be_refused()


@pytest.mark.requirement("CLK-01.clock-agrees")
def test_clock_of_the_endpoint_agrees(restore, bucket, now, evidence):
    """The endpoint's Date header is within fifteen minutes of this machine's clock."""
    answer = restore.list(bucket.prefix)

    seconds = evidence.keep("seconds_apart", abs(round((answer.date() - now).total_seconds())))

    assert seconds < 900


@pytest.mark.requirement("WIRE-03.unsigned-payload-accepted")
def test_unsigned_payload_is_accepted(backup, restore, bucket, content):
    """A signed upload whose payload hash says UNSIGNED-PAYLOAD is stored, byte for byte."""
    key, part = bucket.key("unsigned.bak"), content.make("unsigned", 64 * content.KIB)

    backup.without_payload_hash().upload(key, part)

    assert restore.digest(key) == content.digest(part)
