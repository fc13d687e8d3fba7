"""Each key has a rate of its own, and what is kept of keys is bounded."""

import pytest

from agents.api.limits import RateLimiter
from agents.api.problems import Problem


def test_a_burst_of_two_seconds_passes_and_then_the_rate():
    limiter = RateLimiter(per_s=10)
    for _ in range(20):
        limiter.take("a", 0.0)

    with pytest.raises(Problem) as raised:
        limiter.take("a", 0.0)
    assert (raised.value.status, raised.value.headers["Retry-After"]) == (429, "1")
    limiter.take("a", 0.1)


def test_one_key_does_not_slow_another():
    limiter = RateLimiter(per_s=1)
    for _ in range(2):
        limiter.take("a", 0.0)

    limiter.take("b", 0.0)


def test_only_keys_that_were_used_lately_are_known(monkeypatch):
    monkeypatch.setattr("agents.api.limits._KEYS_MAX", 2)
    limiter = RateLimiter(per_s=1)
    for key in ("a", "a", "b", "c"):
        limiter.take(key, 0.0)

    limiter.take("a", 0.0)
    assert len(limiter._buckets) == 2  # noqa: SLF001 - what is bounded
