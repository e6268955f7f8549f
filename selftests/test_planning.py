"""A run's plan: known before anything starts, less where small parts are taken, and never above what is allowed."""

import subprocess

import pytest
from live_runs import COMMAND
from source_tree import checks, suites

from restoreproof.fixtures.planning import amount, check_size, plan_of
from restoreproof.fixtures.selection import Selection, SelectionError
from restoreproof.reports.register import SCALES, load_register

REGISTER = load_register()
CLAIMS = [entry for entry in REGISTER if entry.reaches]
MIB = 1024 * 1024


def call(*words, **special):
    return subprocess.run([*COMMAND, *words], capture_output=True, text=True, timeout=120, check=False, **special)


def plan(scale, limits=None, **selected):
    return plan_of(REGISTER, Selection(scale=scale, **selected), limits)


def test_higher_scales_cost_more():
    sizes = [plan(scale).size for scale in SCALES]

    assert sizes == sorted(set(sizes))


def test_scales_do_not_change_what_other_checks_cost():
    entries = [entry for entry in REGISTER if not entry.reaches]

    assert len({plan_of(entries, Selection(scale=scale)) for scale in SCALES}) == 1


def test_many_parts_cost_little_where_small_ones_are_taken():
    areas = {"checks": ("MPU-02.ten-thousand-parts",)}

    assert plan("full", **areas).size > 48 * 1024 * MIB
    assert 20 * MIB < plan("full", {"part_minimum": 0}, **areas).size < 32 * MIB


@pytest.mark.parametrize(
    ("option", "text", "size"),
    [
        ("max-bytes", "2GiB", 2**31),
        ("max-bytes", "500MB", 500_000_000),
        ("max-bytes", "1.5 KiB", 1536),
        ("max-bytes", "4096", 4096),
        ("database-size", "900PB", 900 * 10**15),
        ("database-size", "1.5PiB", 3 * 2**49),
        ("max-rate", "50MiB/s", 50 * MIB),
        ("max-rate", "50MiB", 50 * MIB),
    ],
)
def test_amounts_are_read_as_people_write_them(option, text, size):
    assert amount(option, text) == size


@pytest.mark.parametrize("text", ["", "0", "-1", "2 Gib", "two", "2GiB/s", "1e9", "KiB"])
def test_what_is_no_amount_is_refused_with_an_example(text):
    with pytest.raises(SelectionError, match="no amount of bytes; write it as 2GiB"):
        amount("max-bytes", text)


@pytest.mark.parametrize(
    ("option", "text", "told"),
    [
        ("database-size", "3", "--database-size '3' has no unit; write it as 3TB (units are B, KB, "),
        ("database-size", "0", "--database-size '0' is no amount of bytes; write it as 3TB (units are B, KB, "),
        ("database-size", "-1", "TB, PB and KiB, MiB, GiB, TiB, PiB)"),
        ("part-size", "ten", "write it as 20MiB"),
    ],
)
def test_what_units_there_are_is_said_and_a_size_without_one_is_a_slip(option, text, told):
    with pytest.raises(SelectionError) as refusal:
        amount(option, text)

    assert told in str(refusal.value)


def test_plan_may_be_as_large_as_allowed_and_not_larger():
    check_size(2**31, "2GiB", "full")

    with pytest.raises(SelectionError, match="a lower --scale, or less with --area"):
        check_size(2**31 + 1, "2GiB", "full")


@pytest.mark.parametrize("words", [(), ("--plan",)])
def test_run_that_would_move_more_is_refused_before_anything_starts(words, tmp_path):
    asked = ("--provider", "embedded", "--scale", "nightly", "--max-bytes", "2GiB")

    done = call("certify", *asked, *words, cwd=tmp_path, env={"XDG_STATE_HOME": str(tmp_path / "state"), "PATH": ""})

    assert done.returncode == 4
    assert "--max-bytes 2GiB: this run moves up to 17." in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_plan_says_what_it_takes_at_a_rate():
    done = call("certify", "--plan", "--area", "scale", "--scale", "nightly", "--max-rate", "10MiB/s")

    assert done.returncode == 0
    assert "scale: nightly" in done.stdout
    assert "at 10MiB/s" in done.stdout
    assert "min" in done.stdout.partition("at 10MiB/s")[2].splitlines()[0]


@pytest.mark.parametrize("claim", CLAIMS, ids=lambda claim: claim.id)
def test_list_shows_how_far_each_scale_goes(claim):
    line = next(line for line in LISTED.splitlines() if line.split()[:1] == [claim.id])

    assert line.endswith(f"[{claim.unit}: " + ", ".join(f"{r.scale} {r.number:,}" for r in claim.reaches) + "]")


LISTED = call("certify", "--list", "--area", "scale", "--area", "backups").stdout


def test_exactly_the_checks_of_scale_claims_ask_how_far_to_go():
    """A check that does not ask can't have gone as far as its verdict would say."""
    asking = {
        call.args[0].value
        for module in suites()
        for check in checks(module)
        if "scale" in {argument.arg for argument in check.args.args}
        for call in check.decorator_list
        if call.func.attr == "requirement"
    }

    assert asking == {claim.id for claim in CLAIMS}
