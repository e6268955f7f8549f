"""The vendors' pages: what the profiles, facts and rules make is what lies in docs/vendors, and its T-SQL is T-SQL."""

import re
from pathlib import Path

import pytest
from source_tree import ROOT

from restoreproof.commands import profile as command
from restoreproof.commands.linting.finding import Setting, Store
from restoreproof.commands.linting.linter import lint
from restoreproof.commands.pages import all_pages, pages
from restoreproof.commands.starter import write_starter
from restoreproof.commands.vendor import load_vendor, span
from restoreproof.commands.vendor_sql import STRIPES
from restoreproof.providers.profile import load_profile, shipped_profiles
from restoreproof.reports.register import load_register
from restoreproof.reports.rules import load_rules
from restoreproof.standins.sqlserver.sql import statements
from restoreproof.standins.sqlserver.sql.parsing import parse

WRITTEN = ROOT / "docs" / "vendors"
PAGES = all_pages()
VENDORS = [name.removesuffix(".md") for name in PAGES if name not in ("README.md", "operators.md")]
UNDOCUMENTED = {"hitachi_hcp_cs"}
"""Whose public sources do not say how a key is held to the rights that SQL Server needs."""
BLOCK = re.compile(r"```sql\n(.*?)```", re.DOTALL)


def test_the_pages_are_those_that_profiles_facts_and_rules_make():
    stale = [name for name, text in PAGES.items() if (WRITTEN / name).read_text(encoding="utf-8") != text]

    assert stale == [], "write them anew with: make pages"
    assert {file.name for file in WRITTEN.iterdir()} == set(PAGES)


def test_every_profile_with_facts_has_its_page_and_its_row():
    known = load_register().requirements
    profiles = [load_profile(name, {}, known, require_keys=False) for name in shipped_profiles()]

    assert [profile.name for profile in profiles if profile.facts] == VENDORS
    assert re.findall(r"^\| \[.+?\]\((\w+)\.md\)", PAGES["README.md"], re.MULTILINE) == VENDORS


@pytest.mark.parametrize("name", VENDORS)
def test_what_is_to_be_pasted_is_read_as_it_was_meant(name):
    vendor = load_vendor(name)
    [block] = BLOCK.findall(PAGES[f"{name}.md"])
    credential, backup, verify, restore = parse(block)
    place = vendor.place(vendor.profile.endpoint.style)

    assert isinstance(credential, statements.MakeCredential)
    assert (credential.name, credential.identity, credential.secret) == (place, "S3 Access Key", "KEYID:SECRET")
    assert len({backup.devices, verify.devices, restore.devices}) == 1
    assert len(backup.devices) == STRIPES
    assert all(target.where.startswith(f"{place}/") and len(target.where) < 200 for target in backup.devices)
    region = vendor.profile.endpoint.region
    named = f'{{"s3": {{"region":"{region}"}}}}' if region != "us-east-1" else None
    assert backup.options.get("BACKUP_OPTIONS") == named
    assert [said.options.get("RESTORE_OPTIONS") for said in (verify, restore)] == [named] * 2


@pytest.mark.parametrize("name", VENDORS)
def test_what_is_to_be_pasted_breaks_no_rule_of_the_linter(name):
    [block] = BLOCK.findall(PAGES[f"{name}.md"])
    store = Store.of(load_vendor(name).profile)

    assert [placed.finding for placed in lint(block, Setting(store))] == []
    assert lint(block.replace("sqlbackups/Sales", "sqlbackups//Sales").replace("CHECKSUM, ", ""), Setting(store)) != []


@pytest.mark.parametrize("name", VENDORS)
def test_a_page_names_every_fact_with_its_sources_and_everything_that_is_unknown(name):
    facts, text = load_vendor(name).facts, PAGES[f"{name}.md"]

    backed = [*facts.known.values(), *facts.setup, *facts.quirks]
    assert [address for entry in backed for address in entry.sources if f"](<{address}>)" not in text] == []
    unknown = text.partition("## What nobody documents")[2].partition("##")[0]
    guidance = ("lab.", "sqlserver_guidance.")
    assert unknown.count("| ") // 2 >= len([word for word in facts.unknown if not word.startswith(guidance)])


