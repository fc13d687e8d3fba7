"""A webhook at a limit of its own: its breaker, its rate; and what a decision costs."""

import sys

from pipeline import dispatch
from pipeline.breaker import BACK_OFF_MS_MIN, IN_A_ROW_MAX
from pipeline.dispatch import LANE_TURNS, Dispatcher
from pipeline.endpoints import QUEUE_MAX, WAIT_MS_MAX, Terms
from pipeline.lanes import Queued
from tests.support.dispatching import fill, take_all


def opened(dispatcher, webhook, now_ms=0) -> list:
    """Have a webhook's breaker open; what was sent away by that."""
    for _ in range(IN_A_ROW_MAX):
        fill(dispatcher, webhook, 1, since_ms=now_ms)
        while (queued := dispatcher.take(now_ms)) is not None and queued.webhook != webhook:
            pass
        spilled = dispatcher.finished(webhook, "unwell", now_ms)
    return spilled


def test_a_breaker_that_opens_sends_away_what_waits_and_takes_in_nothing():
    dispatcher = Dispatcher()
    fill(dispatcher, "a", 20, ceiling=1)
    fill(dispatcher, "a", 2, lane="retry", ceiling=1)
    fill(dispatcher, "b", 1)
    while not (spilled := dispatcher.finished(dispatcher.take(0).webhook, "unwell", 0)):
        pass
    assert len(spilled) == 22 - IN_A_ROW_MAX
    why = spilled[0].why
    assert (why.reason, why.wait_ms) == ("breaker_open", BACK_OFF_MS_MIN)
    assert why.detail == "its breaker is open until 00:00:05 UTC after 8 failures in a row"
    assert dispatcher.open_breakers == 1
    late = Queued("a", "new", BACK_OFF_MS_MIN - 2_000, "late")
    assert dispatcher.add(late, Terms(64)).wait_ms == 2_000
    assert dispatcher.take(0) is None


def test_after_its_back_off_one_request_is_a_probe_and_the_others_wait_for_it():
    dispatcher = Dispatcher()
    opened(dispatcher, "a")
    fill(dispatcher, "a", 3, since_ms=BACK_OFF_MS_MIN)
    assert len([dispatcher.take(BACK_OFF_MS_MIN)]) == 1
    assert dispatcher.take(BACK_OFF_MS_MIN) is None
    assert (dispatcher.held("breaker"), dispatcher.breaker("a")) == (2, "half_open")
    spilled = dispatcher.finished("a", "unwell", BACK_OFF_MS_MIN)
    assert [it.why.wait_ms for it in spilled] == [2 * BACK_OFF_MS_MIN] * 2


def test_after_a_breaker_has_closed_the_endpoint_is_let_in_one_by_one():
    """However many jobs are parked for it: they must not flood what has just come back."""
    dispatcher = Dispatcher()
    opened(dispatcher, "a")
    fill(dispatcher, "a", QUEUE_MAX, since_ms=BACK_OFF_MS_MIN)
    widths = []
    in_flight = 1
    dispatcher.take(BACK_OFF_MS_MIN)
    for _ in range(4):
        for _ in range(in_flight):
            dispatcher.finished("a", "answered", BACK_OFF_MS_MIN)
        in_flight = 0
        while dispatcher.take(BACK_OFF_MS_MIN) is not None:
            in_flight += 1
        widths.append(in_flight)
    assert widths == [2, 3, 4, 5]
    assert dispatcher.open_breakers == 0


def test_what_was_under_way_when_it_opened_must_have_ended_before_the_probe():
    dispatcher = Dispatcher()
    fill(dispatcher, "a", 1)
    dispatcher.take(0)
    opened(dispatcher, "a")
    fill(dispatcher, "a", 1, since_ms=BACK_OFF_MS_MIN)
    assert dispatcher.take(BACK_OFF_MS_MIN) is None
    dispatcher.finished("a", "answered", BACK_OFF_MS_MIN)
    assert (dispatcher.breaker("a"), dispatcher.take(BACK_OFF_MS_MIN).job) == ("open", "a-new-0")


