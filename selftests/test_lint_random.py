"""Random scripts: a good one breaks no rule, a planted fault is all that is found, and no text at all is too much."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from random_scripts import FAULTS, MARK, scripts

from restoreproof.commands.linting.finding import NOTE, Setting
from restoreproof.commands.linting.linter import lint
from restoreproof.commands.linting.wording import as_json, as_text
from restoreproof.reports.rules import load_rules

RULES = load_rules()

WORDS = r"""
BACKUP RESTORE DATABASE LOG TO FROM MIRROR WITH URL DISK CREATE ALTER SCOPED CREDENTIAL IDENTITY SECRET EXEC DECLARE SET
SELECT BEGIN TRAN COMMIT ROLLBACK GO MOVE FORMAT MAXTRANSFERSIZE BUFFERCOUNT BACKUP_OPTIONS RESTORE_OPTIONS VERIFYONLY
FILE INTO OUTPUT IF WHILE DatabaseBackup @URL @x @y sp_executesql ENCRYPTION AFTER :setvar 5242880 99999999999999999999
$(x) 's3://h/b/x.bak' N's3:/x' '{"s3":{}}' '{"s3":[]}' '[[[[' 's3://' 's3://[:::' 's3://h:99999999/b' 'arn:' '://' '?'
'/' ' '' [ ] [] ( ) , ; = + += * - . /* */ -- # #a @ $
""".split()  # noqa: SIM905 - a hundred quotes would hide the words
WORDS += ["S3 Access Key", '"', "\ufffc", "\x00", "\n", "\r"]

texts = st.lists(st.one_of(st.sampled_from(WORDS), st.text(max_size=5)), max_size=60).flatmap(
    lambda words: st.sampled_from((" ", "\n", "")).map(lambda blank: blank.join(words))
)


@given(scripts())
def test_a_good_script_breaks_no_rule(script):
    assert [one for one in lint(script) if one.finding.severity != NOTE] == []
    assert {one.finding.rule for one in lint(script)} <= {"OPS-04"}


@pytest.mark.parametrize("rule", FAULTS)
def test_a_planted_fault_is_found_where_it_is_and_nothing_else(rule):
    @settings(max_examples=15)
    @given(scripts(fault=rule))
    def hold(marked):
        script, before = marked.replace(MARK, ""), marked.partition(MARK)[0]
        line, column = before.count("\n") + 1, len(before) - before.rfind("\n")
        found = lint(script)
        assert [(one.finding.rule, one.line, one.column) for one in found] == [(rule, line, column)]

    hold()


@given(texts)
def test_no_text_is_too_much(text):
    found = lint(text, Setting(build=(16, 0, 1), edition="web"))

    lines = text.split("\n")
    assert [one for one in found if not 1 <= one.column <= len(lines[one.line - 1]) + 1] == []
    assert as_text(["a.sql"], [("a.sql", one) for one in found], RULES)


@pytest.mark.parametrize("piece", ["'", "''", "[", "/*", "(", "EXEC(", "+", "1+", "@x=", "TO ", "URL=", "\nGO\n", "$("])
def test_long_texts_without_an_end_are_read_to_the_end(piece):
    lint(f"SET @x = {piece * 2_001}")
    lint(f"BACKUP DATABASE {piece * 2_001} TO URL = {piece * 2_001}")


@given(st.text(st.sampled_from("abc:'/+ ]?@"), min_size=1, max_size=20), st.sampled_from(("{}", "a:{}", "{}:a")))
def test_what_is_secret_is_never_shown(characters, shape):
    secret = f"Qx7{characters}Zw9"
    keys = shape.format(secret).replace("'", "''")
    script = (
        f"CREATE CREDENTIAL [s3://h/b] WITH IDENTITY = '{keys}', SECRET = '{keys}';\n"
        f"ALTER CREDENTIAL [s3://Qx7:Zw9@h/b] WITH IDENTITY = 'S3 Access Key', SECRET = N'{keys}';\n"
        "BACKUP LOG a TO URL = 's3://Qx7:Zw9@h/x.bak?X-Amz-Signature=Qx7Zw9', URL = 's3://Qx7:Zw9@h/c/x.bak' "
        "WITH PASSWORD = 'Qx7Zw9', NAME = 'Qx7Zw9', BACKUP_OPTIONS = 'Qx7Zw9'"
    )
    findings = [("a.sql", one) for one in lint(script)]

    assert len(findings) > 5
    shown = as_text(["a.sql"], findings, RULES) + as_json(["a.sql"], findings, RULES) + repr(findings)
    assert not re.search("Qx7|Zw9", shown)
