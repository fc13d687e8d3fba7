"""The books of a chaos run: what was owed against what came, and why anything came twice.

Pure: records in, a verdict out. Times are seconds since the epoch, by clocks of one machine that
no fault touches: the receiver's, and those of the Kafka clients.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Final

from tests.chaos.repeats import Incident, Recorded, Repeat, Request, recorded_by_request, repeats

# A killed sender's last requests may be read this much later by the receiver.
STRAGGLE_S: Final = 1.0
# No request takes as long; an older one from such a port belongs to another process.
FLIGHT_S_MAX: Final = 60.0


@dataclass(frozen=True, slots=True)
class Answer:
    """How a request ended at the receiver: a status, `reset`, or `left` by the one who asked."""

    at_s: float
    how: str

    @property
    def is_success(self) -> bool:
        return self.how.startswith("2")


@dataclass(frozen=True, slots=True)
class AtKill:
    """One kill: requests in flight then, by the records and by the receiver, and what it cost.

    `unrecorded` had come to the receiver and their attempts were never on record by the one who was
    killed; `unanswered` are those of them that the receiver had not answered.
    """

    cause: str
    at_s: float
    unrecorded: int
    unanswered: int
    repeats: int


@dataclass(frozen=True, slots=True)
class Books:
    """All that a run left behind."""

    owed: Mapping[str, str]  # deliveries of acknowledged events, and their webhooks
    possible: Mapping[str, str]  # the same of all events, acknowledged or not
    requests: Sequence[Request]
    answers: Mapping[int, Answer]
    records: Sequence[Recorded]
    finals: Counter[str] = field(default_factory=Counter)  # final failures, by delivery
    dead: Mapping[str, str] = field(default_factory=dict)  # deliveries in dead letters, and why
    incidents: Sequence[Incident] = ()
    events: int = 0
    published: int = 0
    load_s: tuple[float, float] | None = None  # from when to when events were published
    job_copies: int = 0  # records of jobs beyond one for each (delivery, attempt, deferrals)


@dataclass(frozen=True)
class Verdict:
    """What a run came to. `lost` must be empty, and so must `false` and `unknown`."""

    events: int
    published: int
    owed: int
    requests: int
    delivered: int
    ended: Counter[str]  # owed deliveries that ended otherwise, by reason
    lost: tuple[str, ...]  # owed, no 2xx, no end on record
    open: tuple[str, ...]  # owed and delivered, but no end on record
    unknown: tuple[str, ...]  # requested, though no event asked for it
    false: tuple[str, ...]  # `delivered` on record, no 2xx at the receiver
    unannounced: tuple[str, ...]  # failed for good on record, no final failure written
    repeats: tuple[Repeat, ...]
    kills: tuple[AtKill, ...]
    late: int
    deferrals: Counter[str]  # jobs put off without an attempt, by reason
    job_copies: int
    finals_twice: int
    silence_s: float
    silence_at_s: float

    @property
    def is_good(self) -> bool:
        """Nothing lost, nothing invented, nothing left open."""
        wrong = (self.lost, self.open, self.unknown, self.false, self.unannounced)
        return not any(wrong)

    @property
    def in_flight(self) -> int:
        """Requests in flight at all kills."""
        return sum(kill.unrecorded for kill in self.kills)

    @property
    def ratio(self) -> float | None:
        """Repeats for each request in flight at a kill; None without one."""
        return len(self.repeats) / self.in_flight if self.in_flight else None

    @property
    def causes(self) -> Counter[str]:
        """Repeats by cause."""
        return Counter(repeat.cause for repeat in self.repeats)

    @property
    def recorded_repeats(self) -> tuple[Repeat, ...]:
        """Requests that were made again although the first was on record by then."""
        return tuple(repeat for repeat in self.repeats if repeat.was_recorded)


def verdict(books: Books) -> Verdict:
    """Compare what was owed with what came."""
    succeeded = {
        it.delivery_id
        for it in books.requests
        if it.number in books.answers and books.answers[it.number].is_success
    }
    ends = {it.delivery_id: it for it in books.records if it.step == "end"}
    accounted = succeeded | ends.keys() | books.finals.keys() | books.dead.keys()
    recorded = recorded_by_request(books.requests, books.records)
    found = repeats(books.requests, recorded, books.incidents)
    silence_s, silence_at_s = longest_gap((it.at_s for it in books.requests), books.load_s)
    return Verdict(
        events=books.events,
        published=books.published,
        owed=len(books.owed),
        requests=len(books.requests),
        delivered=len(succeeded & books.owed.keys()),
        ended=_reasons(books, succeeded, ends),
        lost=tuple(sorted(books.owed.keys() - accounted)),
        open=tuple(sorted((books.owed.keys() & succeeded) - ends.keys() - books.dead.keys())),
        unknown=tuple(sorted({it.delivery_id for it in books.requests} - books.possible.keys())),
        false=tuple(
            sorted(
                {it.delivery_id for it in books.records if it.outcome == "delivered"} - succeeded
            )
        ),
        unannounced=tuple(
            sorted(key for key, it in ends.items() if _is_failure(it) and not books.finals[key])
        ),
        repeats=found,
        kills=_kills(books, recorded, found),
        late=sum(it.step == "late" for it in books.records),
        deferrals=Counter(it.reason for it in books.records if it.step == "defer"),
        job_copies=books.job_copies,
        finals_twice=sum(count - 1 for count in books.finals.values()),
        silence_s=silence_s,
        silence_at_s=silence_at_s,
    )


def longest_gap(
    times_s: Iterable[float], within_s: tuple[float, float] | None = None
) -> tuple[float, float]:
    """The longest time without an arrival, and its begin; the ends of `within_s` are arrivals."""
    began_s, ended_s = within_s or (float("-inf"), float("inf"))
    ordered = sorted([*(it for it in times_s if began_s < it < ended_s), *(within_s or ())])
    gaps = ((later - earlier, earlier) for earlier, later in pairwise(ordered))
    return max(gaps, default=(0.0, 0.0))


def in_flight(
    kill: Incident, requests: Iterable[Request], recorded: Mapping[int, Recorded]
) -> list[Request]:
    """The killed process's requests that were not on record when it was killed."""
    return [
        it
        for it in requests
        if kill.ports is not None
        and it.port in kill.ports
        and -FLIGHT_S_MAX <= it.at_s - kill.began_s <= STRAGGLE_S
        and (it.number not in recorded or recorded[it.number].at_s > kill.began_s)
    ]


