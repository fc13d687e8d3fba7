"""Which job goes next: fair, bounded, and never stuck."""

from collections import Counter

import pytest

from pipeline.breaker import WINDOW
from pipeline.dispatch import IN_FLIGHT_MAX, LANE_TURNS, SHARE_MAX, Dispatcher
from pipeline.endpoints import QUEUE_MAX, WAIT_MS_MAX, Terms
from pipeline.lanes import Queued
from pipeline.limits import CONCURRENCY_START
from tests.support.dispatching import fill, take_all


def grown(dispatcher, webhook, limit) -> None:
    """Bring a webhook's limit up by answers, leaving it idle but for one queued job."""
    fill(dispatcher, webhook, 1)
    while dispatcher.limit(webhook) < limit:
        fill(dispatcher, webhook, 1)
        assert dispatcher.take(0).webhook == webhook
        dispatcher.finished(webhook, "answered", 0)


def test_the_jobs_of_a_webhook_and_lane_start_in_the_order_they_came():
    dispatcher = Dispatcher()
    fill(dispatcher, "a", 3)
    assert [it.job for it in take_all(dispatcher)] == ["a-new-0", "a-new-1", "a-new-2"]


def test_webhooks_take_turns_however_much_one_of_them_has():
    dispatcher = Dispatcher()
    fill(dispatcher, "a", 100)
    fill(dispatcher, "b", 2)
    fill(dispatcher, "c", 1)
    assert [it.webhook for it in take_all(dispatcher)][:6] == ["a", "b", "c", "a", "b", "a"]


def test_a_webhook_starts_no_more_than_its_limit_and_goes_on_when_one_ends():
    dispatcher = Dispatcher()
    fill(dispatcher, "a", 10)
    assert len(take_all(dispatcher)) == CONCURRENCY_START
    dispatcher.finished("a", "none", 0)
    assert len(take_all(dispatcher)) == 1


def test_lanes_have_their_shares_of_twelve_turns():
    dispatcher = Dispatcher()
    for number in range(10):
        for lane in ("new", "retry", "replay"):
            fill(dispatcher, f"{lane}{number}", 4, lane=lane)
    shares = Counter(dispatcher.take(0).lane for _ in range(24))
    assert shares == {"new": 16, "retry": 6, "replay": 2}
    assert Counter(LANE_TURNS) == {"new": 8, "retry": 3, "replay": 1}


def test_the_turn_of_an_empty_lane_passes_on():
    dispatcher = Dispatcher()
    for number in range(5):
        fill(dispatcher, f"w{number}", 4, lane="replay")
    assert len(take_all(dispatcher)) == 20


def test_a_full_lane_of_new_jobs_does_not_starve_the_same_webhooks_retries():
    dispatcher = Dispatcher()
    fill(dispatcher, "a", 100)
    fill(dispatcher, "a", 10, lane="retry")
    lanes = []
    for _ in range(24):
        lanes.append(dispatcher.take(0).lane)
        dispatcher.finished("a", "none", 0)
    assert lanes.count("retry") == 6


def test_no_more_than_the_cap_is_in_flight():
    dispatcher = Dispatcher()
    for number in range(IN_FLIGHT_MAX):
        fill(dispatcher, f"w{number}", 2)
    assert len(take_all(dispatcher)) == IN_FLIGHT_MAX == dispatcher.in_flight
    dispatcher.finished("w0", "answered", 0)
    assert len(take_all(dispatcher)) == 1


def test_a_webhook_gets_more_than_its_share_only_when_nobody_else_could_start():
    dispatcher = Dispatcher()
    grown(dispatcher, "big", 64)
    fill(dispatcher, "big", 100)
    fill(dispatcher, "small", 10)
    taken = [dispatcher.take(0).webhook for _ in range(SHARE_MAX + CONCURRENCY_START)]
    assert Counter(taken) == {"big": SHARE_MAX, "small": CONCURRENCY_START}
    assert [it.webhook for it in take_all(dispatcher)] == ["big"] * (64 - SHARE_MAX)


