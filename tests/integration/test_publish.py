"""`hookline publish` against a real broker: what it writes, refuses and says."""

import json
from uuid import uuid4

import pytest
from click.testing import CliRunner, Result
from confluent_kafka import Consumer, TopicPartition

from agents.broker.ports import free_port
from agents.cli.publish import publish as command
from agents.errors import OperationError
from agents.kafka.clients import reader_config
from agents.kafka.topics import create_topics
from agents.publish import writer as event_writer
from pipeline.settings import Settings
from schemas.event import EVENT_BYTES_MAX
from schemas.topics import ACTIVITIES
from tests.support.brokers import settings_for

FIRST = '{"account_id":25,"phase":"End",  "activity":{"id":1}}'
SECOND = '{"call": {"id": "a", "account_id": 25, "phase": "starts"}}'
BAD = '{"account_id": "x", "phase": "never", "activity": {}}'


@pytest.fixture
def settings(broker) -> Settings:
    settings = settings_for(broker, topic_prefix=f"{uuid4().hex[:8]}.")
    create_topics(settings)
    return settings


@pytest.fixture
def publish(settings, tmp_path):
    def run(text: str, *options: str, stdin: bool = False) -> Result:
        file = tmp_path / "events.jsonl"
        file.write_text(text)
        return CliRunner().invoke(
            command,
            ["-" if stdin else str(file), *options],
            input=text if stdin else None,
            env={
                "HOOKLINE_BOOTSTRAP_SERVERS": settings.bootstrap_servers,
                "HOOKLINE_TOPIC_PREFIX": settings.topic_prefix,
            },
        )

    return run


@pytest.fixture
def came(settings):
    """What was written: keys and values."""

    def read() -> list[tuple[str, str]]:
        consumer = Consumer(reader_config(settings))
        topic = settings.topic(ACTIVITIES)
        consumer.assign([TopicPartition(topic, number, 0) for number in range(8)])
        found, ends = [], 0
        while ends < 8:
            message = consumer.poll(10)
            assert message is not None
            if message.error() is None:
                found.append((message.key().decode(), message.value().decode()))
            ends += message.error() is not None  # the end of a partition
        consumer.close()
        return sorted(found)

    return read


def test_the_lines_own_bytes_are_written_under_the_activitys_key(publish, came):
    result = publish(f"{FIRST}\n\n{SECOND}\n")

    assert (result.exit_code, result.stdout[:16]) == (0, "2 events written")
    assert came() == [("25:1", FIRST), ("25:a", SECOND)]


def test_with_one_bad_line_nothing_of_a_file_is_written(publish, came):
    result = publish(f"{FIRST}\n{BAD}\nnot JSON\n")

    assert result.exit_code == 1
    assert came() == []
    lines = result.stderr.splitlines()
    assert [line.split("events.jsonl:")[1][:14] for line in lines[:4]] == [
        "2: account_id:",
        "2: phase: unkn",
        "2: activity.id",
        "3: not JSON: e",
    ]
    assert lines[4] == "hookline: 2 lines were refused"


def test_keep_going_writes_the_good_lines_and_still_fails(publish, came):
    result = publish(f"{BAD}\n{FIRST}\n", "--keep-going", "--json")

    assert result.exit_code == 1
    assert came() == [("25:1", FIRST)]
    told = json.loads(result.stdout)
    assert (told["written"], told["failed"], told["refused"]) == (1, 0, 1)
    assert {fault["line"] for fault in told["faults"]} == {1}


def test_standard_input_is_written_up_to_the_first_bad_line(publish, came):
    result = publish(f"{FIRST}\n{BAD}\n{SECOND}\n", stdin=True)

    assert result.exit_code == 1
    assert came() == [("25:1", FIRST)]
    assert "<stdin>:2: account_id" in result.stderr
    assert "what came before it is written" in result.stderr


def test_an_event_of_two_megabytes_is_refused_with_its_size(publish, came):
    result = publish(f'{{"activity": "{"x" * 2 * EVENT_BYTES_MAX}"}}\n')

    assert result.exit_code == 1
    assert f"more than the {EVENT_BYTES_MAX}" in result.stderr
    assert came() == []


def test_a_rate_spreads_events_over_time(publish):
    told = json.loads(publish(f"{FIRST}\n" * 6, "--rate", "10/s", "--json").stdout)

    assert told["written"] == 6
    assert told["seconds"] >= 0.5


def test_a_rate_that_is_none_is_a_usage_error(publish):
    assert publish(FIRST, "--rate", "fast").exit_code == 2


def test_a_file_that_is_not_there_and_a_broker_that_is_not_are_told(tmp_path, monkeypatch):
    monkeypatch.setattr(event_writer, "BROKER_TIMEOUT_S", 1)
    missing = CliRunner().invoke(command, [str(tmp_path / "none.jsonl")])
    file = tmp_path / "events.jsonl"
    file.write_text(FIRST)
    away = CliRunner().invoke(
        command,
        [str(file)],
        env={"HOOKLINE_BOOTSTRAP_SERVERS": f"127.0.0.1:{free_port()}"},
    )

    assert isinstance(missing.exception, OperationError)
    assert "No such file" in str(missing.exception)
    assert isinstance(away.exception, OperationError)
    assert "cannot reach the broker" in str(away.exception)


def test_a_broker_without_topics_is_told(broker, tmp_path):
    file = tmp_path / "events.jsonl"
    file.write_text(FIRST)
    result = CliRunner().invoke(
        command,
        [str(file)],
        env={"HOOKLINE_BOOTSTRAP_SERVERS": broker, "HOOKLINE_TOPIC_PREFIX": "nobody."},
    )

    assert "hookline topics create" in str(result.exception)
