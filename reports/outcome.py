"""Two questions, two answers: *good enough?* is the outcome, *as declared?* the exit code (house rules, section 2)."""

from __future__ import annotations

import ipaddress
from collections import Counter
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from restoreproof.reports.record import CONFORMS, ERROR, MET, NOT_RUN, RED, UNSUPPORTED

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from restoreproof.reports.record import Header, Record
    from restoreproof.reports.register import Requirement

CERTIFIED = "certified"
REHEARSED = "rehearsed"
WIRE_CONFORMANT = "wire conformant"
NOT_CERTIFIED = "not certified"
INCOMPLETE = "incomplete"
NO_OUTCOME = "no outcome"

LADDER = (CERTIFIED, REHEARSED, WIRE_CONFORMANT)
"""The rungs that can be required, highest first."""

OLDEST_CERTIFIED_BUILD = (16, 0, 4205)
"""SQL Server 2022 CU20, the oldest build a certificate can name."""

MOST_IDS_NAMED = 4

SEVERAL_NODES, ADDRESS_IN_URL, NARROW_KEYS = "several_nodes", "address_in_url", "narrow_keys"
RELAY, SECOND_ENGINE, MIRRORS, FILESTREAM = "relay", "second_engine", "mirrored_backups", "filestream"
TDE = "encrypted_databases"
"""What claims need that say nothing of an endpoint with one address, with a host name in its URL, of keys that nobody
gave, without a proxy before SQL Server, without a second SQL Server, of an edition without mirrored backups, of a
SQL Server without FILESTREAM, or of one that encrypts no databases yet."""

ONE_ADDRESS = "does not apply: this endpoint has one address"
HOST_NAME = "does not apply: the endpoint's URL has a host name, no IP address"
NO_NARROW_KEYS = "does not apply: the profile gives no keys that may only list, only put and only get"
NO_RELAY = "does not apply: no proxy can stand between this SQL Server and this store"
ONE_ENGINE = "does not apply: there is one SQL Server"
NO_MIRRORS = "does not apply: this edition of SQL Server has no mirrored backups"
NO_FILESTREAM = "does not apply: this SQL Server has no FILESTREAM, or it is switched off"
NO_TDE = "does not apply: this SQL Server encrypts no databases, or the first would encrypt its tempdb, too"
ASIDE = {
    ONE_ADDRESS: "about several nodes (it has one address)",
    HOST_NAME: "about an IP address in its URL",
    NO_NARROW_KEYS: "about keys with one right each (the profile gives none)",
    NO_RELAY: "about faults on the way, and what is sent (no proxy can stand between)",
    ONE_ENGINE: "about a second SQL Server (there is one)",
    NO_MIRRORS: "about mirrored backups (this edition has none)",
    NO_FILESTREAM: "about FILESTREAM (this SQL Server has none)",
    NO_TDE: "about encrypted databases (this SQL Server has none)",
}
"""Why such claims are not run, and what they are about."""


def denied(capability: str) -> str:
    """Why a claim is not run that needs what the profile denies, or says nothing of."""
    return f"needs the capability {capability}, which the profile does not claim"


def judge(header: Header, records: Sequence[Record]) -> tuple[str, str]:
    """The outcome of a run and the sentence that explains it.

    :returns: one of the rungs, ``not certified``, ``incomplete`` or ``no outcome`` (a filtered run), and the reason.
    """
    if header.selection["filtered"]:
        return NO_OUTCOME, "only a part of the checks was selected"
    wanted = ("wire", "engine") if header.engine else ("wire",)
    asked = [r for r in records if r.requirement.phase in wanted]
    musts = [r for r in asked if r.requirement.level == "must" and applies(header, r.requirement)]
    unmet = [record for record in musts if not met(record, musts)]
    broken = [record for record in unmet if not _open(record, musts)]
    if broken:
        return NOT_CERTIFIED, f"{_must(len(broken))} not met: {_ids(broken)}"
    if unmet:
        return INCOMPLETE, f"{_must(len(unmet))} without an answer: {_ids(unmet)}"
    if not musts:
        return INCOMPLETE, "not one must-requirement was checked"
    rung, reason = _rung(header)
    aside = Counter(why for r in asked if (why := _aside(header, r.requirement)))
    told = ", ".join(f"{number} {ASIDE[why]}" for why, number in aside.items())
    return rung, f"{reason}; claims that do not apply: {told}" if told else reason


def applies(header: Header, requirement: Requirement) -> bool:
    """Whether a claim says anything of this endpoint: what several nodes do is no question where there is one.

    The header's own facts decide, so that no other reason not to run can pass for this one.
    """
    return not _aside(header, requirement)


def _aside(header: Header, requirement: Requirement) -> str:
    if SEVERAL_NODES in requirement.needs and len(header.endpoint.get("nodes", ())) <= 1:
        return ONE_ADDRESS
    if ADDRESS_IN_URL in requirement.needs and not _names_an_address(header.endpoint["url"]):
        return HOST_NAME
    if NARROW_KEYS in requirement.needs and not header.endpoint.get("narrow_keys"):
        return NO_NARROW_KEYS
    return _aside_of_engine(header.engine or {}, requirement)


