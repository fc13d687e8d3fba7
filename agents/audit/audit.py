"""Reads the topics once and takes their records into the ledger.

Dead letters first, since they explain other records; events last, since they are held against what
is there. Only for deliveries that would count as lost are older records read too: an event or a job
may come a second time when its delivery has ended long ago.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Container, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final, TypeVar

from pydantic import BaseModel, ValidationError

from agents.audit.reading import Span, read
from agents.audit.standing import standing
from agents.audit.traces import TRACES_MAX, Trace, traces
from agents.clock import now_ms
from agents.configs.view import read_configs
from agents.kafka.outgoing import Received
from agents.kafka.standing import Place
from pipeline.audit_claims import claims_of
from pipeline.audit_records import AttemptBrief, FailureBrief, JobBrief
from pipeline.auditing import At, Balance, Ledger, Seen
from pipeline.settings import Settings
from schemas.codec import Malformed, decode
from schemas.dead_letter import DeadLetter
from schemas.event import read_event
from schemas.tiers import TIERS
from schemas.topics import (
    ACTIVITIES,
    ATTEMPTS,
    DEAD_LETTERS,
    FAILURE_TRIGGERS,
    JOBS,
    JOBS_REPLAY,
    JOBS_RETRY,
)

_JOBS: Final = (JOBS, JOBS_RETRY, JOBS_REPLAY)
_TIERS: Final = tuple(tier.topic for tier in TIERS)

_B = TypeVar("_B", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Progress:
    """Whom to tell how many records there are to read, and how many more were read."""

    total: Callable[[int], object] = field(default=lambda _: None)
    advance: Callable[[int], object] = field(default=lambda _: None)


@dataclass(frozen=True, slots=True)
class Audited:
    """An audit's result.

    `removed_unread` records were removed before anybody took them. `messages_waiting` counts, by
    topic, what the notifier has yet to take. `traces` are of the first that is lost.
    """

    since_ms: int
    until_ms: int
    events: int
    dead_letters: int
    removed_unread: int
    balance: Balance
    messages_waiting: dict[str, int]
    traces: tuple[Trace, ...]

    @property
    def is_good(self) -> bool:
        """Whether nothing is lost."""
        return not self.balance.lost and not self.removed_unread


class Audit:
    """One audit of what was written since `since_ms`."""

    def __init__(self, settings: Settings, since_ms: int, progress: Progress) -> None:
        """Find out where everything stands; raises `OperationError` when the broker is away."""
        self._settings = settings
        self._since_ms = since_ms
        self._progress = progress
        self._until_ms = now_ms()
        self._standing = standing(settings, since_ms)
        # Read after that: a change that it misses is one that comes after all the events.
        self._configs = read_configs(settings)
        self._ledger = Ledger()
        self._dead: set[At] = set()
        self._dead_letters = 0
        self._events = 0

    def run(self) -> Audited:
        """Read it all; raises `OperationError` when the broker goes away meanwhile."""
        since, whole = self._standing.written_since, self._standing.whole
        passes = (
            (self._spans((DEAD_LETTERS,), whole), self._take_dead_letter),
            (self._spans((ATTEMPTS,), since), self._take_attempt),
            (self._spans((FAILURE_TRIGGERS,), since), self._take_failure),
            (self._spans((*_JOBS, *_TIERS), since), self._take_job),
            (self._spans((ACTIVITIES,), since), self._take_event),
        )
        self._progress.total(sum(len(span) for spans, _ in passes for span in spans.values()))
        for spans, take in passes:
            for record in read(self._settings, spans, self._progress.advance):
                take(record)
        self._look_back()
        balance = self._ledger.balance()
        return Audited(
            since_ms=self._since_ms,
            until_ms=self._until_ms,
            events=self._events,
            dead_letters=self._dead_letters,
            removed_unread=self._standing.removed_unread,
            balance=balance,
            messages_waiting=self._waiting_elsewhere(),
            traces=traces(self._settings, balance.lost[:TRACES_MAX], self._configs),
        )

    def _spans(self, names: Iterable[str], of: Callable[[Place], Span]) -> dict[Place, Span]:
        topics = map(self._settings.topic, names)
        return {place: of(place) for place in self._standing.places(topics)}

    def _look_back(self) -> None:
        """Look for the ends of what seems to be lost among the records that are older."""
        suspects = self._ledger.suspects()
        if not suspects:
            return
        spans = self._spans((ATTEMPTS, FAILURE_TRIGGERS), self._standing.before)
        self._progress.total(sum(map(len, spans.values())))
        for record in read(self._settings, spans, self._progress.advance):
            if self._name(record.topic) == ATTEMPTS:
                self._take_attempt(record, suspects)
            else:
                self._take_failure(record, suspects)

    def _waiting_elsewhere(self) -> dict[str, int]:
        """What nobody has taken of the topics that hold no deliveries."""
        read_here = {ACTIVITIES, *_JOBS, *_TIERS}
        found: Counter[str] = Counter()
        for place in self._standing.taken:
            name = self._name(place[0])
            if name not in read_here:
                found[name] += self._standing.waiting(place)
        return dict(+found)

    def _take_dead_letter(self, record: Received) -> None:
        seen = self._seen(record)
        self._dead_letters += seen.counts
        with suppress(Malformed):
            letter = decode(DeadLetter, record.value or b"")
            self._dead.add(At(self._name(letter.topic), letter.partition, letter.offset))

    def _take_attempt(self, record: Received, wanted: Container[str] | None = None) -> None:
        attempt = _brief(AttemptBrief, record)
        if attempt is None or not attempt.is_of_a_delivery:
            return
        if wanted is None or attempt.delivery_id in wanted:
            self._ledger.attempt(attempt, self._seen(record))

    def _take_failure(self, record: Received, wanted: Container[str] | None = None) -> None:
        failure = _brief(FailureBrief, record)
        if failure is not None and (wanted is None or failure.job.delivery_id in wanted):
            self._ledger.failure(failure, self._seen(record))

    def _take_job(self, record: Received) -> None:
        """A record of a topic of jobs, or of a tier, which says by a header what it holds."""
        seen = self._seen(record)
        kind = record.named.get("to", JOBS_RETRY)
        if kind in _JOBS:
            job = _brief(JobBrief, record)
            if job is None:
                self._ledger.unreadable(seen)
            else:
                self._ledger.job(job, seen)
            return
        event_id = record.named.get("id", "")
        if seen.waits:
            self._ledger.waits(event_id, seen.at, record.timestamp_ms or self._since_ms)
        if seen.waits or seen.is_dead:
            self._ledger.came_back(event_id)
        elif seen.counts and kind == ACTIVITIES:
            self._ledger.delayed(event_id, seen.at)

    def _take_event(self, record: Received) -> None:
        seen = self._seen(record)
        self._events += seen.counts
        try:
            event = read_event(record.value or b"")
        except Malformed:
            self._ledger.unreadable(seen)
            return
        if event.origin != "upstream":  # what upstream writes was in no tier
            self._ledger.came_back(event.event_id)
        at_ms = record.timestamp_ms or self._since_ms
        if seen.waits:
            self._ledger.waits(event.event_id, seen.at, at_ms)
        elif seen.counts:
            claims = claims_of(event, at_ms, self._configs, self._settings.end_delayed_tier)
            for owed in claims.owed:
                self._ledger.owed(owed.delivery_id, seen, is_certain=owed.is_certain)
            for event_id in () if seen.is_dead else claims.later:
                self._ledger.delayed(event_id, seen.at)

    def _seen(self, record: Received) -> Seen:
        at = At(self._name(record.topic), record.partition, record.offset)
        taken = self._standing.taken.get((record.topic, record.partition))
        return Seen(
            at,
            waits=taken is not None and record.offset >= taken,
            is_dead=at in self._dead,
            counts=record.timestamp_ms is None or record.timestamp_ms >= self._since_ms,
        )

    def _name(self, topic: str) -> str:
        """A topic's name without the installation's prefix."""
        return topic.removeprefix(self._settings.topic_prefix)


def _brief(model: type[_B], record: Received) -> _B | None:
    """What is needed of a record; None when it cannot be read."""
    try:
        return model.model_validate_json(record.value or b"")
    except ValidationError:
        return None
