"""Reading a topic in tests: everything on it, from its beginning, counted as it comes."""

from __future__ import annotations

import json
import time
from collections import Counter
from typing import TYPE_CHECKING, Any

from confluent_kafka import Consumer, TopicPartition

if TYPE_CHECKING:
    from tests.support.matchers import Installation


class TopicReader:
    """Everything on a topic from its beginning, counted as it comes."""

    def __init__(self, installation: Installation, topic: str) -> None:
        self._consumer = Consumer(
            {
                **installation.client,
                "group.id": "reader",
                "enable.auto.commit": False,
                "auto.offset.reset": "earliest",
                "fetch.wait.max.ms": 20,
            }
        )
        name = installation.topic(topic)
        partitions = self._consumer.list_topics(name, timeout=30).topics[name].partitions
        self._consumer.assign([TopicPartition(name, number, 0) for number in partitions])
        self.messages: list[Any] = []

    def poll(self) -> list[Any]:
        """Records that have come since."""
        came = [it for it in self._consumer.consume(2_000, 0.05) if it.error() is None]
        self.messages += came
        return came

    def poll_one(self, timeout_s: float) -> Any | None:
        """The next record, or None when none came in time."""
        message = self._consumer.poll(timeout_s)
        return None if message is None or message.error() is not None else message

    def event_ids(self) -> Counter[str]:
        """How often each event came, of everything read so far."""
        return Counter(json.loads(it.value())["event"]["event_id"] for it in self.messages)

    def wait_for(self, count: int, timeout_s: float) -> Counter[str]:
        """Read until `count` different events have come, or for `timeout_s`."""
        seen: Counter[str] = Counter()
        deadline_s = time.monotonic() + timeout_s
        while len(seen) < count and time.monotonic() < deadline_s:
            for it in self.poll():
                seen[json.loads(it.value())["event"]["event_id"]] += 1
        return seen

    def end(self) -> int:
        """How many records there are in all partitions, read or not."""
        places = self._consumer.assignment()
        return sum(self._consumer.get_watermark_offsets(it, timeout=30)[1] for it in places)

    def close(self) -> None:
        self._consumer.close()
