"""Which job goes next: a queue per webhook and lane, webhooks in turn, each lane with its share.

A webhook at a limit of its own (requests in flight, its rate, its breaker) is passed over in
choosing, not after it, so the jobs of a slow endpoint cost the others nothing. Work-conserving, and
O(1) per decision however many webhooks are known or have work; only those with a rate limit wait in
a heap, by the time of their next token. Retries and replays wait besides while they have to give
way to first attempts (`pipeline.yielding`). Time is passed in.
"""

from __future__ import annotations

import heapq
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

from pipeline.deferrals import Deferral
from pipeline.endpoints import HOLDS, WAIT_MS_MAX, Endpoint, Hold, Sign, Terms
from pipeline.lanes import LaneQueues, Queued, Turn
from pipeline.limits import CLOCK_STEP_MS, CONCURRENCY_START
from pipeline.yielding import Yielding
from schemas.job import Lane

# Requests in flight at once. Each costs a socket and some 50 KB; 512 of them outrun any matcher.
IN_FLIGHT_MAX: Final = 512
# One webhook's share of them. More are its own only while less than half of all are in use.
SHARE_MAX: Final = IN_FLIGHT_MAX // 16
# Endpoints without work that are remembered for their faults: some 30 MB. What is forgotten first
# is the one that had no work for the longest time, and costs it a few requests too many.
REMEMBERED_MAX: Final = 50_000
# Of twelve turns eight are for first attempts, three for retries and one for replays; the turn of
# a lane that has nothing to start passes to the next.
LANE_TURNS: Final[tuple[Lane, ...]] = (
    *("new", "new", "retry", "new", "new", "new"),
    *("retry", "new", "new", "replay", "new", "retry"),
)

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Spilled(Generic[_T]):
    """A job that was taken out of its queue, to be put off."""

    queued: Queued[_T]
    why: Deferral


