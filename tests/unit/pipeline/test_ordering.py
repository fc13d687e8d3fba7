"""Ordered webhooks: an activity's deliveries one after another, and nothing held up for ever."""

from dataclasses import replace

from pipeline import ordering
from pipeline.breaker import IN_A_ROW_MAX
from pipeline.commands import Close, Start
from pipeline.ordering import PATIENCE_MS
from pipeline.suppression import Noted
from tests.support.builders import NOW_MS, a_webhook
from tests.support.configs import forget
from tests.support.deciding import LATER, Sender, reasons


def test_an_ordered_webhook_starts_a_delivery_when_the_one_before_is_on_record():
    sender = Sender(ordered=True)
    for number in (1, 2):
        assert sender.read(number) == []
    sender.read(3, activity=2)
    started = sender.start()
    assert list(started) == [1, 3]
    assert (sender.sending.waiting.held("order"), sender.sending.waiting.queued("new")) == (1, 1)
    writes = sender.answer(started[1])
    assert sender.start() == {}
    sender.write(writes)
    assert list(sender.start()) == [2]


def test_behind_a_delivery_that_is_retried_soon_the_next_waits_and_then_is_put_off():
    sender = Sender(ordered=True)
    sender.read(1)
    sender.read(2)
    sender.deliver(sender.start()[1], 500)
    assert sender.start() == {}
    assert sender.sending.look(LATER - 1) == []
    (put_off,) = sender.sending.look(LATER)
    first = sender.open_job(1).job.delivery_id
    assert put_off.settlement.attempt.reason == "ordered_wait"
    assert put_off.settlement.attempt.detail == (
        f"{first}, earlier of the same activity, has not ended"
    )


def test_behind_a_delivery_that_is_retried_late_the_next_is_put_off_at_once_to_the_same_time():
    sender = Sender(ordered=True, retry={"schedule": ["10m"]})
    sender.read(1)
    sender.deliver(sender.start()[1], 500)
    (put_off,) = sender.read(2)
    assert put_off.settlement.parked.tier.name == "10m"
    assert sender.write([put_off]) == []
    sender.read(3, attempt=2, delivery_id=sender.open_job(1).job.delivery_id)
    sender.deliver(sender.start()[3])
    sender.read(4, deferrals=1, delivery_id=sender.open_job(2).job.delivery_id)
    assert list(sender.start()) == [4]


def test_a_final_failure_lets_the_next_one_go_too():
    sender = Sender(ordered=True)
    sender.read(1)
    sender.read(2)
    sender.deliver(sender.start()[1], 410)
    assert list(sender.start()) == [2]


def test_what_was_released_may_find_its_endpoint_closed():
    sender = Sender(ordered=True, rate_limit={"per_second": 0.05})
    sender.read(1)
    sender.read(2)
    assert reasons(sender.deliver(sender.start()[1])) == ["rate_limited"]


def test_a_webhook_deleted_while_a_job_waits_for_its_activity_ends_that_in_its_turn():
    sender = Sender(ordered=True)
    sender.read(1)
    sender.read(2)
    (started,) = sender.start().values()
    forget(sender.configs, a_webhook())
    sender.deliver(started)
    assert reasons(sender.sending.start(NOW_MS)) == ["webhook_deleted"]


def a_note(sender, number, step, due_ms=0):
    job = sender.open_job(number).job
    line = (f"{job.account_id}:crm", job.event.activity_id)
    return Noted(job.delivery_id, 1, 0, step, line, job.first_queued_at_ms, due_ms)


def test_what_was_read_back_has_its_turn_before_what_came_later():
    sender = Sender(ordered=True)
    sender.sending.read_back(
        [a_note(sender, 2, "defer", NOW_MS), a_note(sender, 1, "retry", NOW_MS + 60_000)]
    )
    assert reasons(sender.read(2, deferrals=1)) == ["ordered_wait"]
    sender.sending.read_back([a_note(sender, 1, "late"), a_note(sender, 1, "end")])
    assert sender.read(3) == []
    assert sender.start() == {}


def test_nothing_is_kept_of_what_is_read_back_where_nothing_is_ordered():
    sender = Sender()
    sender.sending.read_back([a_note(sender, 1, "retry", NOW_MS + 60_000), Noted("x", 1, 0, "end")])
    sender.read(2)
    assert list(sender.start()) == [2]


def test_a_delivery_that_does_not_come_back_holds_up_its_activity_for_an_hour_and_no_longer():
    sender = Sender(ordered=True)
    sender.sending.read_back([a_note(sender, 1, "retry", NOW_MS)])
    sender.read(2)
    assert sender.start() == {}
    assert reasons(sender.sending.look(NOW_MS + PATIENCE_MS)) == ["ordered_wait"]
    sender.read(3, now_ms=NOW_MS + PATIENCE_MS + 1, deferrals=1)
    sender.sending.look(NOW_MS + PATIENCE_MS + 1)
    assert list(sender.start(NOW_MS + PATIENCE_MS + 1)) == []


