"""What a decision of the dispatcher costs: a job queued, taken, and its request ended.

    python -m tests.benchmarks.dispatch

In microseconds of CPU, as medians of five; "known" are webhooks remembered for their faults.
"""

from __future__ import annotations

import argparse
import statistics
import time
import tracemalloc

import click

from pipeline import dispatch
from pipeline.dispatch import Dispatcher, Queued
from pipeline.endpoints import Terms

DECISIONS = 20_000
REPEATS = 5
SIZES = ((100, 100), (1_000, 1_000), (100_000, 10_000))
RATES = {"no rate limit": None, "a rate limit": 10_000.0}


def main() -> None:
    argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0]).parse_args()
    dispatch.REMEMBERED_MAX = max(known for known, _ in SIZES)
    for name, per_second in RATES.items():
        for known, with_work in SIZES:
            dispatcher, size_bytes = filled(known, with_work, Terms(64, per_second))
            taken = [measured(dispatcher, Terms(64, per_second), run) for run in range(REPEATS)]
            click.echo(
                f"{known:>7,} known, {with_work:>6,} with work, {name}: "
                f"{statistics.median(taken):.1f} us a decision ({min(taken):.1f} to "
                f"{max(taken):.1f}), {size_bytes // (known + with_work)} bytes an endpoint"
            )


def filled(known: int, with_work: int, terms: Terms) -> tuple[Dispatcher[int], int]:
    """A dispatcher that has seen so much, and the memory that it takes."""
    tracemalloc.start()
    dispatcher: Dispatcher[int] = Dispatcher()
    for number in range(known):
        dispatcher.add(Queued(f"25:known-{number}", "new", 0, number), Terms(64))
        dispatcher.take(0)
        dispatcher.finished(f"25:known-{number}", "unwell", 0)
    for number in range(2 * with_work):
        dispatcher.add(Queued(f"25:w-{number % with_work}", "new", 0, number), terms)
    size_bytes, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return dispatcher, size_bytes


def measured(dispatcher: Dispatcher[int], terms: Terms, run: int) -> float:
    """Each decision a millisecond after the one before, so that limited ones go round too."""
    began_s = time.process_time()
    made = 0
    for number in range(DECISIONS):
        now_ms = run * DECISIONS + number
        queued = dispatcher.take(now_ms)
        if queued is not None:
            made += 1
            dispatcher.finished(queued.webhook, "answered", now_ms)
            dispatcher.add(Queued(queued.webhook, "new", now_ms, number), terms)
    return (time.process_time() - began_s) / max(made, 1) * 1_000_000


if __name__ == "__main__":
    main()
