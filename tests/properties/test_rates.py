"""A token bucket lets through, in any span, its capacity and what that span refills: no more."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.rates import TokenBucket

capacities = st.integers(1, 50)
rates = st.sampled_from([0.5, 1, 7, 100, 1_000])
steps = st.lists(
    st.tuples(st.floats(0, 3, allow_nan=False), st.integers(1, 20)), min_size=1, max_size=60
)
ROUNDING = 1e-6


@given(capacity=capacities, per_s=rates, steps=steps)
def test_what_is_taken_in_any_span_is_bounded(capacity, per_s, steps):
    bucket, now_s, taken = TokenBucket(capacity, per_s, now_s=0), 0.0, []
    for gap_s, count in steps:
        now_s += gap_s
        if bucket.try_take(now_s, count):
            taken.append((now_s, count))
    for first, (begin_s, _) in enumerate(taken):
        sum_taken = 0
        for end_s, count in taken[first:]:
            sum_taken += count
            assert sum_taken <= capacity + per_s * (end_s - begin_s) + ROUNDING


@given(capacity=capacities, per_s=rates, steps=steps, count=st.integers(1, 50))
def test_tokens_are_there_when_it_says_and_not_before(capacity, per_s, steps, count):
    bucket, now_s = TokenBucket(capacity, per_s, now_s=0), 0.0
    for gap_s, some in steps:
        now_s += gap_s
        bucket.try_take(now_s, some)
    if count > capacity:
        with pytest.raises(ValueError, match="never"):
            bucket.ready_at_s(now_s, count)
        return
    ready_at_s = bucket.ready_at_s(now_s, count)
    assert ready_at_s >= now_s
    if ready_at_s > now_s + ROUNDING:
        assert not bucket.try_take(ready_at_s - ROUNDING / 2 - ROUNDING / per_s, count)
    assert bucket.try_take(ready_at_s + ROUNDING, count)


def test_a_clock_that_runs_backwards_refills_nothing_and_takes_nothing_away():
    bucket = TokenBucket(10, 1, now_s=100)
    assert bucket.try_take(100, 4)
    assert bucket.available(50) == 6
    assert bucket.available(101) == 7


def test_a_bucket_never_holds_more_than_its_capacity():
    bucket = TokenBucket(3, 1_000, now_s=0)
    assert bucket.available(3_600) == 3
    assert not bucket.try_take(3_600, 4)
    assert bucket.available(3_600) == 3


@pytest.mark.parametrize(("capacity", "per_s"), [(0, 1), (1, 0), (-1, 1), (1, -1)])
def test_a_bucket_that_lets_nothing_through_is_refused(capacity, per_s):
    with pytest.raises(ValueError, match="nothing through"):
        TokenBucket(capacity, per_s, now_s=0)
