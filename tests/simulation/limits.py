"""One sender's requests, counted anew: none may go beyond the limits of its webhook."""

from __future__ import annotations

from collections import Counter, defaultdict

from pipeline.breaker import BACK_OFF_MS_MIN, IN_A_ROW_MAX, IN_WINDOW_MAX, WINDOW, is_alive
from pipeline.outcomes import Answered, NotSent, Result
from tests.simulation.endpoints import WEBHOOKS
from tests.simulation.world import World

CEILINGS = {it.id: it.concurrency_max for it in WEBHOOKS}
RATES = {it.id: it.rate_limit.per_second for it in WEBHOOKS if it.rate_limit}


class Limits:
    """By webhook: requests under way, when they began, and what a breaker must make of results."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.asking: Counter[str] = Counter()
        self.times: defaultdict[str, list[int]] = defaultdict(list)
        self.results: defaultdict[str, list[bool]] = defaultdict(list)
        self.reopens_ms: dict[str, int] = {}  # of those that are open

    def asked(self, webhook: str, limit: int) -> None:
        """A request begins; `limit` is how many the sender says there may be."""
        self.asking[webhook] += 1
        assert self.asking[webhook] <= min(limit, CEILINGS[webhook]), "more than its limit at once"
        if webhook in self.reopens_ms:
            assert self.world.now_ms >= self.reopens_ms[webhook], "asked while its breaker is open"
            assert self.asking[webhook] == 1, "more than a probe"
        if webhook in RATES:
            self.check_rate(self.times[webhook], RATES[webhook])

    def check_rate(self, times: list[int], per_second: float) -> None:
        times.append(self.world.now_ms)
        for count, since_ms in enumerate(reversed(times)):
            span_s = (self.world.now_ms - since_ms) / 1_000
            assert count <= per_second * span_s + 1e-6, "more than its rate"

    def ended(self, webhook: str, result: Result) -> None:
        """A request has ended."""
        self.asking[webhook] -= 1
        is_open = webhook in self.reopens_ms
        is_probe = is_open and self.world.now_ms >= self.reopens_ms[webhook]
        if isinstance(result, NotSent) or (is_open and not (is_probe and not self.asking[webhook])):
            return
        is_well = isinstance(result, Answered) and is_alive(result.response.status)
        results = self.results[webhook] = [*self.results[webhook], is_well][-WINDOW:]
        in_a_row = results[-IN_A_ROW_MAX:] == [False] * IN_A_ROW_MAX
        if is_probe and is_well:
            del self.reopens_ms[webhook], self.results[webhook]
        elif is_probe or in_a_row or results.count(False) >= IN_WINDOW_MAX:
            self.reopens_ms[webhook] = self.world.now_ms + BACK_OFF_MS_MIN
            self.world.note("breaker", webhook)
