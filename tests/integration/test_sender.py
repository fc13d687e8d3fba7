"""The sender on a real broker, calling a real endpoint, killed for real."""

from __future__ import annotations

import json

from schemas.codec import decode
from schemas.dead_letter import DeadLetter
from schemas.failure import Failure
from schemas.topics import DEAD_LETTERS, FAILURE_TRIGGERS, JOBS, JOBS_REPLAY, JOBS_RETRY
from tests.support.builders import a_webhook, an_account
from tests.support.pipelines import SENDERS, current_job
from tests.support.waiting import eventually

LANES = [JOBS, JOBS_RETRY, JOBS_REPLAY]
QUIET_S = 40


def test_a_job_becomes_a_request_and_an_attempt_and_its_offset_is_committed(pipeline, endpoint):
    offset = pipeline.apply(an_account(), a_webhook(url=endpoint.url("/in?a=1")))
    pipeline.start("sender")
    job = current_job("e1", config_offset=offset)
    pipeline.produce_job(job)
    (attempt,) = pipeline.attempts(1)

    (arrival,) = endpoint.arrivals
    assert json.loads(arrival.body) == job.event.activity
    assert arrival.delivery_id == job.delivery_id == attempt.delivery_id
    assert (attempt.outcome, attempt.response.status, attempt.next.step) == (
        "delivered",
        200,
        "end",
    )
    eventually(lambda: pipeline.backlog(SENDERS, LANES) == 0, QUIET_S)


def test_a_failure_is_recorded_parked_and_delivered_later_with_the_same_body(pipeline, endpoint):
    endpoint.answer = lambda _, count: 503 if count <= 2 else 200
    pipeline.apply(
        an_account(), a_webhook(url=endpoint.url(), retry={"schedule": ["5s", "5s", "5s"]})
    )
    pipeline.start("sender")
    pipeline.start("scheduler")
    pipeline.produce_job(current_job("e1"))
    attempts = pipeline.attempts(3, QUIET_S)

    assert [it.attempt for it in attempts] == [1, 2, 3]
    assert [it.reason for it in attempts] == ["http_503", "http_503", "delivered"]
    assert [it.next.tier for it in attempts] == ["5s", "5s", None]
    assert len({arrival.body for arrival in endpoint.arrivals}) == 1
    gaps_s = [
        b.at_s - a.at_s for a, b in zip(endpoint.arrivals, endpoint.arrivals[1:], strict=False)
    ]
    assert all(gap_s >= 4.5 for gap_s in gaps_s)


def test_the_last_failure_writes_a_first_and_a_final_record_with_the_reason(pipeline, endpoint):
    endpoint.answer = lambda *_: 500
    pipeline.apply(an_account(), a_webhook(url=endpoint.url(), retry={"schedule": []}))
    pipeline.start("sender")
    job = current_job("e1")
    pipeline.produce_job(job)
    pipeline.attempts(1)
    reader = pipeline.reader(FAILURE_TRIGGERS)
    eventually(lambda: reader.poll() is not None and len(reader.messages) == 2, QUIET_S)
    reader.close()

    failures = [decode(Failure, it.value()) for it in reader.messages]
    assert [(it.stage, it.reason, it.status, it.attempts) for it in failures] == [
        ("first", "http_500", 500, 1),
        ("final", "http_500", 500, 1),
    ]
    assert failures[1].job.body is not None
    assert failures[1].job.event == job.event


def test_a_delivery_that_may_not_be_made_ends_on_record(pipeline, endpoint):
    pipeline.apply(
        an_account(),
        a_webhook(id="off", url=endpoint.url(), enabled=False),
        a_webhook(id="inside", url="http://10.1.2.3/"),
    )
    pipeline.start("sender")
    for webhook_id in ("off", "inside", "gone"):
        pipeline.produce_job(current_job(f"e-{webhook_id}", webhook_id))
    attempts = pipeline.attempts(3)

    assert {it.webhook_id: (it.reason, it.next.step) for it in attempts} == {
        "off": ("webhook_disabled", "end"),
        "inside": ("egress_private", "end"),
        "gone": ("webhook_deleted", "end"),
    }
    assert endpoint.arrivals == []