def _aside_of_engine(engine: Mapping[str, Any], requirement: Requirement) -> str:
    if RELAY in requirement.needs and not engine.get("relayed"):
        return NO_RELAY
    if SECOND_ENGINE in requirement.needs and not engine.get("second"):
        return ONE_ENGINE
    if MIRRORS in requirement.needs and not has_mirrors(str(engine.get("edition", ""))):
        return NO_MIRRORS
    if FILESTREAM in requirement.needs and not engine.get("filestream"):
        return NO_FILESTREAM
    if TDE in requirement.needs and not engine.get("encrypts"):
        return NO_TDE
    return ""


def has_mirrors(edition: str) -> bool:
    """Whether an edition can mirror backups: Enterprise, and those with its features (EDN-04)."""
    return edition.lower().startswith(("enterprise", "developer", "evaluation", "stand-in"))


def _names_an_address(url: str) -> bool:
    try:
        ipaddress.ip_address(urlsplit(url).hostname or "")
    except ValueError:
        return False
    return True


def as_declared(records: Iterable[Record], cleanup_error: str = "", usage: Mapping[str, Any] | None = None) -> bool:
    """Whether nothing came out other than the profile declares, clean-up and residue included.

    :param usage: what the footer says of it.
    """
    residue = usage or {}
    return not (cleanup_error or residue.get("finding") or residue.get("error")) and not any(
        record.verdict in RED for record in records
    )


def reaches(rung: str, required: str) -> bool:
    """Whether an outcome is at least as high as the required rung."""
    return rung in LADDER and LADDER.index(rung) <= LADDER.index(required)


def counts(records: Iterable[Record]) -> dict[str, int]:
    """How many records carry each verdict that occurs."""
    return dict(Counter(record.verdict for record in records))


def met(record: Record, records: Iterable[Record]) -> bool:
    """Whether a requirement holds, by itself or by an alternative that stands for it (``any_of``)."""
    if record.verdict in MET:
        return True
    group = record.requirement.any_of
    if not group or record.verdict not in (UNSUPPORTED, NOT_RUN):
        return False
    return any(other.requirement.any_of == group and other.verdict in MET for other in records)


def _open(record: Record, records: Iterable[Record]) -> bool:
    """Whether what is not met may yet turn out to be: without an answer itself, or the alternative without one."""
    if record.verdict == UNSUPPORTED and record.requirement.any_of:
        group = record.requirement.any_of
        return any(other.requirement.any_of == group and other.verdict in (ERROR, NOT_RUN) for other in records)
    return record.verdict in (ERROR, NOT_RUN)


def _rung(header: Header) -> tuple[str, str]:
    if header.engine is None:
        where = "; the endpoint is RestoreProof's own" if header.endpoint["ours"] else ""
        return WIRE_CONFORMANT, f"every wire must is met, no SQL Server took part{where}"
    build = ".".join(str(number) for number in header.engine["build"])
    doubts = {
        "the endpoint is RestoreProof's own": header.endpoint["ours"],
        "a defect was switched on": header.defects,
        "the engine is a stand-in": header.engine["standin"],
        f"SQL Server {build} is older than CU20": tuple(header.engine["build"]) < OLDEST_CERTIFIED_BUILD,
    }
    doubt = next((words for words, holds in doubts.items() if holds), "")
    if doubt:
        return REHEARSED, f"every must is met, but {doubt}: this is no certificate"
    return CERTIFIED, f"every must is met by {header.provider['title']} with SQL Server {build}"


def _must(number: int) -> str:
    return "1 must is" if number == 1 else f"{number} musts are"


def _ids(records: Sequence[Record]) -> str:
    named = ", ".join(record.id for record in records[:MOST_IDS_NAMED])
    more = len(records) - MOST_IDS_NAMED
    return f"{named} and {more} more" if more > 0 else named


__all__ = [
    "ADDRESS_IN_URL",
    "ASIDE",
    "CERTIFIED",
    "CONFORMS",
    "FILESTREAM",
    "HOST_NAME",
    "INCOMPLETE",
    "LADDER",
    "MIRRORS",
    "NARROW_KEYS",
    "NOT_CERTIFIED",
    "NO_FILESTREAM",
    "NO_MIRRORS",
    "NO_NARROW_KEYS",
    "NO_OUTCOME",
    "NO_RELAY",
    "NO_TDE",
    "ONE_ADDRESS",
    "ONE_ENGINE",
    "REHEARSED",
    "RELAY",
    "SECOND_ENGINE",
    "SEVERAL_NODES",
    "TDE",
    "WIRE_CONFORMANT",
    "applies",
    "as_declared",
    "counts",
    "denied",
    "has_mirrors",
    "judge",
    "met",
    "reaches",
]
