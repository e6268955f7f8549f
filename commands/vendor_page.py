"""One vendor's page: what to configure, T-SQL to paste, what to expect, and what nobody documents."""

from __future__ import annotations

from typing import TYPE_CHECKING

from restoreproof.commands.markdown_text import code, fenced, links, plain, table
from restoreproof.commands.vendor import shown, span
from restoreproof.commands.vendor_sql import script
from restoreproof.fixtures.engines.limits import REGION
from restoreproof.providers.capabilities import CAPABILITIES, LIMITS
from restoreproof.providers.expectations import unseen
from restoreproof.providers.facts import ASK, VOCABULARY
from restoreproof.reports.register import load_register
from restoreproof.reports.rules import load_rules

if TYPE_CHECKING:
    from collections.abc import Iterator

    from restoreproof.commands.vendor import Vendor
    from restoreproof.providers.capabilities import Value
    from restoreproof.providers.facts import Fact

OPERATORS = "operators.md"
"""The page of the rules that hold with every vendor."""

ALL_PAGES = "restoreproof profile page --all --output-dir DIR"

GENERATED = "<!-- Written by `make pages` from {}; change that, not this. -->"
TRUST = "tls"
"""The area of the rules that say where the CA goes."""

REGION_RULES = ("REG-02", "REG-03", "REG-05")

_MECHANISMS = {
    "lifecycle": "a lifecycle rule that you put on the bucket (AbortIncompleteMultipartUpload), and nobody without one",
    "admin-rule": "a rule that is set with the vendor's own tool, and nobody without one",
    "built-in": "the server",
    "manual": "nobody: somebody has to list and abort them",
}


def page(vendor: Vendor) -> str:
    """The whole page, as Markdown."""
    sections = (
        _opening(vendor),
        _configure(vendor),
        _trust(vendor),
        _statements(vendor),
        _facts(vendor),
        _deviations(vendor),
        _differences(vendor),
        _leftovers(vendor),
        _unknown(vendor),
        _lab(vendor),
        _guidance(vendor),
        _next(vendor),
    )
    return "\n\n".join("\n".join(section) for section in sections) + "\n"


def _opening(vendor: Vendor) -> Iterator[str]:
    profile, facts = vendor.profile, vendor.facts
    yield f"# {plain(profile.title)} and SQL Server 2022"
    yield ""
    yield _generated(vendor)
    yield ""
    yield f"{plain(facts.vendor)}, {plain(facts.offering)}: {plain(facts.kind)}. " + (
        "RestoreProof starts it by itself, and runs have shown what the profile declares."
        if vendor.is_run
        else "RestoreProof has not been run against it for this page: **what follows is documented, not seen.**"
    )
    yield ""
    endpoint = profile.endpoint
    rows = [
        ("Endpoint", code(vendor.url) + (" (an example; yours goes there)" if vendor.is_example else "")),
        ("Bucket", "in the path" if endpoint.style == "path" else "in the host name"),
        ("Region", f"{code(endpoint.region)}; a signature for another is refused: {_checked(vendor)}"),
        ("Secrets", _secrets(vendor)),
        ("What failed backups leave is removed by", _remover(vendor)),
        (
            "Known and unknown",
            f"{len(facts.known)} of {len(VOCABULARY)} facts with a source, {len(facts.unknown)} unknown",
        ),
    ]
    yield from table(["", ""], rows)


def _generated(vendor: Vendor) -> str:
    if vendor.is_shipped:
        return GENERATED.format(f"providers/{vendor.profile.name}.toml and providers/facts/{vendor.facts.slug}.toml")
    return f"<!-- Written by `restoreproof profile page {vendor.named}`; change that file, not this. -->"


def _rule(vendor: Vendor, name: str) -> str:
    """A rule for operators; a link to it where the page of them lies beside this one."""
    return f"[{name}]({OPERATORS}#{name.lower()})" if vendor.is_shipped else name


def _remover(vendor: Vendor) -> str:
    mechanism = vendor.profile.cleanup.mechanism
    if mechanism == "manual" and "abort_cleanup.builtin_gc" in vendor.facts.unknown:
        return "nobody, as far as is documented: somebody has to list and abort them"
    return _MECHANISMS[mechanism]


def _checked(vendor: Vendor) -> str:
    value = vendor.profile.capabilities["region_checked"]
    fact = vendor.facts.value("region.validates_sigv4_region")
    return shown(value) if value != "unknown" or fact is None else plain(shown(fact))


def _secrets(vendor: Vendor) -> str:
    fact = vendor.facts.value("credentials.secret_key_format")
    risk = vendor.facts.value("credentials.non_alphanumeric_secret_risk")
    advice = "SQL Server's documentation asks for letters and digits alone, and no colon"
    known = plain(shown(fact)) if fact is not None else "nobody documents their alphabet"
    return f"{known}. {advice}{': make another where it has more' if risk else ''}."


