"""Where a new owner begins to read the attempts back."""

from types import SimpleNamespace

import pytest
from confluent_kafka import TopicPartition

from agents.sender.consumer import floors
from agents.sender.readback import MARGIN, RECORDS_MAX, floor_of, metadata_of
from agents.sender.readback import _span as span_of
from pipeline.assignments import Span


def committed(topic: str, offset: int, floor: int | None, partition: int = 3) -> TopicPartition:
    return TopicPartition(topic, partition, offset, "" if floor is None else metadata_of(floor))


def floors_of(*places: TopicPartition, idle: tuple[str, ...] = ()):
    return floors(list(places), lambda place: place.topic not in idle)


def test_a_floor_survives_the_commit():
    assert floor_of(metadata_of(0)) == 0
    assert floor_of(metadata_of(12_345)) == 12_345


@pytest.mark.parametrize("metadata", [None, "", "attempts=", "attempts=-1", "attempts=x", "other"])
def test_metadata_of_somebody_else_has_no_floor(metadata):
    assert floor_of(metadata) is None


def test_the_lowest_floor_of_a_partitions_lanes_counts():
    found = floors_of(
        committed("jobs", 10, 500),
        committed("jobs.retry", 4, 300),
        committed("jobs.replay", -1001, None),
        committed("jobs", 10, 7, partition=4),
    )
    assert found == {3: 300, 4: 7}


def test_a_lane_that_committed_all_it_holds_needs_no_floor():
    """One replay, weeks ago, once made every start read back all attempts since."""
    lanes = (committed("jobs", 10, 90_000), committed("jobs.replay", 4, 300))
    assert floors_of(*lanes, idle=("jobs.replay",)) == {3: 90_000}
    assert floors_of(*lanes, idle=("jobs", "jobs.replay")) == {3: 90_000}
    assert floors_of(*lanes, idle=("jobs",)) == {3: 300}


def test_nothing_committed_is_no_floor():
    assert floors_of(committed("jobs", -1001, None), committed("jobs.retry", 5, None)) == {3: None}


@pytest.mark.parametrize(
    ("low", "high", "floor", "span"),
    [
        (0, 5_000, 4_900, Span(4_900 - MARGIN, 5_000)),
        (0, 500, 400, Span(0, 500)),
        (0, 5_000, 5_000, Span(5_000 - MARGIN, 5_000)),
        (4_950, 5_000, 4_900, Span(4_950, 5_000)),
        (0, 900_000, 17, Span(900_000 - RECORDS_MAX, 900_000)),
        (0, 900_000, None, Span(900_000 - RECORDS_MAX, 900_000)),
        (0, 100, None, Span(0, 100)),
        (0, 10, 90_000, Span(10, 10)),  # the topic was made anew
        (0, 0, None, Span(0, 0)),
    ],
)
def test_what_is_read_back_is_bounded_and_never_leaves_the_newest_out(low, high, floor, span):
    consumer = SimpleNamespace(get_watermark_offsets=lambda *_, **__: (low, high))
    assert span_of(consumer, "attempts", 3, floor) == span
