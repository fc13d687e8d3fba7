"""The publisher of a bench: a process of its own that writes events at a rate, come what may.

    python -m agents.bench.publisher

It is told what to do in JSON lines on standard input, first a `Stream`, then one `Order` after the
other, answers each order with a `Receipt`, and ends when its input does. An event is published
when its time has come, however the ones before it fare; it carries the time of that very moment.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from queue import SimpleQueue
from typing import Any, Final

import orjson
from confluent_kafka import KafkaError, Message, Producer

from agents.kafka.clients import on_producer_error, producer_config
from pipeline.settings import Settings

# Reports are served in slices while there is nothing to publish.
_SLICE_S: Final = 0.2
_NS_PER_S: Final = 1_000_000_000
_MS_PER_S: Final = 1_000


@dataclass(frozen=True, slots=True)
class Stream:
    """Where events go and to whom: (account, shard) in turn. `payload_bytes` is an activity's."""

    bootstrap_servers: str
    topic: str
    addressees: list[tuple[int, int]]
    payload_bytes: int


@dataclass(frozen=True, slots=True)
class Order:
    """A load to publish; `loads` are (events a second, seconds) one after the other.

    `addressees` are those of this load alone; None: the stream's.
    """

    load: int
    loads: list[tuple[float, float]]
    addressees: list[tuple[int, int]] | None = None


@dataclass(frozen=True, slots=True)
class Receipt:
    """What was published: from when to when, how many, how many of these the broker has.

    `late_ms` is how much later than planned an event was published, at worst.
    """

    began_ns: int
    ended_ns: int
    events: int
    acknowledged: int
    late_ms: float


def activity(load: int, event: int, at_ns: int, shard: int, payload_bytes: int) -> bytes:
    """An activity of that size as JSON: all its numbers have a fixed length."""
    head = b'{"bench":"%05d.%010d.%020d","id":"%05d-%010d","shard":%d,"filler":"' % (
        load,
        event,
        at_ns,
        load,
        event,
        shard,
    )
    return head + b"." * (payload_bytes - len(head) - 2) + b'"}'


def event_id(load: int, event: int) -> str:
    """The id of a load's event."""
    return f"{load:05d}-{event:010d}"


def due_times_s(loads: list[tuple[float, float]]) -> Iterator[float]:
    """When each event is to be published, in seconds from the beginning."""
    began_s = 0.0
    for per_second, seconds in loads:
        for number in range(round(per_second * seconds)):
            yield began_s + number / per_second
        began_s += seconds


class Publisher:
    """A producer, and what became of its records."""

    def __init__(self, stream: Stream) -> None:
        """Connect; the first record is written without delay."""
        self._stream = stream
        settings = Settings(bootstrap_servers=stream.bootstrap_servers)
        self._producer = Producer(producer_config(settings) | {"error_cb": on_producer_error})
        self._producer.list_topics(stream.topic, timeout=_SLICE_S * 50)
        self._acknowledged = 0

    def publish(self, order: Order) -> Receipt:
        """Publish all of an order and wait until the broker has it."""
        self._acknowledged = events = 0
        to = order.addressees or self._stream.addressees
        late_s = 0.0
        began_ns, began_s = time.time_ns(), time.monotonic()
        for due_s in due_times_s(order.loads):
            late_s = max(late_s, self._serve_until(began_s + due_s))
            self._send(order.load, events, to[events % len(to)])
            events += 1
        self._serve_until(began_s + sum(seconds for _, seconds in order.loads))
        ended_ns = time.time_ns()
        self._producer.flush()
        return Receipt(began_ns, ended_ns, events, self._acknowledged, late_s * _MS_PER_S)

    def _serve_until(self, due_s: float) -> float:
        """Serve reports until it is time; how late it is by then."""
        self._producer.poll(0)
        while (left_s := due_s - time.monotonic()) > 0:
            self._producer.poll(min(left_s, _SLICE_S))
        return -left_s

    def _send(self, load: int, event: int, addressee: tuple[int, int]) -> None:
        account_id, shard = addressee
        name = event_id(load, event).encode()
        key = b"%d:%b" % (account_id, name)
        while True:
            body = activity(load, event, time.time_ns(), shard, self._stream.payload_bytes)
            value = b'{"event_id":"%b","account_id":%d,"phase":"end","activity":%b}' % (
                name,
                account_id,
                body,
            )
            try:
                self._producer.produce(
                    self._stream.topic, value, key, on_delivery=self._take_report
                )
            except BufferError:
                self._producer.poll(_SLICE_S)
            else:
                return

    def _take_report(self, error: KafkaError | None, _message: Message) -> None:
        self._acknowledged += error is None


def main() -> None:
    """Serve orders, one after the other."""
    lines: SimpleQueue[bytes] = SimpleQueue()
    threading.Thread(target=_listen, args=[lines], daemon=True).start()
    publisher = Publisher(Stream(**_told(lines.get())))
    while True:
        receipt = publisher.publish(Order(**_told(lines.get())))
        sys.stdout.buffer.write(orjson.dumps(asdict(receipt)) + b"\n")
        sys.stdout.buffer.flush()


def _listen(lines: SimpleQueue[bytes]) -> None:
    """Take what comes, and end the process with its input, whatever it is publishing then."""
    for line in iter(sys.stdin.buffer.readline, b""):
        lines.put(line)
    os._exit(0)


def _told(line: bytes) -> dict[str, Any]:
    return dict(orjson.loads(line))


if __name__ == "__main__":
    main()
