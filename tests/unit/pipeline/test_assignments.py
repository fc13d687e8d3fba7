"""The partitions a consumer has, and what it may say of them."""

import pytest

from pipeline.assignments import (
    WINDOW_BYTES_MAX,
    WINDOW_JOBS_MAX,
    Assignments,
    Place,
    Span,
)
from pipeline.offsets import Position

NEW, RETRY = ("jobs", 3), ("jobs.retry", 3)


def assigned(*keys, span=None) -> Assignments:
    assignments = Assignments()
    assignments.assign(list(keys), {3: span or Span(100, 100)})
    return assignments


def test_a_partition_with_nothing_read_has_nothing_to_commit():
    assert assigned(NEW).position(NEW) is None
    assert assigned(NEW).uncommitted([NEW]) == {}
    assert Assignments().position(NEW) is None


def test_the_floor_of_an_open_job_is_where_the_attempts_ended_when_it_came():
    assignments = assigned(NEW)
    first = assignments.handed_out(NEW, 10, 1)
    second = assignments.handed_out(NEW, 11, 1)
    assignments.completed(second, 107)
    assert assignments.position(NEW) == Position(10, 100)
    third = assignments.handed_out(NEW, 12, 1)
    assignments.completed(first, 108)
    assert assignments.position(NEW) == Position(12, 108)
    assignments.completed(third, None)
    assert assignments.position(NEW) == Position(13, 109)


def test_all_lanes_share_the_end_of_their_attempts():
    assignments = assigned(NEW, RETRY)
    assignments.completed(assignments.handed_out(NEW, 10, 1), 120)
    assignments.completed(assignments.handed_out(RETRY, 7, 1), None)
    assert assignments.position(RETRY) == Position(8, 121)


def test_what_an_earlier_owner_recorded_can_be_read_back_until_all_of_it_is_committed():
    """Two crashes in a row once repeated all that the first owner had done, not what was open."""
    assignments = assigned(NEW, RETRY, span=Span(100, 160, {NEW: 12}))
    places = [assignments.handed_out(NEW, offset, 1) for offset in (10, 11, 12, 13)]
    for place in places[1:]:
        assignments.completed(place, None)
    assert assignments.position(NEW) == Position(10, 100)
    assignments.completed(places[0], 170)
    assert assignments.position(NEW) == Position(14, 171)


def test_jobs_that_were_not_read_again_yet_hold_the_floor_too():
    assignments = assigned(NEW, span=Span(100, 160, {NEW: 12}))
    assignments.completed(assignments.handed_out(NEW, 11, 1), 170)
    assert assignments.position(NEW) == Position(12, 100)
    assignments.completed(assignments.handed_out(NEW, 12, 1), None)
    assert assignments.position(NEW) == Position(13, 171)


def test_a_span_knows_the_last_job_of_each_lane_that_it_tells_of():
    span = Span(0, 9)
    for key, offset in ((NEW, 5), (RETRY, 1), (NEW, 3), (NEW, 8)):
        span.tells_of(key, offset)
    assert span.reached == {NEW: 8, RETRY: 1}


def test_a_result_of_an_earlier_assignment_counts_for_nothing():
    assignments = assigned(NEW)
    late = assignments.handed_out(NEW, 10, 5)
    assignments.forget([NEW])
    assignments.completed(late, 150)
    assert (assignments.jobs, assignments.size_bytes) == (0, 0)
    assignments.assign([NEW], {3: Span(100, 110)})
    again = assignments.handed_out(NEW, 10, 5)
    assert again.epoch != late.epoch
    assignments.completed(late, 150)
    assert assignments.position(NEW) == Position(10, 110)
    assert assignments.jobs == 1


def test_a_job_closed_twice_is_closed_once():
    assignments = assigned(NEW)
    place = assignments.handed_out(NEW, 10, 5)
    assignments.handed_out(NEW, 11, 7)
    for _ in range(2):
        assignments.completed(place, None)
    assert (assignments.jobs, assignments.size_bytes) == (1, 7)


def test_a_partition_assigned_twice_begins_anew():
    assignments = assigned(NEW)
    assignments.handed_out(NEW, 10, 5)
    assignments.assign([NEW], {})
    assert (assignments.jobs, assignments.size_bytes, assignments.position(NEW)) == (0, 0, None)
    assert assignments.handed_out(NEW, 10, 5) is not None


def test_a_record_of_a_partition_that_is_gone_is_not_handed_out():
    assignments = assigned(NEW)
    assignments.forget([NEW, RETRY])
    assert assignments.handed_out(NEW, 10, 5) is None
    assert assignments.keys == []


def test_epochs_tell_assignments_apart():
    assignments = assigned(NEW, RETRY)
    both = assignments.epochs([NEW, RETRY])
    assert len(both) == 2
    assert assignments.epochs([NEW, ("jobs", 9)]) < both
    assert assignments.handed_out(NEW, 1, 1) == Place("jobs", 3, min(both), 1)


def test_a_position_is_given_out_when_it_moved_and_again_after_a_commit_failed():
    assignments = assigned(NEW)
    place = assignments.handed_out(NEW, 10, 1)
    assert assignments.uncommitted([NEW]) == {NEW: Position(10, 100)}
    assert assignments.uncommitted([NEW]) == {}
    assignments.distrust_commits()
    assert assignments.uncommitted([NEW]) == {NEW: Position(10, 100)}
    assignments.completed(place, 105)
    assert assignments.uncommitted([NEW]) == {NEW: Position(11, 106)}


@pytest.mark.parametrize(
    ("jobs", "size_bytes"), [(WINDOW_JOBS_MAX, 0), (1, WINDOW_BYTES_MAX), (1, 2 * WINDOW_BYTES_MAX)]
)
def test_reading_stands_still_at_either_bound_and_goes_on_when_a_quarter_is_free(jobs, size_bytes):
    assignments = assigned(NEW)
    places = [assignments.handed_out(NEW, n, size_bytes) for n in range(jobs)]
    assert assignments.wants_pause(is_paused=False)
    for place in places[: jobs // 8]:
        assignments.completed(place, None)
    assert assignments.wants_pause(is_paused=True)
    for place in places[jobs // 8 :]:
        assignments.completed(place, None)
    assert not assignments.wants_pause(is_paused=True)


def test_progress_is_the_oldest_open_offset_and_the_next_one_to_read():
    assignments = assigned(NEW)
    assert (assignments.oldest_open(NEW), assignments.next_offset(NEW)) == (None, None)
    first = assignments.handed_out(NEW, 10, 1)
    second = assignments.handed_out(NEW, 11, 1)
    assert (assignments.oldest_open(NEW), assignments.next_offset(NEW)) == (10, 12)
    assignments.completed(first, None)
    assert assignments.oldest_open(NEW) == 11
    assignments.completed(second, None)
    assert (assignments.oldest_open(NEW), assignments.next_offset(NEW)) == (None, 12)
    assert (assignments.oldest_open(RETRY), assignments.next_offset(RETRY)) == (None, None)


def test_partitions_are_found_by_the_assignment_under_which_they_are_held():
    assignments = assigned(NEW, RETRY)
    (epoch,) = assignments.epochs([NEW])
    assert assignments.held_under(frozenset({epoch})) == [NEW]
    assignments.assign([NEW], {})

    assert assignments.held_under(frozenset({epoch})) == []
    assert assignments.holds(NEW)
    assignments.forget([NEW])
    assert not assignments.holds(NEW)
