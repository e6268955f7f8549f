"""The register of requirements: pure data under ``suites/requirements``, read here into frozen values.

Everything that judges or reports (plugin, run file, reports, commands) reads the register through this module, so a
claim has one wording, one harm and one remedy wherever it appears.
"""

from __future__ import annotations

import hashlib
import json
import tomllib
from dataclasses import asdict, dataclass, field, fields
from functools import cached_property
from importlib import resources
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from importlib.resources.abc import Traversable

HARMS = ("data-loss", "stranger", "blocks", "nuisance")
CERTAINTIES = ("documented", "observed", "inferred")
LEVELS = ("must", "should", "may")
PHASES = ("wire", "engine")
SCALES = ("smoke", "nightly", "full")
"""How far a run goes, least first: at the last one every scale claim is proven in full."""

SMALLEST_PART = 5
"""MiB of the smallest part that SQL Server sends (MPU-03), and what the register's costs reckon with."""

MIB = 1024 * 1024

PARTS = "parts"
"""The unit of claims that cost less where a store takes smaller parts."""

NO_CHAPTERS = ("sources.toml", "unchecked.toml")


class RegisterError(ValueError):
    """The register's own data is wrong; the text names the file and the entry."""


@dataclass(frozen=True)
class Source:
    """Where a requirement comes from: a public document, its section and its address."""

    document: str
    section: str
    url: str


@dataclass(frozen=True)
class Reach:
    """How far one scale goes with a claim (``number`` of its unit), and what that costs at the most.

    ``mib`` are bodies both ways; where the unit is ``parts``, it reckons with parts of 5 MiB.
    """

    scale: str
    number: int
    requests: int
    mib: int


@dataclass(frozen=True)
class Requirement:
    """One claim about an endpoint, with what a breach costs and how to mend it (house rules, section 3).

    ``requests`` and ``mib`` say what its check sends at the most; ``symptom`` is the claim name that stands for a
    plain failed assertion; ``any_of`` joins alternatives of which one suffices. ``capability`` is what the check
    probes: where a profile denies it, the check must be refused, where it is unknown it may be. ``needs`` names what a
    run must have for the check to say anything (``separate_keys``, ``several_nodes``, ``address_in_url``,
    ``narrow_keys``, or a capability): without it, it is not run. ``reaches`` makes it a scale claim, which is proven in
    ``unit`` as far as the scale of a run goes; its costs stand there, one for each scale.
    """

    id: str
    area: str
    title: str
    harm: str
    certainty: str
    phase: str
    dba_sees: str
    remedy: str
    source: Source
    symptom: str = ""
    capability: str = ""
    needs: tuple[str, ...] = ()
    after: tuple[str, ...] = ()
    any_of: str = ""
    requests: int = 0
    mib: int = 0
    unit: str = ""
    reaches: tuple[Reach, ...] = ()

    def reach(self, scale: str) -> Reach:
        """How far a run of this scale goes with a scale claim, and what the check of any claim costs at the most."""
        known = {reach.scale: reach for reach in self.reaches}
        return known.get(scale, Reach(scale, 0, self.requests, self.mib))

    def size(self, scale: str, part: int = SMALLEST_PART * MIB) -> int:
        """Bytes that the check moves at the most, both ways, where the store takes parts of ``part`` bytes.

        What many small parts make is small enough to be read back whole; the list of parts is twice a megabyte.
        """
        size = self.reach(scale).mib * MIB
        small = 2 * size * part // (SMALLEST_PART * MIB) + 2 * MIB
        return min(size, small) if self.unit == PARTS else size

    @property
    def level(self) -> str:
        """``must``, ``should`` or ``may``: harm decides, certainty only counts for what blocks."""
        if self.harm in ("data-loss", "stranger"):
            return "must"
        if self.harm == "blocks":
            return "should" if self.certainty == "inferred" else "must"
        return "may"

    def to_json(self) -> dict[str, Any]:
        """The entry as the run file carries it, its level spelt out."""
        reaches = [asdict(reach) for reach in self.reaches]
        lists = {"needs": list(self.needs), "after": list(self.after), "reaches": reaches}
        return {**asdict(self), **lists, "level": self.level}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Requirement:
        """The entry again from :meth:`to_json`."""
        known = {name: data[name] for name in (f.name for f in fields(cls)) if name in data}
        known.update(source=Source(**data["source"]), needs=tuple(data["needs"]), after=tuple(data["after"]))
        known["reaches"] = tuple(Reach(**reach) for reach in data.get("reaches", ()))
        return cls(**known)


@dataclass(frozen=True)
class Area:
    """One chapter of the register, in the order in which chapters are run and shown."""

    name: str
    title: str
    ids: tuple[str, ...]


