"""The report as GitHub-flavoured Markdown: for pull requests, tickets and terminals."""

from __future__ import annotations

import html
import re
from typing import TYPE_CHECKING, Any

from restoreproof.reports import figures, found, wording
from restoreproof.reports.lines import pretty

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from restoreproof.reports.record import Exchange, Record, Run

SPECIAL = re.compile(r"([\\`*_\[\]|#~])")
"""What Markdown would read as its own; angle brackets and ampersands become entities instead."""


def render(run: Run) -> str:
    """The whole report of one run."""
    blocks = (
        _outcome(run),
        _facts(run),
        _areas(run),
        _findings(run),
        _not_run(run),
        _known(run),
        _census(run),
        _checks(run),
    )
    return "\n\n".join(line for block in blocks for line in block) + "\n"


def plain(text: str) -> str:
    """Text on one line that Markdown shows as it is."""
    shown = html.escape(" ".join(wording.visible(text).split()), quote=False)
    return SPECIAL.sub(r"\\\1", shown)


def code(text: str) -> str:
    """Text on one line as code; fit for table cells."""
    shown = " ".join(wording.visible(text).split()).replace("|", "\\|")
    fence = "`" * (1 + max((len(run) for run in re.findall("`+", shown)), default=0))
    pad = " " if "`" in shown else ""
    return f"{fence}{pad}{shown}{pad}{fence}" if shown else "none"


def fenced(text: str, language: str = "") -> str:
    """Text of several lines as a block of code."""
    shown = wording.visible(text)
    fence = "`" * max(3, 1 + max((len(run) for run in re.findall("`+", shown)), default=0))
    return f"{fence}{language}\n{shown}\n{fence}"


def table(head: Sequence[str], rows: Iterable[Sequence[str]], right: Iterable[int] = ()) -> str:
    """A table; cells are Markdown already, ``right`` lists the columns of numbers."""
    aligned = set(right)
    rule = ["---:" if number in aligned else "---" for number in range(len(head))]
    return "\n".join("| " + " | ".join(row) + " |" for row in (head, rule, *rows))


def link(text: str, address: str) -> str:
    """A link where the address is safe to follow, else the text alone."""
    safe = address.lower().startswith(("https://", "http://")) and address.isprintable() and " " not in address
    return f"[{plain(text)}](<{address.replace('>', '%3E').replace('<', '%3C')}>)" if safe else plain(text)


def _outcome(run: Run) -> Iterator[str]:
    words = wording.OUTCOMES[run.footer.rung]
    musts = figures.musts(run)
    yield f"# {plain(run.header.provider['title'])}: {words.answer}"
    yield f"*{plain(wording.QUESTION.format(title=run.header.provider['title']))}*"
    yield f"{words.meaning} **Why:** {plain(run.footer.reason)}."
    cautions = wording.cautions(run)
    if cautions:
        first, *rest = cautions
        yield "> [!WARNING]\n> " + " ".join((f"**{plain(first)}**", *(plain(sentence) for sentence in rest)))
    yield (
        f"{musts.met} of {musts.total} musts met, {musts.broken} not met, {musts.open} without an answer. "
        f"{wording.declared(run)}"
    )


def _facts(run: Run) -> Iterator[str]:
    header = run.header
    endpoint = header.endpoint
    facts = {
        "Provider": f"{plain(header.provider['title'])} ({code(header.provider['name'])})",
        "Endpoint": code(endpoint["url"]),
        **({"Nodes": code(wording.nodes_text(run))} if wording.nodes_text(run) else {}),
        "Server": plain(endpoint["software"] or endpoint["server"] or "does not say"),
        "TLS": plain(header.tls["version"] or "no handshake"),
        "SQL Server": plain(wording.engine_text(run)),
        "Proven up to": f"{plain(wording.envelope_text(run))} (scale {run.header.selection['scale']})",
        "Suite": f"RestoreProof {plain(header.suite)}",
        "Run": f"{code(header.run)}, {header.started} to {run.footer.finished}",
        "Profile": f"SHA-256 {code(header.provider['digest'])}",
        "Register": f"SHA-256 {code(header.register)}",
        "Took": f"{wording.duration(run.footer.seconds)}, {run.footer.requests:,} requests",
        **({"Takes up": plain(wording.usage_text(run))} if wording.usage_text(run) else {}),
        **({"Labels": plain(wording.labels_text(run))} if header.labels else {}),
    }
    yield table(("What was judged", ""), facts.items())
    if header.bucket:
        yield table(
            ("What the bucket allows", ""), ((plain(name), plain(text)) for name, text in header.bucket.items())
        )


