"""Whoever signs for checks: signatures that a store can recompute, and strangers that differ from them in one thing."""

import re
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from restoreproof.fixtures.issued import IssuedKeys
from restoreproof.fixtures.signing import Signer
from restoreproof.fixtures.strangers import SCOPE, Strangers
from restoreproof.providers.profile import KeyPair
from restoreproof.providers.secrets import Secret
from restoreproof.standins.signature import Authorization, Signable, signature

KEYS = KeyPair(Secret("AKIDEXAMPLE"), Secret("wJalrXUtnFEMI/K7MDENG"))
WORDS = st.text("abcdefghijklmnopqrstuvwxyz0123456789-", min_size=1, max_size=20)


class Recording:
    """A client that sends nothing: it keeps what a stranger makes of its signer and its headers."""

    def __init__(self):
        self.signer, self.alter = Signer(KEYS, "us-east-1"), dict

    def signed_by(self, signer):
        self.signer = signer
        return self

    def altering(self, alter):
        self.alter = alter
        return self

    def headers(self):
        return self.alter(self.signer.sign("GET", "https://host.test/b", {"Host": "host.test"}, "UNSIGNED-PAYLOAD"))


def is_right(headers):
    lower = {name.lower(): value for name, value in headers.items()}
    said = Authorization.read(lower["authorization"])
    signable = Signable("GET", "/b", "", lower)
    return signature(signable, said.names, said.scope, KEYS.secret.reveal()) == said.signature


@given(region=WORDS, service=WORDS, days=st.integers(-400, 400), minutes=st.integers(-1500, 1500))
def test_signature_is_the_one_that_a_store_computes(region, service, days, minutes):
    signer = Signer(KEYS, region, timedelta(minutes=minutes), service, timedelta(days=days))

    headers = signer.sign("GET", "https://host.test/b", {"Host": "host.test", "X-Amz-Meta-A": "1"}, "UNSIGNED-PAYLOAD")

    assert is_right(headers)
    assert f"/{region}/{service}/aws4_request," in headers["Authorization"]


@pytest.mark.parametrize("part", ["day", "region", "service"])
def test_foreign_signature_is_right_for_its_own_scope(part):
    own = SCOPE.search(Recording().headers()["Authorization"])
    foreign = Strangers("us-east-1").signing_for(Recording(), part).headers()
    found = SCOPE.search(foreign["Authorization"])

    assert is_right(foreign)
    assert [name for name in ("day", "region", "service") if found[name] != own[name]] == [part]


@pytest.mark.parametrize("part", ["day", "region", "service"])
def test_rewritten_scope_is_no_longer_signed(part):
    rewritten = Strangers("us-east-1").with_scope_rewritten(Recording(), part).headers()
    own = SCOPE.search(Recording().headers()["Authorization"])
    found = SCOPE.search(rewritten["Authorization"])

    assert not is_right(rewritten)
    assert [name for name in ("day", "region", "service") if found[name] != own[name]] == [part]


def test_other_seconds_stay_within_the_minute():
    client = Recording()
    honest, altered = client.headers(), Strangers("us-east-1").with_other_seconds(client).headers()

    assert re.fullmatch(r"\d{8}T\d{6}Z", altered["X-Amz-Date"])
    assert altered["X-Amz-Date"][:8] == honest["X-Amz-Date"][:8]
    assert not is_right(altered)


def test_replayed_signature_is_that_of_the_first_request():
    client = Strangers("us-east-1").replaying(Recording())
    first, second = client.headers(), client.headers()

    assert (first["Authorization"], first["X-Amz-Date"]) == (second["Authorization"], second["X-Amz-Date"])


@given(st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=4))
def test_shape_of_a_key_is_told_by_role_and_never_by_the_key(text):
    keys = IssuedKeys({"backup": KeyPair(Secret(text), Secret(text)), "restore": KEYS})
    told = [keys.ids_with(":"), keys.secrets_with(":"), keys.secrets_of_other_characters(), keys.temporary()]

    assert told[0] == told[1] == (["backup"] if ":" in text else [])
    assert told[2] == ([] if re.fullmatch(r"[A-Za-z0-9/+=]*", text) else ["backup"])
    assert told[3] == (["backup"] if text.startswith("ASIA") else [])
    assert {role for roles in told for role in roles} <= {"backup"}
