"""Senders that are frozen, killed and left alone, and what /ready says meanwhile."""

from __future__ import annotations

import signal

import pytest

from agents.kafka.groups import SENDERS
from schemas.topics import JOBS, JOBS_REPLAY, JOBS_RETRY, topics
from tests.support.builders import a_webhook, an_account
from tests.support.pipelines import ANSWER_S, Pipeline, a_pipeline
from tests.support.waiting import eventually

LANES = [JOBS, JOBS_RETRY, JOBS_REPLAY]
QUIET_S = 60


def members(pipeline: Pipeline) -> int:
    """How many senders the broker counts."""
    group = pipeline.topic(SENDERS)
    (described,) = pipeline.admin.describe_consumer_groups([group]).values()
    return len(described.result(ANSWER_S).members)


READY = {"assigned": True, "configs_current": True, "broker_answers": True}


@pytest.fixture
def narrow(broker, tmp_path, monkeypatch):
    """A pipeline with one partition of each topic of jobs: all senders but one are spare."""
    monkeypatch.setattr("tests.support.pipelines.topics", lambda: topics(job_partitions=1))
    with a_pipeline(broker, tmp_path) as made:
        yield made


def test_a_spare_sender_takes_over(narrow, endpoint):
    """It says that it is not assigned until then: the client is told nothing of an empty part."""
    offset = narrow.apply(an_account(), a_webhook(url=endpoint.url()))
    senders = [narrow.start("sender") for _ in range(2)]
    eventually(lambda: any(it.ready for it in senders), QUIET_S)
    (holder,) = [it for it in senders if it.ready]
    (spare,) = [it for it in senders if it is not holder]
    eventually(lambda: members(narrow) == 2, QUIET_S)

    assert holder.stop() == 0
    narrow.produce_jobs(1, ["crm"], offset)
    eventually(lambda: narrow.backlog(SENDERS, LANES) == 0, QUIET_S)
    spare.wait_ready()
    assert len(endpoint.arrivals) == 1


def test_a_sender_is_ready_when_it_is_assigned_and_current(pipeline):
    pipeline.apply(an_account())
    senders = [pipeline.start("sender") for _ in range(2)]
    for sender in senders:
        sender.wait_ready()

    assert [it.conditions() for it in senders] == [READY, READY]


def test_a_sender_that_was_frozen_takes_back_nothing_that_went_to_another(pipeline, endpoint):
    """Its request fails after it has lost the partition: the new owner decides, it does not."""
    endpoint.answer = lambda _, count: 500 if count == 1 else 200
    endpoint.delay_s = 5
    offset = pipeline.apply(an_account(), a_webhook(url=endpoint.url(), timeout_s=30))
    zombie = pipeline.start("sender")
    zombie.wait_ready()
    pipeline.produce_jobs(1, ["crm"], offset)
    eventually(lambda: endpoint.waiting == 1, QUIET_S)
    zombie.process.send_signal(signal.SIGSTOP)
    endpoint.delay_s = 0
    pipeline.start("sender")
    (delivered,) = pipeline.attempts(1)
    zombie.process.send_signal(signal.SIGCONT)
    attempts = pipeline.attempts(2)

    assert delivered.outcome == "delivered"
    assert [it.next.step for it in attempts] == ["end", "late"]
    assert "process.was_frozen" in zombie.log.read_text()
    eventually(lambda: pipeline.backlog(SENDERS, LANES) == 0, QUIET_S)
    zombie.wait_ready()


def test_a_sender_that_was_frozen_alone_goes_on_when_it_is_assigned_again(pipeline, endpoint):
    offset = pipeline.apply(an_account(), a_webhook(url=endpoint.url()))
    sender = pipeline.start("sender")
    sender.wait_ready()
    sender.process.send_signal(signal.SIGSTOP)
    pipeline.produce_jobs(50, ["crm"], offset)
    eventually(lambda: members(pipeline) == 0, QUIET_S)
    sender.process.send_signal(signal.SIGCONT)

    eventually(lambda: pipeline.backlog(SENDERS, LANES) == 0, QUIET_S)
    sender.wait_ready()
    assert set(endpoint.counts().values()) == {1}
    assert len(endpoint.counts()) == 50
