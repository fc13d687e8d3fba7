"""The jobs that wait for their turn: for a place at their endpoint, or behind their activity.

They leave by being taken, put off to a tier, or replaced by a later snapshot of their activity.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Final, Literal

from pipeline.commands import OpenJob
from pipeline.configs import Configs
from pipeline.deferrals import Deferral
from pipeline.dispatch import Dispatcher, Spilled
from pipeline.endpoints import HOLDS, Hold, Sign, Terms
from pipeline.lanes import Queued
from pipeline.ordering import Line, Ordering, line_of
from pipeline.outcomes import Outcome
from pipeline.suppression import Noted
from pipeline.yielding import Yielding
from schemas.attempt import Next
from schemas.job import Job, Lane
from schemas.webhook import CONCURRENCY_MAX, Webhook

Limit = Hold | Literal["order"]
LIMITS: Final[tuple[Limit, ...]] = (*HOLDS, "order")


@dataclass(frozen=True, slots=True)
class Left:
    """A job that waits no more without having been taken: it is put off, or it ends."""

    open_job: OpenJob
    why: Deferral | Outcome


class WaitingRoom:
    """Everything between a job's being read and its request."""

    def __init__(self, configs: Configs) -> None:
        """Begin empty; `configs` say how an endpoint may be used."""
        self._configs = configs
        self._dispatcher: Dispatcher[OpenJob] = Dispatcher()
        self._ordering = Ordering()
        self._latest: dict[Line, Queued[OpenJob]] = {}

    @property
    def in_flight(self) -> int:
        """Requests being made."""
        return self._dispatcher.in_flight

    @property
    def yielding(self) -> Yielding:
        """How fast retries and replays may be begun."""
        return self._dispatcher.yielding

    @property
    def open_breakers(self) -> int:
        """Endpoints that are not asked at present, or by a probe only."""
        return self._dispatcher.open_breakers

    @property
    def wakes_at_ms(self) -> int | None:
        """When `take` may give a job that it does not give now, if nothing else happens."""
        return self._dispatcher.wakes_at_ms

    def queued(self, lane: Lane) -> int:
        """Jobs of a lane that wait."""
        return self._dispatcher.queued(lane) + self._ordering.waiting[lane]

    def held(self, limit: Limit) -> int:
        """Jobs that wait because of this limit."""
        return self._ordering.waiting.total() if limit == "order" else self._dispatcher.held(limit)

    def limit(self, webhook: str) -> int:
        """How many requests of a webhook may be in flight now."""
        return self._dispatcher.limit(webhook)

    def enter(self, read: OpenJob, webhook: Webhook, now_ms: int) -> list[Left]:
        """Let a job wait; what cannot wait, or need not any more, leaves at once."""
        waiting = self._latest.get(line_of(read)) if _merges(read, webhook) else None
        if waiting is not None:
            return [self._merged(waiting, read)]
        queued = Queued(read.webhook, read.job.lane, now_ms, read)
        if webhook.ordered:
            verdict = self._ordering.enter(queued, now_ms)
            if isinstance(verdict, Deferral):
                return [Left(read, verdict)]
            if verdict == "wait":
                self._remember(queued, webhook)
                return []
        return self._queue(queued, webhook)

    def take(self, now_ms: int) -> OpenJob | None:
        """The job to start now, in flight from here on; None when none may start."""
        queued = self._dispatcher.take(now_ms)
        if queued is None:
            return None
        job = queued.job.job
        if queued.lane == "new" and not job.deferrals:
            self.yielding.first_began(now_ms - job.first_queued_at_ms, now_ms)
        return self._forgotten(queued)

    def finished(self, webhook: str, sign: Sign, now_ms: int) -> list[Left]:
        """A job that was taken has ended, with this sign of how its endpoint fares."""
        return self._spilled(self._dispatcher.finished(webhook, sign, now_ms))

    def noted(self, noted: Noted) -> None:
        """This is on record, by whoever had the partition before."""
        if noted.line is None or not self._is_ordered(noted.line):
            return
        if noted.step in {"retry", "defer"}:
            self._ordering.parked(noted.line, noted.delivery_id, noted.at_ms, noted.due_ms)
        elif noted.step == "end":
            self._ordering.ended(noted.line, noted.delivery_id)

    def settled(self, ended: OpenJob, follows: Next, now_ms: int) -> list[Left]:
        """What follows from a job is on record: whoever waited for it may go on."""
        if follows.step == "end" and not self._ordering:
            return []  # as it is where no webhook is ordered
        line, job = line_of(ended), ended.job
        if not self._is_ordered(line) or not self._ordering.is_of(
            line, job.delivery_id, ended.place
        ):
            return []
        if follows.step == "end":
            self._ordering.ended(line, job.delivery_id)
        else:
            due_ms = now_ms if follows.due_at_ms is None else follows.due_at_ms
            self._ordering.parked(line, job.delivery_id, job.first_queued_at_ms, due_ms)
        released = self._ordering.next_of(line, now_ms)
        return [] if released is None else self._released(released, now_ms)

    def look(self, now_ms: int) -> list[Left]:
        """Time has passed: put off what waits too long."""
        ready, overdue = self._ordering.look(now_ms)
        left = self._spilled([*overdue, *self._dispatcher.overdue(now_ms)])
        for queued in ready:
            left += self._released(queued, now_ms)
        return left

    def drop(self, epochs: frozenset[int]) -> None:
        """Let go of all jobs of these assignments that wait."""
        for queued in (
            *self._dispatcher.drop(lambda waiting: waiting.place.epoch in epochs),
            *self._ordering.drop(epochs),
        ):
            self._forgotten(queued)

    def lose(self, epochs: frozenset[int]) -> None:
        """These assignments have ended: somebody else goes on with their deliveries."""
        self._ordering.lose(epochs)

    def _is_ordered(self, line: Line) -> bool:
        if line in self._ordering:
            return True
        account_id, _, webhook_id = line[0].partition(":")
        webhook = self._configs.webhook(int(account_id), webhook_id)
        return webhook is not None and webhook.ordered

    def _queue(self, queued: Queued[OpenJob], webhook: Webhook | None) -> list[Left]:
        """Wait for the endpoint; without a webhook, for the turn in which that will be found."""
        refusal = self._dispatcher.add(queued, _terms(webhook))
        if refusal is not None:
            return [Left(queued.job, refusal)]
        self._remember(queued, webhook)
        return []

    def _released(self, queued: Queued[OpenJob], now_ms: int) -> list[Left]:
        """A job has waited for its activity, and waits for its endpoint from now on."""
        job = self._forgotten(queued).job
        queued = replace(queued, since_ms=now_ms)
        return self._queue(queued, self._configs.webhook(job.account_id, job.webhook_id))

    def _merged(self, waiting: Queued[OpenJob], read: OpenJob) -> Left:
        """Keep the later of two snapshots, in the place of the one that waits."""
        older, newer = waiting.job, read
        if _is_later(older.job, newer.job):
            older, newer = newer, older
        merged = newer.job.merged + older.job.merged + 1
        self._ordering.replaced(line_of(read), waiting.job, newer)
        waiting.job = replace(newer, job=newer.job.model_copy(update={"merged": merged}))
        detail = f"{newer.job.delivery_id} has a later snapshot of the activity, and goes instead"
        return Left(older, Outcome("skipped", "coalesced", detail))

    def _remember(self, queued: Queued[OpenJob], webhook: Webhook | None) -> None:
        if webhook is not None and _merges(queued.job, webhook):
            self._latest[line_of(queued.job)] = queued

    def _forgotten(self, queued: Queued[OpenJob]) -> OpenJob:
        if self._latest and self._latest.get(line_of(queued.job)) is queued:
            del self._latest[line_of(queued.job)]
        return queued.job

    def _spilled(self, spilled: Iterable[Spilled[OpenJob]]) -> list[Left]:
        return [Left(self._forgotten(each.queued), each.why) for each in spilled]


def _merges(open_job: OpenJob, webhook: Webhook) -> bool:
    """Whether a later snapshot may take a job's place; not a rerun's, which somebody asked for."""
    return webhook.coalesce and not open_job.job.rerun


def _terms(webhook: Webhook | None) -> Terms:
    if webhook is None:
        return Terms(CONCURRENCY_MAX)
    rate = webhook.rate_limit
    return Terms(webhook.concurrency_max, None if rate is None else rate.per_second)


def _is_later(job: Job, other: Job) -> bool:
    """Whether a job's snapshot was taken after another's, which was read after it."""
    sequence, others = job.event.sequence, other.event.sequence
    if sequence is not None and others is not None:
        return sequence > others
    return job.first_queued_at_ms > other.first_queued_at_ms
