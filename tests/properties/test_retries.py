"""Schedules stay within their bounds, whatever the draw and whatever the endpoint asks for."""

from hypothesis import given
from hypothesis import strategies as st

from pipeline.outcomes import RETRY_AFTER_MS_MAX, Outcome, retry_after_ms
from pipeline.retries import JITTER_MAX, JITTER_MIN, Again, due_at_ms, next_step
from schemas.tiers import TIERS
from schemas.webhook import ATTEMPTS_MAX, Retry
from tests.support.builders import NOW_MS, a_job

draws = st.floats(min_value=0, max_value=1, exclude_max=True)
tiers = st.sampled_from(TIERS)
retries = st.builds(
    Retry,
    schedule=st.lists(st.sampled_from([tier.name for tier in TIERS]), max_size=12).map(tuple),
    max_attempts=st.none() | st.integers(min_value=1, max_value=ATTEMPTS_MAX),
)
asked = st.none() | st.integers(min_value=0, max_value=RETRY_AFTER_MS_MAX)


def within_jitter(delay_ms: int, tier_ms: int) -> bool:
    return tier_ms * JITTER_MIN - 1 <= delay_ms <= tier_ms * JITTER_MAX + 1


@given(tier=tiers, draw=draws)
def test_a_due_time_is_within_a_tenth_of_its_tier(tier, draw):
    assert within_jitter(due_at_ms(tier, now_ms=NOW_MS, draw=draw) - NOW_MS, tier.delay_ms)


@given(retry=retries, attempt=st.integers(1, ATTEMPTS_MAX), asked_ms=asked, draw=draws)
def test_a_retry_is_due_no_sooner_than_asked_and_within_a_tenth_of_its_tier(
    retry, attempt, asked_ms, draw
):
    outcome = Outcome("failed", "http_503", status=503, retry_after_ms=asked_ms)
    job = a_job(attempt=attempt, expires_at_ms=NOW_MS + 40 * 3_600_000)
    step = next_step(job, outcome, retry, now_ms=NOW_MS, draw=draw)
    assert isinstance(step, Again) == (attempt < retry.attempts_max)
    if isinstance(step, Again):
        delay_ms = step.due_at_ms - NOW_MS
        assert delay_ms >= (asked_ms or 0)
        assert within_jitter(delay_ms, step.tier.delay_ms)


@given(retry=retries, draw=draws)
def test_every_delivery_ends_after_as_many_attempts_as_its_webhook_allows(retry, draw):
    outcome, attempts = Outcome("failed", "reset"), 1
    while isinstance(
        next_step(a_job(attempt=attempts), outcome, retry, now_ms=NOW_MS, draw=draw), Again
    ):
        attempts += 1
    assert attempts == retry.attempts_max


@given(
    header=st.none()
    | st.text(max_size=40)
    | st.text("0123456789 :,+-GMTaJnueyFri", max_size=40)
    | st.integers().map(str)
    | st.datetimes().map(lambda date: f"{date:%a, %d %b %Y %H:%M:%S} GMT"),
    now_ms=st.integers(min_value=0, max_value=2**43),
)
def test_any_retry_after_is_nothing_or_a_delay_of_at_most_a_day(header, now_ms):
    delay_ms = retry_after_ms(header, now_ms)
    assert delay_ms is None or 0 <= delay_ms <= RETRY_AFTER_MS_MAX
