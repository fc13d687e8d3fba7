"""Ordered webhooks: of one activity's deliveries, which may start, and which wait for an earlier.

A line holds the deliveries of one activity and webhook that have not ended, in the order in which
the matcher decided on them. The first may start, once none of the others is under way; the others
wait here for a while, and then in a tier. A delivery that waits in a tier keeps its turn, but only
for so long: one that does not come back (it went to another sender, or is lost to us) must not
hold up its activity for ever.
"""

from __future__ import annotations

from collections import Counter, OrderedDict
from dataclasses import dataclass
from typing import Final, Literal

from pipeline.assignments import Place
from pipeline.commands import OpenJob
from pipeline.deferrals import Deferral
from pipeline.dispatch import Spilled
from pipeline.endpoints import WAIT_MS_MAX
from pipeline.lanes import Queued
from schemas.job import Lane

# Schedulers may be behind; beyond an hour after it was due, a delivery's turn is over.
PATIENCE_MS: Final = 60 * 60 * 1_000
# Some 30 MB. What is forgotten is the line in which nothing happened for the longest time.
TURNS_MAX: Final = 100_000
# Jobs waiting here, of the 4,000 that a sender may have open: the rest wait in a tier.
WAITING_MAX: Final = 1_000

# A webhook, as `account:webhook`, and an activity.
Line = tuple[str, str]


@dataclass(slots=True)
class _Turn:
    """A delivery's. While it `is_here` its job is in this sender's hands, else due at `due_ms`."""

    delivery_id: str
    at_ms: int
    is_here: bool = False
    due_ms: int = 0
    place: Place | None = None
    waiting: Queued[OpenJob] | None = None

    @property
    def is_under_way(self) -> bool:
        return self.is_here and self.waiting is None


