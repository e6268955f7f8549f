"""T-SQL as it is put together: nothing that is put into a name or a text ever gets out of it."""

import inspect
import re
from contextlib import ExitStack, suppress
from types import SimpleNamespace

import pytest
import sqlglot
from hypothesis import given
from hypothesis import strategies as some
from sqlglot import ErrorLevel, exp
from sqlglot.errors import ParseError
from sqlglot.tokens import TokenType

from restoreproof.commands.linting import cursor
from restoreproof.commands.linting.finding import NOTE
from restoreproof.commands.linting.linter import lint
from restoreproof.fixtures import columns, cutting_short, rounds
from restoreproof.fixtures.answer import Finding
from restoreproof.fixtures.databases import Database, SqlServer
from restoreproof.fixtures.deadlines import Deadlines
from restoreproof.fixtures.engines import leftovers, looking, traces, tsql
from restoreproof.fixtures.engines.answers import Answer, Discretion, Result, sealed
from restoreproof.fixtures.engines.connection import PROGRESS
from restoreproof.fixtures.filegroups import FiledDatabase
from restoreproof.fixtures.folders import MEMORY, STREAMS, FolderDatabase
from restoreproof.fixtures.statements import LISTED
from restoreproof.providers.profile import KeyPair
from restoreproof.providers.secrets import Secret
from restoreproof.standins.sqlserver.sql import lexer, statements
from restoreproof.standins.sqlserver.sql.parsing import parse
from restoreproof.standins.sqlserver.sql.passing import Passing

PAIR = KeyPair(Secret("AKIDEXAMPLE"), Secret("it's/+hidden"))
TEXTS = some.text(some.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=60)
URLS = some.lists(TEXTS, min_size=1, max_size=4)
ROW = {"build": "16.0.4236.2", "edition": "Developer", "banner": "x", "host_distribution": "x", "host_release": "x"}
ROW |= {
    "name": "it's",
    "physical_name": "x",
    "type": 0,
    "physical_device_name": "x",
    "device_type": 9,
    "state_desc": "x",
}
ROW |= {"LogicalName": "x", "PhysicalName": "x", "Type": "D"}


class Recorder:
    """A connection that runs nothing, keeps what it was to run, and answers everything with the same row."""

    login = SimpleNamespace(host="h", port=1433, user="sa")
    driver = "D"

    def __init__(self, **row):
        self.heard, self.row = [], {**ROW, **row}

    def run(self, sql, *_parameters):
        self.heard.append(sealed(sql).reveal())
        row = {"value": int(sql != rounds.MASTER_KEY), **self.row}
        return Answer((Result(tuple(row), (row,)),))

    start = run

    def close(self):
        pass

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass


def tokens(sql):
    return [(token.token_type, token.text) for token in sqlglot.tokenize(sql, read="tsql")]


def database(connection, name):
    def ignore(*_):
        pass

    return Database(SqlServer(connection, ignore, ignore, ignore, "/data/"), name)


def targets(urls):
    return tuple(statements.Target("URL", url) for url in urls)


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


@given(TEXTS, URLS, URLS)
def test_a_backup_says_what_it_was_given(name, urls, mirror):
    connection = Recorder()
    database(connection, name).backup_mirrored(urls, mirror, "FORMAT")

    [said] = parse(connection.heard[-1])
    assert said == statements.Backup(1, "DATABASE", name, targets(urls), (targets(mirror),), {"FORMAT": ""})


@given(TEXTS, TEXTS, URLS)
def test_a_restore_says_what_it_was_given(name, logical, urls):
    connection = Recorder(name=logical)
    copy = database(connection, name)
    copy.restore(urls, *copy.moves(database(connection, logical)))

    [said] = parse(connection.heard[-1])
    moves = ((logical, f"/data/{name}_0.mdf"),)
    assert said == statements.Restore(1, "DATABASE", name, targets(urls), moves, {})


@given(TEXTS, TEXTS, TEXTS)
def test_keys_come_out_of_no_credential_unless_they_are_asked_for(name, key, secret):
    statement = tsql.create_credential(name, KeyPair(Secret(key), Secret(secret)))

    [said] = parse(statement.reveal())
    assert said == statements.MakeCredential(1, "CREATE", name, tsql.S3_IDENTITY, f"{key}:{secret}")
    assert str(statement) == "***"
    assert Discretion(statement).text(statement.reveal()).endswith("SECRET = '***'")


