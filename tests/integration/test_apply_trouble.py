"""`hookline apply` and the topic below it, when the broker or the topic is not as it should be."""

import sys
from uuid import uuid4

import pytest
from confluent_kafka import Producer

from agents.broker.ports import free_port
from agents.cli import main
from agents.configs import topic as config_topic
from agents.configs import view as config_view
from agents.configs.view import ConfigReader, read_configs
from agents.errors import OperationError
from agents.kafka.clients import producer_config
from agents.kafka.topics import create_topics
from tests.support.brokers import settings_for
from tests.support.commands import a_document

DOCUMENT = "accounts: [{id: 25, name: Denver Doors}]"
FAULTY = a_document("failure_trigger: {trigger_id: nobody}", url="ftp://crm.example.com")


@pytest.fixture
def settings(prepared):
    return prepared


def end_offset(settings):
    reader = ConfigReader(settings)
    try:
        return reader.end_offset()
    finally:
        reader.close()


@pytest.fixture
def run_main(tmp_path, monkeypatch, capsys):
    """The whole command line, as `hookline` runs it: exit code and standard error."""

    def run_hookline(text, **environment):
        file = tmp_path / "config.yaml"
        file.write_text(text)
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setattr(sys, "argv", ["hookline", "apply", str(file)])
        with pytest.raises(SystemExit) as caught:
            main()
        return caught.value.code, capsys.readouterr().err

    monkeypatch.setattr(config_view, "BROKER_TIMEOUT_S", 1)
    return run_hookline


def test_a_broker_that_is_away_is_one_clear_line(run_main):
    code, said = run_main(DOCUMENT, HOOKLINE_BOOTSTRAP_SERVERS=f"127.0.0.1:{free_port()}")
    assert code == 1
    assert said.startswith("hookline: cannot read the topic")
    assert said.count("\n") == 1


def test_faults_are_told_also_when_the_broker_is_away(run_main):
    code, said = run_main(FAULTY, HOOKLINE_BOOTSTRAP_SERVERS=f"127.0.0.1:{free_port()}")
    assert code == 1
    assert "config.yaml:8: accounts[0].webhooks[0].url" in said
    assert "nothing was written" in said


def test_topics_that_were_never_created_are_one_clear_line(run_main, broker):
    code, said = run_main(
        DOCUMENT, HOOKLINE_BOOTSTRAP_SERVERS=broker, HOOKLINE_TOPIC_PREFIX=f"{uuid4().hex[:8]}."
    )
    assert code == 1
    assert "hookline topics create" in said
    assert said.count("\n") == 1


def test_a_topic_that_was_created_a_moment_ago_can_be_read(broker):
    settings = settings_for(broker, topic_prefix=f"{uuid4().hex[:8]}.", job_partitions=1)
    create_topics(settings)
    assert len(read_configs(settings)) == 0


def test_a_broker_that_goes_away_before_the_write_fails_the_write(settings, monkeypatch):
    with config_topic.ConfigTopic(settings) as topic:
        away = settings_for(f"127.0.0.1:{free_port()}")
        soon = producer_config(away) | {"delivery.timeout.ms": 1_000}
        monkeypatch.setattr(topic, "_producer", Producer(soon))
        with pytest.raises(OperationError, match="1 of 1 records could not be written"):
            topic.write([(b"1/account/1", b"{}")])


def test_a_broker_that_goes_silent_while_reading_ends_the_wait(settings, monkeypatch):
    monkeypatch.setattr(config_topic, "SILENCE_S_MAX", 0.2)
    with config_topic.ConfigTopic(settings) as topic:
        monkeypatch.setattr(topic, "_written", end_offset(settings))  # one that never comes
        with pytest.raises(OperationError, match="nothing came for"):
            topic.wait_until_effective()
