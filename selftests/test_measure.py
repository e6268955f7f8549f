"""Measuring a store: right within a tenth where the truth is known, and honest about the machine where it is not."""

import json
from contextlib import ExitStack
from dataclasses import replace
from math import comb

import pytest
from defective_runs import Laboratory, environment, write_profile
from hostile_server import Misdeed, hostile
from hypothesis import given
from hypothesis import strategies as st
from live_runs import Store, ledgers, live_run
from store_endpoint import store_endpoint
from throttled_relay import relay

from restoreproof.commands.main import main
from restoreproof.fixtures.advising import Bounds, Need, advise
from restoreproof.fixtures.legs import LEGS, Cell, plan_legs
from restoreproof.fixtures.measuring import measure, start_sink
from restoreproof.fixtures.selection import SelectionError
from restoreproof.providers.profile import load_profile
from restoreproof.reports.measurement import (
    DOWNLOAD,
    FORMAT,
    UPLOAD,
    Measurement,
    MeasurementError,
    Rate,
    measurements,
    ranks,
    read_measurement,
)
from restoreproof.reports.rates import place_words, render
from restoreproof.standins.certificates import Authority
from restoreproof.standins.waiting import wait_until

MIB = 1024 * 1024
TRUTH = 16 * MIB


def laboratory(folder, endpoint):
    """A store that is there already, as a profile names it."""
    file = write_profile(folder, endpoint, "acme", endpoint.bucket, 0)
    return Laboratory(endpoint, folder, file, environment(folder, endpoint))


@pytest.fixture
def sink(tmp_path):
    """Starts a sink of a speed (0: none), as a store that is there already."""
    with ExitStack() as stack:
        yield lambda rate: laboratory(tmp_path, start_sink({"rate": rate}, stack))


@pytest.fixture
def measured(monkeypatch):
    """Measures a store with a plan, in this process."""

    def run(lab, plan, tell=lambda _: None):
        monkeypatch.setenv("XDG_STATE_HOME", lab.environment["XDG_STATE_HOME"])
        return measure(load_profile(str(lab.profile), lab.environment), plan, tell)

    return run


def test_rate_of_a_throttled_store_is_right_within_a_tenth(sink, measured):
    lab = sink(TRUTH)
    plan = plan_legs([1, 4], [2 * MIB], rounds=5, seconds=60, most=330 * MIB)
    found = measured(lab, plan)

    ratios = {(rate.way, rate.streams): rate.median / TRUTH for rate in found.rates}
    assert {which: ratio for which, ratio in ratios.items() if abs(ratio - 1) > 0.1} == {}
    assert set(ratios) == {(way, streams) for way in (UPLOAD, DOWNLOAD) for streams in (1, 4)}
    assert [rate.limit for rate in found.rates] == [""] * 4
    assert 200 * MIB < found.moved <= plan.size <= 330 * MIB
    assert (found.cleanup["left"], found.cleanup["error"]) == ([], "")
    assert (Store(lab).keys("sqlbackups"), Store(lab).uploads("sqlbackups"), ledgers(lab)) == ([], [], [])


SLOW = MIB // 2
FEW = plan_legs([2], [4 * MIB], rounds=1, seconds=60, most=18 * MIB)
"""Sixteen seconds in each leg behind the throttle: what a busy machine loses here and there is less than a tenth."""


@pytest.fixture
def behind(tmp_path):
    """``behind(endpoint, rate)``: an endpoint behind a relay, at these addresses, as a profile knows it."""
    with ExitStack() as stack:

        def start(endpoint, rate, *hosts):
            hosts = hosts or ("127.0.0.1",)
            between = stack.enter_context(relay(endpoint.place_of(endpoint.host), rate, hosts))
            places = tuple(f"{host}:{between.port}" for host in hosts)
            url = f"https://{endpoint.host}:{between.port}"
            return laboratory(tmp_path, replace(endpoint, url=url, addresses=places)), between

        yield start


@pytest.fixture
def store(tmp_path):
    """A real S3 server: the embedded endpoint."""
    (tmp_path / "store").mkdir()
    with store_endpoint(tmp_path / "store") as endpoint:
        yield endpoint


