"""The ledger of an audit: every delivery named has ended, waits, is a dead letter, or is lost."""

from itertools import permutations

import pytest

from pipeline.audit_records import AttemptBrief, FailureBrief, JobBrief
from pipeline.auditing import At, Ledger, Lost, Oldest, Seen
from schemas.codec import encode
from tests.support.builders import NOW_MS, a_failure, a_job, an_attempt

JOB = a_job()
ID = JOB.delivery_id
JOBS = At("jobs", 3, 17)
RETRY = At("jobs.retry", 3, 4)
REPLAY = At("jobs.replay", 3, 1)
TIER = At("retry.5s", 1, 2)
EVENT = At("activities", 2, 9)
LOST = [Lost("delivery", ID, JOBS)]


def a_brief(**overrides) -> JobBrief:
    return JobBrief.model_validate_json(encode(a_job(**overrides)))


def a_result(step="end", **overrides) -> AttemptBrief:
    outcomes = {"end": "delivered", "retry": "failed", "defer": "deferred", "late": "failed"}
    given = {"outcome": outcomes[step], "next": {"step": step}, **overrides}
    return AttemptBrief.model_validate_json(encode(an_attempt(**given)))


def job(at=JOBS, seen=None, **overrides):
    """A job on a topic, which somebody has taken."""
    return "job", a_brief(**overrides), seen or Seen(at)


def waiting(at=JOBS, **overrides):
    return job(seen=Seen(at, waits=True), **overrides)


def result(step="end", seen=None, **overrides):
    return "attempt", a_result(step, **overrides), seen or Seen(At("attempts", 3, 8))


def told(stage="final", **overrides):
    """A failure on record."""
    brief = FailureBrief.model_validate_json(encode(a_failure(stage=stage, job=a_job(**overrides))))
    return "failure", brief, Seen(At("failure-triggers", 1, 1))


def balance_of(*records):
    ledger = Ledger()
    for kind, brief, seen in records:
        getattr(ledger, kind)(brief, seen)
    return ledger.balance()


def test_a_delivery_with_an_end_on_record_has_ended():
    found = balance_of(job(), result())

    assert (found.deliveries, found.ended, found.lost) == (1, {"delivered": 1}, [])


def test_a_job_that_nobody_has_taken_waits_where_it_lies():
    found = balance_of(waiting())

    assert (found.waiting, found.lost) == ({"jobs": 1}, [])
    assert found.oldest == Oldest(ID, "jobs", NOW_MS)


def test_a_job_that_was_taken_and_left_no_record_is_lost():
    assert balance_of(job()).lost == LOST


def test_a_retry_that_was_put_nowhere_is_lost():
    assert balance_of(job(), result("retry")).lost == LOST


def test_a_retry_waits_in_its_tier():
    found = balance_of(job(), result("retry"), waiting(TIER, attempt=2))

    assert (found.waiting, found.ended, found.lost) == ({"retry.5s": 1}, {}, [])


def test_a_retry_that_its_tier_gave_out_must_come_to_an_end_too():
    story = (job(), result("retry"), job(TIER, attempt=2), job(RETRY, attempt=2))

    assert balance_of(*story).lost == [Lost("delivery", ID, RETRY)]
    assert balance_of(*story, result(attempt=2)).lost == []


def test_what_a_sender_will_drop_as_a_repeat_does_not_wait():
    assert balance_of(waiting(), result()).ended == {"delivered": 1}
    assert balance_of(waiting(), result("retry")).lost == LOST


def test_a_deferral_does_not_make_a_repeat_of_what_it_put_off():
    story = (job(), result("defer"), waiting(TIER, deferrals=1))

    assert balance_of(*story).waiting == {"retry.5s": 1}
    assert balance_of(job(), result("defer"), waiting()).lost == LOST


def test_what_came_too_late_to_decide_anything_ends_nothing():
    assert balance_of(job(), result("late")).lost == LOST
    assert balance_of(waiting(), result("late")).waiting == {"jobs": 1}


def test_a_rerun_must_end_by_itself():
    again = {"attempt": 2, "rerun": 1}
    story = (job(), result(), job(REPLAY, **again))

    assert balance_of(*story).lost == [Lost("delivery", ID, REPLAY)]
    assert balance_of(*story, result(**again)).ended == {"delivered": 1}
    assert balance_of(job(), result(), waiting(REPLAY, **again)).waiting == {"jobs.replay": 1}


def test_a_retry_that_a_rerun_superseded_does_not_stand_for_the_rerun():
    story = (job(), result("retry"), waiting(TIER, attempt=2), job(REPLAY, attempt=2, rerun=1))

    assert balance_of(*story).lost == [Lost("delivery", ID, REPLAY)]


