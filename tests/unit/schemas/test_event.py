import json

import pytest

from schemas.codec import Malformed
from schemas.event import EVENT_BYTES_MAX, event_from, read_event
from tests.support.builders import an_activity, an_event
from tests.support.faults import faults_of


def event_of(**fields):
    return event_from({"account_id": 25, "phase": "end", "activity": {"id": 7}, **fields})


def test_a_resend_is_the_same_event():
    assert event_of(sequence=7).event_id == event_of(sequence=7).event_id
    assert event_of().event_id == event_of().event_id


def test_a_resend_with_its_fields_in_another_order_is_the_same_event():
    one = event_of(activity={"id": 7, "a": 1, "b": 2})
    two = event_of(activity={"b": 2, "a": 1, "id": 7})

    assert one.event_id == two.event_id


def test_another_sequence_is_another_event_even_with_the_same_content():
    assert event_of(sequence=7).event_id != event_of(sequence=8).event_id


def test_without_a_sequence_other_content_is_another_event():
    one = event_of(activity={"id": 7, "talk_time": 1})
    two = event_of(activity={"id": 7, "talk_time": 2})

    assert one.event_id != two.event_id


def test_other_accounts_activities_and_phases_are_other_events():
    events = [
        event_of(sequence=1),
        event_of(sequence=1, account_id=26),
        event_of(sequence=1, activity={"id": 8}),
        event_of(sequence=1, phase="sale"),
    ]

    assert len({event.event_id for event in events}) == 4


def test_an_alias_of_the_phase_is_the_same_event():
    assert event_of(phase="Ended").event_id == event_of(phase="end").event_id


def test_content_with_an_integer_beyond_64_bits_has_an_id_too():
    huge = 2**70

    one = event_of(activity={"id": 7, "n": huge})

    assert one.event_id == event_of(activity={"id": 7, "n": huge}).event_id
    assert one.event_id != event_of(activity={"id": 7, "n": huge + 1}).event_id


def test_an_id_that_was_given_is_kept():
    assert event_of(event_id="upstream-1").event_id == "upstream-1"


@pytest.mark.parametrize("empty", ["", None])
def test_an_empty_id_is_derived_like_a_missing_one(empty):
    assert event_of(event_id=empty) == event_of()


def test_the_flat_payload_of_a_call_may_come_wrapped():
    call = an_activity(account_id=25)

    event = event_from({"call": call, "phase": "End"})

    assert event.account_id == 25
    assert event.activity == call


def test_account_and_phase_may_stand_inside_the_call_and_those_outside_win():
    call = {"id": 7, "account_id": 25, "phase": "starts"}

    assert event_from({"call": call}).phase == "starts"
    assert event_from({"call": call, "phase": "end", "account_id": 26}).key == b"26:7"


def test_a_call_wrapped_inside_the_activity_is_unwrapped():
    assert event_of(activity={"call": {"id": 9}}).activity_id == "9"


def test_an_activity_with_an_id_and_a_field_named_call_stays_as_it_is():
    assert event_of(activity={"id": 7, "call": {"id": 9}}).activity_id == "7"


@pytest.mark.parametrize("call", [{"id": 9}, "a note"])
def test_a_call_beside_an_activity_is_an_unknown_field(call):
    assert event_of(call=call) == event_of()


def test_unknown_fields_beside_the_activity_are_ignored_and_those_inside_kept():
    event = event_of(shard=3, activity={"id": 7, "brand_new": [1]})

    assert event.activity == {"id": 7, "brand_new": [1]}


def test_all_that_is_missing_is_named_at_once():
    assert sorted(faults_of(event_from, {})) == ["account_id", "activity", "phase"]


@pytest.mark.parametrize("activity_id", [None, "", "x" * 201, True, 1.5, [], {}])
def test_an_activity_needs_an_id_that_is_an_integer_or_text(activity_id):
    faults = faults_of(
        event_from, {"account_id": 25, "phase": "end", "activity": {"id": activity_id}}
    )

    assert list(faults) == ["activity.id"]


def test_an_activity_that_is_no_object_is_named():
    assert list(faults_of(event_from, {"account_id": 25, "phase": "end", "activity": [1]})) == [
        "activity"
    ]


@pytest.mark.parametrize("account_id", ["25", 0, 2**63, True, 2.0, None])
def test_an_account_is_a_positive_integer(account_id):
    faults = faults_of(
        event_from, {"account_id": account_id, "phase": "end", "activity": {"id": 7}}
    )

    assert list(faults) == ["account_id"]


def test_an_unknown_phase_is_told_which_there_are():
    faults = faults_of(event_from, {"account_id": 25, "phase": "lunch", "activity": {"id": 7}})

    assert "unknown phase 'lunch'; known are starts, answered" in faults["phase"]


def test_a_route_event_names_its_webhook_and_no_other_event_does():
    assert an_event("route").webhook_id == "crm"
    assert list(
        faults_of(event_from, {"account_id": 25, "phase": "route", "activity": {"id": 7}})
    ) == ["webhook_id"]
    document = {"account_id": 25, "phase": "end", "activity": {"id": 7}, "webhook_id": "crm"}
    assert list(faults_of(event_from, document)) == ["webhook_id"]


@pytest.mark.parametrize("document", [None, 5, "x", [], [{}]])
def test_an_event_is_an_object(document):
    assert faults_of(event_from, document) == {"": "an event must be an object"}


def test_an_event_over_the_size_limit_is_refused_before_it_is_parsed():
    filler = b"[" * (EVENT_BYTES_MAX + 1)

    with pytest.raises(Malformed, match="1048577 bytes, more than 1048576"):
        read_event(filler)


def test_an_event_of_just_the_size_limit_is_read():
    document = {"account_id": 25, "phase": "end", "activity": {"id": 7, "transcript": ""}}
    document["activity"]["transcript"] = "x" * (EVENT_BYTES_MAX - len(json.dumps(document)))
    data = json.dumps(document).encode()

    assert len(data) == EVENT_BYTES_MAX
    assert read_event(data).activity_id == "7"
