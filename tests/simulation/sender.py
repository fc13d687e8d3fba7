"""A sender's process in a world: the production decisions, with I/O that can be cut off anywhere.

`pipeline.sending` decides and `pipeline.assignments` keeps the offsets, as in `agents.sender`; what
they ask for takes the world's time here. Between any two steps the process may die, freeze, or lose
its partitions, knowing it or not.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from agents.sender.following import AFTER_S, BEFORE_S
from pipeline.assignments import Assignments, Key, Place, Span
from pipeline.bodies import body_for
from pipeline.commands import Bury, Close, Command, OpenJob, Start, Write
from pipeline.offsets import Position
from pipeline.outcomes import Exchange, Result
from pipeline.requests import as_recorded, request_for
from pipeline.sending import Sending
from pipeline.settlement import Parked, Settlement
from schemas.attempt import Attempt, Timings
from schemas.failure import Failure
from schemas.topics import JOBS, JOBS_REPLAY, JOBS_RETRY
from tests.simulation.endpoints import FAULTY, SCRIPTS
from tests.simulation.limits import Limits
from tests.simulation.reruns import followed
from tests.simulation.world import Action, Try, World, noted_in, try_of
from tests.support.builders import an_account

ACCOUNT = an_account()
SECOND_MS = 1_000
# How often whoever follows the attempts takes in what is new.
FOLLOW_MS = 200
LANES = (JOBS, JOBS_RETRY, JOBS_REPLAY)


def keys_of(numbers: Iterable[int]) -> list[Key]:
    """The lanes of these partition numbers."""
    return [(topic, number) for number in numbers for topic in LANES]


class Sender:
    """One process, from its start to its end."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.is_alive = True
        self.is_certain = True
        self.frozen_until_ms = 0
        self.configs = followed(world, self.later)
        self.sending = Sending(self.configs, world.chance.random)
        self.assignments = Assignments()
        self.next: dict[Key, int] = {}
        self.known: dict[int, int] = {}  # partition number -> the term of its assignment
        self.under_way: dict[Place, Try] = {}  # requests that are not on record
        self.cut_off: set[Place] = set()  # of these, those that somebody may repeat
        self.followed: dict[int, int] = {}  # partition number -> until when
        self.unwritten: dict[Place, int] = {}  # epochs of jobs whose records are being written
        self.limits = Limits(world)
        self.wakes_at_ms: int | None = None
        self.released: set[int] = set()  # epochs
        self.lost: set[int] = set()
        self.later(SECOND_MS, self.each_second)

    def later(self, delay_ms: int, action: Action) -> None:
        """Do something, unless the process is dead by then; when it is frozen, after that."""

        def run() -> None:
            if not self.is_alive:
                return
            if self.world.now_ms < self.frozen_until_ms:
                self.later(self.frozen_until_ms - self.world.now_ms, action)
            else:
                action()

        self.world.at(delay_ms, run)

    def owns(self, number: int) -> bool:
        """Whether a partition is this sender's still, or again, by the assignment that it knows."""
        return (
            self.world.owners.get(number) is self
            and self.known.get(number) == (self.world.terms[number])
        )

    def interrupt(self, place: Place) -> None:
        """A request is not on record now and may be repeated, and rightly so: once."""
        if place not in self.cut_off:
            self.cut_off.add(place)
            self.world.interrupted[self.under_way[place]] += 1

    # What a group does to its member

    def assign(self, numbers: list[int]) -> None:
        """Read back from the floors that were committed, then read on from the positions."""
        self.lose(numbers)  # what it had of them before it lost and got them again
        self.known |= {number: self.world.terms[number] for number in numbers}
        keys, committed = keys_of(numbers), self.world.committed
        spans, noted = {}, []
        for number in numbers:
            lanes = [key for key in keys if key[1] == number and key in committed]
            floor = min((committed[key].floor for key in lanes), default=0)
            start = max(floor - self.world.margin, 0)
            log = self.world.attempts[number]
            spans[number] = span = Span(start, len(log))
            for attempt in log[start:]:
                source = attempt.source
                span.tells_of((source.topic, source.partition), source.offset)
                noted.append(noted_in(attempt))
        self.sending.read_back(noted)
        self.assignments.assign(keys, spans)
        self.next |= {key: committed.get(key, Position(0, 0)).offset for key in keys}
        self.later(self.world.between(1, 50), self.poll)
        for number in numbers:
            self.follow(number)

    def follow(self, number: int) -> None:
        """Take in what was recorded from a minute ago and for a while, as `agents.sender` does."""
        now_ms, log = self.world.now_ms, self.world.attempts[number]
        is_followed = number in self.followed
        self.followed[number] = now_ms + round(AFTER_S * SECOND_MS)
        if not is_followed:
            since_ms = now_ms - round(BEFORE_S * SECOND_MS)
            new = (place for place, it in enumerate(log) if it.at_ms >= since_ms)
            start = next(new, len(log))
            self.later(FOLLOW_MS, lambda: self.follow_on(number, start))

    def follow_on(self, number: int, reached: int) -> None:
        """Take in what is new, and look again in a moment."""
        log = self.world.attempts[number]
        self.sending.read_back(map(noted_in, log[reached:]))
        if self.world.now_ms < self.followed[number]:
            end = len(log)
            self.later(FOLLOW_MS, lambda: self.follow_on(number, end))
        else:
            del self.followed[number]

    def release(self, numbers: list[int]) -> frozenset[int]:
        """Begin nothing more for these partitions; their assignments, which may end their work."""
        epochs = self.assignments.epochs(keys_of(numbers))
        self.sending.releasing(epochs)
        self.released |= epochs
        return epochs

    def lose(self, numbers: list[int]) -> None:
        """These partitions are gone: what is in flight is late now."""
        epochs = self.assignments.epochs(keys_of(numbers))
        self.sending.revoked(epochs)
        self.lost |= epochs
        self.assignments.forget(keys_of(numbers))

    def is_busy_with(self, epochs: frozenset[int]) -> bool:
        """Whether a request or a write of these assignments is under way."""
        return any(place.epoch in epochs for place in (*self.under_way, *self.unwritten))

    def crash(self) -> None:
        self.is_alive = False

    def commit(self) -> None:
        """Commit what may be; the group fences a member that has lost the partition."""
        for key, position in self.assignments.uncommitted(self.assignments.keys).items():
            if self.owns(key[1]):
                self.world.committed[key] = position

    # What the process does by itself

    def each_second(self) -> None:
        self.commit()
        if self.is_certain:
            self.do(self.sending.look(self.world.now_ms))
            self.start_jobs()
        if not self.world.is_over:
            self.later(SECOND_MS, self.each_second)

    def poll(self) -> None:
        """Read a few jobs of each partition."""
        if not self.is_certain:
            self.later(20, self.poll)
            return
        for key in self.assignments.keys:
            if self.assignments.epochs([key]) <= self.released:
                continue  # while it is handed over, nothing is read
            waiting = self.world.jobs[key][self.next[key] :][: self.world.between(1, 5)]
            for job in waiting:
                place = self.assignments.handed_out(key, self.next[key], 100)
                self.next[key] += 1
                read = OpenJob(place, job, "")
                self.do(self.sending.take_in(read, now_ms=self.world.now_ms))
            if waiting:
                self.later(self.world.between(1, 20), self.poll)
        self.start_jobs()

    def start_jobs(self) -> None:
        if not self.is_certain:
            return
        self.do(self.sending.start(self.world.now_ms))
        at_ms = self.sending.waiting.wakes_at_ms
        if at_ms not in {None, self.wakes_at_ms}:
            self.wakes_at_ms = at_ms
            self.later(at_ms - self.world.now_ms, self.start_jobs)

    def do(self, commands: list[Command]) -> None:
        for command in commands:
            match command:
                case Start(started):
                    self.attempt(started)
                case Write(ended, settlement):
                    self.write(ended, settlement)
                case Bury(buried, _, settlement):
                    self.world.dead_letters.add(buried.job.delivery_id)
                    self.write(buried, settlement)
                case Close(place, attempt_offset, dropped_as):
                    self.world.note("closed", dropped_as or "done")
                    self.assignments.completed(place, attempt_offset)

    def attempt(self, started: OpenJob) -> None:
        place, job = started.place, started.job
        if job.webhook_id == FAULTY:
            self.do(self.sending.faulted(started, "a bug", now_ms=self.world.now_ms))
            return
        which = try_of(job)
        here = [it for at, it in self.under_way.items() if at.epoch not in self.lost]
        assert job.delivery_id not in {it[0] for it in here}, "two requests at once"
        newest_run = self.configs.newest_run(job.account_id, job.delivery_id)
        assert job.rerun >= newest_run, "a request of a run that is known to be superseded"
        limit = self.sending.waiting.limit(started.webhook)
        self.limits.asked(job.webhook_id, limit)
        self.world.requests[which] += 1
        self.world.starts[job.delivery_id].append(self.world.now_ms)
        self.under_way[place] = which
        if not self.owns(place.partition):
            self.interrupt(place)
        self.world.note("request", job.delivery_id[-4:], job.rerun, job.attempt)
        result, took_ms = SCRIPTS[job.webhook_id](self.world, self.world.requests[which])
        self.later(took_ms, lambda: self.answered(started, result))

    def answered(self, started: OpenJob, result: Result) -> None:
        if not self.is_certain:
            self.later(20, lambda: self.answered(started, result))
            return
        job, now_ms = started.job, self.world.now_ms
        webhook = self.configs.webhook(job.account_id, job.webhook_id)
        body = job.body or body_for(webhook, ACCOUNT, job.event, public_url="")
        request = request_for(webhook, ACCOUNT, job, body, now_s=now_ms // 1_000)
        started = replace(started, job=job.model_copy(update={"body": body}))
        exchange = Exchange(as_recorded(request), result, Timings())
        self.limits.ended(job.webhook_id, result)
        self.do(self.sending.ended(started, exchange, now_ms=now_ms))
        self.start_jobs()

    def write(self, ended: OpenJob, settlement: Settlement) -> None:
        """Stage after stage, as `agents.sender.writer` does."""
        if ended.place.epoch in self.lost:
            assert settlement.parked is None, "a retry written for a partition known to be lost"
            assert settlement.failures == (), "a failure told of a partition known to be lost"
        self.world.decided(settlement.attempt)
        self.unwritten[ended.place] = ended.place.epoch
        self.write_stage(ended, settlement, 0)

    def write_stage(self, ended: OpenJob, settlement: Settlement, number: int) -> None:
        if number == len(settlement.stages):
            self.unwritten.pop(ended.place, None)
            offset = self.world.offset_of(settlement.attempt)
            now_ms = self.world.now_ms
            self.do(self.sending.written(ended, settlement, offset, now_ms=now_ms))
            self.start_jobs()
            return
        slowest_ms = 0
        for record in settlement.stages[number]:
            wait_ms = self.write_ms()
            slowest_ms = max(slowest_ms, wait_ms)
            self.world.at(wait_ms, lambda record=record: self.land(ended.place, record))
        acknowledged_ms = slowest_ms + self.write_ms()
        self.later(acknowledged_ms, lambda: self.write_stage(ended, settlement, number + 1))

    def land(self, place: Place, record: Failure | Parked | Attempt) -> None:
        """What was sent before a crash lands, or does not; a process that is frozen has sent it."""
        if not self.is_alive and self.world.happens(0.5):
            return
        match record:
            case Failure():
                self.world.failures.append(record)
            case Parked(job, tier):
                self.world.park(job, tier)
            case Attempt():
                self.under_way.pop(place, None)
                self.world.record(place.partition, record)

    def write_ms(self) -> int:
        """A few milliseconds, or longer than a retry waits in the shortest tier."""
        return 8_000 if self.world.happens(0.02) else self.world.between(0, 3)
