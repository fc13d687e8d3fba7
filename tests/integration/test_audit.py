"""`hookline audit` on a real broker: what is lost is found and named, what only waits is not."""

import json
import time
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from click.testing import CliRunner
from confluent_kafka import Consumer, Producer, TopicPartition

from agents.cli.audit import audit
from agents.kafka.clients import producer_config
from agents.kafka.groups import MATCHERS, SCHEDULERS, SENDERS
from agents.kafka.topics import create_topics
from schemas.codec import encode
from schemas.config import key_of
from schemas.dead_letter import as_base64
from schemas.ids import delivery_id
from schemas.topics import ACTIVITIES, ATTEMPTS, CONFIGS, DEAD_LETTERS, JOBS, JOBS_RETRY
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

    def run(self, *options, data_dir: Path):
        environment = {
            "HOOKLINE_BOOTSTRAP_SERVERS": self.settings.bootstrap_servers,
            "HOOKLINE_TOPIC_PREFIX": self.settings.topic_prefix,
            "HOOKLINE_DATA_DIR": str(data_dir),
        }
        return CliRunner().invoke(audit, options, env=environment)


def an_ended(event_id, **overrides):
    """What is on record of the delivery of an event."""
    owed = {"event_id": event_id, "delivery_id": delivery_id(event_id, "crm", ACCOUNT_ID)}
    return encode(an_attempt(**owed, **overrides))


def a_job_of(event_id):
    return a_job(event=an_event(event_id=event_id))


@pytest.fixture(scope="module")
def found(broker, tmp_path_factory) -> dict[str, Any]:
    """What an audit says of an installation where much went wrong, beside a good delivery."""
    topics = Topics(broker)
    topics.write(ATTEMPTS, an_ended("again"), age_ms=2 * HOUR_MS)
    for event_id in ("good", "no-job", "no-record", "again", "untold"):
        topics.write(ACTIVITIES, encode(an_event(event_id=event_id)))
    topics.write(ACTIVITIES, b"rubbish")
    topics.write(ACTIVITIES, b"buried")
    topics.taken(ACTIVITIES, 7)
    for event_id in ("good", "no-record", "again", "untold"):
        topics.write(JOBS, encode(a_job_of(event_id)))
    topics.taken(JOBS, 4)
    topics.write(ATTEMPTS, an_ended("good"))
    topics.write(ATTEMPTS, an_ended("untold", outcome="failed", reason="http_404"))
    name = topics.settings.topic(ACTIVITIES)
    letter = a_dead_letter(topic=name, partition=0, offset=6, value=as_base64(b"buried"))
    topics.write(DEAD_LETTERS, encode(letter))
    for event_id in ("gone", "stays"):
        value = encode(an_event(event_id=event_id))
        topics.write("retry.5s", value, to=ACTIVITIES, id=event_id)
    topics.taken("retry.5s", 1)
    directory = tmp_path_factory.mktemp("data")
    told = topics.run("--json", data_dir=directory)
    assert told.exit_code == 1, told.output
    return {**json.loads(told.stdout), "shown": topics.run(data_dir=directory)}


def lost(found, what):
    return [it for it in found["traces"] if it["what"] == what]


def test_a_lost_delivery_is_found_and_named(found):
    """One event was taken and led to nothing, one job was taken and left no record."""
    traces = lost(found, "delivery")

    assert {(it["event_id"], it["topic"], it["offset"]) for it in traces} == {
        ("no-job", "activities", 1),
        ("no-record", "jobs", 1),
    }
    assert {(it["account_id"], it["webhook_id"]) for it in traces} == {(ACCOUNT_ID, "crm")}
    assert found["lost"] == len(found["traces"])


def test_what_is_lost_is_shown_to_people_too(found):
    shown = found["shown"]

    assert shown.exit_code == 1
    its = delivery_id("no-record", "crm", ACCOUNT_ID)
    assert f"LOST delivery {its}; webhook {ACCOUNT_ID}:crm; activity" in shown.stdout
    assert "Nothing is lost" not in shown.stdout


def test_a_resend_whose_delivery_ended_long_ago_is_not_lost(found):
    """Senders drop it without a record, since the record is there already."""
    assert found["ended"] == {"delivered": 2, "failed": 1}
    assert found["deliveries"] == 5


def test_a_delivery_that_failed_must_have_its_final_failure(found):
    """Failure triggers and replays go by it."""
    (trace,) = lost(found, "failure")

    assert (trace["event_id"], trace["topic"]) == ("untold", "jobs")


def test_what_cannot_be_read_must_be_a_dead_letter(found):
    (trace,) = lost(found, "record")

    assert (trace["topic"], trace["offset"]) == (ACTIVITIES, 5)
    assert found["dead_letters"] == 1


def test_an_event_that_left_its_tier_must_be_on_activities(found):
    assert [it["id"] for it in lost(found, "event")] == ["gone"]
    assert found["waiting"] == {"retry.5s": 1}


def test_everything_that_ended_or_waits_is_accounted_for(broker, tmp_path):
    topics = Topics(broker)
    for event_id in ("ended", "retried", "new", "unread"):
        topics.write(ACTIVITIES, encode(an_event(event_id=event_id)))
    topics.taken(ACTIVITIES, 3)
    jobs = [a_job_of(event_id) for event_id in ("ended", "retried", "new")]
    for job in jobs:
        topics.write(JOBS, encode(job))
    topics.taken(JOBS, 2)
    topics.write(ATTEMPTS, an_ended("ended"))
    retry = {"outcome": "failed", "reason": "5xx", "next": {"step": "retry", "tier": "5s"}}
    topics.write("retry.5s", encode(jobs[1].model_copy(update={"attempt": 2})), to=JOBS_RETRY)
    topics.write(ATTEMPTS, an_ended("retried", **retry))

    told = topics.run("--json", data_dir=tmp_path)
    shown = topics.run("--since", "15m", data_dir=tmp_path)

    assert (told.exit_code, shown.exit_code) == (0, 0), told.output + shown.output
    result = json.loads(told.stdout)
    assert (result["events"], result["lost"], result["ended"]) == (4, 0, {"delivered": 1})
    assert result["waiting"] == {"activities": 1, "jobs": 1, "retry.5s": 1}
    assert result["oldest_waiting"]["topic"] in result["waiting"]
    assert "Nothing is lost" in shown.stdout


def test_a_time_that_is_none_is_refused():
    result = CliRunner().invoke(audit, ["--since", "soon"])

    assert result.exit_code == 2
    assert "'soon' is not a time such as 90s, 15m, 1h or 7d" in result.output
