"""The run as JUnit XML, for continuous integration: red exactly where the run is not as declared."""

from __future__ import annotations

from typing import TYPE_CHECKING
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from restoreproof.reports import figures, wording
from restoreproof.reports.record import DEVIATES, ERROR, FAILS, NOT_RUN, STALE, UNSUPPORTED

if TYPE_CHECKING:
    from collections.abc import Mapping

    from restoreproof.reports.record import Record, Run


def render(run: Run) -> str:
    """One ``testsuite`` per area and one for clean-up; the outcome is a property of each suite."""
    root = Element("testsuites", _attributes(_root(run)))
    for area in figures.areas(run):
        _suite(root, run, area)
    _clean_up(root, run)
    indent(root)
    text: str = tostring(root, encoding="unicode")
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{text}\n'


def _root(run: Run) -> dict[str, str]:
    return {
        "name": f"RestoreProof: {run.header.provider['title']}",
        **_numbers(figures.total(run)),
        "tests": str(figures.total(run).total + 1),
        "errors": str(figures.total(run).count(ERROR) + bool(run.footer.cleanup["error"])),
        "time": f"{run.footer.seconds:.3f}",
    }


def _numbers(sums: figures.Sums) -> dict[str, str]:
    return {
        "tests": str(sums.total),
        "failures": str(sums.count(FAILS, STALE)),
        "errors": str(sums.count(ERROR)),
        "skipped": str(sums.count(NOT_RUN)),
        "time": f"{sums.seconds:.3f}",
    }


def _suite(root: Element, run: Run, area: figures.Sums) -> None:
    named = {"name": f"{area.name}: {area.title}", "timestamp": _timestamp(run), **_numbers(area)}
    suite = SubElement(root, "testsuite", _attributes(named))
    _properties(suite, _facts(run))
    for entry in area.records:
        _case(suite, run, entry)


def _facts(run: Run) -> dict[str, str]:
    header, footer = run.header, run.footer
    return {
        "provider": header.provider["name"],
        "profile": header.provider["digest"],
        "endpoint": header.endpoint["url"],
        "server": header.endpoint["server"],
        "suite": header.suite,
        "register": header.register,
        "run": header.run,
        "outcome": footer.rung,
        "outcome.reason": footer.reason,
        "as_declared": "yes" if footer.as_declared else "no",
        **{f"label.{name}": value for name, value in sorted(header.labels.items())},
    }


def _case(suite: Element, run: Run, entry: Record) -> None:
    need = entry.requirement
    named = {
        "classname": f"restoreproof.{run.header.provider['name']}.{need.area}",
        "name": f"{entry.id} {need.title}",
        "time": f"{entry.seconds:.3f}",
    }
    case = SubElement(suite, "testcase", _attributes(named))
    facts = {"id": entry.id, "level": need.level, "harm": need.harm, "verdict": wording.verdict_text(entry)}
    _properties(case, facts | ({"symptom": entry.symptom} if entry.symptom else {}))
    if entry.verdict in (FAILS, STALE, ERROR):
        kind = "error" if entry.verdict == ERROR else "failure"
        message = entry.observed or wording.VERDICTS[entry.verdict].sentence
        child = SubElement(case, kind, _attributes({"type": entry.verdict, "message": message}))
        child.text = _text(_explained(entry))
    elif entry.verdict == NOT_RUN:
        SubElement(case, "skipped", _attributes({"message": entry.reason}))
    elif entry.verdict in (DEVIATES, UNSUPPORTED):
        SubElement(case, "system-out").text = _text(
            f"{entry.verdict}, as declared: {entry.reason} {entry.link}".strip()
        )


def _explained(entry: Record) -> str:
    need = entry.requirement
    told = {
        "Verdict": f"{entry.verdict}: {wording.VERDICTS[entry.verdict].sentence}",
        "Expected": entry.expected,
        "Observed": entry.observed,
        "Symptom": entry.symptom,
        "Declared": entry.reason,
        "The DBA would see": need.dba_sees,
        "Remedy": need.remedy,
        "Source": f"{need.source.document}, {need.source.section} ({need.certainty}) {need.source.url}",
        "Reproduce": entry.reproduce,
    }
    return "\n".join(f"{name}: {text}" for name, text in told.items() if text)


def _clean_up(root: Element, run: Run) -> None:
    cleanup = run.footer.cleanup
    error = cleanup["error"]
    numbers = {"tests": "1", "failures": "0", "errors": str(int(bool(error))), "skipped": "0", "time": "0.000"}
    suite = SubElement(root, "testsuite", {"name": "clean-up", "timestamp": _timestamp(run), **numbers})
    case = SubElement(
        suite,
        "testcase",
        _attributes({"classname": f"restoreproof.{run.header.provider['name']}", "name": "clean-up", "time": "0.000"}),
    )
    if error:
        child = SubElement(case, "error", _attributes({"type": "clean-up", "message": error}))
        child.text = _text("\n".join(("Left behind:", *cleanup["left"])))


def _properties(parent: Element, values: Mapping[str, str]) -> None:
    listed = SubElement(parent, "properties")
    for name, value in values.items():
        SubElement(listed, "property", _attributes({"name": name, "value": value}))


def _attributes(values: Mapping[str, str]) -> dict[str, str]:
    return {name: _text(value) for name, value in values.items()}


def _text(text: str) -> str:
    """XML 1.0 has no way to write control characters at all, so they are shown instead."""
    return wording.visible(text)


def _timestamp(run: Run) -> str:
    """JUnit's schema wants seconds and no zone."""
    return run.header.started[:19]
