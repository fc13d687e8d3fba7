"""Which deliveries a replay begins, and why it leaves the others."""

import pytest

from pipeline.replaying import (
    Activity,
    Known,
    OnRecord,
    Today,
    after_event,
    after_failure,
    after_match,
    wants,
)
from schemas.ids import delivery_id
from schemas.job import Body
from tests.support.builders import (
    NOW_MS,
    a_failure,
    a_job,
    a_replay,
    a_webhook,
    an_account,
    an_activity,
    an_event,
)
from tests.support.configs import configs_of

BODY = Body(text="{}", content_type="application/json")
HOUR_MS = 3_600_000
NOBODY = OnRecord()


def a_final(**job):
    """A final failure of an hour ago, after four attempts, whose body was sent as it is."""
    fields = {"attempt": 4, "body": BODY, **job}
    at_ms = NOW_MS - HOUR_MS
    return a_failure(stage="final", at_ms=at_ms, attempts=4, job=a_job(**fields))


def known(status="failed", **given):
    """What is on record of the delivery after that."""
    fields = {
        "status": status,
        "reason": "5xx",
        "attempts": 4,
        "reruns": 0,
        "first_queued_at_ms": NOW_MS - 2 * HOUR_MS,
        "is_waiting": False,
        "replay_id": None,
    }
    return Known(**fields | given)


def on_record(it, key=None):
    return OnRecord({key or a_job().delivery_id: it})


def today(*records, now_ms=NOW_MS):
    return Today(configs_of(*(records or (an_account(), a_webhook()))), now_ms, "1h")


def after(failure=None, record=NOBODY, moment=None, **replay):
    return after_failure(a_replay(**replay), failure or a_final(), record, moment or today())


def selecting(source="failures", **selection):
    span = {"from_ms": NOW_MS - 24 * HOUR_MS, "to_ms": NOW_MS}
    return a_replay(selection={"source": source, **span, **selection})


@pytest.mark.parametrize(
    ("selection", "failure", "is_wanted"),
    [
        ({}, {}, True),
        ({}, {"stage": "first"}, False),
        ({}, {"stage": "again"}, False),
        ({}, {"at_ms": NOW_MS - 24 * HOUR_MS}, True),
        ({}, {"at_ms": NOW_MS - 24 * HOUR_MS - 1}, False),
        ({}, {"at_ms": NOW_MS}, False),
        ({"webhook_id": "crm"}, {}, True),
        ({"webhook_id": "other"}, {}, False),
        ({"phases": ["sale", "end"]}, {}, True),
        ({"phases": ["sale"]}, {}, False),
        ({"reasons": ["timeout", "5xx"]}, {}, True),
        ({"reasons": ["timeout"]}, {}, False),
        ({"statuses": [503]}, {}, True),
        ({"statuses": [500]}, {}, False),
        ({"statuses": [500]}, {"status": None}, False),
    ],
)
def test_a_failure_is_wanted_when_every_part_of_the_selection_holds(selection, failure, is_wanted):
    found = a_failure(**{"stage": "final", "at_ms": NOW_MS - HOUR_MS, **failure})
    assert wants(selecting(**selection).selection, found) is is_wanted


def test_a_failure_goes_on_as_the_next_run_with_the_body_that_was_sent():
    chosen = after(a_final(chain=["trigger/t"], depth=1, rerun=2))
    job = chosen.job
    assert (job.rerun, job.attempt, job.attempts_before, job.lane) == (3, 5, 4, "replay")
    assert (job.body, job.event, job.replay_id) == (BODY, an_event(), "night")
    assert (job.chain, job.depth, job.deferrals) == (("trigger/t",), 1, 0)
    assert (job.due_at_ms, job.first_queued_at_ms) == (NOW_MS, NOW_MS)
    assert chosen.skipped is None
    assert (chosen.sample.reason, chosen.sample.status) == ("5xx", 503)


def test_the_same_failure_always_becomes_the_same_run():
    first, second = after(), after(moment=today(now_ms=NOW_MS + 9_000))
    same = ("delivery_id", "rerun", "attempt", "deferrals")
    assert all(getattr(first.job, name) == getattr(second.job, name) for name in same)


def test_current_takes_the_activity_as_it_is_now_and_makes_the_body_anew():
    record = OnRecord(activities={an_event().activity_id: Activity(an_activity(sale=9), 12)})
    job = after(record=record, mode="current").job
    assert (job.event.activity["sale"], job.event.sequence, job.body) == (9, 12, None)


def test_an_activity_that_is_not_kept_any_more_cannot_be_sent_as_it_is_now():
    chosen = after(mode="current")
    assert (chosen.job, chosen.skipped, chosen.sample.skipped) == (None, *["activity_gone"] * 2)


@pytest.mark.parametrize(
    ("records", "why"),
    [
        ((a_webhook(),), "not_entitled"),
        ((an_account(features={"webhooks": False}), a_webhook()), "not_entitled"),
        ((an_account(),), "webhook_deleted"),
        ((an_account(), a_webhook(enabled=False)), "webhook_disabled"),
    ],
)
def test_what_may_not_be_sent_is_left(records, why):
    assert after(moment=today(*records)).skipped == why
    match = after_match(selecting("activities"), a_job(), NOW_MS, NOBODY, today(*records))
    assert match.skipped == why


