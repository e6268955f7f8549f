"""Defects that backups leave on the instance itself."""

from __future__ import annotations

from contextlib import suppress

from restoreproof.standins.sqlserver.playing import Batch, EngineDefect, falsifies
from restoreproof.standins.sqlserver.session import SqlError

DUMP = "/var/opt/mssql/log/SQLDump0001.mdmp"
ASSERTION = "SQL Server Assertion: File: <blobaccess.cpp>. This error may be timing-related."
FAILED_ASSERTION = "A system assertion check has failed. Check the SQL Server error log for details."
KEPT = 10_240
"""KiB of a buffer that is not given back."""


def _dump_on_failure(batch: Batch) -> None:
    """A backup that fails leaves a dump, which the list of dumps has from then on."""
    if batch.says(r"FROM sys\.dm_server_memory_dumps") and batch.memory.marked:
        batch.run(f"SELECT N'{DUMP}' AS filename")
        return
    batch.run_marking([DUMP], lambda _: True)


def _assertion_on_failure(batch: Batch) -> None:
    """A backup that fails writes an error of severity 20 to the error log."""
    try:
        batch.run()
    except SqlError:
        if batch.is_backup:
            with suppress(SqlError):
                batch.also(f"RAISERROR(N'{ASSERTION}', 20, 1) WITH LOG")
        raise


def _end_the_session(batch: Batch) -> None:
    """A backup to an object that is there already meets an assertion, whose severity ends the session."""
    if batch.is_backup and batch.says(r"once\.bak"):
        if batch.memory.knows(batch.urls):
            raise SqlError(3624, FAILED_ASSERTION, severity=20)
        batch.memory.mark(batch.urls)
    batch.run()


def _keep_a_buffer(batch: Batch) -> None:
    """Every backup keeps a buffer for good."""
    if batch.is_backup:
        with batch.memory.lock:
            batch.memory.running += 1
    held = KEPT * batch.memory.running
    falsifies(r"FROM sys\.dm_os_memory_clerks", "kb", lambda size: size + held)(batch)


DEFECTS = (
    EngineDefect(
        "dead-sessions-listed",
        "Sessions that have ended stay in the list of sessions.",
        "CU-06.no-session-left",
        ("CU-06.no-session-left",),
        falsifies(r"FROM sys\.dm_exec_sessions", "sessions", lambda _: 1),
    ),
    EngineDefect(
        "buffers-kept",
        "Every backup keeps a buffer of 10 MiB for good.",
        "CU-02.memory-given-back",
        ("CU-02.memory-given-back",),
        _keep_a_buffer,
    ),
    EngineDefect(
        "assertion-after-failure",
        "A backup that fails writes an assertion of severity 20 to the error log.",
        "CU-04.no-severe-error",
        ("CU-04.no-severe-error",),
        _assertion_on_failure,
    ),
    EngineDefect(
        "refusal-ends-the-session",
        "A backup to an object that is there already ends the session with an assertion of severity 20.",
        "CU-04.no-severe-error",
        ("CU-04.no-dump", "CU-04.no-severe-error"),
        _end_the_session,
    ),
    EngineDefect(
        "dump-after-failure",
        "A backup that fails leaves a memory dump.",
        "CU-04.no-dump",
        ("CU-04.no-dump",),
        _dump_on_failure,
    ),
)
