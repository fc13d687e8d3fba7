"""Which job goes next: a queue per webhook and lane, webhooks in turn, each lane with its share.

A webhook at its limit of requests in flight is passed over in choosing, not after it, so the jobs
of a slow endpoint cost the others nothing. Work-conserving, and O(1) per decision however many
webhooks are known or have work. Time is passed in.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, Generic, Literal, TypeVar

from pipeline.limits import CONCURRENCY_START, Concurrency
from schemas.job import Lane

# Requests in flight at once. Each costs a socket and some 50 KB; 512 of them outrun any matcher.
IN_FLIGHT_MAX: Final = 512
# One webhook's share of them. More are its own only while less than half of all are in use.
SHARE_MAX: Final = IN_FLIGHT_MAX // 16
# Jobs one webhook may have waiting here; what is more waits in a tier, where it costs no memory.
QUEUE_MAX: Final = 256
# A job that waited so long moves to a tier: it would hold back what its partition may commit.
WAIT_MS_MAX: Final = 10_000
# Of twelve turns eight are for first attempts, three for retries and one for replays; the turn of
# a lane that has nothing to start passes to the next.
LANE_TURNS: Final[tuple[Lane, ...]] = (
    *("new", "new", "retry", "new", "new", "new"),
    *("retry", "new", "new", "replay", "new", "retry"),
)

# What the end of a job says of its endpoint; `none` when it was not asked after all.
Sign = Literal["answered", "overloaded", "none"]

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Queued(Generic[_T]):
    """A job in the queue of its webhook since `since_ms`."""

    webhook: str
    lane: Lane
    since_ms: int
    job: _T


@dataclass(slots=True)
class _Endpoint:
    """What is known of a webhook's endpoint while it has work, or is suspected of overload."""

    ceiling: int
    in_flight: int = 0
    queued: int = 0
    concurrency: Concurrency = field(default_factory=Concurrency)

    @property
    def limit(self) -> int:
        return min(self.concurrency.limit, self.ceiling)

    @property
    def is_forgettable(self) -> bool:
        """Whether a new one would be as good: idle, and no lower than where a new one starts."""
        is_idle = not (self.in_flight or self.queued)
        return is_idle and self.concurrency.limit >= min(CONCURRENCY_START, self.ceiling)


class _Lane(Generic[_T]):
    """The queues of one lane, and which webhooks may start a job: within their share, or beyond."""

    def __init__(self) -> None:
        self.queues: dict[str, deque[Queued[_T]]] = {}
        self.ready: OrderedDict[str, None] = OrderedDict()
        self.surplus: OrderedDict[str, None] = OrderedDict()
        self.size = 0

    def place(self, webhook: str, endpoint: _Endpoint) -> None:
        """Put a webhook into the turn it may take part in; it keeps a place it has."""
        may_start = webhook in self.queues and endpoint.in_flight < endpoint.limit
        within_share = endpoint.in_flight < SHARE_MAX
        _keep(self.ready, webhook, keep=may_start and within_share)
        _keep(self.surplus, webhook, keep=may_start and not within_share)

    def retain(self, webhook: str, kept: list[Queued[_T]]) -> None:
        """Leave only `kept` in the queue of a webhook."""
        self.size -= len(self.queues[webhook]) - len(kept)
        if kept:
            self.queues[webhook] = deque(kept)
        else:
            del self.queues[webhook]

    def pop(self, webhook: str) -> Queued[_T]:
        """Take the oldest job of a webhook that has one."""
        queue = self.queues[webhook]
        queued = queue.popleft()
        self.size -= 1
        if not queue:
            del self.queues[webhook]
        return queued


def _keep(turn: OrderedDict[str, None], webhook: str, *, keep: bool) -> None:
    if not keep:
        turn.pop(webhook, None)
    elif webhook not in turn:
        turn[webhook] = None


