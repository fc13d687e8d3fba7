"""A trigger's record: what its conditions and actions may say, and where a fault is told."""

import pytest

from schemas.codec import Malformed, validate
from schemas.trigger import Trigger
from tests.support.builders import a_trigger


def faults(**fields):
    document = {
        "id": "t",
        "account_id": 25,
        "name": "T",
        "actions": [{"type": "tag", "add": ["x"]}],
    }
    with pytest.raises(Malformed) as caught:
        validate(Trigger, {**document, **fields})
    return [(fault.field, fault.message) for fault in caught.value.faults]


def conditioned(condition):
    return faults(conditions={"all": [condition]})


def test_positions_are_phases_in_any_spelling():
    assert a_trigger(positions=["End", "end_immedite"]).positions == ("end", "end_immediate")
    ((field, message),) = faults(positions=["lunch"])
    assert field == "positions[0]"
    assert message.startswith("unknown phase 'lunch'")


@pytest.mark.parametrize(
    ("condition", "field", "why"),
    [
        ({"op": "weekday", "days": []}, "days", "must not be empty"),
        ({"op": "weekday", "days": ["mon", "mon"]}, "days", "names a day more than once"),
        ({"op": "weekday"}, "days", "required, but missing"),
        ({"op": "schedule_open", "opens": "9am"}, "opens", "must be a time of day"),
        ({"op": "schedule_open", "opens": "17:00"}, "closes", "must differ from opens"),
        ({"op": "schedule_closed", "time_zone": "Denver"}, "time_zone", "unknown time zone"),
        ({"op": "eq", "value": 1}, "field", "required, but missing"),
    ],
)
def test_a_condition_that_is_none_is_told_where_it_stands(condition, field, why):
    place, message = conditioned(condition)[0]
    assert place == f"conditions.all[0].{field}"
    assert why in message


@pytest.mark.parametrize(
    ("action", "field", "why"),
    [
        ({"type": "tag"}, "add", "a tag to add or to remove is needed"),
        ({"type": "tag", "add": ["a"], "remove": ["a"]}, "remove", "a cannot be added and removed"),
        ({"type": "score"}, "score", "a score, a conversion or a value is needed"),
        ({"type": "score", "score": 6}, "score", "less than or equal to 5"),
        ({"type": "score", "value": "85,00"}, "value", "must be an amount as text"),
        ({"type": "custom_field", "name": "a b", "value": "x"}, "name", "custom field's name"),
        ({"type": "email", "to": ["ann"]}, "to[0]", "must be an email address"),
        ({"type": "email", "to": []}, "to", "must not be empty"),
        ({"type": "text", "to": ["0303 555"]}, "to[0]", "must be a number in E.164 form"),
    ],
)
def test_an_action_that_says_nothing_or_nonsense_is_told_where_it_stands(action, field, why):
    place, message = faults(actions=[action])[0]
    assert place == f"actions[0].{field}"
    assert why in message


def test_an_action_of_no_known_kind_is_told_which_there_are():
    ((field, message),) = faults(actions=[{"type": "fax"}])
    assert field.startswith("actions[0]")
    assert "run_webhook" in message


def test_a_recipient_may_be_whom_the_activity_names():
    actions = [
        {"type": "email", "to": ["{{email}}"]},
        {"type": "text", "to": ["{{ caller_number }}"]},
    ]
    assert len(a_trigger(actions=actions).actions) == 2


def test_a_delay_is_a_tiers():
    assert a_trigger(delay="10m").delay == "10m"
    ((field, _),) = faults(delay="11m")
    assert field == "delay"
