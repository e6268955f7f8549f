"""Errors: the codes that SQL Server tells apart, as XML, so that the DBA is told the truth."""

import pytest


@pytest.fixture
def existing(backup, bucket, content):
    """The key of an object that exists."""
    key = bucket.key("existing.bak")
    backup.upload(key, content.make("existing", content.KIB))
    return key


@pytest.mark.requirement("META-07.missing-object")
def test_missing_object_is_no_such_key(restore, bucket, evidence):
    """Reading an object that does not exist is refused as NoSuchKey."""
    answer = restore.get(bucket.key("missing.bak"))

    evidence.keep("answer", answer.outcome)
    answer.must_be("NoSuchKey")


@pytest.mark.requirement("WIRE-08.missing-bucket-list")
def test_list_of_a_missing_bucket_is_no_such_bucket(restore, bucket, evidence):
    """Listing a bucket that does not exist is refused as NoSuchBucket."""
    answer = restore.in_bucket(bucket.absent()).list("")

    evidence.keep("answer", answer.outcome)
    answer.must_be("NoSuchBucket")


@pytest.mark.requirement("WIRE-08.unknown-upload")
def test_part_of_an_unknown_upload_is_refused(backup, bucket, housekeeping, content, evidence):
    """A part for an upload that is no more is refused as NoSuchUpload."""
    upload = backup.open_upload(bucket.key("unknown.bak"))
    upload.by(housekeeping).abort().must_succeed()

    answer = upload.part(1, content.make("unknown", content.KIB))

    evidence.keep("answer", answer.outcome)
    answer.must_be("NoSuchUpload")


@pytest.mark.requirement("WIRE-08.aborted-completion-code")
def test_completion_of_an_aborted_upload_is_named(backup, bucket, housekeeping, content, evidence):
    """Completing an upload that was aborted is refused as NoSuchUpload."""
    upload = backup.open_upload(bucket.key("given-up.bak"))
    tag = upload.send(1, content.make("given up", content.KIB))
    upload.by(housekeeping).abort().must_succeed()

    answer = upload.complete([tag])

    evidence.keep("answer", answer.outcome)
    answer.must_be("NoSuchUpload")


@pytest.mark.requirement("WIRE-08.signature-code")
def test_wrong_signature_is_named(restore, strangers, bucket, evidence):
    """A wrong signature is refused as SignatureDoesNotMatch."""
    answer = strangers.with_wrong_secret(restore).list(bucket.prefix)

    evidence.keep("answer", answer.outcome)
    answer.must_be("SignatureDoesNotMatch")


@pytest.mark.requirement("WIRE-08.unknown-key-code")
def test_unknown_key_is_named(restore, strangers, bucket, evidence):
    """An unknown key id is refused as InvalidAccessKeyId."""
    answer = strangers.with_unknown_key(restore).list(bucket.prefix)

    evidence.keep("answer", answer.outcome)
    answer.must_be("InvalidAccessKeyId")


@pytest.mark.requirement("WIRE-08.skew-code")
def test_wrong_clock_is_named(restore, strangers, bucket, evidence):
    """A request signed twenty minutes ago is refused as RequestTimeTooSkewed."""
    answer = strangers.with_clock_off(restore, -20).list(bucket.prefix)

    evidence.keep("answer", answer.outcome)
    answer.must_be("RequestTimeTooSkewed")


@pytest.mark.requirement("WIRE-08.denied-code")
def test_lacking_right_is_named(backup, existing, evidence):
    """Reading with a key that may only list and put is refused as AccessDenied."""
    answer = backup.get(existing)

    evidence.keep("answer", answer.outcome)
    answer.must_be("AccessDenied")


@pytest.mark.requirement("WIRE-08.wrong-etag-code")
def test_wrong_etag_is_named(backup, bucket, content, evidence):
    """A completion with a wrong ETag is refused as InvalidPart."""
    upload = backup.open_upload(bucket.key("invalid-part.bak"))
    upload.send(1, content.make("invalid part", content.KIB))

    answer = upload.complete([(1, '"00000000000000000000000000000000"')])

    evidence.keep("answer", answer.outcome)
    answer.must_be("InvalidPart")


@pytest.mark.requirement("WIRE-08.too-small-part")
def test_part_below_the_minimum_is_refused(backup, bucket, content, evidence):
    """A part below 5 MiB that is not the last is refused as EntityTooSmall."""
    upload = backup.open_upload(bucket.key("too-small.bak"))
    tags = [upload.send(number, content.make(f"small {number}", content.KIB)) for number in (1, 2)]

    answer = upload.complete(tags)

    evidence.keep("answer", answer.outcome)
    answer.must_be("EntityTooSmall")


@pytest.mark.requirement("WIRE-08.part-order")
def test_parts_named_out_of_order_are_refused(backup, bucket, content, evidence):
    """A completion that names its parts out of order is refused as InvalidPartOrder."""
    upload = backup.open_upload(bucket.key("disorder.bak"))
    tags = [upload.send(1, content.make("in order", content.PART)), upload.send(2, b"tail")]

    answer = upload.complete(tags[::-1])

    evidence.keep("answer", answer.outcome)
    answer.must_be("InvalidPartOrder")


@pytest.mark.requirement("WIRE-07.malformed-is-400")
def test_malformed_completion_is_the_clients_mistake(backup, bucket, content, evidence):
    """A completion that is no XML is refused as the client's mistake, not as the server's."""
    upload = backup.open_upload(bucket.key("malformed.bak"))
    upload.send(1, content.make("malformed", content.KIB))

    answer = upload.complete_with(b"<CompleteMultipartUpload><Part>")

    evidence.keep("answer", answer.outcome)
    answer.must_be_client_error()


