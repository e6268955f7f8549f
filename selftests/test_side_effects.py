"""What a SQL Server shows of itself: what may not be read, or shows nothing, is no answer, and never a green one."""

from __future__ import annotations

from datetime import datetime
from threading import Event
from types import SimpleNamespace

import pytest
from folder_backups import FolderBackups

from restoreproof.fixtures.engines import traces
from restoreproof.fixtures.engines.answers import Answer, Message, Result, SqlFailure
from restoreproof.fixtures.side_effects import ErrorLog, Memory
from restoreproof.fixtures.subjects import SetupError
from restoreproof.standins.sqlserver.session import SqlError
from restoreproof.standins.sqlserver.sql.engine import StandinEngine

BEGUN, DATABASE = datetime(2026, 11, 27, 1), SimpleNamespace(name="restoreproof_a")  # noqa: DTZ001 - the server's own
LINES = [
    (0, "spid51", "Error: 823, Severity: 24, State: 2."),
    (2, "Backup", "Error: 3041, Severity: 16, State: 1."),
    (2, "Backup", "BACKUP failed to complete the command BACKUP DATABASE restoreproof_a."),
    (3, "spid51", "Error: 3624, Severity: 20, State: 1."),
    (3, "spid52", "Error: 17053, Severity: 17, State: 1."),
]
"""Hour, source and text; another session's errors, and those from before, are none of ours."""


class Told:
    """A session that answers with rows, or with the number of an error."""

    spid = 51

    def __init__(self, rows=(), number=0):
        self.rows, self.number = rows, number

    def run(self, text, *_):
        if self.number:
            raise SqlFailure("42000", (Message(self.number, "no"),), (), text, 0.0)
        word = text.rpartition("N'")[2].rstrip("'")
        rows = tuple(row for row in self.rows if word in row.get("Text", word))
        return Answer((Result(tuple(rows[0]) if rows else (), rows),))


def log_of(connection):
    evidence = SimpleNamespace(keep=lambda *_: None)
    return ErrorLog(SimpleNamespace(connection=connection), BEGUN, evidence)


def rows(lines):
    return [{"LogDate": datetime(2026, 11, 27, h), "ProcessInfo": who, "Text": text} for h, who, text in lines]  # noqa: DTZ001


def test_only_our_own_severe_errors_count():
    assert log_of(Told(rows(LINES))).severe(DATABASE) == ["Error: 3624, Severity: 20, State: 1."]


def test_a_log_that_shows_no_failed_backup_is_no_answer():
    with pytest.raises(pytest.skip.Exception, match="does not show a backup that failed"):
        log_of(Told(rows(LINES[3:]))).severe(DATABASE)


@pytest.mark.parametrize("number", [229, 300, 15003, 15247])
def test_what_may_not_be_read_is_no_answer(number):
    with pytest.raises(pytest.skip.Exception, match="may not read the error log: no"):
        log_of(Told(number=number)).severe(DATABASE)
    with pytest.raises(pytest.skip.Exception, match=r"may not read sys\.dm_os_memory_clerks"):
        Memory(SimpleNamespace(connection=Told(number=number)), None).kilobytes()


def test_what_can_not_be_read_is_an_error_of_ours():
    with pytest.raises(SetupError, match="the error log can't be read"):
        log_of(Told(number=701)).severe(DATABASE)


def test_memory_that_nobody_shows_is_no_answer():
    with pytest.raises(pytest.skip.Exception, match="shows no memory of backups"):
        Memory(SimpleNamespace(connection=Told([{"kb": None}])), None).kilobytes()


class Heard:
    def __init__(self):
        self.found = []

    def row(self, values):
        self.found.append(tuple(values))

    def columns(self, columns):
        pass

    done = info = error = lambda *_, **__: None


@pytest.fixture
def standin(tmp_path):
    folders = tmp_path / "data", tmp_path / "store"
    for folder in folders:
        folder.mkdir()
    engine = StandinEngine(folders[0], "secret", FolderBackups(folders[1]))
    session = engine.login("sa", "secret", "", Event())

    def run(text):
        heard = Heard()
        session.run(text, {}, heard, Event())
        return heard.found

    yield run
    engine.close()


def test_the_stand_in_logs_failed_backups_and_what_is_to_be_logged(standin):
    for failing in ("BACKUP DATABASE [nothing] TO URL = N's3://s/b/a.bak'", "RAISERROR(N'Oh', 17, 1) WITH LOG"):
        with pytest.raises(SqlError):
            standin(failing)
    with pytest.raises(SqlError):
        standin("RAISERROR(N'Unheard', 17, 1)")

    heads = [line[1:] for line in standin(traces.search_of_log("Severity: "))]
    assert heads == [
        ("Backup", "Error: 3041, Severity: 16, State: 1."),
        ("spid51", "Error: 50000, Severity: 17, State: 1."),
    ]
    assert "BACKUP DATABASE nothing" in standin(traces.search_of_log("nothing"))[0][2]
    assert len(standin("EXEC sp_readerrorlog")) == 4
    with pytest.raises(SqlError, match="another error log"):
        standin("EXEC sp_readerrorlog 1")


def test_the_stand_in_shows_what_it_has(standin):
    assert standin(traces.DUMPS) == []
    assert [standin(query) for query in traces.MEMORY.values()] == [[(None,)], [(0,)]]
