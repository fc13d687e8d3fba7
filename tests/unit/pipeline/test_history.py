"""What is kept of a record, and how rows of one thing compare."""

from itertools import pairwise

import pytest

from pipeline.history import (
    Place,
    activity_rank,
    attempt_rows,
    delivery_rank,
    event_rows,
    greatest,
    packed,
    status_of,
    unpacked,
)
from tests.support.builders import NOW_MS, an_activity, an_attempt, an_event

HERE = Place(partition=3, offset=17, at_ms=NOW_MS)
LATER = Place(partition=3, offset=18, at_ms=NOW_MS + 1)
REQUEST = {
    "method": "POST",
    "url": "https://crm.example.com/in",
    "headers": [["X-Team", "sales"]],
    "body": "{}",
    "body_bytes": 2,
}


def test_an_event_is_kept_with_its_snapshot_and_as_the_state_of_its_activity():
    event = an_event(sequence=7, activity=an_activity(unix_time="1777679285"))

    rows = event_rows(event, HERE)

    assert rows.event == {
        "account_id": 25,
        "event_id": event.event_id,
        "activity_id": "4379952365",
        "phase": "end",
        "sequence": 7,
        "origin": "upstream",
        "webhook_id": None,
        "trigger_id": None,
        "chain": "",
        "occurred_at": "2026-05-01T23:48:05Z",
        "at_ms": NOW_MS,
        "partition": 3,
        "offset": 17,
    }
    assert unpacked(rows.snapshot["content"]) == event.activity
    assert rows.activity["event_id"] == event.event_id
    assert rows.activity["began_at_s"] == 1_777_679_285
    assert rows.activity["kind"] == "inbound"
    assert rows.activity["source"] == "Google Ads"
    assert rows.activity_body["rank"] == rows.activity["rank"]
    assert rows.activity_body["content"] == rows.snapshot["content"]


@pytest.mark.parametrize("unix_time", [None, "soon", True, -1, 10**40])
def test_an_activity_without_a_time_that_can_be_has_none(unix_time):
    rows = event_rows(an_event(activity=an_activity(unix_time=unix_time)), HERE)

    assert rows.activity["began_at_s"] is None


def test_what_a_database_could_not_hold_is_made_to_fit():
    activity = an_activity(id="a\0b", direction={"a": 1}, source="s" * 1_000)
    rows = event_rows(an_event(event_id="e\0", sequence=10**30, activity=activity), HERE)

    assert rows.event["event_id"] == "e\N{REPLACEMENT CHARACTER}"
    assert rows.activity["activity_id"] == "a\N{REPLACEMENT CHARACTER}b"
    assert rows.event["sequence"] == 2**63 - 1
    assert rows.activity["kind"] is None
    assert len(rows.activity["source"]) == 200
    assert unpacked(rows.snapshot["content"]) == activity


def test_an_attempt_is_kept_with_its_exchange_and_as_the_state_of_its_delivery():
    attempt = an_attempt(request=REQUEST, timings={"total_ms": 4.5}, rerun=1, attempt=4)

    rows = attempt_rows(attempt, HERE)

    assert rows.attempt["partition"] == 3
    assert rows.attempt["offset"] == 17
    assert rows.attempt["status"] == 200
    assert rows.attempt["status_class"] == 2
    assert rows.attempt["url"] == "https://crm.example.com/in"
    assert rows.attempt["timings"] == '{"total_ms":4.5}'
    assert rows.attempt["source_topic"] == "jobs"
    assert rows.delivery["status"] == "delivered"
    assert rows.delivery["attempts"] == 4
    assert rows.delivery["reruns"] == 1
    assert rows.exchange is not None
    kept = unpacked(rows.exchange["content"])
    assert kept["request"]["headers"] == [["X-Team", "sales"]]
    assert kept["response"]["status"] == 200


def test_an_end_without_a_request_is_no_attempt_and_has_no_exchange():
    skipped = an_attempt(outcome="skipped", reason="disabled", response=None, attempt=3)

    rows = attempt_rows(skipped, HERE)

    assert rows.exchange is None
    assert rows.delivery["attempts"] == 2
    assert rows.attempt["status"] is rows.attempt["status_class"] is None
    assert rows.delivery["last_status"] is None


def test_a_test_was_read_nowhere():
    row = attempt_rows(an_attempt(source=None, is_test=True), HERE).attempt

    assert row["source_topic"] is row["source_partition"] is row["source_offset"] is None
    assert row["is_test"]


@pytest.mark.parametrize(
    ("outcome", "step", "status"),
    [
        ("delivered", "end", "delivered"),
        ("skipped", "end", "skipped"),
        ("failed", "end", "failed"),
        ("blocked", "end", "failed"),
        ("expired", "end", "failed"),
        ("failed", "retry", "retrying"),
        ("failed", "late", "retrying"),
        ("deferred", "defer", "deferred"),
    ],
)
def test_how_a_delivery_stands_follows_from_what_its_record_says_is_next(outcome, step, status):
    assert status_of(an_attempt(outcome=outcome, next={"step": step})) == status


IN_ORDER = [
    {"sequence": None, "origin": "delayed"},
    {"sequence": None},
    {"sequence": -5},
    {"sequence": 2, "origin": "delayed"},
    {"sequence": 2},
    {"sequence": 3, "origin": "delayed"},
    {"sequence": 10**30},
]


@pytest.mark.parametrize(("less", "more"), [*pairwise(IN_ORDER)])
def test_a_later_snapshot_counts_by_its_sequence_before_its_time(less, more):
    assert activity_rank(an_event(**less), LATER) < activity_rank(an_event(**more), HERE)


@pytest.mark.parametrize("sequence", [None, 7])
def test_among_equals_the_later_record_counts(sequence):
    event = an_event(sequence=sequence)

    assert activity_rank(event, HERE) < activity_rank(event, LATER)
    assert activity_rank(event, HERE) < activity_rank(event, Place(3, 18, NOW_MS))


def step(name, **fields):
    outcome = {"end": "failed", "defer": "deferred"}.get(name, "failed")
    return an_attempt(**{"outcome": outcome, "next": {"step": name}, **fields})


DELIVERY_IN_ORDER = [
    step("late", attempt=1),
    step("defer", attempt=1),
    step("retry", attempt=1),
    step("defer", attempt=2),
    step("defer", attempt=2, deferrals=1),
    step("retry", attempt=2, deferrals=1),
    step("late", attempt=3),
    step("end", attempt=2, outcome="expired"),
    step("end", attempt=1, outcome="delivered"),
    step("retry", attempt=1, rerun=1),
]


@pytest.mark.parametrize(("less", "more"), [*pairwise(DELIVERY_IN_ORDER)])
def test_of_a_delivery_the_latest_run_counts_then_its_end_then_how_far_it_came(less, more):
    assert delivery_rank(less, LATER) < delivery_rank(more, HERE)


def test_of_rows_with_one_key_the_greatest_is_left():
    rows = [{"id": 1, "rank": "b"}, {"id": 2, "rank": "a"}, {"id": 1, "rank": "c"}]

    assert greatest([*rows, {"id": 1, "rank": "a"}], "id") == [rows[2], rows[1]]


def test_what_was_packed_is_unpacked_as_it_was():
    value = {"id": 2**70, "value": "85.00", "nested": [1.5, None, {"é": "\0"}]}

    assert unpacked(packed(value)) == value