def test_what_is_found_does_not_depend_on_the_order_of_records():
    story = (
        job(),
        result("retry"),
        job(TIER, attempt=2),
        job(RETRY, attempt=2),
        result(attempt=2, outcome="failed"),
        told(attempt=2),
    )

    found = [balance_of(*some) for some in permutations(story)]

    assert {(it.deliveries, str(it.ended), len(it.lost)) for it in found} == {
        (1, "Counter({'failed': 1})", 0)
    }


class TestFailures:
    FAILED = (job(), result(outcome="failed"))
    UNTOLD = (Lost("failure", ID, JOBS),)

    @pytest.mark.parametrize("outcome", ["failed", "blocked", "expired"])
    def test_a_delivery_that_failed_must_have_a_final_failure(self, outcome):
        failed = (job(), result(outcome=outcome))

        assert balance_of(*failed).lost == [*self.UNTOLD]
        assert balance_of(*failed, told("first")).lost == [*self.UNTOLD]
        assert balance_of(*failed, told("final")).lost == []
        assert balance_of(*failed).ended == {outcome: 1}

    def test_what_was_skipped_has_none(self):
        assert balance_of(job(), result(outcome="skipped")).lost == []

    def test_each_run_has_its_own(self):
        again = {"attempt": 2, "rerun": 1}
        story = (*self.FAILED, told(), job(REPLAY, **again), result(outcome="failed", **again))

        assert balance_of(*story).lost == [Lost("failure", ID, REPLAY)]
        assert balance_of(*story, told(**again)).lost == []

    def test_a_2xx_that_came_late_makes_a_delivery_of_a_failure(self):
        late = result(outcome="delivered")

        for order in permutations((*self.FAILED, late)):
            assert (balance_of(*order).ended, balance_of(*order).lost) == ({"delivered": 1}, [])

    def test_an_untold_failure_is_a_suspect(self):
        ledger = Ledger()
        for kind, brief, seen in self.FAILED:
            getattr(ledger, kind)(brief, seen)

        assert ledger.suspects() == {ID}


def test_a_copy_of_a_job_changes_nothing():
    found = balance_of(job(), waiting(RETRY), waiting(TIER), result())

    assert (found.deliveries, found.waiting, found.ended) == (1, {}, {"delivered": 1})
    assert balance_of(waiting(), waiting(RETRY)).waiting == {"jobs": 1}


def test_a_2xx_more_than_one_in_a_run_is_a_duplicate():
    once_more = {"attempt": 2, "rerun": 1}

    assert balance_of(job(), result()).duplicates == 0
    assert balance_of(job(), result(), result()).duplicates == 1
    assert (
        balance_of(job(), result(), job(REPLAY, **once_more), result(**once_more)).duplicates == 0
    )


def test_a_dead_letter_is_an_end():
    dead = Seen(JOBS, is_dead=True)

    found = balance_of(job(seen=dead))

    assert (found.dead, found.lost) == (1, [])
    assert balance_of(job(seen=dead), job(RETRY, attempt=2)).lost == [Lost("delivery", ID, RETRY)]


def test_what_is_older_than_the_audit_is_evidence_only():
    older = Seen(JOBS, counts=False)

    assert balance_of(job(seen=older)).deliveries == 0
    assert balance_of(job(seen=older), result()).ended == {"delivered": 1}
    assert balance_of(job(), result(seen=older)).ended == {"delivered": 1}


def test_what_waits_is_told_however_old_it_is():
    older = Seen(TIER, waits=True, counts=False)

    assert balance_of(job(seen=older)).waiting == {"retry.5s": 1}


def test_the_oldest_of_all_that_waits_is_named():
    ledger = Ledger()
    ledger.job(a_brief(first_queued_at_ms=NOW_MS - 5), Seen(JOBS, waits=True))
    ledger.waits("ev_2", EVENT, NOW_MS - 9)
    ledger.waits("ev_1", EVENT, NOW_MS - 7)

    found = ledger.balance()

    assert found.oldest == Oldest("ev_2", "activities", NOW_MS - 9)
    assert found.waiting == {"jobs": 1, "activities": 2}


def test_suspects_are_what_would_count_as_lost():
    ledger = Ledger()
    ledger.job(a_brief(), Seen(JOBS))

    assert ledger.suspects() == {ID}

    ledger.attempt(a_result(), Seen(At("attempts", 3, 1), counts=False))

    assert ledger.suspects() == frozenset()


def test_neither_a_test_nor_a_message_is_of_a_delivery():
    assert a_result().is_of_a_delivery
    assert not a_result(is_test=True).is_of_a_delivery
    assert not a_result(channel="email", trigger_id="alarm").is_of_a_delivery
