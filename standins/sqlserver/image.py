"""What the stand-in's image runs: it is told what SQL Server's image is told, and says in its log when it is ready.

Environment, folder and port are documented for SQL Server on Linux; the log's words are from memory.
"""

import os
import signal
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

from restoreproof.standins.certificates import Authority
from restoreproof.standins.contract import StandinError, wait_until_stopped
from restoreproof.standins.sqlserver.serving import Plan, serving

__all__ = ["AUTHORITIES", "main"]

AUTHORITIES = Path("/var/opt/mssql/security/ca-certificates")
_SUFFIXES = (".cer", ".crt", ".pem")
_MOST_AUTHORITIES = 50
_EVERYWHERE = "0.0.0.0"  # noqa: S104 - inside a container, whose owner publishes what shall be seen
_PORT = 1433
_SHORTEST, _KINDS = 8, 3


def main(environ: Mapping[str, str] = os.environ, authorities: Path = AUTHORITIES) -> None:
    """Serve until SIGTERM; refuse to start as SQL Server's image does, with a word of why."""
    try:
        with tempfile.TemporaryDirectory() as folder, serving(_plan(environ, authorities, Path(folder))) as (engine, _):
            signal.signal(signal.SIGTERM, _leave)
            _say(f"{engine.name}: a stand-in, not SQL Server")
            _say("SQL Server is now ready for client connections. This is an informational message.")
            wait_until_stopped()
    except StandinError as problem:
        _say(f"ERROR: {problem}")
        sys.exit(1)


def _plan(environ: Mapping[str, str], authorities: Path, folder: Path) -> Plan:
    if environ.get("ACCEPT_EULA", "").upper() not in ("Y", "YES", "1"):
        raise StandinError("The licence terms were not accepted: set ACCEPT_EULA=Y.")
    _must_be_strong(password := environ.get("MSSQL_SA_PASSWORD", ""))
    found = list(_trusted(authorities))
    _say(f"Installing Client TLS certificates to the store: {len(found)}.")
    return Plan(
        folder=folder,
        password=password,
        leaf=Authority().leaf("localhost", "127.0.0.1"),
        ca="".join(found),
        host=environ.get("MSSQL_IP_ADDRESS", _EVERYWHERE),
        port=int(environ.get("MSSQL_TCP_PORT", _PORT)),
    )


def _must_be_strong(password: str) -> None:
    """Documented: eight characters, of three of four kinds."""
    tests = (str.islower, str.isupper, str.isdigit, lambda letter: not letter.isalnum())
    kinds = sum(any(test(letter) for letter in password) for test in tests)
    if len(password) < _SHORTEST or kinds < _KINDS:
        raise StandinError("Unable to set system administrator password: MSSQL_SA_PASSWORD does not meet the policy.")


def _trusted(folder: Path) -> Iterator[str]:
    """The first 50 certificates there (TLS-07), read once (TLS-06)."""
    files = sorted(path for path in folder.glob("*") if path.suffix in _SUFFIXES)
    for path in files[:_MOST_AUTHORITIES]:
        yield path.read_text(encoding="ascii") + "\n"


def _leave(_number: int, _frame: object) -> None:
    """Leave by unwinding, so that sessions end first."""
    sys.exit(0)


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
