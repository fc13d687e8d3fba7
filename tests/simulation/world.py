"""A world of its own: virtual time, topics as lists, and chance from one seed.

Nothing here sleeps: what is to happen stands in a heap by its time, and time is that of the next
thing to happen. The same seed makes the same world, to the last record.
"""

from __future__ import annotations

import heapq
import random
from collections import Counter, defaultdict
from collections.abc import Callable
from typing import Any

from agents.sender.readback import MARGIN
from pipeline.due import due_of
from pipeline.offsets import Position
from pipeline.suppression import Noted
from schemas.attempt import Attempt
from schemas.config import Config
from schemas.failure import Failure
from schemas.job import Job
from schemas.tiers import Tier
from schemas.topics import JOBS, JOBS_RETRY
from tests.support.builders import NOW_MS

PARTITIONS = 4
# The one webhook whose deliveries have an order.
ORDERED = "ordered"
# What has not ended by then never will.
LIFETIME_MS = 2 * 60 * 60 * 1_000

Action = Callable[[], None]
Key = tuple[str, int]
# A delivery, its run and the attempt's number.
Try = tuple[str, int, int]


class World:
    """Time, topics, and the books that are kept of what truly happened."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)  # noqa: S311 - a world that can be repeated
        # So many attempts are read back before the floor. Agents' margin is all of a small world,
        # whatever its floors; so every other world has none, and shows what floors are worth.
        self.margin = 0 if seed % 2 else MARGIN
        self.now_ms = NOW_MS
        self.busy_until_ms = NOW_MS  # what comes from outside has come by then
        self.trace: list[tuple[Any, ...]] = []
        self.jobs: dict[Key, list[Job]] = defaultdict(list)
        self.attempts: dict[int, list[Attempt]] = defaultdict(list)
        self.parked: list[tuple[Tier, Job]] = []  # what waits in tiers
        self.failures: list[Failure] = []
        self.dead_letters: set[str] = set()  # deliveries
        self.committed: dict[Key, Position] = {}
        self.owners: dict[int, object] = {}  # the sender that has a partition, for the group
        self.terms: Counter[int] = Counter()  # how often a partition was given to somebody
        self.expected: set[str] = set()  # deliveries
        self.short_lived: set[str] = set()  # deliveries that may expire
        self.first_jobs: dict[str, Job] = {}  # by delivery
        self.newest_run: Counter[str] = Counter()  # by delivery
        self.configs: list[Config] = []  # written to the configuration since the world began
        self.open: set[str] = set()  # deliveries whose newest run has not ended
        self.requests: Counter[Try] = Counter()
        self.interrupted: Counter[Try] = Counter()  # cut off before they were recorded
        self.ended_at_ms: dict[str, int] = {}
        self.starts: defaultdict[str, list[int]] = defaultdict(list)  # of requests, by delivery
        # Deliveries in the order in which their jobs came, by webhook and activity.
        self.ordered: defaultdict[tuple[str, str], list[str]] = defaultdict(list)
        self._copies: Counter[tuple[Try, int]] = Counter()  # by try and deferrals
        self._decisions: defaultdict[tuple[Try, int], list[str]] = defaultdict(list)
        self._coming: list[tuple[int, int, Action]] = []
        self._count = 0
        self._offsets: dict[int, int] = {}

    def at(self, delay_ms: int, action: Action) -> None:
        """Have something happen later."""
        self._count += 1
        heapq.heappush(self._coming, (self.now_ms + delay_ms, self._count, action))

    def between(self, low_ms: int, high_ms: int) -> int:
        return self.chance.randint(low_ms, high_ms)

    def happens(self, probability: float) -> bool:
        return self.chance.random() < probability

    def run(self) -> None:
        """Until nothing is to come."""
        while self._coming:
            self.now_ms, _, action = heapq.heappop(self._coming)
            action()

    @property
    def is_over(self) -> bool:
        """Whether every delivery has ended, or will not do so any more."""
        if self.now_ms < self.busy_until_ms:
            return False
        return not self.open or self.now_ms > NOW_MS + LIFETIME_MS

    def note(self, *what: object) -> None:
        self.trace.append((self.now_ms, *what))

    def copies(self) -> Counter[Try]:
        """How many more records asked for an attempt than there were reasons to."""
        more: Counter[Try] = Counter()
        for (which, _), count in self._copies.items():
            more[which] += count - 1
        for (which, _), steps in self._decisions.items():
            more[which] += len(steps) - 1 if "defer" in steps else 0
        return more

    def decided(self, attempt: Attempt) -> None:
        """A sender decided on a job; when another has too, and one puts it off, both go on."""
        self._decisions[try_of(attempt), attempt.deferrals].append(attempt.next.step)

    def publish(self, job: Job, topic: str = JOBS) -> None:
        """Append a job for the senders."""
        if job.delivery_id not in self.expected and job.webhook_id == ORDERED:
            self.ordered[job.webhook_id, job.event.activity_id].append(job.delivery_id)
        self.expected.add(job.delivery_id)
        if job.delivery_id not in self.first_jobs:
            self.first_jobs[job.delivery_id] = job
            self.open.add(job.delivery_id)
        self._copies[try_of(job), job.deferrals] += 1
        self.jobs[topic, partition_of(job)].append(job)
        self.note(topic, job.delivery_id[-4:], job.rerun, job.attempt, job.deferrals)
        owner = self.owners.get(partition_of(job))
        if owner is not None:
            owner.later(self.between(1, 20), owner.poll)

    def park(self, job: Job, tier: Tier) -> None:
        """Append a job to a tier, whose scheduler passes it on when it is due; at times twice."""
        due = due_of({"due-at": str(job.due_at_ms), "to": JOBS_RETRY})
        delay_ms = due.at_ms - self.now_ms
        assert delay_ms <= 1.1 * tier.delay_ms + 1, "later than its tier"
        self.note(tier.topic, job.delivery_id[-4:], job.rerun, job.attempt, job.deferrals)
        self.parked.append((tier, job))
        self.at(max(delay_ms, 0) + self.between(0, 20), lambda: self.leave(tier, job, due.to))
        if self.happens(0.05):
            again_ms = max(delay_ms, 0) + self.between(20, 3_000)
            self.at(again_ms, lambda: self.publish(job, due.to))

    def leave(self, tier: Tier, job: Job, topic: str) -> None:
        """Pass on what is due."""
        self.parked.remove((tier, job))
        self.publish(job, topic)

    def record(self, partition: int, attempt: Attempt) -> None:
        """Append an attempt."""
        which = (attempt.delivery_id[-4:], attempt.rerun, attempt.attempt)
        self.note("attempts", *which, attempt.reason)
        self.attempts[partition].append(attempt)
        if attempt.next.step == "end":
            if attempt.rerun == self.newest_run[attempt.delivery_id]:
                self.open.discard(attempt.delivery_id)
            self.ended_at_ms.setdefault(attempt.delivery_id, self.now_ms)
        self._offsets[id(attempt)] = len(self.attempts[partition]) - 1

    def offset_of(self, attempt: Attempt) -> int:
        """Where an attempt was appended."""
        return self._offsets[id(attempt)]


def try_of(job: Job | Attempt) -> Try:
    """Which try of which run a job asks for, or a record tells of."""
    return job.delivery_id, job.rerun, job.attempt


def noted_in(attempt: Attempt) -> Noted:
    """What a sender that reads an attempt back makes of it."""
    follows, webhook = attempt.next, f"{attempt.account_id}:{attempt.webhook_id}"
    return Noted(
        *(attempt.delivery_id, attempt.attempt, attempt.deferrals, follows.step),
        *((webhook, attempt.activity_id), attempt.first_queued_at_ms, follows.due_at_ms or 0),
        attempt.rerun,
    )


def partition_of(job: Job) -> int:
    """All jobs of a webhook share a partition number."""
    return sum(job.key) % PARTITIONS
