"""No spelling of a secret gets past the redactor, and nothing else is touched."""

from __future__ import annotations

import base64
import html
import json
import time
from urllib.parse import quote, quote_plus
from xml.sax.saxutils import escape, quoteattr

import pytest
from hypothesis import given
from hypothesis import strategies as st

from restoreproof.reports.redaction import MARK, Redactor

# Without '*': a secret made of the mark itself can be spelt by the mark and its neighbours.
LETTERS = st.characters(codec="utf-8", exclude_characters="*\r")
SECRETS = st.text(LETTERS, min_size=4, max_size=60)
AWS_LIKE = st.text("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=", min_size=20, max_size=40)
AROUND = st.text("abc xyz&<>\"'=/-", max_size=8)

SPELLINGS = {
    "raw": lambda s: s,
    "quoted": quote,
    "quoted, no safe characters": lambda s: quote(s, safe=""),
    "quoted, lower digits": lambda s: lower_digits(quote(s, safe="")),
    "quoted plus": quote_plus,
    "quoted twice": lambda s: quote(quote(s, safe=""), safe=""),
    "json": lambda s: json.dumps(s)[1:-1],
    "json in unicode": lambda s: json.dumps(s, ensure_ascii=False)[1:-1],
    "json in json": lambda s: json.dumps(json.dumps(s))[3:-3],
    "json with escaped slashes": lambda s: json.dumps(s)[1:-1].replace("/", "\\/"),
    "html": html.escape,
    "html, text only": lambda s: html.escape(s, quote=False),
    "xml": escape,
    "xml attribute": lambda s: escape(s, {'"': "&quot;", "'": "&apos;"}),
    "xml in ascii": lambda s: escape(s).encode("ascii", "xmlcharrefreplace").decode(),
    "hex": lambda s: s.encode().hex(),
    "HEX": lambda s: s.encode().hex().upper(),
}


def lower_digits(text):
    return "".join(
        "%" + piece[:2].lower() + piece[2:] if number else piece for number, piece in enumerate(text.split("%"))
    )


@pytest.mark.parametrize("name", SPELLINGS)
@given(secret=SECRETS | AWS_LIKE, before=AROUND, after=AROUND)
def test_no_spelling_of_a_secret_survives(name, secret, before, after):
    spelt = SPELLINGS[name](secret)
    cleaned = Redactor([secret]).text(f"{before}|{spelt}|{after}")
    assert spelt not in cleaned
    assert MARK in cleaned


@given(secret=SECRETS | AWS_LIKE, before=st.binary(max_size=9), after=st.binary(max_size=9), wide=st.booleans())
def test_no_base64_of_a_secret_survives(secret, before, after, wide):
    encoder = base64.urlsafe_b64encode if wide else base64.b64encode
    text = encoder(before + secret.encode() + after).decode()
    redactor = Redactor([secret])
    for spelt in (text, text.rstrip("="), quote(text, safe=""), lower_digits(quote(text, safe=""))):
        cleaned = redactor.text(f"token {spelt} end")
        assert MARK in cleaned
        assert core(before, secret, encoder) not in cleaned


def core(before, secret, encoder):
    """The letters that the secret's own bytes decide."""
    start, end = len(before) * 8, (len(before) + len(secret.encode())) * 8
    return encoder(before + secret.encode()).decode()[-(-start // 6) : end // 6]


@given(secrets=st.lists(AWS_LIKE, min_size=1, max_size=6), gaps=AROUND)
def test_several_secrets_at_once(secrets, gaps):
    redactor = Redactor(secrets)
    cleaned = redactor.text(gaps.join(secrets))
    assert not any(secret in cleaned for secret in secrets)
    assert redactor.text(cleaned) == cleaned


@given(text=st.text(st.characters(codec="utf-8"), max_size=200))
def test_other_text_is_left_alone(text):
    assert Redactor(["wJalrXUtnFEMI/K7MDENG"]).text(text) == text


@given(
    secret=AWS_LIKE,
    value=st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.just("SECRET"),
        lambda inner: (
            st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4) | st.just("SECRET"), inner, max_size=3)
        ),
        max_leaves=12,
    ),
)
def test_json_is_cleaned_at_every_depth(secret, value):
    def planted(item):
        if isinstance(item, dict):
            return {planted(name): planted(entry) for name, entry in item.items()}
        if isinstance(item, list):
            return [planted(entry) for entry in item]
        return f"<{secret}>" if item == "SECRET" else item

    def hidden(item):
        if isinstance(item, dict):
            return {hidden(name): hidden(entry) for name, entry in item.items()}
        if isinstance(item, list):
            return [hidden(entry) for entry in item]
        return f"<{MARK}>" if item == "SECRET" else item

    assert Redactor([secret]).json(planted(value)) == hidden(value)


