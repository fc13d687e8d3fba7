"""Repeats are dropped, and nothing else is."""

import pytest

from pipeline.assignments import Place
from pipeline.suppression import Noted, Suppression
from schemas.topics import JOBS
from tests.support.builders import a_job

# Places of one partition under two assignments, one after the other.
HERE, ELSEWHERE = Place(JOBS, 3, 1, 7), Place(JOBS, 3, 2, 7)
BEHIND = Place(JOBS, 3, 1, 8)


def a_reach(attempt: int = 1, deferrals: int = 0, rerun: int = 0):
    return a_job(attempt=attempt, deferrals=deferrals, rerun=rerun)


def noted(step: str, attempt: int = 1, deferrals: int = 0, rerun: int = 0) -> Noted:
    return Noted(a_job().delivery_id, attempt, deferrals, step, rerun=rerun)


def test_a_job_is_admitted_once_while_it_is_in_hand():
    suppression = Suppression()
    assert suppression.admission(a_reach(), HERE) == "admitted"
    assert suppression.admission(a_reach(), HERE) == "repeat"
    assert suppression.in_hand == 1


@pytest.mark.parametrize(
    ("record", "repeats", "others"),
    [
        (noted("retry", 2, 1), [(1, 0), (1, 9), (2, 0), (2, 1), (2, 9)], [(3, 0)]),
        (noted("defer", 2, 1), [(1, 9), (2, 0), (2, 1)], [(2, 2), (3, 0)]),
        (noted("end", 2, 1), [(1, 0), (2, 1), (2, 2), (50, 0)], []),
    ],
)
def test_what_is_on_record_makes_repeats_of_just_what_it_settled(record, repeats, others):
    for reach, wanted in [
        *((it, "repeat") for it in repeats),
        *((it, "admitted") for it in others),
    ]:
        suppression = Suppression()
        suppression.note(record)
        assert suppression.admission(a_reach(*reach), HERE) == wanted, reach


def test_records_read_back_in_any_order_come_to_the_same():
    suppression = Suppression()
    for record in (noted("end", 3), noted("retry", 1), noted("defer", 2)):
        suppression.note(record)
    assert suppression.admission(a_reach(9), HERE) == "repeat"


def test_a_retry_is_admitted_when_its_attempt_is_on_record():
    suppression = Suppression()
    suppression.admission(a_reach(1), HERE)
    suppression.settled(noted("retry", 1), HERE)
    assert suppression.in_hand == 0
    assert suppression.admission(a_reach(2), HERE) == "admitted"
    assert suppression.admission(a_reach(2), HERE) == "repeat"


@pytest.mark.parametrize("follows", [(2, 0), (1, 1)])
def test_a_job_that_goes_beyond_one_in_hand_comes_too_early(follows):
    """After a crash between the two records both are there: made at once, they would be twice."""
    suppression = Suppression()
    suppression.admission(a_reach(1), HERE)
    assert suppression.admission(a_reach(*follows), HERE) == "too_early"
    assert suppression.in_hand == 1


def test_a_job_that_one_in_hand_goes_beyond_is_a_repeat():
    suppression = Suppression()
    suppression.admission(a_reach(2), HERE)
    assert suppression.admission(a_reach(1), HERE) == "repeat"
    assert suppression.admission(a_reach(1, 5), HERE) == "repeat"


def test_what_came_too_early_and_was_put_off_waits_for_the_other_and_is_admitted_after_it():
    suppression = Suppression()
    suppression.admission(a_reach(1), HERE)
    suppression.settled(noted("defer", 2), BEHIND)
    assert suppression.in_hand == 1
    assert suppression.admission(a_reach(2, 1), HERE) == "too_early"
    suppression.settled(noted("retry", 1), HERE)
    assert suppression.admission(a_reach(2), HERE) == "repeat"
    assert suppression.admission(a_reach(2, 1), HERE) == "admitted"


def test_the_record_of_one_job_does_not_let_go_of_the_next():
    """It did once: two copies of a retry that came before the record both went out."""
    suppression = Suppression()
    suppression.note(noted("retry", 1))
    assert suppression.admission(a_reach(2), HERE) == "admitted"
    suppression.settled(noted("retry", 1), ELSEWHERE)
    suppression.note(noted("retry", 1))
    assert suppression.admission(a_reach(2), HERE) == "repeat"


def test_the_record_of_one_copy_does_not_let_go_of_another():
    """They are alike in all but their place."""
    suppression = Suppression()
    assert suppression.admission(a_reach(2), HERE) == "admitted"
    suppression.settled(noted("defer", 2), BEHIND)
    assert suppression.admission(a_reach(2, 1), BEHIND) == "too_early"
    suppression.settled(noted("retry", 2), HERE)
    assert suppression.in_hand == 0


