"""Which partition a webhook's jobs lie in, and for how long one of them stood still. Pure.

A sender that is killed silences its partitions, so that is where silence is looked for: among all
webhooks of a partition together, as one webhook alone may have nothing to do for a while.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from itertools import pairwise
from typing import Final

_SEED: Final = 0x9747B28C
_M: Final = 0x5BD1E995
_WORD: Final = 0xFFFFFFFF
_POSITIVE: Final = 0x7FFFFFFF
_NS_PER_S: Final = 1e9


def murmur2(data: bytes) -> int:
    """Kafka's hash of a key, as an unsigned number of 32 bits."""
    value = _SEED ^ len(data)
    whole = len(data) & ~3
    for at in range(0, whole, 4):
        word = int.from_bytes(data[at : at + 4], "little") * _M & _WORD
        word = (word ^ word >> 24) * _M & _WORD
        value = value * _M & _WORD ^ word
    if whole < len(data):
        value = (value ^ int.from_bytes(data[whole:], "little")) * _M & _WORD
    value = (value ^ value >> 13) * _M & _WORD
    return value ^ value >> 15


def partition_of(key: bytes, partitions: int) -> int:
    """Where producers of ours put a record with this key."""
    return (murmur2(key) & _POSITIVE) % partitions


def silence_s(arrivals: Iterable[tuple[int, int]], began_ns: int, ended_ns: int) -> float:
    """The longest time without an arrival in any one partition between two moments.

    `arrivals` are (partition, time), of partitions that have something to do all the time.
    """
    times: dict[int, list[int]] = defaultdict(list)
    for partition, at_ns in arrivals:
        found = times[partition]  # one that had nothing in between was silent all the time
        if began_ns <= at_ns <= ended_ns:
            found.append(at_ns)
    gaps = [
        later - earlier
        for moments in times.values()
        for earlier, later in pairwise([began_ns, *sorted(moments), ended_ns])
    ]
    return max(gaps, default=ended_ns - began_ns) / _NS_PER_S