def test_a_rate_lets_one_request_through_per_token_and_says_when_the_next_comes():
    dispatcher = Dispatcher()
    fill(dispatcher, "a", 3, per_second=2)
    fill(dispatcher, "b", 1)
    assert [it.webhook for it in (dispatcher.take(0), dispatcher.take(0))] == ["a", "b"]
    assert (dispatcher.take(499), dispatcher.wakes_at_ms) == (None, 500)
    assert dispatcher.held("rate") == 2
    assert dispatcher.take(500).job == "a-new-1"
    assert dispatcher.take(999) is None


def test_a_burst_is_a_twentieth_of_a_second():
    dispatcher = Dispatcher()
    fill(dispatcher, "a", 50, per_second=60)
    assert len(take_all(dispatcher)) == 3


def test_a_job_whose_token_would_come_too_late_may_not_wait_for_it():
    dispatcher = Dispatcher()
    fill(dispatcher, "a", 11, per_second=1)
    why = dispatcher.add(Queued("a", "new", 0, "x"), Terms(64, 1))
    assert (why.reason, why.wait_ms) == ("rate_limited", 11_000)
    assert why.detail == "its rate limit of 1 a second had no turn for it within 10 s"


def test_what_waits_too_long_for_a_token_is_put_off_for_that_reason():
    """It had a turn within the time when it came, and a first attempt took that."""
    dispatcher = Dispatcher()
    fill(dispatcher, "a", 1, per_second=0.15)
    dispatcher.take(0)
    fill(dispatcher, "a", 1, lane="replay", per_second=0.15)
    fill(dispatcher, "a", 1, since_ms=6_000, per_second=0.15)
    assert dispatcher.take(7_000).lane == "new"
    (spilled,) = dispatcher.overdue(WAIT_MS_MAX)
    assert (spilled.queued.lane, spilled.why.reason) == ("replay", "rate_limited")
    assert dispatcher.held("rate") == 0


def test_a_new_rate_holds_at_once_and_so_does_none():
    dispatcher = Dispatcher()
    fill(dispatcher, "a", 2, per_second=1)
    dispatcher.take(0)
    assert dispatcher.take(0) is None
    fill(dispatcher, "a", 1)
    assert len(take_all(dispatcher)) == 2


def test_a_limited_endpoint_is_remembered_until_its_burst_is_full_again():
    """Else it would have a token for each job that finds it idle."""
    dispatcher = Dispatcher()
    fill(dispatcher, "a", 1, per_second=40)
    dispatcher.take(0)
    dispatcher.finished("a", "answered", 0)
    fill(dispatcher, "a", 1, per_second=40)
    dispatcher.take(0)
    dispatcher.finished("a", "answered", 0)
    fill(dispatcher, "a", 1, per_second=40)
    assert dispatcher.take(24) is None
    assert dispatcher.take(25).webhook == "a"
    dispatcher.finished("a", "answered", 25)
    assert (dispatcher.take(74), dispatcher.endpoints) == (None, 1)
    dispatcher.take(76)  # a millisecond is for rounding
    assert (dispatcher.endpoints, dispatcher.wakes_at_ms) == (0, None)


def test_a_clock_that_is_set_back_stops_no_limited_webhook():
    dispatcher = Dispatcher()
    now_ms = 3_600_000
    fill(dispatcher, "a", 2, per_second=1, since_ms=now_ms)
    dispatcher.take(now_ms)
    assert dispatcher.take(now_ms) is None
    assert dispatcher.take(0).webhook == "a"


