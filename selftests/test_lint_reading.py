"""Scripts as people write them: what is known before they run is judged, the rest is said and not guessed."""

import re

import pytest

from restoreproof.commands.lint import decoded
from restoreproof.commands.linting.finding import NOT_JUDGED, NOTE
from restoreproof.commands.linting.linter import lint

MARK = "¤"
ROOT = "s3://s3.example.test:9000/sqlbackups"
URL = f"{ROOT}/20261126.bak"
LONG = f"{ROOT}/{'x' * 250}"


def findings(script):
    """Rules and places, but for what every short script has."""
    return [
        (one.finding.rule, one.line, one.column)
        for one in lint(script)
        if one.finding.rule not in ("OPS-04", "BAK-08", "OPS-01")
    ]


def places(script):
    """Lines and columns of the marks, and the script without them."""
    found, plain = [], ""
    for line, text in enumerate(script.split("\n"), 1):
        found += [(line, mark.start() + 1) for mark in re.finditer(MARK, text)]
        plain += text.replace(MARK, "") + "\n"
    return found, plain


JUDGED = {
    "a variable with its value": f"DECLARE @u nvarchar(400) = N'{LONG}'; RESTORE HEADERONLY FROM URL = ¤@u",
    "a variable that is set": f"DECLARE @u AS nvarchar(max), @n int\nSET @u = '{ROOT}/'\nSET @u += N'{'x' * 250}'\n"
    "RESTORE HEADERONLY FROM URL = ¤@u",
    "a variable that is selected": f"DECLARE @r sysname\nSELECT @r = '{ROOT}', @R = @r + N'/' + '{'x' * 250}'\n"
    "RESTORE HEADERONLY FROM URL = ¤@r;",
    "a folder of constant length": f"RESTORE HEADERONLY FROM URL = ¤'{ROOT}/' + @db + '{'x' * 250}'",
    "brackets": f"SET @u = (N'{ROOT}' + ('/' + N'{'x' * 250}')); RESTORE HEADERONLY FROM URL = ¤@u",
    "a product": f"DECLARE @m int = 21 * 1024 * 1024\n"
    f"BACKUP LOG a TO URL = '{URL}' WITH COMPRESSION, ¤MAXTRANSFERSIZE = @m",
    "text that is executed": f"EXEC (N'RESTORE HEADERONLY FROM URL = ¤''{LONG}''')",
    "text in a variable": f"DECLARE @s nvarchar(max) = N'RESTORE HEADERONLY' + '\n"
    f"FROM URL = ¤''{LONG}''';\nEXECUTE (@s);",
    "text for sp_executesql": f"EXEC @rc = sys.sp_executesql @stmt = N'RESTORE HEADERONLY FROM URL = ¤N''{LONG}'''",
    "text with parts of run time": f"EXEC ('BACKUP LOG ' + QUOTENAME(@d) +\n"
    f"N' TO URL = ¤''{LONG}' + @d + ''' WITH CHECKSUM')",
    "text in text": f"EXEC ('EXEC (''RESTORE HEADERONLY FROM URL = ¤''''{LONG}'''''')')",
    "the step of a job": f"EXEC msdb.dbo.sp_add_jobstep @job_name = N'a', @command =\n"
    f"N'RESTORE LABELONLY FROM URL = ¤''{LONG}'''",
    "doubled brackets": "CREATE CREDENTIAL ¤[s3://a]]"
    + 130 * "x"
    + "] WITH IDENTITY = 'S3 Access Key', SECRET = 'a:b'",
    "comments between words": f"RESTORE/* a /* b */ */HEADERONLY -- c\nFROM--d\nURL/**/=/**/¤'{LONG}'",
    "small letters": f"restore headeronly from url=¤'{LONG}'with checksum",
    "a procedure's body": f"CREATE PROCEDURE p AS BEGIN TRY RESTORE LABELONLY FROM URL = ¤'{LONG}' END TRY",
    "behind an EXEC without arguments": f"EXEC dbo.p\nRESTORE LABELONLY FROM URL = ¤'{LONG}'",
    "a variable of sqlcmd": f":setvar Root \"{ROOT}\"\nRESTORE LABELONLY FROM URL = ¤'$(root)/{'x' * 250}'",
    "tabs and Windows' lines": f"\tRESTORE LABELONLY\r\n\tFROM URL = ¤'{LONG}'\r\n",
    "beyond the first plane": f"PRINT N'\U0001f600'; RESTORE LABELONLY FROM URL = ¤'{LONG}'",
    "a branch's only value": f"DECLARE @u sysname\nIF @@SPID > 50 SET @u = N'{LONG}'\nRESTORE LABELONLY FROM URL = ¤@u",
    "the first pass of a loop": f"SET @u = '{LONG}' WHILE 1 = 1\n"
    "BEGIN RESTORE LABELONLY FROM URL = ¤@u SET @u = 'x' END",
}


