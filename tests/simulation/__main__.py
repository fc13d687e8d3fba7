"""As many worlds as one likes: python -m tests.simulation --worlds 10000 [--first 0].

A world in which something does not hold is told of with its seed and its time line.
"""

from __future__ import annotations

import argparse
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from os import cpu_count

import click

from tests.simulation.world import World
from tests.simulation.worlds import check, is_disturbed, play, summary

STEP = 50


def run(first: int) -> tuple[int, int, int, str | None]:
    """Worlds from `first` on: how many were disturbed, requests, repeats, and what was wrong."""
    disturbed = requests = repeats = 0
    for seed in range(first, first + STEP):
        world = World(seed)
        try:
            play(world)
            check(world)
        except AssertionError as error:
            return disturbed, requests, repeats, f"seed {seed}: {error}\n{summary(world)}"
        disturbed += is_disturbed(world)
        requests += sum(world.requests.values())
        repeats += sum(world.requests.values()) - len(world.requests)
    return disturbed, requests, repeats, None


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--worlds", type=int, default=10_000, help=f"a multiple of {STEP}")
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    options = parser.parse_args()
    began_s = time.monotonic()
    starts = range(options.first, options.first + options.worlds, STEP)
    totals = [0, 0, 0]
    with (
        ProcessPoolExecutor(cpu_count()) as pool,
        click.progressbar(
            pool.map(run, starts), length=len(starts), label="worlds", file=sys.stderr
        ) as results,
    ):
        for *counts, wrong in results:
            if wrong is not None:
                pool.shutdown(cancel_futures=True)
                sys.exit(f"\n{wrong}")
            totals = [sum(it) for it in zip(totals, counts, strict=True)]
    disturbed, requests, repeats = totals
    click.echo(
        f"{options.worlds} worlds, {disturbed} of them disturbed: 0 deliveries lost, {requests} "
        f"requests, {repeats} repeated, all explained; {time.monotonic() - began_s:.0f} s"
    )


if __name__ == "__main__":
    main()
