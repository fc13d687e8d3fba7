"""Fixtures of the integration tests: an installation, an endpoint, and commands run against it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from agents.broker.embedded import EmbeddedBroker
from agents.errors import OperationError
from agents.kafka.topics import create_topics
from pipeline.settings import Settings
from tests.support.brokers import settings_for
from tests.support.commands import Commands, commands_for
from tests.support.endpoints import Endpoint, an_endpoint
from tests.support.pipelines import Pipeline, a_pipeline


@pytest.fixture
def pipeline(broker: str, tmp_path: Path) -> Iterator[Pipeline]:
    """Topics of the test's own on the session's broker; agents are started by name."""
    with a_pipeline(broker, tmp_path) as made:
        yield made


@pytest.fixture
def own_broker(tmp_path: Path) -> Iterator[EmbeddedBroker]:
    """A Kafka of the test's own, for it to stop and start."""
    made = EmbeddedBroker(tmp_path / "broker")
    try:
        made.start()
    except OperationError as error:
        pytest.skip(f"no Kafka: {error}")
    yield made
    made.stop()


@pytest.fixture(scope="module")
def prepared(broker: str) -> Settings:
    """An installation whose topics are there, for all tests of a module."""
    settings = settings_for(broker, topic_prefix=f"{uuid4().hex[:8]}.", job_partitions=1)
    create_topics(settings)
    return settings


@pytest.fixture
def endpoint() -> Iterator[Endpoint]:
    """A real server on loopback that writes down what it is sent."""
    with an_endpoint() as made:
        yield made


@pytest.fixture
def commands(pipeline: Pipeline, tmp_path: Path) -> Commands:
    """Commands of that installation."""
    return commands_for(pipeline, tmp_path)
