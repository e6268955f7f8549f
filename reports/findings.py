"""What the doctor found, as one frozen value, and its shape for machines."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

SCHEMA = 1
"""The version of the JSON document; ``doctor.schema.json`` beside this file describes it."""

PROBLEM, WARNING, NOTE, GOOD = "problem", "warning", "note", "good"
SEVERITIES = (PROBLEM, WARNING, NOTE, GOOD)

AREAS = {
    "route": "Name and route",
    "tls": "TLS",
    "clock": "Clock",
    "credential": "Credential",
    "url": "URL and limits",
    "bucket": "Bucket",
    "rights": "Rights",
    "rules": "Rules of the bucket",
    "engine": "SQL Server",
}
"""What is looked at, in the order in which it is told, and its heading."""


@dataclass(frozen=True)
class Finding:
    """One thing that was found.

    :ivar name: one of a closed vocabulary, such as ``wrong-secret``.
    :ivar id: the requirement of the register, or the rule for operators, that it is about.
    :ivar also: further ones that it tells of.
    :ivar claim: what that says, in the present tense; empty where it is not told.
    :ivar seen: what was found here.
    :ivar dba_sees: what SQL Server would show; empty for what is good.
    :ivar fix: what to do; empty for what is good.
    """

    area: str
    severity: str
    name: str
    id: str
    seen: str
    claim: str = ""
    dba_sees: str = ""
    fix: str = ""
    also: tuple[str, ...] = ()


@dataclass(frozen=True)
class Unlooked:
    """Something that was not looked at, and why."""

    area: str
    what: str
    because: str


@dataclass(frozen=True)
class Examination:
    """All that one visit of the doctor brought to light.

    :ivar seconds: how long it took.
    :ivar advice: how to back a database up that somebody asked about, for machines; None where nobody did.
    :ivar prescription: the same in lines for people, with the statements.
    """

    provider: str
    title: str
    url: str
    bucket: str
    started: str
    seconds: float
    findings: tuple[Finding, ...]
    unlooked: tuple[Unlooked, ...]
    advice: Mapping[str, Any] | None = None
    prescription: str = ""

    def count(self, severity: str) -> int:
        """How many findings weigh that much."""
        return Counter(finding.severity for finding in self.findings)[severity]

    @property
    def is_well(self) -> bool:
        """Whether nothing is wrong; warnings are allowed."""
        return self.count(PROBLEM) == 0

    def to_json(self) -> dict[str, Any]:
        """The document that ``--json`` prints."""
        return {
            "schema": SCHEMA,
            "provider": {"name": self.provider, "title": self.title, "url": self.url, "bucket": self.bucket},
            "started": self.started,
            "seconds": self.seconds,
            "well": self.is_well,
            "counts": {severity: self.count(severity) for severity in SEVERITIES},
            "findings": [asdict(finding) for finding in self.findings],
            "unlooked": [asdict(unlooked) for unlooked in self.unlooked],
            **({"advice": self.advice} if self.advice else {}),
        }
