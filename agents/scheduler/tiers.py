"""The thread that reads all tiers: what is due is written to its topic, at a bounded rate.

Within a partition of a tier the head is due first, so a partition whose head is not due is paused
until it is, and read again from there. So is one whose turn has not come when more is due than may
go: nothing is held in memory. An offset is committed only when the record stands on the topic it
went to, and soon then: a crash repeats what was on its way and what went out since.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import structlog
from confluent_kafka import KafkaError, KafkaException, Message, Producer, TopicPartition

from agents import metrics
from agents.clock import now_ms
from agents.kafka.clients import on_producer_error, producer_config
from agents.kafka.group_consumer import RELEASE_S_MAX, GroupConsumer
from agents.kafka.groups import SCHEDULERS
from agents.kafka.log_ends import Place as LogPlace
from agents.kafka.outgoing import Received, dead_letter, received
from agents.kafka.producer import Outgoing, is_too_large
from agents.kafka.retention import logs_of, removed_before
from agents.scheduler.gauges import set_tier_gauges
from agents.scheduler.partition import TierPartition
from pipeline.assignments import Key, Place, Span
from pipeline.due import Due, Verdict, due_of
from pipeline.offsets import Position
from pipeline.settings import Settings
from pipeline.turns import Turns
from schemas.codec import Fault, Malformed
from schemas.tiers import TIERS
from schemas.topics import DEAD_LETTERS

# A record that was not acknowledged is written again after so long.
_AGAIN_S: Final = 1.0
_TIERS: Final = {tier.topic: tier for tier in TIERS}

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class LogSpans:
    """Where logs begin and end, by prefixed topic and number, at some moment between two times."""

    asked_at_s: float
    answered_at_s: float
    begins: Mapping[LogPlace, int]
    ends: Mapping[LogPlace, int]


class TierConsumer(GroupConsumer):
    """The one thread that reads all tiers and writes what is due."""

    # A kill repeats what went out since the last commit: at the usual rate a hundred records.
    commit_every_s = 0.1

    def __init__(self, settings: Settings) -> None:
        """Create the clients; `start_thread` joins the group."""
        # A partition that is resumed waits for the fetch under way to come back.
        super().__init__(settings, SCHEDULERS, _TIERS, {"fetch.wait.max.ms": 100})
        self._producer = Producer(producer_config(settings) | {"error_cb": on_producer_error})
        self._partitions: dict[Key, TierPartition] = {}
        self._turns = Turns(settings.scheduler_rate_max, now_s=time.monotonic())
        self._doubtful: set[Key] = set()
        self._again: deque[tuple[float, Outgoing, Place]] = deque()
        self._refused: deque[tuple[Outgoing, Place]] = deque()
        self._told: deque[LogSpans] = deque(maxlen=1)

    @property
    def log_places(self) -> list[LogPlace]:
        """The partitions held now, for whoever asks where they begin and end. For any thread."""
        return [(self.settings.topic(topic), number) for topic, number in list(self._partitions)]

    def tell(self, spans: LogSpans) -> None:
        """Take in, at the next turn, where logs begin and end. For any thread."""
        self._told.append(spans)

    def take_in(self, key: Key, message: Message) -> None:
        """Pass a record on if it is due and may go; if not, hold its partition back there."""
        partition = self._partitions.get(key)
        if partition is None or not self.may_resume(key):
            return  # behind a head that is held back: it comes again with it
        record, now_s, wall_ms = received(message), time.monotonic(), now_ms()
        if not self.is_certain:
            self._doubtful.add(key)
            self._stay_at(key, record.offset)
            return
        self._note_gap(key, partition, record.offset)
        due = _due_of(record)
        if isinstance(due, Due):
            partition.read(record.timestamp_ms, due.at_ms)
            found = partition.judged(record.offset, due, wall_ms=wall_ms, now_s=now_s)
            self._note_disagreement(key, partition, found, now_s)
            if found.at_s > now_s:
                partition.hold(record.offset, due, now_s)
                self._turns.brings_nothing(key)
                self._stay_at(key, record.offset)
                return
        if not self._turns.may_pass(key, now_s):
            metrics.HELD_TO_RATE.labels(partition.tier.name).inc()
            self._stay_at(key, record.offset)
            return
        self._pass_on(key, record, due, wall_ms)
        partition.next_offset = record.offset + 1
        self._end_turn_at_end(key, record.offset)

    def after_turn(self) -> None:
        """Take reports, write again what was refused and is still ours, wake what may go."""
        self._producer.poll(0)
        now_s = time.monotonic()
        while self._again and self._again[0][0] <= now_s:
            _, outgoing, place = self._again.popleft()
            if self._is_ours(place):
                self._write(outgoing, place)
        while self._refused:
            outgoing, place = self._refused.popleft()
            if self._is_ours(place):
                self._write_alone(outgoing, place)
        if self._told:
            self._take_in_spans(self._told.popleft())
        if self.is_certain and not self.is_standing_still:
            self._wake(now_s)

    def prepare(self, partitions: list[TopicPartition]) -> dict[int, Span]:
        """Begin with new partitions where their last owner stopped."""
        for key, log in logs_of(self.consumer, partitions, self.key_of).items():
            self._turns.forget(key)
            self._partitions[key] = TierPartition(_TIERS[key[0]], log.begin)
        return {}

    def release(self, keys: list[Key]) -> None:
        """Wait, for a bounded time, for reports; what has none is read again by its new owner."""
        self._producer.flush(RELEASE_S_MAX)
        self.lose(keys)

    def lose(self, keys: list[Key]) -> None:
        """Let partitions go."""
        for key in keys:
            self._turns.forget(key)
            self._doubtful.discard(key)
            self._partitions.pop(key, None)

    def may_resume(self, key: Key) -> bool:
        """Leave alone what is not due, whose turn has not come, or what may not be ours."""
        partition = self._partitions.get(key)
        is_held = partition is not None and partition.held is not None
        return not is_held and key not in self._doubtful and not self._turns.is_waiting(key)

    def metadata(self, position: Position) -> str:  # noqa: ARG002 - the offset says it all
        """Keep nothing beside an offset."""
        return ""

    def _is_ours(self, place: Place) -> bool:
        return place.epoch in self.assignments.epochs([(place.topic, place.partition)])

    def _stay_at(self, key: Key, offset: int) -> None:
        head = self.place_of(key, offset)
        self.consumer.pause([head])
        self.consumer.seek(head)

    def _wake(self, now_s: float) -> None:
        """Read on where the head has become due, where the turn has come, where doubt is over."""
        wall_ms, doubtful = now_ms(), list(self._doubtful)
        for key, partition in self._partitions.items():
            held = partition.held
            if held is None:
                continue
            found = partition.verdict_on_held(held, wall_ms=wall_ms, now_s=now_s)
            self._note_disagreement(key, partition, found, now_s)
            if found.at_s <= now_s:
                partition.wake(held)
                self.consumer.resume([self.place_of(key)])
        self._doubtful.clear()
        for key in [*self._turns.woken(now_s), *doubtful]:
            self.consumer.resume([self.place_of(key)])

    def _end_turn_at_end(self, key: Key, offset: int) -> None:
        """Leave the rest of a share to others when there is no further record, as far as known."""
        _, end = self.consumer.get_watermark_offsets(self.place_of(key), cached=True)
        if offset + 1 >= end:
            self._turns.brings_nothing(key)

    def _note_gap(self, key: Key, partition: TierPartition, offset: int) -> None:
        """Tell of records that are not there any more: a tier has no other gaps."""
        removed_before(self.settings.topic(key[0]), key, partition.next_offset, offset)
        partition.next_offset = offset

    def _note_disagreement(
        self, key: Key, partition: TierPartition, found: Verdict, now_s: float
    ) -> None:
        if partition.begins_to_disagree(found, now_s):
            metrics.CLOCKS_DISAGREE.labels(partition.tier.name).inc()
            _log.warning(
                "clocks.disagree",
                topic=self.settings.topic(key[0]),
                partition=key[1],
                due_too_far_ahead_s=round(found.disagreement_s, 1),
                mend="look at the clocks of the senders and of this machine; until they agree, "
                "records wait for their tier's delay, measured here",
            )

    def _take_in_spans(self, spans: LogSpans) -> None:
        ends: dict[Key, int] = {}
        for key, partition in self._partitions.items():
            place = (self.settings.topic(key[0]), key[1])
            if place not in spans.ends:  # it came since they were asked for
                continue
            ends[key], begin = spans.ends[place], spans.begins[place]
            partition.saw(ends[key], asked_at_s=spans.asked_at_s, answered_at_s=spans.answered_at_s)
            removed_before(place[0], key, partition.next_offset, begin)
            partition.next_offset = max(partition.next_offset, begin)
        set_tier_gauges(self._partitions, ends, now_ms())

    def _pass_on(self, key: Key, record: Received, due: Due | Malformed, wall_ms: int) -> None:
        place = self.assignments.handed_out(key, record.offset, len(record.value or b""))
        if place is None:
            return
        if isinstance(due, Malformed):
            metrics.DEAD_LETTERS.labels(key[0]).inc()
            self._write(dead_letter(record, due, wall_ms), place)
            return
        metrics.FORWARDED.labels(_TIERS[key[0]].name).inc()
        metrics.FORWARD_DELAY.observe((wall_ms - due.at_ms) / 1_000)
        self._write(Outgoing(due.to, record.key, record.value, record.named), place)

    def _write(self, outgoing: Outgoing, place: Place) -> None:
        def on_report(error: KafkaError | None, _message: Message) -> None:
            if error is None:
                self.assignments.completed(place, None)
            elif is_too_large(error) and outgoing.topic != DEAD_LETTERS:
                self._refused.append((outgoing, place))
            else:
                self._write_later(outgoing, place, error.str())

        try:
            self._producer.produce(
                self.settings.topic(outgoing.topic),
                key=outgoing.key,
                value=outgoing.value,
                headers=dict(outgoing.headers),
                on_delivery=on_report,
            )
        except (BufferError, KafkaException) as error:
            self._write_later(outgoing, place, str(error))

    def _write_alone(self, outgoing: Outgoing, place: Place) -> None:
        """Write a record once more without others, one of which may have been what was too large.

        If it is refused again its topic will never take it, but that of dead letters takes more.
        """
        self._producer.flush(RELEASE_S_MAX)
        refused_before = len(self._refused)
        self._write(outgoing, place)
        self._producer.flush(RELEASE_S_MAX)
        if len(self._refused) > refused_before:
            self._bury(*self._refused.pop())

    def _bury(self, outgoing: Outgoing, place: Place) -> None:
        size_bytes = len(outgoing.value or b"")
        fault = Fault("", f"{size_bytes} bytes are too many for {outgoing.topic}")
        headers = tuple((name, value.encode()) for name, value in outgoing.headers.items())
        topic = self.settings.topic(place.topic)
        record = Received(
            topic, place.partition, place.offset, None, outgoing.key, outgoing.value, headers
        )
        metrics.DEAD_LETTERS.labels(place.topic).inc()
        _log.error("record.too_large", topic=topic, partition=place.partition, offset=place.offset)
        self._write(dead_letter(record, Malformed((fault,)), now_ms()), place)

    def _write_later(self, outgoing: Outgoing, place: Place, why: str) -> None:
        _log.error("record.not_written", topic=outgoing.topic, error=why, again_s=_AGAIN_S)
        self._again.append((time.monotonic() + _AGAIN_S, outgoing, place))


def _due_of(record: Received) -> Due | Malformed:
    try:
        return due_of(record.named)
    except Malformed as malformed:
        return malformed
