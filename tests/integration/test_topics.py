import json
from concurrent.futures import ThreadPoolExecutor
from uuid import uuid4

import pytest
from click.testing import CliRunner
from confluent_kafka.admin import (
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    NewPartitions,
    ResourceType,
)

from agents.broker.ports import free_port
from agents.cli.topics import topics as command
from agents.errors import OperationError
from agents.kafka.clients import admin_client
from agents.kafka.topics import create_topics, topic_states
from pipeline.settings import Settings
from schemas.topics import ACTIVITIES, CONFIGS, JOBS, topics
from tests.support.brokers import settings_for
from tests.support.waiting import eventually

ANSWER_S = 10


@pytest.fixture
def settings(broker) -> Settings:
    """An installation of its own on the session's broker."""
    return settings_for(broker, topic_prefix=f"{uuid4().hex[:8]}.", job_partitions=3)


def drift(settings: Settings) -> dict[str, list[str]]:
    """What differs, by topic without the prefix."""
    return {
        state.topic.name: [str(found) for found in state.differences]
        for state in topic_states(settings)
        if state.differences
    }


def test_creating_twice_creates_once(settings):
    declared = tuple(settings.topic(topic.name) for topic in topics())

    assert create_topics(settings) == declared
    assert create_topics(settings) == ()


def test_what_was_created_is_as_declared(settings):
    create_topics(settings)

    assert drift(settings) == {}


def test_all_is_missing_before(settings):
    assert drift(settings) == {t.name: ["topic is missing, not there"] for t in topics()}


def test_several_at_once_create_each_topic_once_and_all_can_go_on(settings):
    with ThreadPoolExecutor(4) as pool:
        created = list(pool.map(create_topics, [settings] * 4))

    assert sorted(sum(created, ())) == sorted(settings.topic(t.name) for t in topics())
    assert drift(settings) == {}


def test_a_topic_that_was_changed_by_hand_is_drift(settings):
    create_topics(settings)
    admin = admin_client(settings)
    more = NewPartitions(settings.topic(ACTIVITIES), 9)
    admin.create_partitions([more])[settings.topic(ACTIVITIES)].result(ANSWER_S)
    alter(settings, CONFIGS, "cleanup.policy", "delete")
    alter(settings, JOBS, "retention.ms", "1000")
    alter(settings, JOBS, "max.message.bytes", "2000")

    expected = {
        ACTIVITIES: ["partitions is 9, not 8"],
        CONFIGS: ["cleanup.policy is delete, not compact"],
        JOBS: [
            "retention.ms is 1000, not 604800000",
            "max.message.bytes is 2000, not 4259840",
        ],
    }
    eventually(lambda: drift(settings) == expected, ANSWER_S)


def alter(settings: Settings, topic: str, name: str, value: str) -> None:
    entry = ConfigEntry(name, value, incremental_operation=AlterConfigOpType.SET)
    resource = ConfigResource(
        ResourceType.TOPIC, settings.topic(topic), incremental_configs=[entry]
    )
    admin = admin_client(settings)
    admin.incremental_alter_configs([resource])[resource].result(ANSWER_S)


def test_more_copies_than_brokers_is_one_clear_error(settings):
    greedy = settings.model_copy(update={"replication_factor": 9})

    with pytest.raises(OperationError, match=r"cannot create the topic .*eplication"):
        create_topics(greedy)


@pytest.mark.timeout(60)
def test_a_broker_that_is_not_there_is_one_clear_error(monkeypatch):
    monkeypatch.setattr("agents.kafka.topics.BROKER_TIMEOUT_S", 0.5)

    with pytest.raises(OperationError, match="cannot reach the broker"):
        create_topics(settings_for(f"127.0.0.1:{free_port()}"))


def invoke(settings: Settings, *arguments: str):
    environment = {
        "HOOKLINE_BOOTSTRAP_SERVERS": settings.bootstrap_servers,
        "HOOKLINE_TOPIC_PREFIX": settings.topic_prefix,
        "HOOKLINE_JOB_PARTITIONS": str(settings.job_partitions),
    }
    return CliRunner().invoke(command, arguments, env=environment, catch_exceptions=False)


def test_the_list_exits_1_while_there_is_drift(settings):
    before = invoke(settings, "list")
    created = invoke(settings, "create")
    after = invoke(settings, "list")

    assert (before.exit_code, created.exit_code, after.exit_code) == (1, 0, 0)
    assert "topic is missing" in before.stdout
    assert created.stdout.splitlines() == [settings.topic(topic.name) for topic in topics()]
    assert all(settings.topic(topic.name) in after.stdout for topic in topics())


def test_the_list_for_machines_names_field_and_values(settings):
    create_topics(settings)
    alter(settings, JOBS, "retention.ms", "1000")
    eventually(lambda: drift(settings), ANSWER_S)

    listed = json.loads(invoke(settings, "list", "--json").stdout)

    assert [entry for entry in listed if entry["drift"]] == [
        {
            "topic": settings.topic(JOBS),
            "key": "account:webhook",
            "partitions": 3,
            "cleanup": "delete",
            "retention_ms": 604_800_000,
            "record_bytes_max": 4_194_304,
            "holds": "first attempts",
            "drift": [{"field": "retention.ms", "declared": "604800000", "actual": "1000"}],
        }
    ]