def test_beyond_half_of_the_cap_nobody_gets_more_than_their_share():
    dispatcher = Dispatcher()
    grown(dispatcher, "big", 64)
    for number in range(IN_FLIGHT_MAX // 2 // CONCURRENCY_START):
        fill(dispatcher, f"w{number}", CONCURRENCY_START)
    fill(dispatcher, "big", 100)
    counts = Counter(it.webhook for it in take_all(dispatcher))
    assert counts["big"] == SHARE_MAX
    assert dispatcher.in_flight == IN_FLIGHT_MAX // 2 + SHARE_MAX


def test_overload_leaves_what_is_in_flight_and_starts_nothing_before_it_fits():
    dispatcher = Dispatcher()
    fill(dispatcher, "a", 10)
    take_all(dispatcher)
    dispatcher.finished("a", "overloaded", 0)
    assert (dispatcher.limit("a"), dispatcher.take(0)) == (2, None)
    dispatcher.finished("a", "none", 0)
    assert dispatcher.take(0) is None
    dispatcher.finished("a", "none", 0)
    assert dispatcher.take(0).webhook == "a"


def test_a_suspected_endpoint_is_remembered_while_idle_and_forgotten_when_it_is_well():
    dispatcher = Dispatcher()
    fill(dispatcher, "a", 1)
    dispatcher.take(0)
    dispatcher.finished("a", "overloaded", 0)
    assert dispatcher.limit("a") == 2
    for _ in range(WINDOW):
        assert dispatcher.endpoints == 1
        fill(dispatcher, "a", 1)
        dispatcher.take(0)
        dispatcher.finished("a", "answered", 0)
    assert dispatcher.limit("a") == CONCURRENCY_START
    assert dispatcher.endpoints == 0


@pytest.mark.parametrize("ceiling", [1, 2, 3])
def test_an_endpoint_with_a_low_ceiling_is_forgotten_too(ceiling):
    """Its limit never comes up to where others start: it was once kept for ever."""
    dispatcher = Dispatcher()
    fill(dispatcher, "a", 20, ceiling=ceiling)
    while dispatcher.take(0) is not None:
        dispatcher.finished("a", "answered", 0)
    assert dispatcher.endpoints == 0


def test_a_lower_ceiling_holds_at_once_in_every_lane():
    dispatcher = Dispatcher()
    fill(dispatcher, "a", 10)
    assert [dispatcher.take(0).lane for _ in range(2)] == ["new", "new"]
    fill(dispatcher, "a", 1, lane="retry", ceiling=2)
    assert dispatcher.take(0) is None


def test_a_higher_ceiling_holds_at_once_in_every_lane():
    dispatcher = Dispatcher()
    fill(dispatcher, "a", 3, ceiling=1)
    dispatcher.take(0)
    fill(dispatcher, "a", 1, lane="replay", ceiling=64)
    assert sorted(it.lane for it in take_all(dispatcher)) == ["new", "new", "replay"]


def test_a_ceiling_that_comes_with_a_job_for_a_full_queue_holds_as_well():
    dispatcher = Dispatcher()
    fill(dispatcher, "a", QUEUE_MAX)
    dispatcher.take(0)
    fill(dispatcher, "a", 1)
    assert dispatcher.add(Queued("a", "retry", 0, "one too many"), Terms(1)) is not None
    assert dispatcher.take(0) is None
    assert dispatcher.add(Queued("a", "retry", 0, "one too many"), Terms(3)) is not None
    assert len(take_all(dispatcher)) == 2


def test_one_job_too_many_for_a_webhook_is_refused_and_changes_nothing():
    dispatcher = Dispatcher()
    fill(dispatcher, "a", QUEUE_MAX - 1)
    fill(dispatcher, "a", 1, lane="retry")
    assert dispatcher.add(Queued("a", "replay", 0, "x"), Terms(64)) is not None
    assert [dispatcher.queued(lane) for lane in ("new", "retry", "replay")] == [QUEUE_MAX - 1, 1, 0]
    fill(dispatcher, "b", 1)


def test_what_waited_too_long_for_its_endpoint_is_taken_out_of_every_lane():
    dispatcher = Dispatcher()
    for webhook in "ab":
        fill(dispatcher, webhook, 1, ceiling=1, since_ms=0)
        assert dispatcher.take(0).webhook == webhook
    fill(dispatcher, "a", 1, ceiling=1, since_ms=0)
    fill(dispatcher, "a", 1, ceiling=1, lane="retry", since_ms=1)
    fill(dispatcher, "a", 1, ceiling=1, lane="replay", since_ms=2)
    fill(dispatcher, "b", 1, ceiling=1, lane="replay", since_ms=1)
    assert dispatcher.overdue(WAIT_MS_MAX - 1) == []
    late = sorted(it.queued.job for it in dispatcher.overdue(WAIT_MS_MAX + 1))
    assert late == ["a-new-0", "a-retry-0", "b-replay-0"]
    dispatcher.finished("a", "none", WAIT_MS_MAX + 1)
    assert [it.job for it in take_all(dispatcher)] == ["a-replay-0"]


def test_what_waits_for_us_and_not_for_its_endpoint_is_not_put_off():
    """A sender with too much to do would only do more: each job comes again through a tier."""
    dispatcher = Dispatcher()
    fill(dispatcher, "a", CONCURRENCY_START, since_ms=0)
    assert dispatcher.overdue(10 * WAIT_MS_MAX) == []
    assert len(take_all(dispatcher)) == CONCURRENCY_START


def test_jobs_of_a_lost_partition_are_taken_out_and_the_others_keep_their_order():
    dispatcher = Dispatcher()
    fill(dispatcher, "a", 6)
    fill(dispatcher, "b", 2, lane="retry")
    started = dispatcher.take(0)
    dropped = dispatcher.drop(lambda job: job[-1] in "024")
    assert {it.job for it in dropped} == {"a-new-2", "a-new-4", "b-retry-0"}
    assert [dispatcher.queued(lane) for lane in ("new", "retry")] == [3, 1]
    assert started.job == "a-new-0"
    order = [it.job for it in take_all(dispatcher)]
    assert [job for job in order if job[0] == "a"] == ["a-new-1", "a-new-3", "a-new-5"]


def test_dropping_everything_leaves_nothing_behind():
    dispatcher = Dispatcher()
    for lane in ("new", "retry", "replay"):
        fill(dispatcher, "a", 3, lane=lane)
    assert len(dispatcher.drop(lambda _: True)) == 9
    assert dispatcher.take(0) is None
    assert dispatcher.endpoints == 0


def test_a_webhook_that_hangs_costs_the_others_nothing():
    dispatcher = Dispatcher()
    fill(dispatcher, "hung", QUEUE_MAX)
    take_all(dispatcher)
    fill(dispatcher, "fine", 100)
    for _ in range(100):
        assert dispatcher.take(0).webhook == "fine"
        dispatcher.finished("fine", "answered", 0)