def _configure(vendor: Vendor) -> Iterator[str]:
    yield "## Configure the store"
    yield ""
    if not vendor.facts.setup:
        yield "No public source says how: ask the vendor for a user with keys and a policy, and a bucket without lock."
    for number, step in enumerate(vendor.facts.setup, 1):
        yield f"{number}. {plain(step.what)} ({links(step.sources)})"
        yield ""
        yield from (f"   {line}" for line in fenced("text", step.how))
        yield ""
    yield "SQL Server backs up with a key that may list the bucket and put objects (`s3:ListBucket`, `s3:PutObject`),"
    yield "and restores with one that may list and get (`s3:ListBucket`, `s3:GetObject`). Object Lock must be off."
    if vendor.facts.setup and not any(step.rights for step in vendor.facts.setup):
        yield "Nobody documents how a key is held to that here: ask the vendor; `--area rights` shows it in a run."


def _trust(vendor: Vendor) -> Iterator[str]:
    yield "## Have SQL Server trust the certificate"
    yield ""
    for name in ("tls.certificate_configuration", "tls.default_self_signed", "tls.min_version"):
        fact = vendor.facts.known.get(name)
        if fact:
            yield f"- {VOCABULARY[name].sentence} {_sentence(fact)} ({_certainty(vendor, fact)}; {links(fact.sources)})"
    for rule in load_rules().values():
        if rule.area == TRUST and "page" in rule.places:
            yield f"- {plain(rule.title)} {plain(rule.remedy)} {_rule(vendor, rule.id)}"


def _statements(vendor: Vendor) -> Iterator[str]:
    endpoint = vendor.profile.endpoint
    yield "## T-SQL to paste"
    yield ""
    yield from fenced("sql", script(vendor))
    yield ""
    if endpoint.region != REGION:
        named = ", ".join(_rule(vendor, rule) for rule in REGION_RULES)
        yield f"SQL Server signs for {REGION} unless a statement names the region, so each of them does ({named})."
    other = "virtual" if endpoint.style == "path" else "path"
    if vendor.takes(other):
        where = "in the host name" if other == "virtual" else "in the path"
        needs = vendor.facts.value("addressing.virtual_host_needs") if other == "virtual" else None
        condition = f", which takes {plain(shown(needs))}" if needs else ""
        yield f"With the bucket {where}{condition}, credential and URLs begin with {code(vendor.place(other))}."
    where = f"[{OPERATORS}]({OPERATORS})" if vendor.is_shipped else f"{OPERATORS}, which {code(ALL_PAGES)} writes"
    yield f"What else scripts have to keep, and the messages of what they break: {where}."


def _facts(vendor: Vendor) -> Iterator[str]:
    yield "## What to expect"
    yield ""
    rows = [
        (
            VOCABULARY[fact.name].sentence,
            _sentence(fact),
            _certainty(vendor, fact),
            links(fact.sources),
        )
        for fact in vendor.facts.known.values()
        if not fact.name.startswith(("lab.", "sqlserver_guidance."))
    ]
    yield from table(["What", "Answer", "How sure", "Source"], rows)
    if vendor.facts.quirks:
        yield ""
        yield "Besides:"
        yield ""
    for quirk in vendor.facts.quirks:
        note = f" {plain(quirk.note)}" if quirk.note else ""
        yield f"- {plain(quirk.what)}{note} ({_words(quirk.certainty)}; {links(quirk.sources)})"


def _sentence(fact: Fact) -> str:
    note = f" {fact.note}" if fact.note else ""
    if fact.name == "lab.command":
        return f"{code(shown(fact.value))}{plain(note)}"
    stop = "." if note and not shown(fact.value).endswith(".") else ""
    return plain(f"{shown(fact.value, fact.name)}{stop}{note}")


def _certainty(vendor: Vendor, fact: Fact) -> str:
    probed = vendor.is_run and VOCABULARY[fact.name].probe != ASK
    if fact.certainty == "documented" and probed:
        return "documented; runs ask it"
    return _words(fact.certainty)


def _words(certainty: str) -> str:
    return {
        "documented": "documented, not seen",
        "observed": "seen by others",
        "inferred": "concluded, not seen",
    }[certainty]


def _deviations(vendor: Vendor) -> Iterator[str]:
    yield "## Deviations seen"
    yield ""
    declared = (*vendor.profile.deviations, *vendor.profile.elsewhere)
    if not declared:
        yield "None: runs have shown no other than the profile says." if vendor.is_run else "None, for no run was made."
        return
    run_in = vendor.profile.labels.get("release", "all that were run")
    rows = [
        (
            code(entry.check),
            code(entry.symptom) + (", not in every run" if entry.intermittent else ""),
            code(entry.seen_in) if entry.seen_in else plain(run_in),
            plain(entry.reason),
            links([entry.link]),
        )
        for entry in declared
    ]
    yield "Runs of these releases have shown each of these, with this symptom, in every run unless it says otherwise:"
    yield ""
    yield from table(["Check", "Symptom", "Releases", "What was seen", "Link"], rows)


def _differences(vendor: Vendor) -> Iterator[str]:
    yield "## What differs from SQL Server's wishes"
    yield ""
    yield "Where the profile differs from what RestoreProof takes a store for until told otherwise:"
    yield ""
    rows = [
        (code(name), plain(shown(value, name)), sentence, _seen(vendor, name, value))
        for name, value, sentence in vendor.differences()
    ]
    yield from table(["In the profile", "Value", "Meaning", "How sure"], rows or [("-", "-", "nothing", "-")])


