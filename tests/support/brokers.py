"""Where tests get their Kafka from: one that runs, the embedded one, or a container."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from confluent_kafka import KafkaException

from agents.broker.embedded import EmbeddedBroker
from agents.broker.ports import free_port
from agents.broker.progress import on_stderr
from agents.broker.properties import HOST, Ports, server_properties
from agents.errors import OperationError
from agents.kafka.clients import admin_client
from pipeline.settings import Settings
from tests.support.waiting import eventually

GIVEN = "HOOKLINE_BOOTSTRAP_SERVERS"

IMAGE = "apache/kafka:4.3.1"
CONTAINER_START_S = 60


@contextmanager
def a_broker(kind: str, data_dir: Path) -> Iterator[str]:
    """Bootstrap servers of a Kafka for tests; skips, with the reason, when there can be none."""
    if os.environ.get(GIVEN):
        yield os.environ[GIVEN]
    elif kind == "container":
        yield from _container()
    else:
        yield from _embedded(data_dir)


def settings_for(bootstrap_servers: str, **others: object) -> Settings:
    """Settings that name the broker, whatever the environment says."""
    return Settings.model_validate({"bootstrap_servers": bootstrap_servers, **others})


def answers(bootstrap_servers: str) -> bool:
    """Whether a broker answers there."""
    admin = admin_client(settings_for(bootstrap_servers))
    try:
        return bool(admin.describe_cluster(request_timeout=1).result().nodes)
    except KafkaException:
        return False


def _embedded(data_dir: Path) -> Iterator[str]:
    broker = EmbeddedBroker(data_dir, show=on_stderr)
    try:
        servers = broker.start()
    except OperationError as error:
        pytest.skip(f"no Kafka: {error}")
    try:
        yield servers
        assert broker.alive, str(broker.failure())
    finally:
        broker.stop()


def _container() -> Iterator[str]:
    containers = pytest.importorskip("testcontainers.core.container")
    ports = Ports(clients=free_port(), controller=9093)
    try:
        container = containers.DockerContainer(IMAGE)
        container.with_bind_ports(ports.clients, ports.clients)
        for line in server_properties(ports).splitlines():
            name, _, value = line.partition("=")
            if name == "listeners":
                value = value.replace(HOST, "0.0.0.0")  # noqa: S104 - inside the container
            if name != "log.dirs":
                container.with_env(f"KAFKA_{name.upper().replace('.', '_')}", value)
        container.start()
    except Exception as error:  # noqa: BLE001 - whatever Docker's client raises without an engine
        pytest.skip(f"no container: {error}")
    try:
        eventually(lambda: answers(ports.bootstrap_servers), CONTAINER_START_S)
        yield ports.bootstrap_servers
    finally:
        container.stop()