def test_rates_of_a_real_store_behind_a_throttled_proxy_are_right_within_a_tenth(store, behind, measured):
    lab, between = behind(store, SLOW)
    found = measured(lab, FEW)

    ratios = {rate.way: rate.median / SLOW for rate in found.rates}
    assert set(ratios) == {UPLOAD, DOWNLOAD}
    assert {way: ratio for way, ratio in ratios.items() if abs(ratio - 1) > 0.1} == {}
    assert [rate.limit for rate in found.rates] == ["", ""]
    assert min(between.up.passed, between.down.passed) > FEW.cells[0].step
    assert (found.cleanup["left"], found.cleanup["error"]) == ([], "")


def test_without_the_throttle_something_else_is_measured_and_that_the_machine_is_shared_is_said(
    store, behind, measured
):
    lab, _ = behind(store, 0)
    found = measured(lab, FEW)

    assert min(rate.median for rate in found.rates) > 1.5 * SLOW
    assert "The store runs on this machine and takes its processors" in place_words(found)


def test_streams_take_turns_at_all_addresses_of_the_endpoint(behind, measured):
    with ExitStack() as stack:
        lab, between = behind(start_sink({}, stack), 0, "127.0.0.1", "127.0.0.2")
        measured(lab, plan_legs([1], [MIB], rounds=1, seconds=1, most=4 * MIB))
        one = between.talks.get("127.0.0.2", 0)
        found = measured(lab, plan_legs([1, 2], [MIB], rounds=2, seconds=1, most=20 * MIB))

    assert one == 1  # to see whether it answers at all
    assert between.talks["127.0.0.2"] >= 3
    places = f"127.0.0.1:{between.port}, 127.0.0.2:{between.port}"
    assert f"to 2 addresses in turn, each round from another one on: {places}." in render(found)
    assert [rate.problem for rate in found.rates] == [""] * 4


def test_measurement_of_what_stores_nothing_says_that_the_client_was_the_limit(sink, monkeypatch, capsys):
    lab = sink(0)
    for name, value in lab.environment.items():
        monkeypatch.setenv(name, value)
    words = ["--streams", "1,3", "--part-size", "5MiB", "--rounds", "3", "--max-bytes", "400MiB"]
    code = main(["measure", "--provider", str(lab.profile), *words, "--report-dir", str(lab.folder / "runs")])
    said = capsys.readouterr().out
    (folder,) = measurements(lab.folder / "runs", "acme")
    found = read_measurement(folder)

    assert code == 0
    assert said.startswith("acme: moves at most ")
    limited = [rate for rate in found.rates if rate.limit]
    assert len(limited) >= 3  # of four; the machine may have turned to something else in the middle of one
    assert said.count("client-limited") == len(limited) + 1
    plain = json.loads((folder / "measure.json").read_text(encoding="utf-8"))
    assert sum(bool(row["client_limited"]) for row in plain["rates"]) == len(limited)
    page = (folder / "measure.html").read_text(encoding="utf-8")
    assert page.count('class="hollow"') == len(limited)
    assert "each object was removed once it was read, nothing left behind" in page
    assert advise(Need(10**12), Bounds.of({}), found.rates).pace.measured in found.rates


def test_ctrl_c_leaves_nothing_behind(sink):
    lab = sink(TRUTH)
    words = ("measure", "--provider", str(lab.profile), "--streams", "2", "--part-size", "5MiB")
    with live_run(lab, lab.folder / "said.txt", *words) as run:
        run.wait_until_it_says("moves at most")
        wait_until(lambda: Store(lab).uploads("sqlbackups"), 60, "an open upload")
        run.press_ctrl_c()

        assert run.code() == 2
        run.wait_until_nothing_lives()
    assert "left behind: nothing" in run.said
    assert "Traceback" not in run.said
    assert (Store(lab).keys("sqlbackups"), Store(lab).uploads("sqlbackups"), ledgers(lab)) == ([], [], [])


@pytest.fixture
def command(monkeypatch, capsys):
    """``command(lab, *words)`` measures a little by the command: exit code, lines, errors, and files written."""

    def run(lab, *words):
        for name, value in lab.environment.items():
            monkeypatch.setenv(name, value)
        little = ["--streams", "1", "--part-size", "5MiB", "--rounds", "2", "--seconds", "1", "--max-bytes", "64MiB"]
        words = words or ("--report-dir", str(lab.folder / "runs"))
        code = main(["measure", "--provider", str(lab.profile), *little, *words])
        said, complained = capsys.readouterr()
        return code, said, complained, list(lab.folder.rglob("measure.*"))

    return run


