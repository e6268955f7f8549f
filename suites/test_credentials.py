"""Credentials: who gets in, and who does not."""

import hashlib

import pytest

OPERATIONS = pytest.mark.parametrize("operation", ["list", "get", "put"])


@OPERATIONS
@pytest.mark.requirement("WIRE-02.wrong-secret-refused")
def test_wrong_secret_is_refused(operation, restore, backup, strangers, guarded, guarded_digest, evidence):
    """A known key id with a wrong secret is refused for lists, reads and writes."""
    owner = {"put": backup}.get(operation, restore)

    answer = strangers.with_wrong_secret(owner).attempt(operation, guarded)

    evidence.keep("answer", answer.outcome)
    answer.must_be_refused()
    assert restore.digest(guarded) == guarded_digest


@OPERATIONS
@pytest.mark.requirement("WIRE-02.tampered-signature-refused")
def test_tampered_signature_is_refused(operation, restore, backup, strangers, guarded, guarded_digest, evidence):
    """A signature that differs in its last digit is refused for lists, reads and writes."""
    owner = {"put": backup}.get(operation, restore)

    answer = strangers.with_tampered_signature(owner).attempt(operation, guarded)

    evidence.keep("answer", answer.outcome)
    answer.must_be_refused()
    assert restore.digest(guarded) == guarded_digest


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
    answer = restore.call("GET", query=restore.listing(bucket.prefix), signed_query={})

    evidence.keep("answer", answer.outcome)
    answer.must_be_refused()


@pytest.mark.requirement("WIRE-02.tampered-part-refused")
def test_part_other_than_signed_is_refused(backup, bucket, content, evidence):
    """A part whose body is not the one whose SHA-256 was signed is refused."""
    signed_for = hashlib.sha256(content.make("signed", content.KIB)).hexdigest()
    upload = backup.open_upload(bucket.key("tampered-part.bak"))

    answer = upload.by(backup.claiming(signed_for)).part(1, content.make("sent", content.KIB))

    evidence.keep("answer", answer.outcome)
    answer.must_be_refused()


@pytest.mark.requirement("WIRE-02.tampered-header-refused")
def test_header_other_than_signed_is_refused(backup, strangers, bucket, evidence):
    """A signed header that was added to on its way is refused."""
    altered = strangers.with_other_header(backup, "x-amz-meta-note", "signed, and altered")

    answer = altered.call("PUT", bucket.key("header.bak"), headers={"x-amz-meta-note": "signed"})

    evidence.keep("answer", answer.outcome)
    answer.must_be_refused()


@pytest.mark.requirement("WIRE-02.tampered-date-refused")
def test_date_other_than_signed_is_refused(restore, strangers, bucket, evidence):
    """A date that differs by seconds from the signed one is refused."""
    answer = strangers.with_other_seconds(restore).list(bucket.prefix)

    evidence.keep("answer", answer.outcome)
    answer.must_be_refused()


@pytest.mark.parametrize("part", ["day", "region", "service"])
@pytest.mark.requirement("WIRE-02.tampered-scope-refused")
def test_scope_other_than_signed_is_refused(part, restore, strangers, bucket, evidence):
    """A credential scope that names another day, region or service than was signed is refused."""
    answer = strangers.with_scope_rewritten(restore, part).list(bucket.prefix)

    evidence.keep("answer", answer.outcome)
    answer.must_be_refused()


@pytest.mark.requirement("WIRE-02.tampered-method-refused")
def test_method_other_than_signed_is_refused(backup, bucket, evidence):
    """A write whose signature was made for a read is refused."""
    answer = backup.call("PUT", bucket.key("method.bak"), signed_method="HEAD")

    evidence.keep("answer", answer.outcome)
    answer.must_be_refused()


@pytest.mark.requirement("WIRE-02.replay-elsewhere-refused")
def test_signature_opens_no_other_object(backup, strangers, bucket, evidence):
    """A signature that has just written one object is refused for another."""
    listener = strangers.replaying(backup)
    listener.put(bucket.key("first.bak"), b"!").must_succeed()

    answer = listener.put(bucket.key("second.bak"), b"!")

    evidence.keep("answer", answer.outcome)
    answer.must_be_refused()


