"""What may be committed: never past a record that is open."""

import pytest

from pipeline.offsets import OffsetTracker, Position


def a_tracker(*offsets: int, floor: int = 0) -> OffsetTracker:
    tracker = OffsetTracker()
    for offset in offsets:
        tracker.handed_out(offset, floor)
    return tracker


def test_nothing_handed_out_is_nothing_to_commit():
    assert (OffsetTracker().position(), OffsetTracker().open) == (None, 0)


def test_the_oldest_open_record_stands_at_the_position_with_its_own_floor():
    tracker = OffsetTracker()
    for offset, floor in ((5, 10), (6, 20), (7, 30)):
        tracker.handed_out(offset, floor)
    tracker.completed(6)
    assert tracker.position() == Position(5, 10)
    tracker.completed(5)
    assert tracker.position() == Position(7, 30)
    tracker.completed(7)
    assert tracker.position() == Position(8, 30)


def test_offsets_that_the_broker_left_out_lie_within_the_run():
    tracker = a_tracker(5, 9, 40)
    for offset in (5, 9):
        tracker.completed(offset)
    assert tracker.position() == Position(40, 0)


def test_completions_count_once_and_only_for_what_is_open():
    tracker = a_tracker(5, 6)
    for offset in (7, 6, 6, 4, 5, 5):
        tracker.completed(offset)
    assert (tracker.position(), tracker.open) == (Position(7, 0), 0)
    tracker.completed(5)
    assert tracker.position() == Position(7, 0)


@pytest.mark.parametrize("offset", [4, 5])
def test_an_offset_that_does_not_grow_is_a_fault(offset):
    with pytest.raises(ValueError, match="after 5 was handed out"):
        a_tracker(5).handed_out(offset, 0)


def test_records_count_as_open_until_they_lie_below_the_position():
    tracker = a_tracker(1, 2, 3)
    tracker.completed(2)
    tracker.position()
    assert tracker.open == 3
    tracker.completed(1)
    tracker.position()
    assert tracker.open == 1
