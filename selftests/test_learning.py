"""``profile learn``: its proposal loads, keeps what it does not touch, and makes the next run come out as declared."""

import tempfile
from dataclasses import replace
from pathlib import Path

import example_runs
import pytest
from defective_runs import REGISTER, laboratory
from hypothesis import given, settings
from hypothesis import strategies as st

from restoreproof.commands.main import main
from restoreproof.fixtures.declaring import declared_by
from restoreproof.fixtures.learning import learn
from restoreproof.fixtures.verdicts import FAILED, PASSED, Observation, combine
from restoreproof.providers.capabilities import CAPABILITIES
from restoreproof.providers.draft import Draft
from restoreproof.providers.profile import load_profile
from restoreproof.reports.formats import FORMATS
from restoreproof.reports.record import RED
from restoreproof.standins.certificates import Authority

DEFECTS = ("open-uploads-unlisted", "gaps-refused", "virtual-host-ranges-refused")
CHECKS = (
    "ABORT-03.listed-by-exact-key",
    "ABORT-03.listed-by-prefix",
    "ABORT-03.abort-twice",
    "ABORT-03.swept",
    "MPU-14.numbers-with-gaps",
    "REG-04.other-region-named",
    "URL-03.virtual-host",
    "URL-03.virtual-host-range",
    "WIRE-05.range-status",
)
STALE_LINES = """
[[deviations]]
check   = "WIRE-05.range-status"
symptom = "not-206"
reason  = "Mended by now."
link    = "https://vendor.example.test/known"
"""
PROFILE = """\
# kept
name  = "acme"
title = "ACME"  # kept, too

[endpoint]
url = "https://s3.acme.test"
{style}
[keys.backup]
id     = "ACME_ID"
secret = "ACME_SECRET"

[capabilities]
{capabilities}
{deviations}"""
DEVIATION = """
[[deviations]]
check   = "{}"
symptom = "{}"
reason  = "known"
link    = "https://vendor.example.test/known"  # kept as well
"""


@pytest.fixture(scope="module")
def lab():
    with laboratory() as running:
        yield running


def certified(lab, profile):
    """A run of the checks behind the defects: how its command ended, and its folder."""
    reports = Path(tempfile.mkdtemp(dir=lab.folder))
    words = [word for defect in DEFECTS for word in ("--defect", defect)]
    words += [word for check in CHECKS for word in ("--check", check)]
    done = lab.command("certify", "--provider", str(profile), "--report-dir", str(reports), *words)
    (folder,) = reports.glob("*/*")
    return done, folder


def test_run_with_what_was_learned_comes_out_as_declared(lab):
    stale = lab.folder / "stale.toml"
    text = lab.profile.read_text(encoding="utf-8").replace("virtual_host = true", "virtual_host = false  # once")
    stale.write_text(text.replace("[keys.backup]", f"{STALE_LINES}\n[keys.backup]", 1), encoding="utf-8")

    red, folder = certified(lab, stale)
    learned = lab.command("profile", "learn", str(folder), "--output", "learned.toml")
    green, _ = certified(lab, lab.folder / "learned.toml")

    assert (red.returncode, learned.returncode, green.returncode) == (1, 0, 0), learned.stdout + green.stdout
    assert {" ".join(line.split()[:3]) for line in learned.stdout.splitlines()[:-1]} == {
        "set virtual_host =",
        "set list_uploads =",
        "set list_uploads_by_prefix =",
        "set region_checked =",
        "set contiguous_parts =",
        "declare URL-03.virtual-host-range deviates",
        "drop the deviation",
    }
    assert "CONFIRM: GET virtual-range.bak -> 501 NotImplemented; expected GET virtual-range.bak" in green.stdout


verdicts = st.dictionaries(
    st.sampled_from([entry.id for entry in REGISTER if entry.phase == "wire" and not entry.reaches]),
    st.sampled_from(("", "own", "HTTP-501", "NotImplemented", "timeout", "not-listed", "SlowDown")),
    min_size=1,
    max_size=12,
)
LINES = {
    "contiguous_parts": '"required"',
    "equal_parts": '"required"',
    "listing_order": '"utf16"',
    "missing_head": '["403"]',
    "tls_minimum": '"1.3"',
    "etag": '"sha256"',
    "payload_hash_verified": "false",
    "slash_is_directory": "true",
}
LIMITS = {"parts": 5000, "part_minimum": 0, "part_maximum": 8_000_000, "key_segment": 100}
booleans = [name for name, known in CAPABILITIES.items() if known.kind == "bool" and name != "path_style"]


