"""The wheel holds all that a run needs and gives the clone's verdicts; the core needs no extra, and no GPL."""

import re
import sys
import zipfile
from importlib import metadata

import pytest
from built_wheel import ROOT, archive, build, install, needed, run
from certificate_examples import plain
from defective_runs import write_profile
from source_tree import ROOMS
from tls_server import serving

from restoreproof.reports.reader import read_run
from restoreproof.reports.register import load_register

EXTRAS = ("embedded", "proxy")
PARTS = ("ID", "SECRET")
KEYS = {f"SELFTEST_{role}_{part}": "X" * 20 for role in ("BACKUP", "RESTORE", "HOUSEKEEPING") for part in PARTS}
# Licences that anybody may build upon; of those that ask for something in return, MPL and LGPL.
PERMISSIVE = re.compile(
    r"\b(MIT|0?BSD|Apache|ISC|PSF|Python Software|MPL|Mozilla|LGPL|Lesser General|Unlicense|Zlib|CC0"
    r"|Permission is hereby granted, free of charge)"
)
GPL = re.compile(r"\b(A?GPL|GNU General Public|GNU Affero)", re.IGNORECASE)

IMPORT_ALL = """
import importlib, pkgutil, sys
import restoreproof.commands, restoreproof.fixtures, restoreproof.providers, restoreproof.reports, restoreproof.standins
for room in ("commands", "fixtures", "providers", "reports", "standins"):
    package = sys.modules[f"restoreproof.{room}"]
    for found in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
        if found.name not in ("restoreproof.standins.endpoint.server", "restoreproof.standins.endpoint.signin"):
            importlib.import_module(found.name)
            print(found.name)
"""


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    return archive(tmp_path_factory.mktemp("source"))


@pytest.fixture(scope="module")
def wheel(source, tmp_path_factory):
    return build(source, tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory):
    return install(wheel, tmp_path_factory.mktemp("installed"), EXTRAS)


@pytest.fixture(scope="module")
def core(wheel, tmp_path_factory):
    return install(wheel, tmp_path_factory.mktemp("core"), ())


def test_the_wheel_holds_every_file_of_every_room_and_nothing_else(source, wheel):
    # the build leaves no trace in the rooms, only beside them
    files = {path for room in ROOMS for path in (source / room).rglob("*") if path.is_file()}
    with zipfile.ZipFile(wheel) as packed:
        shipped = {name for name in packed.namelist() if ".dist-info/" not in name}
    assert shipped == {f"restoreproof/{path.relative_to(source).as_posix()}" for path in files}


def test_the_wheel_runs_from_an_empty_folder(installed):
    version = installed.run("restoreproof", "--version")
    assert (version.stdout, version.stderr) == (f"restoreproof {metadata.version('restoreproof')}\n", "")
    listed = installed.run("restoreproof", "certify", "--list").stdout
    assert [entry.id for entry in load_register() if f"  {entry.id} " not in listed] == []
    where = installed.run("python", "-c", "import restoreproof.fixtures as f; print(f.__file__)").stdout
    assert where.startswith(str(installed.folder))


def test_the_wheel_gives_the_same_ids_and_verdicts_as_the_clone(installed, tmp_path):
    words = ["--provider", "embedded", "--area", "tls", "--area", "errors"]
    suites = ["--pyargs", "restoreproof.suites", "-p", "no:cacheprovider", "-W", "error"]
    by_pytest = verdicts(installed.run("python", "-P", "-m", "pytest", *suites, *words), installed.here / "runs")
    by_command = verdicts(
        installed.run("restoreproof", "certify", *words, "--report-dir", "more"), installed.here / "more"
    )
    clone = [sys.executable, "-m", "pytest", "suites", "-p", "no:randomly", *words, "--report-dir", tmp_path]
    by_clone = verdicts(run(clone, ROOT), tmp_path)
    assert by_clone == by_pytest == by_command
    unproven = [entry.id for entry in load_register() if entry.area == "tls" and by_clone[entry.id] != "conforms"]
    assert unproven == ["TLS-04.address-among-names"]  # which speaks of URLs with an IP address


