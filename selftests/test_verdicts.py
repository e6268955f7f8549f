"""From observations to verdicts and from verdicts to the outcome, through the pure functions that do it."""

import json
import random
from dataclasses import replace

import pytest
from example_runs import header, requirement
from hypothesis import given
from hypothesis import strategies as st

from restoreproof.fixtures.endpoints import Endpoint
from restoreproof.fixtures.subjects import Subject
from restoreproof.fixtures.verdicts import Declared, Excuse, Observation, block, combine, in_order, unreached
from restoreproof.providers.profile import KeyPair
from restoreproof.providers.secrets import Secret
from restoreproof.reports.outcome import LADDER, as_declared, judge, reaches
from restoreproof.reports.record import MET, RED, VERDICTS, Exchange, Record
from restoreproof.reports.register import Area, Reach, Register

EXCUSE = Excuse("NotImplemented", "it was never built", "https://vendor.example.test/known")
CLAIM = replace(requirement(), id="ABORT-03.listed", capability="list_uploads", after=(), needs=(), any_of="")
DECLARED = Declared({CLAIM.id: EXCUSE}, {})
INTERMITTENT = Declared({CLAIM.id: replace(EXCUSE, intermittent=True)}, {})
DENIED = Declared({}, {"list_uploads": ("NotImplemented", "not-listed")})
UNKNOWN = Declared(unknown=DENIED.denied)
NOTHING = Declared()
GREEN = ("conforms", "conforms up to", "stale")


def seen(outcome, symptom="", variant="", **more):
    return Observation(CLAIM.id, variant, outcome, symptom=symptom, **more)


FAR = replace(
    CLAIM,
    capability="",
    unit="parts",
    reaches=tuple(Reach(scale, number, 1, 1) for scale, number in (("smoke", 5), ("nightly", 1001), ("full", 10_000))),
)


@pytest.mark.parametrize(
    ("outcome", "reached", "declared", "verdict", "envelope"),
    [
        ("passed", 5, NOTHING, "conforms up to", "5 parts"),
        ("passed", 1001, NOTHING, "conforms up to", "1,001 parts"),
        ("passed", 10_000, NOTHING, "conforms", ""),
        ("passed", 0, NOTHING, "conforms up to", "0 parts"),
        ("failed", 5, NOTHING, "fails", ""),
        ("skipped", 0, NOTHING, "not run", ""),
        ("failed", 10_000, DECLARED, "deviates", ""),
        ("passed", 10_000, DECLARED, "stale", ""),
        ("passed", 1001, DECLARED, "not run", ""),
    ],
)
def test_scale_claim_is_judged_as_far_as_its_check_went(outcome, reached, declared, verdict, envelope):
    symptom = "NotImplemented" if outcome == "failed" else ""
    record = combine(FAR, [seen(outcome, symptom, reached=reached)], declared)

    assert (record.verdict, record.envelope) == (verdict, envelope)


def test_least_variant_decides_how_far_a_claim_is_proven():
    variants = [
        seen("passed", variant="a", variants=2, reached=1001),
        seen("passed", variant="b", variants=2, reached=5),
    ]

    assert combine(FAR, variants, NOTHING).envelope == "5 parts"


def claims(*verdicts, **changes):
    """One must per verdict, each an entry of its own."""
    return [
        Record(replace(CLAIM, **{"id": f"MPU-{number:02}", "harm": "data-loss", **changes}), verdict)
        for number, verdict in enumerate(verdicts)
    ]


@pytest.mark.parametrize(
    ("observation", "declared", "verdict"),
    [
        (seen("passed"), NOTHING, "conforms"),
        (seen("failed", "bytes-differ"), NOTHING, "fails"),
        (seen("failed", "NotImplemented"), DECLARED, "deviates"),
        (seen("failed", "AccessDenied"), DECLARED, "fails"),
        (seen("failed", "notimplemented"), DECLARED, "fails"),
        (seen("failed", "NotImplementedYet"), DECLARED, "fails"),
        (seen("passed"), DECLARED, "stale"),
        (seen("passed"), INTERMITTENT, "deviates"),
        (seen("failed", "NotImplemented"), INTERMITTENT, "deviates"),
        (seen("failed", "AccessDenied"), INTERMITTENT, "fails"),
        (seen("broken"), INTERMITTENT, "error"),
        (seen("skipped"), INTERMITTENT, "not run"),
        (seen("failed", "not-listed"), DENIED, "unsupported"),
        (seen("failed", "still-listed"), DENIED, "fails"),
        (seen("passed"), DENIED, "stale"),
        (seen("failed", "not-listed"), UNKNOWN, "unsupported"),
        (seen("failed", "still-listed"), UNKNOWN, "fails"),
        (seen("passed"), UNKNOWN, "conforms"),
        (seen("broken", "NotImplemented"), DECLARED, "error"),
        (seen("broken", "not-listed"), DENIED, "error"),
        (seen("begun"), NOTHING, "error"),
        (seen("skipped"), NOTHING, "not run"),
        (seen("skipped"), DECLARED, "not run"),
        (seen("skipped"), DENIED, "not run"),
        (seen("skipped"), UNKNOWN, "not run"),
    ],
)
def test_verdict_on_one_observation(observation, declared, verdict):
    assert combine(CLAIM, [observation], declared).verdict == verdict