def test_a_job_waits_for_the_configuration_it_was_matched_with(pipeline, endpoint):
    offset = pipeline.apply(an_account())
    sender = pipeline.start("sender")
    sender.wait_ready()
    pipeline.produce_jobs(1, ["crm"], config_offset=offset + 1)
    # Another webhook's job overtakes the waiting one: nothing is held up.
    pipeline.produce_job(current_job("other", "gone", offset))
    assert [it.webhook_id for it in pipeline.attempts(1)] == ["gone"]

    pipeline.apply(a_webhook(url=endpoint.url()))
    outcomes = {it.webhook_id: it.outcome for it in pipeline.attempts(2)}
    assert outcomes == {"gone": "skipped", "crm": "delivered"}


def test_a_job_that_cannot_be_read_becomes_a_dead_letter_and_holds_nothing_up(pipeline, endpoint):
    pipeline.apply(an_account(), a_webhook(url=endpoint.url()))
    pipeline.producer.produce(pipeline.topic(JOBS), key=b"25:crm", value=b'{"attempt":0}')
    pipeline.produce_job(current_job("e1"))
    pipeline.start("sender")
    assert [it.outcome for it in pipeline.attempts(1)] == ["delivered"]
    reader = pipeline.reader(DEAD_LETTERS)
    eventually(lambda: reader.poll() is not None and len(reader.messages) == 1, QUIET_S)
    reader.close()

    letter = decode(DeadLetter, reader.messages[0].value())
    assert (letter.topic, letter.offset) == (pipeline.topic(JOBS), 0)
    assert "attempt" in [fault.field for fault in letter.faults]
    eventually(lambda: pipeline.backlog(SENDERS, LANES) == 0, QUIET_S)


def test_a_repeated_job_is_not_sent_again(pipeline, endpoint):
    pipeline.apply(an_account(), a_webhook(url=endpoint.url()))
    pipeline.start("sender")
    job = current_job("e1")
    for _ in range(3):
        pipeline.produce_job(job)
    pipeline.attempts(1)
    eventually(lambda: pipeline.backlog(SENDERS, LANES) == 0, QUIET_S)

    assert len(endpoint.arrivals) == 1


def test_sigterm_ends_requests_in_flight_commits_and_exits_0_without_repeats(pipeline, endpoint):
    endpoint.delay_s = 0.5
    names = [f"w{n}" for n in range(20)]
    pipeline.apply(an_account(), *(a_webhook(id=n, url=endpoint.url(f"/{n}")) for n in names))
    jobs = pipeline.produce_jobs(400, names)
    sender = pipeline.start("sender")
    eventually(lambda: len(endpoint.arrivals) >= 40, QUIET_S)
    assert sender.stop() == 0
    assert len(endpoint.counts()) < len(jobs), "it was to stop in the middle"

    endpoint.delay_s = 0
    pipeline.start("sender")
    eventually(lambda: pipeline.backlog(SENDERS, LANES) == 0, QUIET_S)
    assert endpoint.counts() == {job.delivery_id: 1 for job in jobs}


def test_after_sigkill_only_what_was_in_flight_is_repeated(pipeline, endpoint):
    names = [f"w{n}" for n in range(20)]
    pipeline.apply(an_account(), *(a_webhook(id=n, url=endpoint.url(f"/{n}")) for n in names))
    sender = pipeline.start("sender")
    sender.wait_ready()
    first = pipeline.produce_jobs(300, names)
    eventually(lambda: len(endpoint.arrivals) == 300, QUIET_S)
    # All are on record; most are not committed yet, as that happens once a second.
    assert len(pipeline.attempts(300)) == 300
    sender.kill()
    pipeline.start("sender")
    eventually(lambda: pipeline.backlog(SENDERS, LANES) == 0, QUIET_S)

    assert endpoint.counts() == {job.delivery_id: 1 for job in first}


def test_two_senders_share_the_webhooks_and_one_that_is_killed_loses_nothing(pipeline, endpoint):
    endpoint.delay_s = 0.01
    names = [f"w{n}" for n in range(50)]
    pipeline.apply(an_account(), *(a_webhook(id=n, url=endpoint.url(f"/{n}")) for n in names))
    senders = [pipeline.start("sender"), pipeline.start("sender")]
    for sender in senders:
        sender.wait_ready()
    jobs = pipeline.produce_jobs(1_500, names)
    eventually(lambda: len(endpoint.arrivals) >= 500, QUIET_S)
    senders[0].kill()
    eventually(lambda: len(endpoint.counts()) == len(jobs), QUIET_S)
    eventually(lambda: pipeline.backlog(SENDERS, LANES) == 0, QUIET_S)

    counts = endpoint.counts()
    repeated = sum(counts.values()) - len(counts)
    assert set(counts) == {job.delivery_id for job in jobs}
    assert repeated <= 512, "no more can have been in flight"
