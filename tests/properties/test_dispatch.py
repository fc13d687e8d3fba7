"""The dispatcher against a slow, plain model, over any sequence of operations."""

from __future__ import annotations

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from pipeline import dispatch
from pipeline.dispatch import Dispatcher, Queued
from pipeline.limits import Concurrency

LANES = ("new", "retry", "replay")
webhooks = st.sampled_from(["a", "b", "c", "d"])
signs = st.sampled_from(["answered", "answered", "answered", "overloaded", "none"])
ceilings = st.sampled_from([1, 2, 3, 4, 64])
BOUNDS = {"IN_FLIGHT_MAX": 12, "SHARE_MAX": 3, "QUEUE_MAX": 7, "WAIT_MS_MAX": 5}


class DispatcherMachine(RuleBasedStateMachine):
    """Counts, limits and queues are kept twice; what may start is asked of the model."""

    def __init__(self):
        super().__init__()
        self.kept = {name: getattr(dispatch, name) for name in BOUNDS}
        for name, value in BOUNDS.items():
            setattr(dispatch, name, value)
        self.dispatcher = Dispatcher()
        self.queues: dict[tuple[str, str], list[int]] = {}
        self.since_ms: dict[int, int] = {}
        self.in_flight: dict[str, int] = {}
        self.ceilings: dict[str, int] = {}
        self.limits: dict[str, Concurrency] = {}
        self.jobs = 0
        self.now_ms = 0
        self.ended: list[int] = []

    def teardown(self):
        for name, value in self.kept.items():
            setattr(dispatch, name, value)
        left = {job for queue in self.queues.values() for job in queue}
        assert {it.job for it in self.dispatcher.drop(lambda _: True)} == left
        assert sorted([*self.ended, *left]) == list(range(self.jobs)), "taken or returned once"

    @initialize(now_ms=st.integers(0, 3))
    def begin(self, now_ms):
        self.now_ms = now_ms

    def limit_of(self, webhook):
        limit = self.limits.get(webhook, Concurrency()).limit
        return min(limit, self.ceilings.get(webhook, limit))

    def queued_of(self, webhook):
        return sum(len(self.queues.get((webhook, lane), [])) for lane in LANES)

    def may_start(self, share):
        return {
            webhook
            for webhook, _ in (key for key, queue in self.queues.items() if queue)
            if self.in_flight.get(webhook, 0) < min(share, self.limit_of(webhook))
        }

    def forget_if_idle(self, webhook):
        if not self.queued_of(webhook) and not self.in_flight.get(webhook):
            limit = self.limits.get(webhook, Concurrency()).limit
            if limit >= min(dispatch.CONCURRENCY_START, self.ceilings[webhook]):
                self.limits.pop(webhook, None)
                self.ceilings.pop(webhook)

    @rule(webhook=webhooks, lane=st.sampled_from(LANES), ceiling=ceilings)
    def add(self, webhook, lane, ceiling):
        has_room = self.queued_of(webhook) < dispatch.QUEUE_MAX
        queued = Queued(webhook, lane, self.now_ms, self.jobs)
        assert self.dispatcher.add(queued, concurrency_max=ceiling) is has_room
        self.ceilings[webhook] = ceiling
        if has_room:
            self.queues.setdefault((webhook, lane), []).append(self.jobs)
            self.since_ms[self.jobs] = self.now_ms
            self.jobs += 1

    @rule()
    def take(self):
        within, beyond = self.may_start(dispatch.SHARE_MAX), self.may_start(99)
        total = sum(self.in_flight.values())
        queued = self.dispatcher.take()
        if total >= dispatch.IN_FLIGHT_MAX:
            allowed = set()
        elif within or total >= dispatch.IN_FLIGHT_MAX // 2:
            allowed = within
        else:
            allowed = beyond
        assert (queued is not None) == bool(allowed), "stuck, or over a limit"
        if queued is not None:
            assert queued.webhook in allowed
            assert self.queues[queued.webhook, queued.lane].pop(0) == queued.job
            self.in_flight[queued.webhook] = self.in_flight.get(queued.webhook, 0) + 1
            self.ended.append(queued.job)

    @rule(webhook=webhooks, sign=signs)
    def finish(self, webhook, sign):
        if not self.in_flight.get(webhook):
            return
        self.dispatcher.finished(webhook, sign)
        self.in_flight[webhook] -= 1
        concurrency = self.limits.setdefault(webhook, Concurrency())
        if sign == "answered":
            concurrency.answered(self.ceilings[webhook])
        elif sign == "overloaded":
            concurrency.overloaded(self.ceilings[webhook])
        self.forget_if_idle(webhook)

    @rule(passed_ms=st.integers(0, 6))
    def put_off_what_is_overdue(self, passed_ms):
        self.now_ms += passed_ms
        late = {it.job for it in self.dispatcher.overdue(self.now_ms)}
        busy = {
            job
            for (webhook, _), queue in self.queues.items()
            if self.in_flight.get(webhook, 0) >= self.limit_of(webhook)
            for job in queue
        }
        wait_ms = dispatch.WAIT_MS_MAX
        self.remove(lambda job: job in busy and self.now_ms - self.since_ms[job] >= wait_ms, late)

    @rule(remainder=st.integers(0, 2))
    def lose_a_partition(self, remainder):
        dropped = {it.job for it in self.dispatcher.drop(lambda job: job % 3 == remainder)}
        self.remove(lambda job: job % 3 == remainder, dropped)

    def remove(self, unwanted, removed):
        gone = {job for queue in self.queues.values() for job in queue if unwanted(job)}
        assert removed == gone
        self.ended += gone
        touched = {webhook for (webhook, _), queue in self.queues.items() if gone & set(queue)}
        for key, queue in self.queues.items():
            self.queues[key] = [job for job in queue if job not in gone]
        for webhook in touched:
            self.forget_if_idle(webhook)

    @invariant()
    def counts_agree(self):
        for lane in LANES:
            count = sum(len(queue) for (_, its), queue in self.queues.items() if its == lane)
            assert self.dispatcher.queued(lane) == count
        assert self.dispatcher.in_flight == sum(self.in_flight.values()) <= dispatch.IN_FLIGHT_MAX

    @invariant()
    def limits_agree(self):
        for webhook in "abcd":
            assert self.dispatcher.limit(webhook) == self.limit_of(webhook)
        assert self.dispatcher.endpoints == len(self.ceilings), "kept while of use, no longer"


DispatcherMachine.TestCase.settings = settings(
    derandomize=True, deadline=None, max_examples=150, stateful_step_count=60
)
test_dispatcher = DispatcherMachine.TestCase
