"""A breaker over any sequence of results and times, against what the rules say in words."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.breaker import (
    BACK_OFF_MS_MAX,
    BACK_OFF_MS_MIN,
    CLOSED,
    IN_A_ROW_MAX,
    IN_WINDOW_MAX,
    TRANSITIONS,
    WINDOW,
    after,
)

results = st.sampled_from(["well", "unwell", "unwell", "none"])
steps = st.lists(st.tuples(results, st.integers(0, 400_000)), max_size=120)


def lived(steps):
    """Every breaker on the way, with the time, when each step is made as the dispatcher makes it.

    While it is open a request is made only when its wait is over, and that is its probe.
    """
    breaker, now_ms = CLOSED, 0
    yield breaker, now_ms
    for result, passed_ms in steps:
        now_ms += passed_ms
        if breaker.state == "open" and not breaker.wait_ms(now_ms):
            breaker = after(breaker, "probe", now_ms)
            yield breaker, now_ms
        breaker = after(breaker, result, now_ms)
        yield breaker, now_ms


@given(results=st.lists(st.sampled_from(["well", "unwell"]), max_size=80))
def test_it_opens_at_eight_failures_in_a_row_or_half_of_the_last_twenty_and_not_before(results):
    breaker, seen = CLOSED, []
    for result in results:
        breaker = after(breaker, result, 0)
        seen.append(result)
        in_a_row = seen[-IN_A_ROW_MAX:] == ["unwell"] * IN_A_ROW_MAX
        too_many = seen[-WINDOW:].count("unwell") >= IN_WINDOW_MAX
        assert (breaker.state == "open") == (in_a_row or too_many)
        if breaker.state == "open":
            return


@given(steps)
def test_every_open_breaker_comes_to_a_probe_when_its_back_off_is_over(steps):
    for breaker, now_ms in lived(steps):
        if breaker.state == "open":
            later_ms = now_ms + breaker.wait_ms(now_ms)
            assert breaker.wait_ms(later_ms) == 0
            assert after(breaker, "probe", later_ms).state == "half_open"


@given(steps)
def test_a_back_off_is_five_seconds_doubled_at_each_failed_probe_up_to_five_minutes(steps):
    before = CLOSED
    for breaker, now_ms in lived(steps):
        assert breaker.wait_ms(now_ms) <= BACK_OFF_MS_MAX
        if breaker.state == "open" and before.state == "closed":
            assert breaker.wait_ms(now_ms) == BACK_OFF_MS_MIN
        if breaker.state == "open" and before.state == "half_open" and breaker.wait_ms(now_ms):
            assert breaker.wait_ms(now_ms) == min(2 * before.back_off_ms, BACK_OFF_MS_MAX)
        before = breaker


@given(steps)
def test_only_a_probes_success_closes_it_and_nothing_is_left_of_the_past_then(steps):
    before = CLOSED
    for breaker, _ in lived(steps):
        if breaker.state == "closed" and before.state != "closed":
            assert before.state == "half_open"
            assert breaker is CLOSED
        before = breaker


@given(steps, st.sampled_from(["well", "unwell", "none"]))
def test_what_was_under_way_when_it_opened_changes_nothing(steps, result):
    for breaker, now_ms in lived(steps):
        if breaker.state == "open":
            assert after(breaker, result, now_ms) is breaker


@given(steps, st.integers(1, 10**12))
def test_a_clock_that_is_set_back_keeps_it_open_no_longer_than_its_back_off(steps, back_ms):
    for breaker, now_ms in lived(steps):
        assert breaker.wait_ms(now_ms - back_ms) <= breaker.back_off_ms


def test_a_probe_that_was_not_made_after_all_leaves_it_open_for_the_next():
    breaker = CLOSED
    for _ in range(IN_A_ROW_MAX):
        breaker = after(breaker, "unwell", 0)
    probing = after(breaker, "probe", BACK_OFF_MS_MIN)
    again = after(probing, "none", BACK_OFF_MS_MIN)
    assert (again.state, again.wait_ms(BACK_OFF_MS_MIN)) == ("open", 0)


def test_the_table_names_every_event_that_can_happen_in_a_state():
    reached = set(TRANSITIONS.values())
    assert reached == {"closed", "open", "half_open"} == {state for state, _ in TRANSITIONS}
    with pytest.raises(KeyError):
        after(CLOSED, "probe", 0)


@given(st.lists(st.sampled_from(["well", "none"]), max_size=30))
def test_a_well_endpoint_has_nothing_to_remember(results):
    breaker = CLOSED
    for result in results:
        breaker = after(breaker, result, 0)
    assert breaker is CLOSED
