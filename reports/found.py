"""What a run found out about a store beyond its verdicts, by the capability, limit or fact that it is about.

It comes from two places: what the checks kept as evidence or came out as, and what was tried beside them
(``Footer.probes``). Reports show it beside what is documented, ``restoreproof profile learn`` puts it into a profile.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from restoreproof.reports.record import ERROR, MET, NOT_RUN, UNSUPPORTED

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from restoreproof.reports.record import Record, Run

Value = bool | int | str | tuple[str, ...]

ASK = "ask the vendor"
"""The probe of facts that no run can find out."""
NOT_TRIED = "not told by this run"
FIVE_MIB = 5 * 1024 * 1024
UNKNOWN = "unknown"
NOBODY_SEES = "only the vendor can tell"
"""What reports say where no run can find out."""
UNANSWERED = ("timeout", "reset", "tls", "no-dns")
"""Symptoms of a request that had no answer, and so says nothing of how a store goes about things."""


@dataclass(frozen=True)
class Found:
    """One thing that a run found: its value, and what showed it."""

    value: Value
    seen: str


@dataclass(frozen=True)
class Known:
    """A row for reports: a fact, what is documented of it, and what the run found, or why it did not."""

    name: str
    sentence: str
    documented: str
    found: str


def found(run: Run) -> dict[str, Found]:
    """Everything that the run found, by name; what it does not say is left out."""
    answered = {record.id: record for record in run.records if record.verdict not in (NOT_RUN, ERROR)}
    told = dict(_capabilities(list(answered.values())))
    for name, (check, tell) in _TOLD_BY_CHECKS.items():
        record = answered.get(check)
        value = tell(record) if record and record.symptom not in UNANSWERED else None
        if record and value is not None:
            told[name] = Found(value, _told(record))
    for name, probe in run.footer.probes.items():
        told[name] = Found(_value(probe["value"]), probe["seen"])
    return told


def rows(run: Run) -> tuple[Known, ...]:
    """What is documented of the offering beside what the run found, where one of the two is not known or not seen.

    What no run can find out is left out unless it is documented nowhere; then only the vendor can tell.
    """
    told = found(run)
    records = {record.id: record for record in run.records}
    lines = (
        Known(fact["name"], fact["sentence"], _documented(fact), _shown(fact, told, records))
        for fact in run.header.facts
    )
    return tuple(line for line in lines if line.found != NOBODY_SEES or line.documented == UNKNOWN)


def spelt(value: Value) -> str:
    """A value as people write it."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return (", ".join(value) or "none") if isinstance(value, tuple) else str(value)


def _documented(fact: Mapping[str, Any]) -> str:
    if fact["value"] is None:
        return UNKNOWN
    seen = "" if fact["certainty"] == "observed" else ", not seen"
    return f"{spelt(fact['value'])} ({fact['certainty']}{seen})"


def _shown(fact: Mapping[str, Any], told: Mapping[str, Found], records: Mapping[str, Record]) -> str:
    """What the run says of a fact; a check without an answer is named by why."""
    probe = fact["probe"]
    if fact["name"] in told or probe in told:
        seen = told.get(fact["name"]) or told[probe]
        return f"{spelt(seen.value)}: {seen.seen}"
    record = records.get(probe)
    if record is None:
        return NOBODY_SEES if probe == ASK else NOT_TRIED
    if record.verdict in (NOT_RUN, ERROR):
        return f"not told: {record.reason or record.verdict}"
    return _told(record)


def _told(record: Record) -> str:
    """How a check came out, and the answer that it kept."""
    answer = record.evidence.get("answer")
    kept = f", answered {answer}" if isinstance(answer, str) else ""
    symptom = f" ({record.symptom})" if record.symptom else ""
    return f"{record.id} {record.verdict}{symptom}{kept}"


def _value(value: Any) -> Value:
    return tuple(value) if isinstance(value, list) else value


def _capabilities(records: Sequence[Record]) -> Iterator[tuple[str, Found]]:
    """Whether a capability is there that checks are about: one of them holds, or none of them does."""
    for name in dict.fromkeys(record.requirement.capability for record in records if record.requirement.capability):
        about = [record for record in records if record.requirement.capability == name]
        met = [record for record in about if record.verdict in MET]
        refused = [record for record in about if record.verdict == UNSUPPORTED]
        shown = (met or refused or about)[0]
        yield name, Found(bool(met), _told(shown))


def _holds(record: Record) -> bool:
    return record.verdict in MET


def _answer(record: Record) -> str:
    answer = record.evidence.get("answer")
    return answer if isinstance(answer, str) else ""


def _region_checked(record: Record) -> str | None:
    answer = _answer(record)
    return None if not answer else "no" if answer == "HTTP-200" else "yes"


def _tls_minimum(record: Record) -> str | None:
    return {"": "1.2", "TLSv1": "1.0", "TLSv1.1": "1.1"}.get(str(record.evidence.get("version")))


def _part_minimum(record: Record) -> int | None:
    return {"HTTP-200": 0, "EntityTooSmall": FIVE_MIB}.get(_answer(record))


def _all_named(record: Record) -> bool | None:
    answer = _answer(record)
    return answer != "HTTP-200" if answer else None


def _needed(record: Record) -> str | None:
    """Whether what a check leaves free is asked for; damaged bytes are no such rule."""
    if _holds(record):
        return "free"
    return None if record.symptom == record.requirement.symptom else "required"


def _colon(record: Record) -> bool | None:
    return None if _holds(record) else True


_TOLD_BY_CHECKS: Mapping[str, tuple[str, Callable[[Record], Value | None]]] = {
    "region_checked": ("REG-04.other-region-named", _region_checked),
    "tls_minimum": ("TLS-10.old-versions-refused", _tls_minimum),
    "colon_in_keys": ("CRED-04.secret-without-colon", _colon),
    "equal_parts": ("MPU-05.unequal-parts", _needed),
    "contiguous_parts": ("MPU-14.numbers-with-gaps", _needed),
    "complete_names_all_parts": ("WIRE-08.only-named-parts", _all_named),
    "payload_hash_verified": ("WIRE-02.tampered-body-refused", _holds),
    "slash_is_directory": ("URL-08.file-and-folder-of-one-name", lambda record: not _holds(record)),
    "part_minimum": ("WIRE-08.too-small-part", _part_minimum),
}
"""What single checks tell beside their verdicts: capability or limit, the check, and how to read its record."""