class Dispatcher(Generic[_T]):
    """All queues of one sender."""

    def __init__(self) -> None:
        """Begin empty."""
        self._lanes: dict[Lane, LaneQueues[_T]] = {
            lane: LaneQueues() for lane in ("new", "retry", "replay")
        }
        self._firsts = self._lanes["new"]
        self._others = (self._lanes["retry"], self._lanes["replay"])
        # Two, as few have work: looked up thrice a job, they stay in the processor's caches.
        self._working: dict[str, Endpoint] = {}
        self._idle: OrderedDict[str, Endpoint] = OrderedDict()
        self._timers: list[tuple[int, str]] = []
        self._held = dict.fromkeys(HOLDS, 0)
        self.yielding = Yielding()
        self._turn = 0
        self._now_ms = 0
        self.in_flight = 0
        self.open_breakers = 0

    @property
    def endpoints(self) -> int:
        """Endpoints of which anything is known: those with work, and those under suspicion."""
        return len(self._working) + len(self._idle)

    @property
    def wakes_at_ms(self) -> int | None:
        """When a job may be startable that is not now, without anything else having happened."""
        timer_ms = self._timers[0][0] if self._timers else None
        if not any(lane.ready or lane.surplus for lane in self._others):
            return timer_ms
        way_ms = self.yielding.next_ms(self._now_ms)
        return min((at for at in (timer_ms, way_ms) if at is not None), default=None)

    def queued(self, lane: Lane) -> int:
        """Jobs waiting in a lane."""
        return self._lanes[lane].size

    def held(self, hold: Hold) -> int:
        """Jobs that wait because their webhook is at this limit."""
        return self._held[hold]

    def limit(self, webhook: str) -> int:
        """How many requests of a webhook may be in flight now."""
        endpoint = self._known(webhook)
        return CONCURRENCY_START if endpoint is None else endpoint.limit

    def breaker(self, webhook: str) -> str:
        """The state of a webhook's breaker."""
        endpoint = self._known(webhook)
        return "closed" if endpoint is None else endpoint.breaker.state

    def add(self, queued: Queued[_T], terms: Terms) -> Deferral | None:
        """Queue a job; or, and nothing is queued, say why it may not wait here."""
        self._at(queued.since_ms)
        endpoint = self._known(queued.webhook) or Endpoint(terms.concurrency_max)
        endpoint.set_terms(terms, self._now_ms)
        refusal = endpoint.refusal(self._now_ms)
        if refusal is None:
            if endpoint.is_idle:
                self._idle.pop(queued.webhook, None)
                self._working[queued.webhook] = endpoint
            endpoint.queued += 1
            self._lanes[queued.lane].append(queued)
        self._placed(queued.webhook, endpoint)  # in all lanes: the terms may be others
        return refusal

    def take(self, now_ms: int) -> Queued[_T] | None:
        """The job to start now, counted as in flight from here; None when none may start."""
        self._at(now_ms)
        self._wake()
        if self.in_flight >= IN_FLIGHT_MAX:
            return None
        queued = self._take_turn(within_share=True)
        if queued is None and self.in_flight < IN_FLIGHT_MAX // 2:
            queued = self._take_turn(within_share=False)
        return queued

    def finished(self, webhook: str, sign: Sign, now_ms: int) -> list[Spilled[_T]]:
        """A job that was taken has ended, with this sign of how the endpoint fares.

        What waited for an endpoint whose breaker opens by that is to be put off.
        """
        self._at(now_ms)
        endpoint = self._working[webhook]
        self.in_flight -= 1
        was_open = endpoint.breaker.state != "closed"
        has_opened = endpoint.finished(sign, now_ms)
        self.open_breakers += (endpoint.breaker.state != "closed") - was_open
        spilled: list[Spilled[_T]] = []
        if has_opened:
            why = endpoint.turned_away(now_ms)
            spilled = [Spilled(queued, why) for queued in self._emptied(webhook, endpoint)]
        self._placed(webhook, endpoint)
        return spilled

    def overdue(self, now_ms: int) -> list[Spilled[_T]]:
        """Take out the jobs that have waited too long for their endpoint.

        What no limit of the endpoint holds back waits for us: a tier would only make it later.
        """
        self._at(now_ms)
        self._wake()
        spilled = []
        for lane in self._lanes.values():
            for webhook, queue in list(lane.queues.items()):
                endpoint = self._working[webhook]
                if endpoint.hold() is None:
                    continue
                while queue and now_ms - queue[0].since_ms >= WAIT_MS_MAX:
                    spilled.append(Spilled(lane.pop(webhook), endpoint.overdue(now_ms)))
                    endpoint.queued -= 1
                    self._placed(webhook, endpoint)
        return spilled

    def drop(self, unwanted: Callable[[_T], bool]) -> list[Queued[_T]]:
        """Take out the jobs for which `unwanted` holds: their partition was lost."""
        dropped: list[Queued[_T]] = []
        for lane in self._lanes.values():
            for webhook, queue in list(lane.queues.items()):
                gone = [queued for queued in queue if unwanted(queued.job)]
                lane.retain(webhook, [queued for queued in queue if not unwanted(queued.job)])
                endpoint = self._working[webhook]
                endpoint.queued -= len(gone)
                self._placed(webhook, endpoint)
                dropped += gone
        return dropped

    def _known(self, webhook: str) -> Endpoint | None:
        return self._working.get(webhook) or self._idle.get(webhook)

    def _at(self, now_ms: int) -> None:
        """Note the time; when the clock was set back, every timer is due."""
        if now_ms + CLOCK_STEP_MS < self._now_ms:
            known = (*self._working.items(), *self._idle.items())
            timed = {webhook: it for webhook, it in known if it.timer_ms is not None}
            self._timers = [(now_ms, webhook) for webhook in sorted(timed)]
            for endpoint in timed.values():
                endpoint.timer_ms = now_ms
        self._now_ms = now_ms

    def _wake(self) -> None:
        """Look at the webhooks whose tokens have come."""
        while self._timers and self._timers[0][0] <= self._now_ms:
            at_ms, webhook = heapq.heappop(self._timers)
            endpoint = self._known(webhook)
            if endpoint is not None and endpoint.timer_ms == at_ms:
                endpoint.looked_at(self._now_ms)
                self._placed(webhook, endpoint)

    def _take_turn(self, *, within_share: bool) -> Queued[_T] | None:
        for step in range(len(LANE_TURNS)):
            lane = self._lanes[LANE_TURNS[(self._turn + step) % len(LANE_TURNS)]]
            turn = lane.ready if within_share else lane.surplus
            if turn and (lane is self._firsts or self.yielding.may_begin(self._now_ms)):
                self._turn = (self._turn + step + 1) % len(LANE_TURNS)
                webhook, _ = turn.popitem(last=False)
                return self._started(lane, webhook)
        return None

    def _started(self, lane: LaneQueues[_T], webhook: str) -> Queued[_T]:
        endpoint = self._working[webhook]
        queued = lane.pop(webhook)
        endpoint.started(self._now_ms)
        if lane is not self._firsts:
            self.yielding.other_began(self._now_ms)
        self.in_flight += 1
        self._placed(webhook, endpoint)
        return queued

    def _emptied(self, webhook: str, endpoint: Endpoint) -> list[Queued[_T]]:
        found: list[Queued[_T]] = []
        for lane in self._lanes.values():
            while webhook in lane.queues:
                found.append(lane.pop(webhook))
        endpoint.queued = 0
        return found

    def _placed(self, webhook: str, endpoint: Endpoint) -> None:
        """Bring everything that is kept of a webhook in line with its endpoint."""
        hold = endpoint.hold()
        turn: Turn = "ready" if endpoint.in_flight < SHARE_MAX else "surplus"
        for lane in self._lanes.values():
            lane.place(webhook, None if hold else turn)
        self._count(endpoint, hold)
        if endpoint.is_idle:
            self._rest(webhook, endpoint)
        if endpoint.rate is not None:
            self._set_timer(webhook, endpoint)

    def _count(self, endpoint: Endpoint, hold: Hold | None) -> None:
        if endpoint.held is not None:
            self._held[endpoint.held] -= endpoint.held_jobs
        if hold is not None:
            self._held[hold] += endpoint.queued
        endpoint.held, endpoint.held_jobs = hold, endpoint.queued

    def _rest(self, webhook: str, endpoint: Endpoint) -> None:
        """Remember an endpoint without work, if that is of any use; it keeps a place it has."""
        self._working.pop(webhook, None)
        if endpoint.is_forgettable(self._now_ms):
            self._idle.pop(webhook, None)
            return
        self._idle[webhook] = endpoint
        if len(self._idle) > REMEMBERED_MAX:
            _, forgotten = self._idle.popitem(last=False)
            self.open_breakers -= forgotten.breaker.state != "closed"

    def _set_timer(self, webhook: str, endpoint: Endpoint) -> None:
        look_ms, timer_ms = endpoint.next_look_ms(self._now_ms), endpoint.timer_ms
        if look_ms is not None and (timer_ms is None or look_ms < timer_ms):
            endpoint.timer_ms = look_ms
            heapq.heappush(self._timers, (look_ms, webhook))
