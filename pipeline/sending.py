"""What a sender decides about its jobs, from being read to being closed; the doing is left out.

What happens goes in (jobs read, an answer, a record acknowledged, partitions lost), what is to be
done comes out as commands. Time is passed in and chance is drawn from a function that is given, so
the same inputs give the same commands: `agents.sender.worker` carries them out with sockets, the
simulation with a world of its own.

A job is closed when everything that follows from it is acknowledged, never before. A result that
comes when its partition is lost is recorded as late, and nothing follows from it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Final

from pipeline.assignments import Place
from pipeline.breaker import is_alive
from pipeline.commands import Bury, Close, Command, OpenJob, Start, Write
from pipeline.configs import Configs
from pipeline.deferrals import Deferral
from pipeline.endpoints import Sign
from pipeline.outcomes import Answered, Exchange, NotSent, Outcome, outcome_of
from pipeline.refusals import refusal
from pipeline.retries import next_step
from pipeline.settlement import (
    Settlement,
    Taken,
    after_attempt,
    after_late_attempt,
    deferred,
    without_attempt,
)
from pipeline.suppression import Noted, Suppression
from pipeline.waiting import Left, WaitingRoom
from schemas.attempt import Next, Position
from schemas.job import Job
from schemas.webhook import Retry

# A job matched with a configuration that this process has not read yet waits so long for it.
CONFIG_WAIT_MS_MAX: Final = 10_000
# A fault of ours may pass (a name server, memory); one that came three times belongs to the job.
FAULTS_MAX: Final = 3
# An attempt's detail is for people; the whole traceback stands on the dead letter.
_DETAIL_CHARACTERS_MAX: Final = 500


class Sending:
    """The decisions of one sender. Its methods are given times in milliseconds since the epoch."""

    def __init__(self, configs: Configs, draw: Callable[[], float]) -> None:
        """Decide by `configs` as they are at each call; `draw` gives numbers in [0, 1)."""
        self._configs = configs
        self._draw = draw
        self.waiting = WaitingRoom(configs)
        self._suppression = Suppression()
        self._awaiting_configs: list[tuple[int, OpenJob]] = []
        self._held_epochs: set[int] = set()
        # Open jobs in the order they were read, each with the records there were by then.
        self._open: dict[Place, int] = {}
        self._requesting: set[Place] = set()
        self._unrecorded: set[Place] = set()

    @property
    def unrecorded(self) -> int:
        """Requests made or being made whose attempt is not acknowledged: what a crash repeats."""
        return len(self._unrecorded)

    @property
    def forgotten_too_soon(self) -> int:
        """Deliveries that suppression forgot while a crash could still have brought them back."""
        return self._suppression.forgotten_too_soon

    def read_back(self, noted: Iterable[Noted]) -> None:
        """This is on record of the jobs of partitions that are about to be read."""
        for each in noted:
            self._suppression.note(each)
            self.waiting.noted(each)

    def releasing(self, epochs: frozenset[int]) -> None:
        """These assignments are to end in a moment: nothing more is begun for them.

        What is in flight still counts until `revoked`. Only then may it be recorded as late: its
        job would else be closed and committed, and nobody would ever decide on it.
        """
        self.waiting.drop(epochs)
        self._awaiting_configs = [
            waiting for waiting in self._awaiting_configs if waiting[1].place.epoch not in epochs
        ]

    def revoked(self, epochs: frozenset[int]) -> None:
        """These assignments have ended: their jobs are in somebody else's hands now."""
        self.releasing(epochs)
        self._held_epochs -= epochs
        # What is in flight too: if it comes back here, the new copy must not count on the old one.
        self._suppression.let_go(epochs)
        self.waiting.lose(epochs)
        self._open = {place: it for place, it in self._open.items() if place.epoch not in epochs}

    def take_in(self, read: OpenJob, *, now_ms: int) -> list[Command]:
        """A job was read, before any news that its assignment has ended."""
        self._held_epochs.add(read.place.epoch)
        admission = self._suppression.admission(read.job, read.place, self._newest_run(read.job))
        if admission == "repeat" or admission == "superseded":  # noqa: PLR1714 - so mypy knows both
            return [Close(read.place, None, admission)]
        self._open[read.place] = self._suppression.records
        if admission == "too_early":
            return [self._put_behind(read, now_ms)]
        if read.job.config_offset > self._configs.offset:
            self._awaiting_configs.append((now_ms + CONFIG_WAIT_MS_MAX, read))
            return []
        return self._enqueue(read, now_ms)

    def look(self, now_ms: int) -> list[Command]:
        """Time has passed, or the configuration has moved: go through all that waits for either."""
        return self._look_at_configs(now_ms) + self._leave(self.waiting.look(now_ms), now_ms)

    def start(self, now_ms: int) -> list[Command]:
        """Everything that may be started now; to be asked whenever there are jobs or free places.

        What the configuration does not want any more ends instead, and what was recorded meanwhile
        (late, by an earlier assignment) is closed.
        """
        commands: list[Command] = []
        while (taken := self.waiting.take(now_ms)) is not None:
            commands += self._begin(taken, now_ms)
        return commands

    def ended(self, started: OpenJob, exchange: Exchange, *, now_ms: int) -> list[Command]:
        """A request was answered, or was not. `started` has its job's body frozen by now.

        Its own command comes first; others are of jobs that its endpoint's breaker sends away.
        """
        outcome = outcome_of(exchange.result, now_ms=now_ms)
        result = self._result(started, exchange, outcome, now_ms)  # may raise: so it comes first
        return [result, *self._free_place(started, _sign(exchange, outcome), now_ms)]

    def _result(
        self, started: OpenJob, exchange: Exchange, outcome: Outcome, now_ms: int
    ) -> Command:
        if not self._is_held(started):
            late = after_late_attempt(self._taken(started), exchange, outcome, now_ms=now_ms)
            return Write(started, late)
        if exchange.fault is not None:
            started = _with_fault(started)
            if started.job.faults >= FAULTS_MAX:
                outcome = replace(outcome, is_final=True)
        taken = self._taken(started)
        # Deleted meanwhile, a webhook has no policy any more; a retry would only find that out.
        retry = Retry() if taken.webhook is None else taken.webhook.retry
        step = next_step(started.job, outcome, retry, now_ms=now_ms, draw=self._draw())
        settlement = after_attempt(taken, exchange, outcome, step, now_ms=now_ms)
        if exchange.fault is not None and started.job.faults >= FAULTS_MAX:
            return Bury(started, exchange.fault, settlement)
        return Write(started, settlement)

    def faulted(self, faulty: OpenJob, fault: str, *, now_ms: int) -> list[Command]:
        """Handling a job has raised, and no request was made: put it off, the third time end it.

        `fault` is the traceback.
        """
        self._free_place(faulty, "none", now_ms)
        self._unrecorded.discard(faulty.place)
        if not self._is_held(faulty):
            return []
        faulty = _with_fault(faulty)
        if faulty.job.faults >= FAULTS_MAX:
            return self.unwritable(faulty, fault, now_ms=now_ms)
        return [self._defer(faulty, Deferral("internal_fault", _last_line(fault)), now_ms)]

    def unwritable(self, faulty: OpenJob, fault: str, *, now_ms: int) -> list[Command]:
        """What follows from a job can never be written: it ends here, for people to look at."""
        end = Outcome("failed", "internal_fault", _last_line(fault))
        return [Bury(faulty, fault, self._without_attempt(faulty, end, now_ms))]

    def written(
        self, ended: OpenJob, settlement: Settlement, attempt_offset: int | None, *, now_ms: int
    ) -> list[Command]:
        """A job's records are acknowledged; others may have waited for that."""
        record = settlement.attempt
        noted = Noted(
            *(record.delivery_id, record.attempt, record.deferrals, record.next.step),
            rerun=record.rerun,
        )
        oldest_open = next(iter(self._open.values()), None)
        self._suppression.settled(noted, ended.place, oldest_open)
        self._unrecorded.discard(ended.place)
        self._open.pop(ended.place, None)
        if record.next.step == "late":  # its new owner closes it
            return []
        close = Close(ended.place, attempt_offset)
        if not self._is_held(ended):
            return [close]
        left = self.waiting.settled(ended, record.next, now_ms)
        return [close, *self._leave(left, now_ms)]

    def _is_held(self, open_job: OpenJob) -> bool:
        return open_job.place.epoch in self._held_epochs

    def _look_at_configs(self, now_ms: int) -> list[Command]:
        waiting, self._awaiting_configs = self._awaiting_configs, []
        commands: list[Command] = []
        for until_ms, read in waiting:
            wanted = read.job.config_offset
            if wanted <= self._configs.offset:
                commands += self._enqueue(read, now_ms)
            elif now_ms >= until_ms:
                seconds = CONFIG_WAIT_MS_MAX / 1_000
                detail = f"configuration {wanted} was not here within {seconds:g} s"
                commands.append(self._defer(read, Deferral("config_behind", detail), now_ms))
            else:
                self._awaiting_configs.append((until_ms, read))
        return commands

    def _put_behind(self, read: OpenJob, now_ms: int) -> Command:
        """Wait for an earlier job of the delivery to be on record, but not beyond its time."""
        refused = refusal(read.job, self._configs, now_ms=now_ms)
        if refused is not None:
            return Write(read, self._without_attempt(read, refused, now_ms))
        detail = "an earlier job of the delivery is not on record yet"
        return self._defer(read, Deferral("delivery_under_way", detail), now_ms)

    def _enqueue(self, read: OpenJob, now_ms: int) -> list[Command]:
        refused = refusal(read.job, self._configs, now_ms=now_ms)
        if refused is not None:
            return [Write(read, self._without_attempt(read, refused, now_ms))]
        webhook = self._configs.webhook(read.job.account_id, read.job.webhook_id)
        assert webhook is not None, "a deleted webhook is a refusal"  # noqa: S101
        return self._leave(self.waiting.enter(read, webhook, now_ms), now_ms)

    def _begin(self, taken: OpenJob, now_ms: int) -> list[Command]:
        dropped_as = self._suppression.dropped_as(taken.job, self._newest_run(taken.job))
        if dropped_as is not None:
            self._suppression.closed(taken.job.delivery_id, taken.place)
            del self._open[taken.place]
            ended = self._suppression.has_ended(taken.job.delivery_id)
            left = self.waiting.finished(taken.webhook, "none", now_ms)
            left += self.waiting.settled(taken, Next(step="end" if ended else "defer"), now_ms)
            return [Close(taken.place, None, dropped_as), *self._leave(left, now_ms)]
        refused = refusal(taken.job, self._configs, now_ms=now_ms)
        if refused is not None:
            left = self.waiting.finished(taken.webhook, "none", now_ms)
            write = Write(taken, self._without_attempt(taken, refused, now_ms))
            return [write, *self._leave(left, now_ms)]
        self._requesting.add(taken.place)
        self._unrecorded.add(taken.place)
        return [Start(taken)]

    def _newest_run(self, job: Job) -> int:
        return self._configs.newest_run(job.account_id, job.delivery_id)

    def _free_place(self, started: OpenJob, sign: Sign, now_ms: int) -> list[Command]:
        if started.place not in self._requesting:
            return []
        self._requesting.remove(started.place)
        return self._leave(self.waiting.finished(started.webhook, sign, now_ms), now_ms)

    def _leave(self, left: Iterable[Left], now_ms: int) -> list[Command]:
        """Put off, or end, what does not wait any more."""
        return [
            self._defer(each.open_job, each.why, now_ms)
            if isinstance(each.why, Deferral)
            else Write(each.open_job, self._without_attempt(each.open_job, each.why, now_ms))
            for each in left
        ]

    def _without_attempt(self, ended: OpenJob, why: Outcome, now_ms: int) -> Settlement:
        return without_attempt(self._taken(ended), why, now_ms=now_ms)

    def _defer(self, waiting: OpenJob, why: Deferral, now_ms: int) -> Write:
        taken, draw = self._taken(waiting), self._draw()
        return Write(waiting, deferred(taken, why, now_ms=now_ms, draw=draw))

    def _taken(self, open_job: OpenJob) -> Taken:
        place, job = open_job.place, open_job.job
        source = Position(topic=place.topic, partition=place.partition, offset=place.offset)
        return Taken(job, source, self._configs.webhook(job.account_id, job.webhook_id))


def _with_fault(faulty: OpenJob) -> OpenJob:
    return replace(faulty, job=faulty.job.model_copy(update={"faults": faulty.job.faults + 1}))


def _last_line(fault: str) -> str:
    """What a traceback comes to."""
    return fault.strip().rpartition("\n")[2][:_DETAIL_CHARACTERS_MAX]


def _sign(exchange: Exchange, outcome: Outcome) -> Sign:
    """What an attempt says of its endpoint: nothing when that was not asked, or the fault ours."""
    if exchange.request is None or exchange.fault or isinstance(exchange.result, NotSent):
        return "none"
    if outcome.is_overload:
        return "overloaded"
    is_well = isinstance(exchange.result, Answered) and is_alive(exchange.result.response.status)
    return "answered" if is_well else "unwell"
