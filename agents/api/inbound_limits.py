"""How much may come in at `/in/`: requests of one source in a second and at once, bytes of all.

So a source that is flooded, or whose sender is slow, holds its own places and not those of others.
"""

from __future__ import annotations

import math
from collections import Counter, OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final, TypeAlias

from agents.api.problems import RATE_LIMITED, Problem, unavailable
from pipeline.rates import TokenBucket
from schemas.source import Source

# A sender that was quiet may send so many seconds' worth at once.
_BURST_S: Final = 2
# A request is done in milliseconds once it is here; more at once than this are slow, or too many.
UNDER_WAY_MAX: Final = 32
# Of bodies on their way in, all sources together: an API has room for that beside its work.
BODIES_BYTES_MAX: Final = 64 * 1024 * 1024
# Sources whose rate is known; one that was forgotten begins anew with a full bucket.
_SOURCES_MAX: Final = 10_000

_Name: TypeAlias = tuple[int, str]


class SourceRates:
    """A token bucket for each source."""

    def __init__(self) -> None:
        """Nobody has sent anything yet."""
        self._buckets: OrderedDict[_Name, TokenBucket] = OrderedDict()

    def take(self, source: Source, now_s: float) -> None:
        """Count a request; raises the problem when there were too many."""
        name, per_s = (source.account_id, source.id), source.per_second
        bucket = self._buckets.get(name)
        if bucket is None or bucket.per_s != per_s:
            bucket = TokenBucket(max(math.ceil(per_s * _BURST_S), 1), per_s, now_s=now_s)
            self._buckets[name] = bucket
            if len(self._buckets) > _SOURCES_MAX:
                self._buckets.popitem(last=False)
        self._buckets.move_to_end(name)
        if not bucket.try_take(now_s):
            wait_s = math.ceil(max(bucket.ready_at_s(now_s) - now_s, 0)) or 1
            raise _too_many(f"this source takes {per_s:g} requests a second", wait_s)


class Places:
    """Requests that are under way, and the bytes that they hold."""

    def __init__(self) -> None:
        """Nothing is under way."""
        self._under_way: Counter[_Name] = Counter()
        self._bytes = 0

    @contextmanager
    def place(self, source: Source) -> Iterator[Held]:
        """A place for one request, until the block ends; raises the problem when none is free."""
        name = (source.account_id, source.id)
        if self._under_way[name] >= UNDER_WAY_MAX:
            raise _too_many(f"{UNDER_WAY_MAX} requests to this source are under way", 1)
        self._under_way[name] += 1
        held = Held(self)
        try:
            yield held
        finally:
            self.add(-held.bytes)
            self._under_way[name] -= 1
            if not self._under_way[name]:
                del self._under_way[name]

    def add(self, count: int) -> None:
        """Count bytes; raises the problem when there is no room for more."""
        if count > 0 and self._bytes + count > BODIES_BYTES_MAX:
            raise unavailable("inbound", "too much comes in at once; send it again")
        self._bytes += count


class Held:
    """What one request holds."""

    def __init__(self, places: Places) -> None:
        """Nothing yet."""
        self.bytes = 0
        self._places = places

    def add(self, count: int) -> None:
        """Count bytes that have come; raises the problem when there is no room for them."""
        self._places.add(count)
        self.bytes += count


def _too_many(detail: str, wait_s: int) -> Problem:
    return Problem(RATE_LIMITED, detail, headers={"Retry-After": str(wait_s)})
