"""The stand-in put together: an engine with a folder of its own, backups that go to S3, and a listener before it."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from restoreproof.standins.catalogue import ENGINE_DEFECTS
from restoreproof.standins.certificates import Leaf
from restoreproof.standins.contract import StandinError
from restoreproof.standins.sqlserver.connector.behaviour import Behaviour
from restoreproof.standins.sqlserver.media.backups import S3Backups
from restoreproof.standins.sqlserver.playing import DefectiveEngine, EngineDefect
from restoreproof.standins.sqlserver.sql.engine import StandinEngine
from restoreproof.standins.sqlserver.tds.server import Listener, listen

__all__ = ["USER", "Plan", "serving"]

USER = "sa"
PEM = "-----BEGIN CERTIFICATE-----"


@dataclass(frozen=True)
class Plan:
    """What is served.

    :ivar folder: holds databases, certificates and keys; it is there, and nobody else may read it.
    :ivar leaf: what clients are shown.
    :ivar ca: PEM text of what backups trust; empty for the public authorities.
    :ivar defects: what goes wrong, by name.
    """

    folder: Path
    password: str = field(repr=False)
    leaf: Leaf = field(repr=False)
    ca: str = ""
    behaviour: Mapping[str, Any] = field(default_factory=dict)
    defects: Sequence[str] = ()
    host: str = "127.0.0.1"
    port: int = 0


@contextmanager
def serving(plan: Plan) -> Iterator[tuple[StandinEngine, Listener]]:
    """Listen until it is left; all sessions end then."""
    pem, authorities, data = plan.folder / "server.pem", plan.folder / "authorities.pem", plan.folder / "data"
    pem.touch(mode=0o600)
    pem.write_text(plan.leaf.bundle, encoding="ascii")
    if plan.ca and PEM not in plan.ca:
        raise StandinError("The stand-in's `ca` is the PEM text of an authority, and no path.")
    authorities.write_text(plan.ca, encoding="ascii")
    data.mkdir(mode=0o700)
    defects = _defects(plan.defects)
    turned = {name: value for defect in defects for name, value in defect.behaviour.items()}
    backups = S3Backups(authorities if plan.ca else None, _behaviour({**plan.behaviour, **turned}))
    with (
        closing(StandinEngine(data, plan.password, backups)) as engine,
        listen(
            DefectiveEngine(engine, defects) if defects else engine, pem, host=plan.host, port=plan.port
        ) as listener,
    ):
        yield engine, listener


def _defects(names: Sequence[str]) -> list[EngineDefect]:
    if unknown := sorted(set(names) - set(ENGINE_DEFECTS)):
        raise StandinError(f"The stand-in for SQL Server knows no defect {', '.join(unknown)}.")
    return [ENGINE_DEFECTS[name] for name in names]


def _behaviour(mapping: Mapping[str, Any]) -> Behaviour:
    try:
        return Behaviour.from_mapping(mapping)
    except ValueError as problem:
        raise StandinError(str(problem)) from None
