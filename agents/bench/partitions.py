"""For how long a partition stood still. Pure.

A sender that is killed silences its partitions, so that is where silence is looked for: among all
webhooks of a partition together, as one webhook alone may have nothing to do for a while.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from itertools import pairwise
from typing import Final

_NS_PER_S: Final = 1e9


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
