"""Random sequences come again with their seed, and find what no single step shows."""

import shlex

import pytest
from defective_runs import laboratory

CHECK = "WIRE-01.model-agrees"
DEFECT = "tombstone-outlives-rewrite"


@pytest.fixture(scope="module")
def lab():
    with laboratory() as running:
        yield running


def played(lab, *arguments):
    run = lab.certify("--require", "as-declared", "--check", CHECK, *arguments)[1]
    return next(record for record in run.records if record.id == CHECK)


def test_seed_repeats_the_sequences(lab):
    once, again = (played(lab, "--thorough", "2", "--seed", "7") for _ in range(2))

    assert once.evidence["last_steps"] == again.evidence["last_steps"]
    assert (once.evidence["seed"], once.evidence["sequences"], once.requests) == (7, 2, again.requests)


def test_usual_sequences_are_the_same_every_time(lab):
    assert played(lab).evidence == played(lab).evidence


def test_thorough_run_without_a_seed_names_the_one_it_took(lab):
    seeds = {played(lab, "--thorough", "1").evidence["seed"] for _ in range(2)}

    assert len(seeds) == 2


def test_command_of_a_red_run_repeats_it(lab):
    first = played(lab, "--thorough", "12", "--seed", "3", "--defect", DEFECT)
    words = shlex.split(first.reproduce)

    again = played(lab, *words[words.index("--thorough") :], "--defect", DEFECT)

    assert (first.verdict, first.symptom) == ("fails", "lists-differ")
    assert (again.symptom, again.evidence["last_steps"]) == ("lists-differ", first.evidence["last_steps"])