def test_denied_capability_excuses_only_checks_that_probe_it():
    other = replace(CLAIM, capability="")

    assert combine(other, [seen("failed", "not-listed")], DENIED).verdict == "fails"
    assert combine(other, [seen("passed")], DENIED).verdict == "conforms"


@pytest.mark.parametrize(
    ("outcomes", "verdict"),
    [
        (["passed", "passed", "passed"], "stale"),
        (["passed", "NotImplemented", "passed"], "deviates"),
        (["passed", "NotImplemented", "reset"], "fails"),
        (["passed", "skipped", "passed"], "not run"),
        (["broken", "reset", "passed"], "error"),
    ],
)
def test_worst_variant_decides_and_stale_takes_all(outcomes, verdict):
    variants = [
        seen(word, variant=str(number), variants=3)
        if word in ("passed", "skipped", "broken")
        else seen("failed", word, str(number), variants=3)
        for number, word in enumerate(outcomes)
    ]

    assert combine(CLAIM, variants, DECLARED).verdict == verdict


def test_k_of_n_variants_are_shown_one_by_one():
    variants = [seen("passed", variant="a"), seen("failed", "reset", "b", observed="hung up"), seen("passed", "", "c")]

    record = combine(CLAIM, variants, NOTHING)

    assert (record.verdict, record.symptom, record.observed) == ("fails", "reset", "hung up")
    assert [(v.id, v.verdict) for v in record.variants] == [("a", "conforms"), ("b", "fails"), ("c", "conforms")]


def test_variant_that_never_ran_keeps_the_check_from_conforming():
    record = combine(CLAIM, [seen("passed", variant="past", variants=2)], NOTHING)

    assert (record.verdict, record.reason) == ("not run", "1 of 2 variants did not come to run")


def test_excuse_is_shown_with_its_link_and_its_absence_with_both_symptoms():
    excused = combine(CLAIM, [seen("failed", "NotImplemented")], DECLARED)
    passed = combine(CLAIM, [seen("passed")], INTERMITTENT)
    other = combine(CLAIM, [seen("failed", "reset")], DECLARED)

    assert (excused.reason, excused.link) == (passed.reason, passed.link) == (EXCUSE.reason, EXCUSE.link)
    assert passed.observed.startswith("nothing wrong in this run: declared as intermittent")
    assert other.reason == "declared with symptom 'NotImplemented', failed with 'reset'"


def test_stale_says_which_line_to_delete():
    assert "'NotImplemented'" in combine(CLAIM, [seen("passed")], DECLARED).reason
    assert "list_uploads = false" in combine(CLAIM, [seen("passed")], DENIED).reason


def test_what_the_profile_says_nothing_of_is_no_line_of_it():
    record = combine(CLAIM, [seen("failed", "not-listed")], UNKNOWN)

    assert record.reason == "the profile says nothing of list_uploads"


OBSERVATIONS = st.builds(
    seen,
    st.sampled_from(["passed", "failed", "broken", "skipped", "begun"]),
    st.sampled_from(["", "NotImplemented", "not-listed", "reset"]),
    st.text(max_size=3),
    variants=st.integers(1, 4),
    requests=st.integers(0, 9),
)


@given(st.lists(OBSERVATIONS, min_size=1, max_size=6), st.sampled_from([NOTHING, DECLARED, DENIED]), st.randoms())
def test_order_of_variants_decides_nothing(variants, declared, chance: random.Random):
    shuffled = chance.sample(variants, len(variants))
    first, second = combine(CLAIM, variants, declared), combine(CLAIM, shuffled, declared)

    assert (first.verdict, first.requests) == (second.verdict, second.requests)


