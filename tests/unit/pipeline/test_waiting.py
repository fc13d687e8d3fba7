"""Jobs put off because their endpoint is not to be asked, and those that never get their turn."""

import pytest

from pipeline.outcomes import Exchange, NotAnswered, NotSent
from schemas.attempt import Timings
from tests.support.builders import NOW_MS
from tests.support.deciding import REQUEST, Sender, reasons


def test_an_open_breaker_puts_off_what_waits_and_what_is_read_without_asking():
    sender = Sender(concurrency_max=1)
    for number in range(10):
        sender.read(number, activity=number)
    for _ in range(8):
        (started,) = sender.start().values()
        own, *sent_away = sender.answer(started, NotAnswered("reset", "reset"))
    assert own.open_job is started
    assert reasons(sent_away) == ["breaker_open"] * 2
    (put_off,) = sender.read(10)
    attempt, parked = put_off.settlement.attempt, put_off.settlement.parked
    assert (attempt.outcome, attempt.request, parked.tier.name) == ("deferred", None, "5s")
    assert attempt.detail == "its breaker is open until 23:48:10 UTC after 8 failures in a row"
    assert (parked.job.attempt, parked.job.deferrals, parked.job.deferred_for) == (
        *(1, 1),
        "breaker_open",
    )
    assert (sender.sending.waiting.open_breakers, sender.start()) == (1, {})


@pytest.mark.parametrize(
    "result", [404, NotSent("egress_private", "10.0.0.1"), NotAnswered("reset", "reset"), 500]
)
def test_what_counts_against_an_endpoint_is_that_it_fails_not_that_it_says_no(result):
    sender = Sender()
    for number in range(8):
        sender.read(number, activity=number)
        (started,) = sender.start().values()
        sender.answer(started, result)
    is_unwell = result == 500 or isinstance(result, NotAnswered)
    assert sender.sending.waiting.open_breakers == is_unwell


def test_a_fault_of_ours_does_not_count_against_the_endpoint():
    sender = Sender()
    for number in range(8):
        sender.read(number, activity=number)
        (started,) = sender.start().values()
        failed = NotAnswered("internal", "a bug")
        exchange = Exchange(REQUEST, failed, Timings(), "Traceback")
        sender.sending.ended(started, exchange, now_ms=NOW_MS)
    assert sender.sending.waiting.open_breakers == 0


def test_a_delivery_that_expires_while_it_is_put_off_says_that_it_never_got_its_turn_and_why():
    sender = Sender(expire_after_s=60)
    (end,) = sender.read(1, deferrals=3, deferred_for="breaker_open", expires_at_ms=NOW_MS)
    attempt = end.settlement.attempt
    assert (attempt.outcome, attempt.reason) == ("expired", "never_its_turn")
    assert attempt.detail == (
        "not delivered within 60 s of the event: "
        "it never got its turn, put off 3 times, the last time as breaker_open"
    )
    assert [it.stage for it in end.settlement.failures] == ["first", "final"]


def test_a_later_attempt_that_expires_so_is_told_by_its_number():
    (end,) = Sender().read(1, attempt=4, deferred_for="rate_limited", expires_at_ms=NOW_MS)
    assert "it never got its turn for attempt 4" in end.settlement.attempt.detail