@pytest.mark.parametrize("case", ["missing-object", "wrong-secret", "unknown-upload"])
@pytest.mark.requirement("WIRE-07.errors-are-xml")
def test_errors_are_xml(case, restore, backup, strangers, bucket, evidence):
    """Every refusal is an XML document with a code, never a web page."""
    calls = {
        "missing-object": lambda: restore.get(bucket.key("nowhere.bak")),
        "wrong-secret": lambda: strangers.with_wrong_secret(restore).list(bucket.prefix),
        "unknown-upload": lambda: backup.call("PUT", bucket.key("n.bak"), {"partNumber": "1", "uploadId": "none"}),
    }

    answer = calls[case]()

    evidence.keep("first_bytes", answer.body[:80].decode("latin-1"))

    assert evidence.keep("code", answer.code) != ""


@pytest.mark.requirement("WIRE-13.no-redirect")
def test_no_answer_is_a_redirect(restore, backup, bucket, existing):
    """The endpoint answers every operation itself and sends nobody elsewhere."""
    answers = [
        restore.call("GET"),
        restore.list(bucket.prefix),
        restore.get(existing),
        backup.put(bucket.key("redirected.bak"), b"!"),
        backup.create_upload(bucket.key("redirected.bak")),
    ]

    assert [answer.request for answer in answers if 300 <= answer.status < 400] == []


STATUSES = {
    "missing-object": 404,
    "missing-bucket": 404,
    "unknown-upload": 404,
    "wrong-secret": 403,
    "unknown-key": 403,
    "wrong-clock": 403,
}


@pytest.mark.parametrize("case", STATUSES)
@pytest.mark.requirement("WIRE-08.right-status")
def test_status_of_an_error_is_right(case, mistakes, evidence):
    """An error comes with the status that is due to its code: 404 for what is not there, 403 for who may not."""
    answer = mistakes.make(case)

    evidence.keep("answer", answer.outcome)

    assert evidence.keep("status", answer.status) == STATUSES[case]


@pytest.mark.parametrize("case", ["missing-bucket", "wrong-secret"])
@pytest.mark.requirement("WIRE-08.head-status")
def test_status_of_an_error_without_body_is_right(case, apart, restore, strangers, bucket, evidence):
    """HEAD of a bucket is answered 404 where there is none, and 403 to a wrong signature."""
    clients = {
        "missing-bucket": lambda: restore.in_bucket(bucket.absent()),
        "wrong-secret": lambda: strangers.with_wrong_secret(restore),
    }

    answer = apart(clients[case]()).call("HEAD")

    evidence.keep("answer", answer.outcome)

    assert answer.status == STATUSES[case]


@pytest.mark.requirement("WIRE-07.xml-content-type")
def test_errors_say_that_they_are_xml(mistakes, evidence):
    """The Content-Type of every error says XML."""
    kinds = {name: answer.header("Content-Type").partition(";")[0] for name, answer in mistakes.refusals().items()}

    evidence.keep("content_types", kinds)

    assert [name for name, kind in kinds.items() if kind not in ("application/xml", "text/xml")] == []


@pytest.mark.requirement("WIRE-07.message")
def test_errors_explain_themselves(mistakes, evidence):
    """Every error has one Code and a Message."""
    answers = mistakes.refusals()
    said = {name: [len(answer.texts("Code")), bool(answer.text("Message"))] for name, answer in answers.items()}

    evidence.keep("codes_and_message", said)

    assert [name for name, found in said.items() if found != [1, True]] == []


@pytest.mark.requirement("WIRE-07.request-id")
def test_errors_can_be_found_in_the_log(mistakes, evidence):
    """Every error names a request id, by which the storage administrator finds it in the log."""
    answers = mistakes.refusals()
    named = {name: answer.text("RequestId") or answer.header("x-amz-request-id") for name, answer in answers.items()}

    evidence.keep("with_request_id", [name for name, found in named.items() if found])

    assert [name for name, found in named.items() if not found] == []


@pytest.mark.parametrize(
    "case",
    ["part-number", "query", "max-keys", "page", "range", "long-key", "bucket-name", "date", "payload-hash", "method"],
)
@pytest.mark.requirement("WIRE-07.mistakes-are-no-failures")
def test_no_mistake_of_a_client_is_a_failure_of_the_server(case, mistakes, evidence):
    """Nonsense in a request is refused, or ignored, and never answered as the server's own failure."""
    answer = mistakes.make(case)

    evidence.keep("answer", answer.outcome)

    assert evidence.keep("status", answer.status) < 500


@pytest.mark.requirement("WIRE-10.keep-alive-after-errors")
def test_connection_outlives_refusals(over_one_connection, restore, bucket):
    """A connection outlives a refused HEAD and a refused GET, and what it carries next is answered rightly."""
    client = over_one_connection(restore)

    client.in_bucket(bucket.absent()).call("HEAD")
    client.get(bucket.key("missing.bak"))

    client.list(bucket.prefix).must_succeed()


@pytest.mark.requirement("WIRE-10.refused-body-is-no-request")
def test_refused_body_is_not_taken_for_a_request(apart, backup, restore, strangers, bucket, content, evidence):
    """After an upload that was refused the next request is answered rightly, over the same connection or another."""
    uploader, reader = apart(strangers.with_wrong_secret(backup)), apart(restore)

    refused = uploader.put(bucket.key("refused.bak"), content.make("refused", 256 * content.KIB))

    evidence.keep("refused", refused.outcome)
    reader.list(bucket.prefix).must_succeed()
