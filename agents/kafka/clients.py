"""Kafka client settings, once: what every producer, consumer and admin client of ours is given.

The values that decide latency and loss are measured ones; each carries its reason.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, Final, TypeVar

import structlog
from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import AdminClient

from agents.errors import OperationError
from agents.lifecycle import abort
from pipeline.settings import Settings
from schemas.topics import RECORD_BYTES_MAX

_T = TypeVar("_T")

_log = structlog.get_logger()

# Time for an admin request or a metadata look-up before we call the broker away.
BROKER_TIMEOUT_S: Final = 10

# A topic that was just created, or whose broker restarted, has no leader for a moment.
_PASSING: Final = frozenset({KafkaError.NOT_LEADER_FOR_PARTITION, KafkaError.LEADER_NOT_AVAILABLE})
_AGAIN_S: Final = 0.05

# Room for the largest record and its headers, in requests as in answers.
_MESSAGE_BYTES_MAX: Final = RECORD_BYTES_MAX * 2


def bootstrap_servers(settings: Settings) -> str:
    """The brokers' addresses; raises `OperationError` when none are set."""
    if settings.bootstrap_servers is None:
        raise OperationError(
            "no broker: set HOOKLINE_BOOTSTRAP_SERVERS to host:port, or run `hookline up`, "
            "which starts one"
        )
    return settings.bootstrap_servers


def _common(settings: Settings) -> dict[str, Any]:
    return {
        "bootstrap.servers": bootstrap_servers(settings),
        "client.id": "hookline",
        "socket.nagle.disable": True,  # small requests must not wait for each other
        "message.max.bytes": _MESSAGE_BYTES_MAX,
        "reconnect.backoff.ms": 50,
        "reconnect.backoff.max.ms": 1_000,
        "log_level": 2,  # librdkafka's own lines are noise: errors reach us through callbacks
    }


def producer_config(settings: Settings, *, linger_ms: int = 0) -> dict[str, Any]:
    """An idempotent producer. `linger_ms` 0 on the way to an endpoint, 5 where nobody waits."""
    return _common(settings) | {
        "enable.idempotence": True,
        "acks": "all",
        # Java's partitioner: a webhook's jobs, retries and attempts share a partition number.
        "partitioner": "murmur2_random",
        "linger.ms": linger_ms,
        "compression.type": "none",  # measured: lz4 and zstd cost latency and gained nothing
        "queue.buffering.max.messages": 100_000,
        "queue.buffering.max.kbytes": 262_144,
        # A broker that is away for ten minutes must not fail what waits here.
        "delivery.timeout.ms": 900_000,
        "request.timeout.ms": 10_000,
        "retry.backoff.ms": 50,
        "retry.backoff.max.ms": 1_000,
    }


def consumer_config(settings: Settings, group: str) -> dict[str, Any]:
    """A group member under KIP-848 whose offsets are stored by hand and committed each second."""
    return _common(settings) | {
        "group.id": settings.topic(group),
        "group.protocol": "consumer",
        # Range moves the same partition number of all topics together (endpoint affinity).
        "group.remote.assignor": "range",
        "auto.offset.reset": "earliest",
        "enable.auto.commit": True,
        "auto.commit.interval.ms": 1_000,
        "enable.auto.offset.store": False,
        "isolation.level": "read_committed",
        "queued.min.messages": 2_000,
        "queued.max.messages.kbytes": 32_768,
        "fetch.queue.backoff.ms": 5,  # the default of 1000 stalls a small queue for a second
        "fetch.wait.max.ms": 500,
        "fetch.min.bytes": 1,
        "fetch.message.max.bytes": 1_048_576,
        "fetch.max.bytes": max(52_428_800, _MESSAGE_BYTES_MAX),
    }


def reader_config(settings: Settings) -> dict[str, Any]:
    """A consumer without a group: it is assigned partitions by hand and commits nothing."""
    config = consumer_config(settings, "reader")
    for name in ("group.protocol", "group.remote.assignor"):
        del config[name]
    return config | {
        "enable.auto.commit": False,
        "enable.partition.eof": True,
        "fetch.wait.max.ms": 100,
    }


def on_producer_error(error: KafkaError) -> None:
    """Serve as `error_cb` of a producer: only a fatal error matters, others are retried inside."""
    if error.fatal():
        abort(f"the producer cannot go on: {error.str()}")


def on_consumer_error(error: KafkaError) -> None:
    """Take an error that a consumer was handed in place of a record."""
    # Measured: some fatal errors come once, with fatal() False, and then nothing ever again.
    if error.fatal() or error.code() == KafkaError._FATAL:  # noqa: SLF001 - its public name
        abort(f"the consumer cannot go on: {error.str()}")
    _log.warning("consumer.error", error=error.str())


def patiently(ask: Callable[[], _T]) -> _T:
    """What `ask` gives, which is called again while a leader is being found.

    Raises the `KafkaException` of any other error, and of that one after `BROKER_TIMEOUT_S`.
    """
    deadline_s = time.monotonic() + BROKER_TIMEOUT_S
    while True:
        try:
            return ask()
        except KafkaException as error:
            if error.args[0].code() not in _PASSING or time.monotonic() > deadline_s:
                raise
            time.sleep(_AGAIN_S)


def admin_client(settings: Settings) -> AdminClient:
    """An admin client; it connects at its first request."""
    return AdminClient(_common(settings))
