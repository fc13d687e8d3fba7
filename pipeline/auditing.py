"""What became of each delivery, by what the topics say: it ended, it waits, or it is lost.

A delivery that is named anywhere must have an end on record for its newest run, or a job that lies
where an agent has yet to take it and is no repeat, or a dead letter; else it is lost. Which of two
records of a delivery is the further one is told as senders tell it (`pipeline.suppression`).

The order in which records are taken in does not matter, with one exception: an event that is owed
to a webhook which was changed since is judged by what is on record, so events come last.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final, Literal, NamedTuple, TypeAlias

from pipeline.audit_records import AttemptBrief, FailureBrief, JobBrief
from pipeline.suppression import NOWHERE, Reach
from schemas.attempt import OutcomeKind

# Whoever waits for a failure of these kinds, a failure trigger or a replay, goes by its record.
_FAILURES: Final[frozenset[OutcomeKind]] = frozenset({"failed", "blocked", "expired"})

Fate: TypeAlias = Literal["ended", "waiting", "dead_letter", "lost", "not_asked"]


class At(NamedTuple):
    """Where a record lies; `topic` without prefix."""

    topic: str
    partition: int
    offset: int


@dataclass(frozen=True, slots=True)
class Seen:
    """What is known of a record beside its content.

    `waits` says that no agent has taken it yet, `is_dead` that it is among the dead letters, and
    `counts` that it lies within the time that is audited. What lies outside serves as evidence.
    """

    at: At
    waits: bool = False
    is_dead: bool = False
    counts: bool = True


@dataclass(slots=True)
class Entry:
    """One delivery. There may be millions, so it holds little, and most of that is shared.

    `furthest` is the furthest job of it that was seen, and `at` where; `recorded` how far it has
    come on record, `buried` by dead letters. `delivered` has a bit for each run that got a 2xx,
    `told` for each that has a final failure.
    """

    at: At
    furthest: Reach = NOWHERE
    recorded: Reach = NOWHERE
    buried: Reach | None = None
    delivered: int = 0
    told: int = 0
    outcome: OutcomeKind | None = None
    counts: bool = False

    @property
    def has_ended(self) -> bool:
        """Whether the newest run that was seen has an end on record."""
        return self.recorded.rerun >= self.furthest.rerun and self.recorded.is_end

    @property
    def ended_as(self) -> OutcomeKind | None:
        """What its newest run on record came to: a 2xx ends it, whatever else is said of it."""
        return "delivered" if self.delivered & self._run else self.outcome

    @property
    def is_untold(self) -> bool:
        """Whether it ended as a failure of which there is no record."""
        return self.ended_as in _FAILURES and not self.told & self._run

    @property
    def _run(self) -> int:
        return 1 << self.recorded.rerun

    def will_be_taken(self, reach: Reach) -> bool:
        """Whether a job so far is neither a repeat nor superseded."""
        return reach > self.recorded and reach.rerun >= self.furthest.rerun


@dataclass(frozen=True, slots=True)
class Waiting:
    """A delivery's furthest job that no agent has taken yet."""

    at: At
    reach: Reach
    since_ms: int


@dataclass(frozen=True, slots=True)
class Lost:
    """Something that should be there and is not; `at` is the last trace of it.

    A `failure` is the record of a delivery's final one; its attempt is there.
    """

    what: Literal["delivery", "failure", "event", "record"]
    id: str
    at: At


@dataclass(frozen=True, slots=True)
class Oldest:
    """The delivery or event that has been under way for longest, and where it waits."""

    id: str
    topic: str
    since_ms: int


@dataclass(slots=True)
class Balance:
    """The sum of it all. `waiting` counts by topic; `unjudged` pairs of an event and a webhook."""

    deliveries: int = 0
    ended: Counter[str] = field(default_factory=Counter)
    waiting: Counter[str] = field(default_factory=Counter)
    dead: int = 0
    duplicates: int = 0
    unjudged: int = 0
    lost: list[Lost] = field(default_factory=list)
    oldest: Oldest | None = None


