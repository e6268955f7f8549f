"""Words that are misspelt and commas that are missing are named; scripts that are right are not."""

import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from random_scripts import SLIPS, slipped
from test_lint import ROOT, STORES
from test_lint_reading import URL, places

from restoreproof.commands.linting.finding import ERROR, NOT_JUDGED, NOTE, SYNTAX, WARNING, Setting
from restoreproof.commands.linting.linter import lint
from restoreproof.commands.linting.spelling import OPTIONS, meant_option

RIGHT = re.split(r"^--: (.+)\n", Path(__file__).with_name("right_scripts.sql").read_text("utf-8"), flags=re.MULTILINE)
TWO = f"URL = '{ROOT}/20261126_1', URL = '{ROOT}/20261126_2'"
KEYS = "WITH IDENTITY = 'S3 Access Key', SECRET = 'abc:def'"

SAID = {
    "BAKCUP: did you mean BACKUP?": f"¤BAKCUP DATABASE a TO {TWO} WITH CHECKSUM",
    "LGO: did you mean LOG?": f"BACKUP ¤LGO a TO {TWO} WITH CHECKSUM",
    "no TO in front of URL": f"BACKUP DATABASE a OT ¤{TWO} WITH CHECKSUM",
    "ULR is no kind of device: did you mean URL?": f"BACKUP DATABASE a TO ¤ULR = '{URL}' WITH CHECKSUM",
    "BUCKET is no kind of device: did you mean URL?": f"BACKUP DATABASE a TO ¤BUCKET = '{URL}' WITH CHECKSUM",
    "no = behind URL": f"BACKUP DATABASE a TO ¤URL '{URL}' WITH CHECKSUM",
    "no URL = in front of a text": f"BACKUP DATABASE a TO URL = '{URL}x', ¤'{URL}' WITH CHECKSUM",
    "no comma in front of URL": f"BACKUP LOG a TO URL = '{URL}x' ¤URL = '{URL}' WITH CHECKSUM",
    "MIROR: did you mean MIRROR?": f"BACKUP LOG a TO URL = '{URL}' ¤MIROR TO URL = '{URL}x' WITH FORMAT, CHECKSUM",
    "no TO behind MIRROR": f"BACKUP LOG a TO URL = '{URL}' ¤MIRROR URL = '{URL}x' WITH FORMAT, CHECKSUM",
    "WTIH: did you mean WITH?": f"BACKUP LOG a TO URL = '{URL}' ¤WTIH CHECKSUM",
    "no WITH in front of CHECKSUM": f"BACKUP LOG a TO URL = '{URL}' ¤CHECKSUM",
    "COMPRESION is no option of BACKUP: did you mean COMPRESSION?": f"BACKUP LOG a TO {TWO} WITH CHECKSUM, ¤COMPRESION",
    "MAXTRANFERSIZE is no option of BACKUP: did you mean MAXTRANSFERSIZE?": f"BACKUP LOG a TO {TWO} WITH CHECKSUM, "
    "COMPRESSION, ¤MAXTRANFERSIZE = 5242880",
    "no comma in front of STATS": f"RESTORE VERIFYONLY FROM {TWO} WITH CHECKSUM ¤STATS = 5",
    "no = behind STATS": f"RESTORE VERIFYONLY FROM {TWO} WITH STATS ¤5",
    "no known option of RESTORE": f"RESTORE VERIFYONLY FROM {TWO} WITH ¤SPEED = 5",
    "COMPRESSION is an option of BACKUP, not of RESTORE": f"RESTORE VERIFYONLY FROM {TWO} WITH ¤COMPRESSION",
    "VERFYONLY: did you mean VERIFYONLY?": f"RESTORE ¤VERFYONLY FROM {TWO}",
    "CRAETE: did you mean CREATE?": f"¤CRAETE CREDENTIAL [s3://h/b] {KEYS}",
    "CREDENTAL: did you mean CREDENTIAL?": f"CREATE ¤CREDENTAL [s3://h/b] {KEYS}",
    "SECERT: did you mean SECRET?": "ALTER CREDENTIAL [s3://h/b] " + KEYS.replace("SECRET", "¤SECERT"),
    "no comma in front of SECRET": "ALTER CREDENTIAL [s3://h/b] " + KEYS.replace(", ", " ¤"),
    "@ulr: did you mean @url?": f"EXECUTE dbo.DatabaseBackup @Databases = 'a', @Ulr = ¤'{ROOT}'",
}


def told(script, setting=None):
    """Places and words, but for what every short script has."""
    found = [one for one in lint(script, setting) if one.finding.rule not in ("OPS-04", "BAK-08", "OPS-01")]
    return [(one.finding.rule, (one.line, one.column), one.finding.what) for one in found]


@pytest.mark.parametrize("what", SAID)
def test_a_slip_is_named_with_what_was_meant_and_nothing_else(what):
    [place], script = places(SAID[what])

    assert told(script) == [(SYNTAX, place, what)]


@pytest.mark.parametrize(("name", "script"), list(zip(RIGHT[1::2], RIGHT[2::2], strict=True)), ids=RIGHT[1::2])
def test_a_right_script_has_no_fault(name, script):
    found = lint(script.replace("{ROOT}", ROOT))

    assert [(one.line, one.finding) for one in found if one.finding.severity != NOTE] == [], name


