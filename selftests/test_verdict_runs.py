"""What a real pytest run makes of checks that break, crash, stop early or are left out: never green by silence."""

import subprocess
import sys
import tempfile
from importlib import resources
from pathlib import Path
from typing import NamedTuple

import pytest
from defective_runs import laboratory

from restoreproof.reports.reader import read_run
from restoreproof.reports.record import Footer

INI = resources.files("restoreproof.suites") / "certify.ini"

DEVIATION = """
[[deviations]]
check   = "{check}"
symptom = "{symptom}"
reason  = "declared for the test"
link    = "https://vendor.example.test/known"
"""

HEAD = "import os, pytest\nfrom restoreproof.fixtures.subjects import SetupError\n"

CHECK = """
@pytest.mark.requirement("{check}")
def test_{number}(subject):
    {body}
"""


class Ended(NamedTuple):
    code: int
    said: str
    records: dict
    footer: Footer


@pytest.fixture(scope="module")
def lab():
    with laboratory() as running:
        yield running


@pytest.fixture
def run(lab, tmp_path):
    """Run a suite of the test's own, as the plugin runs ours."""

    def started(text, *words, deviations=None, denied="", intermittent=False):
        (tmp_path / "test_errors.py").write_text(HEAD + text, encoding="utf-8")
        declared = {"deviations": deviations or {}, "denied": denied, "intermittent": intermittent}
        return run_suite(lab, tmp_path, *words, **declared)

    return started


