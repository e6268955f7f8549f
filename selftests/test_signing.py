"""The signer of the checks against botocore's: the same signature for whatever is signed."""

import string
from urllib.parse import quote

from botocore.auth import SIGNED_HEADERS_BLACKLIST, S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from hypothesis import given
from hypothesis import strategies as st

from restoreproof.fixtures.signing import BY_HOP, UNSIGNED_PAYLOAD, Signer, payload_hash
from restoreproof.providers.keys import KeyPair
from restoreproof.providers.secrets import Secret

KEYS = KeyPair(Secret("signingkey"), Secret("signing/secret+value"))

names = st.text(string.ascii_letters + "-", min_size=1, max_size=12).filter(
    lambda name: name.lower() not in ("host", "x-amz-date", "x-amz-content-sha256")
)
values = st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=20)
headers = st.dictionaries(names | st.sampled_from(["Expect", "User-Agent", "Range"]), values, max_size=4)
texts = st.text(st.characters(min_codepoint=32, exclude_categories=["Cs"]), max_size=8)
paths = st.lists(texts.map(lambda text: quote(text, safe="-_.~+*'")), max_size=4).map(
    lambda parts: "/" + "/".join(parts)
)
pairs = st.tuples(texts, texts).map(lambda pair: f"{quote(pair[0], safe='')}={quote(pair[1], safe='')}")
queries = st.lists(pairs | st.sampled_from(["uploads", "uploads=", "list-type=2"]), max_size=4).map("&".join)


@given(
    st.sampled_from(["GET", "PUT", "POST", "DELETE", "HEAD"]),
    paths,
    queries,
    headers,
    st.sampled_from([UNSIGNED_PAYLOAD, payload_hash(b"body")]),
)
def test_signature_is_the_one_that_botocore_makes(method, path, query, more, payload):
    distinct = {name.lower(): (name, value) for name, value in more.items()}
    plain = {"Host": "store.example:9000", **dict(distinct.values())}
    url = f"https://store.example:9000{path}" + (f"?{query}" if query else "")

    signed = Signer(KEYS, "us-east-1").sign(method, url, plain, payload)

    stamp = signed["X-Amz-Date"]
    theirs = S3SigV4Auth(Credentials(KEYS.id.reveal(), KEYS.secret.reveal()), "s3", "us-east-1")
    request = AWSRequest(
        method=method, url=url, headers={**plain, "X-Amz-Date": stamp, "X-Amz-Content-SHA256": payload}
    )
    request.context["timestamp"] = stamp
    text = theirs.string_to_sign(request, theirs.canonical_request(request))
    names_signed = theirs.signed_headers(theirs.headers_to_sign(request))
    assert signed["Authorization"] == (
        f"AWS4-HMAC-SHA256 Credential={theirs.scope(request)}, SignedHeaders={names_signed}, "
        f"Signature={theirs.signature(text, request)}"
    )


def test_what_each_hop_may_change_is_signed_by_neither():
    assert set(SIGNED_HEADERS_BLACKLIST) >= BY_HOP