@given(TEXTS)
@pytest.mark.parametrize("kind", leftovers.REMOVALS)
def test_what_is_removed_is_what_was_named_and_nothing_else(kind, name):
    said, pattern = (tokens(leftovers.REMOVALS[kind](title)) for title in (name, "x"))

    assert said == [(token, name if text == "x" else text) for token, text in pattern]


# What the suites send: read by two parsers that know nothing of each other

KEPT_AS_WORDS, NO_GRAMMAR = "sqlglot keeps the words as they are", "sqlglot has no grammar for it"
LIMITS = {
    r"ALTER DATABASE": KEPT_AS_WORDS,
    r"(CREATE|ALTER|DROP) CREDENTIAL": KEPT_AS_WORDS,
    r"(CREATE|DROP) CERTIFICATE": KEPT_AS_WORDS,
    r"(CREATE|DROP) MASTER KEY": KEPT_AS_WORDS,
    r"CREATE DATABASE ENCRYPTION KEY": KEPT_AS_WORDS,
    r"CREATE TABLE [^;]*(MEMORY_OPTIMIZED|FILESTREAM)": KEPT_AS_WORDS,
    r"WAITFOR DELAY": NO_GRAMMAR,
    r"BACKUP (DATABASE|LOG)": NO_GRAMMAR,
    r"RESTORE (DATABASE|LOG|HEADERONLY|FILELISTONLY|LABELONLY|VERIFYONLY)": NO_GRAMMAR,
    r"DBCC CHECKDB": NO_GRAMMAR,
}
"""What sqlglot can't judge, and why; each of them is met."""

NAME = "it's [a] d]b; --"
PLACES = ["s3://s3.localhost:9000/b/a.bak", "s3://s3.localhost:9000/b/b'.bak"]
certificate, other_identity, region_options = rounds.certificate, rounds.other_identity, rounds.region_options


@pytest.fixture
def connection(monkeypatch):
    recorder = Recorder()
    monkeypatch.setattr(rounds, "Connection", SimpleNamespace(to=lambda *_, **__: recorder))
    monkeypatch.setattr(rounds, "_signed_in", lambda *_, **__: recorder)
    monkeypatch.setattr(looking, "Connection", lambda *_: recorder)
    return recorder


@pytest.fixture
def endpoint():
    keys = dict.fromkeys(("backup", "restore", "housekeeping"), PAIR)
    return SimpleNamespace(region="eu-west-1", secrets=(), keys=keys)


@pytest.fixture
def engine(connection, endpoint):
    with ExitStack() as stack:
        place = SimpleNamespace(origin="here"), SimpleNamespace(prefix="s3://s3.localhost:9000/b/it's]")
        ledger, subject = (
            SimpleNamespace(intend=lambda *_: None),
            SimpleNamespace(endpoint=endpoint, deadlines=Deadlines()),
        )
        yield rounds.open_server(*place, ledger, subject, stack)
    assert connection.heard


def call_everything(thing, given, options):
    """Call each public method; a parameter that has no value here is a method that nobody has thought of here."""
    for title, method in inspect.getmembers(type(thing), inspect.isfunction):
        if title.startswith("_"):
            continue
        wanted = list(inspect.signature(method).parameters.values())[1:]
        needed = [given[one.name] for one in wanted if one.default is one.empty and one.kind is not one.VAR_POSITIONAL]
        more = options[title in WRITING] if wanted and wanted[-1].kind is inspect.Parameter.VAR_POSITIONAL else ()
        with suppress(Finding):
            getattr(thing, title)(*needed, *more)


WRITING = {"backup", "backup_part", "backup_log", "backup_mirrored", "backup_must_fail", "start_backup"}


