"""All offerings side by side, and the rules that operators keep with every one of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from restoreproof.commands.markdown_text import code, plain, table
from restoreproof.commands.starter import port_of
from restoreproof.commands.vendor import shown, span
from restoreproof.commands.vendor_page import GENERATED, OPERATORS
from restoreproof.reports.rules import load_rules

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from restoreproof.commands.vendor import Vendor
    from restoreproof.reports.rules import Rule

HEAD = (
    "Offering",
    "HTTPS port",
    "Region",
    "Wrong region refused",
    "Bucket",
    "Parts: fewest bytes, most",
    "Open uploads listed",
    "Left parts removed by",
    "Form of the ETag",
    "Object Lock",
    "Known, unknown",
    "Deviations seen",
)


def comparison(vendors: Sequence[Vendor]) -> str:
    """The table of all offerings, as Markdown."""
    lines = [
        "# SQL Server 2022 backups on S3: the vendors' pages",
        "",
        GENERATED.format("providers/*.toml and providers/facts/*.toml"),
        "",
        "What is documented of each offering, as its page has it with sources; **?** is what nobody documents, and",
        "each page says how a run finds it out. Where no deviations are counted RestoreProof has not been run for the",
        f"page: what stands here is documented, not seen. What holds with every vendor: [{OPERATORS}]({OPERATORS}).",
        "",
        *table(HEAD, [list(_row(vendor)) for vendor in vendors]),
    ]
    return "\n".join(lines) + "\n"


def _row(vendor: Vendor) -> Iterator[str]:
    profile, facts = vendor.profile, vendor.facts
    yield f"[{plain(profile.title)}]({profile.name}.md)"
    yield str(port_of(profile)) if "endpoint.https_port" in facts.known else "**?**"
    yield code(profile.endpoint.region)
    yield _known(vendor, "region.validates_sigv4_region")
    yield {"path": "path", "virtual": "host name"}[profile.endpoint.style] + _other(vendor)
    yield f"{_known(vendor, 'multipart.min_part_bytes')}; {_known(vendor, 'multipart.max_parts')}"
    yield _known(vendor, "multipart.list_multipart_uploads")
    yield _removed(vendor)
    yield _known(vendor, "etag.multipart_format")
    yield _known(vendor, "versioning_and_lock.object_lock")
    yield f"{len(facts.known)}, {len(facts.unknown)}"
    yield str(len(profile.deviations) + len(profile.elsewhere)) if vendor.is_run else "not run"


def _known(vendor: Vendor, name: str) -> str:
    fact = vendor.facts.known.get(name)
    return "**?**" if fact is None else plain(shown(fact.value, name))


def _other(vendor: Vendor) -> str:
    return ", or the other way" if vendor.takes("path") and vendor.takes("virtual") else ""


def _removed(vendor: Vendor) -> str:
    cleanup = vendor.profile.cleanup
    if cleanup.mechanism == "manual":
        return "**?**" if "abort_cleanup.builtin_gc" in vendor.facts.unknown else "nobody"
    word = {"lifecycle": "lifecycle rule", "admin-rule": "admin's rule", "built-in": "the server"}[cleanup.mechanism]
    return f"{word}, after {span(cleanup.after)}" if cleanup.after else word


def operators() -> str:
    """The rules that operators keep whatever the vendor, as Markdown."""
    lines = [
        "# What holds with every vendor",
        "",
        GENERATED.format("suites/rules/*.toml"),
    ]
    area = ""
    for rule in load_rules().values():
        if "page" not in rule.places:
            continue
        if rule.area != area:
            area = rule.area
            lines += ["", f"## {area.replace('_', ' ').capitalize()}"]
        lines += ["", *_rule(rule)]
    return "\n".join(lines) + "\n"


def _rule(rule: Rule) -> Iterator[str]:
    elsewhere = [code(f"restoreproof {place}") for place in rule.places if place != "page"]
    source = f"[{plain(rule.source.document)}](<{rule.source.url}>), {plain(rule.source.section)}"
    yield f"### {rule.id}"
    yield ""
    yield f"{plain(rule.title)} {plain(rule.remedy)}"
    yield ""
    yield f"- SQL Server shows: {plain(rule.dba_sees)}"
    yield f"- Source: {source} ({rule.certainty})"
    if elsewhere:
        yield f"- Also told by: {', '.join(elsewhere)}"
