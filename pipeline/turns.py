"""Who goes next when more records are due than may go: topics take turns, as do their partitions.

Each record takes a token. A partition that finds none waits, and is woken for a share of records
when the bucket has that many which are not meant for others already. So a backlog of one topic
costs another's records a few turns, however long it is, and nothing has to be kept in memory.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from dataclasses import dataclass
from typing import Final

from pipeline.assignments import Key
from pipeline.rates import TokenBucket

# Tokens are kept so long for a partition that was woken and brings nothing.
PROMISED_S: Final = 5.0

# A share is what goes in a tenth of a second: a turn comes soon, and is worth a fetch.
_SHARES_PER_S: Final = 10
# A quarter of a second's records may go at once.
_BURSTS_PER_S: Final = 4


@dataclass(slots=True)
class _Share:
    left: int
    kept_until_s: float


class Turns:
    """The turns of all partitions, at `per_s` records a second in all."""

    def __init__(self, per_s: int, *, now_s: float) -> None:
        """Begin with nobody waiting and a full bucket."""
        self.share = max(per_s // _SHARES_PER_S, 1)
        self._bucket = TokenBucket(max(per_s // _BURSTS_PER_S, self.share), per_s, now_s=now_s)
        self._waiting: OrderedDict[str, deque[Key]] = OrderedDict()
        self._shares: dict[Key, _Share] = {}

    def is_waiting(self, key: Key) -> bool:
        """Whether a partition was refused and has not been woken yet."""
        return key in self._waiting.get(key[0], ())

    def may_pass(self, key: Key, now_s: float) -> bool:
        """Take a token for a record of this partition; refused, the partition waits to be woken."""
        share = self._shares.get(key)
        if share is None or share.left == 0:
            self._shares.pop(key, None)
            is_free = not self._waiting and self._unpromised(now_s) >= 1
            if is_free and self._bucket.try_take(now_s):
                return True
            self._wait(key)
            return False
        if self._bucket.try_take(now_s):
            share.left -= 1
            return True
        del self._shares[key]  # others were quicker: it is next
        self._wait_in_front(key)
        return False

    def woken(self, now_s: float) -> list[Key]:
        """The partitions whose turn has come; each may pass a share of records on."""
        found: list[Key] = []
        while self._waiting and self._unpromised(now_s) >= self.share:
            key = self._next()
            self._shares[key] = _Share(self.share, now_s + PROMISED_S)
            found.append(key)
        return found

    def brings_nothing(self, key: Key) -> None:
        """Note that a partition has nothing due at present: its share is for others."""
        self._shares.pop(key, None)

    def forget(self, key: Key) -> None:
        """Note that a partition is gone."""
        self._shares.pop(key, None)
        if self.is_waiting(key):
            self._waiting[key[0]].remove(key)
            if not self._waiting[key[0]]:
                del self._waiting[key[0]]

    def _unpromised(self, now_s: float) -> float:
        kept = sum(it.left for it in self._shares.values() if now_s < it.kept_until_s)
        return self._bucket.available(now_s) - kept

    def _wait(self, key: Key) -> None:
        self._waiting.setdefault(key[0], deque()).append(key)

    def _wait_in_front(self, key: Key) -> None:
        self._waiting.setdefault(key[0], deque()).appendleft(key)
        self._waiting.move_to_end(key[0], last=False)

    def _next(self) -> Key:
        topic, keys = self._waiting.popitem(last=False)
        key = keys.popleft()
        if keys:
            self._waiting[topic] = keys  # behind the others
        return key