@dataclass(frozen=True)
class Register:
    """All requirements by id, in the order of the files, and the areas they belong to.

    :ivar unchecked: entries of the field's catalogue that have no check, and the reason for each.
    :ivar proven: entries of the field's catalogue that have no check of their own id, and the checks that prove each.
    """

    requirements: Mapping[str, Requirement]
    areas: tuple[Area, ...] = field(default=())
    unchecked: Mapping[str, str] = field(default_factory=dict)
    proven: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def __getitem__(self, requirement_id: str) -> Requirement:
        return self.requirements[requirement_id]

    def __iter__(self) -> Iterator[Requirement]:
        return iter(self.requirements.values())

    def __len__(self) -> int:
        return len(self.requirements)

    def __contains__(self, requirement_id: object) -> bool:
        return requirement_id in self.requirements

    @cached_property
    def digest(self) -> str:
        """SHA-256 (hex) over every entry: two runs with equal digests were judged by the same register."""
        text = json.dumps([entry.to_json() for entry in self], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()


def load_register(folder: Traversable | None = None) -> Register:
    """Read every ``*.toml`` of the register.

    :param folder: where the files are; the installed register when left out.
    :raises RegisterError: a file, an entry or a reference between entries is wrong.
    """
    folder = folder or resources.files("restoreproof.suites") / "requirements"
    files = sorted((entry for entry in folder.iterdir() if entry.name.endswith(".toml")), key=lambda f: f.name)
    documents = {file.name: _document(file) for file in files}
    sources = documents.pop("sources.toml", {})
    unchecked = documents.pop("unchecked.toml", {})
    proven = {entry: tuple(checks) for entry, checks in unchecked.pop("proven_by", {}).items()}
    chapters = sorted(documents.items(), key=lambda item: item[1].get("order", 99))
    owners: dict[str, str] = {}
    requirements: dict[str, Requirement] = {}
    areas = []
    for name, document in chapters:
        entries = [_entry(name, document, raw, sources) for raw in document.get("requirement", ())]
        for entry in entries:
            if entry.id in requirements:
                raise RegisterError(f"{name}: {entry.id} is registered twice, first in {owners[entry.id]}")
            requirements[entry.id] = entry
            owners[entry.id] = name
        areas.append(Area(document["area"], document["title"], tuple(entry.id for entry in entries)))
    for entry in requirements.values():
        _check_prerequisites(owners[entry.id], entry, requirements)
    for entry_id, check in ((entry_id, check) for entry_id, checks in proven.items() for check in checks):
        if check not in requirements:
            raise RegisterError(f"unchecked.toml: {entry_id}: the check {check} is not in the register")
    return Register(requirements, tuple(areas), unchecked, proven)


def _document(file: Traversable) -> dict[str, Any]:
    try:
        document = tomllib.loads(file.read_text(encoding="utf-8"))
    except ValueError as problem:
        raise RegisterError(f"{file.name}: {problem}") from problem
    missing = [key for key in ("area", "title") if key not in document and file.name not in NO_CHAPTERS]
    if missing:
        raise RegisterError(f"{file.name}: the key {missing[0]!r} is missing at the top")
    return document


def _entry(name: str, document: Mapping[str, Any], raw: Mapping[str, Any], sources: Mapping[str, Any]) -> Requirement:
    known = {f.name for f in fields(Requirement)} - {"reaches"} | {"section", "scale"}
    unknown = set(raw) - known
    if unknown:
        raise RegisterError(f"{name}: {raw.get('id')}: unknown key {min(unknown)!r}")
    values = dict(raw)
    try:
        cited = sources[values["source"]]
        values["source"] = Source(cited["document"], values.pop("section"), cited["url"])
        values["needs"] = tuple(raw.get("needs", ()))
        gates = tuple(raw["after"]) if "after" in raw else tuple(document.get("after", ()))
        values["after"] = gates
        values["reaches"] = _reaches(values.pop("scale", {}))
        entry = Requirement(area=document["area"], **values)
    except KeyError as problem:
        raise RegisterError(f"{name}: {raw.get('id')}: no such key or source: {problem}") from problem
    except TypeError as problem:
        raise RegisterError(f"{name}: {raw.get('id')}: {problem}") from problem
    for value, allowed in ((entry.harm, HARMS), (entry.certainty, CERTAINTIES), (entry.phase, PHASES)):
        if value not in allowed:
            raise RegisterError(f"{name}: {entry.id}: {value!r} is none of {', '.join(allowed)}")
    _check_scale(name, entry)
    return entry


def _reaches(scale: Mapping[str, Mapping[str, int]]) -> tuple[Reach, ...]:
    return tuple(Reach(scale=word, **cost) for word, cost in scale.items())


def _check_scale(name: str, entry: Requirement) -> None:
    numbers = [reach.number for reach in entry.reaches]
    if bool(entry.unit) != bool(numbers) or (numbers and entry.requests + entry.mib):
        raise RegisterError(f"{name}: {entry.id}: unit and scale go together, and leave no place for requests and mib")
    if numbers and tuple(reach.scale for reach in entry.reaches) != SCALES:
        raise RegisterError(f"{name}: {entry.id}: scale names {', '.join(SCALES)}, in this order")
    if numbers != sorted(numbers):
        raise RegisterError(f"{name}: {entry.id}: no scale goes less far than the one before it")


def _check_prerequisites(name: str, entry: Requirement, requirements: Mapping[str, Requirement]) -> None:
    above, waiting = set(), list(entry.after)
    while waiting:
        gate = waiting.pop()
        if gate not in requirements:
            raise RegisterError(f"{name}: {entry.id}: its prerequisite {gate} is not in the register")
        if gate == entry.id:
            raise RegisterError(f"{name}: {entry.id}: its prerequisites lead back to itself")
        if gate not in above:
            above.add(gate)
            waiting += requirements[gate].after
