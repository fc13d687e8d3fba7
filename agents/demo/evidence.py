"""What is found: requests at the receiver, and the attempts, failures and dead letters on record.

The topics are read from their beginning, as whoever looks for a lost delivery would read them.
"""

from __future__ import annotations

import json
import threading
import time
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final

from confluent_kafka import Consumer, Message, TopicPartition

from agents.bin.server import Arrival
from agents.demo.scenario import MEASURED
from agents.kafka.clients import BROKER_TIMEOUT_S, reader_config
from agents.lifecycle import abort
from pipeline.settings import Settings
from schemas.attempt import Attempt
from schemas.codec import decode
from schemas.dead_letter import DeadLetter
from schemas.failure import Failure
from schemas.topics import ATTEMPTS, DEAD_LETTERS, FAILURE_TRIGGERS

_POLL_S: Final = 0.05


@dataclass(slots=True)
class Evidence:
    """All that was found so far. Records stand with their place, such as `attempts/3 offset 7`."""

    published_at_s: dict[str, float] = field(default_factory=dict)
    arrivals: dict[str, list[Arrival]] = field(default_factory=dict)
    attempts: dict[str, list[tuple[Attempt, str]]] = field(default_factory=dict)
    failures: dict[str, list[tuple[Failure, str]]] = field(default_factory=dict)
    dead_letters: list[tuple[DeadLetter, str]] = field(default_factory=list)
    latencies_s: list[float] = field(default_factory=list)

    def on_arrival(self, arrival: Arrival) -> None:
        """Take in a request that is complete at the receiver; its path names the webhook."""
        webhook_id = arrival.path.strip("/").partition("?")[0]
        if webhook_id != MEASURED:
            self.arrivals.setdefault(webhook_id, []).append(arrival)
            return
        with suppress(ValueError, KeyError, TypeError):
            self.latencies_s.append(arrival.at_s - json.loads(arrival.body)["produced_at_s"])

    def on_record(self, topic: str, place: str, value: bytes) -> None:
        """Take in a record of one of the three topics."""
        if topic == ATTEMPTS:
            attempt = decode(Attempt, value)
            self.attempts.setdefault(attempt.webhook_id, []).append((attempt, place))
        elif topic == FAILURE_TRIGGERS:
            failure = decode(Failure, value)
            self.failures.setdefault(failure.job.webhook_id, []).append((failure, place))
        else:
            self.dead_letters.append((decode(DeadLetter, value), place))


class EvidenceReader:
    """A thread that reads the three topics into an `Evidence`."""

    def __init__(self, settings: Settings, evidence: Evidence) -> None:
        """Read from now on, until `close`."""
        self._topics = {
            settings.topic(name): name for name in (ATTEMPTS, FAILURE_TRIGGERS, DEAD_LETTERS)
        }
        self._evidence = evidence
        self._consumer = Consumer(reader_config(settings) | {"enable.partition.eof": False})
        cluster = self._consumer.list_topics(timeout=BROKER_TIMEOUT_S)
        self._consumer.assign(
            [
                TopicPartition(topic, number, 0)
                for topic in self._topics
                for number in cluster.topics[topic].partitions
            ]
        )
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._read, name="evidence", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop reading."""
        self._closed.set()
        self._thread.join()
        self._consumer.close()

    def _read(self) -> None:
        try:
            while not self._closed.is_set():
                message = self._consumer.poll(_POLL_S)
                if message is not None and message.error() is None:
                    self._take(message)
        except Exception as error:  # noqa: BLE001 - without its reader the demo would wait in vain
            abort("the demo's topics can no longer be read", error)

    def _take(self, message: Message) -> None:
        topic = self._topics[message.topic() or ""]
        place = f"{message.topic()}/{message.partition()} offset {message.offset()}"
        self._evidence.on_record(topic, place, message.value() or b"")


def now_s() -> float:
    """The clock that both the events' produce times and the arrivals are in."""
    return time.time()
