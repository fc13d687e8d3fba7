"""Which jobs are repeats: those that are being worked on, or whose attempt is on record already.

Filled from the attempts read back when a partition is assigned, and from every attempt recorded
since. How far a delivery has come is a triple (rerun, attempt, deferrals): a deferral on record
makes repeats of just that job, an attempt makes repeats of all jobs for it, an end of every job of
its run. A delivery that was begun again is beyond all of its earlier runs: their jobs are repeats
as soon as the rerun is in hand or on record.
Bounded: the oldest deliveries are forgotten first, which can cost a repeat, never a loss. The bound
widens while deliveries recorded since the oldest open job was read are many: a crash would bring
those back, since nothing beyond that job is committed.

A job that goes beyond one still being worked on can be what follows from it, or a leftover of a
crash; which of the two is known once the earlier one is on record. Until then it has to wait.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from typing import Final, Literal, NamedTuple, TypeAlias

from pipeline.assignments import Place
from schemas.job import Job

# About 25 MB. At 1,000 deliveries a second it reaches back well over a minute, which also covers
# what upstream systems and matchers repeat.
DELIVERIES_MIN: Final = 100_000
# About 100 MB: at 2,000 a second, three minutes behind one open job, which a job never is.
DELIVERIES_MAX: Final = 400_000

# Beyond any attempt or deferral that a delivery can have.
_ALL: Final = 1 << 40

Dropped: TypeAlias = Literal["repeat", "superseded"]
Admission: TypeAlias = Literal["admitted", "too_early"] | Dropped


class Reach(NamedTuple):
    """How far a delivery has come."""

    rerun: int
    attempt: int
    deferrals: int

    @property
    def is_end(self) -> bool:
        """Whether nothing follows in this run."""
        return self.attempt == _ALL


NOWHERE: Final = Reach(0, 0, 0)


@dataclass(frozen=True, slots=True)
class Noted:
    """What counts of an attempt's record: which job it settled, and what follows.

    `line` is its webhook and activity, `at_ms` when it was first queued and `due_ms` when it comes
    back: an ordered webhook's deliveries have their turns by these.
    """

    delivery_id: str
    attempt: int
    deferrals: int
    step: Literal["retry", "defer", "end", "late"]
    line: tuple[str, str] | None = None
    at_ms: int = 0
    due_ms: int = 0
    rerun: int = 0

    @property
    def reach(self) -> Reach:
        """The furthest job of the delivery that is a repeat from here on.

        None is after a result that came too late: whoever has the partition now decides on it.
        """
        if self.step == "late":
            return NOWHERE
        if self.step == "end":
            return Reach(self.rerun, _ALL, _ALL)
        deferrals = self.deferrals if self.step == "defer" else _ALL
        return Reach(self.rerun, self.attempt, deferrals)


class Suppression:
    """How far each delivery has come, on record and in this process's hands.

    A job in hand is known by its place. Copies of it that came earlier and were put off have places
    of their own, and their records, which may come late, must not let go of it. It is let go with
    its assignment: whoever reads it again must not lose it to somebody who may never record it.
    """

    def __init__(
        self, deliveries_min: int = DELIVERIES_MIN, deliveries_max: int = DELIVERIES_MAX
    ) -> None:
        """Remember `deliveries_min` recorded deliveries, and up to `deliveries_max` in need."""
        # delivery -> how far it has come, and the number of the record that said so
        self._recorded: OrderedDict[str, tuple[Reach, int]] = OrderedDict()
        self._in_hand: dict[str, tuple[Reach, Place]] = {}
        self._deliveries_min = deliveries_min
        self._deliveries_max = deliveries_max
        self.records = 0
        self.forgotten_too_soon = 0

    def __len__(self) -> int:
        """Recorded deliveries remembered."""
        return len(self._recorded)

    @property
    def in_hand(self) -> int:
        """Deliveries being worked on."""
        return len(self._in_hand)

    def admission(self, job: Job, place: Place, newest_run: int = 0) -> Admission:
        """What to do with the job read here; when it is admitted it is in hand from now on."""
        dropped_as = self.dropped_as(job, newest_run)
        if dropped_as is not None:
            return dropped_as
        reach = _reach_of(job)
        held = self._in_hand.get(job.delivery_id)
        if held is not None:
            return "repeat" if held[0] >= reach else "too_early"
        self._in_hand[job.delivery_id] = (reach, place)
        return "admitted"

    def dropped_as(self, job: Job, newest_run: int = 0) -> Dropped | None:
        """Why a job is not worked on: it was settled, if perhaps by an assignment that has ended.

        Or `newest_run` says that its delivery was begun again, by whoever had written the new job
        before saying so.
        """
        if job.rerun < newest_run:
            return "superseded"
        return "repeat" if self._known(job.delivery_id) >= _reach_of(job) else None

    def has_ended(self, delivery_id: str) -> bool:
        """Whether it is on record that nothing follows in the newest run of this delivery."""
        return self._known(delivery_id).is_end

    def note(self, noted: Noted, needed_from: int | None = None) -> None:
        """A record of a delivery was written or read back.

        `needed_from` is what `records` was when the oldest job still open was read; None: no job
        is open. What was recorded since then is forgotten only when there is no room at all.
        """
        reach = max(self._known(noted.delivery_id), noted.reach)
        self._recorded.pop(noted.delivery_id, None)
        self._recorded[noted.delivery_id] = (reach, self.records)
        self.records += 1
        needed_from = self.records if needed_from is None else needed_from
        while len(self._recorded) > self._deliveries_min:
            oldest, (_, number) = next(iter(self._recorded.items()))
            if number >= needed_from:
                if len(self._recorded) <= self._deliveries_max:
                    return
                self.forgotten_too_soon += 1
            del self._recorded[oldest]

    def settled(self, noted: Noted, place: Place, needed_from: int | None = None) -> None:
        """The record of the job read here was written, so that one is not in hand any more."""
        self.note(noted, needed_from)
        self.closed(noted.delivery_id, place)

    def closed(self, delivery_id: str, place: Place) -> None:
        """The job read here is done with, whoever recorded it."""
        held = self._in_hand.get(delivery_id)
        if held is not None and held[1] == place:
            del self._in_hand[delivery_id]

    def let_go(self, epochs: frozenset[int]) -> None:
        """These assignments have ended: their jobs are in somebody else's hands now."""
        gone = [key for key, (_, place) in self._in_hand.items() if place.epoch in epochs]
        for delivery_id in gone:
            del self._in_hand[delivery_id]

    def _known(self, delivery_id: str) -> Reach:
        recorded = self._recorded.get(delivery_id)
        return NOWHERE if recorded is None else recorded[0]


def _reach_of(job: Job) -> Reach:
    return Reach(job.rerun, job.attempt, job.deferrals)