@pytest.mark.parametrize(
    ("when", "do", "told"),
    [
        ("handshake", lambda talk: talk.hang(), "gives no answer"),
        ("head", lambda talk: talk.hang(), "gives no answer"),
        ("accept", lambda _: None, "gives no answer"),
    ],
)
def test_endpoint_that_says_nothing_is_one_line(when, do, told, tmp_path, command, monkeypatch):
    monkeypatch.setattr("restoreproof.fixtures.deadlines.LOOK_SECONDS", 1.0)
    with hostile(Misdeed(do, when=when)) as store:
        lab = laboratory(tmp_path, store.endpoint)
        code, said, complained, files = command(lab)

    assert (code, said, complained.count("\n"), files, ledgers(lab)) == (1, "", 1, [], [])
    assert told in complained
    assert not (tmp_path / "runs").exists()


def test_wrong_ca_is_one_line_and_nothing_is_sent(tmp_path, command):
    with hostile(ca=Authority().pem) as store:
        lab = laboratory(tmp_path, store.endpoint)
        code, said, complained, files = command(lab)

    assert (code, said, complained.count("\n"), files, ledgers(lab)) == (1, "", 1, [], [])
    assert "(tls): check ca in [endpoint]" in complained
    assert store.requests == []


def test_what_measured_nothing_is_not_written(tmp_path, command):
    busy = "HTTP/1.1 503 Busy\r\nContent-Length: 36\r\n\r\n<Error><Code>SlowDown</Code></Error>"
    with hostile(Misdeed(lambda talk: talk.say(busy), on="part")) as store:
        code, said, complained, files = command(laboratory(tmp_path, store.endpoint))

    assert (code, complained.count("\n"), files) == (1, 1, [])
    assert "nothing could be measured, and nothing is written" in complained
    assert "1 combination of" in said
    assert not {word for word in ("1 combinations", "rounds is done", "median") if word in said}


@pytest.mark.parametrize("option", ["--output", "--report-dir"])
def test_folder_that_nobody_may_write_to_is_found_before_anything_is_moved(option, sink, command):
    lab = sink(0)
    place = lab.profile / "runs"  # below a file
    code, said, complained, _ = command(lab, option, str(place))

    assert (code, said, complained.count("\n")) == (4, "", 1)
    assert f"{option} {place}" in complained


def test_what_clean_up_left_is_named_with_the_way_to_sweep_it(tmp_path, command):
    refused = "HTTP/1.1 403 Forbidden\r\nContent-Length: 40\r\n\r\n<Error><Code>AccessDenied</Code></Error>"
    with hostile(Misdeed(lambda talk: talk.say(refused), on="delete")) as store:
        lab = laboratory(tmp_path, store.endpoint)
        code, said, _, _ = command(lab)

    assert code == 1
    assert f"its ledger is kept: restoreproof sweep --provider {lab.profile}" in said


def test_store_that_asks_to_slow_down_is_told_and_not_measured(tmp_path, measured):
    busy = "HTTP/1.1 503 Busy\r\nContent-Length: 36\r\n\r\n<Error><Code>SlowDown</Code></Error>"
    with hostile(Misdeed(lambda talk: talk.say(busy), on="part", word=".4.")) as store:
        found = measured(
            laboratory(tmp_path, store.endpoint), plan_legs([1, 4], [MIB], rounds=1, seconds=1, most=2**25)
        )

    assert [(rate.streams, rate.is_known, "SlowDown" in rate.problem) for rate in found.of(UPLOAD)] == [
        (1, True, False),
        (4, False, True),
    ]
    assert (store.objects, store.open) == ({}, {})
    assert "SlowDown" in render(found)


