"""T-SQL as it is put together: nothing that is put into a name or a text ever gets out of it."""

import json
import re
from dataclasses import fields
from datetime import UTC, datetime

import pytest
import sqlglot
from hypothesis import given
from hypothesis import strategies as st
from sqlglot.tokens import TokenType

from restoreproof.fixtures.engines import tsql
from restoreproof.fixtures.engines.answers import Discretion
from restoreproof.fixtures.engines.tsql import Backup, Restore
from restoreproof.providers.profile import KeyPair
from restoreproof.providers.secrets import Secret

URLS = ("s3://s3.localhost:9000/bucket/a.bak", "s3://s3.localhost:9000/bucket/b'.bak")
PAIR = KeyPair(Secret("AKIDEXAMPLE"), Secret("it's/+hidden"))
TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=60)
FULL_BACKUP = Backup(
    overwrite=True,
    differential=True,
    copy_only=True,
    compression=True,
    checksum=True,
    certificate="cert]",
    max_transfer_size=20_971_520,
    buffer_count=8,
    block_size=65_536,
    stats=10,
    name="o'clock",
    description="d",
    media_name="m",
    media_description="md",
    norecovery=True,
    continue_after_error=True,
    credential="c",
    region="eu'west",
)
FULL_RESTORE = Restore(
    moves={"d": "/var/d.mdf", "d'log": "/var/d.ldf"},
    replace=True,
    norecovery=True,
    standby="/var/s",
    stopat=datetime(2026, 11, 26, 17, 0, 0, 5000),  # noqa: DTZ001 - the server's own time
    checksum=True,
    continue_after_error=True,
    load_history=True,
    file=1,
    stats=5,
    max_transfer_size=5_242_880,
    buffer_count=4,
    block_size=512,
    media_name="m",
    credential="c",
    region="eu",
)


def tokens(sql):
    return [(token.token_type, token.text) for token in sqlglot.tokenize(sql, read="tsql")]


def strings(sql):
    return [text for kind, text in tokens(sql) if kind in (TokenType.STRING, TokenType.NATIONAL_STRING)]


@given(TEXTS)
def test_a_text_is_one_literal(value):
    assert tokens(tsql.text(value)) == [(TokenType.NATIONAL_STRING, value)]


@given(TEXTS)
def test_a_name_is_one_identifier(value):
    assert tokens(tsql.name(value)) == [(TokenType.IDENTIFIER, value)]


@pytest.mark.parametrize("value", ["", "x" * 129, "\U0001f600" * 65, "a\0b"], ids=["none", "129", "65 pairs", "NUL"])
def test_what_is_no_name_is_refused(value):
    with pytest.raises(ValueError, match="a name has"):
        tsql.name(value)


@given(TEXTS, TEXTS, st.lists(TEXTS, min_size=1, max_size=4), st.lists(TEXTS, min_size=1, max_size=4), TEXTS, TEXTS)
def test_a_backup_says_what_it_was_given(database, certificate, urls, mirror, name, region):
    sql = tsql.backup_database(database, urls, Backup(certificate=certificate, name=name, region=region), [mirror])

    assert strings(sql) == [*urls, *mirror, name, json.dumps({"s3": {"region": region}})]
    assert [text for kind, text in tokens(sql) if kind == TokenType.IDENTIFIER] == [database, certificate]


@given(TEXTS, TEXTS)
def test_keys_come_out_of_no_credential_unless_they_are_asked_for(key, secret):
    statement = tsql.create_credential("s3://x", KeyPair(Secret(key), Secret(secret)))

    assert strings(statement.reveal())[-1] == f"{key}:{secret}"
    assert str(statement) == "***"
    assert Discretion(statement).text(statement.reveal()).endswith("SECRET = '***'")