def judged(seen, profile):
    """The records of what was seen (a symptom by check; empty: it passed), judged by a profile."""
    declared = declared_by(profile)
    records = []
    for check, symptom in seen.items():
        need = REGISTER[check]
        shown = (need.symptom or "HTTP-200") if symptom == "own" else symptom
        observation = Observation(check, "", FAILED if shown else PASSED, symptom=shown, expected="x", observed="y")
        records.append(combine(need, [observation], declared))
    return records


@given(
    seen=verdicts,
    then=verdicts,
    denied=st.sets(st.sampled_from(booleans)),
    lines=st.sets(st.sampled_from(sorted(LINES))),
    limits=st.sets(st.sampled_from(sorted(LIMITS))),
)
@settings(max_examples=100, deadline=None)
def test_whatever_was_seen_is_as_the_proposal_declares(seen, then, denied, lines, limits):
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "acme.toml"
        text = "".join(
            DEVIATION.format(check, symptom) for check, symptom in then.items() if symptom not in ("", "own")
        )
        said = dict.fromkeys(denied, "false") | {name: LINES[name] for name in lines}
        told = "".join(f"{name} = {value}\n" for name, value in sorted(said.items()))
        told += "[limits]\n" + "".join(f"{name} = {LIMITS[name]}\n" for name in sorted(limits))
        file.write_text(PROFILE.format(style="", capabilities=told, deviations=text), encoding="utf-8")
        profile = load_profile(str(file), {}, REGISTER.requirements, require_keys=False)
        run = example_runs.run(judged(seen, profile))
        changes = learn(run, profile, REGISTER.requirements)
        draft = Draft(file.read_text(encoding="utf-8"))
        for change in changes:
            change.apply(draft, "run-1")
        file.write_text(draft.text, encoding="utf-8")
        proposed = load_profile(str(file), {}, REGISTER.requirements, require_keys=False)

    lacking = {name for name, value in proposed.capabilities.items() if value is False}
    again = [record for record in judged(seen, proposed) if lacking.isdisjoint(record.requirement.needs)]
    assert [(record.id, record.verdict) for record in again if record.verdict in RED] == []
    assert draft.text.startswith("# kept\n")
    assert '"ACME"  # kept, too' in draft.text


RELEASES = """
[[variants]]
when = "firmware >= 12"
[variants.capabilities]
contiguous_parts = "required"

[[deviations]]
check   = "LIST-02.order"
symptom = "order-differs"
reason  = "known"
link    = "https://vendor.example.test/known"
seen_in = "firmware < 12"

[[deviations]]
check   = "LIST-02.order"
symptom = "SlowDown"
reason  = "known"
link    = "https://vendor.example.test/known"
seen_in = "firmware >= 12,  firmware < 13"
"""


def test_lines_of_other_releases_are_left_alone(tmp_path):
    file, labels = tmp_path / "acme.toml", {"firmware": "12.1"}
    text = PROFILE.format(style="", capabilities='contiguous_parts = "recommended"', deviations=RELEASES)
    file.write_text(text, encoding="utf-8")
    profile = load_profile(str(file), {}, REGISTER.requirements, require_keys=False, labels=labels)
    run = example_runs.run(judged({"LIST-02.order": "", "MPU-14.numbers-with-gaps": ""}, profile))
    draft = Draft(text, [told for told, holds in profile.ranges.items() if holds])
    for change in learn(run, profile, REGISTER.requirements):
        change.apply(draft, "run-1")
    file.write_text(draft.text, encoding="utf-8")

    here = load_profile(str(file), {}, REGISTER.requirements, require_keys=False, labels=labels)
    before = load_profile(str(file), {}, REGISTER.requirements, require_keys=False, labels={"firmware": "11"})

    assert (here.capabilities["contiguous_parts"], here.deviations) == ("free", ())
    assert before.capabilities["contiguous_parts"] == "recommended"
    assert [deviation.symptom for deviation in before.deviations] == ["order-differs"]