@given(
    streams=st.sets(st.integers(1, 64), min_size=1, max_size=5),
    parts=st.sets(st.integers(80, 320).map(lambda steps: steps * 2**16), min_size=1, max_size=3),
    rounds=st.integers(1, 9),
    most=st.none() | st.integers(1, 2**38),
)
def test_plan_moves_no_more_than_it_may_and_every_stream_a_part(streams, parts, rounds, most):
    try:
        plan = plan_legs(streams, parts, rounds=rounds, seconds=1, most=most)
    except SelectionError:
        assert most < sum(rounds * (LEGS * s * p + s * MIB) for s in streams for p in parts)
        return

    assert min(plan.parts.values()) >= 1
    assert most is None or plan.size <= most
    assert all(set(plan.order(number)) == set(plan.cells) for number in range(rounds))
    assert {plan.order(number)[0] for number in range(2 * len(plan.cells))} == set(plan.cells)
    assert plan.order(1) == plan.order(0)[::-1]


def test_usual_plan_moves_a_few_gigabytes():
    plan = plan_legs([1, 2, 4, 8], [10 * MIB, 20 * MIB], rounds=5, seconds=5)

    assert 4 * 2**30 < plan.size < 5 * 2**30
    assert plan.parts[Cell(8, 20 * MIB)] == 1


@pytest.mark.parametrize(("rounds", "left_out", "sure"), [(1, 0, 0.0), (3, 0, 0.75), (5, 0, 0.9375), (9, 1, 0.9609)])
def test_interval_holds_the_median_as_often_as_it_says(rounds, left_out, sure):
    outside = sum(comb(rounds, below) for below in range(left_out + 1)) * 2 / 2**rounds

    assert ranks(rounds) == (left_out, pytest.approx(sure, abs=1e-4))
    assert ranks(rounds)[1] == pytest.approx(1 - outside)
    assert Rate(UPLOAD, 1, MIB, tuple(map(float, range(rounds)))).interval == (left_out, rounds - 1 - left_out)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--streams", "0"], "--streams '0' is no number from 1 to 64"),
        (["--streams", "1,65"], "--streams '65' is no number"),
        (["--part-size", "4MiB"], "--part-size '4MiB': SQL Server sends 5MiB to 20MiB"),
        (["--part-size", "6MB"], "in multiples of 64KiB"),
        (["--rounds", "many"], "--rounds 'many' is no number"),
        (["--seconds", "-1"], "--seconds"),
        (["--max-bytes", "1GiB"], "--max-bytes 1,024 MiB: this measurement moves 4,650 MiB at the least"),
        (["--provider", "nobody"], "no profile of that name"),
    ],
)
def test_bad_usage_is_one_line(words, told, capsys):
    assert main(["measure", "--provider", "embedded", *words]) == 4
    said = capsys.readouterr().err
    assert told in said
    assert said.count("\n") == 1


def test_one_of_something_is_no_plural():
    rates = (Rate(UPLOAD, 1, 5 * MIB, (1.5e8,)),)
    machine, cleanup = {"processors": 1, "processes": 1}, {"removed": 0, "left": [], "error": ""}
    head = ("r", {"name": "a", "title": "A"}, {"url": "", "software": ""}, "0.1", "t", "t")
    found = Measurement(*head, 5.0, 7, machine, cleanup, rates)

    assert "the median of 1 round;" in render(found)
    assert "1 processor; 1 process carried the bytes" in render(found)


@pytest.mark.parametrize("text", ["{", "[]", '{"format": "other"}', f'{{"format": "{FORMAT}"}}'])
def test_what_is_no_measurement_is_refused_with_its_name(tmp_path, text):
    (tmp_path / "measure.json").write_text(text, encoding="utf-8")
    with pytest.raises(MeasurementError, match=r"measure\.json"):
        read_measurement(tmp_path)


def test_measurement_comes_back_from_its_file(tmp_path):
    rates = (Rate(UPLOAD, 4, 5 * MIB, (1.5e8, 2e8), 0.25, 3e8, 0.6), Rate(DOWNLOAD, 4, 5 * MIB, (), problem="503"))
    place = {"url": "https://s3.acme.test", "software": ""}
    cleanup = {"removed": 1, "left": [], "error": ""}
    times = ("2026-11-26T20:00:00+00:00", "2026-11-26T20:01:00+00:00")
    machine = {"processors": 2, "processes": 2}
    made = Measurement("r", {"name": "a", "title": "A"}, place, "0.1", *times, 5.0, 7, machine, cleanup, rates)
    (tmp_path / "measure.json").write_text(made.to_json(), encoding="utf-8")

    assert read_measurement(tmp_path) == made
