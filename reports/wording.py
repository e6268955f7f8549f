"""The words that every report uses for verdicts, outcomes, harms and quantities, so that all reports say the same."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from typing import TYPE_CHECKING

from restoreproof.reports import outcome, record

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from restoreproof.reports.record import Record, Run

QUESTION = "Can {title} hold SQL Server 2022 backups and give the database back?"

MIB = 1024 * 1024

SECONDS_PER_MINUTE = 60


@dataclass(frozen=True)
class VerdictWords:
    """How a verdict is shown: a slug for markup, a short mark for plain text, and one sentence."""

    slug: str
    mark: str
    sentence: str


VERDICTS: Mapping[str, VerdictWords] = {
    record.CONFORMS: VerdictWords("conforms", "ok", "proven in this run"),
    record.CONFORMS_UP_TO: VerdictWords("upto", "ok", "proven as far as the scale of this run goes"),
    record.DEVIATES: VerdictWords("deviates", "~", "not met, and the profile says so: a declared deviation"),
    record.UNSUPPORTED: VerdictWords(
        "unsupported", "-", "not offered, and the profile does not claim it: properly refused"
    ),
    record.FAILS: VerdictWords("fails", "FAIL", "not met, and nothing in the profile says so"),
    record.STALE: VerdictWords("stale", "STALE", "met, although the profile says it is not: delete that line"),
    record.ERROR: VerdictWords("error", "ERR", "set-up or clean-up broke: this says nothing about the provider"),
    record.NOT_RUN: VerdictWords("notrun", "?", "no answer in this run"),
}
"""Every verdict, in the order in which it is shown."""

FINDING_ORDER = (
    record.FAILS,
    record.ERROR,
    record.STALE,
    record.DEVIATES,
    record.UNSUPPORTED,
    record.NOT_RUN,
)
"""Verdicts that a reader must hear about, worst first."""

HARMS: Mapping[str, str] = {
    "data-loss": "Can lose a backup",
    "stranger": "Can let a stranger in",
    "blocks": "Can stop backup or restore",
    "nuisance": "Can be a nuisance",
}
"""What a breach costs, worst first."""


@dataclass(frozen=True)
class OutcomeWords:
    """An outcome in plain words: the answer, what it means, and what must be said with it."""

    slug: str
    answer: str
    meaning: str


OUTCOMES: Mapping[str, OutcomeWords] = {
    outcome.CERTIFIED: OutcomeWords(
        "certified",
        "Yes: certified.",
        "Every requirement whose breach can lose a backup, let a stranger in or stop backup or restore was met, and a "
        "real SQL Server backed up to this endpoint and restored from it.",
    ),
    outcome.REHEARSED: OutcomeWords(
        "rehearsed",
        "Rehearsed, not certified.",
        "Every must was met, but a stand-in took the place of SQL Server or of the endpoint. This shows that the "
        "rehearsal works; it says nothing binding about a product.",
    ),
    outcome.WIRE_CONFORMANT: OutcomeWords(
        "wire",
        "On the wire, yes.",
        "Every must that can be judged from the S3 requests and answers alone was met. No SQL Server took part, so no "
        "database was backed up or restored.",
    ),
    outcome.NOT_CERTIFIED: OutcomeWords(
        "not-certified",
        "No: not certified.",
        "At least one must is not met. A deviation that the profile declares is known, but it is still not met.",
    ),
    outcome.INCOMPLETE: OutcomeWords(
        "incomplete",
        "Not known: the run is incomplete.",
        "At least one must has no answer in this run, and what was not asked is not proven.",
    ),
    outcome.NO_OUTCOME: OutcomeWords(
        "no-outcome",
        "Not asked: only a part was checked.",
        "This run looked at selected checks. It has verdicts, but no outcome.",
    ),
}


def cautions(run: Run) -> list[str]:
    """What must be said loud and clear next to the outcome, in whole sentences."""
    header, footer = run.header, run.footer
    said = []
    if footer.rung != outcome.CERTIFIED:
        said.append("This is not a certificate.")
    if header.endpoint["ours"]:
        said.append("The endpoint is a stand-in that RestoreProof started itself, not a vendor's product.")
    if header.engine and header.engine["standin"]:
        said.append("SQL Server is a stand-in, not Microsoft's product.")
    if header.defects:
        said.append(f"Defects were switched on for this run: {', '.join(header.defects)}.")
    aside = sum(entry.reason == outcome.ONE_ADDRESS for entry in run.records)
    if aside:
        said.append(f"The endpoint has one address: {aside} claims about several nodes do not apply and were not run.")
    unasked = sum(entry.reason == outcome.denied("versioning") for entry in run.records)
    if unasked and header.bucket.get("Versioning") == "Enabled":
        said.append(
            f"The bucket keeps versions, but the profile has not versioning = true: {unasked} claims were not run."
        )
    if header.endpoint.get("unreached"):
        said.append(f"Left out, for nothing answers there: {', '.join(header.endpoint['unreached'])}.")
    return [*said, *_remains(run)]


def _remains(run: Run) -> Iterator[str]:
    cleanup, usage = run.footer.cleanup, run.footer.usage
    if cleanup["error"]:
        yield f"Clean-up did not finish: {cleanup['error']}"
    if usage.get("finding"):
        yield f"Residue: {usage['finding']} after clean-up."
    if usage.get("error"):
        yield f"What the store takes up is not known: {usage['error']}."
    if cleanup["left"]:
        yield f"Left behind: {', '.join(cleanup['left'])}."


def usage_text(run: Run) -> str:
    """What the store took up before and after, in one line; empty where nobody asked."""
    usage = run.footer.usage
    if usage.get("before") is None or usage.get("after") is None:
        return ""
    before, after = mebibytes(usage["before"]), mebibytes(usage["after"])
    return f"{before} before the first check, {after} after clean-up; up to {mebibytes(usage['tolerance'])} may stay"


def declared(run: Run) -> str:
    """Whether everything came out as the profile declares, in one sentence."""
    if run.footer.as_declared:
        return "Everything came out as the profile declares."
    return "Not everything came out as the profile declares."


def verdict_text(entry: Record) -> str:
    """The verdict as people say it, with the envelope where there is one."""
    return f"{entry.verdict} {entry.envelope}" if entry.verdict == record.CONFORMS_UP_TO else entry.verdict


def envelope_text(run: Run) -> str:
    """How far the checks went that passed, in one line."""
    return ", ".join(f"{name} {value}" for name, value in envelope_figures(run).items())


def envelope_figures(run: Run) -> dict[str, str]:
    """How far the checks went that passed, each figure with its name."""
    seen = run.footer.envelope
    return {
        "largest object": mebibytes(int(seen.get("object_bytes", 0))),
        "most parts": f"{seen.get('parts', 0):,}",
        "stripes at once": f"{seen.get('stripes', 0):,}",
        "requests at once": f"{seen.get('concurrency', 0):,}",
        "longest-open upload": duration(seen.get("open_seconds", 0.0)),
    }


def nodes_text(run: Run) -> str:
    """The addresses behind the endpoint's name, in one line; empty where the run did not look for them."""
    return ", ".join(run.header.endpoint.get("nodes", ()))