@pytest.mark.parametrize(
    ("it", "why"),
    [
        (known(), None),
        (known("delivered"), "delivered"),
        (known("retrying", is_waiting=True), "waiting"),
        (known(reruns=1), None),
        (known("skipped", reason="replay_cancelled", reruns=1, replay_id="other"), None),
        (known("retrying", reruns=1, is_waiting=True), "waiting"),
        (known("delivered", reruns=1, replay_id="other"), "delivered"),
    ],
)
def test_what_went_on_since_its_failure_is_left(it, why):
    assert after(record=on_record(it)).skipped == why


def test_what_failed_again_since_goes_on_counting_where_it_stands():
    job = after(record=on_record(known(reruns=2, attempts=9))).job
    assert (job.rerun, job.attempt, job.attempts_before, job.body) == (3, 10, 9, BODY)


def test_a_history_that_is_behind_the_failure_does_not_count():
    it = known("retrying", is_waiting=True)
    assert after(a_final(rerun=1), on_record(it)).job.rerun == 2


def test_what_this_replay_has_begun_counts_as_begun_and_is_not_written_again():
    chosen = after(record=on_record(known("delivered", reruns=1, replay_id="night")))
    assert (chosen.job, chosen.skipped) == (None, None)
    match = after_match(
        selecting("activities"), a_job(), NOW_MS, on_record(known(replay_id="night")), today()
    )
    assert (match.job, match.skipped) == (None, None)


def jobs_of(replay, event=None, at_ms=NOW_MS - HOUR_MS, record=NOBODY, moment=None):
    return after_event(replay, event or an_event(), at_ms, record, moment or today())


def test_an_event_is_matched_with_the_configuration_of_today():
    two = (an_account(), a_webhook(), a_webhook(id="second"), a_webhook(id="no", position="sale"))
    jobs = jobs_of(selecting("activities"), moment=today(*two))
    assert [job.webhook_id for job in jobs] == ["crm", "second"]
    only = jobs_of(selecting("activities", webhook_id="second"), moment=today(*two))
    assert [job.webhook_id for job in only] == ["second"]
    assert jobs_of(selecting("activities", phases=["sale"]), moment=today(*two)) == ()


def test_what_was_due_an_hour_after_an_end_is_asked_for_once_that_hour_is_over():
    late = today(an_account(), a_webhook(position="end_delayed"))
    (job,) = jobs_of(selecting("activities"), moment=late)
    assert (job.event.phase, job.event.origin) == ("end_delayed", "delayed")
    assert jobs_of(selecting("activities"), at_ms=NOW_MS - HOUR_MS + 1, moment=late) == ()


def test_current_matches_the_activity_as_it_is_now():
    rule = {"any": [{"all": [{"field": "sale", "op": "set"}]}]}
    moment = today(an_account(), a_webhook(filter=rule))
    replay = selecting("activities").model_copy(update={"mode": "current"})
    record = OnRecord(activities={an_event().activity_id: Activity(an_activity(sale=9), 12)})
    (job,) = jobs_of(replay, record=record, moment=moment)
    assert job.event.activity["sale"] == 9
    assert jobs_of(replay, moment=moment) == ()


def test_a_delivery_that_never_was_is_begun_under_its_own_id():
    replay = selecting("activities", only_missed=True)
    (first,) = jobs_of(replay)
    job = after_match(replay, first, NOW_MS, NOBODY, today()).job
    assert job.delivery_id == delivery_id(an_event().event_id, "crm", 25)
    assert (job.rerun, job.attempt, job.lane, job.replay_id) == (0, 1, "replay", "night")


@pytest.mark.parametrize(
    ("it", "why", "why_if_missed"),
    [
        (known("delivered"), "delivered", "delivered"),
        (known("deferred", is_waiting=True), "waiting", "waiting"),
        (known("skipped", reason="coalesced"), "coalesced", "coalesced"),
        (known("failed"), None, "attempted"),
        (known("skipped", reason="webhook_disabled"), None, None),
        (known("skipped", reason="replay_cancelled"), None, None),
        (known("skipped", reason="something_new"), None, "attempted"),
    ],
)
def test_what_an_event_asks_for_is_left_by_what_became_of_it(it, why, why_if_missed):
    for only_missed, wanted in ((False, why), (True, why_if_missed)):
        replay = selecting("activities", only_missed=only_missed)
        assert after_match(replay, a_job(), NOW_MS, on_record(it), today()).skipped == wanted


def test_a_delivery_that_failed_goes_on_counting_where_it_stands():
    it = known(reruns=2, attempts=7)
    job = after_match(selecting("activities"), a_job(), NOW_MS, on_record(it), today()).job
    assert (job.rerun, job.attempt, job.attempts_before, job.body) == (3, 8, 7, None)
    assert job.first_queued_at_ms == NOW_MS - 2 * HOUR_MS


def test_a_match_without_its_activity_of_now_is_left():
    replay = selecting("activities").model_copy(update={"mode": "current"})
    assert after_match(replay, a_job(), NOW_MS, NOBODY, today()).skipped == "activity_gone"
