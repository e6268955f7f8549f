"""Rules about procedures and functions that a script calls."""

from __future__ import annotations

from typing import TYPE_CHECKING

from restoreproof.commands.linting.address import SCHEME
from restoreproof.commands.linting.finding import ERROR, NOTE, SYNTAX, WARNING, Finding
from restoreproof.commands.linting.procedures import PARAMETERS, PROCEDURE
from restoreproof.commands.linting.spelling import meant
from restoreproof.fixtures.engines.limits import MOST_URLS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from restoreproof.commands.linting.finding import Setting
    from restoreproof.commands.linting.script import Call, Script

_LISTS = (
    "xp_dirtree",
    "xp_subdirs",
    "xp_fileexist",
    "xp_create_subdir",
    "dm_os_enumerate_filesystem",
    "dm_os_file_exists",
)
_DELETES = ("xp_delete_file", "xp_delete_files")
_MANAGED = ("rds_backup_database", "rds_restore_database", "rds_restore_log")
_REFUSED_WITH_CREDENTIAL = ("@maxtransfersize", "@blocksize", "@numberoffiles")


def check_calls(script: Script, setting: Setting) -> Iterator[Finding]:
    """Every rule about what is called."""
    del setting
    for call in script.calls:
        if call.name in _MANAGED:
            yield Finding("EDN-05", NOTE, f"{call.name} belongs to a managed service", call.spot)
        elif call.name in (*_LISTS, *_DELETES):
            yield from _check_files(call)
        elif call.name == PROCEDURE:
            yield from _check_parameters(call)
            yield from _check_maintenance(call)


def _check_files(call: Call) -> Iterator[Finding]:
    for value in (*call.plain, *call.named.values()):
        if value.text.lower().startswith(SCHEME):
            rule = "LIST-04" if call.name in _DELETES else "LIST-01"
            yield Finding(rule, ERROR, f"{call.name} of a URL", value.spot)


def _check_parameters(call: Call) -> Iterator[Finding]:
    """Parameters that are almost one of those that there are; others may be new ones."""
    for name, value in call.named.items():
        found = "" if name.upper() in PARAMETERS else meant(name.upper(), PARAMETERS)
        if found:
            yield Finding(SYNTAX, WARNING, f"{name}: did you mean {found.lower()}?", value.spot)


def _check_maintenance(call: Call) -> Iterator[Finding]:
    url = call.named.get("@url")
    if not url or not url.text.lower().startswith(SCHEME):
        return
    credential, cleanup = call.named.get("@credential"), call.named.get("@cleanuptime")
    files = call.named.get("@numberoffiles")
    if credential:
        refused = [name for name in _REFUSED_WITH_CREDENTIAL if name in call.named]
        what = f"@Credential together with {', '.join(refused)}" if refused else "@Credential"
        yield Finding("OPS-06", ERROR if refused else WARNING, what, credential.spot)
    if cleanup:
        yield Finding("LIST-04", ERROR, "@CleanupTime with a URL", cleanup.spot)
    if files and files.number is not None and files.number > MOST_URLS:
        yield Finding("LIM-01", ERROR, f"{files.number} URLs, of {MOST_URLS}", files.spot)
