"""What a sender decides: what waits for configuration, what was recorded late, what it counts."""

from __future__ import annotations

import pytest

from pipeline.assignments import Place
from pipeline.commands import Bury, Close, OpenJob, Start, Write
from pipeline.outcomes import Answered, Exchange
from pipeline.sending import CONFIG_WAIT_MS_MAX, FAULTS_MAX, Sending
from pipeline.suppression import Noted
from schemas.attempt import Response, SentRequest, Timings
from schemas.topics import JOBS
from tests.support.builders import NOW_MS, a_job, a_rerun, a_webhook, an_account
from tests.support.configs import configs_of, forget, keep

HERE = 1


class Sender:
    """Decisions, with the configuration at hand."""

    def __init__(self):
        self.configs = configs_of(an_account(), a_webhook())
        self.sending = Sending(self.configs, lambda: 0.5)

    def configure(self, record):
        keep(self.configs, record)

    def read(self, offset=7, *, epoch=HERE, **job):
        given = {"config_offset": 1, "expires_at_ms": NOW_MS + 3_600_000} | job
        read = OpenJob(Place(JOBS, 3, epoch, offset), a_job(**given), "")
        return self.sending.take_in(read, now_ms=NOW_MS)

    def start(self):
        return [it.open_job for it in self.sending.start(NOW_MS) if isinstance(it, Start)]

    def answer(self, started, status=200, fault=None):
        request = SentRequest(method="POST", url="", headers=(), body="", body_bytes=0)
        exchange = Exchange(request, Answered(Response(status=status)), Timings(), fault)
        return self.sending.ended(started, exchange, now_ms=NOW_MS)


@pytest.fixture
def sender():
    return Sender()


def test_a_job_of_a_newer_configuration_starts_when_that_is_here(sender):
    assert sender.read(config_offset=2) == []
    assert (sender.sending.look(NOW_MS), sender.start()) == ([], [])
    sender.configure(a_webhook(name="newer"))
    assert sender.sending.look(NOW_MS) == []
    assert [it.job.config_offset for it in sender.start()] == [2]


def test_a_configuration_that_does_not_come_puts_the_job_off(sender):
    sender.read(config_offset=2)
    assert sender.sending.look(NOW_MS + CONFIG_WAIT_MS_MAX - 1) == []
    (write,) = sender.sending.look(NOW_MS + CONFIG_WAIT_MS_MAX)
    assert (write.settlement.attempt.reason, write.settlement.attempt.detail) == (
        *("config_behind", "configuration 2 was not here within 10 s"),
    )


def test_a_job_that_waits_for_its_configuration_goes_with_its_partition(sender):
    sender.read(config_offset=2)
    sender.read(8, delivery_id="dl_2", config_offset=2, epoch=2)
    sender.sending.revoked(frozenset({HERE}))
    sender.configure(a_webhook(name="newer"))
    sender.sending.look(NOW_MS)
    assert [it.place.epoch for it in sender.start()] == [2]


def test_an_expired_job_does_not_wait_behind_an_earlier_one(sender):
    sender.read()
    (write,) = sender.read(8, attempt=2, expires_at_ms=NOW_MS)
    assert (write.settlement.attempt.outcome, write.settlement.parked) == ("expired", None)


def test_a_webhook_disabled_while_its_job_waits_gets_no_request(sender):
    sender.read()
    sender.configure(a_webhook(enabled=False))
    (write,) = sender.sending.start(NOW_MS)
    assert (write.settlement.attempt.reason, sender.sending.waiting.in_flight) == (
        "webhook_disabled",
        0,
    )
    assert sender.sending.unrecorded == 0


def test_a_job_that_was_delivered_late_is_closed_in_its_turn(sender):
    """The partition went and came back, and so did the answer to the request made before."""
    sender.read()
    (early,) = sender.start()
    sender.sending.revoked(frozenset({HERE}))
    assert sender.read(epoch=2) == []
    (write,) = sender.answer(early)
    sender.sending.written(early, write.settlement, 41, now_ms=NOW_MS)
    assert sender.sending.start(NOW_MS) == [Close(Place(JOBS, 3, 2, 7), None, "repeat")]
    assert sender.sending.waiting.in_flight == 0


def test_requests_are_in_flight_until_answered_and_unrecorded_until_written(sender):
    sender.read()
    sender.read(8, delivery_id="dl_2")
    assert (sender.sending.waiting.queued("new"), sender.sending.waiting.in_flight) == (2, 0)
    first, _ = sender.start()
    assert (sender.sending.waiting.queued("new"), sender.sending.waiting.in_flight) == (0, 2)
    (write,) = sender.answer(first)
    assert (sender.sending.waiting.in_flight, sender.sending.unrecorded) == (1, 2)
    assert sender.sending.written(first, write.settlement, 41, now_ms=NOW_MS) == [
        Close(first.place, 41)
    ]
    assert (sender.sending.unrecorded, sender.sending.forgotten_too_soon) == (1, 0)


def test_a_fault_while_its_partition_is_gone_is_left_to_the_new_owner(sender):
    sender.read()
    (started,) = sender.start()
    sender.sending.revoked(frozenset({HERE}))
    assert sender.sending.faulted(started, "Traceback", now_ms=NOW_MS) == []
    assert (sender.sending.waiting.in_flight, sender.sending.unrecorded) == (0, 0)