class Dispatcher(Generic[_T]):
    """All queues of one sender."""

    def __init__(self) -> None:
        """Begin empty."""
        self._lanes: dict[Lane, _Lane[_T]] = {lane: _Lane() for lane in ("new", "retry", "replay")}
        self._endpoints: dict[str, _Endpoint] = {}
        self._turn = 0
        self.in_flight = 0

    @property
    def endpoints(self) -> int:
        """Endpoints of which anything is known: those with work, and those under suspicion."""
        return len(self._endpoints)

    def queued(self, lane: Lane) -> int:
        """Jobs waiting in a lane."""
        return self._lanes[lane].size

    def limit(self, webhook: str) -> int:
        """How many requests of a webhook may be in flight now."""
        endpoint = self._endpoints.get(webhook)
        return CONCURRENCY_START if endpoint is None else endpoint.limit

    def add(self, queued: Queued[_T], *, concurrency_max: int) -> bool:
        """Queue a job; False, and nothing is queued, when its webhook has too many waiting."""
        endpoint = self._endpoints.setdefault(queued.webhook, _Endpoint(concurrency_max))
        endpoint.ceiling = concurrency_max
        has_room = endpoint.queued < QUEUE_MAX
        if has_room:
            endpoint.queued += 1
            lane = self._lanes[queued.lane]
            lane.queues.setdefault(queued.webhook, deque()).append(queued)
            lane.size += 1
        self._placed(queued.webhook, endpoint)  # in all lanes: the ceiling may be another one
        return has_room

    def take(self) -> Queued[_T] | None:
        """The job to start now, counted as in flight from here; None when none may start."""
        if self.in_flight >= IN_FLIGHT_MAX:
            return None
        queued = self._take_turn(within_share=True)
        if queued is None and self.in_flight < IN_FLIGHT_MAX // 2:
            queued = self._take_turn(within_share=False)
        return queued

    def finished(self, webhook: str, sign: Sign) -> None:
        """A job that was taken has ended, with this sign of how the endpoint fares."""
        endpoint = self._endpoints[webhook]
        self.in_flight -= 1
        endpoint.in_flight -= 1
        if sign == "overloaded":
            endpoint.concurrency.overloaded(endpoint.ceiling)
        elif sign == "answered":
            endpoint.concurrency.answered(endpoint.ceiling)
        self._placed(webhook, endpoint)

    def overdue(self, now_ms: int) -> list[Queued[_T]]:
        """Take out the jobs that have waited too long for their endpoint.

        Those of an endpoint that has free places wait for us, not for it: a tier would only make
        them later.
        """
        removed = []
        for lane in self._lanes.values():
            for webhook, queue in list(lane.queues.items()):
                endpoint = self._endpoints[webhook]
                if endpoint.in_flight < endpoint.limit:
                    continue
                while queue and now_ms - queue[0].since_ms >= WAIT_MS_MAX:
                    removed.append(self._removed(lane, webhook))
        return removed

    def drop(self, unwanted: Callable[[_T], bool]) -> list[Queued[_T]]:
        """Take out the jobs for which `unwanted` holds: their partition was lost."""
        dropped: list[Queued[_T]] = []
        for lane in self._lanes.values():
            for webhook, queue in list(lane.queues.items()):
                gone = [queued for queued in queue if unwanted(queued.job)]
                lane.retain(webhook, [queued for queued in queue if not unwanted(queued.job)])
                endpoint = self._endpoints[webhook]
                endpoint.queued -= len(gone)
                self._placed(webhook, endpoint)
                dropped += gone
        return dropped

    def _take_turn(self, *, within_share: bool) -> Queued[_T] | None:
        for step in range(len(LANE_TURNS)):
            lane = self._lanes[LANE_TURNS[(self._turn + step) % len(LANE_TURNS)]]
            turn = lane.ready if within_share else lane.surplus
            if turn:
                self._turn = (self._turn + step + 1) % len(LANE_TURNS)
                webhook, _ = turn.popitem(last=False)
                return self._started(lane, webhook)
        return None

    def _started(self, lane: _Lane[_T], webhook: str) -> Queued[_T]:
        endpoint = self._endpoints[webhook]
        queued = lane.pop(webhook)
        endpoint.queued -= 1
        endpoint.in_flight += 1
        self.in_flight += 1
        self._placed(webhook, endpoint)
        return queued

    def _removed(self, lane: _Lane[_T], webhook: str) -> Queued[_T]:
        endpoint = self._endpoints[webhook]
        queued = lane.pop(webhook)
        endpoint.queued -= 1
        self._placed(webhook, endpoint)
        return queued

    def _placed(self, webhook: str, endpoint: _Endpoint) -> None:
        for lane in self._lanes.values():
            lane.place(webhook, endpoint)
        if endpoint.is_forgettable:
            del self._endpoints[webhook]