SIGNATURE = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
AUTHORIZATION = (
    "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20261120/us-east-1/s3/aws4_request, "
    f"SignedHeaders=host, Signature={SIGNATURE}"
)


def test_authorization_keeps_what_explains_and_loses_what_proves():
    cleaned = Redactor(["AKIDEXAMPLE"]).json({"Authorization": AUTHORIZATION, "Host": "s3.example.test"})
    assert cleaned == {
        "Authorization": "AWS4-HMAC-SHA256 Credential=***/20261120/us-east-1/s3/aws4_request, "
        "SignedHeaders=host, Signature=***",
        "Host": "s3.example.test",
    }


def test_a_key_id_that_was_not_given_stays():
    assert "Credential=AKIDEXAMPLE/" in Redactor([]).text(AUTHORIZATION)


def test_signed_urls_lose_signature_token_and_credential():
    url = (
        f"https://s3.example.test/b/k?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKID%2F20261120%2Fs3"
        f"&x-amz-security-token=IQoJb3JpZ2luX2VjE%2F%2F%3D&X-Amz-Signature={SIGNATURE}&partNumber=1"
    )
    assert Redactor([]).text(url) == (
        "https://s3.example.test/b/k?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=***"
        "&x-amz-security-token=***&X-Amz-Signature=***&partNumber=1"
    )


@pytest.mark.parametrize(
    ("given_text", "cleaned"),
    [
        (f"<SignatureProvided>{SIGNATURE}</SignatureProvided>", "<SignatureProvided>***</SignatureProvided>"),
        ("Authorization: Basic dXNlcjpwYXNz", "Authorization: Basic ***"),
        ("authorization: Bearer abc.def", "authorization: Bearer ***"),
        ("AWS AKIDEXAMPLE:frJIUN8DYpKDtOLCwo//yllqDzg=", "AWS AKIDEXAMPLE:***"),
        ('{"X-Amz-Security-Token": "FQoGZXIvYXdzE"}', '{"X-Amz-Security-Token": "***"}'),
        ("Signature=short", "Signature=short"),
    ],
)
def test_proofs_go_whoever_made_them(given_text, cleaned):
    assert Redactor([]).text(given_text) == cleaned


def test_headers_that_are_tokens_go_as_a_whole():
    cleaned = Redactor([]).json(
        {"Set-Cookie": "id=1", "cookie": ["a"], "X-Amz-Security-Token": "t", "Authorization": "Bearer x"}
    )
    assert cleaned == {"Set-Cookie": MARK, "cookie": MARK, "X-Amz-Security-Token": MARK, "Authorization": "Bearer ***"}


def test_bytes_and_tuples_become_plain_json():
    assert Redactor(["secret-one"]).json((b"\xffsecret-one", 1)) == ["\\xff***", 1]


def test_quoteattr_form_goes():
    secret = "a\"b'c<d&e"
    assert secret not in html.unescape(Redactor([secret]).text(f"<a b={quoteattr(secret)}/>"))


@pytest.mark.parametrize("short", ["", "a", "abc"])
def test_secrets_too_short_to_hide_are_refused_without_naming_them(short):
    with pytest.raises(ValueError, match="fewer than 4") as caught:
        Redactor(["long-enough", short])
    assert "long-enough" not in str(caught.value)


def test_a_recorded_exchange_is_cleaned_in_no_time():
    redactor = Redactor([f"{name}/K7MDENG+bPxRfiCYEXAMPLEKEY" for name in "abcdef"])
    text = "<Contents><Key>backup.bak</Key><ETag>&quot;9b2c&quot;</ETag></Contents>" * 1000
    begun = time.perf_counter()
    redactor.text(text)
    assert time.perf_counter() - begun < 1
