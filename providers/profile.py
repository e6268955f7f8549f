"""Loads a provider's profile: one TOML file, checked as a whole before anything starts.

Whatever is wrong is told at once, each problem with file, line and the nearest valid spelling, and no value of the
file is ever repeated in a message: somebody may have put a secret where it does not belong.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from restoreproof.providers.differences import Cleanup, read_differences, read_variants
from restoreproof.providers.document import read_document
from restoreproof.providers.endpoint import EndpointSettings, read_endpoint
from restoreproof.providers.facts import shipped_facts
from restoreproof.providers.files import is_file
from restoreproof.providers.keys import KeyPair, KeyReader, Keys, KeySource
from restoreproof.providers.problems import Problem, ProfileError, nearest, refusal
from restoreproof.providers.ranges import RangeReader
from restoreproof.providers.usage import Usage, read_usage

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from restoreproof.providers.capabilities import Value
    from restoreproof.providers.differences import Differences
    from restoreproof.providers.document import Document
    from restoreproof.providers.table import Table

SHIPPED = Path(__file__).parent
"""The folder of the profiles that come with RestoreProof."""

SLUG = re.compile(r"[a-z0-9_]+")
"""What a provider may be called."""

SYMPTOM = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]*", re.ASCII)
"""What a deviation may show."""


@dataclass(frozen=True)
class Deviation:
    """A check that must fail with this symptom, or the run is red; ``seen_in`` is the range of releases, if any.

    One that is ``intermittent`` need not show itself in every run: a pass is then no proof, and the check not met.
    """

    check: str
    symptom: str
    reason: str
    link: str
    seen_in: str = ""
    intermittent: bool = False


@dataclass(frozen=True)
class Profile:
    """A provider as its file describes it, with every default filled in.

    ``digest`` is the SHA-256 (hex) of the file's bytes. ``facts`` is the name of the file of what is documented of the
    offering (:mod:`restoreproof.providers.facts`), if there is one. ``keys`` has the roles ``backup``, ``restore`` and
    ``housekeeping``; it is empty for a server that RestoreProof starts. ``key_sources`` says where they come
    from, ``warnings`` what the user should hear. ``deviations`` are those of the release that the labels tell,
    ``elsewhere`` those of others; ``ranges`` has every range of releases and whether it holds (None: not told).
    ``given`` has the capabilities that the file names for this release; of the others it says nothing.
    """

    name: str
    title: str
    path: Path
    digest: str
    endpoint: EndpointSettings
    keys: Mapping[str, KeyPair]
    capabilities: Mapping[str, Value]
    limits: Mapping[str, int]
    cleanup: Cleanup = field(default_factory=Cleanup)
    usage: Usage = field(default_factory=Usage)
    deviations: tuple[Deviation, ...] = ()
    elsewhere: tuple[Deviation, ...] = ()
    ranges: Mapping[str, bool | None] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)
    key_sources: Mapping[str, KeySource] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    facts: str | None = None
    given: frozenset[str] = frozenset()


def shipped_profiles() -> list[str]:
    """The names of the profiles that come with RestoreProof, in order."""
    return sorted(file.stem for file in SHIPPED.glob("*.toml"))


def load_profile(  # noqa: PLR0913 - who asks says by name how much is to be let through
    name_or_path: str,
    environ: Mapping[str, str] | None = None,
    known_ids: Collection[str] = (),
    *,
    require_keys: bool = True,
    labels: Mapping[str, str] | None = None,
    colons: bool = False,
) -> Profile:
    """Read and check a profile.

    Where keys are required, an example for a URL (under ``.example.test``) is a problem too, and else worth a warning.

    :param name_or_path: the name of a shipped profile, or a file (anything with a ``/`` or ending in ``.toml``).
    :param environ: the environment variables; those of this process when left out.
    :param known_ids: the checks that a deviation may name.
    :param require_keys: whether a key that nobody has set is a problem; else its role is just absent from ``keys``.
    :param labels: what the run is labelled with, joined to the profile's own and stronger than these; with None nobody
        is going to judge by the profile, and ranges of releases whose labels it lacks just do not hold.
    :param colons: whether a ``:`` in a key is let through, for whoever judges it.
    :raises ProfileError: the file cannot be used; the text lists every problem.
    """
    path = find_profile(name_or_path)
    file = str(path) if path.parent == SHIPPED else name_or_path
    document = read_document(file, path)
    keys = KeyReader(path.parent, os.environ if environ is None else environ, required=require_keys, colons=colons)
    profile = _build(document, path, keys, known_ids, labels)
    document.problems.raise_for(file)
    return profile


def find_profile(name_or_path: str) -> Path:
    """The file that is meant by a shipped name or a path; a path need not exist.

    :raises ProfileError: the name is none of the shipped ones.
    """
    if name_or_path.endswith(".toml") or "/" in name_or_path or "\\" in name_or_path:
        return Path(name_or_path).absolute()
    if name_or_path in shipped_profiles():
        return SHIPPED / f"{name_or_path}.toml"
    for file in (name_or_path, f"{name_or_path}.toml"):
        if is_file(Path(file)):
            raise refusal(name_or_path, f"no profile of that name is shipped; for the file say ./{file}")
    near = nearest(name_or_path, shipped_profiles())
    shipped = " ".join(filter(None, (near, f"shipped are {', '.join(shipped_profiles())}")))
    raise refusal(
        name_or_path, f"no profile of that name is shipped; {shipped}; a file is named by its path, ./NAME.toml"
    )


def _build(
    document: Document, path: Path, keys: KeyReader, known_ids: Collection[str], labels: Mapping[str, str] | None
) -> Profile:
    top = document.table
    name, title = _name(top), top.text("title", required=True) or ""
    endpoint = read_endpoint(top.table("endpoint"), path.parent)
    found = _keys(top, endpoint, keys)
    joined = {**_labels(top.table("labels")), **(labels or {})}
    ranges = RangeReader(joined, strict=labels is not None)
    told = _differences(top, endpoint.style, ranges)
    deviations, elsewhere = _deviations(top.tables("deviations"), known_ids, ranges)
    profile = Profile(
        name=name,
        title=title,
        path=path,
        digest=document.digest,
        endpoint=endpoint,
        keys=found.pairs,
        capabilities=told.all_capabilities(),
        limits=told.all_limits(),
        cleanup=told.whole_cleanup(),
        usage=read_usage(top.table("usage"), endpoint.kind),
        deviations=deviations,
        elsewhere=elsewhere,
        ranges=ranges.seen,
        labels=joined,
        key_sources=found.sources,
        warnings=found.warnings,
        facts=top.choice("facts", shipped_facts()),
        given=frozenset(told.capabilities),
    )
    top.close()
    return profile


def _differences(top: Table, style: str, ranges: RangeReader) -> Differences:
    """What the profile says of the release that the labels tell."""
    told = read_differences(top, mechanism_required=True).overlaid(read_variants(top.tables("variants"), ranges))
    needed = "path_style" if style == "path" else "virtual_host"
    if not told.all_capabilities()[needed]:
        top.table("capabilities").report(needed, f'must be true, for the endpoint says style = "{style}"')
    if told.whole_cleanup().kills_backups:
        text = "is longer than after: the server would remove the parts of a running backup"
        top.table("cleanup").report("longest_backup", text)
    return told


def _keys(top: Table, endpoint: EndpointSettings, reader: KeyReader) -> Keys:
    """The pairs of a server that is there already; one that we start is given pairs of our making."""
    table = top.table("keys")
    if endpoint.is_placeholder:
        return _keys_of_nobody(top, reader)
    if endpoint.kind == "url":
        return reader.read(table)
    if "keys" in top:
        top.report("keys", f"belongs to an endpoint by url; one by {endpoint.kind} gets keys made for the run")
    return Keys({}, {}, ())


def _keys_of_nobody(top: Table, reader: KeyReader) -> Keys:
    """Nothing can be run against an example of a URL, and the line that says so comes without one for each key."""
    name = top.text("name") or ""
    own = f"write a profile of your own with restoreproof profile new NAME --like {name}"
    advice = f"is an example; {own if name in shipped_profiles() else 'write the host and port of your store'}"
    if reader.required:
        top.table("endpoint").report("url", advice)
    keys = reader.lenient().read(top.table("keys"))
    return replace(keys, warnings=(*keys.warnings, f"[endpoint].url {advice}"))


def _name(top: Table) -> str:
    name = top.text("name", required=True) or ""
    if name and not SLUG.fullmatch(name):
        top.report("name", "must be small letters, digits and _ only")
    return name


def _deviations(
    tables: list[Table], known_ids: Collection[str], ranges: RangeReader
) -> tuple[tuple[Deviation, ...], tuple[Deviation, ...]]:
    """The deviations of the release that the labels tell, and those of others."""
    found: dict[str, Deviation] = {}
    elsewhere: list[Deviation] = []
    for table in tables:
        seen_in, holds = ranges.read(table, "seen_in")
        deviation = _deviation(table, known_ids, seen_in)
        if not holds:
            elsewhere.append(deviation)
            continue
        if deviation.check and deviation.check in found:
            table.report("check", "has been declared before; one check has one symptom")
        found[deviation.check] = deviation
    return tuple(found.values()), tuple(elsewhere)


def _deviation(table: Table, known_ids: Collection[str], seen_in: str) -> Deviation:
    values = {key: table.text(key, required=True) or "" for key in ("check", "symptom", "reason", "link")}
    intermittent = table.flag("intermittent") or False
    table.close()
    deviation = Deviation(**values, seen_in=seen_in, intermittent=intermittent)
    if deviation.check and deviation.check not in known_ids:
        near = nearest(deviation.check, known_ids) or "restoreproof certify --list shows all ids"
        table.report("check", f"no check has this id; {near}")
    if deviation.symptom and not SYMPTOM.fullmatch(deviation.symptom):
        table.report("symptom", "must be one S3 code, HTTP-<status>, timeout, reset or a claim name; no pattern")
    if deviation.link and not deviation.link.startswith(("https://", "http://")):
        table.report("link", "must be a web address, https://...")
    return deviation


def _labels(table: Table) -> dict[str, str]:
    labels = {name: table.text(name) for name in table.names()}
    return {name: value for name, value in labels.items() if value is not None}


__all__ = [
    "SHIPPED",
    "SLUG",
    "SYMPTOM",
    "Cleanup",
    "Deviation",
    "EndpointSettings",
    "KeyPair",
    "KeySource",
    "Problem",
    "Profile",
    "ProfileError",
    "Usage",
    "find_profile",
    "load_profile",
    "shipped_profiles",
]