def _seen(vendor: Vendor, name: str, value: Value) -> str:
    """Whether runs have shown a line of the profile; if no check can, why."""
    own_buckets = vendor.profile.capabilities["bucket_creation"] == "s3"
    why = unseen(name, value, own_buckets=own_buckets)
    if why:
        return f"{_words('documented')} ({plain(why)})"
    return "seen in runs" if vendor.is_run else _words("documented")


def _leftovers(vendor: Vendor) -> Iterator[str]:
    cleanup = vendor.profile.cleanup
    yield "## What failed backups leave"
    yield ""
    yield "A backup that fails or is killed leaves an open upload, which no list of objects shows, and SQL Server never"
    yield f"removes it. Here it is removed by {_remover(vendor)}."
    yield ""
    yield f"- Longest backup that is safe from it: {_longest(vendor)}."
    if cleanup.scan or cleanup.window:
        when = " ".join(filter(None, (f"every {span(cleanup.scan)}" if cleanup.scan else "", cleanup.window or "")))
        yield f"- When the server looks: {when}."
    if cleanup.retroactive is False:
        yield "- A rule does not reach uploads that were open before it: put it in place before the first backup."
    if cleanup.accelerator:
        yield f"- To see it at work in a laboratory: {code(cleanup.accelerator)}."
    if not vendor.profile.capabilities["list_uploads_by_prefix"]:
        yield "- Open uploads are not listed by folder: name the exact key, as msdb.dbo.backupmediafamily has it."
    yield ""
    prefix = "" if vendor.profile.capabilities["list_uploads_by_prefix"] else " --prefix KEY"
    client = f"aws --endpoint-url {vendor.url} s3api"
    commands = [
        f"{client} list-multipart-uploads --bucket {vendor.bucket}{prefix}",
        f"{client} abort-multipart-upload --bucket {vendor.bucket} --key KEY --upload-id ID",
    ]
    yield from fenced("text", commands)


def _longest(vendor: Vendor) -> str:
    cleanup = vendor.profile.cleanup
    limit = cleanup.longest_backup or cleanup.after
    if limit:
        return f"{span(limit)}, counted from its first part (documented, not seen)"
    if cleanup.mechanism in ("lifecycle", "admin-rule"):
        return "as long as your rule says: give it more days than the longest backup takes"
    unknown = "abort_cleanup.default_expiry" in vendor.facts.unknown
    return (
        "nobody documents a clock; `ABORT-02.no-early-end` looks for one" if unknown else "any, for there is no clock"
    )


def _unknown(vendor: Vendor) -> Iterator[str]:
    yield "## What nobody documents"
    yield ""
    if not vendor.facts.unknown:
        yield "Nothing of what we ask."
        return
    yield "A run says what it found, and `restoreproof profile learn` proposes it as lines for a profile."
    yield ""
    rows = [(VOCABULARY[name].sentence, _probe(VOCABULARY[name].probe)) for name in vendor.facts.unknown]
    yield from table(["What", "How to find out"], rows)


def _probe(probe: str) -> str:
    """How a run finds out what nobody documents."""
    checks, words = load_register().requirements, CAPABILITIES | LIMITS
    if probe in checks:
        return f"{code(probe)} in a run: {plain(checks[probe].title)}"
    return f"a whole run asks, and tells it as {code(probe)}" if probe in words else plain(probe)


def _lab(vendor: Vendor) -> Iterator[str]:
    yield "## Try it out"
    yield ""
    if vendor.is_run:
        yield f"`restoreproof certify --provider {vendor.profile.name}` starts one on this machine, and removes it."
        yield ""
    known = [
        vendor.facts.known[name] for name in ("lab.kind", "lab.image", "lab.command") if name in vendor.facts.known
    ]
    for fact in known:
        yield f"- {VOCABULARY[fact.name].sentence} {_sentence(fact)} ({_words(fact.certainty)}; {links(fact.sources)})"
    if not known:
        yield "No public source names a laboratory: ask the vendor."


def _guidance(vendor: Vendor) -> Iterator[str]:
    yield "## Published guidance for SQL Server"
    yield ""
    known = [fact for fact in vendor.facts.known.values() if fact.name.startswith("sqlserver_guidance.")]
    for fact in known:
        yield f"- {VOCABULARY[fact.name].sentence} {_sentence(fact)} ({_words(fact.certainty)}; {links(fact.sources)})"
    if not known:
        yield "None was found, and no measured throughput: ask the vendor, and measure."


def _next(vendor: Vendor) -> Iterator[str]:
    file = "./mine.toml" if vendor.is_shipped else vendor.named
    yield "## Then certify it"
    yield ""
    commands = [
        *([f"restoreproof profile new mine --like {vendor.profile.name}"] if vendor.is_shipped else []),
        f"restoreproof profile check {file}",
        f"restoreproof certify --provider {file}",
    ]
    yield from fenced("text", commands)
