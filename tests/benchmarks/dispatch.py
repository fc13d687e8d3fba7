"""What a decision of the dispatcher costs: a job queued, taken, and its request ended.

    python -m tests.benchmarks.dispatch

In microseconds of CPU, as medians; "known" are webhooks remembered for their faults. Exit code 1
when a decision among the most webhooks costs over a fifth more than one among the fewest.
"""

from __future__ import annotations

import argparse
import sys
import tracemalloc
from functools import partial
from itertools import count

import click

from pipeline import dispatch
from pipeline.dispatch import Dispatcher
from pipeline.endpoints import Terms
from pipeline.lanes import Queued
from tests.benchmarks.growth import GROWTH_MAX, costs, growth

DECISIONS = 20_000
SIZES = ((100, 100), (1_000, 1_000), (100_000, 10_000))
RATES = {"no rate limit": None, "a rate limit": 10_000.0}


def main() -> int:
    argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0]).parse_args()
    dispatch.REMEMBERED_MAX = max(known for known, _ in SIZES)
    found = [growth_with(name, Terms(64, per_second)) for name, per_second in RATES.items()]
    return 0 if max(found) <= GROWTH_MAX else 1


def growth_with(name: str, terms: Terms) -> float:
    """Show what each size costs under these terms; how much the last costs against the first."""
    made = [filled(*size, terms) for size in SIZES]
    found = costs([partial(decide, it, terms, count()) for it, _ in made])
    for (known, with_work), (_, size_bytes), cost in zip(SIZES, made, found, strict=True):
        click.echo(
            f"{known:>7,} known, {with_work:>6,} with work, {name}: {cost} a decision, "
            f"{size_bytes // (known + with_work)} bytes an endpoint"
        )
    times = growth(found[0], found[-1])
    click.echo(f"  the last costs {times:.2f} times what the first does")
    return times


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


def decide(dispatcher: Dispatcher[int], terms: Terms, clock_ms: count[int]) -> int:
    """Decisions, a millisecond after each other so that limited ones go round; how many."""
    made = 0
    for _ in range(DECISIONS):
        now_ms = next(clock_ms)
        queued = dispatcher.take(now_ms)
        if queued is not None:
            made += 1
            dispatcher.finished(queued.webhook, "answered", now_ms)
            dispatcher.add(Queued(queued.webhook, "new", now_ms, made), terms)
    return made


if __name__ == "__main__":
    sys.exit(main())