def test_a_backup_with_everything():
    assert tsql.backup_log("d]b", URLS[1:], FULL_BACKUP, [URLS[:1]]) == (
        "BACKUP LOG [d]]b] TO URL = N's3://s3.localhost:9000/bucket/b''.bak' "
        "MIRROR TO URL = N's3://s3.localhost:9000/bucket/a.bak' WITH FORMAT, DIFFERENTIAL, COPY_ONLY, COMPRESSION, "
        "CHECKSUM, NORECOVERY, CONTINUE_AFTER_ERROR, ENCRYPTION (ALGORITHM = AES_256, SERVER CERTIFICATE = [cert]]]), "
        "NAME = N'o''clock', DESCRIPTION = N'd', MEDIANAME = N'm', MEDIADESCRIPTION = N'md', "
        "MAXTRANSFERSIZE = 20971520, BUFFERCOUNT = 8, BLOCKSIZE = 65536, STATS = 10, CREDENTIAL = N'c', "
        """BACKUP_OPTIONS = N'{"s3": {"region": "eu''west"}}'"""
    )


def test_a_restore_with_everything():
    assert tsql.restore_database("db", URLS[:1], FULL_RESTORE) == (
        "RESTORE DATABASE [db] FROM URL = N's3://s3.localhost:9000/bucket/a.bak' WITH FILE = 1, "
        "MOVE N'd' TO N'/var/d.mdf', MOVE N'd''log' TO N'/var/d.ldf', REPLACE, NORECOVERY, STANDBY = N'/var/s', "
        "STOPAT = N'2026-11-26T17:00:00.005', CHECKSUM, CONTINUE_AFTER_ERROR, LOADHISTORY, MEDIANAME = N'm', "
        "MAXTRANSFERSIZE = 5242880, BUFFERCOUNT = 4, BLOCKSIZE = 512, STATS = 5, CREDENTIAL = N'c', "
        """RESTORE_OPTIONS = N'{"s3": {"region": "eu"}}'"""
    )


@pytest.mark.parametrize("full", [FULL_BACKUP, FULL_RESTORE])
def test_no_option_is_left_out_of_these_examples(full):
    assert [one.name for one in fields(full) if getattr(full, one.name) == getattr(type(full)(), one.name)] in (
        ["algorithm"],
        [],
    )


def test_what_is_left_alone_is_left_out():
    assert tsql.backup_database("db", URLS[:1]) == f"BACKUP DATABASE [db] TO URL = N'{URLS[0]}'"
    assert tsql.restore_labelonly(URLS[0]) == f"RESTORE LABELONLY FROM URL = N'{URLS[0]}'"
    assert tsql.backup_log("db", URLS[:1], Backup(compression=False)).endswith(" WITH NO_COMPRESSION")


def test_nonsense_is_refused():
    with pytest.raises(ValueError, match="one URL at least"):
        tsql.backup_database("db", [])
    with pytest.raises(ValueError, match="no recovery model"):
        tsql.set_recovery("db", "FULL; DROP DATABASE x")
    with pytest.raises(ValueError, match="no time zone"):
        tsql.restore_log("db", URLS, Restore(stopat=datetime(2026, 1, 1, tzinfo=UTC)))


PARSED = [
    tsql.create_database("d]b"),
    tsql.drop_database("d'b"),
    tsql.set_recovery("db", tsql.FULL),
    tsql.create_certificate("c", "it's"),
    tsql.drop_certificate("c"),
    tsql.drop_credential("s3://x"),
    tsql.create_credential("s3://x", PAIR).reveal(),
    tsql.alter_credential("s3://x", PAIR).reveal(),
    tsql.create_master_key(Secret("p'w")).reveal(),
]


@pytest.mark.parametrize("sql", PARSED, ids=lambda sql: " ".join(re.findall(r"[A-Z]+", sql)[:2]))
def test_what_sqlglot_parses_is_one_statement(sql):
    """BACKUP and RESTORE it does not parse; of credentials, certificates and keys it keeps the words as they are."""
    assert len(sqlglot.parse(sql, read="tsql")) == 1
