"""The command ``restoreproof lint``: what it takes, prints and returns."""

import io
import json
import os
import re
import subprocess
from types import SimpleNamespace

import pytest
from live_runs import COMMAND

from restoreproof.commands.linting.finding import ERROR
from restoreproof.commands.linting.linter import lint
from restoreproof.commands.main import main
from restoreproof.fixtures.engines import limits, tsql
from restoreproof.standins.sqlserver.connector import address
from restoreproof.standins.sqlserver.defects import engine_errors

GOOD = "RESTORE VERIFYONLY FROM URL = 's3://h.test/b/x.bak'\n"
BAD = "\nRESTORE VERIFYONLY FROM URL = 's3:/h.test/b/x.bak'\n"
NOTED = "BACKUP LOG a TO URL = 's3://h.test/b/x_20261126.bak'\n"
PROFILE = """\
name  = "acme"
title = "Acme"

[endpoint]
url    = "https://s3.acme.test:9000"
region = "eu-west-1"

[keys.backup]
id     = "ACME_ID"
secret = "ACME_SECRET"

[capabilities]
virtual_host = false

[limits]
parts = 1000
"""


@pytest.fixture
def written(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    texts = {"good.sql": GOOD, "bad.sql": BAD, "noted.sql": NOTED, "acme.toml": PROFILE}
    for name, text in texts.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    return tmp_path


@pytest.mark.usefixtures("written")
@pytest.mark.parametrize(
    ("words", "status"),
    [(["good.sql"], 0), (["noted.sql"], 0), (["bad.sql"], 1), (["good.sql", "bad.sql", "noted.sql"], 1)],
)
def test_the_status_tells_whether_anything_is_wrong(words, status, capsys):
    assert main(["lint", *words]) == status
    assert capsys.readouterr().out.splitlines()[-1].startswith("1 file: " if len(words) == 1 else "3 files: 1 error, ")


@pytest.mark.usefixtures("written")
def test_a_finding_says_where_what_why_and_how_to_mend_it(capsys):
    main(["lint", "bad.sql"])

    assert capsys.readouterr().out == (
        "bad.sql:2:31: error URL-10: s3: without two slashes and a host\n"
        "    rule: The scheme of a URL is s3: with two slashes.\n"
        "    SQL Server shows: Msg 3078, then Msg 3013\n"
        "    fix: Write s3://<host>/<bucket>/<key>.\n"
        "1 file: 1 error, 0 warnings, 0 notes\n"
    )


@pytest.mark.usefixtures("written")
def test_standard_input_and_json(capsys, monkeypatch):
    monkeypatch.setattr("sys.stdin", SimpleNamespace(buffer=io.BytesIO(BAD.encode("utf-16"))))
    assert main(["lint", "-", "--json"]) == 1

    document = json.loads(capsys.readouterr().out)
    [found] = document["findings"]
    assert document["files"] == ["<stdin>"]
    assert (found["file"], found["line"], found["column"], found["rule"]) == ("<stdin>", 2, 31, "URL-10")
    assert found["source"]["url"].startswith("https://")
    assert set(found) > {"severity", "what", "claim", "certainty", "dba_sees", "fix"}


def test_a_profile_tells_region_style_port_and_parts(written, capsys):
    script = "BACKUP LOG a TO URL = 's3://b.s3.acme.test:9001/x_20261126.bak' WITH CHECKSUM"
    (written / "a.sql").write_text(script, encoding="utf-8")
    main(["lint", "a.sql", "--provider", "./acme.toml", "--json"])

    found = {entry["rule"] for entry in json.loads(capsys.readouterr().out)["findings"]}
    assert found == {"REG-05", "URL-04", "URL-05", "MPU-09", "OPS-04"}


@pytest.mark.usefixtures("written")
def test_build_and_edition_count(capsys):
    main(["lint", "noted.sql", "--build", "16.0.4195.2", "--edition", "express", "--json"])

    found = {entry["rule"] for entry in json.loads(capsys.readouterr().out)["findings"]}
    assert found == {"BAK-08", "OPS-04", "CU-04", "EDN-02"}


@pytest.mark.usefixtures("written")
@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["absent.sql"], "absent.sql can't be read: No such file"),
        (["."], r"\. can't be read: Is a directory"),
        (["good.sql", "--build", "CU20"], "'CU20' is no build such as 16.0.4205.1"),
        (["good.sql", "--edition", "home"], "home"),
        (["good.sql", "--provider", "nobody"], "nobody: no profile of that name"),
        (["good.sql", "--fix"], "--fix"),
        ([], "FILE"),
    ],
)
def test_bad_usage_is_one_line_and_status_4(words, said, capsys):
    try:
        status = main(["lint", *words])
    except SystemExit as end:
        status = end.code

    out, err = capsys.readouterr()
    assert (status, out, err.count("\n")) == (4, "", 1)
    assert re.search(said, err)


