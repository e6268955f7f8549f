"""The register and the suites say the same, entry by entry; and the register is refused where its data is wrong."""

import ast
import re
import tomllib
from dataclasses import replace
from importlib import resources

import pytest
from source_tree import checks, suites

from restoreproof.fixtures.subjects import CIRCUMSTANCES
from restoreproof.providers.capabilities import CAPABILITIES
from restoreproof.reports.register import CERTAINTIES, HARMS, LEVELS, RegisterError, load_register

REGISTER = load_register()
FOLDER = resources.files("restoreproof.suites") / "requirements"

KNOWN_ID = re.compile(r"[A-Z]+-[0-9]{2}(\.[a-z0-9]+(-[a-z0-9]+)*)?")
SYMPTOM = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")

LEVEL_OF = {
    ("data-loss", "documented"): "must",
    ("data-loss", "observed"): "must",
    ("data-loss", "inferred"): "must",
    ("stranger", "documented"): "must",
    ("stranger", "observed"): "must",
    ("stranger", "inferred"): "must",
    ("blocks", "documented"): "must",
    ("blocks", "observed"): "must",
    ("blocks", "inferred"): "should",
    ("nuisance", "documented"): "may",
    ("nuisance", "observed"): "may",
    ("nuisance", "inferred"): "may",
}


def marked(check):
    """The ids that a check's ``requirement`` marks name."""
    calls = [node for node in check.decorator_list if isinstance(node, ast.Call)]
    return [call.args[0].value for call in calls if ast.unparse(call.func) == "pytest.mark.requirement"]


CHECKS = [(module, check) for module in suites() for check in checks(module)]
BY_ID = {marked(check)[0]: (module, check) for module, check in CHECKS if marked(check)}


def test_every_check_proves_exactly_one_requirement_of_the_register():
    wrong = {check.name: marked(check) for _, check in CHECKS if len(marked(check)) != 1}

    assert wrong == {}
    assert sorted(set(BY_ID) - set(REGISTER.requirements)) == []


def test_every_requirement_has_exactly_one_check():
    proven = sorted(identity for _, check in CHECKS for identity in marked(check))

    assert proven == sorted(REGISTER.requirements)


def test_checks_lie_in_the_file_of_their_area():
    assert [name for name, (module, _) in BY_ID.items() if module.path.stem != f"test_{REGISTER[name].area}"] == []


def test_files_are_named_by_their_area():
    named = {file.name: tomllib.loads(file.read_text(encoding="utf-8")).get("area") for file in FOLDER.iterdir()}

    assert [name for name, area in named.items() if area and name != f"{area}.toml"] == []
    assert sorted(area.name for area in REGISTER.areas) == sorted(filter(None, named.values()))


def test_first_line_of_a_check_is_the_title_word_for_word():
    said = {name: (ast.get_docstring(check) or "").partition("\n")[0] for name, (_, check) in BY_ID.items()}

    assert {name: line for name, line in said.items() if line != REGISTER[name].title} == {}


def test_ids_have_the_known_form():
    assert [entry.id for entry in REGISTER if not KNOWN_ID.fullmatch(entry.id)] == []


def test_titles_are_sentences_of_their_own():
    titles = [entry.title for entry in REGISTER]

    assert sorted({title for title in titles if titles.count(title) > 1 or not title.endswith(".")}) == []


def test_symptoms_are_claim_names():
    """A check that only judges answers has no claim name: what came back is its symptom."""
    assert [entry.id for entry in REGISTER if entry.symptom and not SYMPTOM.fullmatch(entry.symptom)] == []


def test_exactly_the_checks_that_assert_have_a_claim_name():
    asserting = {name for name, (_, check) in BY_ID.items() if any(isinstance(n, ast.Assert) for n in ast.walk(check))}

    assert {entry.id for entry in REGISTER if entry.symptom} == asserting


@pytest.mark.parametrize("field", ["dba_sees", "remedy"])
def test_every_entry_says_what_the_dba_sees_and_the_remedy(field):
    assert [entry.id for entry in REGISTER if not getattr(entry, field).strip()] == []


def test_prerequisites_come_before_what_they_are_for():
    order = {entry.id: number for number, entry in enumerate(REGISTER)}

    assert [entry.id for entry in REGISTER if any(order[gate] >= order[entry.id] for gate in entry.after)] == []


def test_alternatives_come_in_groups_of_one_level():
    groups = {}
    for entry in REGISTER:
        groups.setdefault(entry.any_of, set()).add((entry.id, entry.level))
    groups.pop("", None)

    assert [name for name, group in groups.items() if len(group) == 1 or len({level for _, level in group}) > 1] == []


def test_needs_and_capabilities_are_of_the_vocabulary():
    known = {*CAPABILITIES, *CIRCUMSTANCES, ""}

    assert [entry.id for entry in REGISTER if not {entry.capability, *entry.needs} <= known] == []