def _areas(run: Run) -> Iterator[str]:
    yield "## What was proven, and what it took"
    shown = [verdict for verdict in wording.FINDING_ORDER if figures.total(run).count(verdict)]
    head = ("Area", "Proven", *shown, "Time", "Requests", "Data")
    rows = [_area_row(area, shown) for area in (*figures.areas(run), figures.total(run))]
    yield table(head, rows, right=range(1, len(head)))


def _area_row(area: figures.Sums, shown: Sequence[str]) -> list[str]:
    return [
        plain(area.title),
        f"{area.proven} of {area.total}",
        *(str(area.count(verdict) or "") for verdict in shown),
        wording.duration(area.seconds),
        f"{area.requests:,}",
        wording.mebibytes(area.size),
    ]


def _findings(run: Run) -> Iterator[str]:
    found = figures.findings(run)
    yield f"## Findings ({len(found)})"
    for entry in found:
        yield from _finding(entry)


def _finding(entry: Record) -> Iterator[str]:
    need = entry.requirement
    yield f"### {entry.verdict}: {plain(need.title)}"
    yield f"{code(entry.id)} · **{need.level}** · {wording.HARMS[need.harm].lower()} · {plain(need.certainty)}"
    blames = entry.verdict not in ("stale", "error")
    told = {
        "Expected": plain(entry.expected),
        "Observed": plain(entry.observed),
        "Symptom": code(entry.symptom) if entry.symptom else "",
        "Declared": " ".join(part for part in (plain(entry.reason), link(entry.link, entry.link)) if part),
        "The DBA would see": plain(need.dba_sees) if blames else "",
        "Remedy": plain(need.remedy) if blames else "",
        "Source": f"{link(need.source.document, need.source.url)}, {plain(need.source.section)}",
        "Variants": ", ".join(f"{code(variant.id)} {variant.verdict}" for variant in entry.variants),
        "Reproduce": code(entry.reproduce) if entry.reproduce else "",
    }
    yield "\n".join(f"- **{name}:** {text}" for name, text in told.items() if text)
    if entry.evidence:
        yield _folded("Evidence", fenced(pretty(entry.evidence), "json"))
    for exchange in entry.exchanges:
        yield _folded(f"{exchange.method} {exchange.url}: {exchange.status} {exchange.reason}", _exchange(exchange))


def _folded(title: str, content: str) -> str:
    shown = html.escape(" ".join(wording.visible(title).split()))
    return f"<details><summary>{shown}</summary>\n\n{content}\n\n</details>"


def _exchange(exchange: Exchange) -> str:
    lines = [
        f"{exchange.method} {exchange.url}",
        *(f"{name}: {value}" for name, value in exchange.request_headers.items()),
        "",
        f"{exchange.status or 'no answer'} {exchange.reason}",
        *(f"{name}: {value}" for name, value in exchange.response_headers.items()),
        "",
        exchange.body,
    ]
    return fenced("\n".join(lines).rstrip(), "http")


def _not_run(run: Run) -> Iterator[str]:
    groups = figures.not_run(run)
    if groups:
        yield f"## No answer in this run ({sum(len(entries) for _, entries in groups)})"
        yield table(
            ("Reason", "Checks"),
            ((plain(reason), ", ".join(code(entry.id) for entry in entries)) for reason, entries in groups),
        )


def _known(run: Run) -> Iterator[str]:
    rows = found.rows(run)
    if rows:
        yield "## What is documented, and what was found"
        yield table(
            ("What there is to know", "Documented", "Found in this run"),
            ((f"{plain(row.sentence)} {code(row.name)}", plain(row.documented), plain(row.found)) for row in rows),
        )


def _census(run: Run) -> Iterator[str]:
    if run.footer.census:
        yield f"## {wording.census_title(run)} ({len(run.footer.census)} questions)"
        yield plain(wording.census_text(run))
        head = ("", "Open question", "Seen in this run", "Requests", "Settles the switch")
        yield table(head, (_answer(row) for row in run.footer.census), right=(3,))


def _answer(row: Mapping[str, Any]) -> tuple[str, ...]:
    number, requests = str(row["number"]), f"{row['requests']:,}"
    return number, plain(row["question"]), plain(row["answer"]), requests, code(row["settles"])


def _checks(run: Run) -> Iterator[str]:
    yield f"## All checks ({figures.total(run).total})"
    for area in figures.areas(run):
        if not area.total:
            continue
        yield f"### {plain(area.title)}"
        rows = (
            (
                plain(wording.verdict_text(entry)),
                code(entry.id),
                plain(entry.requirement.title),
                entry.requirement.level,
            )
            for entry in area.records
        )
        yield table(("Verdict", "Id", "Claim", "Level"), rows)