def test_the_linter_and_the_stand_in_have_the_same_numbers(pytestconfig):
    suites = (pytestconfig.rootpath / "suites" / "test_names.py").read_text(encoding="utf-8")

    assert {limits.LONGEST_URL, address.LONGEST_URL, engine_errors.LONGEST_URL} == {259}
    assert f"LONGEST_URL = {limits.LONGEST_URL}\n" in suites
    assert (engine_errors.MOST_URLS, limits.LONGEST_TEXTS["NAME"]) == (limits.MOST_URLS, tsql.LONGEST_NAME)


@pytest.mark.parametrize(
    ("script", "place", "what"),
    [
        ("SELECT 1;\n  /* a /* b */\nBACKUP LOG a TO URL = 's3:/h'", (2, 3), "comment"),
        ("PRINT 'it''s;\nGO\nRESTORE LOG a", (1, 7), "string"),
        ('SELECT "a""', (1, 8), "string of a name"),
        ("SELECT [a]]", (1, 8), "name"),
    ],
)
def test_what_never_ends_is_an_error(script, place, what):
    found = [one for one in lint(script) if one.finding.severity == ERROR]

    assert [(one.line, one.column) for one in found] == [place]
    assert f"the {what.rpartition(' ')[2]} that begins here never ends" in found[0].finding.what


@pytest.mark.parametrize("script", ["/* a /* b */ c */ PRINT 'it''s' /* d */ -- /* e", 'SELECT [a]]], "b"""', "", "--"])
def test_what_ends_is_none(script):
    assert lint(script) == []


def test_what_is_no_text_is_refused(written, capsys):
    (written / "program").write_bytes(b"\x7fELF\x02\x01\x01\0" + bytes(range(256)))

    assert main(["lint", "good.sql", "program"]) == 4
    assert capsys.readouterr().err == "restoreproof lint: program is no text: character 5 is U+0002\n"


def test_utf_16_is_read_without_a_mark(written):
    (written / "bad.sql").write_text(BAD, encoding="utf-16-le")

    assert main(["lint", "bad.sql"]) == 1


def test_an_encoding_without_a_character_ends_nothing(written):
    """As on a terminal of Windows, or where a script's output goes into a file there."""
    (written / "Ω.sql").write_text(BAD, encoding="utf-8")
    words = [*COMMAND, "lint", "Ω.sql"]
    done = subprocess.run(
        words, env={**os.environ, "PYTHONIOENCODING": "cp1252"}, cwd=written, capture_output=True, check=False
    )

    assert (done.returncode, done.stderr) == (1, b"")
    assert done.stdout.startswith(b"\\u03a9.sql:2:31: error URL-10")


def test_the_linter_and_the_doctor_keep_no_numbers_of_sql_server_of_their_own(pytestconfig):
    folders = (pytestconfig.rootpath / "commands" / "linting", pytestconfig.rootpath / "fixtures" / "doctor")
    texts = {file.name: file.read_text(encoding="utf-8") for folder in folders for file in folder.glob("*.py")}
    number = re.compile(r"\b(?:259|10_000|4055|4065|4195|4205)\b|us-east-1")

    assert {name: number.findall(text) for name, text in texts.items() if number.search(text)} == {}