class Ordering:
    """All lines of one sender."""

    def __init__(self) -> None:
        """Know of no delivery."""
        self._lines: OrderedDict[Line, list[_Turn]] = OrderedDict()
        self._waited_in: dict[Line, None] = {}
        self._turns = 0
        self.waiting: Counter[Lane] = Counter()

    def __contains__(self, line: Line) -> bool:
        """Whether deliveries of this line have not ended."""
        return line in self._lines

    def __len__(self) -> int:
        """Deliveries that have a turn."""
        return self._turns

    def enter(self, queued: Queued[OpenJob], now_ms: int) -> Deferral | Literal["start", "wait"]:
        """A job was read: whether it may start now, waits here, or why it is put off."""
        job, line = queued.job.job, line_of(queued.job)
        turn = self._turn(line, job.delivery_id, job.first_queued_at_ms)
        turn.is_here, turn.place = True, queued.job.place
        self._expire(line, now_ms)
        blocker = self._blocker(line, turn)
        if blocker is None:
            return "start"
        is_soon = blocker.is_here or blocker.due_ms - now_ms <= WAIT_MS_MAX
        if not is_soon or self.waiting.total() >= WAITING_MAX:
            return _wait_for(blocker, now_ms)
        turn.waiting = queued
        self.waiting[queued.lane] += 1
        self._waited_in[line] = None
        return "wait"

    def parked(self, line: Line, delivery_id: str, at_ms: int, due_ms: int) -> None:
        """On record a delivery waits in a tier, for another attempt or for its turn."""
        turn = self._turn(line, delivery_id, at_ms)
        turn.is_here, turn.due_ms = False, due_ms

    def ended(self, line: Line, delivery_id: str) -> None:
        """On record a delivery has ended."""
        for turn in self._lines.get(line, ()):
            if turn.delivery_id == delivery_id:
                self._remove(line, turn)
                return

    def is_of(self, line: Line, delivery_id: str, place: Place) -> bool:
        """Whether what happens to the job from `place` happens to the delivery's turn."""
        turns = self._lines.get(line, ())
        turn = next((it for it in turns if it.delivery_id == delivery_id), None)
        return turn is None or not turn.is_here or turn.place == place

    def replaced(self, line: Line, older: OpenJob, newer: OpenJob) -> None:
        """A waiting job was replaced in its place by a later one, which has its turn now."""
        if older is not newer:
            self.ended(line, newer.job.delivery_id)  # a turn of its own, if it had one
        for turn in self._lines.get(line, ()):
            if turn.delivery_id == older.job.delivery_id:
                turn.delivery_id, turn.place = newer.job.delivery_id, newer.place

    def next_of(self, line: Line, now_ms: int) -> Queued[OpenJob] | None:
        """The waiting job of a line that may start now, if there is one; it waits no more."""
        self._expire(line, now_ms)
        first = next(iter(self._lines.get(line, ())), None)
        if first is None or self._blocker(line, first) is not None:
            return None
        return self._woken(line, first)

    def look(self, now_ms: int) -> tuple[list[Queued[OpenJob]], list[Spilled[OpenJob]]]:
        """The waiting jobs that may start by now, and those that have waited too long."""
        ready, spilled = [], []
        for line in list(self._waited_in):
            if (queued := self.next_of(line, now_ms)) is not None:
                ready.append(queued)
            spilled += self._overdue(line, now_ms)
        return ready, spilled

    def drop(self, epochs: frozenset[int]) -> list[Queued[OpenJob]]:
        """Let go of the jobs of these assignments that wait."""
        dropped = []
        for line in list(self._waited_in):
            for turn in list(self._lines[line]):
                waiting = turn.waiting
                if waiting is not None and waiting.job.place.epoch in epochs:
                    dropped.append(waiting)
                    self._remove(line, turn)
        return dropped

    def lose(self, epochs: frozenset[int]) -> None:
        """These assignments have ended: what is known of their lines may be wrong from now on."""
        for line, turns in list(self._lines.items()):
            if any(turn.place and turn.place.epoch in epochs for turn in turns):
                for turn in list(turns):
                    if not turn.is_here or (turn.place and turn.place.epoch in epochs):
                        self._remove(line, turn)

    def _turn(self, line: Line, delivery_id: str, at_ms: int) -> _Turn:
        """The delivery's turn; a new one stands behind all that were decided on before it."""
        turns = self._lines.setdefault(line, [])
        self._lines.move_to_end(line)
        for turn in turns:
            if turn.delivery_id == delivery_id:
                return turn
        position = len(turns)
        while position and turns[position - 1].at_ms > at_ms:
            position -= 1
        turns.insert(position, _Turn(delivery_id, at_ms))
        self._turns += 1
        self._forget_oldest()
        return turns[position]

    def _blocker(self, line: Line, turn: _Turn) -> _Turn | None:
        """For whom a delivery has to wait: the first of its line, or a later one under way."""
        turns = self._lines[line]
        if turns[0] is not turn:
            return turns[0]
        return next((it for it in turns if it.is_under_way and it is not turn), None)

    def _expire(self, line: Line, now_ms: int) -> None:
        """Let go of the first ones of a line that did not come back in time."""
        turns = self._lines.get(line, [])
        while turns and not turns[0].is_here and turns[0].due_ms + PATIENCE_MS < now_ms:
            self._remove(line, turns[0])

    def _overdue(self, line: Line, now_ms: int) -> list[Spilled[OpenJob]]:
        found = []
        for turn in self._lines[line]:
            waiting, blocker = turn.waiting, self._blocker(line, turn)
            if waiting and blocker and now_ms - waiting.since_ms >= WAIT_MS_MAX:
                found.append(Spilled(waiting, _wait_for(blocker, now_ms)))
                self._woken(line, turn)
        return found

    def _forget_oldest(self) -> None:
        """One look per new turn is enough: what is in use moves to the end."""
        if self._turns > TURNS_MAX:
            line = next(iter(self._lines))
            self._lines.move_to_end(line)
            for turn in [it for it in self._lines[line] if not it.is_here]:
                self._remove(line, turn)

    def _woken(self, line: Line, turn: _Turn) -> Queued[OpenJob] | None:
        queued, turn.waiting = turn.waiting, None
        if queued is not None:
            self.waiting[queued.lane] -= 1
            if not any(it.waiting for it in self._lines[line]):
                del self._waited_in[line]
        return queued

    def _remove(self, line: Line, turn: _Turn) -> None:
        self._woken(line, turn)
        turns = self._lines[line]
        turns.remove(turn)
        self._turns -= 1
        if not turns:
            del self._lines[line]


def line_of(open_job: OpenJob) -> Line:
    """The line that a job stands in."""
    return open_job.webhook, open_job.job.event.activity_id


def _wait_for(first: _Turn, now_ms: int) -> Deferral:
    detail = f"{first.delivery_id}, earlier of the same activity, has not ended"
    return Deferral("ordered_wait", detail, 0 if first.is_here else max(first.due_ms - now_ms, 0))