def test_only_so_many_idle_endpoints_are_remembered_the_latest_ones(monkeypatch):
    monkeypatch.setattr(dispatch, "REMEMBERED_MAX", 3)
    dispatcher = Dispatcher()
    for number in range(5):
        opened(dispatcher, f"w{number}")
    assert (dispatcher.endpoints, dispatcher.open_breakers) == (3, 3)
    assert [dispatcher.breaker(f"w{number}") for number in (1, 2)] == ["closed", "open"]


def test_a_timer_of_an_endpoint_that_was_forgotten_wakes_nobody(monkeypatch):
    monkeypatch.setattr(dispatch, "REMEMBERED_MAX", 0)
    dispatcher = Dispatcher()
    fill(dispatcher, "a", 1, per_second=1)
    dispatcher.take(0)
    dispatcher.finished("a", "answered", 0)
    assert dispatcher.endpoints == 0
    assert dispatcher.take(5_000) is None
    assert dispatcher.wakes_at_ms is None
    fill(dispatcher, "a", 1, per_second=1, since_ms=5_000)
    assert dispatcher.take(5_000).webhook == "a"


def operations(work) -> int:
    """How many calls `work` makes, of Python and of C: a measure that no busy machine changes."""
    count = 0

    def on_event(_frame, event, _argument):
        nonlocal count
        count += event in {"call", "c_call"}

    previous = sys.getprofile()
    sys.setprofile(on_event)
    try:
        work()
    finally:
        sys.setprofile(previous)
    return count


def busy(known, with_work, per_second=None) -> Dispatcher:
    """So many webhooks known by their faults, and so many with jobs that wait."""
    dispatcher = Dispatcher()
    for number in range(known):
        fill(dispatcher, f"k{number}", 1)
        dispatcher.take(0)
        dispatcher.finished(f"k{number}", "unwell", 0)
    for number in range(with_work):
        fill(dispatcher, f"w{number}", 2, per_second=per_second)
    return dispatcher


def decisions(dispatcher, count=200):
    for _ in range(count):
        webhook = dispatcher.take(0).webhook
        dispatcher.finished(webhook, "answered", 0)
        fill(dispatcher, webhook, 1)


def test_a_decision_costs_the_same_with_a_hundred_thousand_webhooks_as_with_a_hundred(monkeypatch):
    monkeypatch.setattr(dispatch, "REMEMBERED_MAX", 100_000)
    few, many = busy(100, 100), busy(100_000, 10_000)
    assert many.endpoints == 110_000
    a_round = len(LANE_TURNS)  # they need not be at the same place in the turns of the lanes
    assert operations(lambda: decisions(many)) <= operations(lambda: decisions(few)) + a_round


def test_webhooks_that_wait_for_a_token_cost_the_others_nothing():
    few, many = Dispatcher(), Dispatcher()
    for number in range(2_000):
        fill(many, f"limited{number}", 2, per_second=1)
        many.finished(many.take(0).webhook, "answered", 0)
    assert (many.held("rate"), many.take(0)) == (2_000, None)
    for dispatcher in (few, many):
        for number in range(100):
            fill(dispatcher, f"w{number}", 2)
    a_round = len(LANE_TURNS)  # they need not be at the same place in the turns of the lanes
    assert operations(lambda: decisions(many)) <= operations(lambda: decisions(few)) + a_round


def test_retries_that_give_way_say_when_the_next_of_them_may_start():
    dispatcher = Dispatcher()
    for now_ms in range(3_000):
        dispatcher.yielding.first_began(4, now_ms)
    while dispatcher.yielding.per_s is None:
        now_ms += 1
        dispatcher.yielding.first_began(40, now_ms)
        dispatcher.yielding.other_began(now_ms)
    for number in range(100):
        fill(dispatcher, f"w{number}", 1, lane="retry", since_ms=now_ms)
    while dispatcher.take(now_ms) is not None:
        pass
    assert now_ms < dispatcher.wakes_at_ms < now_ms + 1_000
    assert dispatcher.take(dispatcher.wakes_at_ms).lane == "retry"
