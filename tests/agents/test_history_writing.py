"""Rows in the tables: in any order and twice, on either kind of database, and old ones removed."""

import random

import pytest
from sqlalchemy import func, select

from agents.history.engine import Database
from agents.history.retention import ROWS_MAX, expiries, remove_expired
from agents.history.tables import (
    ACTIVITIES,
    ACTIVITY_BODIES,
    ATTEMPTS,
    DELIVERIES,
    EXCHANGES,
    RECORDER_PLACES,
    SNAPSHOTS,
)
from agents.history.writing import PlacesMovedError, Rows, empty, forget_places, places, write
from pipeline.history import Place, attempt_rows, event_rows
from tests.support.builders import NOW_MS, an_activity, an_attempt, an_event
from tests.support.recordings import TABLES, kept, rows_in, some_attempts, some_events

DAY_MS = 24 * 60 * 60 * 1_000
TOPIC = ("activities", 0)


def rows_of(told):
    """All rows of records with their places."""
    rows = Rows()
    for record, place in told:
        make = attempt_rows if hasattr(record, "delivery_id") else event_rows
        rows.add(make(record, place))
    return rows


def put(database, told):
    with database.writing() as connection:
        write(connection, rows_of(told), {}, {})


def in_the_same_topic(records, partition):
    return [(it, Place(partition, offset, NOW_MS + offset)) for offset, it in enumerate(records)]


def test_any_order_and_any_repetition_leaves_the_same_history(history):
    told = in_the_same_topic(some_events(200), 0) + in_the_same_topic(some_attempts(300), 1)
    put(history, told)
    once = kept(history)
    with history.writing() as connection:
        empty(connection)
    assert rows_in(history) == 0

    chance = random.Random(7)  # noqa: S311 - an order is no secret
    again = [*told, *chance.sample(told, 200)]
    chance.shuffle(again)
    for first in range(0, len(again), 37):
        put(history, again[first : first + 37])

    assert kept(history) == once


def test_how_far_the_history_has_come_is_written_with_what_it_came_to(history):
    told = in_the_same_topic(some_events(3), 0)

    with history.writing() as connection:
        write(connection, rows_of(told), {TOPIC: 3}, {})
    with history.reading() as connection:
        assert places(connection, [TOPIC, ("attempts", 4)]) == {TOPIC: 3}


@pytest.mark.parametrize("expected", [{}, {TOPIC: 2}], ids=["nothing", "less"])
def test_who_does_not_know_where_the_history_stands_writes_nothing(history, expected):
    with history.writing() as connection:
        write(connection, Rows(), {TOPIC: 3}, {})

    with pytest.raises(PlacesMovedError), history.writing() as connection:
        write(connection, rows_of(in_the_same_topic(some_events(3), 0)), {TOPIC: 5}, expected)

    with history.reading() as connection:
        assert places(connection, [TOPIC]) == {TOPIC: 3}
    assert rows_in(history) == 0


def test_a_place_can_be_forgotten_alone(history):
    with history.writing() as connection:
        write(connection, Rows(), {TOPIC: 3, ("attempts", 0): 4}, {})
        forget_places(connection, [TOPIC])

    with history.reading() as connection:
        assert connection.execute(select(RECORDER_PLACES)).all() == [("attempts", 0, 4)]


def count_in(database: Database, table):
    """How many rows a table has."""
    with database.reading() as connection:
        return connection.execute(select(func.count()).select_from(table)).scalar()


def clear(database, settings):
    """Remove all that is old at `NOW_MS`; how many batches that took."""
    batches = 0
    for table, before_ms in expiries(settings, NOW_MS):
        removed = ROWS_MAX
        while removed == ROWS_MAX:
            with database.writing() as connection:
                removed = remove_expired(connection, table, before_ms)
            batches += 1
    return batches


def test_bodies_go_before_the_rest_and_nothing_goes_too_soon(history, database_settings):
    week, month = NOW_MS - 8 * DAY_MS, NOW_MS - 31 * DAY_MS
    for number, at_ms in enumerate((month, week, NOW_MS)):
        event = an_event(event_id=f"e{number}", activity=an_activity(id=number))
        attempt = an_attempt(delivery_id=f"d{number}", at_ms=at_ms)
        put(history, [(event, Place(0, number, at_ms)), (attempt, Place(1, number, at_ms))])

    clear(history, database_settings)

    left = {table.name: count_in(history, table) for table in TABLES}
    assert left == {
        "snapshots": 1,
        "exchanges": 1,
        "activities": 2,
        "activity_bodies": 2,
        "events": 2,
        "attempts": 2,
        "deliveries": 2,
    }
    with history.reading() as connection:
        assert set(connection.execute(select(ACTIVITY_BODIES.c.activity_id)).scalars()) == {
            *connection.execute(select(ACTIVITIES.c.activity_id)).scalars()
        }


def test_a_delivery_is_as_old_as_what_last_happened_to_it(history, database_settings):
    begun_ms = NOW_MS - 31 * DAY_MS
    for offset, at_ms in enumerate((begun_ms, NOW_MS)):
        attempt = an_attempt(attempt=offset + 1, at_ms=at_ms, first_queued_at_ms=begun_ms)
        put(history, [(attempt, Place(0, offset, at_ms))])

    clear(history, database_settings)

    assert count_in(history, DELIVERIES) == count_in(history, ATTEMPTS) == 1


def test_what_is_old_is_removed_in_batches(history, database_settings):
    old = [(it, Place(0, n, 1)) for n, it in enumerate(some_events(ROWS_MAX + 1))]
    put(history, old)

    assert clear(history, database_settings) > len([*expiries(database_settings, NOW_MS)])
    assert rows_in(history) == 0


def test_no_body_is_kept_longer_than_its_attempt(database_settings):
    settings = database_settings.model_copy(update={"bodies_days": 90, "attempts_days": 30})

    assert {before for _, before in expiries(settings, NOW_MS)} == {NOW_MS - 30 * DAY_MS}
    assert {table for table, _ in expiries(settings, NOW_MS)} >= {SNAPSHOTS, EXCHANGES}