def run_suite(lab, suite, *words, deviations, denied, intermittent=False):
    profile = lab.profile.read_text(encoding="utf-8")
    profile = profile.replace("virtual_host = true", f"virtual_host = true\n{denied}")
    profile += "".join(DEVIATION.format(check=check, symptom=symptom) for check, symptom in deviations.items())
    profile += "intermittent = true\n" if intermittent else ""
    reports = Path(tempfile.mkdtemp(dir=lab.folder))
    declared = lab.folder / f"{reports.name}.toml"
    declared.write_text(profile, encoding="utf-8")
    command = [sys.executable, "-m", "pytest", str(suite), "-c", str(INI), "--rootdir", str(suite), "-p", "no:terminal"]
    done = subprocess.run(
        [*command, "--provider", str(declared), "--report-dir", str(reports), *words],
        env=lab.environment,
        cwd=suite,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    files = list(reports.glob("*/*/run.jsonl"))
    assert files, done.stdout + done.stderr
    found = read_run(files[0])
    return Ended(done.returncode, done.stdout + done.stderr, {r.id: r for r in found.records}, found.footer)


def suite_of(**bodies):
    """One check per body; underscores stand for the marks that Python's names can't have."""
    ids = {name: name.replace("__", ".").replace("_", "-") for name in bodies}
    return "".join(CHECK.format(check=ids[name], number=name.lower(), body=body) for name, body in bodies.items())


PASSES = "assert subject.name"

ZOO = """
@pytest.fixture
def broken(subject):
    raise RuntimeError("no such thing")

@pytest.fixture
def untrue(subject):
    assert subject.name == "another"

@pytest.fixture
def unclean(subject):
    yield
    raise RuntimeError("left behind")

@pytest.mark.requirement("META-07.missing-object")
def test_broken_fixture(broken):
    pass

@pytest.mark.requirement("WIRE-08.missing-bucket-list")
def test_untrue_fixture(untrue):
    pass

@pytest.mark.requirement("WIRE-08.unknown-upload")
def test_unclean_fixture(unclean):
    pass

@pytest.mark.parametrize("minutes", [-20, 20])
@pytest.mark.requirement("CLK-01.skewed-clock-refused")
def test_variants(minutes, subject):
    assert minutes > 0
""" + suite_of(
    MPU_15__bytes_exact="raise ValueError('seven')",
    MPU_05__unequal_parts="raise ValueError('eight')",
    MPU_03__part_of_20_mib="assert subject.name == 'another'",
    MPU_06__tiny_last_part="raise SetupError('no disk')",
    ABORT_03__listed_by_exact_key="assert not subject.name",
    ABORT_03__aborted_cannot_complete=PASSES,
    ABORT_06__second_upload_survives=PASSES,
    ABORT_04__open_upload_invisible="pytest.skip('not today')",
)

ZOO_VERDICTS = {
    "META-07.missing-object": ("error", "", "RuntimeError: no such thing"),
    "WIRE-08.missing-bucket-list": ("error", "", "AssertionError: assert 'laboratory' == 'another'"),
    "WIRE-08.unknown-upload": ("error", "", "RuntimeError: left behind"),
    "CLK-01.skewed-clock-refused": ("fails", "assertion", ""),
    "MPU-15.bytes-exact": ("fails", "ValueError", ""),
    "MPU-05.unequal-parts": ("deviates", "ValueError", "declared for the test"),
    "MPU-03.part-of-20-mib": ("fails", "bytes-differ", ""),
    "MPU-06.tiny-last-part": ("error", "", "SetupError: no disk"),
    "ABORT-03.listed-by-exact-key": ("unsupported", "not-listed", "the profile declares list_uploads = false"),
    "ABORT-03.aborted-cannot-complete": (
        "stale",
        "",
        "the profile declares the deviation 'NoSuchUpload', but the check passed: delete the line",
    ),
    "ABORT-06.second-upload-survives": ("conforms", "", ""),
    "ABORT-04.open-upload-invisible": ("not run", "", "not today"),
    "TLS-02.chain-to-given-ca": ("not run", "", "not reached"),
}


@pytest.fixture(scope="module", params=["0", "2"], ids=["one-process", "two-workers"])
def zoo(request, lab, tmp_path_factory):
    suite = tmp_path_factory.mktemp("zoo")
    (suite / "test_errors.py").write_text(HEAD + ZOO, encoding="utf-8")
    symptoms = {
        "META-07.missing-object": "RuntimeError",
        "WIRE-08.missing-bucket-list": "not-refused",
        "WIRE-08.unknown-upload": "RuntimeError",
        "MPU-05.unequal-parts": "ValueError",
        "MPU-06.tiny-last-part": "SetupError",
        "ABORT-03.aborted-cannot-complete": "NoSuchUpload",
    }
    return run_suite(lab, suite, "-n", request.param, deviations=symptoms, denied="list_uploads = false")


def test_deviation_that_comes_and_goes_is_unmet_where_it_does_not_show(run):
    check = "ABORT-06.second-upload-survives"
    ended = run(
        suite_of(ABORT_06__second_upload_survives=PASSES),
        *("--check", check, "--require", "as-declared"),
        deviations={check: "NoSuchUpload"},
        intermittent=True,
    )

    assert (ended.code, ended.records[check].verdict) == (0, "deviates")


def test_phase_decides_and_no_declaration_excuses_a_broken_set_up(zoo):
    seen = {name: (zoo.records[name].verdict, zoo.records[name].symptom) for name in ZOO_VERDICTS}

    assert seen == {name: (verdict, symptom) for name, (verdict, symptom, _) in ZOO_VERDICTS.items()}


def test_verdicts_say_why(zoo):
    seen = {name: zoo.records[name].reason for name in ZOO_VERDICTS}

    assert seen == {name: reason for name, (_, _, reason) in ZOO_VERDICTS.items()}


def test_variants_are_told_apart(zoo):
    variants = zoo.records["CLK-01.skewed-clock-refused"].variants

    assert {(variant.id, variant.verdict) for variant in variants} == {("-20", "fails"), ("20", "conforms")}


def test_zoo_is_red(zoo):
    assert (zoo.code, zoo.footer.rung, zoo.footer.as_declared) == (1, "not certified", False)


def test_unmet_prerequisite_blocks_what_comes_after_it(run):
    text = suite_of(TLS_03__host_name="assert not subject.name", MPU_15__bytes_exact=PASSES, TLS_12__not_expired=PASSES)

    ended = run(text)

    record = ended.records["MPU-15.bytes-exact"]
    assert (record.verdict, record.reason) == ("not run", "blocked: TLS-03.host-name is not met")
    assert ended.records["TLS-12.not-expired"].verdict == "conforms"


@pytest.mark.parametrize(
    ("crash", "verdict"),
    [
        ("test_dies(subject):\n    os._exit(3)\n", "error"),
        ("test_dies(dies_after):\n    pass\n", "error"),
        ("test_dies(dies_before):\n    pass\n", "not run"),
    ],
    ids=["in-the-call", "in-the-teardown", "in-the-set-up"],
)
def test_worker_that_dies_over_a_check_is_never_green(run, crash, verdict):
    fixtures = "@pytest.fixture\ndef dies_after(subject):\n    yield\n    os._exit(3)\n"
    fixtures += "@pytest.fixture\ndef dies_before(subject):\n    os._exit(3)\n"
    check = f'@pytest.mark.requirement("MPU-15.bytes-exact")\ndef {crash}'

    ended = run(fixtures + check + suite_of(MPU_06__tiny_last_part=PASSES, ABORT_07__no_residue=PASSES), "-n", "2")

    assert ended.records["MPU-15.bytes-exact"].verdict == verdict
    assert [ended.records[name].verdict for name in ("MPU-06.tiny-last-part", "ABORT-07.no-residue")] == [
        "conforms"
    ] * 2
    assert ended.code == 1
    assert "crashed while running" in ended.said


@pytest.mark.parametrize("words", [["-x"], ["--maxfail", "1", "-n", "2"]], ids=["one-process", "two-workers"])
def test_run_that_stops_at_the_first_failure_is_red(run, words):
    ended = run(suite_of(MPU_15__bytes_exact="assert not subject.name", ABORT_07__no_residue=PASSES), *words)

    assert ended.records["MPU-15.bytes-exact"].verdict == "fails"
    assert ended.code in (1, 2)


def test_variant_left_out_by_keyword_keeps_its_check_from_conforming(run):
    text = """
@pytest.mark.parametrize("when", ["past", "future"])
@pytest.mark.requirement("CLK-01.skewed-clock-refused")
def test_skewed(when, subject):
    assert when
"""

    ended = run(text, "-k", "past")

    record = ended.records["CLK-01.skewed-clock-refused"]
    assert (record.verdict, record.reason) == ("not run", "1 of 2 variants did not come to run")


def test_run_without_a_single_check_is_an_error(run):
    ended = run(suite_of(ABORT_07__no_residue=PASSES), "-k", "nothing")

    assert {record.verdict for record in ended.records.values()} == {"not run"}
    assert (ended.code, ended.footer.rung) == (1, "incomplete")


@pytest.mark.parametrize("workers", ["0", "2"])
def test_suite_that_cannot_be_read_is_an_error(run, tmp_path, workers):
    (tmp_path / "test_reads.py").write_text("import no_such_module\n", encoding="utf-8")

    ended = run(suite_of(ABORT_07__no_residue=PASSES), "-n", workers)

    assert ended.code in (1, 2)
    assert "no_such_module" in ended.said


def test_checks_without_a_provider_are_refused(tmp_path):
    (tmp_path / "test_errors.py").write_text(HEAD + suite_of(ABORT_07__no_residue=PASSES), encoding="utf-8")

    done = subprocess.run(
        [sys.executable, "-m", "pytest", str(tmp_path), "-c", str(INI), "--rootdir", str(tmp_path)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert done.returncode == 4
    assert "these checks need a provider" in done.stdout + done.stderr
