"""The catalogue of defects, and what defects are made with: signatures, operations, documents."""

import re
import subprocess
import sys
from urllib.parse import quote

import pytest
from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from hypothesis import given
from hypothesis import strategies as st

from restoreproof.standins.catalogue import DEFECTS, ENGINE_DEFECTS, chosen
from restoreproof.standins.proxy import documents
from restoreproof.standins.proxy.operation import Kind, parse
from restoreproof.standins.signature import Authorization, Signable, authorization, scope_of, signature

CHECK = re.compile(r"[A-Z]+-\d+\.[a-z0-9-]+")
WORDS = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
WITHOUT_MITMPROXY = """
import sys
sys.modules["mitmproxy"] = None
from restoreproof.standins.catalogue import DEFECTS
print(len(DEFECTS))
"""


@pytest.mark.parametrize("defect", DEFECTS.values(), ids=DEFECTS)
def test_defect_is_well_formed(defect):
    assert WORDS.fullmatch(defect.name)
    assert defect.sentence.endswith(".")
    assert defect.sentence[0].isupper()
    assert len(defect.sentence) <= 120
    assert defect.breaks in defect.reddens
    assert all(CHECK.fullmatch(check) for check in defect.reddens)
    assert list(defect.reddens) == sorted(set(defect.reddens))
    assert callable(defect.play if defect.name in ENGINE_DEFECTS else defect.addon)


def test_names_are_unique():
    assert all(name == defect.name for name, defect in DEFECTS.items())
    assert len({defect.sentence for defect in DEFECTS.values()}) == len(DEFECTS)


def test_no_two_checks_are_reddened_by_the_same_defects():
    checks = {check for defect in DEFECTS.values() for check in defect.reddens}
    found = {check: frozenset(n for n, defect in DEFECTS.items() if check in defect.reddens) for check in checks}
    assert len(set(found.values())) == len(checks)


def test_catalogue_is_read_where_there_is_no_mitmproxy():
    done = subprocess.run([sys.executable, "-c", WITHOUT_MITMPROXY], capture_output=True, check=True)
    assert int(done.stdout) == len(DEFECTS)


def test_defects_are_chosen_once_each_in_order():
    assert [defect.name for defect in chosen(["verbose-xml", "abort-ignored", "verbose-xml"])] == [
        "verbose-xml",
        "abort-ignored",
    ]


def test_unknown_defect_is_refused_with_the_nearest_spelling():
    with pytest.raises(LookupError, match="no defect 'verbos-xml'; did you mean 'verbose-xml'"):
        chosen(["verbos-xml"])


TEXTS = st.text(st.characters(exclude_categories=("Cs",)), min_size=1, max_size=20)


def in_another_way(escaped):
    return re.sub("%[0-9A-F]{2}", lambda found: found[0].lower(), escaped)


@given(path=TEXTS, query=st.dictionaries(TEXTS, TEXTS, max_size=3), value=st.text("abc  ", min_size=1))
def test_signature_is_the_one_that_botocore_makes(path, query, value):
    path = quote(path, safe="/~")
    target = "&".join(f"{quote(name, safe='~')}={quote(value, safe='~')}" for name, value in query.items())
    url = f"https://host.test/{path}" + (f"?{target}" if target else "")
    request = AWSRequest("PUT", url, headers={"Host": "host.test", "X-Thing": value}, data=b"body")
    S3SigV4Auth(Credentials("ID", "SECRET"), "s3", "us-east-1").add_auth(request)
    headers = {name.lower(): text for name, text in request.headers.items()}

    said = Authorization.read(headers["authorization"])
    signable = Signable("PUT", f"/{in_another_way(path)}", in_another_way(target), headers)

    assert said.key_id == "ID"
    assert signature(signable, said.names, said.scope, "SECRET") == said.signature
    assert Authorization.read(authorization(signable, said.names, said.scope, ("ID", "SECRET"))) == said


