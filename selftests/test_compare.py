"""``restoreproof compare``, and the labels that tell two runs apart."""

import argparse
import io
from dataclasses import replace
from xml.etree import ElementTree as ET

import example_runs as examples
import pytest
from rich.console import Console

from restoreproof.commands import compare as command
from restoreproof.reports import comparing, html, junit, markdown, matrix, terminal
from restoreproof.reports.comparing import BETTER, OTHER, WORSE, compare
from restoreproof.reports.record import VERDICTS
from restoreproof.reports.writer import RunWriter


def run_of(verdict="conforms", firmware="12.0", **header):
    labels = {"firmware": firmware, "topology": "4-node"}
    first = examples.record(0, verdict, symptom="reset" if verdict in {"fails", "deviates"} else "")
    return examples.run([first, *map(examples.record, range(1, 5))], examples.header(labels=labels, **header))


@pytest.mark.parametrize(
    ("before", "after", "kind"),
    [
        ("conforms", "fails", WORSE),
        ("conforms", "deviates", WORSE),
        ("deviates", "fails", WORSE),
        ("conforms", "error", WORSE),
        ("conforms up to", "not run", WORSE),
        ("fails", "conforms", BETTER),
        ("deviates", "stale", BETTER),
        ("fails", "unsupported", BETTER),
        ("conforms", "conforms up to", OTHER),
        ("fails", "error", OTHER),
        ("deviates", "unsupported", OTHER),
    ],
)
def test_a_change_of_verdict_is_worse_better_or_neither(before, after, kind):
    comparison = compare(run_of(before), run_of(after))

    assert [change.kind for change in comparison.changes] == [kind]
    assert comparison.is_worse or kind != WORSE


@pytest.mark.parametrize("verdict", VERDICTS)
def test_a_run_is_never_worse_than_itself(verdict):
    comparison = compare(run_of(verdict), run_of(verdict))

    assert (comparison.changes, comparison.is_worse) == ((), False)


def test_a_red_claim_that_was_green_before_is_worse_though_it_is_met():
    assert compare(run_of(), run_of("stale")).is_worse


@pytest.fixture
def written(tmp_path):
    def write(name, run):
        writer = RunWriter(tmp_path / name / "run.jsonl")
        writer.header(run.header)
        for record in run.records:
            writer.record(record)
        writer.footer(run.footer)
        writer.close()
        return str(tmp_path / name)

    return write


@pytest.fixture
def compared(capsys):
    parser = argparse.ArgumentParser()
    command.add_parser(parser.add_subparsers(), "compare")

    def main(*words):
        args = parser.parse_args(["compare", *words])
        status = args.run(args)
        return status, capsys.readouterr()

    return main


def test_the_command_names_what_got_worse_and_the_labels_of_both(compared, written):
    old, new = written("old", run_of()), written("new", run_of("fails", "12.1"))

    status, said = compared(old, new)
    back, said_back = compared(new, old)

    assert (status, back) == (1, 0)
    assert "worse: 1" in said.out
    assert f"{examples.CLAIMS[0][0]}  conforms -> fails (reset): " in said.out
    assert said.out.endswith("\nSomething is worse than it was.\n")
    assert "better: 1" in said_back.out
    (line,) = [line for line in said.out.splitlines() if line.startswith("labels")]
    texts = ["labels", "firmware 12.0, topology 4-node", "firmware 12.1, topology 4-node", "*"]
    assert [text.strip() for text in line.split("  ") if text.strip()] == texts


def test_runs_of_two_registers_and_no_runs_are_refused_in_one_line(compared, written, tmp_path):
    old, new = written("old", run_of()), written("new", run_of(register="f" * 64))

    assert compared(old, new)[0] == 4
    status, said = compared(old, str(tmp_path / "none"))
    assert (status, said.out, said.err.count("\n")) == (4, "", 1)


def facts(text, name):
    (line,) = [line for line in text.splitlines() if line.startswith(name + " ")]
    return [word.strip() for word in line.split("  ")[1:] if word.strip()]


def test_how_much_was_compared_is_said(compared, written):
    old = written("old", run_of())

    status, said = compared(old, old)
    assert (status, "\n5 claims compared.\n" in said.out, "Warning" in said.out) == (0, True, False)


def test_runs_without_a_claim_in_common_are_refused_in_one_line(compared, written):
    old = written("old", examples.run([examples.record(0)]))
    new = written("new", examples.run([examples.record(1)]))

    status, said = compared(old, new)
    assert (status, said.out, said.err.count("\n")) == (4, "", 1)
    assert "no claim in common" in said.err


def test_figures_of_other_claims_are_no_change():
    whole, part, worse = run_of(), examples.run([examples.record(0)]), run_of()
    part, worse = (replace(run, footer=replace(run.footer, rung="x", as_declared=False)) for run in (part, worse))
    said = comparing.render(compare(whole, part))

    assert (compare(whole, part).is_worse, compare(whole, worse).is_worse) == (False, True)
    assert "\n1 claim compared.\n" in said
    assert "Warning: they were asked for different claims (5 at scale smoke and 1 at scale smoke)" in said
    for name in ("outcome", "as declared", "musts met", "proven"):
        before, after, *mark = facts(said, name)
        assert (name, before != after, mark) == (name, True, [])


@pytest.mark.parametrize(
    ("change", "row", "told"),
    [
        (
            {"provider": {"name": "other", "title": "O", "digest": "0" * 64}},
            "provider",
            "these are different providers",
        ),
        ({"endpoint": {"ours": True}}, "endpoint", "a stand-in took part in one of them"),
        ({"engine": None}, "SQL Server", "not the same SQL Server"),
        ({"engine": {"standin": True}}, "SQL Server", "a stand-in took part in one of them"),
        ({"engine": {"build": (16, 0, 1)}}, "SQL Server", "not the same SQL Server"),
        ({"defects": ("slow-down",)}, "defects", "defects were switched on in the later run"),
    ],
)
def test_what_makes_two_runs_no_pair_is_said(change, row, told, compared, written):
    real = {"build": [16, 0, 4135, 4], "edition": "Developer", "platform": "Linux", "standin": False}
    before = examples.header(engine=real)
    ((name, value),) = change.items()
    new = {**getattr(before, name), **value} if name in {"endpoint", "engine"} and value else value
    runs = [examples.run([examples.record(0)], header) for header in (before, replace(before, **{name: new}))]

    _, said = compared(*(written(name, run) for name, run in zip(("old", "new"), runs, strict=True)))
    assert f"Warning: {told}" in said.out
    assert facts(said.out, row)[-1] == "*"


def printed(run):
    console = Console(file=io.StringIO(), width=120)
    terminal.print_summary(run, console)
    return console.file.getvalue()


def test_labels_are_in_every_report_and_tell_two_columns_of_a_matrix_apart():
    runs = [run_of(), run_of(firmware="12.1")]

    for text in (markdown.render(runs[1]), html.render(runs[1]), printed(runs[1])):
        assert "12.1" in text
        assert "4-node" in text
    properties = ET.fromstring(junit.render(runs[1])).iter("property")
    assert {("label.firmware", "12.1"), ("label.topology", "4-node")} <= {
        (p.get("name"), p.get("value")) for p in properties
    }
    for render in (matrix.render, matrix.render_markdown):
        assert all(f"firmware {release}" in render(runs) for release in ("12.0", "12.1"))