def test_what_is_closed_without_a_record_of_its_own_is_not_in_hand_any_more():
    suppression = Suppression()
    suppression.admission(a_reach(1), HERE)
    suppression.note(noted("retry", 1))
    suppression.closed(a_reach(1).delivery_id, HERE)
    assert suppression.in_hand == 0
    assert suppression.admission(a_reach(2), BEHIND) == "admitted"


def test_a_job_read_again_after_its_partition_went_and_came_back_is_no_repeat():
    """The old copy may never be recorded: to complete the new one because of it could lose both."""
    suppression = Suppression()
    suppression.admission(a_reach(), HERE)
    suppression.let_go(frozenset({HERE.epoch}))
    assert suppression.admission(a_reach(), ELSEWHERE) == "admitted"
    suppression.settled(noted("retry"), HERE)  # the old copy, late
    assert suppression.in_hand == 1
    assert suppression.admission(a_reach(), ELSEWHERE) == "repeat"
    suppression.settled(noted("end"), ELSEWHERE)
    assert suppression.in_hand == 0


@pytest.mark.parametrize("step", ["end", "retry", "defer"])
def test_a_rerun_is_admitted_whatever_is_on_record_of_earlier_runs(step):
    suppression = Suppression()
    suppression.note(noted(step, 4))
    assert suppression.admission(a_reach(2, rerun=1), HERE) == "admitted"
    assert suppression.admission(a_reach(5), BEHIND) == "repeat"


@pytest.mark.parametrize("step", ["end", "retry", "defer"])
def test_what_an_earlier_run_left_is_a_repeat_once_the_rerun_is_on_record(step):
    suppression = Suppression()
    suppression.note(noted(step, 2, rerun=1))
    suppression.note(noted("end", 9))
    assert suppression.admission(a_reach(40, 7), HERE) == "repeat"
    assert suppression.has_ended(a_job().delivery_id) == (step == "end")


def test_a_rerun_waits_for_the_earlier_run_that_is_in_hand():
    suppression = Suppression()
    assert suppression.admission(a_reach(2), HERE) == "admitted"
    assert suppression.admission(a_reach(2, rerun=1), BEHIND) == "too_early"


def test_what_is_older_than_the_newest_run_is_superseded():
    suppression = Suppression()
    assert suppression.admission(a_reach(9), HERE, newest_run=1) == "superseded"
    assert suppression.admission(a_reach(3, rerun=1), HERE, newest_run=1) == "admitted"
    assert suppression.dropped_as(a_reach(9, rerun=1), newest_run=2) == "superseded"
    assert suppression.in_hand == 1


def test_what_is_older_than_what_is_in_hand_is_a_repeat_in_any_run():
    suppression = Suppression()
    assert suppression.admission(a_reach(2, rerun=1), HERE) == "admitted"
    assert suppression.admission(a_reach(9), BEHIND) == "repeat"


def test_letting_go_of_one_assignment_keeps_the_others():
    suppression = Suppression()
    suppression.admission(a_reach(), HERE)
    suppression.let_go(frozenset({ELSEWHERE.epoch, 7}))
    assert suppression.admission(a_reach(), HERE) == "repeat"


def test_what_was_recorded_longest_ago_is_forgotten_first():
    suppression = Suppression(deliveries_min=2)
    for name in ("a", "b", "a", "c"):
        suppression.note(Noted(name, 1, 0, "end"))
    assert len(suppression) == 2
    verdicts = [suppression.admission(a_job(delivery_id=name), HERE) for name in ("a", "b", "c")]
    assert verdicts == ["repeat", "admitted", "repeat"]


def test_a_forgotten_delivery_stays_in_hand():
    suppression = Suppression(deliveries_max=1)
    suppression.admission(a_reach(), HERE)
    suppression.note(Noted("other", 1, 0, "end"))
    assert suppression.admission(a_reach(), HERE) == "repeat"


def test_the_window_widens_for_what_a_crash_would_bring_back_and_says_when_it_cannot():
    suppression = Suppression(deliveries_min=2, deliveries_max=3)
    for name in ("a", "b", "c"):
        suppression.note(Noted(name, 1, 0, "end"), needed_from=0)
    assert (len(suppression), suppression.forgotten_too_soon) == (3, 0)
    suppression.note(Noted("d", 1, 0, "end"), needed_from=0)
    assert (len(suppression), suppression.forgotten_too_soon) == (3, 1)
    suppression.note(Noted("e", 1, 0, "end"), needed_from=3)
    assert (len(suppression), suppression.forgotten_too_soon) == (2, 1)