def _kills(
    books: Books, recorded: Mapping[int, Recorded], found: Sequence[Repeat]
) -> tuple[AtKill, ...]:
    kills = [it for it in books.incidents if it.is_kill]
    flying = [in_flight(kill, books.requests, recorded) for kill in kills]
    owners = {it.number: place for place, each in enumerate(flying) for it in each}
    costs = Counter(owners.get(it.first.number, _last_before(it, kills)) for it in found)
    return tuple(
        AtKill(
            kill.cause,
            kill.began_s,
            len(flying[place]),
            sum(not _was_answered(it, kill.began_s, books.answers) for it in flying[place]),
            costs[place],
        )
        for place, kill in enumerate(kills)
    )


def _last_before(repeat: Repeat, kills: Sequence[Incident]) -> int | None:
    """The kill that a repeat of something on record is held against; None when none came before."""
    places = [place for place, it in enumerate(kills) if it.began_s <= repeat.second.at_s]
    return max(places, key=lambda place: kills[place].began_s, default=None)


def _was_answered(request: Request, at_s: float, answers: Mapping[int, Answer]) -> bool:
    answer = answers.get(request.number)
    return answer is not None and answer.how != "left" and answer.at_s <= at_s


def _reasons(books: Books, succeeded: set[str], ends: Mapping[str, Recorded]) -> Counter[str]:
    ended: Counter[str] = Counter()
    for delivery_id in books.owed.keys() - succeeded:
        if delivery_id in ends:
            ended[f"{ends[delivery_id].outcome}: {ends[delivery_id].reason}"] += 1
        elif delivery_id in books.dead:
            ended[f"dead letter: {books.dead[delivery_id]}"] += 1
        elif books.finals[delivery_id]:
            ended["final failure, not among the attempts"] += 1
    return ended


def _is_failure(record: Recorded) -> bool:
    return record.outcome not in {"delivered", "skipped"}
