"""Due times, whatever the clocks do: honest ones are kept, and impossible ones hold nothing up."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from pipeline.due import HELD_UP_S, Due, longest_s, shortest_s, verdict
from pipeline.retries import due_at_ms
from pipeline.sightings import Arrival, Sightings
from schemas.tiers import TIERS
from schemas.topics import JOBS_RETRY

EPOCH_S = 1_777_679_285.0  # of the wall clock, when the monotonic one is at 0
DAY_S = 86_400.0

tiers = st.sampled_from(TIERS)
draws = st.floats(0, 1, exclude_max=True)
instants = st.floats(0, 10 * DAY_S)
jumps = st.floats(-30 * DAY_S, 30 * DAY_S)
little = st.floats(0, 30)


def wall_ms(mono_s: float, jump_s: float = 0.0) -> int:
    return round((EPOCH_S + mono_s + jump_s) * 1_000)


def reckoned(tier, draw, at_s, jump_s=0.0) -> Due:
    return Due(due_at_ms(tier, now_ms=wall_ms(at_s, jump_s), draw=draw), JOBS_RETRY)


def judge(due, tier, arrival, now_s, jump_s=0.0):
    return verdict(due, tier, arrival, wall_ms=wall_ms(now_s, jump_s), now_s=now_s)


looks = st.tuples(st.none() | little, little)  # when it was not there yet, and when it was


def seen(written_s, look) -> Arrival:
    before_s, after_s = look
    return Arrival(None if before_s is None else written_s - before_s, written_s + after_s)


@given(
    sent=st.tuples(tiers, draws, instants),
    held_up_s=st.floats(0, HELD_UP_S),
    look=looks,
    waits_s=st.floats(0, 3 * DAY_S),
)
def test_with_clocks_that_agree_a_record_is_due_when_it_says(sent, held_up_s, look, waits_s):
    tier, draw, at_s = sent
    arrival = seen(at_s + held_up_s, look)
    due = reckoned(tier, draw, at_s)
    found = judge(due, tier, arrival, arrival.before_s + waits_s)
    assert abs(found.at_s - (due.at_ms / 1_000 - EPOCH_S)) < 0.002
    assert found.disagreement_s == 0


@given(sent=st.tuples(tiers, draws, instants), jump_of_sender_s=jumps, jump_s=jumps, look=looks)
def test_whatever_two_clocks_say_no_record_waits_longer_than_its_tiers_longest_delay(
    sent, jump_of_sender_s, jump_s, look
):
    tier, draw, at_s = sent
    arrival = seen(at_s, look)
    due = reckoned(tier, draw, at_s, jump_of_sender_s)
    found = judge(due, tier, arrival, arrival.before_s, jump_s)
    assert found.at_s <= arrival.before_s + longest_s(tier)


@given(tier=tiers, at_ms=st.integers(0, 10**14 - 1))
def test_a_record_of_which_nothing_is_known_was_there_now(tier, at_ms):
    found = judge(Due(at_ms, JOBS_RETRY), tier, Arrival(None, None), 5)
    assert found.at_s <= 5 + longest_s(tier)


@given(
    tier=tiers,
    draw=draws,
    jump_s=st.floats(-30 * DAY_S, 0),
    later_s=st.floats(0, 3 * DAY_S),
)
def test_our_clock_going_back_sends_nothing_early(tier, draw, jump_s, later_s):
    """Whether it goes back before a record is looked at, or while its partition is held."""
    written_s = DAY_S
    due = reckoned(tier, draw, written_s)
    found = judge(due, tier, Arrival(None, written_s), written_s + later_s, jump_s)
    assert found.at_s >= written_s + shortest_s(tier) - 0.002


@given(tier=tiers, draw=draws, jump_s=st.floats(-30 * DAY_S, -DAY_S), late_s=little)
def test_a_sender_whose_clock_went_back_a_day_has_its_retries_held_for_the_tiers_delay(
    tier, draw, jump_s, late_s
):
    written_s = 2 * DAY_S
    arrival = Arrival(written_s - late_s, written_s + late_s)
    found = judge(reckoned(tier, draw, written_s, jump_s), tier, arrival, written_s + late_s)
    assert written_s - late_s + shortest_s(tier) <= found.at_s <= written_s + longest_s(tier)
    assert found.disagreement_s < 0


@given(tier=tiers, draw=draws, jump_s=st.floats(DAY_S, 30 * DAY_S))
def test_our_clock_going_forward_a_day_sends_nothing_early_of_what_we_saw_arrive(
    tier, draw, jump_s
):
    written_s = DAY_S
    arrival = Arrival(written_s, written_s)
    found = judge(reckoned(tier, draw, written_s), tier, arrival, written_s, jump_s)
    assert written_s + shortest_s(tier) <= found.at_s <= written_s + longest_s(tier)
    assert found.disagreement_s < 0


@given(
    gaps=st.lists(
        st.tuples(st.integers(0, 5), st.floats(0.01, 5), st.floats(0, 1)), min_size=1, max_size=80
    ),
    spacing_s=st.floats(0.01, 20),
    span_s=st.floats(1, 60),
)
def test_what_is_known_of_an_arrival_is_true_and_bounded_in_number(gaps, spacing_s, span_s):
    sightings = Sightings(spacing_s=spacing_s, span_s=span_s)
    now_s, end, came_s = 0.0, 0, []
    for count, gap_s, takes_s in gaps:
        now_s += gap_s
        end += count
        came_s += [now_s] * count
        sightings.saw(end, asked_at_s=now_s, answered_at_s=now_s + takes_s)
        now_s += takes_s
        assert len(sightings) <= span_s / spacing_s + 4
    for offset, at_s in enumerate(came_s):
        arrival = sightings.of(offset)
        assert arrival.after_s is None or arrival.after_s <= at_s
        assert arrival.before_s is None or arrival.before_s >= at_s


def test_an_end_that_was_told_late_and_is_lower_teaches_nothing():
    sightings = Sightings(spacing_s=1, span_s=10)
    sightings.saw(5, asked_at_s=1, answered_at_s=1)
    sightings.saw(3, asked_at_s=2, answered_at_s=2)
    sightings.saw(5, asked_at_s=3, answered_at_s=3)
    assert sightings.of(4) == Arrival(None, 1)
    assert sightings.of(5) == Arrival(3, None)