def labels_text(run: Run) -> str:
    """What the run is labelled with, in one line; empty where it has no labels."""
    return ", ".join(f"{name} {value}" for name, value in sorted(run.header.labels.items()))


def engine_text(run: Run) -> str:
    """The SQL Server that took part, in one line."""
    engine = run.header.engine
    if engine is None:
        return "none took part"
    build = ".".join(str(number) for number in engine["build"])
    if engine["standin"]:
        return f"stand-in for SQL Server {build}"
    return f"SQL Server {build}, {engine['edition']}, {engine['platform']}"


def census_title(run: Run) -> str:
    """Whose requests a census shows."""
    sender = "the stand-in" if run.header.engine and run.header.engine["standin"] else "SQL Server"
    return f"What {sender} sent"


def census_text(run: Run) -> str:
    """What the answers of a census are worth, and what they settle."""
    if run.header.engine and run.header.engine["standin"]:
        return (
            "The stand-in sent this: it shows what we guessed of SQL Server, and settles nothing. In a run with SQL "
            "Server an answer that is seen settles the switch of the stand-in that stands beside it."
        )
    return (
        "No public document answers these questions. An answer that was seen settles the switch of the stand-in that "
        "stands beside it. certify --behave-like RUN takes probe, tiny, payload_hash, parts_in_flight, parallel_ranges "
        "and user_agent from here; set the others with --behave."
    )


def counted(number: int, thing: str) -> str:
    """So many of something: ``1 round``, ``5 rounds``."""
    return f"{number:,} {thing}{'' if number == 1 else 's'}"


def duration(seconds: float) -> str:
    """A span of time, as precise as it is useful: ``0.05 s``, ``12.3 s``, ``2 min 05 s``."""
    if seconds >= SECONDS_PER_MINUTE:
        minutes, rest = divmod(round(seconds), SECONDS_PER_MINUTE)
        return f"{minutes} min {rest:02} s"
    return f"{seconds:.1f} s" if seconds >= 1 else f"{seconds:.2f} s"


def mebibytes(size: int) -> str:
    """A number of bytes in MiB, one digit behind the point below ten."""
    amount = size / MIB
    if 0 < amount < 0.1:  # noqa: PLR2004  # what would round to nothing
        return "<0.1 MiB"
    return f"{amount:,.1f} MiB" if 0 < amount < 10 else f"{amount:,.0f} MiB"  # noqa: PLR2004  # two digits say enough


def speed(rate: float) -> str:
    """Bytes a second in MiB, one digit behind the point below a hundred."""
    number = rate / MIB
    return f"{number:,.1f}" if number < 100 else f"{number:,.0f}"  # noqa: PLR2004  # three digits say enough


def visible(text: str) -> str:
    """The text with every character made visible that could hide or rearrange others, or break a format.

    Control characters become control pictures, direction overrides and half characters their code in brackets; line
    feeds and tabs stay.
    """
    if text.isascii() and text.isprintable():
        return text
    return "".join(_visible(letter) for letter in text.replace("\r\n", "\n"))


def _visible(letter: str) -> str:
    code = ord(letter)
    if letter in "\n\t":
        return letter
    if code < 0x20:  # noqa: PLR2004  # C0 controls have pictures at the same place of their own block
        return chr(0x2400 + code)
    if code == 0x7F:  # noqa: PLR2004  # DELETE
        return "\u2421"
    never_text = unicodedata.category(letter) in ("Cc", "Cs") or code & 0xFFFE == 0xFFFE  # noqa: PLR2004  # no letters
    return f"[U+{code:04X}]" if never_text or unicodedata.bidirectional(letter) in BIDI_CONTROLS else letter


BIDI_CONTROLS = frozenset({"LRE", "RLE", "PDF", "LRO", "RLO", "LRI", "RLI", "FSI", "PDI"})
