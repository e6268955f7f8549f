"""Loads what is known of an offering: ``facts/<slug>.toml``, each fact with its certainty and its sources.

    vendor   = "Acme"
    offering = "Object Store"
    kind     = "software or appliance"
    unknown  = ["region.validates_sigv4_region"]  # words of the vocabulary that nobody documents

    [sources]                                     # short name = public address; each is used at least once
    limits = "https://..."

    [multipart.max_parts]                         # a word of the vocabulary, group.leaf
    value     = 10000                             # true or false, a whole number, or a text
    certainty = "inferred"                        # documented, observed or inferred
    source    = ["limits"]
    note      = "..."                             # may be left out

    [[setup]]                                     # what the administrator does, in order
    what   = "Create a user with an access key"
    how    = \"\"\"commands of the vendor, one a line\"\"\"
    rights = true                                 # it says what a key may do; may be left out
    source = ["keys"]

    [[quirks]]                                    # peculiarities for which the vocabulary has no word
    what      = "..."
    certainty = "documented"
    source    = ["limits"]

    [variants.gateway.region.default]             # what differs in a variant (labels.variant of a profile);
    ...                                           # a variant may have unknown, setup and quirks of its own

Every word of the vocabulary is either known or named in ``unknown``: silence is no answer. A variant only says what
differs; what it does not name is as in the rest of the file.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from restoreproof.providers.document import read_document
from restoreproof.providers.problems import ProfileError, nearest, refusal
from restoreproof.providers.vocabulary import ASK, GROUPS, VOCABULARY, Word

if TYPE_CHECKING:
    from collections.abc import Mapping

    from restoreproof.providers.table import Table

FACTS = Path(__file__).parent / "facts"
"""The folder of the files of facts."""

CERTAINTIES = ("documented", "observed", "inferred")
"""Stated by the vendor or Microsoft; seen in source code or at work; concluded from something read."""

Known = bool | int | str


@dataclass(frozen=True)
class Fact:
    """One thing that is known. ``sources`` are web addresses, at least one."""

    name: str
    value: Known
    certainty: str
    sources: tuple[str, ...]
    note: str | None = None


@dataclass(frozen=True)
class Step:
    """One thing that the administrator does; ``how`` are lines: commands, or where to click.

    :ivar rights: whether it holds a key to what it needs.
    """

    what: str
    how: tuple[str, ...]
    sources: tuple[str, ...]
    rights: bool = False


@dataclass(frozen=True)
class Quirk:
    """A peculiarity for which the vocabulary has no word."""

    what: str
    certainty: str
    sources: tuple[str, ...]
    note: str | None = None


@dataclass(frozen=True)
class Facts:
    """All that is known of an offering, and the names of what is not; ``setup`` is in order."""

    slug: str
    vendor: str
    offering: str
    kind: str
    known: Mapping[str, Fact]
    unknown: tuple[str, ...]
    setup: tuple[Step, ...]
    quirks: tuple[Quirk, ...]

    def value(self, name: str) -> Known | None:
        """The value of a word of the vocabulary, None where it is unknown."""
        fact = self.known.get(name)
        return None if fact is None else fact.value


def shipped_facts() -> list[str]:
    """The names of the files of facts, in order."""
    return sorted(file.stem for file in FACTS.glob("*.toml"))


def load_facts(slug: str, variant: str | None = None) -> Facts:
    """The facts of an offering.

    :param variant: the part of the file that goes before the rest, if it has one of that name.
    :raises ProfileError: there is no such file, or it can't be used; the text lists every problem.
    """
    if slug not in shipped_facts():
        near = nearest(slug, shipped_facts()) or f"there are {', '.join(shipped_facts()) or 'none'}"
        raise refusal(slug, f"no facts are shipped under that name; {near}")
    return read_facts(FACTS / f"{slug}.toml", variant)


def read_facts(path: Path, variant: str | None = None) -> Facts:
    """The facts of one file, which may lie anywhere.

    :raises ProfileError: the file can't be used; the text lists every problem.
    """
    document = read_document(str(path), path)
    reader = _Reader(document.table, path.stem)
    facts = reader.read()
    document.problems.raise_for(str(path))
    return reader.variants.get(variant or "", facts)


class _Reader:
    """One pass over a document; what is wrong goes to its collector of problems."""

    def __init__(self, top: Table, slug: str) -> None:
        self._top = top
        self._slug = slug
        self._sources = _addresses(top.table("sources"))
        self._used: set[str] = set()
        self.variants: dict[str, Facts] = {}

    def read(self) -> Facts:
        top = self._top
        vendor, offering, kind = (top.text(key, required=True) or "" for key in ("vendor", "offering", "kind"))
        facts = Facts(self._slug, vendor, offering, kind, **self._content(top))
        for name in VOCABULARY.keys() - facts.known.keys() - set(facts.unknown):
            top.report("unknown", f"lacks {name}, which is not known either; say what is documented, or list it here")
        self._read_variants(facts)
        top.close()
        for name in self._sources.keys() - self._used:
            top.table("sources").report(name, "is a source of nothing; delete it")
        return facts

    def _read_variants(self, facts: Facts) -> None:
        variants = self._top.table("variants")
        for name in variants.names():
            table = variants.table(name)
            own = self._content(table)
            table.close()
            known, unknown = own["known"], own["unknown"]
            kept = {key: fact for key, fact in facts.known.items() if key not in unknown}
            left = tuple(key for key in facts.unknown if key not in known and key not in unknown)
            self.variants[name] = replace(
                facts,
                known=kept | known,
                unknown=left + unknown,
                setup=own["setup"] or facts.setup,
                quirks=own["quirks"],
            )

    def _content(self, table: Table) -> dict[str, Any]:
        known = self._known(table)
        return {
            "known": known,
            "unknown": _unknown(table, known),
            "setup": tuple(self._step(step) for step in table.tables("setup")),
            "quirks": tuple(self._quirk(quirk) for quirk in table.tables("quirks")),
        }

    def _known(self, table: Table) -> dict[str, Fact]:
        known: dict[str, Fact] = {}
        for group in GROUPS:
            facts = table.table(group)
            for name in (word.name for word in VOCABULARY.values() if word.group == group):
                leaf = name.partition(".")[2]
                fact = facts.table(leaf)  # asked for even if absent, so that a near miss is told this name
                if leaf in facts:
                    known[name] = self._fact(name, fact)
            facts.close()
        return known

    def _fact(self, name: str, table: Table) -> Fact:
        value = table.scalar("value")
        fact = Fact(name, "" if value is None else value, *self._backing(table), table.text("note"))
        table.close()
        return fact

    def _quirk(self, table: Table) -> Quirk:
        quirk = Quirk(table.text("what", required=True) or "", *self._backing(table), table.text("note"))
        table.close()
        return quirk

    def _step(self, table: Table) -> Step:
        what, how, rights = table.text("what", required=True) or "", table.lines("how"), table.flag("rights") or False
        step = Step(what, how, self._cited(table), rights)
        table.close()
        return step

    def _backing(self, table: Table) -> tuple[str, tuple[str, ...]]:
        return table.choice("certainty", CERTAINTIES, required=True) or "", self._cited(table)

    def _cited(self, table: Table) -> tuple[str, ...]:
        """The addresses of the sources that a table names; without any it does not go in."""
        names = table.texts("source") or ()
        if not names:
            table.report("source", "names no source; what nobody can look up does not go in")
        for name in names:
            if name not in self._sources:
                near = nearest(name, self._sources) or "add it with its address"
                table.report("source", f"names a source that [sources] does not have; {near}")
        self._used.update(names)
        return tuple(self._sources[name] for name in names if name in self._sources)


def _unknown(table: Table, known: Mapping[str, Fact]) -> tuple[str, ...]:
    names = table.texts("unknown") or ()
    for name in names:
        if name not in VOCABULARY:
            table.report("unknown", f"holds a name that the vocabulary does not have; {nearest(name, VOCABULARY)}")
        elif name in known:
            table.report("unknown", f"holds {name}, which the file knows; delete one of the two")
    if len(set(names)) < len(names):
        table.report("unknown", "names something twice")
    return names


def _addresses(table: Table) -> dict[str, str]:
    found = {name: table.text(name) or "" for name in table.names()}
    for name, address in found.items():
        if address and not address.startswith(("https://", "http://")):
            table.report(name, "must be a web address, https://...")
    return found


__all__ = [
    "ASK",
    "CERTAINTIES",
    "FACTS",
    "VOCABULARY",
    "Fact",
    "Facts",
    "ProfileError",
    "Quirk",
    "Step",
    "Word",
    "load_facts",
    "read_facts",
    "shipped_facts",
]
