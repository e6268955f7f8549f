"""A run file is written line by line, and read only when it can be trusted."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import sys
from dataclasses import fields
from datetime import UTC, datetime
from importlib.resources import files

import example_runs as examples
import pytest

from restoreproof import reports
from restoreproof.reports.lines import RunFileError, problem_of
from restoreproof.reports.reader import read_run
from restoreproof.reports.record import Exchange, Footer, Header, Record
from restoreproof.reports.register import Requirement
from restoreproof.reports.writer import RunWriter

RUNS = [examples.mixed_run, examples.green_run, examples.rehearsed_run, examples.certified_run]


@pytest.fixture
def file(tmp_path):
    return examples.write(examples.mixed_run(), tmp_path / "runs" / "example" / "1" / "run.jsonl")


def lines(file):
    return [json.loads(line) for line in file.read_bytes().splitlines()]


def rewrite(file, changed):
    """Write lines back, with a seal that fits: what is tampered with must be found by what it says."""
    text = [json.dumps(line, ensure_ascii=False).encode() + b"\n" for line in changed[:-1]]
    last = changed[-1]
    if "lines" in last:
        last = {**last, "lines": hashlib.sha256(b"".join(text)).hexdigest()}
    file.write_bytes(b"".join(text) + json.dumps(last).encode() + b"\n")


def refusal(file):
    with pytest.raises(RunFileError) as caught:
        read_run(file)
    assert "\n" not in str(caught.value)
    assert str(file) in str(caught.value) or caught.value.line == 0
    return str(caught.value)


@pytest.mark.parametrize("make", RUNS)
def test_a_run_reads_back_as_it_was_written(tmp_path, make):
    written = make()
    file = examples.write(written, tmp_path / "run.jsonl")
    assert read_run(file) == read_run(tmp_path) == written


def test_hostile_texts_survive_except_half_characters(tmp_path):
    written = examples.hostile_run()
    back = read_run(examples.write(written, tmp_path / "run.jsonl"))
    assert len(back.records) == len(written.records)
    for before, after in zip(written.records, back.records, strict=True):
        assert after.observed == before.observed.replace("\udc80", "?")


def test_lines_end_in_a_single_line_feed_and_are_utf8(file):
    content = file.read_bytes()
    assert b"\r" not in content
    assert content.endswith(b"\n")
    assert "…" in content.decode("utf-8")


def test_a_file_whose_line_ends_were_converted_is_still_trusted(file):
    file.write_bytes(file.read_bytes().replace(b"\n", b"\r\n"))
    assert read_run(file).footer.rung == "not certified"


def test_evidence_of_s3_clients_is_spelt_out(tmp_path):
    evidence = {"modified": datetime(2026, 1, 2, tzinfo=UTC), "bytes": b"\xff\x00ok", "names": {"b", "a"}, "kind": int}
    file = examples.write(examples.run([examples.record(evidence=evidence)]), tmp_path / "run.jsonl")
    back = read_run(file).records[0].evidence
    assert back == {
        "modified": "2026-01-02T00:00:00+00:00",
        "bytes": "\\xff\x00ok",
        "names": ["a", "b"],
        "kind": "<class 'int'>",
    }


@pytest.mark.parametrize("kept", range(1, 28))
def test_a_run_cut_off_after_any_line_is_refused(file, kept):
    file.write_bytes(b"".join(file.read_bytes().splitlines(keepends=True)[:kept]))
    assert "truncated: it has no footer" in refusal(file)


def test_a_run_cut_off_in_any_line_is_refused(file):
    content = file.read_bytes()
    for size in range(0, len(content) - 1, 997):
        file.write_bytes(content[:size])
        assert "truncated" in refusal(file) or "empty" in refusal(file)


def test_a_killed_writer_leaves_whole_lines(tmp_path):
    writer = RunWriter(tmp_path / "run.jsonl")
    writer.header(examples.header())
    writer.record(examples.record())
    assert [line["kind"] for line in lines(tmp_path / "run.jsonl")] == ["header", "check"]
    assert f"{tmp_path / 'run.jsonl'}:2: the run file is truncated" in refusal(tmp_path)
    writer.close()


def swap_in(index, **changes):
    def change(content):
        content[index] = {**content[index], **changes}
        return content

    return change


def requirement(**changes):
    def change(content):
        content[3]["requirement"] |= changes
        return content

    return change


OTHER = examples.record(0).to_json() | {"run": "another"}

TAMPERED = {
    "two headers": (lambda c: [c[0], *c], ":2: a second header"),
    "two runs": (lambda c: c + c, ":30: a second header|:30: lines after"),
    "no header": (lambda c: c[1:], ":1: the first line is not a header"),
    "line after the footer": (lambda c: [*c[:-1], c[-1], c[5]], "lines after the footer"),
    "record twice": (lambda c: [*c[:5], c[4], *c[5:]], ":6: MPU|:6: .* is recorded twice"),
    "record of another run": (lambda c: [*c[:5], OTHER, *c[6:]], ":6: belongs to another run, 'another'"),
    "footer of another run": (swap_in(-1, run="another"), "belongs to another run"),
    "unknown area": (requirement(area="poems"), ":4: .* is not of the register"),
    "level that harm forbids": (requirement(harm="nuisance", level="must"), ":4: .* is not of the register"),
    "schema of tomorrow": (swap_in(0, schema=2), ":1: written in version 2 of the format"),
    "unknown field": (swap_in(2, mood="good"), ":3: breaks the schema .*'mood'"),
    "unknown verdict": (swap_in(2, verdict="fine"), ":3: breaks the schema .*verdict: 'fine'"),
    "field left out": (lambda c: [*c[:2], {k: v for k, v in c[2].items() if k != "observed"}, *c[3:]], "'observed'"),
    "verdict changed": (swap_in(14, verdict="conforms"), "the footer's counts is"),
    "outcome changed": (swap_in(-1, rung="wire conformant"), "rung is 'wire conformant', .* give 'not certified'"),
    "reason changed": (swap_in(-1, reason="all is well"), "the footer's reason is"),
    "as declared changed": (swap_in(-1, as_declared=True), "as_declared is True, but the records give False"),
    "counts changed": (swap_in(-1, counts={"conforms": 27}), "the footer's counts is"),
    "not run without reason": (swap_in(12, reason=""), ":13: breaks the schema .*reason"),
    "not an object": (lambda c: [*c[:2], [1], *c[3:]], ":3: not a line of a run file"),
    "infinite": (swap_in(2, seconds=-1), ":3: breaks the schema .*seconds"),
}


@pytest.mark.parametrize("name", TAMPERED)
def test_a_file_that_was_tampered_with_is_refused(file, name):
    change, said = TAMPERED[name]
    rewrite(file, change(lines(file)))
    with pytest.raises(RunFileError, match=said):
        read_run(file)
    refusal(file)


def test_a_changed_text_breaks_the_seal(file):
    file.write_bytes(file.read_bytes().replace(b"between 1 and 1000", b"between 1 and 9999"))
    assert "a line was changed after the run was sealed" in refusal(file)


@pytest.mark.parametrize("text", [b"{", b"\xff\xfe", b"null", b'"header"', b"[" * 100_000, b"{}", b'{"kind": "poem"}'])
def test_other_files_are_refused_in_one_line(file, text):
    file.write_bytes(text + b"\n")
    assert f"{file}:1: " in refusal(file)


def test_the_folder_of_a_provider_points_at_its_newest_run(file):
    assert f"did you mean {file.parent}?" in refusal(file.parent.parent)


def test_a_missing_file_says_what_to_give(tmp_path):
    assert "there is no run file here; give the folder" in refusal(tmp_path / "nowhere" / "run.jsonl")


def test_a_run_never_overwrites_another(file):
    with pytest.raises(RunFileError, match="a run never overwrites another"):
        RunWriter(file)


@pytest.mark.skipif(sys.platform != "linux", reason="/dev/full is a Linux device")
def test_a_full_disk_is_one_clear_line(tmp_path, monkeypatch):
    writer = RunWriter(tmp_path / "run.jsonl")
    writer.close()
    monkeypatch.setattr(writer, "_file", open("/dev/full", "wb", buffering=0))  # noqa: PTH123, SIM115
    with (
        writer,
        pytest.raises(RunFileError, match=r"run\.jsonl: the run can't be recorded: No space .*free some space"),
    ):
        writer.header(examples.header())


@pytest.mark.parametrize("number", [errno.EROFS, errno.EACCES])
def test_a_read_only_folder_is_one_clear_line(tmp_path, monkeypatch, number):
    def refuse(*_args, **_kwargs):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr("pathlib.Path.open", refuse)
    with pytest.raises(RunFileError, match="choose a writable folder with --report-dir"):
        RunWriter(tmp_path / "run.jsonl")


def test_the_writer_refuses_lines_out_of_order(tmp_path):
    run = examples.green_run()
    with RunWriter(tmp_path / "run.jsonl") as writer:
        with pytest.raises(RunFileError, match="before the header"):
            writer.record(run.records[0])
        writer.header(run.header)
        with pytest.raises(RunFileError, match="a second header"):
            writer.header(run.header)
        writer.record(run.records[0])
        with pytest.raises(RunFileError, match="recorded twice"):
            writer.record(run.records[0])
        writer.footer(run.footer)
        with pytest.raises(RunFileError, match="after the footer"):
            writer.footer(run.footer)


def test_the_writer_refuses_what_readers_would_refuse(tmp_path):
    with RunWriter(tmp_path / "run.jsonl") as writer:
        writer.header(examples.header())
        with pytest.raises(RunFileError, match=r"breaks|is not one of"):
            writer.record(examples.record(verdict="splendid"))
        with pytest.raises(RunFileError, match="not JSON compliant"):
            writer.record(examples.record(seconds=float("nan")))


SHAPES = {
    "header": Header,
    "check": Record,
    "footer": Footer,
    "requirement": Requirement,
    "exchange": Exchange,
}
ENVELOPE = {"kind", "schema", "run", "lines", "level"}


@pytest.mark.parametrize("name", SHAPES)
def test_the_schema_knows_every_field_and_no_other(name):
    described = json.loads((files(reports) / "run.schema.json").read_text(encoding="utf-8"))["$defs"][name]
    assert set(described["properties"]) - ENVELOPE == {field.name for field in fields(SHAPES[name])} - ENVELOPE
    assert set(described["required"]) == set(described["properties"])


def test_the_schema_accepts_every_line_of_the_examples(file):
    assert [problem_of(line) for line in lines(file)] == [""] * 29
