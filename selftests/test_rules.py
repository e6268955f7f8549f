"""The rules for operators: every entry of the field's catalogue that binds an operator is one, and has its place."""

import re
import tomllib
from importlib import resources

import pytest

from restoreproof.reports.register import RegisterError, load_register
from restoreproof.reports.rules import PLACES, load_rules

RULES = load_rules()

BIND_THE_OPERATOR = {
    "TLS": "06 07 08 09",
    "CRED": "01 02 06 07 08 09 10 11 12 14 16 17 18",
    "URL": "01 06 07 09 10 11 13 14 15",
    "BKT": "01",
    "PERM": "07 08 09 10",
    "REG": "02 03 06 08",
    "MPU": "09 10 11",
    "ABORT": "08",
    "LIM": "01 02 03 04 06 07",
    "BAK": "10 13 17 22",
    "RST": "02 09 12 15",
    "META": "05",
    "MIR": "01 02 03 04",
    "OPT": "01 02 03 04",
    "LCK": "07",
    "CU": "01 02 03 04 05 06 07 08",
    "EDN": "01 02 03 04 05",
    "PLAT": "02 03 04 05",
    "ERR": "14 16",
    "PERF": "01 02 04 05 08",
    "LIST": "01 04",
    "OPS": "01 02 03 04 05 06 07 08",
}
"""The catalogue's entries by area."""

LONGEST_LINE = 200


def test_every_entry_that_binds_the_operator_is_a_rule():
    bound = {f"{area}-{number}" for area, numbers in BIND_THE_OPERATOR.items() for number in numbers.split()}

    assert len(bound) == 97
    assert sorted(bound - set(RULES)) == []


def test_what_shares_an_id_with_a_check_says_another_thing():
    claims = {entry.title for entry in load_register()}

    assert [rule.id for rule in RULES.values() if rule.title in claims] == []


def test_every_rule_is_said_in_a_line_each():
    texts = [(rule.id, text) for rule in RULES.values() for text in (rule.title, rule.dba_sees, rule.remedy)]

    assert [(rule, text) for rule, text in texts if not 0 < len(text) <= LONGEST_LINE or "\n" in text] == []
    assert [
        rule.id for rule in RULES.values() if not rule.title.endswith(".") or not rule.remedy.endswith((".", ";"))
    ] == []
    assert [rule.id for rule in RULES.values() if not re.match(r"[A-Z]+-\d\d$", rule.id)] == []


def test_every_place_is_in_use():
    assert {place for rule in RULES.values() for place in rule.places} == set(PLACES)


GOOD = """
area = "urls"
title = "Addresses"

[[rule]]
id        = "URL-01"
title     = "It begins with s3://."
places    = ["lint"]
certainty = "documented"
source    = "guide"
section   = "1"
dba_sees  = "Msg 3297"
remedy    = "Mend it."
"""


def read(folder, text):
    """The rules of one file."""
    (folder / "rules").mkdir()
    (folder / "rules" / "urls.toml").write_text(text, encoding="utf-8")
    sources = folder / "sources.toml"
    sources.write_text('[guide]\ndocument = "A guide"\nurl = "https://guide.example.test/"\n', encoding="utf-8")
    return load_rules(folder / "rules", sources)


def test_good_rules_are_read(tmp_path):
    [rule] = read(tmp_path, GOOD).values()

    assert (rule.id, rule.area, rule.places) == ("URL-01", "urls", ("lint",))
    assert rule.source.url == "https://guide.example.test/"


@pytest.mark.parametrize(
    ("old", "new", "named"),
    [
        ("remedy ", "cure ", "unknown key: cure"),
        ('section   = "1"\n', "", "the key is missing: section"),
        ('["lint"]', '["linter"]', "linter"),
        ('["lint"]', "[]", "places"),
        ('"documented"', '"guessed"', "guessed"),
        ('"guide"', '"rumour"', "rumour"),
        ('area = "urls"', "", "area"),
        ('area = "urls"', "area = urls", "line 2"),
        ("[[rule]]", GOOD.partition('Addresses"')[2] + "[[rule]]", "URL-01 is a rule twice"),
    ],
)
def test_a_wrong_rule_is_refused_by_file_and_entry(tmp_path, old, new, named):
    with pytest.raises(RegisterError, match=r"^urls\.toml: ") as refusal:
        read(tmp_path, GOOD.replace(old, new, 1))

    assert named in str(refusal.value)


def cited(folder, key):
    """The sources that the files of a folder cite."""
    files = resources.files("restoreproof.suites") / folder
    documents = [tomllib.loads(file.read_text(encoding="utf-8")) for file in files.iterdir()]
    return {entry["source"] for document in documents for entry in document.get(key, ())}


def test_every_source_is_cited():
    file = resources.files("restoreproof.suites") / "requirements" / "sources.toml"
    sources = tomllib.loads(file.read_text(encoding="utf-8"))

    assert sorted(set(sources) - cited("requirements", "requirement") - cited("rules", "rule")) == []
    assert [name for name, source in sources.items() if not source["url"].startswith("https://")] == []


def test_no_remedy_locks_the_bucket_that_backups_go_to():
    assert [rule.id for rule in load_rules().values() if "Object Lock" in rule.remedy and rule.id[:3] != "LCK"] == []
