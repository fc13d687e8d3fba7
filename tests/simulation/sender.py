"""A sender made of the production rules, whose I/O is the world's: it can die between any two.

It decides by `Dispatcher`, `Suppression`, `Assignments`, `outcome_of`, `next_step`, `refusal` and
the settlements, in the order of `agents.sender.worker` and `agents.sender.writer`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

from pipeline.assignments import Assignments, Key, Place, Span
from pipeline.bodies import body_for
from pipeline.dispatch import Dispatcher, Queued
from pipeline.offsets import Position
from pipeline.outcomes import Exchange, Outcome, Result, outcome_of
from pipeline.refusals import refusal
from pipeline.requests import as_recorded, request_for
from pipeline.retries import next_step
from pipeline.settlement import Settlement, Taken, after_attempt, deferred, without_attempt
from pipeline.suppression import Noted, Suppression
from schemas.attempt import Position as Source
from schemas.attempt import Timings
from schemas.job import Job
from schemas.topics import JOBS, JOBS_RETRY
from tests.simulation.endpoints import SCRIPTS, configs
from tests.simulation.world import PARTITIONS, Action, World
from tests.support.builders import an_account

KEYS: list[Key] = [(topic, number) for topic in (JOBS, JOBS_RETRY) for number in range(PARTITIONS)]
CONFIGS = configs()
ACCOUNT = an_account()
SECOND_MS = 1_000

Open = tuple[Place, Job]


class Sender:
    """One process, from its start to its end."""

    def __init__(self, world: World, committed: dict[Key, Position]) -> None:
        self.world = world
        self.committed = committed
        self.is_alive = True
        self.dispatcher: Dispatcher[Open] = Dispatcher()
        self.suppression = Suppression()
        self.assignments = Assignments()
        self.next: dict[Key, int] = {}
        self.under_way: list[tuple[str, int]] = []  # requests whose attempt is not on record
        self.in_flight: set[str] = set()  # deliveries with a request, of this assignment
        world.on_append = lambda: self.later(world.between(1, 20), self.poll)
        self.assign()
        self.later(SECOND_MS, self.each_second)

    def later(self, delay_ms: int, action: Action) -> None:
        """Do something, unless the process is dead by then."""
        self.world.at(delay_ms, lambda: action() if self.is_alive else None)

    def crash(self) -> None:
        self.is_alive = False
        self.world.interrupted.update(self.under_way)
        self.world.note("crash")

    def assign(self) -> None:
        """Read back from the floors that were committed, then read on from the positions."""
        spans = {}
        for number in range(PARTITIONS):
            lanes = [key for key in KEYS if key[1] == number and key in self.committed]
            start = min((self.committed[key].floor for key in lanes), default=0)
            log = self.world.attempts[number]
            spans[number] = span = Span(start, len(log))
            for attempt in log[start:]:
                source = attempt.source
                span.tells_of((source.topic, source.partition), source.offset)
                self.suppression.note(_noted(attempt))
        self.assignments.assign(KEYS, spans)
        self.next = {key: self.committed.get(key, Position(0, 0)).offset for key in KEYS}
        self.later(self.world.between(1, 50), self.poll)

    def lose(self) -> None:
        """Its partitions go, and come back after a while; what is in flight goes on."""
        epochs = self.assignments.epochs(KEYS)
        if not epochs:
            return
        self.world.interrupted.update(self.under_way)
        self.in_flight.clear()
        self.dispatcher.drop(lambda waiting: waiting[0].epoch in epochs)
        self.suppression.let_go(epochs)
        if self.world.happens(0.5):
            self.commit()
        self.assignments.forget(KEYS)
        self.world.note("lost")
        self.later(self.world.between(0, 3_000), self.assign)

    def commit(self) -> None:
        self.committed |= self.assignments.uncommitted(self.assignments.keys)

    def each_second(self) -> None:
        self.commit()
        for queued in self.dispatcher.overdue(self.world.now_ms):
            self.put_off(queued.job, "endpoint_busy")
        if not self.world.is_over:
            self.later(SECOND_MS, self.each_second)

    def poll(self) -> None:
        """Read a few jobs of each partition."""
        for key in self.assignments.keys:
            waiting = self.world.jobs[key][self.next[key] :][: self.world.between(1, 5)]
            for job in waiting:
                place = self.assignments.handed_out(key, self.next[key], 100)
                self.next[key] += 1
                self.take_in(place, job)
            if waiting:
                self.later(self.world.between(1, 20), self.poll)
        self.start_jobs()

    def take_in(self, place: Place, job: Job) -> None:
        admission = self.suppression.admission(job, place.epoch)
        waiting = (place, job)
        if admission == "repeat":
            self.assignments.completed(place, None)
        elif admission == "too_early":
            self.put_off(waiting, "delivery_under_way")
        elif refused := refusal(job, CONFIGS, now_ms=self.world.now_ms):
            self.settle(waiting, self.refused(waiting, refused))
        else:
            queued = Queued(job.webhook_id, job.lane, self.world.now_ms, waiting)
            ceiling = CONFIGS.webhook(job.account_id, job.webhook_id).concurrency_max
            if not self.dispatcher.add(queued, concurrency_max=ceiling):
                self.put_off(waiting, "endpoint_queue_full")

    def start_jobs(self) -> None:
        while (queued := self.dispatcher.take()) is not None:
            self.attempt(queued.job)

    def attempt(self, started: Open) -> None:
        _, job = started
        if refused := refusal(job, CONFIGS, now_ms=self.world.now_ms):
            self.dispatcher.finished(job.webhook_id, "none")
            self.settle(started, self.refused(started, refused))
            return
        which = (job.delivery_id, job.attempt)
        assert job.delivery_id not in self.in_flight, "two requests of a delivery at once"
        self.in_flight.add(job.delivery_id)
        self.world.requests[which] += 1
        self.under_way.append(which)
        self.world.note("request", job.delivery_id[-4:], job.attempt)
        result, took_ms = SCRIPTS[job.webhook_id](self.world, self.world.requests[which])
        self.later(took_ms, lambda: self.answered(started, result))

    def answered(self, started: Open, result: Result) -> None:
        place, job = started
        if place.epoch in self.assignments.epochs(KEYS):
            self.in_flight.discard(job.delivery_id)
        now_ms, chance = self.world.now_ms, self.world.chance
        taken = self.taken(started)
        body = job.body or body_for(taken.webhook, ACCOUNT, job.event, public_url="")
        request = request_for(taken.webhook, ACCOUNT, job, body, now_s=now_ms // 1_000)
        outcome = outcome_of(result, now_ms=now_ms)
        self.dispatcher.finished(
            job.webhook_id, "overloaded" if outcome.is_overload else "answered"
        )
        draw = chance.random()
        step = next_step(job, outcome, taken.webhook.retry, now_ms=now_ms, draw=draw)
        if outcome.kind != "delivered":
            taken = replace(taken, job=job.model_copy(update={"body": body}))
        exchange = Exchange(as_recorded(request), result, Timings())
        self.settle(started, after_attempt(taken, exchange, outcome, step, now_ms=now_ms))
        self.start_jobs()

    def refused(self, ended: Open, why: Outcome) -> Settlement:
        return without_attempt(self.taken(ended), why, now_ms=self.world.now_ms)

    def put_off(self, waiting: Open, reason: str) -> None:
        draw = self.world.chance.random()
        now_ms = self.world.now_ms
        self.settle(waiting, deferred(self.taken(waiting), reason, "", now_ms=now_ms, draw=draw))

    def taken(self, waiting: Open) -> Taken:
        place, job = waiting
        source = Source(topic=place.topic, partition=place.partition, offset=place.offset)
        return Taken(job, source, CONFIGS.webhook(job.account_id, job.webhook_id))

    def settle(self, ended: Open, settlement: Settlement) -> None:
        """Write what follows, then the attempt; each write is sent, lands, and is acknowledged."""
        self.write(self.writes(ended, settlement))

    def writes(self, ended: Open, settlement: Settlement) -> Iterator[Callable[[], int | None]]:
        """The writes of a settlement, in turn; the job is done when the last is acknowledged."""
        world = self.world
        for failure in settlement.failures:
            yield lambda failure=failure: world.failures.append(failure)
        if settlement.parked is not None:
            parked = settlement.parked
            yield lambda: world.park(parked.job, parked.tier)
        place, _ = ended
        offsets: list[int] = []
        yield lambda: offsets.append(self.record(place, settlement))
        self.suppression.settled(_noted(settlement.attempt), place.epoch)
        self.assignments.completed(place, offsets[0])

    def record(self, place: Place, settlement: Settlement) -> int:
        which = (settlement.attempt.delivery_id, settlement.attempt.attempt)
        if settlement.attempt.request is not None:
            self.under_way.remove(which)
        return self.world.record(place.partition, settlement.attempt)

    def write(self, writes: Iterator[Callable[[], int | None]]) -> None:
        try:
            append = next(writes)
        except StopIteration:
            return
        self.world.at(self.write_ms(), lambda: self.land(append, writes))

    def land(self, append: Action, writes: Iterator[Callable[[], int | None]]) -> None:
        """What was sent before a crash lands, or does not."""
        if self.is_alive or self.world.happens(0.5):
            append()
        self.later(self.write_ms(), lambda: self.write(writes))

    def write_ms(self) -> int:
        """A few milliseconds, or longer than a retry waits in the shortest tier."""
        return 8_000 if self.world.happens(0.02) else self.world.between(0, 3)


def _noted(attempt) -> Noted:
    return Noted(attempt.delivery_id, attempt.attempt, attempt.deferrals, attempt.next.step)