def test_scope_names_day_and_region():
    assert scope_of("20240203T040506Z", "eu-1") == "20240203/eu-1/s3/aws4_request"


@pytest.mark.parametrize("header", ["", "AWS ID:signature", "AWS4-HMAC-SHA256 Credential=x"])
def test_other_authorizations_are_not_read(header):
    assert Authorization.read(header) is None


@pytest.mark.parametrize(
    ("method", "target", "kind"),
    [
        ("GET", "/", Kind.LIST_BUCKETS),
        ("GET", "/b", Kind.LIST_OBJECTS),
        ("GET", "/b/?list-type=2&prefix=x", Kind.LIST_OBJECTS),
        ("GET", "/b?uploads&prefix=x", Kind.LIST_UPLOADS),
        ("GET", "/b?versions", Kind.OTHER),
        ("GET", "/b?location", Kind.OTHER),
        ("HEAD", "/b", Kind.HEAD_BUCKET),
        ("PUT", "/b", Kind.CREATE_BUCKET),
        ("PUT", "/b?lifecycle", Kind.OTHER),
        ("DELETE", "/b", Kind.DELETE_BUCKET),
        ("POST", "/b?delete", Kind.DELETE_OBJECTS),
        ("GET", "/b/k", Kind.GET_OBJECT),
        ("GET", "/b/k?acl", Kind.OTHER),
        ("GET", "/b/k?versionId=1", Kind.GET_OBJECT),
        ("HEAD", "/b/k", Kind.HEAD_OBJECT),
        ("PUT", "/b/k", Kind.PUT_OBJECT),
        ("PUT", "/b/k?tagging", Kind.OTHER),
        ("DELETE", "/b/k", Kind.DELETE_OBJECT),
        ("POST", "/b/k?uploads=", Kind.CREATE_UPLOAD),
        ("PUT", "/b/k?partNumber=7&uploadId=u", Kind.UPLOAD_PART),
        ("POST", "/b/k?uploadId=u", Kind.COMPLETE_UPLOAD),
        ("DELETE", "/b/k?uploadId=u", Kind.ABORT_UPLOAD),
        ("GET", "/b/k?uploadId=u", Kind.LIST_PARTS),
    ],
)
def test_operation_is_told_from_method_and_query(method, target, kind):
    assert parse(method, "localhost:1", target, "s3.localhost").kind is kind


def test_bucket_key_and_numbers_are_decoded():
    operation = parse("PUT", "localhost:1", "/b/a%20b+c/d?partNumber=7&uploadId=x%2By", "s3.localhost")
    seen = (operation.bucket, operation.key, operation.folder, operation.part, operation.upload, operation.virtual)
    assert seen == ("b", "a b+c/d", "a b+c", 7, "x+y", False)


@pytest.mark.parametrize("host", ["b.s3.localhost", "b.s3.localhost:9000"])
def test_virtual_host_names_the_bucket(host):
    operation = parse("GET", host, "/k/l", "s3.localhost")
    assert (operation.bucket, operation.key, operation.virtual) == ("b", "k/l", True)


def test_documents_keep_what_is_not_altered():
    listing = b'<?xml version="1.0"?><R xmlns="x"><Key>a&amp;b</Key><U><I>1</I></U>\n<U><I>2</I></U></R>'
    assert documents.text(listing, "Key") == "a&b"
    assert documents.text(listing, "None") == ""
    assert documents.replaced(listing, "Key", "<") == listing.replace(b"a&amp;b", b"&lt;")
    assert documents.filtered(listing, "U", lambda row: b"2" in row) == listing.replace(b"<U><I>1</I></U>", b"")
    assert documents.appended(listing, b"<U/>").endswith(b"<U/></R>")


def test_lists_of_parts_are_read_and_written():
    parts = [(2, '"b"'), (1, "a")]
    assert documents.completed_parts(documents.complete_document(parts)) == parts


def test_errors_are_documents():
    assert documents.text(documents.error("Code", "A & B"), "Message") == "A & B"
