"""What happens after an attempt: nothing more, or another one through a tier."""

import pytest

from pipeline.outcomes import RETRY_AFTER_MS_MAX, NotAnswered, NotSent, Outcome, outcome_of
from pipeline.retries import Again, Ended, deferral_tier, due_at_ms, is_retried, next_step
from schemas.codec import validate
from schemas.tiers import TIER_BY_NAME, TIERS
from schemas.webhook import Retry
from tests.support.builders import NOW_MS, a_job

MIDDLE = 0.5  # the draw that adds no jitter
SERVER_ERROR = Outcome("failed", "http_500", status=500)


def a_retry(**fields) -> Retry:
    return validate(Retry, fields)


def step(outcome=SERVER_ERROR, retry=None, *, draw=MIDDLE, **job):
    return next_step(a_job(**job), outcome, retry or Retry(), now_ms=NOW_MS, draw=draw)


def busy(seconds: int) -> Outcome:
    return Outcome("failed", "http_503", status=503, retry_after_ms=seconds * 1_000)


def test_each_attempt_waits_for_the_next_tier_of_the_schedule_and_the_last_one_ends():
    tiers = [step(attempt=attempt) for attempt in range(1, 10)]
    assert [each.tier.name for each in tiers] == list(Retry().schedule)
    assert step(attempt=10) == Ended("that was the last of 10 attempts")


def test_the_last_tier_repeats_when_more_attempts_are_wanted():
    retry = a_retry(schedule=["5s", "2m"], max_attempts=5)
    assert [step(retry=retry, attempt=n).tier.name for n in range(1, 5)] == ["5s", *["2m"] * 3]
    assert isinstance(step(retry=retry, attempt=5), Ended)


def test_a_rerun_has_the_whole_schedule_to_itself():
    tiers = [step(attempt=attempt, attempts_before=10) for attempt in range(11, 20)]
    assert [each.tier.name for each in tiers] == list(Retry().schedule)
    assert step(attempt=20, attempts_before=10) == Ended("that was the last of 10 attempts")


@pytest.mark.parametrize("retry", [{"schedule": []}, {"max_attempts": 1}])
def test_one_attempt_can_be_all(retry):
    assert step(retry=a_retry(**retry)) == Ended("that was the last of 1 attempts")


def test_a_schedule_that_became_shorter_ends_jobs_that_are_beyond_it():
    assert isinstance(step(retry=a_retry(schedule=["5s"]), attempt=7), Ended)


@pytest.mark.parametrize(
    "outcome",
    [
        Outcome("delivered", "delivered", status=200, is_final=True),
        Outcome("failed", "gone", status=410, is_final=True),
        outcome_of(NotSent("egress_private", ""), now_ms=0),
    ],
)
def test_what_is_final_ends_without_a_word_whatever_the_webhook_says(outcome):
    assert step(outcome, a_retry(retry_on=["410", "4xx"])) == Ended()


@pytest.mark.parametrize(("draw", "factor"), [(0.0, 0.9), (0.5, 1.0), (1.0, 1.1)])
@pytest.mark.parametrize("tier", TIERS)
def test_a_delay_is_the_tiers_within_a_tenth(tier, draw, factor):
    due = due_at_ms(tier, now_ms=NOW_MS, draw=draw)
    assert due - NOW_MS == pytest.approx(tier.delay_ms * factor, abs=1)


@pytest.mark.parametrize(
    ("seconds", "draw", "tier", "delay_s"),
    [
        (0, MIDDLE, "5s", 5),
        (3, 0.0, "5s", 4.5),
        (5, 0.0, "5s", 5),  # the tier may be a tenth early, what was asked may not
        (6, 0.0, "30s", 27),
        (29, 0.0, "30s", 29),
        (31, MIDDLE, "2m", 120),
        (24 * 3600, 0.0, "24h", 24 * 3600),
    ],
)
def test_retry_after_lengthens_a_delay_to_the_next_tier_and_never_shortens_it(
    seconds, draw, tier, delay_s
):
    again = step(busy(seconds), draw=draw)
    assert (again.tier.name, again.due_at_ms - NOW_MS) == (tier, delay_s * 1_000)


def test_a_longer_tier_of_the_schedule_stands_against_a_short_retry_after():
    assert step(busy(5), attempt=6).tier.name == "1h"


def test_a_retry_after_beyond_the_expiry_ends_the_delivery():
    ended = step(busy(RETRY_AFTER_MS_MAX // 1_000), expires_at_ms=NOW_MS + RETRY_AFTER_MS_MAX)
    assert ended == Ended("the delivery expires before another attempt")


def test_the_expiry_is_the_first_moment_that_is_too_late():
    assert isinstance(step(expires_at_ms=NOW_MS + 5_000), Ended)
    assert step(expires_at_ms=NOW_MS + 5_001) == Again(TIER_BY_NAME["5s"], NOW_MS + 5_000)


@pytest.mark.parametrize(
    ("retry_on", "status", "reason", "is_tried_again"),
    [
        ([], 404, "http_404", True),
        ([], None, "timeout", True),
        (["5xx"], 503, "http_503", True),
        (["5xx"], 429, "http_429", False),
        (["5xx"], None, "timeout", False),
        (["429"], 429, "http_429", True),
        (["429"], 428, "http_428", False),
        (["timeout", "404"], None, "timeout", True),
        (["timeout", "404"], 404, "http_404", True),
        (["timeout", "404"], None, "reset", False),
        (["3xx"], 301, "http_301", True),
        (["5xx"], 799, "http_799", False),
        (["tls"], None, "tls_expired", True),
        (["tls"], None, "tls", True),
        (["protocol"], None, "protocol_headers", True),
        (["timeout"], None, "tls_hostname", False),
    ],
)
def test_retry_on_chooses_by_status_class_or_kind(retry_on, status, reason, is_tried_again):
    outcome = Outcome("failed", reason, status=status)
    retry = a_retry(retry_on=retry_on)
    assert is_retried(outcome, retry) is is_tried_again
    wanted = Again if is_tried_again else Ended
    assert isinstance(step(outcome, retry), wanted)


def test_a_fault_of_ours_is_tried_again_though_no_webhook_can_ask_for_that():
    internal = outcome_of(NotAnswered("internal", "KeyError"), now_ms=NOW_MS)
    assert isinstance(step(internal, a_retry(retry_on=["429"])), Again)


def test_a_failure_that_is_left_out_says_so():
    assert "retry_on" in step(retry=a_retry(retry_on=["429"])).why


def test_a_job_put_off_again_and_again_waits_longer_each_time_but_never_more_than_an_hour():
    names = [deferral_tier(deferrals).name for deferrals in range(8)]
    assert names == ["5s", "30s", "2m", "10m", "30m", "1h", "1h", "1h"]
