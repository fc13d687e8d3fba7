"""Numbers from measurements: percentiles of one run, medians and spreads of several. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import ceil
from statistics import median


@dataclass(frozen=True, slots=True)
class Spread:
    """A figure over repeated runs: the median, and the lowest and highest of them."""

    median: float
    low: float
    high: float


def percentile(ordered: Sequence[float], percent: float) -> float | None:
    """The nearest-rank percentile of values in order; None of no values."""
    if not ordered:
        return None
    rank = max(1, ceil(len(ordered) * percent / 100))
    return ordered[min(rank, len(ordered)) - 1]


def latency_figures(latencies_ms: Sequence[float]) -> dict[str, float]:
    """p50, p95, p99 and the longest, in milliseconds; nothing when nothing arrived."""
    ordered = sorted(latencies_ms)
    if not ordered:
        return {}
    named = {"p50_ms": 50.0, "p95_ms": 95.0, "p99_ms": 99.0, "max_ms": 100.0}
    found = {name: percentile(ordered, percent) for name, percent in named.items()}
    return {name: value for name, value in found.items() if value is not None}


def spreads(runs: Sequence[Mapping[str, float]]) -> dict[str, Spread]:
    """Each figure over the runs that have it, in the order in which figures first appear."""
    names = dict.fromkeys(name for run in runs for name in run)
    return {name: _spread([run[name] for run in runs if name in run]) for name in names}


def _spread(values: Sequence[float]) -> Spread:
    return Spread(median(values), min(values), max(values))


def ratio(value: float | None, base: float | None) -> float | None:
    """How many times `base` a value is; None when either is missing or there is no ratio."""
    if value is None or not base:
        return None
    return value / base
