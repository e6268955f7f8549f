"""Every report says what the run says, in every format, whatever the texts in it."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime
from html.parser import HTMLParser
from xml.etree import ElementTree as ET

import example_runs as examples
import pytest
from markdown_it import MarkdownIt

from restoreproof.reports import figures, html, junit, markdown, matrix, wording
from restoreproof.reports.formats import FORMATS, OF_A_RUN, write, write_reports
from restoreproof.reports.outcome import LADDER, denied
from restoreproof.reports.record import RED, VERDICTS
from restoreproof.reports.register import HARMS


@pytest.fixture(params=examples.MAKERS)
def run(request):
    return examples.MAKERS[request.param]()


class Page(HTMLParser):
    """What a browser would be told: elements with attributes, and the text outside scripts and styles."""

    VOID = frozenset({"meta", "link", "input", "br", "use", "path", "rect", "circle"})

    def __init__(self, text):
        super().__init__()
        self.elements, self.words, self.open = [], [], []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open, f"</{tag}> closes nothing"
        assert self.open.pop() == tag

    def handle_data(self, data):
        if not self.open or self.open[-1] not in ("script", "style"):
            self.words.append(data)

    @property
    def text(self):
        return " ".join(" ".join(self.words).split())

    def all(self, tag):
        return [attributes for name, attributes in self.elements if name == tag]


def shown(text):
    return " ".join(wording.visible(text).split())


# Words and figures


def test_every_verdict_harm_and_outcome_has_words():
    assert tuple(wording.VERDICTS) == VERDICTS
    assert set(wording.FINDING_ORDER) == set(VERDICTS) - {"conforms", "conforms up to"}
    assert tuple(wording.HARMS) == HARMS
    assert set(wording.OUTCOMES) == {*LADDER, "not certified", "incomplete", "no outcome"}


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.0, "0.00 s"), (0.051, "0.05 s"), (1.25, "1.2 s"), (59.94, "59.9 s"), (125, "2 min 05 s")]
)
def test_durations_read_well(seconds, text):
    assert wording.duration(seconds) == text


@pytest.mark.parametrize(
    ("size", "text"), [(0, "0 MiB"), (1, "<0.1 MiB"), (5_242_880, "5.0 MiB"), (2_147_483_648, "2,048 MiB")]
)
def test_sizes_read_well(size, text):
    assert wording.mebibytes(size) == text


@pytest.mark.parametrize("text", examples.HOSTILE)
def test_nothing_invisible_stays(text):
    made = wording.visible(text)
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff]", made)


def test_letters_of_every_script_stay():
    assert wording.visible("Zażółć 日本語 😀 עברית") == "Zażółć 日本語 😀 עברית"


def test_only_a_certified_run_goes_without_the_caution():
    assert wording.cautions(examples.certified_run()) == []
    assert wording.cautions(examples.green_run()) == ["This is not a certificate."]
    assert len(wording.cautions(examples.rehearsed_run())) == 4


@pytest.mark.parametrize(("versioning", "said"), [("Enabled", 1), ("off", 0)])
def test_versions_that_nobody_asked_about_are_named(versioning, said):
    unasked = examples.record(0, "not run", reason=denied("versioning"))

    cautions = wording.cautions(examples.run([unasked], examples.header(bucket={"Versioning": versioning})))

    assert sum("has not versioning = true: 1 claims" in caution for caution in cautions) == said


def test_every_record_is_counted_once(run):
    sums = figures.areas(run)
    assert sum(area.total for area in sums) == figures.total(run).total == len(run.records)
    unasked = sum(len(entries) for _, entries in figures.not_run(run))
    assert len(figures.findings(run)) + unasked + figures.total(run).count("conforms", "conforms up to") == len(
        run.records
    )
    assert sum(kind.total for kind in figures.stakes(run)) == len(run.records)


def test_the_worst_comes_first():
    found = figures.findings(examples.mixed_run())
    assert [entry.verdict for entry in found] == ["fails", "fails", "error", "stale", "deviates", "unsupported"]
    assert found[0].requirement.harm == "data-loss"


def test_an_alternative_counts_as_met():
    records = [
        examples.record(0, "unsupported", requirement=examples.requirement(0, any_of="style")),
        examples.record(1, requirement=examples.requirement(1, any_of="style")),
    ]
    musts = figures.musts(examples.run(records))
    assert (musts.met, musts.broken, musts.open) == (2, 0, 0)


# HTML


def test_the_page_is_well_formed_and_complete(run):
    page = Page(html.render(run))
    assert page.open == []
    words = wording.OUTCOMES[run.footer.rung]
    assert words.answer in page.text
    assert shown(run.footer.reason) in page.text
    ids = [attributes["id"] for _, attributes in page.elements if attributes.get("id")]
    assert len(ids) == len(set(ids))
    for entry in run.records:
        assert f"check-{entry.id}" in ids
    for entry in figures.findings(run):
        assert f"finding-{entry.id}" in ids


def test_every_reference_inside_the_page_has_a_target(run):
    page = Page(html.render(run))
    ids = {attributes["id"] for _, attributes in page.elements if attributes.get("id")}
    inside = [a["href"] for _, a in page.elements if (a.get("href") or "").startswith("#")]
    labels = [a["aria-labelledby"] for _, a in page.elements if "aria-labelledby" in a]
    assert {reference[1:] for reference in inside} | set(labels) <= ids


def test_the_page_asks_for_nothing(run):
    text = html.render(run)
    page = Page(text)
    for tag, attributes in page.elements:
        assert "src" not in attributes
        assert not [name for name in attributes if name.startswith("on") or name == "style"]
        if tag != "a":
            assert not (attributes.get("href") or "").startswith(("http", "//"))
        elif not attributes["href"].startswith("#"):
            assert attributes["href"].startswith(("https://", "http://"))
            assert attributes["rel"] == "noopener noreferrer"
    assert len(page.all("script")) == len(page.all("style")) == 1
    style = text[text.index("<style>") : text.index("</style>")]
    assert "url(" not in style
    assert "@import" not in style
    assert "default-src 'none'" in page.elements[3][1]["content"]


def test_a_finding_tells_all_it_knows():
    text = Page(html.render(examples.mixed_run())).text
    entry = examples.failing()
    need = entry.requirement
    for said in (
        need.title, need.dba_sees, need.remedy, need.source.document, need.source.section, need.certainty,
        entry.expected, entry.observed, entry.symptom, entry.reproduce, "10000", "highest_part_accepted",
        "PUT", "400 Bad Request", "InvalidArgument", "Credential=***", "ExampleStore/4.2", "404 Not Found",
        "Listing by prefix is not built.", "blocked by ABORT-03.open-upload-listed", "conforms up to 1,000 parts",
    ):  # fmt: skip
        assert said in text


@pytest.mark.parametrize("make", [examples.rehearsed_run, examples.green_run, examples.mixed_run])
def test_no_report_lets_a_rehearsal_pass_for_a_certificate(make):
    run = make()
    assert "This is not a certificate." in Page(html.render(run)).text
    assert "**This is not a certificate.**" in markdown.render(run)


def test_stand_ins_and_defects_are_named():
    run = examples.rehearsed_run()
    for text in (Page(html.render(run)).text, markdown.render(run), matrix.render([run])):
        assert "stand-in" in text
        assert "verbose-xml" in text


@pytest.mark.parametrize("scheme", ["(prefers-color-scheme: dark)", "print"])
def test_the_page_has_a_style_for(scheme):
    assert f"@media {scheme}" in html.render(examples.green_run())


def luminance(colour):
    channels = [int(colour[start : start + 2], 16) / 255 for start in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one, other):
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("scheme", [0, 1], ids=["light", "dark"])
def test_every_text_is_readable_on_its_ground(scheme):
    text = html.render(examples.green_run())
    block = text.split(":root {")[1 + scheme].split("}")[0]
    colours = dict(re.findall(r"--([a-z-]+): (#[0-9a-f]{6})", block))
    pairs = [(ink, ground) for ink in ("ink", "muted", "link") for ground in ("paper", "card", "soft")]
    pairs += [(tone, f"{tone}-soft") for tone in ("green", "red", "amber", "blue", "violet", "grey")]
    pairs += [(tone, "card") for tone in ("green", "red", "amber", "grey")]
    pairs += [("ink", "red-soft"), ("muted", "red-soft"), ("muted", "violet-soft"), ("ink", "amber-soft")]
    assert {pair: round(contrast(colours[pair[0]], colours[pair[1]]), 2) for pair in pairs} == {
        pair: pytest.approx(21, abs=16.5) for pair in pairs
    }


# JUnit


def test_junit_is_red_exactly_where_the_run_is(run):
    root = ET.fromstring(junit.render(run))
    cases = {case.get("name").split()[0]: case for case in root.iter("testcase")}
    for entry in run.records:
        case = cases[entry.id]
        is_red = case.find("failure") is not None or case.find("error") is not None
        assert is_red == (entry.verdict in RED)
        assert (case.find("skipped") is not None) == (entry.verdict == "not run")
        facts = {fact.get("name"): fact.get("value") for fact in case.iter("property")}
        assert facts["id"] == entry.id
        assert facts["level"] == entry.requirement.level
        assert facts["harm"] == entry.requirement.harm
        assert facts["verdict"] == wording.verdict_text(entry)
    assert (int(root.get("failures")) + int(root.get("errors")) == 0) == run.footer.as_declared


def test_junit_numbers_add_up(run):
    root = ET.fromstring(junit.render(run))
    for name, tag in (("tests", "testcase"), ("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
        assert int(root.get(name)) == len(list(root.iter(tag)))
        assert int(root.get(name)) == sum(int(suite.get(name)) for suite in root.iter("testsuite"))


def test_junit_has_one_suite_per_area_and_one_for_clean_up():
    root = ET.fromstring(junit.render(examples.mixed_run()))
    names = [suite.get("name").split(":")[0] for suite in root.iter("testsuite")]
    assert names == ["tls", "credentials", "multipart", "abort", "reads", "errors", "clean-up"]


def test_junit_shows_a_clean_up_that_broke():
    root = ET.fromstring(junit.render(examples.MAKERS["clean-up broke"]()))
    assert root.find(".//testcase[@name='clean-up']/error").get("message") == "the bucket could not be emptied"


# Markdown


def test_markdown_shows_texts_as_they_are():
    page = Page(
        f"<div>{MarkdownIt('gfm-like', {'linkify': False}).render(markdown.render(examples.hostile_run()))}</div>"
    )
    assert page.open == []
    for entry in examples.hostile_run().records:
        if "\n" not in entry.observed:
            assert shown(entry.observed) in page.text
    allowed = {"div", "h1", "h2", "h3", "p", "em", "strong", "ul", "li", "table", "thead", "tbody", "tr", "th", "td"}
    allowed |= {"code", "pre", "blockquote", "a", "details", "summary"}
    assert {tag for tag, _ in page.elements} <= allowed
    assert all(a["href"].startswith("https://") for a in page.all("a"))


def test_markdown_tables_keep_their_columns(run):
    lines = markdown.render(run).splitlines()
    for number, line in enumerate(lines):
        if line.startswith("| ---"):
            wanted = len(re.findall(r"(?<!\\)\|", line))
            row = number - 1
            while row < len(lines) and lines[row].startswith("| "):
                assert len(re.findall(r"(?<!\\)\|", lines[row])) == wanted
                row += 1


def test_markdown_has_every_check(run):
    text = markdown.render(run)
    assert all(f"`{entry.id}`" in text for entry in run.records)
    assert run.footer.reason in text


# Census


def test_the_census_has_its_place(run):
    page, text = Page(html.render(run)), markdown.render(run)
    rows = run.footer.census
    assert len([a for a in page.all("span") if a.get("class") == "number"]) == len(rows)
    assert (
        ("#census" in [a.get("href") for a in page.all("a")])
        == bool(re.search("^## What (SQL Server|the stand-in) sent", text, re.MULTILINE))
        == bool(rows)
    )
    for row in rows:
        assert shown(row["answer"]) in page.text
        assert all(switch in page.text and switch in text for switch in row["settles"].split(", "))


def test_the_census_of_a_stand_in_settles_nothing():
    assert "settles nothing" in html.render(examples.rehearsed_run())
    real = examples.with_census(examples.certified_run(), "seen")
    assert "settles nothing" not in html.render(real) + markdown.render(real)


# Matrix


def matrix_runs():
    other = {"name": "other", "title": "Other Store", "digest": "0" * 64}
    return [examples.mixed_run(), examples.green_run(provider=other), examples.MAKERS["filtered"]()]


def test_the_matrix_has_a_column_per_run_and_the_outcome_first():
    page = Page(matrix.render(matrix_runs()))
    assert page.open == []
    assert page.text.index("Outcome") < page.text.index("Certificates and TLS")
    for said in ("Other Store", "not certified", "wire conformant", "no outcome", "not selected", "How to read"):
        assert said in page.text
    rows = matrix.render_markdown(matrix_runs()).splitlines()
    assert rows[4].startswith("| **Outcome** |  | **not certified** | **wire conformant** | **no outcome** |")


def test_the_matrix_marks_rows_that_differ():
    chapters = list(matrix.chapters([examples.mixed_run(), examples.green_run()]))
    differing = {row.requirement.id for chapter in chapters for row in chapter.rows if not row.same}
    assert "MPU-02.part-number-10000" in differing
    assert "TLS-02.chain-to-given-ca" not in differing


@pytest.mark.parametrize("renderer", [matrix.render, matrix.render_markdown])
def test_runs_of_different_registers_are_not_compared(renderer):
    with pytest.raises(
        matrix.MatrixError, match=r"^the run .* was judged by register 0000.* with one release for all$"
    ):
        renderer([examples.green_run(), examples.green_run(register="0" * 64)])
    with pytest.raises(matrix.MatrixError, match="at least one run"):
        renderer([])


# Formats


def test_a_run_gets_all_its_reports(tmp_path, run):
    paths = write_reports(run, tmp_path / "new" / "folder")
    assert [path.name for path in paths] == ["report.html", "report.md", "junit.xml"]
    for path in paths:
        assert b"\r" not in path.read_bytes()
        assert path.read_bytes().decode("utf-8")


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_writes_what_it_renders(tmp_path, name):
    target = write(name, [examples.mixed_run()], tmp_path / FORMATS[name].file_name)
    assert target.read_text(encoding="utf-8") == FORMATS[name].render([examples.mixed_run()])


def test_evidence_of_s3_clients_is_shown(tmp_path):
    evidence = {"modified": datetime(2026, 1, 2, tzinfo=UTC), "names": {"b"}}
    for path in write_reports(examples.run([replace(examples.failing(), evidence=evidence)]), tmp_path)[:2]:
        assert "2026-01-02T00:00:00+00:00" in path.read_text(encoding="utf-8")


def test_a_report_depends_on_nothing_but_the_run(run):
    again = replace(run, records=tuple(run.records))
    for name in OF_A_RUN:
        assert FORMATS[name].render([run]) == FORMATS[name].render([again])
