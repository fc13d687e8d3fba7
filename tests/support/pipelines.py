"""An installation with all topics, whose agents are real processes, for tests of the whole."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from confluent_kafka import ConsumerGroupTopicPartitions, KafkaException, TopicPartition
from confluent_kafka.admin import OffsetSpec

from schemas.attempt import Attempt
from schemas.codec import decode, encode
from schemas.job import Job
from schemas.tiers import TIERS
from schemas.topics import ATTEMPTS, JOBS, topics
from tests.support.builders import a_job, an_event
from tests.support.matchers import Installation, Worker
from tests.support.waiting import eventually

SENDERS = "hookline-senders"
SCHEDULERS = "hookline-schedulers"
ANSWER_S = 30


class Pipeline(Installation):
    """Topics under a prefix of their own, and agents started by name."""

    def create(self) -> None:
        self._create(topics())

    def start(self, agent: str, *options: str, **environment: str) -> Worker:
        """Start an agent, or `module` in its place; requests to loopback are allowed."""
        module = environment.pop("module", "agents.cli")
        log = self.directory / f"{agent}{len(self.workers)}.log"
        given = {
            "HOOKLINE_BOOTSTRAP_SERVERS": self.bootstrap,
            "HOOKLINE_TOPIC_PREFIX": self.prefix,
            "HOOKLINE_LOG_FORMAT": "json",
            "HOOKLINE_HEALTH_PORT": "0",
            "HOOKLINE_EGRESS_ALLOW": "127.0.0.0/8",
            "HOOKLINE_ALLOW_HTTP": "true",
        }
        with log.open("wb") as stream:
            process = subprocess.Popen(
                [sys.executable, "-m", module, agent, *options],
                env={**os.environ, **given, **environment},
                stdout=stream,
                stderr=stream,
            )
        worker = Worker(process, log)
        self.workers.append(worker)
        return worker

    def produce_job(self, job: Job, topic: str = JOBS) -> None:
        self.producer.produce(self.topic(topic), key=job.key, value=encode(job))
        self.producer.poll(0)

    def produce_jobs(self, count: int, webhook_ids: list[str], config_offset: int = 0) -> list[Job]:
        """First attempts of new events, spread over the webhooks; acknowledged on return."""
        jobs = [
            current_job(f"job-{number}", webhook_ids[number % len(webhook_ids)], config_offset)
            for number in range(count)
        ]
        for job in jobs:
            self.produce_job(job)
        assert self.producer.flush(30) == 0
        return jobs

    def attempts(self, count: int, timeout_s: float = 30) -> list[Attempt]:
        """The first `count` attempts on record, or as many as came in time."""
        reader = self.reader(ATTEMPTS)
        deadline_s = time.monotonic() + timeout_s
        while len(reader.messages) < count and time.monotonic() < deadline_s:
            reader.poll()
        reader.close()
        return [decode(Attempt, message.value()) for message in reader.messages]

    def backlog(self, group: str, names: list[str]) -> int:
        """Records of these topics that the group has not committed."""
        asked = ConsumerGroupTopicPartitions(self.topic(group))
        (found,) = self.admin.list_consumer_group_offsets([asked]).values()
        committed = {
            (it.topic, it.partition): it.offset for it in found.result(ANSWER_S).topic_partitions
        }
        first = self._offsets(names, OffsetSpec.earliest())
        ends = self._offsets(names, OffsetSpec.latest())
        return sum(end - max(committed.get(it, 0), first[it]) for it, end in ends.items())

    def _offsets(self, names: list[str], spec: OffsetSpec) -> dict[tuple[str, int], int]:
        """An offset of each partition: in one request, as this is asked again and again."""
        places = {
            TopicPartition(self.topic(it.name), number): spec
            for it in topics()
            if it.name in names
            for number in range(it.partitions)
        }

        def told() -> dict[tuple[str, int], int] | None:
            found: dict[tuple[str, int], int] = {}
            with suppress(KafkaException):
                for it, answer in self.admin.list_offsets(places).items():
                    found[it.topic, it.partition] = answer.result(ANSWER_S).offset
                if min(found.values()) >= 0:
                    return found
            # After a broker's restart the client clings to leaders of before, until it is told.
            with suppress(KafkaException):
                self.admin.list_topics(timeout=ANSWER_S)
            return None

        return eventually(told, ANSWER_S)


def current_job(event_id: str, webhook_id: str = "crm", config_offset: int = 0, **more) -> Job:
    """A first attempt of an event that happens now."""
    now_ms = time.time_ns() // 1_000_000
    return a_job(
        event=an_event(event_id=event_id),
        webhook_id=webhook_id,
        config_offset=config_offset,
        first_queued_at_ms=now_ms,
        expires_at_ms=now_ms + 3_600_000,
        **more,
    )


@contextmanager
def a_pipeline(broker: str, directory: Path) -> Iterator[Pipeline]:
    """A pipeline whose agents end and whose topics go with the `with` block."""
    pipeline = Pipeline(broker, directory)
    pipeline.create()
    try:
        yield pipeline
    finally:
        pipeline.remove()


TIER_TOPICS = [tier.topic for tier in TIERS]
