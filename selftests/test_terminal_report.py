"""What the command line prints at the end of a run, on a terminal and in a log."""

from __future__ import annotations

import re
from io import StringIO, TextIOWrapper

import example_runs as examples
import pytest
from rich.console import Console

from restoreproof.reports import figures, terminal, wording


@pytest.fixture(params=examples.MAKERS)
def run(request):
    return examples.MAKERS[request.param]()


def plain(run, width=80):
    stream = StringIO()
    terminal.print_summary(run, Console(file=stream, force_terminal=False, width=width))
    return stream.getvalue()


def test_the_outcome_is_the_last_line(run):
    last = plain(run).splitlines()[-1]
    assert f": {run.footer.rung}" in last
    assert run.footer.reason in last


def test_off_a_terminal_no_line_is_broken_and_nothing_is_drawn():
    text = plain(examples.mixed_run(), width=40)
    assert not any("\u2500" <= letter <= "\u259f" for letter in text)
    assert "\x1b" not in text
    assert f"  observed  {examples.failing().observed}" in text.splitlines()


@pytest.mark.parametrize("encoding", ["ascii", "cp1252", "utf-8"])
def test_a_log_of_any_encoding_can_hold_it(encoding, tmp_path):
    with TextIOWrapper((tmp_path / "log").open("wb"), encoding=encoding, errors="strict") as stream:
        terminal.print_summary(examples.hostile_run(), Console(file=stream, force_terminal=False))
    text = (tmp_path / "log").read_bytes().decode(encoding)
    assert "\x1b" not in text
    assert "[bold red]markup[/bold red]" in text


@pytest.mark.parametrize("width", [40, 100, 200])
def test_a_terminal_shows_the_same_words(run, width):
    stream = StringIO()
    terminal.print_summary(run, Console(file=stream, force_terminal=True, width=width, color_system="truecolor"))
    text = re.sub(r"\x1b\[[0-9;]*m", "", stream.getvalue())
    assert "\x1b" not in text
    flat = re.sub(r"\s", "", text)
    for entry in figures.findings(run):
        assert entry.id in flat
    assert re.sub(r"\s", "", wording.visible(run.footer.reason)) in flat


def test_a_finding_takes_three_to_nine_lines():
    blocks = plain(examples.mixed_run()).split("\n\n")[1:-2]
    assert len(blocks) == 6
    assert all(3 <= len(block.splitlines()) <= 9 for block in blocks)


@pytest.mark.parametrize("make", [examples.rehearsed_run, examples.green_run])
def test_no_summary_lets_a_rehearsal_pass_for_a_certificate(make):
    assert "not a certificate" in plain(make()).splitlines()[-1]


def test_stand_ins_and_defects_are_named_before_the_outcome():
    text = plain(examples.rehearsed_run())
    assert "note SQL Server is a stand-in" in text
    assert "note Defects were switched on for this run: verbose-xml." in text


def test_a_failure_says_what_the_dba_sees_where_it_is_from_and_how_to_repeat_it():
    entry, text = examples.failing(), plain(examples.mixed_run())
    for words in (entry.requirement.dba_sees, entry.requirement.remedy, entry.requirement.source.document):
        assert words in text
    assert entry.reproduce in text