@pytest.mark.parametrize(("shown", "symptom"), [("", "SlowDown"), ("SlowDown", "SlowDown"), ("timeout", "timeout")])
def test_what_comes_and_goes_is_kept_as_that(tmp_path, shown, symptom):
    file = tmp_path / "acme.toml"
    text = PROFILE.format(
        style="", capabilities="", deviations=DEVIATION.format("LIST-02.order", "SlowDown") + "intermittent = true\n"
    )
    file.write_text(text, encoding="utf-8")
    profile = load_profile(str(file), {}, REGISTER.requirements, require_keys=False)
    draft = Draft(text)
    for change in learn(example_runs.run(judged({"LIST-02.order": shown}, profile)), profile, REGISTER.requirements):
        change.apply(draft, "run-1")
    file.write_text(draft.text, encoding="utf-8")

    (then,) = load_profile(str(file), {}, REGISTER.requirements, require_keys=False).deviations
    assert (then.symptom, then.intermittent) == (symptom, True)


def learned(tmp_path, seen, **parts):
    """The sentences of what is learned when these symptoms were seen with a profile of these parts."""
    file = tmp_path / "acme.toml"
    file.write_text(PROFILE.format(**{"style": "", "capabilities": "", "deviations": "", **parts}), encoding="utf-8")
    profile = load_profile(str(file), {}, REGISTER.requirements, require_keys=False)
    run = example_runs.run(judged(seen, profile))
    return [" ".join(change.sentence.split()[:4]) for change in learn(run, profile, REGISTER.requirements)]


@pytest.mark.parametrize(
    ("seen", "parts", "changes"),
    [
        ({"ABORT-03.listed-by-prefix": "SlowDown"}, {}, ["declare ABORT-03.listed-by-prefix deviates with"]),
        ({"URL-02.path-style": "NoSuchBucket"}, {}, ["declare URL-02.path-style deviates with"]),
        (
            {"URL-02.path-style": "NoSuchBucket"},
            {"style": 'style = "virtual"', "capabilities": "virtual_host = true"},
            ["set path_style = no:"],
        ),
        ({"ABORT-03.swept": "not-swept"}, {"capabilities": "list_uploads = false"}, []),
        ({"MPU-14.numbers-with-gaps": ""}, {"capabilities": 'contiguous_parts = "recommended"'}, []),
        ({"MPU-14.numbers-with-gaps": "own"}, {}, ["declare MPU-14.numbers-with-gaps deviates with"]),
        ({"LIST-02.order": "a b"}, {}, ["leave LIST-02.order as it"]),
        ({"ABORT-03.lifecycle-rule": ""}, {}, ["set lifecycle_rules = yes:", "set mechanism = lifecycle"]),
        (
            {"ABORT-03.lifecycle-rule": "NotImplemented"},
            {"deviations": '[cleanup]\nmechanism = "lifecycle"\n'},
            ["set lifecycle_rules = no:", "set mechanism = manual"],
        ),
        (
            {"ABORT-03.lifecycle-rule": ""},
            {"deviations": '[cleanup]\nmechanism = "built-in"\n'},
            ["set lifecycle_rules = yes:"],
        ),
        ({"ABORT-03.lifecycle-rule": "NotImplemented"}, {}, []),
        ({"ABORT-03.lifecycle-rule": "timeout"}, {}, ["declare ABORT-03.lifecycle-rule deviates with"]),
    ],
    ids=[
        "another symptom",
        "needed by the url",
        "not needed by it",
        "not run then",
        "seen in part",
        "damaged",
        "no word",
        "unknown and there",
        "said and refused",
        "another clean-up",
        "unknown and refused",
        "unknown and broken",
    ],
)
def test_no_line_says_more_than_was_seen(tmp_path, seen, parts, changes):
    assert learned(tmp_path, seen, **parts) == changes


FACTS = (
    {"name": "a.b", "sentence": "Probed.", "value": None, "certainty": "unknown", "probe": "conditional_writes"},
    {"name": "a.c", "sentence": "Checked.", "value": "yes|no", "certainty": "documented", "probe": "LIST-02.order"},
    {"name": "a.d", "sentence": "Asked.", "value": None, "certainty": "unknown", "probe": "ask the vendor"},
    {"name": "a.e", "sentence": "Told.", "value": True, "certainty": "documented", "probe": "ask the vendor"},
)


