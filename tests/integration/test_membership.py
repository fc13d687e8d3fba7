"""Senders that are frozen, killed and left alone, and what /ready says meanwhile."""

from __future__ import annotations

import asyncio
import signal

import pytest

from agents.kafka.enrolment import enrolment_of
from agents.kafka.group_consumer import GroupConsumer
from agents.kafka.groups import SENDERS
from schemas.topics import JOBS, JOBS_REPLAY, JOBS_RETRY, topics
from tests.support.brokers import settings_for
from tests.support.builders import a_webhook, an_account
from tests.support.pipelines import Pipeline, a_pipeline
from tests.support.waiting import eventually

LANES = [JOBS, JOBS_RETRY, JOBS_REPLAY]
QUIET_S = 60


def members(pipeline: Pipeline) -> int:
    """How many senders the broker counts."""
    group = pipeline.topic(SENDERS)
    (described,) = pipeline.admin.describe_consumer_groups([group]).values()
    return len(described.result(10).members)


READY = {"assigned": True, "configs_current": True, "broker_answers": True}


class Reader(GroupConsumer):
    """A member that has nothing to do."""

    def after_turn(self):
        """Do nothing."""

    def prepare(self, _partitions):
        return {}

    def release(self, _keys):
        """Nothing is open."""

    def lose(self, _keys):
        """Nothing is open."""

    def may_resume(self, _key):
        return True


class Member:
    """A reader and what the broker says of it, in this process."""

    def __init__(self, pipeline):
        settings = settings_for(pipeline.bootstrap, topic_prefix=pipeline.prefix)
        self.reader = Reader(settings, "readers", [JOBS])
        self.enrolment = enrolment_of(self.reader, lambda: False)

    @property
    def holds_all(self):
        return self.reader.assignments.keys == [(JOBS, 0)]

    def join(self):
        self.reader.start_thread()
        self.looking = asyncio.create_task(self.enrolment.run())

    async def leave(self):
        self.looking.cancel()
        await asyncio.to_thread(self.reader.stop)


@pytest.fixture
def narrow(broker, tmp_path, monkeypatch):
    """A pipeline with one partition of each topic of jobs: all senders but one are spare."""
    monkeypatch.setattr("tests.support.pipelines.topics", lambda: topics(job_partitions=1))
    with a_pipeline(broker, tmp_path) as made:
        yield made


@pytest.fixture
def two(narrow):
    """Two members that have not joined; the broker's assignor prefers the first, by its id."""
    return sorted((Member(narrow) for _ in range(2)), key=lambda it: it.reader.member_id)


async def by_and_by(condition):
    await asyncio.to_thread(eventually, condition, QUIET_S)


async def test_a_member_that_never_had_a_partition_has_its_part_and_takes_over(two):
    holder, spare = two
    holder.join()
    await by_and_by(lambda: holder.holds_all and holder.enrolment.is_assigned)
    spare.join()
    await by_and_by(lambda: spare.enrolment.is_assigned)
    assert holder.holds_all
    assert not spare.reader.is_assigned  # the client never said so

    await holder.leave()
    await by_and_by(lambda: spare.holds_all and spare.enrolment.is_assigned)
    await spare.leave()


def test_a_spare_sender_is_ready_and_takes_over(narrow, endpoint):
    offset = narrow.apply(an_account(), a_webhook(url=endpoint.url()))
    first, second = [narrow.start("sender") for _ in range(2)]
    for sender in (first, second):
        sender.wait_ready()
    assert [it.conditions() for it in (first, second)] == [READY, READY]

    first.process.terminate()
    assert first.process.wait(QUIET_S) == 0
    narrow.produce_jobs(1, ["crm"], offset)
    eventually(lambda: narrow.backlog(SENDERS, LANES) == 0, QUIET_S)
    second.wait_ready()
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
