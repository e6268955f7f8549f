"""Each rule for operators is told where it says that it is: by the linter, by the doctor, on the vendors' pages."""

import re

import pytest
from test_lint import BY_BUILD, FAULTS

from restoreproof.commands.pages import all_pages
from restoreproof.fixtures.doctor.catalogue import catalogue
from restoreproof.reports.rules import PLACES, load_rules

RULES = load_rules()


def told_by_the_linter():
    """What faults turn on, each shown to be found by the tests of the linter."""
    return {fault.rule for fault in FAULTS} | BY_BUILD


def told_by_the_doctor():
    """What the doctor's findings name, each shown to be found by the tests of the doctor."""
    return {rule for entry in catalogue().values() for rule in (entry.id, *entry.also) if rule in RULES}


def told_on_the_pages():
    return set(re.findall(r"^### (\S+)$", all_pages()["operators.md"], re.MULTILINE))


TOLD = {"lint": told_by_the_linter, "doctor": told_by_the_doctor, "page": told_on_the_pages}


@pytest.mark.parametrize("place", PLACES)
def test_what_a_place_tells_is_what_the_rules_say_of_it(place):
    assert sorted(rule.id for rule in RULES.values() if place in rule.places) == sorted(TOLD[place]())