def test_probed_capabilities_can_be_denied_and_say_how_a_refusal_looks():
    probed = {entry.capability for entry in REGISTER if entry.capability}

    assert [name for name in probed if CAPABILITIES[name].kind != "bool" or not CAPABILITIES[name].symptoms] == []


@pytest.mark.parametrize(("harm", "certainty"), LEVEL_OF)
def test_level_follows_harm(harm, certainty):
    entry = replace(next(iter(REGISTER)), harm=harm, certainty=certainty)

    assert entry.level == LEVEL_OF[harm, certainty]


def test_every_harm_and_certainty_has_a_level():
    assert set(LEVEL_OF) == {(harm, certainty) for harm in HARMS for certainty in CERTAINTIES}
    assert set(LEVEL_OF.values()) == set(LEVELS)


def test_entries_survive_the_run_file():
    assert [entry for entry in REGISTER if type(entry).from_json(entry.to_json()) != entry] == []


GOOD = {
    "sources.toml": '[guide]\ndocument = "A guide"\nurl = "https://guide.example.test/"\n',
    "reads.toml": """\
area = "reads"
title = "Reads"

[[requirement]]
id        = "READ-01"
title     = "What is written is read."
harm      = "data-loss"
certainty = "documented"
phase     = "wire"
symptom   = "bytes-differ"
source    = "guide"
section   = "1"
dba_sees  = "nothing"
remedy    = "Mend it."

[[requirement]]
id        = "READ-02"
title     = "It is read again."
harm      = "blocks"
certainty = "inferred"
phase     = "wire"
after     = ["READ-01"]
symptom   = "bytes-differ"
source    = "guide"
section   = "2"
dba_sees  = "nothing"
remedy    = "Mend it."
""",
}


STEP = "scale.{} = {{{{number = {{}}, requests = 1, mib = 1}}}}"
SCALED = "\n".join(('remedy = "Mend it."', *(STEP.format(word) for word in ("smoke", "nightly", "full"))))


def written(folder, **changes):
    """The good register, some words of its chapter changed."""
    text = GOOD["reads.toml"]
    for old, new in changes.values():
        assert old in text
        text = text.replace(old, new, 1)
    (folder / "sources.toml").write_text(GOOD["sources.toml"], encoding="utf-8")
    (folder / "reads.toml").write_text(text, encoding="utf-8")
    return folder


def test_good_register_is_read(tmp_path):
    register = load_register(written(tmp_path))

    assert [(entry.id, entry.after) for entry in register] == [("READ-01", ()), ("READ-02", ("READ-01",))]
    assert register["READ-01"].source.document == "A guide"


@pytest.mark.parametrize(
    ("change", "entry", "named"),
    [
        (('remedy    = "Mend', 'cure      = "Mend'), "READ-01", "cure"),
        (('"READ-02"', '"READ-01"'), "READ-01", "twice"),
        (('"data-loss"', '"dataloss"'), "READ-01", "dataloss"),
        (('"inferred"', '"guessed"'), "READ-02", "guessed"),
        (('"wire"', '"air"'), "READ-01", "air"),
        (('["READ-01"]', '["READ-09"]'), "READ-02", "READ-09"),
        (('["READ-01"]', '["READ-02"]'), "READ-02", "itself"),
        (('symptom   = "bytes-differ"', 'symptom   = "bytes-differ"\nafter = ["READ-02"]'), "READ-0", "itself"),
        (('"guide"', '"rumour"'), "READ-01", "rumour"),
        (('section   = "1"\n', ""), "READ-01", "section"),
        (('title     = "What is written is read."\n', ""), "READ-01", "title"),
        (('remedy    = "Mend it."', 'remedy = "Mend it."\nunit = "parts"'), "READ-01", "unit and scale"),
        (('remedy    = "Mend it."', SCALED.format(1, 2, 3)), "READ-01", "unit and scale"),
        (('remedy    = "Mend it."', SCALED.format(3, 2, 1) + '\nunit = "parts"'), "READ-01", "goes less far"),
        (('area = "reads"\n', ""), "", "area"),
        (('area = "reads"', "area = reads"), "", "line 1"),
    ],
    ids=lambda value: value if isinstance(value, str) else "reads.toml",
)
def test_wrong_register_is_refused_by_file_and_entry(tmp_path, change, entry, named):
    with pytest.raises(RegisterError) as refusal:
        load_register(written(tmp_path, change=change))

    assert re.match(rf"reads\.toml: {entry}", str(refusal.value))
    assert named in str(refusal.value)


def test_id_of_another_area_is_refused(tmp_path):
    other = GOOD["reads.toml"].replace('area = "reads"', 'area = "writes"')
    (written(tmp_path) / "writes.toml").write_text(other, encoding="utf-8")

    with pytest.raises(RegisterError, match=r"writes\.toml: READ-01 is registered twice, first in reads\.toml"):
        load_register(tmp_path)