@pytest.mark.parametrize("case", JUDGED)
def test_what_is_known_is_judged_at_its_place(case):
    [place], script = places(JUDGED[case])

    assert findings(script) in ([("URL-06", *place)], [("MPU-03", *place)], [("CRED-07", *place)])


NOT_KNOWN = {
    "a parameter": "CREATE PROCEDURE p @u nvarchar(400) AS RESTORE HEADERONLY FROM URL = ¤@u",
    "a function": "DECLARE @u nvarchar(400) = dbo.url(N'https://s3.x/y')\nRESTORE HEADERONLY FROM URL = ¤@u",
    "either of two values": "IF 1 = 1 SET @u = 'https://s3.x' ELSE SET @u = 's3:/x'\nRESTORE HEADERONLY FROM URL = ¤@u",
    "a row of a table": "SELECT TOP (1) @u = 'https://s3.x' + name FROM t\nRESTORE HEADERONLY FROM URL = ¤@u",
    "a row of a cursor": "SET @u = 'https://s3.x/y'\nFETCH NEXT FROM c INTO @u\nRESTORE HEADERONLY FROM URL = ¤@u",
    "what a procedure gives": "SET @u = 'https://s3.x/y'\nEXEC p @a = @u OUTPUT\nRESTORE HEADERONLY FROM URL = ¤@u",
    "another batch's variable": "DECLARE @u sysname = 'https://s3.x/y'\nGO\nRESTORE HEADERONLY FROM URL = ¤@u",
    "a host of run time": "RESTORE HEADERONLY FROM URL = ¤N's3://' + @host + N'/b/x.bak'",
    "a scheme of run time": "RESTORE HEADERONLY FROM URL = ¤@scheme + N'//h.test/b/x.bak'",
    "a variable of sqlcmd": "RESTORE HEADERONLY FROM URL = ¤'$(url)'",
    "an option": f"BACKUP LOG a TO URL = '{URL}' WITH COMPRESSION, ¤MAXTRANSFERSIZE = @size",
    "a region": f"BACKUP LOG a TO URL = '{URL}' WITH ¤BACKUP_OPTIONS = @options",
    "a host that nothing tells of": "BACKUP LOG a TO URL = ¤N'https://127.0.0.1:10000/account/c/a.trn' WITH NOINIT",
    "a list of devices": "EXEC (N'BACKUP DATABASE x TO ' + ¤@urls + N' WITH MAXTRANSFERSIZE = 4194304')",
    "devices of sqlcmd": "RESTORE VERIFYONLY FROM ¤$(devices) WITH BLOCKSIZE = 1",
    "a case": "SET @u = CASE WHEN 1 = 1 THEN 'https://s3.x/y' END\nRESTORE HEADERONLY FROM URL = ¤@u",
    "a difference": "SET @u = 'https://s3.x/y' - 1\nRESTORE HEADERONLY FROM URL = ¤@u",
}


