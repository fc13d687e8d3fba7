"""What happens upstream: events with known ids at a rate, and which deliveries they are owed.

An event carries a `shard`, and a webhook's filter names the shards that it wants, so that which
event goes to which webhooks is known here without asking the code that is being tried.
"""

from __future__ import annotations

import json
import threading
import time
from collections import defaultdict
from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import Any, Final
from uuid import uuid4

from confluent_kafka import Producer

from schemas.ids import delivery_id
from schemas.webhook import Webhook
from tests.support.builders import ACCOUNT_ID

# A producer that outlives a broker's absence of ten minutes, with room for what comes meanwhile.
CLIENT: Final[dict[str, Any]] = {
    "acks": "all",
    "enable.idempotence": True,
    "partitioner": "murmur2_random",
    "linger.ms": 5,
    "delivery.timeout.ms": 30 * 60 * 1_000,
    "request.timeout.ms": 10_000,
    "queue.buffering.max.messages": 2_000_000,
    "queue.buffering.max.kbytes": 1_000_000,
    "reconnect.backoff.ms": 50,
    "reconnect.backoff.max.ms": 1_000,
    "retry.backoff.max.ms": 1_000,
    "log_level": 0,
}
# A pause of the machine is not made up for by a burst longer than this.
CATCH_UP_S: Final = 1.0
_TURN_S: Final = 0.005


def owners(webhooks: Iterable[Webhook]) -> dict[int, tuple[str, ...]]:
    """By shard, the ids of the webhooks whose filter names it."""
    found: dict[int, list[str]] = defaultdict(list)
    for webhook in webhooks:
        assert webhook.filter is not None
        (group,) = webhook.filter.any
        (rule,) = group.all
        for shard in rule.value:
            found[shard].append(webhook.id)
    return {shard: tuple(ids) for shard, ids in sorted(found.items())}


def wants(*shards: int) -> dict[str, object]:
    """The filter of a webhook that wants the events of these shards."""
    return {"all": [{"field": "shard", "op": "in", "value": list(shards)}]}


class Upstream:
    """A thread that publishes `rate` events a second, with a buffer of its own."""

    def __init__(
        self, bootstrap_servers: str, topic: str, rate: float, webhooks: Iterable[Webhook]
    ) -> None:
        """`topic` is that of activities, with prefix; all `webhooks` belong to one account."""
        self.rate = rate
        self.published: dict[str, int] = {}  # each event's shard
        self.acknowledged: dict[str, float] = {}  # when the broker had it, in epoch seconds
        self.errors: list[str] = []
        self.full = 0  # how often the buffer had no room
        self.began_s = self.ended_s = time.time()  # the load, in epoch seconds
        self._topic = topic
        self._owners = owners(webhooks)
        self._shards = tuple(self._owners)
        self._prefix = uuid4().hex[:6]
        self._producer = Producer({**CLIENT, "bootstrap.servers": bootstrap_servers})
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="upstream", daemon=True)

    def start(self) -> None:
        self.began_s = time.time()
        self._thread.start()

    def stop(self, timeout_s: float = 120) -> int:
        """Publish no more, and wait for the acknowledgements; how many did not come in time."""
        self._stopping.set()
        self._thread.join(timeout_s)
        self.ended_s = time.time()
        return self._producer.flush(timeout_s)

    @property
    def waiting(self) -> int:
        """Events that are published and not acknowledged."""
        return len(self.published) - len(self.acknowledged)

    def owed(self) -> dict[str, str]:
        """The deliveries owed for acknowledged events, each with its webhook."""
        return self._deliveries(self.acknowledged)

    def possible(self) -> dict[str, str]:
        """The deliveries of all that was published, acknowledged or not."""
        return self._deliveries(self.published)

    def _deliveries(self, event_ids: Mapping[str, object]) -> dict[str, str]:
        return {
            delivery_id(event_id, webhook_id, ACCOUNT_ID): webhook_id
            for event_id in tuple(event_ids)
            for webhook_id in self._owners[self.published[event_id]]
        }

    def _run(self) -> None:
        due, last_s = 0.0, time.monotonic()
        while not self._stopping.is_set():
            now_s = time.monotonic()
            due += min(now_s - last_s, CATCH_UP_S) * self.rate
            last_s = now_s
            while due >= 1 and not self._stopping.is_set():
                self._publish()
                due -= 1
            self._producer.poll(0)
            time.sleep(_TURN_S)

    def _publish(self) -> None:
        number = len(self.published)
        shard = self._shards[number % len(self._shards)]
        event_id = f"{self._prefix}-{number}"
        event = {
            "event_id": event_id,
            "account_id": ACCOUNT_ID,
            "phase": "end",
            "activity": {"id": event_id, "shard": shard},
        }
        self.published[event_id] = shard
        value = json.dumps(event).encode()
        while not self._stopping.is_set():
            with suppress(BufferError):
                self._producer.produce(
                    self._topic,
                    value,
                    event_id.encode(),
                    on_delivery=lambda error, _, it=event_id: self._delivered(error, it),
                )
                return
            self.full += 1
            self._producer.poll(0.05)

    def _delivered(self, error: object, event_id: str) -> None:
        if error is None:
            self.acknowledged[event_id] = time.time()
        else:
            self.errors.append(f"{event_id}: {error}")
