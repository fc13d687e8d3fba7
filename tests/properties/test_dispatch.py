"""The dispatcher against a slow, plain model, over any sequence of operations."""

from __future__ import annotations

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from pipeline import dispatch, endpoints
from pipeline.dispatch import Dispatcher
from pipeline.endpoints import HOLDS, Endpoint, Terms
from pipeline.lanes import Queued

LANES = ("new", "retry", "replay")
webhooks = st.sampled_from(["a", "b", "c", "d"])
signs = st.sampled_from(
    [*("answered", "answered", "answered"), *("overloaded", "unwell", "unwell", "unwell", "none")]
)
terms = st.builds(Terms, st.sampled_from([1, 2, 3, 4, 64]), st.sampled_from([None, None, 0.5, 300]))
BOUNDS = {
    dispatch: {"IN_FLIGHT_MAX": 12, "SHARE_MAX": 3, "WAIT_MS_MAX": 5_000, "REMEMBERED_MAX": 3},
    endpoints: {"QUEUE_MAX": 7, "WAIT_MS_MAX": 5_000},
}


class DispatcherMachine(RuleBasedStateMachine):
    """Counts and queues are kept twice, and endpoints looked at anew before each question."""

    def __init__(self):
        super().__init__()
        self.kept = [
            (where, name, getattr(where, name)) for where in BOUNDS for name in BOUNDS[where]
        ]
        for where, bounds in BOUNDS.items():
            for name, value in bounds.items():
                setattr(where, name, value)
        self.dispatcher = Dispatcher()
        self.queues: dict[tuple[str, str], list[int]] = {}
        self.since_ms: dict[int, int] = {}
        self.known: dict[str, Endpoint] = {}
        self.idle: list[str] = []
        self.jobs = 0
        self.now_ms = 0
        self.ended: list[int] = []

    def teardown(self):
        for where, name, value in self.kept:
            setattr(where, name, value)
        left = {job for queue in self.queues.values() for job in queue}
        assert {it.job for it in self.dispatcher.drop(lambda _: True)} == left
        assert sorted([*self.ended, *left]) == list(range(self.jobs)), "taken or returned once"

    @initialize(now_ms=st.integers(0, 3))
    def begin(self, now_ms):
        self.now_ms = now_ms

    def queued_of(self, webhook):
        return sum(len(self.queues.get((webhook, lane), [])) for lane in LANES)

    def in_flight(self):
        return sum(endpoint.in_flight for endpoint in self.known.values())

    def look_at_all(self):
        """Plainly, where the dispatcher has timers: see whose tokens have come."""
        for webhook, endpoint in list(self.known.items()):
            endpoint.looked_at(self.now_ms)
            self.touched(webhook)

    def touched(self, webhook):
        endpoint = self.known.get(webhook)
        if endpoint is None:
            return
        if not endpoint.is_idle:
            self.idle = [it for it in self.idle if it != webhook]
        elif endpoint.is_forgettable(self.now_ms):
            self.forget(webhook)
        elif webhook not in self.idle:
            self.idle.append(webhook)
            if len(self.idle) > dispatch.REMEMBERED_MAX:
                self.forget(self.idle[0])

    def forget(self, webhook):
        self.idle = [it for it in self.idle if it != webhook]
        del self.known[webhook]

    def may_start(self, share):
        return {
            webhook
            for webhook, endpoint in self.known.items()
            if self.queued_of(webhook) and endpoint.hold() is None and endpoint.in_flight < share
        }

    @rule(webhook=webhooks, lane=st.sampled_from(LANES), terms=terms)
    def add(self, webhook, lane, terms):
        endpoint = self.known.setdefault(webhook, Endpoint(terms.concurrency_max))
        endpoint.set_terms(terms, self.now_ms)
        refusal = endpoint.refusal(self.now_ms)
        queued = Queued(webhook, lane, self.now_ms, self.jobs)
        assert self.dispatcher.add(queued, terms) == refusal
        if refusal is None:
            endpoint.queued += 1
            self.queues.setdefault((webhook, lane), []).append(self.jobs)
            self.since_ms[self.jobs] = self.now_ms
            self.jobs += 1
        self.touched(webhook)

    @rule()
    def take(self):
        self.look_at_all()
        within, beyond = self.may_start(dispatch.SHARE_MAX), self.may_start(99)
        total = self.in_flight()
        queued = self.dispatcher.take(self.now_ms)
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
            self.known[queued.webhook].started(self.now_ms)
            self.ended.append(queued.job)

    @rule(webhook=webhooks, sign=signs)
    def finish(self, webhook, sign):
        endpoint = self.known.get(webhook)
        if endpoint is None or not endpoint.in_flight:
            return
        spilled = {it.queued.job for it in self.dispatcher.finished(webhook, sign, self.now_ms)}
        if endpoint.finished(sign, self.now_ms):
            self.remove(lambda job: job in self.jobs_of(webhook), spilled)
        assert spilled <= set(self.ended)
        self.touched(webhook)

    def jobs_of(self, webhook):
        return {job for lane in LANES for job in self.queues.get((webhook, lane), [])}

    @rule(passed_ms=st.sampled_from([1, 2, 3, 900, 4_000, 6_000]))
    def time_passes(self, passed_ms):
        self.now_ms += passed_ms

    @rule()
    def put_off_what_is_overdue(self):
        self.look_at_all()
        held = {
            job
            for webhook, endpoint in self.known.items()
            if endpoint.hold() is not None
            for job in self.jobs_of(webhook)
        }
        late = {it.queued.job for it in self.dispatcher.overdue(self.now_ms)}
        wait_ms = dispatch.WAIT_MS_MAX
        self.remove(lambda job: job in held and self.now_ms - self.since_ms[job] >= wait_ms, late)

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
        for webhook in sorted(touched):
            self.known[webhook].queued = self.queued_of(webhook)
            self.touched(webhook)

    @invariant()
    def counts_agree(self):
        for lane in LANES:
            count = sum(len(queue) for (_, its), queue in self.queues.items() if its == lane)
            assert self.dispatcher.queued(lane) == count
        assert self.dispatcher.in_flight == self.in_flight() <= dispatch.IN_FLIGHT_MAX
        held = sum(self.dispatcher.held(hold) for hold in HOLDS)
        assert 0 <= held <= sum(self.dispatcher.queued(lane) for lane in LANES)

    @invariant()
    def what_is_kept_is_bounded(self):
        busy = sum(not endpoint.is_idle for endpoint in self.known.values())
        assert self.dispatcher.endpoints <= busy + dispatch.REMEMBERED_MAX
        assert 0 <= self.dispatcher.open_breakers <= self.dispatcher.endpoints


DispatcherMachine.TestCase.settings = settings(
    derandomize=True, deadline=None, max_examples=150, stateful_step_count=60
)
test_dispatcher = DispatcherMachine.TestCase
