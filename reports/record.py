"""What a run leaves behind: a header, one record per check and a footer, each one JSON line of ``run.jsonl``."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from restoreproof.reports.register import Requirement

if TYPE_CHECKING:
    from collections.abc import Mapping

SCHEMA_VERSION = 1

CONFORMS = "conforms"
CONFORMS_UP_TO = "conforms up to"
DEVIATES = "deviates"
UNSUPPORTED = "unsupported"
FAILS = "fails"
STALE = "stale"
ERROR = "error"
NOT_RUN = "not run"

VERDICTS = (CONFORMS, CONFORMS_UP_TO, DEVIATES, UNSUPPORTED, FAILS, STALE, ERROR, NOT_RUN)
"""The closed list of verdicts (house rules, section 2), mildest first where several variants of a check differ."""

RED = frozenset({FAILS, STALE, ERROR})
"""Verdicts that are not as the profile declares."""

MET = frozenset({CONFORMS, CONFORMS_UP_TO, STALE})
"""Verdicts under which the requirement holds."""


@dataclass(frozen=True)
class Exchange:
    """One request and its answer, redacted: what a storage administrator needs to repeat and believe it."""

    method: str
    url: str
    request_headers: Mapping[str, str]
    sent: int
    status: int
    reason: str
    response_headers: Mapping[str, str]
    body: str
    received: int
    seconds: float


@dataclass(frozen=True)
class Variant:
    """One parametrised run of a check."""

    id: str
    verdict: str
    symptom: str = ""
    seconds: float = 0.0


@dataclass(frozen=True)
class Record:
    """The verdict on one requirement with everything a reader needs to believe and repeat it.

    ``seconds`` is wall time of the check body, ``sent`` and ``received`` are body bytes, ``envelope`` is the N of
    *conforms up to N*, ``reason`` says why a check was not run or why a profile excuses it.
    """

    requirement: Requirement
    verdict: str
    symptom: str = ""
    expected: str = ""
    observed: str = ""
    reason: str = ""
    link: str = ""
    envelope: str = ""
    reproduce: str = ""
    seconds: float = 0.0
    requests: int = 0
    sent: int = 0
    received: int = 0
    variants: tuple[Variant, ...] = ()
    evidence: Mapping[str, Any] = field(default_factory=dict)
    exchanges: tuple[Exchange, ...] = ()

    @property
    def id(self) -> str:
        """The requirement's id."""
        return self.requirement.id

    def to_json(self) -> dict[str, Any]:
        """The record as one line of the run file."""
        return {"kind": "check", **asdict(self), "requirement": self.requirement.to_json()}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Record:
        """The record again from :meth:`to_json`."""
        values = {name: value for name, value in data.items() if name != "kind"}
        values["requirement"] = Requirement.from_json(data["requirement"])
        values["variants"] = tuple(Variant(**variant) for variant in data["variants"])
        values["exchanges"] = tuple(Exchange(**exchange) for exchange in data["exchanges"])
        return cls(**values)


@dataclass(frozen=True)
class Header:
    """What was judged, by what, where and when.

    ``provider``: name, title, digest (SHA-256 of the profile), file (what ``--provider`` was given). ``endpoint``:
    url, kind (``url``, ``image`` or ``program``), ours (started by RestoreProof itself: never a certificate), server
    (its ``Server`` header), software, region, style, bucket_given, separate_keys, narrow_keys (whether there are keys
    with one right each), nodes (every address behind the name), unreached (those left out). ``tls``: version, cipher,
    chain of subject, issuer, not_before, not_after, sha256. ``engine``: build, edition, platform, standin, filestream
    (it has that), encrypts (databases of ours may have TDE), second (there is another one beside it), relayed (a proxy
    stands between); None when there was none.
    ``selection``: checks, areas, level, scale, filtered. ``areas``: name and title in the order shown. ``started`` is
    ISO 8601 in UTC. ``bucket``: what it allows, row by row as it is shown; empty when it was not looked at.
    ``facts`` is what is documented of the offering, row by row: name, sentence, value (None: nothing is), certainty,
    and probe (the check, capability or limit by which a run finds out); none where the profile names no facts.
    """

    run: str
    started: str
    suite: str
    register: str
    provider: Mapping[str, Any]
    endpoint: Mapping[str, Any]
    tls: Mapping[str, Any]
    selection: Mapping[str, Any]
    areas: tuple[Mapping[str, str], ...]
    environment: Mapping[str, str]
    engine: Mapping[str, Any] | None = None
    defects: tuple[str, ...] = ()
    labels: Mapping[str, str] = field(default_factory=dict)
    bucket: Mapping[str, str] = field(default_factory=dict)
    facts: tuple[Mapping[str, Any], ...] = ()

    def to_json(self) -> dict[str, Any]:
        """The header as the first line of the run file."""
        return {"kind": "header", "schema": SCHEMA_VERSION, **asdict(self)}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Header:
        """The header again from :meth:`to_json`."""
        values = {name: value for name, value in data.items() if name not in ("kind", "schema")}
        values.update(areas=tuple(data["areas"]), defects=tuple(data["defects"]), facts=tuple(data.get("facts", ())))
        return cls(**values)


@dataclass(frozen=True)
class Footer:
    """How the run ended: the outcome, whether all was as declared, and what clean-up removed and left.

    ``cleanup``: removed (number of things), left (their names), error (empty when clean-up worked). ``envelope``: the
    most that the checks which passed were seen to do: ``object_bytes``, ``parts``, ``stripes`` (uploads to different
    keys under way at once), ``concurrency`` (requests under way at once), ``open_seconds`` (the longest-open upload).
    ``usage``: bytes that the store took up ``before`` and ``after`` (None where they could not be told), ``unlisted``
    (how many have come to stay), ``tolerance``, ``finding``, ``error``; empty where the profile names no command.
    ``probes``: what was tried beside the checks, by the capability, limit or fact it is about: ``value`` and ``seen``
    (the request and its answer); empty unless a whole run came to its end.
    ``census``: what SQL Server was seen to send, question by question: number, question, answer, requests (how many it
    rests on) and settles (the stand-in's switches); empty where no proxy stood between.
    """

    finished: str
    rung: str
    reason: str
    as_declared: bool
    counts: Mapping[str, int]
    cleanup: Mapping[str, Any]
    seconds: float
    requests: int
    envelope: Mapping[str, float] = field(default_factory=dict)
    usage: Mapping[str, Any] = field(default_factory=dict)
    probes: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    census: tuple[Mapping[str, Any], ...] = ()

    def to_json(self) -> dict[str, Any]:
        """The footer as the last line of the run file."""
        return {"kind": "footer", **asdict(self)}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Footer:
        """The footer again from :meth:`to_json`."""
        values = {name: value for name, value in data.items() if name != "kind"}
        return cls(**{**values, "census": tuple(data.get("census", ()))})


@dataclass(frozen=True)
class Run:
    """A whole run: all that any report may use."""

    header: Header
    records: tuple[Record, ...]
    footer: Footer
