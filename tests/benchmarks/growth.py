"""What something costs among few and among many, measured in turns: runs on a shared machine drift.

CPU time, with what was made before frozen, so that no run pays for a collection of it.
"""

from __future__ import annotations

import gc
import statistics
import time
from collections.abc import Callable, Sequence
from typing import NamedTuple

# Constant, but for what caches of a processor hold: a fifth more among a thousand times as many.
GROWTH_MAX = 1.2
REPEATS = 9


class Cost(NamedTuple):
    """Microseconds of CPU for each of several runs."""

    runs_us: list[float]

    def __str__(self) -> str:
        middle_us, least_us, most_us = (it(self.runs_us) for it in (statistics.median, min, max))
        return f"{middle_us:.1f} us ({least_us:.1f} to {most_us:.1f})"


def costs(works: Sequence[Callable[[], int]]) -> list[Cost]:
    """What each costs for each of the things that it says it did, all taking turns."""
    gc.collect()
    gc.freeze()
    runs: list[list[float]] = [[] for _ in works]
    for _ in range(REPEATS):
        for work, taken_us in zip(works, runs, strict=True):
            began_s = time.process_time()
            done = work()
            taken_us.append((time.process_time() - began_s) / max(done, 1) * 1_000_000)
    gc.unfreeze()
    return [Cost(taken_us) for taken_us in runs]


def growth(few: Cost, many: Cost) -> float:
    """How many times as much it costs among many, by the medians."""
    return statistics.median(many.runs_us) / statistics.median(few.runs_us)