def test_the_wheel_certifies_the_embedded_endpoint_and_ends_well_with_the_outcome_asked_for(installed):
    words = ["--provider", "embedded", "--require", "wire conformant", "-n", "2", "--report-dir", "whole"]
    done = installed.run("restoreproof", "certify", *words)
    assert done.returncode == 0, done.stdout + done.stderr
    assert list(verdicts(done, installed.here / "whole")) == [entry.id for entry in load_register()]


def test_a_clone_that_is_not_the_installed_one_says_so_in_one_line(source, installed):
    done = installed.run("python", "-m", "pytest", "suites", "--provider", "embedded", cwd=source)
    assert done.returncode != 0
    assert (done.stdout, done.stderr.count("\n")) == ("", 1)
    assert "pip install -e" in done.stderr


def test_every_module_of_the_core_can_be_imported_without_the_extras(core):
    done = core.run("python", "-W", "error", "-c", IMPORT_ALL)
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.split()) > 60
    for extra in ("swift", "mitmproxy", "trustme"):
        assert core.run("python", "-c", f"import {extra}").returncode == 1


def test_what_an_extra_is_missing_for_is_said_in_one_line(core, tmp_path):
    alone = core.run("restoreproof", "certify", "--provider", "embedded")
    assert (alone.returncode, "restoreproof[embedded]" in last_line(alone)) == (1, True)
    with serving(plain()) as endpoint:
        profile = write_profile(tmp_path, endpoint, "remote", "sqlbackups")
        behind = core.run("restoreproof", "certify", "--provider", profile, "--defect", "expired-certificate", **KEYS)
    assert (behind.returncode, "restoreproof[proxy]" in last_line(behind)) == (1, True)


def test_a_remote_endpoint_is_certified_without_the_extras(core, tmp_path):
    with serving(plain()) as endpoint:
        profile = write_profile(tmp_path, endpoint, "remote", "sqlbackups")
        done = core.run("restoreproof", "certify", "--provider", profile, "--area", "tls", **KEYS)
    assert done.returncode == 0, done.stdout + done.stderr


def test_nothing_that_is_installed_with_us_is_under_the_gpl():
    licences = {name: licence(distribution) for name, distribution in needed(EXTRAS).items()}
    assert {name: text for name, text in licences.items() if not PERMISSIVE.search(text)} == {}
    assert {name: text for name, text in licences.items() if is_gpl(text)} == {}


@pytest.mark.parametrize("text", ["GPL-3.0-only", "AGPLv3", "GNU General Public License v2 (GPLv2)", "GNU AFFERO"])
def test_the_gpl_is_told_from_the_lesser_one(text):
    assert is_gpl(text)
    assert not is_gpl(f"MIT OR {text}")
    assert not is_gpl("GNU Library or Lesser General Public License (LGPL), LGPLv3, MIT")


def licence(distribution):
    """What a distribution says of its licence, in the newest way it knows; if it only ships the text, the text."""
    said = distribution.metadata
    classified = [line for line in said.get_all("Classifier") or () if line.startswith("License")]
    named = said.get("License-Expression") or " ".join([*classified, (said.get("License") or "")[:60]]).strip()
    return named or " ".join(
        " ".join(file.read_text() for file in distribution.files if "licenses" in file.parts).split()
    )


def is_gpl(text):
    return all(GPL.search(choice) for choice in text.split(" OR "))


def verdicts(done, folder):
    """Each check's verdict in the one run of a folder, in the order of the run file."""
    files = list(folder.glob("embedded/*/run.jsonl"))
    assert len(files) == 1, done.stdout + done.stderr
    return {record.id: record.verdict for record in read_run(files[0]).records}


def last_line(done):
    lines = (done.stdout + done.stderr).splitlines()
    assert len(lines) <= 2, lines
    return lines[-1]