@given(st.lists(OBSERVATIONS, min_size=1, max_size=6), st.sampled_from([NOTHING, DECLARED, DENIED]))
def test_only_what_passed_in_every_variant_is_met(variants, declared):
    met = combine(CLAIM, variants, declared).verdict in MET

    assert met == (all(v.outcome == "passed" for v in variants) and max(v.variants for v in variants) <= len(variants))


@pytest.mark.parametrize("verdict", VERDICTS)
def test_prerequisite_blocks_when_it_is_not_met(verdict):
    gate, behind = (replace(record, symptom="SlowDown") for record in claims(verdict, "conforms"))
    behind = replace(behind, requirement=replace(behind.requirement, after=(gate.id,)))

    blocked = block([gate, behind])[1]

    if verdict in ("fails", "deviates", "error"):
        assert (blocked.verdict, blocked.reason) == ("not run", f"blocked: {gate.id} is not met")
    else:
        assert blocked == behind


def test_chain_of_prerequisites_blocks_to_its_end():
    first, second, third, apart = claims("fails", "conforms", "fails", "conforms")
    second = replace(second, requirement=replace(second.requirement, after=(first.id,)))
    third = replace(third, requirement=replace(third.requirement, after=(second.id,)), symptom="reset")

    records = block([third, first, second, apart])

    assert [record.verdict for record in records] == ["not run", "fails", "not run", "conforms"]
    assert (records[0].reason, records[0].symptom) == (f"blocked: {second.id} is not met", "")
    assert block(records) == records


def test_every_entry_of_the_register_has_a_record_in_its_order():
    first, second = claims("conforms", "conforms")
    entries = {record.id: record.requirement for record in (second, first)}
    register = Register(entries, (Area("multipart", "Multipart", tuple(entries)),))

    records = in_order({first.id: first}, register, {second.id: "not asked for"})

    assert [(r.id, r.verdict, r.reason) for r in records] == [
        (second.id, "not run", "not asked for"),
        (first.id, "conforms", ""),
    ]


@pytest.mark.parametrize(
    ("verdicts", "rung"),
    [
        (["conforms", "conforms up to", "stale"], "wire conformant"),
        (["conforms", "deviates"], "not certified"),
        (["conforms", "unsupported"], "not certified"),
        (["conforms", "fails"], "not certified"),
        (["conforms", "error"], "incomplete"),
        (["conforms", "not run"], "incomplete"),
        (["error", "fails"], "not certified"),
        (["not run", "deviates"], "not certified"),
        ([], "incomplete"),
    ],
)
def test_outcome_of_musts(verdicts, rung):
    assert judge(header(), claims(*verdicts))[0] == rung


def test_only_musts_decide_the_outcome():
    records = [*claims("conforms"), *claims("fails", harm="nuisance"), unreached(replace(CLAIM, harm="nuisance"), "")]

    assert judge(header(), records)[0] == "wire conformant"


def test_filtered_run_has_no_outcome():
    assert judge(header(selection={"filtered": True}), claims("conforms"))[0] == "no outcome"


@pytest.mark.parametrize(
    ("path", "virtual", "rung"),
    [
        ("conforms", "unsupported", "wire conformant"),
        ("unsupported", "conforms", "wire conformant"),
        ("not run", "conforms", "wire conformant"),
        ("unsupported", "unsupported", "not certified"),
        ("unsupported", "error", "incomplete"),
        ("unsupported", "not run", "incomplete"),
        ("fails", "conforms", "not certified"),
        ("deviates", "conforms", "not certified"),
        ("error", "conforms", "incomplete"),
    ],
)
def test_alternative_stands_in_for_what_is_unsupported(path, virtual, rung):
    either = [replace(r, requirement=replace(r.requirement, any_of="addressing")) for r in claims(path, virtual)]

    assert judge(header(), either)[0] == rung


SERVER = {"build": [16, 0, 4205, 1], "edition": "Developer", "platform": "Linux", "standin": False}
OURS = {**header().endpoint, "ours": True}


@pytest.mark.parametrize(
    ("changes", "rung"),
    [
        ({}, "wire conformant"),
        ({"endpoint": OURS}, "wire conformant"),
        ({"engine": SERVER}, "certified"),
        ({"engine": {**SERVER, "build": [16, 0, 4195, 2]}}, "rehearsed"),
        ({"engine": {**SERVER, "standin": True}}, "rehearsed"),
        ({"engine": SERVER, "endpoint": OURS}, "rehearsed"),
        ({"engine": SERVER, "defects": ("any",)}, "rehearsed"),
    ],
)
def test_rung_follows_engine_and_endpoint(changes, rung):
    assert judge(header(**changes), claims("conforms", "conforms"))[0] == rung


