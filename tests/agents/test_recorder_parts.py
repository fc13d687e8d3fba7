"""The recorder's parts by themselves: what it keeps, and where it begins."""

import pytest
import structlog
from confluent_kafka import KafkaException
from prometheus_client import REGISTRY
from sqlalchemy import select

from agents.history.tables import ATTEMPTS, RECORDER_PLACES
from agents.history.writing import PlacesMovedError, Rows, empty, write
from agents.recorder.intake import Taken
from agents.recorder.keeping import Keeper
from agents.recorder.placing import Placing
from pipeline.history import Place, attempt_rows
from tests.support.builders import NOW_MS, an_attempt
from tests.support.recordings import rows_in

NAMES = {"t.attempts": "attempts"}
HERE = ("t.attempts", 0)


def taken(offset, **fields):
    rows = attempt_rows(an_attempt(**fields), Place(0, offset, NOW_MS))
    return Taken(HERE, offset, NOW_MS, rows)


def refusals():
    return sample("hookline_history_records_total", topic="attempts", result="refused")


def removals():
    return sample("hookline_records_removed_unread_total", topic="attempts")


def sample(name, **labels):
    return REGISTRY.get_sample_value(name, labels) or 0


def offsets_in(history):
    with history.reading() as connection:
        return sorted(connection.execute(select(ATTEMPTS.c.offset)).scalars())


def places_in(history):
    with history.reading() as connection:
        rows = connection.execute(select(RECORDER_PLACES))
        return {(row.topic, row.partition): row.next_offset for row in rows}


def test_a_record_that_the_database_refuses_keeps_none_of_its_neighbours_out(history):
    keeper = Keeper(history, NAMES)
    refused = refusals()
    records = [taken(offset, delivery_id=f"dl_{offset}") for offset in range(9)]
    records[4] = taken(4, deferrals=2**70)  # more than either database can hold

    with structlog.testing.capture_logs() as logs:
        keeper.keep(records)

    assert offsets_in(history) == [0, 1, 2, 3, 5, 6, 7, 8]
    assert places_in(history) == keeper.places == {HERE: 9}
    assert [(it["event"], it["offset"]) for it in logs] == [("history.refused", 4)]
    assert refusals() == refused + 1


def test_a_record_of_no_use_moves_the_place_all_the_same(history):
    Keeper(history, NAMES).keep([Taken(HERE, 7, NOW_MS, None)])

    assert places_in(history) == {HERE: 8}
    assert rows_in(history) == 0


def test_a_history_that_was_emptied_is_noticed_with_a_write_and_without(history):
    keeper = Keeper(history, NAMES)
    keeper.keep([taken(0)])
    assert keeper.moved() == set()

    with history.writing() as connection:
        empty(connection)

    assert keeper.moved() == {HERE}
    with pytest.raises(PlacesMovedError):
        keeper.keep([taken(1)])
    assert rows_in(history) == 0


class Client:
    """A consumer whose partitions begin and end where they are said to."""

    def __init__(self, low, high):
        self.marks = low, high
        self.fault = None
        self.sought = []
        self.resumed = []

    def get_watermark_offsets(self, _place, timeout):  # noqa: ARG002 - the client's signature
        if self.fault is not None:
            raise KafkaException(self.fault)
        return self.marks

    def seek(self, place):
        self.sought.append(((place.topic, place.partition), place.offset))

    def resume(self, places):
        self.resumed += [(place.topic, place.partition) for place in places]


def a_placing(history, client, place=None):
    """One for a partition that waits, and was written up to `place`."""
    if place is not None:
        with history.writing() as connection:
            write(connection, Rows(), {HERE: place}, {})
    placing = Placing(client, history, NAMES)
    placing.waiting |= {HERE}
    return placing


def test_a_partition_is_read_from_where_the_history_stands(history):
    client = Client(2, 9)

    assert a_placing(history, client, place=5).place() == {HERE: (5, 5)}
    assert client.sought == [(HERE, 5)]
    assert client.resumed == [HERE]


def test_a_partition_that_was_never_read_is_read_from_its_beginning(history):
    assert a_placing(history, Client(2, 9)).place() == {HERE: (None, 2)}


def test_records_that_were_removed_unread_are_counted(history):
    before = removals()

    assert a_placing(history, Client(7, 9), place=3).place() == {HERE: (3, 7)}
    assert removals() == before + 4


def test_a_topic_that_was_made_anew_is_read_from_its_beginning(history):
    assert a_placing(history, Client(0, 2), place=3).place() == {HERE: (None, 0)}
    assert places_in(history) == {}


def test_while_the_broker_is_away_a_partition_waits_for_its_place(history):
    client = Client(0, 2)
    placing = a_placing(history, client)
    client.fault = "away"

    assert placing.place() == {}
    assert placing.waiting == {HERE}

    client.fault = None
    assert placing.place() == {HERE: (None, 0)}
    assert placing.waiting == set()