@pytest.mark.parametrize("name", VENDORS)
def test_a_page_says_what_holds_a_key_to_its_rights_or_that_nobody_documents_it(name):
    steps = load_vendor(name).facts.setup
    rights = "\n".join(line for step in steps if step.rights for line in step.how)
    made = [step.what for step in steps if "reate" in step.what]

    assert bool(rights) != (name in UNDOCUMENTED)
    assert bool(rights) != ("Nobody documents how a key is held to that" in PAGES[f"{name}.md"])
    assert "restore" not in rights or any("restore" in what for what in made), "no step creates the user of a policy"


def test_durations_are_told_in_the_unit_that_suits_them():
    assert [span(30), span(300), span(3600), span(86400), span(7 * 86400)] == ["30 s", "5 min", "1 h", "24 h", "7 days"]


def test_page_of_ones_own_profile_names_its_file_and_links_to_no_page_that_is_not_there(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert write_starter("mine", Path("mine.toml"), VENDORS[0]) == 0

    (text,) = pages(["./mine.toml"]).values()

    assert "restoreproof certify --provider ./mine.toml" in text
    assert ("--like mine" in text, "(operators.md" in text, "make pages" in text) == (False, False, False)


def test_a_deviation_that_not_every_run_shows_is_not_said_to_fail_in_all():
    assert not [name for name in VENDORS if "fails in every run" in PAGES[f"{name}.md"]]


@pytest.mark.parametrize("name", VENDORS)
def test_what_nobody_has_seen_says_so(name):
    vendor, text = load_vendor(name), PAGES[f"{name}.md"]

    assert vendor.is_run != ("**what follows is documented, not seen.**" in text)
    assert vendor.is_run or "| documented |" not in text
    assert vendor.is_run or "None, for no run was made." in text
    seen_in = vendor.profile.labels.get("release")
    assert not vendor.profile.deviations or seen_in
    often = {True: ", not in every run", False: ""}
    rows = [f"`{e.check}` | `{e.symptom}`{often[e.intermittent]} | {seen_in} |" for e in vendor.profile.deviations]
    assert [row for row in rows if row not in text] == []


def test_every_rule_for_the_pages_stands_on_the_page_for_all():
    told = re.findall(r"^### (\S+)$", PAGES["operators.md"], re.MULTILINE)

    assert told == [rule.id for rule in load_rules().values() if "page" in rule.places]


def test_links_between_the_pages_lead_somewhere():
    targets = {f"{name}#{rule.lower()}" for name in ("operators.md",) for rule in load_rules()} | set(PAGES)
    told = {link for text in PAGES.values() for link in re.findall(r"\]\(([^)<:]+)\)", text)}

    assert told - targets == set()


def test_a_profile_of_ones_own_gets_a_page_with_its_own_urls(tmp_path, capsys):
    mine = tmp_path / "mine.toml"
    name = next(vendor for vendor in VENDORS if load_vendor(vendor).profile.endpoint.is_placeholder)
    text = load_vendor(name).profile.path.read_text(encoding="utf-8")
    mine.write_text(re.sub(r'url += "[^"]+"', 'url = "https://s3.acme.test:8443"', text).replace(name, "mine", 1))

    assert command.write_pages([str(mine)], None, everything=False) == 0
    assert "CREATE CREDENTIAL [s3://s3.acme.test:8443/" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("names", "everything", "said"),
    [
        ([], False, "give profiles or --all, and not both"),
        (["embedded"], True, "give profiles or --all, and not both"),
        (["embedded"], False, "embedded: names no facts, of which its page would be made"),
        (["nobody"], False, "nobody: no profile of that name is shipped"),
    ],
)
def test_what_can_be_no_page_is_refused_in_one_line(capsys, names, everything, said):
    assert command.write_pages(names, None, everything=everything) == 4
    assert said in capsys.readouterr().err


def test_pages_are_written_where_they_are_asked_for(tmp_path, capsys):
    name = VENDORS[0]

    assert command.write_pages([name], tmp_path / "a" / "b", everything=False) == 0
    assert (tmp_path / "a" / "b" / f"{name}.md").read_text(encoding="utf-8") == pages([name])[f"{name}.md"]
    (tmp_path / "file").touch()
    assert command.write_pages([name], tmp_path / "file", everything=False) == 4
    assert "file cannot be written" in capsys.readouterr().err