def test_a_waiting_job_starts_when_the_patience_with_the_one_before_is_over():
    sender = Sender(ordered=True)
    sender.sending.read_back([a_note(sender, 1, "retry", NOW_MS - PATIENCE_MS)])
    sender.read(2)
    assert sender.start() == {}
    assert sender.sending.look(NOW_MS + 1) == []
    assert list(sender.start(NOW_MS + 1)) == [2]


def test_one_that_comes_back_before_those_under_way_waits_for_them():
    sender = Sender(ordered=True)
    sender.read(2)
    (second,) = sender.start().values()
    assert sender.read(1, attempt=2) == []
    assert sender.start() == {}
    assert reasons(sender.sending.look(LATER)) == ["ordered_wait"]
    sender.deliver(second)
    assert sender.start() == {}


def test_jobs_of_a_lost_partition_wait_no_more_and_their_activities_are_free():
    sender = Sender(ordered=True)
    sender.read(1)
    sender.read(2)
    sender.read(3, epoch=2)
    sender.start()
    sender.sending.releasing(frozenset({1}))
    assert sender.sending.waiting.held("order") == 1
    sender.sending.revoked(frozenset({1}))
    sender.sending.look(NOW_MS)
    assert list(sender.start()) == [3]


def test_activities_of_other_partitions_keep_their_turns_when_one_is_lost():
    sender = Sender(ordered=True)
    sender.read(1)
    sender.read(2, activity=2, epoch=2)
    sender.read(3, activity=2, epoch=2)
    assert list(sender.start()) == [1, 2]
    sender.sending.revoked(frozenset({1}))
    sender.sending.look(NOW_MS)
    assert sender.start() == {}
    assert sender.sending.waiting.held("order") == 1


def test_a_result_of_a_lost_partition_gives_nobody_a_turn():
    sender = Sender(ordered=True)
    sender.read(1)
    (started,) = sender.start().values()
    writes = sender.answer(started, 500)
    sender.sending.revoked(frozenset({1}))
    assert sender.write(writes) == []
    sender.read(2, epoch=2)
    assert list(sender.start()) == [2]


def test_what_becomes_of_a_copy_does_not_end_the_turn_of_the_job_under_way():
    sender = Sender(ordered=True)
    sender.read(1)
    sender.read(2)
    sender.start()
    copy = sender.read(5, attempt=2, delivery_id=sender.open_job(1).job.delivery_id)
    assert reasons(copy) == ["delivery_under_way"]
    sender.write(copy)
    assert sender.start() == {}


def test_a_job_found_on_record_in_its_turn_ends_its_turn():
    sender = Sender(ordered=True)
    sender.read(1)
    sender.read(2)
    sender.sending.read_back([replace(a_note(sender, 1, "end"), line=None)])
    commands = sender.sending.start(NOW_MS)
    assert [type(it) for it in commands] == [Close, Start]


def test_so_many_jobs_wait_for_their_activities_and_no_more(monkeypatch):
    monkeypatch.setattr(ordering, "WAITING_MAX", 2)
    sender = Sender(ordered=True)
    for number in range(3):
        assert sender.read(number) == []
    assert reasons(sender.read(4)) == ["ordered_wait"]


def test_the_lines_forgotten_first_are_those_in_which_nothing_happened(monkeypatch):
    monkeypatch.setattr(ordering, "TURNS_MAX", 2)
    sender = Sender(ordered=True)
    sender.read(1, activity=1)
    sender.deliver(sender.start()[1], 500)
    for number in (2, 3):
        sender.read(number, activity=number)
    assert len(sender.start()) == 2
    sender.read(4, activity=1)
    assert list(sender.start()) == [4]


def test_a_delivery_that_waited_in_order_meets_the_breaker_that_has_opened_meanwhile():
    sender = Sender(ordered=True, retry={"schedule": []})
    for number in range(IN_A_ROW_MAX):
        sender.read(number, activity=number + 1)
        last = sender.start()[number]
        if number < IN_A_ROW_MAX - 1:
            sender.deliver(last, 500)
    sender.read(10, activity=IN_A_ROW_MAX)
    assert sender.start() == {}
    (put_off,) = sender.deliver(last, 500, now_ms=NOW_MS + 500)

    assert put_off.settlement.attempt.reason == "breaker_open"
    assert sender.start(NOW_MS + 500) == {}