@pytest.mark.requirement("WIRE-02.foreign-day-refused")
def test_signature_of_another_day_is_refused(restore, strangers, bucket, evidence):
    """A signature made with the signing key of yesterday is refused."""
    answer = strangers.signing_for(restore, "day").list(bucket.prefix)

    evidence.keep("answer", answer.outcome)
    answer.must_be_refused()


@pytest.mark.requirement("WIRE-02.foreign-service-refused")
def test_signature_of_another_service_is_refused(restore, strangers, bucket, evidence):
    """A signature made with the signing key of another service is refused."""
    answer = strangers.signing_for(restore, "service").list(bucket.prefix)

    evidence.keep("answer", answer.outcome)
    answer.must_be_refused()


@OPERATIONS
@pytest.mark.requirement("WIRE-02.anonymous-refused")
def test_unsigned_request_is_refused(operation, restore, strangers, guarded, guarded_digest, evidence):
    """A request without a signature is refused for lists, reads and writes."""
    answer = strangers.without_signature(restore).attempt(operation, guarded)

    evidence.keep("answer", answer.outcome)
    answer.must_be_refused()
    assert restore.digest(guarded) == guarded_digest


@OPERATIONS
@pytest.mark.requirement("WIRE-02.unknown-key-refused")
def test_unknown_key_is_refused(operation, restore, strangers, guarded, guarded_digest, evidence):
    """A key id that nobody was given is refused for lists, reads and writes."""
    answer = strangers.with_unknown_key(restore).attempt(operation, guarded)

    evidence.keep("answer", answer.outcome)
    answer.must_be_refused()
    assert restore.digest(guarded) == guarded_digest


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


@pytest.mark.requirement("CLK-01.clock-within-a-minute")
def test_clock_of_the_endpoint_is_right(restore, bucket, now, evidence):
    """The endpoint's Date header is within a minute of this machine's clock."""
    answer = restore.list(bucket.prefix)

    seconds = evidence.keep("seconds_ahead", round((answer.date() - now).total_seconds()))

    assert abs(seconds) <= 60


@pytest.mark.parametrize("minutes", [-14, 14], ids=["past", "future"])
@pytest.mark.requirement("CLK-01.tolerated-skew")
def test_clock_may_be_fourteen_minutes_off(minutes, restore, strangers, bucket):
    """A request signed fourteen minutes off is still accepted."""
    strangers.with_clock_off(restore, minutes).list(bucket.prefix).must_succeed()


@pytest.mark.requirement("REG-04.other-region-named")
def test_other_region_is_taken_or_named(restore, strangers, bucket, evidence):
    """A signature for another region is accepted, or refused as AuthorizationHeaderMalformed."""
    answer = strangers.signing_for(restore, "region").list(bucket.prefix)

    evidence.keep("answer", answer.outcome)
    answer.must_be("HTTP-200", "AuthorizationHeaderMalformed")


@pytest.mark.requirement("REG-05.us-east-1-accepted")
def test_default_region_is_accepted(restore, strangers, endpoint, evidence):
    """A signature for us-east-1, which SQL Server names unless told otherwise, is accepted."""
    evidence.keep("region_of_the_profile", endpoint.region)

    strangers.in_region(restore, "us-east-1").call("HEAD").must_succeed()


@pytest.mark.requirement("CRED-03.key-id-without-colon")
def test_key_ids_hold_no_colon(issued_keys):
    """No key id holds a colon, where SQL Server's credential would cut it off."""
    assert issued_keys.ids_with(":") == []


@pytest.mark.requirement("CRED-04.secret-without-colon")
def test_secrets_hold_no_colon(issued_keys):
    """No secret holds a colon."""
    assert issued_keys.secrets_with(":") == []


@pytest.mark.requirement("CRED-05.secret-alphabet")
def test_secrets_are_of_known_characters(issued_keys, evidence):
    """Secrets hold letters, digits, '/', '+' and '=' alone."""
    evidence.keep("of_letters_and_digits_alone", issued_keys.alphanumeric_secrets())

    assert issued_keys.secrets_of_other_characters() == []


@pytest.mark.requirement("CRED-13.no-session-token")
def test_keys_need_no_session_token(issued_keys, client_of, bucket):
    """Every key works without a session token, and none is a temporary one."""
    for_all = [client_of(role).list(bucket.prefix).must_succeed() for role in ("backup", "restore", "housekeeping")]

    assert (len(for_all), issued_keys.temporary()) == (3, [])