def test_engine_musts_count_only_with_an_engine():
    records = [*claims("conforms"), *claims("not run", phase="engine")]

    assert judge(header(), records)[0] == "wire conformant"
    assert judge(header(engine=SERVER), records)[0] == "incomplete"


@pytest.mark.parametrize(
    ("need", "lacking", "having"),
    [
        ("filestream", {}, {"filestream": True}),
        ("second_engine", {}, {"second": True}),
        ("relay", {}, {"relayed": True}),
        ("mirrored_backups", {"edition": "Standard Edition"}, {}),
        ("encrypted_databases", {}, {"encrypts": True}),
    ],
)
def test_claims_about_what_an_engine_lacks_are_set_aside_and_named(need, lacking, having):
    records = [*claims("conforms"), *claims("not run", phase="engine", needs=(need,))]

    rung, reason = judge(header(engine={**SERVER, **lacking}), records)

    assert (rung, "claims that do not apply: 1 about " in reason) == ("certified", True)
    assert judge(header(engine={**SERVER, **having}), records)[0] == "incomplete"


@given(st.lists(st.sampled_from(VERDICTS), max_size=8))
def test_rungs_are_for_runs_whose_every_must_is_met(verdicts):
    rung, reason = judge(header(), claims(*verdicts))

    assert (rung in LADDER) == (bool(verdicts) and set(verdicts) <= set(GREEN))
    assert reason


@given(st.lists(st.sampled_from(VERDICTS), max_size=8), st.sampled_from(["", "2 things are still there"]))
def test_as_declared_is_red_for_fails_stale_error_and_trouble_only(verdicts, trouble):
    assert as_declared(claims(*verdicts), trouble) == (not trouble and not {"fails", "stale", "error"} & set(verdicts))
    assert set(RED) == {"fails", "stale", "error"}


def test_rung_reaches_itself_and_what_is_below():
    reached = {required: [rung for rung in LADDER if reaches(rung, required)] for required in LADDER}

    assert reached == {
        "certified": ["certified"],
        "rehearsed": ["certified", "rehearsed"],
        "wire conformant": ["certified", "rehearsed", "wire conformant"],
    }


@pytest.mark.parametrize("rung", ["not certified", "incomplete", "no outcome"])
def test_what_is_no_rung_reaches_nothing(rung):
    assert not any(reaches(rung, required) for required in LADDER)


def through_json(value):
    return type(value).from_json(json.loads(json.dumps(value.to_json())))


@given(
    st.dictionaries(st.text(), st.builds(Excuse, st.text(), st.text(), st.text(), st.text(), st.booleans())),
    st.dictionaries(st.text(), st.lists(st.text()).map(tuple)),
    st.dictionaries(st.text(), st.lists(st.text()).map(tuple)),
)
def test_declared_survives_the_way_to_a_worker(deviations, denied, unknown):
    declared = Declared(deviations, denied, unknown=unknown)

    assert through_json(declared) == declared


EXCHANGE = Exchange("GET", "https://s3.example.test/", {"Host": "s3"}, 0, 200, "OK", {"ETag": '"x"'}, "<a/>", 4, 0.1)


@given(OBSERVATIONS, st.dictionaries(st.text(), st.integers() | st.text() | st.lists(st.booleans())))
def test_observation_survives_the_way_from_a_worker(observation, evidence):
    observation = replace(observation, evidence=evidence, exchanges=(EXCHANGE, EXCHANGE))

    assert through_json(observation) == observation


@given(st.text(min_size=1), st.text(min_size=1), st.lists(st.text()).map(tuple), st.text())
def test_subject_survives_the_way_to_a_worker(key_id, secret, addresses, trouble):
    keys = {role: KeyPair(Secret(key_id + role), Secret(secret)) for role in ("backup", "restore", "housekeeping")}
    endpoint = Endpoint(
        "https://s3.example.test", "PEM", "us-east-1", "path", "s3.example.test", addresses, "b", keys, "url"
    )
    subject = Subject(
        "example", "./example.toml", endpoint, DECLARED, {"list_uploads": False}, "ledger", "run/", trouble=trouble
    )

    assert through_json(subject) == subject