def test_a_fault_before_a_job_had_its_turn_frees_no_place(sender):
    sender.read()
    waiting = OpenJob(Place(JOBS, 3, HERE, 8), a_job(delivery_id="dl_2"), "")
    (write,) = sender.sending.faulted(waiting, "Traceback\nKeyError: 1\n", now_ms=NOW_MS)
    assert isinstance(write, Write)
    assert write.settlement.attempt.detail == "KeyError: 1"
    assert sender.sending.waiting.in_flight == 0


def test_the_last_fault_of_a_job_buries_it_with_its_traceback(sender):
    sender.read(faults=FAULTS_MAX - 1)
    (started,) = sender.start()
    (bury,) = sender.answer(started, 500, fault="Traceback\nKeyError: 1\n")
    assert isinstance(bury, Bury)
    assert (bury.fault, bury.settlement.attempt.next.step) == ("Traceback\nKeyError: 1\n", "end")


def test_a_webhook_deleted_under_way_leaves_its_failure_to_the_next_job(sender):
    sender.read()
    (started,) = sender.start()
    forget(sender.configs, a_webhook())
    (write,) = sender.answer(started, 500)
    assert write.settlement.attempt.next.step == "retry"


def test_what_is_on_record_is_dropped_in_its_turn_and_counted_as_a_repeat(sender):
    sender.sending.read_back([Noted(a_job().delivery_id, 1, 0, "end")])
    assert sender.read() == [Close(Place(JOBS, 3, HERE, 7), None, "repeat")]


def test_a_copy_that_was_put_off_does_not_let_go_of_the_one_under_way(sender):
    """Its record may come seconds later, when the other copy was admitted and its request made."""
    sender.read(6)
    (first,) = sender.start()
    (put_off,) = sender.read(7, attempt=2)
    assert put_off.settlement.attempt.reason == "delivery_under_way"
    (failed,) = sender.answer(first, 500)
    sender.sending.written(first, failed.settlement, 41, now_ms=NOW_MS)
    sender.read(8, attempt=2)
    (copy,) = sender.start()
    sender.sending.written(put_off.open_job, put_off.settlement, 42, now_ms=NOW_MS)
    (again,) = sender.read(9, attempt=2, deferrals=1)
    assert again.settlement.attempt.reason == "delivery_under_way"
    assert sender.start() == []
    (failed,) = sender.answer(copy, 500)
    sender.sending.written(copy, failed.settlement, 43, now_ms=NOW_MS)
    sender.read(10, attempt=3)
    assert [it.place.offset for it in sender.start()] == [10]


def test_a_job_closed_in_its_turn_does_not_hold_up_the_next_attempt(sender):
    """It did until that expired: nothing but its own record let go of it."""
    sender.read()
    sender.sending.read_back([Noted(a_job().delivery_id, 1, 0, "retry")])
    assert sender.sending.start(NOW_MS) == [Close(Place(JOBS, 3, HERE, 7), None, "repeat")]
    assert sender.read(8, attempt=2) == []
    assert [it.place.offset for it in sender.start()] == [8]


def test_a_job_of_a_run_that_was_begun_again_is_dropped_without_a_record(sender):
    sender.configure(a_rerun())
    assert sender.read(attempt=3) == [Close(Place(JOBS, 3, HERE, 7), None, "superseded")]
    assert sender.read(8, attempt=3, rerun=1) == []
    assert [(it.job.rerun, it.job.attempt) for it in sender.start()] == [(1, 3)]


def test_a_job_whose_delivery_is_begun_again_while_it_waits_is_dropped_in_its_turn(sender):
    sender.read()
    sender.configure(a_rerun())
    dropped = Close(Place(JOBS, 3, HERE, 7), None, "superseded")
    assert sender.sending.start(NOW_MS) == [dropped]
    assert sender.sending.waiting.in_flight == 0
    assert sender.read(8, rerun=1, attempt=1) == []


def test_a_rerun_of_what_is_in_flight_comes_after_it_and_instead_of_its_retry(sender):
    sender.read()
    (started,) = sender.start()
    (put_off,) = sender.read(8, attempt=2, rerun=1)
    assert put_off.settlement.attempt.reason == "delivery_under_way"
    (write,) = sender.answer(started, 500)
    sender.sending.written(started, write.settlement, 41, now_ms=NOW_MS)
    sender.sending.written(put_off.open_job, put_off.settlement, 42, now_ms=NOW_MS)
    retry = write.settlement.parked.job
    assert sender.read(9, attempt=2) == [Close(Place(JOBS, 3, HERE, 9), None, "repeat")]
    assert (retry.attempt, retry.rerun) == (2, 0)
    sender.read(10, attempt=2, deferrals=1, rerun=1)
    assert [(it.job.rerun, it.job.attempt) for it in sender.start()] == [(1, 2)]


def test_what_is_recorded_says_which_run_it_was_of_and_so_does_the_retry(sender):
    sender.read(attempt=4, attempts_before=3, rerun=2)
    (started,) = sender.start()
    (write,) = sender.answer(started, 500)
    assert (write.settlement.attempt.rerun, write.settlement.attempt.attempt) == (2, 4)
    retry = write.settlement.parked.job
    assert (retry.rerun, retry.attempt, retry.tries) == (2, 5, 2)
