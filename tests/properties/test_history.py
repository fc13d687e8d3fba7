"""Whatever the order in which records come, and however often, one history is left."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from pipeline.history import Place, attempt_rows, event_rows, greatest, packed, unpacked
from schemas.attempt import Attempt
from schemas.event import Event
from tests.support.builders import NOW_MS, an_attempt, an_event
from tests.support.strategies import activities, records
from tests.support.values import phases

places = st.builds(
    Place,
    partition=st.integers(0, 3),
    offset=st.integers(0, 5),
    at_ms=st.integers(NOW_MS, NOW_MS + 3),
)
few_events = st.builds(
    lambda sequence, origin, event_id: an_event(
        sequence=sequence, origin=origin, event_id=event_id
    ),
    st.none() | st.integers(-1, 2),
    st.sampled_from(["upstream", "delayed"]),
    st.sampled_from(["ev_1", "ev_2"]),
)
few_attempts = st.builds(
    lambda attempt, rerun, deferrals, after: an_attempt(
        attempt=attempt, rerun=rerun, deferrals=deferrals, **after
    ),
    st.integers(1, 2),
    st.integers(0, 1),
    st.integers(0, 1),
    st.sampled_from(
        [
            {"outcome": "delivered", "next": {"step": "end"}},
            {"outcome": "failed", "next": {"step": "end"}},
            {"outcome": "failed", "next": {"step": "retry"}},
            {"outcome": "failed", "next": {"step": "late"}},
            {"outcome": "deferred", "next": {"step": "defer"}},
        ]
    ),
)


def at_different_places(record):
    """A few of these, as a topic has them: no two at one place."""
    here = st.tuples(record, places)
    return st.lists(
        here, min_size=1, max_size=6, unique_by=lambda it: (it[1].partition, it[1].offset)
    )


@given(at_different_places(few_events), st.randoms(use_true_random=False))
def test_any_order_of_an_activitys_events_leaves_the_same_snapshot(told, chance):
    rows = [event_rows(event, place).activity for event, place in told]
    shuffled = [*rows, *chance.sample(rows, len(rows) // 2)]
    chance.shuffle(shuffled)

    key = ("account_id", "activity_id")

    assert greatest(shuffled, *key) == greatest(rows, *key)
    assert greatest([*greatest(shuffled[:2], *key), *shuffled[2:]], *key) == greatest(rows, *key)


@given(at_different_places(few_attempts), st.randoms(use_true_random=False))
def test_any_order_of_a_deliverys_records_leaves_it_at_the_same_state(told, chance):
    rows = [attempt_rows(attempt, place).delivery for attempt, place in told]
    shuffled = [*rows, *chance.sample(rows, len(rows) // 2)]
    chance.shuffle(shuffled)

    key = ("account_id", "delivery_id")

    assert greatest(shuffled, *key) == greatest(rows, *key)


@given(at_different_places(few_attempts))
def test_no_late_record_takes_back_that_a_run_was_delivered(told):
    rows = [attempt_rows(attempt, place).delivery for attempt, place in told]
    (left,) = greatest(rows, "account_id", "delivery_id")
    latest = max(attempt.rerun for attempt, _ in told)
    of_latest = {row["status"] for row in rows if row["reruns"] == latest}

    assert left["reruns"] == latest
    assert (left["status"] == "delivered") == ("delivered" in of_latest)


@given(activities, phases.filter(lambda phase: phase != "route"))
def test_a_snapshot_is_kept_as_it_came(activity, phase):
    event = an_event(phase, activity=activity)

    assert unpacked(event_rows(event, Place(0, 0, NOW_MS)).snapshot["content"]) == activity
    assert unpacked(packed(activity)) == activity


@given(records(Event) | records(Attempt), places)
def test_every_record_that_can_be_read_has_rows(record, place):
    rows = event_rows(record, place) if isinstance(record, Event) else attempt_rows(record, place)

    texts = [row[name] for row in rows_of(rows) for name in row if isinstance(row[name], str)]
    assert not any("\0" in text for text in texts)


def rows_of(rows):
    """The rows themselves, by name."""
    found = (getattr(rows, name) for name in rows.__slots__)
    return [row for row in found if row is not None]