@pytest.mark.parametrize("name", ["md", "html"])
def test_reports_show_what_was_found_beside_what_is_documented(name):
    run = example_runs.run(
        judged({"LIST-02.order": "own"}, load_profile("embedded", known_ids=REGISTER.requirements)),
        example_runs.header(facts=FACTS),
    )
    footer = replace(run.footer, probes={"conditional_writes": {"value": "ignored", "seen": "PUT k -> HTTP-200"}})

    shown = FORMATS[name].render([replace(run, footer=footer)]).replace("\\", "")

    for text in ("ignored: PUT k", "yes|no (documented, not seen)", "LIST-02.order fails", "only the vendor can tell"):
        assert text in shown
    assert "Told." not in shown


@pytest.fixture
def written(tmp_path, monkeypatch):
    """``written(deviations)``: a profile in a folder of its own, and the file of a run that was made with it."""
    monkeypatch.chdir(tmp_path)
    (folder := tmp_path / "profiles").mkdir()
    (folder / "ca.pem").write_text(Authority().pem, encoding="ascii")
    file = folder / "acme.toml"

    def write(deviations="", ca="ca.pem", program="", **endpoint):
        text = PROFILE.format(style=f'ca = "{ca}"', capabilities="", deviations=deviations)
        if program:
            head, _, tail = text.partition("[endpoint]")
            text = f'{head}[endpoint]\nprogram = "{program}"\n[capabilities]{tail.partition("[capabilities]")[2]}'
        file.write_text(text, encoding="utf-8")
        profile = load_profile(str(file), {}, REGISTER.requirements, require_keys=False)
        provider = {"name": "acme", "title": "ACME", "digest": profile.digest, "file": str(file)}
        areas = tuple({"name": area.name, "title": area.title} for area in REGISTER.areas)
        place = {**example_runs.header().endpoint, **endpoint}
        head = example_runs.header(provider=provider, areas=areas, endpoint=place, defects=("etag-varies",))
        run = example_runs.run(judged({"LIST-02.order": "own"}, profile), head)
        return file, example_runs.write(run, tmp_path / "run.jsonl")

    return write


def test_proposal_overwrites_nothing_and_finds_its_files(written, tmp_path, capsys):
    file, run = written()

    assert main(["profile", "learn", str(run)]) == 0
    assert main(["profile", "learn", str(run)]) == 4

    proposed = tmp_path / "acme.learned.toml"
    assert 'ca = "profiles/ca.pem"' in proposed.read_text(encoding="utf-8")
    assert load_profile(str(proposed), {}, REGISTER.requirements, require_keys=False).endpoint.ca
    told = capsys.readouterr().err
    assert "acme.learned.toml exists and is left as it is" in told
    assert "warning: etag-varies played in this run" in told
    assert "[[deviations]]" not in file.read_text(encoding="utf-8")


def test_path_that_was_written_in_full_stays_as_it_is(written, tmp_path):
    authority = (tmp_path / "profiles" / "ca.pem").absolute().as_posix()
    _, run = written(ca=authority)

    assert main(["profile", "learn", str(run)]) == 0

    assert f'ca = "{authority}"' in (tmp_path / "acme.learned.toml").read_text(encoding="utf-8")


def test_profile_that_has_changed_since_is_not_learned_from(written, capsys):
    file, run = written()
    file.write_text(file.read_text(encoding="utf-8") + "# later\n", encoding="utf-8")

    assert main(["profile", "learn", str(run)]) == 4
    assert main(["profile", "learn", str(run), "--provider", "nowhere.toml"]) == 4

    changed, absent = capsys.readouterr().err.splitlines()
    assert "is not what it was when the run was made" in changed
    assert "name the profile of this run with --provider" in absent


@pytest.mark.parametrize("program", ["", "hook.sh"], ids=["by its URL", "started by a hook"])
def test_rehearsal_teaches_nothing_of_a_vendor(written, tmp_path, capsys, program):
    (tmp_path / "profiles" / "hook.sh").touch()
    _, run = written(program=program, kind="program", ours=True)

    assert main(["profile", "learn", str(run)]) == 4
    assert "the run was a rehearsal on the embedded endpoint" in capsys.readouterr().err


@pytest.mark.parametrize("comes_and_goes", ["", "intermittent = true\n"])
def test_run_that_found_nothing_new_writes_nothing(written, tmp_path, capsys, comes_and_goes):
    _, run = written(DEVIATION.format("LIST-02.order", REGISTER["LIST-02.order"].symptom) + comes_and_goes)

    assert main(["profile", "learn", str(run)]) == 0

    assert capsys.readouterr().out == "acme says all that this run found; nothing was written\n"
    assert list(tmp_path.glob("*.toml")) == []
