"""Reading parts of partitions to their ends, without a group, as one stream in no certain order."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from agents.errors import OperationError
from agents.kafka.clients import reader_config
from agents.kafka.outgoing import Received, received
from agents.kafka.standing import Place
from pipeline.settings import Settings

# Large enough that Python's calls cost little beside what is done with each record.
_BATCH: Final = 1_000
_WAIT_S: Final = 0.1

# A broker that sends nothing for so long, while there is more, is called away.
SILENCE_S_MAX: Final = 30.0


@dataclass(frozen=True, slots=True)
class Span:
    """The records of a partition from the offset `start` until before `end`."""

    start: int
    end: int

    def __len__(self) -> int:
        """How many there are at most: some may have been removed."""
        return max(self.end - self.start, 0)


def read(
    settings: Settings,
    spans: Mapping[Place, Span],
    advance: Callable[[int], object] = lambda _: None,
) -> Iterator[Received]:
    """Every record of these spans; raises `OperationError` when the broker goes away meanwhile.

    `advance` is told how many more have been read.
    """
    left = {place: span.end for place, span in spans.items() if len(span)}
    if not left:
        return
    consumer = Consumer(reader_config(settings))
    try:
        consumer.assign([TopicPartition(*place, spans[place].start) for place in left])
        heard_at_s = time.monotonic()
        while left:
            messages = consumer.consume(_BATCH, _WAIT_S)
            open_before = len(left)
            yield from _wanted(consumer, messages, left)
            came = sum(it.error() is None for it in messages)
            advance(came)
            if came or len(left) < open_before:
                heard_at_s = time.monotonic()
            elif time.monotonic() - heard_at_s > SILENCE_S_MAX:
                raise OperationError(f"reading stopped: nothing came for {SILENCE_S_MAX:g} s")
    finally:
        consumer.close()


def _wanted(
    consumer: Consumer, messages: list[Message], left: dict[Place, int]
) -> Iterator[Received]:
    """The records that belong to what is left, which partitions that are done leave."""
    for message in messages:
        place = (message.topic() or "", int(message.partition() or 0))
        end = left.get(place)
        if end is None:
            continue
        offset = int(message.offset() or 0)
        if message.error() is None and offset < end:
            yield received(message)
        if offset >= end - 1 or _is_at_end(message):
            del left[place]
            consumer.pause([TopicPartition(*place)])


def _is_at_end(message: Message) -> bool:
    """Whether it says that there are no more records; raises for any other lasting error."""
    error = message.error()
    if error is not None and error.code() == KafkaError._FATAL:  # noqa: SLF001 - its public name
        raise KafkaException(error)
    return error is not None and error.code() == KafkaError._PARTITION_EOF  # noqa: SLF001 - likewise
