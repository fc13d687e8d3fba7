"""A webhook that fails for long enough is announced in steps, and disabled at the last."""

import pytest

from pipeline.auto_disabling import Failing, advance, is_over
from schemas.notifier_state import Disabling
from tests.support.builders import NOW_MS, a_webhook

HOUR_MS = 3_600_000
WEBHOOK = a_webhook(auto_disable={"after_s": 36_000})


def failing(hours: float) -> Failing:
    return Failing(NOW_MS, NOW_MS + round(hours * HOUR_MS))


@pytest.mark.parametrize(
    ("hours", "step"), [(0, None), (4.99, None), (5, 50), (7.5, 70), (9, 90), (10, 100), (99, 100)]
)
def test_the_steps_are_reached_by_the_time_between_first_and_last_failure(hours, step):
    found = advance(WEBHOOK, failing(hours), None)

    assert (found and found.step) == step
    assert (found is not None and found.disables) == (step == 100)


def test_a_step_is_told_once():
    first = advance(WEBHOOK, failing(5), None)

    assert first.remembered == Disabling(since_ms=NOW_MS, step=50)
    assert advance(WEBHOOK, failing(6), first.remembered) is None
    assert advance(WEBHOOK, failing(7), first.remembered).step == 70


def test_another_failing_begins_anew():
    known = Disabling(since_ms=NOW_MS - 1, step=90)

    assert advance(WEBHOOK, failing(5), known).step == 50
    assert is_over(failing(5), known)
    assert is_over(None, known)
    assert not is_over(failing(5), Disabling(since_ms=NOW_MS, step=50))


@pytest.mark.parametrize(
    ("webhook", "found"),
    [
        (a_webhook(), failing(99)),
        (WEBHOOK, None),
        (a_webhook(auto_disable={"after_s": 3600}, enabled=False), failing(99)),
    ],
)
def test_nothing_is_said_of_a_webhook_that_is_not_to_be_disabled(webhook, found):
    assert advance(webhook, found, None) is None
