"""The connector's switches: what they may be, what they are unless told otherwise, and where that is from."""

import json
from dataclasses import fields

import pytest

from restoreproof.standins.sqlserver.connector.behaviour import Behaviour


def test_switches_survive_json():
    told = Behaviour(probe="both", retry_statuses=(500, 503), first_part_number=2, redirects="follow")

    assert Behaviour.from_mapping(json.loads(json.dumps(told.as_mapping()))) == told
    assert Behaviour.from_mapping({}) == Behaviour()


def test_every_switch_says_where_its_default_is_from():
    assert set(Behaviour.sources()) == {one.name for one in fields(Behaviour)}
    assert all(Behaviour.sources().values())


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"probes": "head"}, "No switch of the connector: probes; there are"),
        ({"probe": "get"}, "probe is one of head, list, both, not 'get'"),
        ({"probe": ["head"]}, "probe is one of"),
        ({"parts_in_flight": 0}, "parts_in_flight is a number from 1 to 64, not 0"),
        ({"parts_in_flight": 1.5}, "parts_in_flight is a number"),
        ({"retries": True}, "retries is a number"),
        ({"retry_seconds": "1"}, "retry_seconds is a number"),
        ({"retry_statuses": [200]}, "retry_statuses is HTTP statuses"),
        ({"retry_statuses": 500}, "retry_statuses is HTTP statuses"),
        ({"list_parts": 1}, "list_parts is true or false"),
        ({"user_agent": "a\r\nb"}, "user_agent is a line of ASCII"),
    ],
    ids=str,
)
def test_what_is_no_value_is_refused_by_name(wrong, says):
    with pytest.raises(ValueError, match=r".") as refused:
        Behaviour.from_mapping(wrong)

    assert says in str(refused.value)


def test_pauses_double_up_to_the_longest():
    patient = Behaviour(retry_seconds=0.1, longest_retry_seconds=0.5)

    assert [patient.pauses(attempt) for attempt in (0, 1, 2, 3, 400)] == [0.1, 0.2, 0.4, 0.5, 0.5]
