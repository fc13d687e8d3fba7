"""Records parked in tiers by a test, each of which it can find again at its destination."""

from __future__ import annotations

import json
import time
import urllib.request
from collections import Counter
from collections.abc import Iterable

from confluent_kafka import ConsumerGroupTopicPartitions

from schemas.topics import JOBS_RETRY
from tests.support.matchers import Worker
from tests.support.pipelines import ANSWER_S, SCHEDULERS, Pipeline
from tests.support.topic_reader import TopicReader


def now_ms() -> float:
    return time.time() * 1_000


def metric(worker: Worker, sample: str) -> float | None:
    """A sample of an agent's metrics, as `name{label="x"}`; None while it tells none."""
    if worker.port is None:
        return None
    url = f"http://127.0.0.1:{worker.port}/metrics"
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            lines = answer.read().decode().splitlines()
    except OSError:  # it is still busy with its start, as it may be for long on a busy machine
        return None
    return next((float(it.split()[-1]) for it in lines if it.startswith(f"{sample} ")), None)


class Parked:
    """What was put into tiers, and where each record came to stand."""

    def __init__(self, pipeline: Pipeline) -> None:
        self._pipeline = pipeline
        self.stands_at: dict[bytes, tuple[str, int, int]] = {}

    def park(self, name: str, due_at_ms: float, *, tier: str = "5s", **headers: str) -> None:
        """Put a record into a tier; `flush` waits until it stands there."""
        given = {"due-at": str(round(due_at_ms)), "to": JOBS_RETRY, "id": name, **headers}
        self._pipeline.producer.produce(
            self._pipeline.topic(f"retry.{tier}"),
            key=name.encode(),
            value=json.dumps({"name": name}).encode(),
            headers=given,
            on_delivery=self._on_delivery,
        )
        self._pipeline.producer.poll(0)

    def park_due(self, names: Iterable[str], tiers: list[str]) -> None:
        """Records that are due already, spread over tiers; they stand there on return."""
        for number, name in enumerate(names):
            self.park(name, now_ms(), tier=tiers[number % len(tiers)])
        self.flush()

    def flush(self) -> None:
        assert self._pipeline.producer.flush(30) == 0

    def not_committed(self, reader: TopicReader) -> int:
        """Records at their destination that a crash now would repeat."""
        while reader.poll():
            pass
        asked = ConsumerGroupTopicPartitions(self._pipeline.topic(SCHEDULERS))
        (found,) = self._pipeline.admin.list_consumer_group_offsets([asked]).values()
        committed = {
            (it.topic, it.partition): it.offset for it in found.result(ANSWER_S).topic_partitions
        }
        names = set(names_of(reader))
        return sum(
            offset >= committed.get((topic, number), 0)
            for name, (topic, number, offset) in self.stands_at.items()
            if name in names
        )

    def _on_delivery(self, error: object, message) -> None:
        assert error is None
        place = (message.topic(), message.partition(), message.offset())
        self.stands_at[message.key()] = place


def names_of(reader: TopicReader) -> Counter[bytes]:
    """How often each record came to its destination, as far as it was read."""
    return Counter(message.key() for message in reader.messages)