@pytest.fixture
def sent(connection, engine, certificate, other_identity, region_options):
    """Every batch that a check, a sign-in or a clean-up can send."""
    mine = engine.named(NAME)
    given = {"rows": 5, "first": 1, "last": 5, "title": NAME, "source": mine, "role": "restore", "pair": PAIR}
    given |= {
        "place": PLACES[0],
        "size": 400,
        "mark": NAME,
        "part": "FILEGROUP = N'archive'",
        "how": "SET SUSPEND_FOR_SNAPSHOT_BACKUP = ON",
        "urls": PLACES,
        "mirror": PLACES,
        "url": PLACES[1],
        "statement": "SELECT 1",
        "connection": connection,
    }
    sealing = f"ENCRYPTION (ALGORITHM = AES_256, SERVER CERTIFICATE = [{certificate}])"
    writing = ("FORMAT", sealing, *cutting_short.SLOWLY, "NAME = N'o''clock'", region_options("BACKUP"))
    reading = ("REPLACE", "NORECOVERY", "STOPAT = '2026-11-26T17:00:00.005'", region_options("RESTORE"))
    folded = (FolderDatabase(engine, NAME, MEMORY), FolderDatabase(engine, NAME, STREAMS))
    for thing in (FiledDatabase(engine, NAME), *folded, mine, engine, engine.sign_in):
        call_everything(thing, given, (reading, writing))
    with suppress(Finding):
        other_identity(PLACES[0], mine)
    looking.look_at(connection.login, connection.driver, "here")
    heard = [*connection.heard, *columns.WORDS, *columns.COLLATIONS, *columns.LINES, *columns.COMPUTED, columns.CHANGE]
    heard += [tsql.create_database_key(NAME), tsql.encrypt_database(NAME), rounds.ENCRYPTION.format(database="N'd'")]
    heard += [leftovers.MAY_FORGET, leftovers.forgetting_backups_of(NAME), LISTED]
    heard += [traces.DUMPS, traces.NOW, *traces.MEMORY.values(), traces.search_of_log(NAME)]
    return [*heard, PROGRESS, *(removal(NAME) for removal in leftovers.REMOVALS.values())]


def pieces(batch):
    """The statements of a batch, which semicolons part."""
    ends = [token.start for token in sqlglot.tokenize(batch, read="tsql") if token.token_type == TokenType.SEMICOLON]
    return [batch[start:end].strip(" ;\n") for start, end in zip([0, *ends], [*ends, len(batch)], strict=True)]


def not_understood(piece):
    """What sqlglot does not understand of a statement."""
    try:
        [tree] = sqlglot.parse(piece, dialect="tsql", error_level=ErrorLevel.RAISE)
    except ParseError:
        return [piece]
    return [command.sql("tsql") for command in tree.find_all(exp.Command)]


def test_all_that_the_suites_send_is_t_sql(sent):
    unknown = {part for batch in sent for piece in pieces(batch) for part in not_understood(piece)}

    assert [part for part in unknown if not any(re.match(limit, part) for limit in LIMITS)] == []
    assert [limit for limit in LIMITS if not any(re.match(limit, part) for part in unknown)] == []


def test_all_that_the_suites_send_is_understood_by_the_stand_in(sent):
    found = [statement for batch in sent for statement in parse(batch.replace("?", "@P1"))]  # as the driver does

    assert len(found) == sum(len(pieces(batch)) for batch in sent)
    assert {rounds.PATHS, rounds.MASTER_KEY, looking.FACTS, looking.PLATFORM, looking.PERMISSION} < set(sent)


ON_PURPOSE = {
    "CRED-01": "the identity that a check sees refused",
    "OPS-01": "a check's own names are new in each run, those of PLACES are not",
    "OPS-02": "the mirror of a check is elsewhere, that of PLACES is not",
}
"""Rules that are broken here, and why."""


def test_all_that_the_suites_send_breaks_no_other_rule_of_the_linter(sent):
    found = {one.finding.rule for batch in sent for one in lint(batch) if one.finding.severity != NOTE}

    assert found == set(ON_PURPOSE)


def test_the_linter_and_the_stand_in_pass_tokens_alike():
    shared = [name for name in vars(Passing) if not name.startswith("__")]

    assert issubclass(cursor.Cursor, Passing)
    assert issubclass(lexer.Cursor, Passing)
    assert not [name for name in shared if name in vars(cursor.Cursor) or name in vars(lexer.Cursor)]
