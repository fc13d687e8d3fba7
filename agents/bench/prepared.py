"""Jobs that are there before the load: parked in a tier until a time, or on the topic of replays.

They are what a matcher and a sender would have written, so the system cannot tell the difference.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Final

from confluent_kafka import KafkaError, Message, Producer

from agents.bench.plan import Endpoint
from agents.bench.publisher import activity, event_id
from agents.errors import OperationError
from agents.kafka.clients import producer_config
from agents.kafka.outgoing import new_job, parked_job, trace_of
from agents.kafka.producer import Outgoing
from pipeline.settings import Settings
from schemas.codec import parse_json
from schemas.event import Event, event_from
from schemas.ids import delivery_id
from schemas.job import Body, Job
from schemas.tiers import tier_at_least
from schemas.topics import JOBS_REPLAY

OnDelivery = Callable[[KafkaError | None, Message], None]

_LINGER_MS: Final = 20
_SLICE_S: Final = 0.2
_HOUR_MS: Final = 60 * 60 * 1_000
_NS_PER_MS: Final = 1_000_000

# So many jobs are made and written in a second, on a machine that does little else.
_WRITTEN_PER_S: Final = 4_000
# Time for the last of them to be there, and for the publisher to be asked.
_LEAD_S: Final = 5.0


def lead_s(count: int) -> float:
    """How long before they come due jobs have to be parked."""
    return _LEAD_S + count / _WRITTEN_PER_S


def parked(
    endpoints: Sequence[Endpoint], count: int, due_at_ms: int, load: int, payload_bytes: int
) -> Iterator[Outgoing]:
    """Second attempts for these in turn, all due at one time."""
    now_ms = time.time_ns() // _NS_PER_MS
    tier = tier_at_least(due_at_ms - now_ms)
    for number in range(count):
        job = _job(endpoints[number % len(endpoints)], load, number, due_at_ms, payload_bytes)
        failed = {"attempt": 2, "lane": "retry", "first_failed_at_ms": now_ms}
        failed |= {"due_at_ms": due_at_ms, "body": _body(job.event, payload_bytes, load, number)}
        yield parked_job(job.model_copy(update=failed), tier, trace_of({}))


def replays(
    endpoints: Sequence[Endpoint], count: int, load: int, payload_bytes: int
) -> Iterator[Outgoing]:
    """Replayed deliveries for these in turn."""
    now_ms = time.time_ns() // _NS_PER_MS
    for number in range(count):
        job = _job(endpoints[number % len(endpoints)], load, number, now_ms, payload_bytes)
        record = new_job(job.model_copy(update={"lane": "replay"}), trace_of({}))
        yield replace(record, topic=JOBS_REPLAY)


def write(settings: Settings, records: Iterable[Outgoing], is_over: Callable[[], bool]) -> None:
    """Write all of them, unless it is over before; raises `OperationError` for one refused."""
    refused: list[KafkaError] = []

    def report(error: KafkaError | None, _message: Message) -> None:
        if error is not None:
            refused.append(error)

    producer = Producer(producer_config(settings, linger_ms=_LINGER_MS))
    for record in records:
        _produce(producer, settings.topic(record.topic), record, report)
    while len(producer) and not is_over():
        producer.poll(_SLICE_S)
    if refused:
        raise OperationError(f"{len(refused)} jobs were not taken: {refused[0].str()}")


def _produce(producer: Producer, topic: str, record: Outgoing, report: OnDelivery) -> None:
    while True:
        try:
            producer.produce(
                topic,
                record.value,
                record.key,
                headers=dict(record.headers),
                on_delivery=report,
            )
        except BufferError:
            producer.poll(_SLICE_S)
        else:
            producer.poll(0)
            return


def _job(endpoint: Endpoint, load: int, number: int, queued_at_ms: int, payload_bytes: int) -> Job:
    event = _event(endpoint, load, number, payload_bytes)
    return Job(
        delivery_id=delivery_id(event.event_id, endpoint.webhook_id, endpoint.account_id),
        account_id=endpoint.account_id,
        webhook_id=endpoint.webhook_id,
        config_offset=0,
        event=event,
        first_queued_at_ms=queued_at_ms,
        expires_at_ms=queued_at_ms + _HOUR_MS,
    )


def _event(endpoint: Endpoint, load: int, number: int, payload_bytes: int) -> Event:
    text = activity(load, number, time.time_ns(), endpoint.shard or 0, payload_bytes)
    return event_from(
        {
            "event_id": event_id(load, number),
            "account_id": endpoint.account_id,
            "phase": "end",
            "activity": parse_json(text),
        }
    )


def _body(event: Event, payload_bytes: int, load: int, number: int) -> Body:
    text = activity(load, number, time.time_ns(), int(event.activity["shard"]), payload_bytes)
    return Body(text=text.decode(), content_type="application/json")
