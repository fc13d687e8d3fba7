"""`hookline audit` on a real broker: what is lost is found and named, what only waits is not."""

import json
import time
from pathlib import Path
from uuid import uuid4

import pytest
from click.testing import CliRunner
from confluent_kafka import Consumer, Producer, TopicPartition

from agents.audit.audit import Audit, Progress
from agents.cli.audit import audit
from agents.kafka.clients import producer_config
from agents.kafka.groups import MATCHERS, SCHEDULERS, SENDERS
from agents.kafka.topics import create_topics
from schemas.codec import encode
from schemas.config import key_of
from schemas.dead_letter import as_base64
from schemas.ids import delivery_id
from schemas.topics import ACTIVITIES, ATTEMPTS, CONFIGS, DEAD_LETTERS, JOBS
from tests.support.brokers import settings_for
from tests.support.builders import (
    ACCOUNT_ID,
    a_dead_letter,
    a_job,
    a_webhook,
    an_account,
    an_attempt,
    an_event,
)

HOUR_MS = 3_600_000
GROUPS = {ACTIVITIES: MATCHERS, JOBS: SENDERS, "retry.5s": SCHEDULERS}


class Topics:
    """Topics as agents may have left them, written by hand."""

    def __init__(self, broker: str) -> None:
        self.settings = settings_for(broker, topic_prefix=f"{uuid4().hex[:8]}.", job_partitions=1)
        create_topics(self.settings)
        self._producer = Producer(producer_config(self.settings))
        for record in (an_account(), a_webhook()):
            self.write(CONFIGS, encode(record), key=str(key_of(record)).encode())

    def write(self, topic, value, *, key=b"k", age_ms=0, **headers):
        at_ms = time.time_ns() // 1_000_000 - age_ms
        name = self.settings.topic(topic)
        self._producer.produce(
            name, value, key, partition=0, timestamp=at_ms, headers=headers or None
        )
        assert self._producer.flush(20) == 0

    def taken(self, topic, count):
        """The group that works on a topic has taken so many of its records."""
        group = self.settings.topic(GROUPS[topic])
        servers = self.settings.bootstrap_servers
        consumer = Consumer({"bootstrap.servers": servers, "group.id": group})
        place = TopicPartition(self.settings.topic(topic), 0, count)
        consumer.commit(offsets=[place], asynchronous=False)
        consumer.close()

    def audited(self, since_ms=HOUR_MS):
        return Audit(self.settings, time.time_ns() // 1_000_000 - since_ms, Progress()).run()

    def run(self, *options, data_dir: Path):
        environment = {
            "HOOKLINE_BOOTSTRAP_SERVERS": self.settings.bootstrap_servers,
            "HOOKLINE_TOPIC_PREFIX": self.settings.topic_prefix,
            "HOOKLINE_DATA_DIR": str(data_dir),
        }
        return CliRunner().invoke(audit, options, env=environment)


@pytest.fixture
def topics(broker) -> Topics:
    return Topics(broker)


def an_ended(event_id, **overrides):
    """What is on record of the delivery of an event."""
    owed = {"event_id": event_id, "delivery_id": delivery_id(event_id, "crm", ACCOUNT_ID)}
    return encode(an_attempt(**owed, **overrides))


def test_everything_that_ended_or_waits_is_accounted_for(topics):
    for event_id in ("ended", "retried", "new", "unread"):
        topics.write(ACTIVITIES, encode(an_event(event_id=event_id)))
    topics.taken(ACTIVITIES, 3)
    jobs = [a_job(event=an_event(event_id=it)) for it in ("ended", "retried", "new")]
    for job in jobs:
        topics.write(JOBS, encode(job))
    topics.taken(JOBS, 2)
    topics.write(ATTEMPTS, an_ended("ended"))
    retry = {"outcome": "failed", "reason": "5xx", "next": {"step": "retry", "tier": "5s"}}
    topics.write("retry.5s", encode(jobs[1].model_copy(update={"attempt": 2})), to="jobs.retry")
    topics.write(ATTEMPTS, an_ended("retried", **retry))

    found = topics.audited()

    assert found.is_good
    assert found.balance.lost == []
    assert found.events == 4
    assert found.balance.ended == {"delivered": 1}
    assert found.balance.waiting == {"activities": 1, "jobs": 1, "retry.5s": 1}


def test_a_lost_delivery_is_found_and_named(topics, tmp_path):
    """One event was taken and led to nothing, one job was taken and left no record."""
    for event_id in ("good", "no-job", "no-record"):
        topics.write(ACTIVITIES, encode(an_event(event_id=event_id)))
    topics.taken(ACTIVITIES, 3)
    for event_id in ("good", "no-record"):
        topics.write(JOBS, encode(a_job(event=an_event(event_id=event_id))))
    topics.taken(JOBS, 2)
    topics.write(ATTEMPTS, an_ended("good"))

    told = topics.run("--json", data_dir=tmp_path)
    shown = topics.run(data_dir=tmp_path)

    assert (told.exit_code, shown.exit_code) == (1, 1)
    found = json.loads(told.stdout)
    assert (found["lost"], found["ended"], found["deliveries"]) == (2, {"delivered": 1}, 3)
    assert {(it["event_id"], it["topic"], it["offset"]) for it in found["traces"]} == {
        ("no-job", "activities", 1),
        ("no-record", "jobs", 1),
    }
    assert {it["webhook_id"] for it in found["traces"]} == {"crm"}
    lost = delivery_id("no-record", "crm", ACCOUNT_ID)
    assert f"LOST delivery {lost}; webhook 25:crm; activity" in shown.stdout


def test_a_resend_whose_delivery_ended_long_ago_is_not_lost(topics):
    """Senders drop it without a record, since the record is there already."""
    topics.write(ATTEMPTS, an_ended("again"), age_ms=2 * HOUR_MS)
    topics.write(ACTIVITIES, encode(an_event(event_id="again")))
    topics.taken(ACTIVITIES, 1)
    topics.write(JOBS, encode(a_job(event=an_event(event_id="again"))))
    topics.taken(JOBS, 1)

    found = topics.audited()

    assert found.balance.lost == []
    assert found.balance.ended == {"delivered": 1}


def test_what_cannot_be_read_must_be_a_dead_letter(topics):
    for value in (b"rubbish", b"buried"):
        topics.write(ACTIVITIES, value)
    topics.taken(ACTIVITIES, 2)
    letter = a_dead_letter(
        topic=topics.settings.topic(ACTIVITIES), partition=0, offset=1, value=as_base64(b"buried")
    )
    topics.write(DEAD_LETTERS, encode(letter))

    found = topics.audited()

    (lost,) = found.balance.lost
    assert (lost.what, lost.at.topic, lost.at.offset) == ("record", ACTIVITIES, 0)
    assert found.dead_letters == 1


def test_an_event_that_left_its_tier_must_be_on_activities(topics):
    topics.write("retry.5s", encode(an_event(event_id="gone")), to=ACTIVITIES, id="gone")
    topics.write("retry.5s", encode(an_event(event_id="stays")), to=ACTIVITIES, id="stays")
    topics.taken("retry.5s", 1)

    found = topics.audited()

    assert [(it.what, it.id) for it in found.balance.lost] == [("event", "gone")]
    assert found.balance.waiting == {"retry.5s": 1}


def test_of_nothing_there_is_nothing_to_tell(topics, tmp_path):
    result = topics.run("--since", "15m", data_dir=tmp_path)

    assert result.exit_code == 0, result.output
    assert "0 events from" in result.stdout
    assert topics.run("--since", "soon", data_dir=tmp_path).exit_code == 2
