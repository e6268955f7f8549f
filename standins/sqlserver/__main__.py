"""The stand-in for SQL Server as a process: settings in, one ready line out, end of input means stop.

Settings, all of which may be left out: ``password`` of ``sa``, ``ca`` (PEM text of what backups trust), ``behaviour``
(what the connector does where Microsoft does not say), ``name`` (for its folder), ``defects`` (what goes wrong, by
name).
"""

import re
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from restoreproof.standins.certificates import Authority
from restoreproof.standins.contract import Settings, StandinError, run, scratch_folder
from restoreproof.standins.sqlserver.serving import USER, Plan, serving

_NAME = re.compile(r"[a-z0-9-]{1,40}")


@contextmanager
def serve(settings: Settings) -> Iterator[Mapping[str, object]]:
    """Serve one instance, whose ready line says where it is and who may sign in."""
    if unknown := sorted(set(settings) - {"password", "ca", "behaviour", "name", "defects"}):
        raise StandinError(f"The stand-in for SQL Server knows no setting {', '.join(unknown)}.")
    name, authority = settings.get("name", "sqlserver"), Authority()
    if not _NAME.fullmatch(name):
        raise StandinError("A stand-in's name has 1 to 40 small letters, digits and hyphens.")
    password = settings.get("password") or f"Aa1-{secrets.token_urlsafe(24)}"
    with scratch_folder(name) as folder:
        leaf = authority.leaf("localhost", "127.0.0.1")
        more = (settings.get("ca", ""), settings.get("behaviour", {}), settings.get("defects", ()))
        plan = Plan(folder, password, leaf, *more)
        with serving(plan) as (engine, listener):
            yield {
                "host": "localhost",
                "port": listener.port,
                "user": USER,
                "password": password,
                "ca": authority.pem,
                "version": list(engine.version),
                "name": engine.name,
            }


if __name__ == "__main__":
    run(serve)
