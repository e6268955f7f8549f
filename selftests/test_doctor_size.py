"""The doctor on a database of some size: fits or not, in time or not, and at whose rates."""

import json
import re
from fractions import Fraction
from importlib import resources
from pathlib import Path

import jsonschema
import pytest
from planted_store import ROLES, SOURCES, Plan, patient_of, served

from restoreproof.commands.main import main
from restoreproof.fixtures import prescribing
from restoreproof.fixtures.doctor.chart import Chart
from restoreproof.fixtures.doctor.size import Size, look_at_size, with_rates
from restoreproof.fixtures.prescribing import scripts
from restoreproof.reports.measurement import FILE, UPLOAD, Measurement, Rate, measurements
from restoreproof.reports.redaction import Redactor

SCHEMA = json.loads((resources.files("restoreproof.reports") / "doctor.schema.json").read_text(encoding="utf-8"))
MIB, GIB = 1024**2, 1024**3
ADVICE = {"database-fits", "database-too-large", "few-parts-left", "window-too-short", "window-in-doubt"}


@pytest.fixture
def asked(tmp_path, monkeypatch, capsys):
    """``asked(*words)`` asks about a database at a planted store: exit code, findings about it, document, errors."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.chdir(tmp_path)

    def run(*words, plan=None):
        plan = plan or Plan(window=None)
        for role in ROLES:
            monkeypatch.setenv(f"{role.upper()}_ID", plan.id(role))
            monkeypatch.setenv(f"{role.upper()}_SECRET", plan.secret(role))
        with served(plan) as (_, port):
            profile = patient_of(plan, port, tmp_path).profile
            code = main(["doctor", "--provider", str(profile.path), "--json", *words])
        out, err = capsys.readouterr()
        document = json.loads(out or "{}")
        found = {finding["name"]: finding["seen"] for finding in document.get("findings", ())} if out else {}
        return code, {name: seen for name, seen in found.items() if name in ADVICE}, document, err

    return run


def measured(folder, rate, *, provider="planted", share=0.1, day="20261126", rates=None):
    """A measurement of four streams, where runs are written."""
    machine, cleanup = {"processors": 2, "processes": 2}, {"removed": 0, "left": [], "error": ""}
    rates = (Rate(UPLOAD, 4, 20 * MIB, (rate,), share=share),) if rates is None else rates
    head = ("r", {"name": provider, "title": "P"}, {"url": "", "software": ""}, "0.1", "t", "t")
    place = folder / "runs" / provider / f"{day}-measure"
    place.mkdir(parents=True)
    found = Measurement(*head, 5.0, 7, machine, cleanup, rates)
    (place / FILE).write_text(found.to_json(), encoding="utf-8")
    return place / FILE


def test_what_fits_is_told_with_statements_and_what_is_assumed(asked):
    code, found, document, _ = asked("--database-size", "3TB", "--compression", "3", "--backup-window", "4h")

    jsonschema.validate(document, SCHEMA)
    assert (code, set(found)) == (0, {"database-fits"})
    advice = document["advice"]
    assert (advice["urls"], advice["headroom"], advice["rate"]["basis"]) == (6, 0.2052, "assumed")
    assert advice["backup_statement"].count("URL = N's3://localhost:") == 6


def test_newest_measurement_of_the_provider_is_reckoned_with(asked, tmp_path):
    measured(tmp_path, 400.0 * MIB)
    code, found, document, _ = asked("--database-size", "1TB", "--backup-window", "4h")

    assert (code, found.keys()) == (0, {"database-fits"})
    assert document["advice"]["rate"]["basis"] == "measured"
    assert document["advice"]["rate"]["source"].endswith("20261126-measure")


NOTHING = (Rate(UPLOAD, 4, 20 * MIB, (), problem="tls"),)
FEW = (Rate(UPLOAD, 1, 20 * MIB, (50.0 * MIB,)),)
OTHER_PARTS = (Rate(UPLOAD, 1, 10 * MIB, (60.0 * MIB,)),)


@pytest.mark.parametrize(
    ("older", "newer", "chosen"),
    [
        (None, NOTHING, "1"),
        (None, FEW, "1"),
        (FEW, OTHER_PARTS, "1"),
        (FEW, NOTHING, "1"),
        (OTHER_PARTS, NOTHING, "1"),
        (OTHER_PARTS, FEW, "2"),
        (None, None, "2"),
        (NOTHING, NOTHING, ""),
    ],
)
def test_newest_measurement_that_suits_is_reckoned_with(older, newer, chosen, asked, tmp_path):
    for day, rates in (("1", older), ("2", newer)):
        measured(tmp_path, 400.0 * MIB, day=day, rates=rates)
    rate = asked("--database-size", "600GB", "--backup-window", "9d")[2]["advice"]["rate"]

    assert Path(rate["source"]).name == (f"{chosen}-measure" if chosen else "")
    assert rate["basis"] == ("measured" if chosen else "assumed")


def test_rates_of_another_part_size_are_told(asked, tmp_path):
    measured(tmp_path, 0.0, rates=OTHER_PARTS)
    advice = asked("--database-size", "600GB")[2]["advice"]

    told = "60 MiB/s (60 to 60) with 1 stream, none with 4; measured with parts of 10 MiB, none of 20 MiB"
    assert told in advice["told"]


def test_file_without_rates_is_no_source(asked, tmp_path):
    place = measured(tmp_path, 0.0, rates=NOTHING)
    code, _, _, err = asked("--database-size", "1TB", "--rates", str(place))

    assert (code, err.count("\n"), "has no rate of a backup" in err) == (4, 1, True)


@pytest.mark.parametrize(
    ("window", "names", "reached"),
    [("10m", {"database-fits", "window-in-doubt"}, None), ("4h", {"database-fits"}, True)],
)
def test_store_that_nobody_measured_is_not_known_to_be_fast(window, names, reached, asked, tmp_path):
    code, found, document, _ = asked("--database-size", "3TB", "--compression", "3", "--backup-window", window)

    jsonschema.validate(document, SCHEMA)
    rate = document["advice"]["rate"]
    assert (code, set(found), rate["reached"], rate["source"]) == (0, names, reached, "")
    (file,) = tmp_path.glob("*/planted.toml")
    assumed = "95 MiB/s for each URL up to 8: nobody has measured this store"
    assert f"{assumed}; `restoreproof measure --provider {file}` does" in document["advice"]["told"][1]
    assert ("NOT KNOWN" in document["advice"]["told"][2]) == (reached is None)


@pytest.mark.parametrize(
    ("words", "share", "code", "names"),
    [
        (("--database-size", "700GB", "--backup-window", "1h"), 0.1, 1, {"database-fits", "window-too-short"}),
        (("--database-size", "700GB", "--backup-window", "1h"), 0.9, 0, {"database-fits", "window-in-doubt"}),
        (("--database-size", "13TiB", "--backup-window", "9d"), 0.1, 1, {"database-too-large"}),
        (("--database-size", "12TiB"), 0.1, 0, {"database-fits", "few-parts-left"}),
        (("--database-size", "7TB", "--mirrors", "1"), 0.1, 1, {"database-too-large"}),
    ],
)
def test_what_does_not_go_is_named(words, share, code, names, asked, tmp_path):
    measured(tmp_path, 100.0 * MIB, share=share)
    ended, found, document, _ = asked(*words)

    jsonschema.validate(document, SCHEMA)
    assert (ended, set(found)) == (code, names)


def test_limit_of_the_vendor_decides(asked):
    plan = Plan(window=None, limits="parts = 1000")
    _, found, document, _ = asked("--database-size", "500GB", plan=plan)

    assert (document["advice"]["urls"], document["advice"]["most_parts"]) == (27, 1000)
    assert set(found) == {"database-fits"}


@pytest.mark.parametrize(
    ("limits", "urls"),
    [("", 12), ("parts = 1000", None), ("part_maximum = 8388608", None), ("part_minimum = 16777216", None)],
)
@pytest.mark.parametrize("edition", ["engine-web", "engine-express"])
def test_edition_without_compression_bounds_the_advice(limits, urls, edition, tmp_path):
    patient, chart = patient_of(Plan(limits=limits), 9000, tmp_path), Chart(SOURCES, Redactor(()))
    chart.find(edition, "Some Edition")
    rates = (Rate(UPLOAD, 20, 20 * MIB, (400.0 * MIB,)), Rate(UPLOAD, 20, 5 * MIB, (400.0 * MIB,)))
    advice = look_at_size(Size(1000 * GIB, Fraction(3), 0, rates, ""), patient, chart)

    if urls is None:
        assert (advice, chart.has("database-too-large")) == (None, True)
        return
    backup, _ = scripts(advice, patient.endpoint)
    assert (advice.part, advice.urls, advice.need.backup) == (10 * MIB, urls, 1000 * GIB)
    assert not re.search("COMPRESSION|MAXTRANSFERSIZE", backup)
    assert "this edition has no COMPRESSION" in prescribing.told(advice, patient.endpoint, "planted")


@pytest.mark.parametrize(("edition", "chosen"), [("", "2"), ("engine-web", "1"), ("engine-express", "1")])
def test_rates_are_chosen_for_what_the_edition_sends(edition, chosen, tmp_path):
    patient, chart = patient_of(Plan(), 9000, tmp_path), Chart(SOURCES, Redactor(()))
    for day, part in (("1", 10), ("2", 20)):
        measured(tmp_path, 0.0, day=day, rates=(Rate(UPLOAD, 12, part * MIB, (400.0 * MIB,)),))
    if edition:
        chart.find(edition, "Some Edition")
    places = tuple(measurements(tmp_path / "runs", "planted"))
    size = with_rates(Size(1000 * GIB, Fraction(3), 0, (), "", places=places), patient.profile, chart)

    assert Path(size.source).name == f"{chosen}-measure"


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--database-size", "huge"), "--database-size 'huge' is no amount of bytes"),
        (("--database-size", "3"), "--database-size '3' has no unit"),
        (("--compression", "3"), "--compression is about a database: add --database-size"),
        (("--mirrors", "1"), "--mirrors is about a database"),
        (("--database-size", "1TB", "--compression", "0"), "--compression '0' is no ratio; write it as 3 or 2.5"),
        (("--database-size", "1TB", "--compression", "1/0"), "is no ratio"),
        (("--database-size", "1TB", "--mirrors", "4"), "--mirrors '4' is no number from 0 to 3"),
        (("--database-size", "1TB", "--rates", "none.json"), "--rates: none.json can't be read"),
        (("--database-size", "1TB", "--rates", "runs/acme/20261126-measure"), "is of acme, not of planted"),
    ],
)
def test_bad_usage_is_one_line(words, told, asked, tmp_path):
    measured(tmp_path, 1.0, provider="acme")
    code, _, _, err = asked(*words)

    assert (code, err.count("\n")) == (4, 1)
    assert told in err


def test_lines_for_people_end_with_the_sum(capsys, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    plan = Plan(window=None)
    for role in ROLES:
        monkeypatch.setenv(f"{role.upper()}_ID", plan.id(role))
        monkeypatch.setenv(f"{role.upper()}_SECRET", plan.secret(role))
    with served(plan) as (_, port):
        profile = patient_of(plan, port, tmp_path).profile
        main(["doctor", "--provider", str(profile.path), "--database-size", "800GiB"])
    lines = capsys.readouterr().out.splitlines()

    start = lines.index("A backup of that size")
    assert lines.index("BACKUP DATABASE [YourDatabase]") > start
    assert "problems" in lines[-1]
