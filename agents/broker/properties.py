"""The files Kafka is started with: a small single node that is quick to start and to fail over.

All paths in them are relative to the directory Kafka runs in, so that none needs escaping.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from schemas.topics import DEAD_LETTER_BYTES_MAX

LOG_DIRECTORY: Final = "log"
LOG_FILE: Final = "server.log"

HOST: Final = "127.0.0.1"

# The largest record is inside a batch, with its key and headers.
BATCH_OVERHEAD_BYTES: Final = 64 * 1024

_MESSAGE_BYTES_MAX: Final = DEAD_LETTER_BYTES_MAX + BATCH_OVERHEAD_BYTES


@dataclass(frozen=True, slots=True)
class Ports:
    """What the node listens on: `clients` is ours, `controller` is Kafka talking to itself."""

    clients: int
    controller: int

    @property
    def bootstrap_servers(self) -> str:
        """The address for clients."""
        return f"{HOST}:{self.clients}"


def server_properties(ports: Ports) -> str:
    """Kafka's configuration as a properties file."""
    settings = {
        "process.roles": "broker,controller",
        "node.id": 1,
        "listeners": f"PLAINTEXT://{HOST}:{ports.clients},CONTROLLER://{HOST}:{ports.controller}",
        "advertised.listeners": f"PLAINTEXT://{HOST}:{ports.clients}",
        "controller.listener.names": "CONTROLLER",
        "controller.quorum.voters": f"1@{HOST}:{ports.controller}",
        "inter.broker.listener.name": "PLAINTEXT",
        "log.dirs": LOG_DIRECTORY,
        **_TOPICS,
        **_GROUPS,
        **_RESTARTS,
        **_SMALL,
    }
    return "".join(f"{name}={value}\n" for name, value in settings.items())


# Topics are ours to create (agents/kafka/topics.py); Kafka's own need no copies on a single node.
_TOPICS: Final[dict[str, object]] = {
    "auto.create.topics.enable": "false",
    "message.max.bytes": _MESSAGE_BYTES_MAX,
    "replica.fetch.max.bytes": _MESSAGE_BYTES_MAX,
    "offsets.topic.replication.factor": 1,
    "offsets.topic.num.partitions": 4,
    "transaction.state.log.replication.factor": 1,
    "transaction.state.log.min.isr": 1,
    "transaction.state.log.num.partitions": 4,
    "share.coordinator.state.topic.replication.factor": 1,
    "share.coordinator.state.topic.min.isr": 1,
    "share.coordinator.state.topic.num.partitions": 4,
}

# A killed agent's partitions move after two seconds of silence instead of 45. The minimums are
# lower still, for tests and for who wants to try; false expiry under load is the price.
_GROUPS: Final[dict[str, object]] = {
    "group.consumer.session.timeout.ms": 2_000,
    "group.consumer.heartbeat.interval.ms": 500,
    "group.consumer.min.session.timeout.ms": 1_000,
    "group.consumer.min.heartbeat.interval.ms": 200,
    "group.min.session.timeout.ms": 1_000,
    "group.initial.rebalance.delay.ms": 0,
}

# After kill -9 a restarted broker is refused until its former self has missed its heartbeats: with
# the default of 9 s a restart takes 11 s. A pause as long as this one costs a moment's fencing.
_RESTARTS: Final[dict[str, object]] = {
    "broker.session.timeout.ms": 2_000,
    "broker.heartbeat.interval.ms": 250,
}

# Two cores and little memory: the cleaner's default buffer alone is 128 MB.
_SMALL: Final[dict[str, object]] = {
    "num.network.threads": 2,
    "num.io.threads": 2,
    "num.recovery.threads.per.data.dir": 2,
    "background.threads": 2,
    "log.cleaner.dedupe.buffer.size": 2 * 1024 * 1024,
}


LOG4J2_PROPERTIES: Final = f"""\
status = error
appender.file.type = RollingFile
appender.file.name = file
appender.file.fileName = {LOG_FILE}
appender.file.filePattern = {LOG_FILE}.%i
appender.file.layout.type = PatternLayout
appender.file.layout.pattern = %d %p %m (%c)%n
appender.file.policies.type = Policies
appender.file.policies.size.type = SizeBasedTriggeringPolicy
appender.file.policies.size.size = 10MB
appender.file.strategy.type = DefaultRolloverStrategy
appender.file.strategy.max = 2
rootLogger.level = warn
rootLogger.appenderRef.file.ref = file
"""