class Ledger:
    """What was seen so far, by delivery."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self._entries: dict[str, Entry] = {}
        self._waiting: dict[str, Waiting] = {}
        self._delays: dict[str, At] = {}
        self._came: set[str] = set()
        self._unreadable: list[At] = []
        self._reaches: dict[Reach, Reach] = {}
        self._duplicates = 0
        self._unjudged = 0
        self._events: Counter[str] = Counter()
        self._oldest: Oldest | None = None

    def job(self, job: JobBrief, seen: Seen) -> None:
        """A job lies on one of the topics of jobs, or waits in a tier."""
        entry, reach = self._entry(job.delivery_id, seen), self._shared(job.reach)
        if reach >= entry.furthest:
            entry.furthest, entry.at = reach, seen.at
        if seen.is_dead:
            entry.buried = max(entry.buried or NOWHERE, reach)
        if seen.waits:
            known = self._waiting.get(job.delivery_id)
            if known is None or reach > known.reach:
                waiting = Waiting(seen.at, reach, job.first_queued_at_ms)
                self._waiting[job.delivery_id] = waiting

    def attempt(self, attempt: AttemptBrief, seen: Seen) -> None:
        """An attempt, or another end of a delivery, is on record."""
        entry = self._entry(attempt.delivery_id, seen)
        reach = self._shared(attempt.reach)
        if reach >= entry.recorded:
            entry.recorded = reach
            if attempt.next.step == "end":
                entry.outcome = attempt.outcome
        if attempt.outcome == "delivered":
            run = 1 << attempt.rerun
            self._duplicates += bool(entry.delivered & run)
            entry.delivered |= run

    def failure(self, failure: FailureBrief, seen: Seen) -> None:
        """A failure is told to whoever waits for it."""
        if failure.stage == "final":
            self._entry(failure.job.delivery_id, seen).told |= 1 << failure.job.rerun

    def owed(self, delivery_id: str, seen: Seen, *, is_certain: bool) -> None:
        """An event that was matched is owed to a webhook, by the configuration of today.

        If that was another at the time, nobody can say so without a trace of the delivery.
        """
        if not is_certain and delivery_id not in self._entries:
            self._unjudged += 1
            return
        entry = self._entry(delivery_id, seen)
        if seen.is_dead and entry.buried is None:
            entry.buried = NOWHERE

    def delayed(self, event_id: str, at: At) -> None:
        """An event is to come back later, as the one with this id."""
        self._delays[event_id] = at

    def came_back(self, event_id: str) -> None:
        """An event that was put off lies on `activities`, is a dead letter, or waits."""
        self._came.add(event_id)

    def waits(self, event_id: str, at: At, since_ms: int) -> None:
        """An event, or another record that is no job, waits to be taken."""
        self._events[at.topic] += 1
        self._note_age(Oldest(event_id, at.topic, since_ms))

    def unreadable(self, seen: Seen) -> None:
        """A record cannot be read. If an agent took it, it has to be a dead letter."""
        if seen.waits:
            self._events[seen.at.topic] += 1
        elif seen.counts and not seen.is_dead:
            self._unreadable.append(seen.at)

    def suspects(self) -> frozenset[str]:
        """Deliveries of which something would count as lost by what was seen so far."""
        return frozenset(key for key, it in self._entries.items() if self._is_suspect(key, it))

    def balance(self) -> Balance:
        """What it all comes to."""
        found = Balance(duplicates=self._duplicates, unjudged=self._unjudged)
        found.waiting.update(self._events)
        for key, entry in self._entries.items():
            self._enter(found, key, entry)
        found.lost += [Lost("event", it, self._delays[it]) for it in self._missing_events()]
        found.lost += [Lost("record", "", at) for at in self._unreadable]
        found.oldest = self._oldest
        return found

    def _enter(self, found: Balance, key: str, entry: Entry) -> None:
        fate = self._fate(key, entry)
        if fate == "waiting":
            waiting = self._waiting[key]
            found.waiting[waiting.at.topic] += 1
            self._note_age(Oldest(key, waiting.at.topic, waiting.since_ms))
        elif fate == "ended":
            found.ended[entry.ended_as or ""] += 1
            if entry.is_untold:
                found.lost.append(Lost("failure", key, entry.at))
        elif fate == "dead_letter":
            found.dead += 1
        elif fate == "lost":
            found.lost.append(Lost("delivery", key, entry.at))
        found.deliveries += fate != "not_asked"

    def _is_suspect(self, key: str, entry: Entry) -> bool:
        fate = self._fate(key, entry)
        return fate == "lost" or (fate == "ended" and entry.is_untold)

    def _fate(self, key: str, entry: Entry) -> Fate:
        waiting = self._waiting.get(key)
        if waiting is not None and entry.will_be_taken(waiting.reach):
            return "waiting"
        if not entry.counts:
            return "not_asked"
        if entry.has_ended:
            return "ended"
        is_buried = entry.buried is not None and entry.buried >= entry.furthest
        return "dead_letter" if is_buried else "lost"

    def _missing_events(self) -> Iterator[str]:
        return (it for it in self._delays if it not in self._came)

    def _entry(self, delivery_id: str, seen: Seen) -> Entry:
        entry = self._entries.get(delivery_id)
        if entry is None:
            entry = self._entries[delivery_id] = Entry(seen.at)
        entry.counts = entry.counts or seen.counts
        return entry

    def _shared(self, reach: Reach) -> Reach:
        """The same value, of which most deliveries hold one and the same object."""
        return self._reaches.setdefault(reach, reach)

    def _note_age(self, waiting: Oldest) -> None:
        if self._oldest is None or waiting.since_ms < self._oldest.since_ms:
            self._oldest = waiting