@pytest.mark.parametrize("slip", SLIPS)
def test_a_slip_in_a_random_script_is_found_where_it_is_and_nothing_else(slip):
    @settings(max_examples=20)
    @given(slipped(slip))
    def hold(marked):
        [place], script = places(marked)
        assert [(one.finding.rule, (one.line, one.column)) for one in lint(script)] == [(SYNTAX, place)]

    hold()


@st.composite
def with_options(draw):
    """A statement with options that there are, each with or without a value."""
    verb, start = draw(st.sampled_from((("BACKUP", "BACKUP LOG a TO"), ("RESTORE", "RESTORE LOG a FROM"))))
    words = draw(st.lists(st.sampled_from(sorted(OPTIONS[verb] - {"MOVE"})), min_size=1, max_size=9, unique=True))
    values = ("", " = 5", " = 'it''s'", " = @v", "=(5)", " = 'a' AFTER 'b'", " (X = [Y], Z)")
    said = [word + draw(st.sampled_from(values)) for word in words]
    return f"{start} URL = '{URL}' WITH {', '.join(said)} {draw(st.sampled_from(('', ';', 'RETURN', 'SELECT 1')))}"


@given(with_options())
def test_no_option_that_there_is_counts_as_a_slip(script):
    assert [one for one in lint(script) if one.finding.rule == SYNTAX] == []


@given(st.text(st.sampled_from("ABEFGIKLNORSTXY_"), max_size=30), st.sampled_from(sorted(OPTIONS)))
def test_an_option_is_meant_by_what_is_near_it_only(word, verb):
    assert meant_option(word, verb) in OPTIONS[verb] - {word} | {""}


CREDENTIAL = f"CREATE CREDENTIAL [s3://h.test/b] {KEYS};"
AZURE = (
    "CREATE CREDENTIAL [https://a.blob.core.windows.net/c] WITH IDENTITY = 'SHARED ACCESS SIGNATURE', SECRET = 'sv=x';"
)


@pytest.mark.parametrize("more", ["", AZURE, "CREATE CREDENTIAL proxy WITH IDENTITY = 'd\\u', SECRET = 'x';"])
def test_credentials_for_others_are_no_credential_for_the_url(more):
    script = f"{more}{CREDENTIAL}\nRESTORE LABELONLY FROM URL = '{URL}'"

    assert [rule for rule, _, _ in told(script)] == ["CRED-14"]
    assert told(script.replace("[s3://h.test/b]", f"[{ROOT}]")) == []


def test_a_host_that_is_not_the_profiles_is_named_once_and_not_held_against_it():
    other = "URL = 's3://other.test/b/20261126"
    script = (
        f"RESTORE LABELONLY FROM {other}_1'\nRESTORE VERIFYONLY FROM {other}_2'\nRESTORE LABELONLY FROM URL = '{URL}'"
    )
    store = Setting(STORES["acme"])

    assert [(rule, place) for rule, place, _ in told(script, store)] == [(NOT_JUDGED, (1, 30)), ("REG-05", (3, 1))]
    assert "other.test is not s3.example.test" in told(script, store)[0][2]
    assert {one.finding.severity for one in lint(script, store)} == {NOTE, ERROR}


LATER = {
    "the whole clause": "EXEC ('BACKUP DATABASE ¤x ' + @to + ' WITH MAXTRANSFERSIZE = 1')",
    "the clause behind FROM": "EXEC ('RESTORE DATABASE ¤x ' + @a + @b + ' WITH RECOVERY')",
    "all behind the name": "EXEC ('BACKUP DATABASE ¤x' + @more)",
    "all of the text": f"SELECT @sql = STRING_AGG('BACKUP LOG a TO URL = ''{URL}''', ';') FROM t; EXEC (¤@sql)",
}


@pytest.mark.parametrize("case", LATER)
def test_devices_of_run_time_are_said_to_be_not_judged(case):
    [place], script = places(LATER[case])

    assert [(rule, where) for rule, where, _ in told(script)] == [(NOT_JUDGED, place)]


@pytest.mark.parametrize(
    "script",
    [
        "DECLARE @to sysname = 'TO URL = ''s3:/x'''; EXEC ('BACKUP LOG x ' + @to + ' WITH CHECKSUM')",
        "SET @to = 'URL = ''s3:/x'''; SET @all = 'BACKUP LOG x TO ' + @to; EXEC sp_executesql @all",
        "SELECT @all = 'BACKUP LOG ' + name + ' TO URL = ''s3:/x' + name + '''' FROM sys.databases; EXEC (@all)",
    ],
)
def test_a_clause_that_is_constant_is_judged(script):
    assert [rule for rule, _, _ in told(script)] == ["URL-10"]


def test_what_was_meant_is_judged_as_if_it_were_written():
    script = f"BAKCUP LOG a TO ULR = '{URL}' WITH CHEKSUM, COMPRESSION, MAXTRANFERSIZE = 65536"

    assert {rule for rule, _, _ in told(script)} == {SYNTAX, "MPU-03"}
    assert {one.finding.severity for one in lint(script)} >= {ERROR}
    assert WARNING not in {one.finding.severity for one in lint(script) if one.finding.rule == SYNTAX}
