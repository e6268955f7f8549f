"""The census: every guess of the stand-in has the question that settles it."""

from __future__ import annotations

import json
import re

from restoreproof.reports.census import FILE, NOT_SEEN, QUESTIONS, answers, table, told
from restoreproof.standins.sqlserver.connector.behaviour import Behaviour

SETTLED = {number: set(filter(None, one.settles.split(", "))) for number, one in enumerate(QUESTIONS, start=1)}
READ = {"operation": "GetObject", "key": "a", "began": 1.0, "ended": 2.0, "status": 200, "raw_path": "/b/a"}
READ |= {"shown": {"range": "bytes=0-9"}, "region": "us-east-1", "tls": {"version": "TLSv1.3"}, "http": "HTTP/1.1"}


PAUSES = {"retry_seconds", "longest_retry_seconds"}
"""How long it waits before it tries again is shown by no answer."""


def test_each_guess_is_settled_by_its_question():
    for switch, source in Behaviour.sources().items() - {(name, Behaviour.sources()[name]) for name in PAUSES}:
        for numbers in re.findall(r"guess \[([0-9, ]+)\]", source):
            assert all(switch in SETTLED[int(number)] for number in numbers.split(","))


def test_no_other_switch_is_promised():
    assert set().union(*SETTLED.values()) <= set(Behaviour.sources())


def test_what_was_not_seen_rests_on_no_request():
    found = {each.number: each for each in answers([READ, READ])}

    assert (found[11].answer, found[11].requests) == ("10 to 10 bytes", 2)
    assert (found[17].answer, found[17].requests) == (NOT_SEEN, 0)
    assert {each.requests for each in found.values() if each.answer == NOT_SEEN} == {0}


def test_the_run_file_keeps_what_the_command_prints(tmp_path):
    (tmp_path / FILE).write_text(json.dumps(READ) + "\n", encoding="utf-8")

    printed = table(answers([READ]))

    assert all(
        f"| {row['question']} | {row['answer']} | {row['requests']} |" in printed for row in told(tmp_path / FILE)
    )
    assert told(tmp_path / "none") == ()
