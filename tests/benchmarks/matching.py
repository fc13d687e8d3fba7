"""What it costs to read an event and decide on it, with few webhooks configured and with many.

    python -m tests.benchmarks.matching

In microseconds of CPU, as medians; the accounts take turns, and of each one webhook wants the
event. Exit code 1 when one of many costs over a fifth more than one of few.
"""

from __future__ import annotations

import argparse
import sys
from functools import partial
from itertools import cycle, islice

import click

from agents.bench.plan import Plan, filtered, one_each
from agents.bench.publisher import activity
from pipeline.configs import Configs
from pipeline.matching import deliveries_for
from schemas.event import read_event
from tests.benchmarks.growth import GROWTH_MAX, costs, growth
from tests.support.configs import keep

DECISIONS = 10_000
PAYLOAD_BYTES = 1_024
# Few and many of each kind, as in `hookline bench --scenario wide`.
COMPARED = (
    (("100 webhooks", one_each(100)), ("100,000 webhooks", one_each(100_000))),
    (("1 in each of 1,000 accounts", filtered(1_000, 1)), ("1,000 in 1", filtered(1, 1_000))),
)


def main() -> int:
    argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0]).parse_args()
    return 0 if max([growth_of(*cases) for cases in COMPARED]) <= GROWTH_MAX else 1


def growth_of(*cases: tuple[str, Plan]) -> float:
    """Show what each case costs; how much the last costs against the first."""
    found = costs([partial(decide, configured(it), events_for(it)) for _, it in cases])
    for (name, _), cost in zip(cases, found, strict=True):
        click.echo(f"{name:>27}: {cost} an event")
    times = growth(found[0], found[-1])
    click.echo(f"  the last costs {times:.2f} times what the first does")
    return times


def configured(plan: Plan) -> Configs:
    """The configuration as a matcher holds it."""
    configs = Configs()
    for record in plan.records(80):
        keep(configs, record)
    return configs


def events_for(plan: Plan) -> list[bytes]:
    """An event for each decision, for the addressees in turn."""
    turns = islice(cycle(plan.turns), DECISIONS)
    return [an_event(number, *to) for number, to in enumerate(turns)]


def an_event(number: int, account_id: int, shard: int) -> bytes:
    text = activity(2, number, 0, shard, PAYLOAD_BYTES).decode()
    head = f'{{"event_id":"{number:010d}","account_id":{account_id},"phase":"end"'
    return f'{head},"activity":{text}}}'.encode()


def decide(configs: Configs, events: list[bytes]) -> int:
    """Read and decide on all; how many jobs came of it."""
    jobs = 0
    for event in events:
        read = read_event(event)
        jobs += len(deliveries_for(read, configs, now_ms=0, end_delayed_tier="1h"))
    return jobs


if __name__ == "__main__":
    sys.exit(main())
