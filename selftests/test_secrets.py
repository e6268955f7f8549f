"""A secret can be used, and cannot be seen."""

import copy
import dataclasses
import json
import logging
import os
import pickle
import pprint
import traceback

import pytest

from restoreproof.providers.keys import KeyPair
from restoreproof.providers.secrets import AbsentSecretError, Secret, SecretError, read_file, read_variable

CANARY = "cAnArY0123456789/+secret"


@pytest.fixture
def secret():
    return Secret(CANARY)


@pytest.mark.parametrize(
    "show",
    [
        repr,
        str,
        ascii,
        format,
        pprint.pformat,
        lambda s: f"{s}",
        lambda s: f"{s!r}",
        lambda s: f"{s:>80}",
        lambda s: "%s" % s,  # noqa: UP031
        lambda s: "%r" % s,  # noqa: UP031
        "secret: {}".format,
        lambda s: str([s]),
        lambda s: str({"secret": s}),
        lambda s: str({s: "secret"}),
        lambda s: str(KeyPair(s, s)),
        lambda s: str(dataclasses.asdict(KeyPair(s, s))),
        lambda s: str(ValueError(s)),
        lambda s: json.dumps(s, default=str),
        lambda s: str(copy.copy(s)),
        lambda s: str(copy.deepcopy({"pair": KeyPair(s, s)})),
        lambda s: str([dir(s)]),
    ],
)
def test_printing_a_secret_shows_stars(secret, show):
    assert CANARY not in show(secret)


@pytest.mark.parametrize("spell", [repr, str, format, lambda s: f"{s:>80}", lambda s: "%s" % s])  # noqa: UP031
def test_a_secret_is_spelt_as_three_stars(secret, spell):
    assert spell(secret) == "***"


@pytest.mark.parametrize(
    "hand_on",
    [
        json.dumps,
        pickle.dumps,
        lambda s: pickle.dumps(s, protocol=0),
        lambda s: pickle.dumps(KeyPair(s, s)),
        vars,
        bytes,
        len,
        list,
        "".join,
        lambda s: "" + s,
        lambda s: "%d" % s,  # noqa: UP031
        Secret.__getstate__,
        os.fspath,
        lambda s: setattr(s, "text", 1),
    ],
)
def test_handing_on_a_secret_unseen_is_refused_without_a_word_of_it(secret, hand_on):
    with pytest.raises((TypeError, AttributeError)) as refusal:
        hand_on(secret)

    assert CANARY not in str(refusal.value)


def test_a_log_line_and_a_traceback_show_stars(secret, caplog):
    with caplog.at_level(logging.DEBUG):
        logging.getLogger("x").warning("the secret is %s", secret)
    frames = traceback.TracebackException.from_exception(_raised_with(secret), capture_locals=True)

    assert CANARY not in caplog.text + "".join(frames.format())


def _raised_with(secret):
    with pytest.raises(ValueError, match="x") as error:
        int("x", base=len(f"{secret}"))
    return error.value


def test_a_failing_assertion_shows_stars(pytester_like_assertion):
    assert CANARY not in pytester_like_assertion


@pytest.fixture
def pytester_like_assertion(secret):
    with pytest.raises(AssertionError) as failure:
        assert secret == Secret("another")
    return str(failure.value)


def test_reveal_gives_the_text(secret):
    assert secret.reveal() == CANARY


def test_secrets_are_compared_by_their_text(secret):
    assert secret == Secret(CANARY)
    assert hash(secret) == hash(Secret(CANARY))
    assert secret != Secret("another")
    assert secret != CANARY
    assert secret != "***"


def test_a_secret_tells_whether_it_is_empty_and_no_more(secret):
    assert secret
    assert not Secret("")


def test_a_variable_is_read(secret):
    assert read_variable("KEY", {"KEY": CANARY}) == secret


@pytest.mark.parametrize(
    ("environ", "kind", "text"),
    [
        ({}, AbsentSecretError, "the environment variable KEY is not set"),
        ({"KEY": ""}, SecretError, "the environment variable KEY is empty"),
    ],
)
def test_an_absent_or_empty_variable_is_named(environ, kind, text):
    with pytest.raises(kind) as error:
        read_variable("KEY", environ)

    assert str(error.value) == text


@pytest.mark.parametrize(
    ("written", "read"),
    [(b"key", "key"), (b"key\n", "key"), (b"key\r\n", "key"), (b"key\n\n", "key\n"), (b" key ", " key ")],
)
def test_one_line_break_at_the_end_of_a_file_is_not_part_of_the_secret(tmp_path, written, read):
    (tmp_path / "secret").write_bytes(written)

    secret, _ = read_file(tmp_path / "secret")

    assert secret.reveal() == read


@pytest.mark.parametrize(("content", "text"), [(b"", "is empty"), (b"\n", "is empty"), (b"k\xff", "plain ASCII")])
def test_a_useless_file_is_refused(tmp_path, content, text):
    (tmp_path / "secret").write_bytes(content)

    with pytest.raises(SecretError, match=text):
        read_file(tmp_path / "secret")


def test_a_file_that_is_not_there_is_absent_and_a_directory_is_refused(tmp_path):
    with pytest.raises(AbsentSecretError, match="does not exist"):
        read_file(tmp_path / "secret")
    with pytest.raises(SecretError, match="is a directory"):
        read_file(tmp_path)


@pytest.mark.skipif(os.name == "nt", reason="Windows guards files by other means than mode bits")
@pytest.mark.parametrize(("mode", "warned"), [(0o600, False), (0o640, False), (0o604, True), (0o644, True)])
def test_a_file_every_user_may_read_is_warned_of(tmp_path, mode, warned):
    file = tmp_path / "secret"
    file.write_text(CANARY)
    file.chmod(mode)

    _, warning = read_file(file)

    assert bool(warning) == warned
    assert CANARY not in warning
