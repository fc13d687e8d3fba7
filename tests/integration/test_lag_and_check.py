"""`hookline lag` and `hookline check` against a real broker."""

import json
import re
import time
from uuid import uuid4

import pytest
from click.testing import CliRunner, Result
from confluent_kafka import Consumer, Producer, TopicPartition

from agents.broker.ports import free_port
from agents.cli.check import check
from agents.cli.lag import lag
from agents.kafka.clients import producer_config
from agents.kafka.groups import MATCHERS, RECORDERS
from agents.kafka.topics import create_topics
from pipeline.sealing import sealed_like
from pipeline.secret_keys import SecretKey, written
from pipeline.settings import Settings
from schemas.codec import encode
from schemas.config import key_of
from schemas.topics import ACTIVITIES, CONFIGS, topics
from tests.support.brokers import settings_for
from tests.support.builders import a_webhook


@pytest.fixture
def settings(broker) -> Settings:
    settings = settings_for(broker, topic_prefix=f"{uuid4().hex[:8]}.", job_partitions=2)
    create_topics(settings)
    return settings


@pytest.fixture
def run(settings, tmp_path):
    def run(command, *options: str, **environment: str) -> Result:
        given = {
            "HOOKLINE_BOOTSTRAP_SERVERS": settings.bootstrap_servers,
            "HOOKLINE_TOPIC_PREFIX": settings.topic_prefix,
            "HOOKLINE_JOB_PARTITIONS": "2",
            "HOOKLINE_DATA_DIR": str(tmp_path / "data"),
            "HOOKLINE_API_PORT": str(free_port()),
        }
        return CliRunner().invoke(command, options, env=given | environment)

    return run


def write(settings: Settings, topic: str, count: int, **headers: str) -> None:
    producer = Producer(producer_config(settings))
    for _ in range(count):
        producer.produce(settings.topic(topic), b"{}", b"k", partition=0, headers=headers)
    assert producer.flush(20) == 0


def commit(settings: Settings, group: str, topic: str, offset: int) -> None:
    name = settings.topic(group)
    consumer = Consumer({"bootstrap.servers": settings.bootstrap_servers, "group.id": name})
    place = TopicPartition(settings.topic(topic), 0, offset)
    consumer.commit(offsets=[place], asynchronous=False)
    consumer.close()


def lag_of(result: Result, topic: str, group: str = "") -> dict:
    """That of the first group that reads the topic, or of the one that is named."""
    assert result.exit_code == 0, result.output
    found = [it for it in json.loads(result.stdout) if it["topic"].endswith(f".{topic}")]
    return next(each for each in found if each["group"].endswith(group))


def test_what_nobody_committed_is_all_lag(settings, run):
    write(settings, ACTIVITIES, 3)

    found = lag_of(run(lag, "--json"), ACTIVITIES)

    assert (found["committed"], found["end"], found["lag"], found["members"]) == (0, 3, 3, 0)


def test_what_is_committed_is_no_lag(settings, run):
    write(settings, ACTIVITIES, 3)
    commit(settings, MATCHERS, ACTIVITIES, 2)

    found = lag_of(run(lag, "--json"), ACTIVITIES)

    assert (found["committed"], found["end"], found["lag"]) == (2, 3, 1)
    assert lag_of(run(lag, "--json"), ACTIVITIES, RECORDERS)["lag"] == 3


def test_a_tier_says_when_the_next_of_it_is_due(settings, run):
    due_at_ms = time.time_ns() // 1_000_000 + 1_800_000
    write(settings, "retry.1h", 2, **{"due-at": str(due_at_ms), "to": ACTIVITIES})

    assert lag_of(run(lag, "--json"), "retry.1h")["next_due_at_ms"] == due_at_ms
    assert re.search(r"in 1,(800|7\d\d) s", run(lag).stdout)


def test_with_everything_in_order_check_says_so(run):
    result = run(check)

    assert result.exit_code == 0, result.stdout
    assert "failed" not in result.stdout
    assert f"all {len(topics())} are as declared" in result.stdout


def test_every_fault_is_told_at_once(run, tmp_path):
    (tmp_path / "file").write_text("")

    result = run(
        check,
        "--json",
        HOOKLINE_TOPIC_PREFIX="nobody.",
        HOOKLINE_TOPICS_PREFIX="x",
        HOOKLINE_JOB_PARTITIONS="many",
        HOOKLINE_EGRESS_ALLOW="0.0.0.0/0",
        HOOKLINE_DATA_DIR=str(tmp_path / "file"),
    )

    assert result.exit_code == 1
    failed = {it["check"]: it["detail"] for it in json.loads(result.stdout) if not it["ok"]}
    assert set(failed) == {"settings", "data directory", "egress", "topics", "configuration"}
    assert "did you mean HOOKLINE_TOPIC_PREFIX?" in result.stdout
    assert "HOOKLINE_JOB_PARTITIONS" in result.stdout
    assert "169.254.169.254" in failed["egress"]


def test_a_broker_that_is_away_is_one_fault(run, monkeypatch):
    monkeypatch.setattr("agents.checks.BROKER_TIMEOUT_S", 1)

    result = run(check, HOOKLINE_BOOTSTRAP_SERVERS=f"127.0.0.1:{free_port()}")

    assert result.exit_code == 1
    (fault,) = [line for line in result.stdout.splitlines() if line.startswith("failed")]
    assert "does not answer" in fault


def test_a_history_that_does_not_answer_is_told_without_its_password(run):
    url = f"postgresql://ann:hunter2@127.0.0.1:{free_port()}/history"

    result = run(check, HOOKLINE_DATABASE_URL=url)

    assert result.exit_code == 1
    (fault,) = [line for line in result.stdout.splitlines() if line.startswith("failed")]
    assert "history" in fault
    assert "does not answer" in fault
    assert "hunter2" not in result.stdout


def test_a_configuration_that_cannot_be_read_is_told_with_its_offset(settings, run):
    write(settings, CONFIGS, 1)

    result = run(check)

    assert result.exit_code == 1
    assert "records that cannot be read, at offsets 0" in result.stdout


def test_secrets_that_no_key_here_opens_are_told(settings, run):
    old, new = SecretKey("old", b"o" * 32), SecretKey("new", b"n" * 32)
    webhook = a_webhook(basic_auth={"username": "u", "password": "hunter2"})
    sealed = sealed_like(webhook, None, (old,), lambda: b"n" * 12)
    producer = Producer(producer_config(settings))
    producer.produce(settings.topic(CONFIGS), encode(sealed), str(key_of(sealed)).encode())
    assert producer.flush(20) == 0

    assert "secrets: records with some: 1; set HOOKLINE_SECRET_KEYS" in said_of_secrets(run)
    assert "those of 25/crm and 0 other records open with no key" in said_of_secrets(run, new)
    assert "the keys new, old open all of them; 1 wait for `hookline secrets rotate`" in (
        said_of_secrets(run, new, old)
    )
    assert said_of_secrets(run, old).endswith("the keys old open all of them")


def said_of_secrets(run, *keys: SecretKey) -> str:
    result = run(check, "--json", HOOKLINE_SECRET_KEYS=written(*keys))
    (said,) = [it for it in json.loads(result.stdout) if it["check"] == "secrets"]
    assert (result.exit_code == 0) == said["ok"]
    return f"{said['check']}: {said['detail']}"