@pytest.mark.parametrize("case", NOT_KNOWN)
def test_what_is_known_at_run_time_only_is_said_and_not_guessed(case):
    [place], script = places(NOT_KNOWN[case])

    assert [one.finding.severity for one in lint(script) if one.finding.rule == NOT_JUDGED] == [NOTE]
    assert findings(script) == [(NOT_JUDGED, *place)]


SILENT = {
    "comments": "-- BACKUP LOG a TO URL = 's3:/x'\n/* RESTORE LABELONLY FROM URL = 's3:/x' */",
    "strings": "PRINT 'BACKUP LOG a TO URL = ''s3:/x'''; SELECT N'EXEC(''x'')' AS [BACKUP LOG a TO URL = 's3:/x']",
    "grants": "GRANT BACKUP DATABASE, BACKUP LOG TO [somebody]; DENY BACKUP DATABASE TO public",
    "another Azure": "BACKUP LOG a TO URL = N'https://acct.dfs.corp.local/c/a.trn' WITH NOINIT, BLOCKSIZE = 1",
    "devices with a name": "BACKUP LOG a TO [dump] WITH NOINIT; RESTORE LABELONLY FROM @device; BACKUP LOG a TO dump",
    "disks": "BACKUP DATABASE a TO DISK = 'a.bak' WITH NOINIT, EXPIREDATE = '2030'; RESTORE DATABASE a WITH RECOVERY",
    "a name of run time": f"BACKUP LOG a TO URL = '{ROOT}/' + CONVERT(char(8), GETDATE(), 112) WITH CHECKSUM",
    "options of run time": f"EXEC ('BACKUP LOG a TO URL = ''{URL}'' WITH MAXTRANSFERSIZE = 5242880' + @more)",
    "mirrors of run time": f"EXEC ('BACKUP LOG a TO URL = ''{URL}'' MIRROR TO URL = ''{URL}2''' + @more)",
    "a text of run time": "EXEC (@sql); EXEC sp_executesql @sql; EXECUTE @procedure @a = 1",
    "a transaction that ended": f"BEGIN TRAN; COMMIT TRAN\nGO 5\nRESTORE LABELONLY FROM URL = '{URL}'",
    "directives": f":on error exit\n:r $(path)\\it's.sql\n!!del it's\nRESTORE LABELONLY FROM URL = '{URL}'",
    "other credentials": "CREATE CREDENTIAL proxy WITH IDENTITY = 'DOMAIN\\user', SECRET = 'pass:word:x';"
    "DROP CREDENTIAL [s3:/]",
    "a credential of run time": "EXEC ('CREATE CREDENTIAL [' + @n + '] WITH IDENTITY = ''S3 Access Key'', "
    "SECRET = ''' + @s + '''')"
    f"\nRESTORE LABELONLY FROM URL = '{URL}'",
    "identifiers": "SELECT backup, restore FROM [database].[log] WHERE url = 's3:/x'",
}


@pytest.mark.parametrize("case", SILENT)
def test_what_is_no_fault_is_passed_over(case):
    assert findings(SILENT[case]) == []


def test_a_text_that_is_run_twice_has_its_fault_once():
    script = f"DECLARE @s nvarchar(max) = 'RESTORE LABELONLY FROM URL = ''{LONG}'''; EXEC (@s); EXEC (@s)"

    assert [rule for rule, _, _ in findings(script)] == ["URL-06"]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_scripts_are_read_in_the_encodings_that_editors_save(encoding):
    assert decoded("PRINT 'Größe'".encode(encoding)) == "PRINT 'Größe'"


def test_big_endian_is_read_too():
    assert decoded(b"\xfe\xff" + "PRINT 'é'".encode("utf-16-be")) == "PRINT 'é'"


def test_what_no_encoding_has_is_read_all_the_same():
    assert "PRINT" in decoded(b"PRINT '\x81\xff'")
