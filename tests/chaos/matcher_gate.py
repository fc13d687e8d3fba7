"""The matcher's release gate: racing starts, a dropped queue, fan-out, storms, zombies, counted.

    python -m tests.chaos.matcher_gate [--starts 12] [--webhooks 50000] [--seconds 180] [--seed 1]
    python -m tests.chaos.matcher_gate --only fan_out --only chaos

Every release passes it with nothing lost and nothing stuck. It brings its own broker, which it also
kills. Exit code 1 when something was lost or stood still.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click
from rich.table import Table

from agents.broker.embedded import EmbeddedBroker
from agents.cli.tables import print_table
from tests.support.matcher_trials import Outcome, chaos, dropped_queue, racing_start
from tests.support.matchers import Installation

# The longest watch that the dropped queue needs: the watchdog's own time and a little more.
STALL_S = 20
SLOW = {"module": "tests.support.faulty_matcher"}
FAN_OUT = 50


class Gate:
    """A broker, a directory, and what the trials came to."""

    def __init__(
        self, broker: EmbeddedBroker, directory: Path, options: argparse.Namespace
    ) -> None:
        self.broker = broker
        self.directory = directory
        self.options = options
        self.outcomes: dict[str, Outcome] = {}

    def trial(self, name: str, run: Callable[[Installation], Outcome]) -> None:
        """Run one trial on topics of its own, and say what came of it."""
        place = self.directory / f"trial{len(self.outcomes)}"
        place.mkdir()
        installation = Installation(self.broker.bootstrap_servers, place)
        begin_s = time.monotonic()
        try:
            outcome = run(installation)
        except AssertionError as error:  # a worker that never became ready, or ended before
            seconds = time.monotonic() - begin_s
            outcome = Outcome(0, 0, 0, stuck=True, seconds=seconds, notes=(str(error)[-2_000:],))
        installation.remove()
        self.outcomes[name] = outcome
        verdict = "ok  " if outcome.good else "BAD "
        kept = "" if outcome.good else f"\n    logs: {place}"
        click.echo(f"{verdict}{name}: {outcome}{kept}")

    def starts(self) -> None:
        """Half at once, half staggered by up to three seconds; every third under CPU load."""
        for number in range(self.options.starts):
            stagger_s = 0.0 if number % 2 == 0 else 0.5 * (1 + number // 2 % 6)
            load = number % 3 == 2
            name = f"start {number + 1}, {stagger_s} s apart{', CPU load' if load else ''}"
            with cpu_load(load):
                self.trial(name, lambda it, s=stagger_s: self._start(it, stagger_s=s))

    def slow_starts(self) -> None:
        """Each batch takes 0.3 s longer, so that a worker joins while one is in flight."""
        for number in range(max(1, self.options.starts // 4)):
            self.trial(
                f"slow start {number + 1}",
                lambda it, n=number: self._start(
                    it, stagger_s=1.5 + n, MATCHER_SLOW_S="0.3", **SLOW
                ),
            )

    def _start(self, installation: Installation, **given: Any) -> Outcome:
        return racing_start(installation, webhooks=self.options.webhooks, **given)

    def queue(self) -> None:
        """A worker that loses its queue ends itself, and nothing is lost."""

        def run(installation: Installation) -> Outcome:
            code, outcome = dropped_queue(installation, stall_s=STALL_S)
            if code != 70:
                raise SystemExit(f"the worker that lost its queue ended with {code}, not 70")
            return outcome

        self.trial("dropped queue", run)

    def fan_out(self) -> None:
        """Each event is owed to fifty webhooks, through kills."""
        seconds = self.options.seconds / 3
        self.trial(
            f"fan-out of {FAN_OUT}, {seconds:.0f} s at 20 events/s",
            lambda it: chaos(it, seconds=seconds, rate=20, fan_out=FAN_OUT, seed=self.options.seed),
        )

    def storm(self) -> None:
        """SIGTERM after SIGTERM with batches of 0.4 s."""
        seconds = self.options.seconds / 3
        self.trial(
            f"SIGTERM storm, {seconds:.0f} s",
            lambda it: chaos(
                it,
                seconds=seconds,
                seed=self.options.seed,
                every_s=(4, 8),
                terminate_share=1,
                MATCHER_SLOW_S="0.4",
                **SLOW,
            ),
        )

    def chaos(self) -> None:
        """Kills, ends, workers frozen for longer than their session, one kill of the broker."""
        self.trial(
            f"chaos, {self.options.seconds} s at {self.options.rate}/s",
            lambda it: chaos(
                it,
                seconds=self.options.seconds,
                rate=self.options.rate,
                seed=self.options.seed,
                zombie_share=0.35,
                broker=self.broker,
            ),
        )


@contextmanager
def cpu_load(is_wanted: bool) -> Iterator[None]:  # noqa: FBT001 - a context that may do nothing
    """Keep one core busy."""
    if not is_wanted:
        yield
        return
    hog = subprocess.Popen([sys.executable, "-c", "while True: pass"])
    try:
        yield
    finally:
        hog.kill()
        hog.wait()


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--starts", type=int, default=12)
    parser.add_argument("--webhooks", type=int, default=50_000, help="in the table at a start")
    parser.add_argument("--seconds", type=int, default=180, help="length of the chaos")
    parser.add_argument("--rate", type=int, default=300, help="events a second")
    parser.add_argument("--seed", type=int, default=1)
    parts = ("starts", "slow_starts", "queue", "fan_out", "storm", "chaos")
    parser.add_argument("--only", choices=parts, action="append")
    options = parser.parse_args()
    begin_s = time.monotonic()
    directory = Path(tempfile.mkdtemp(prefix="matcher-gate-"))
    with EmbeddedBroker(directory) as broker:
        gate = Gate(broker, directory, options)
        for part in options.only or parts:
            getattr(gate, part)()
    bad = sum(not it.good for it in gate.outcomes.values())
    click.echo(f"\nMatcher release gate, {time.monotonic() - begin_s:.0f} s; logs in {directory}")
    print_table(table_of(gate.outcomes, options.webhooks))
    sys.exit(1 if bad else 0)


def table_of(outcomes: dict[str, Outcome], webhooks: int) -> Table:
    """A line for each trial, and their sum."""
    table = Table("trial", "jobs owed", "lost", "repeated", "stuck", "longest gap s", "took s")
    table.caption = f"the starts with {webhooks} webhooks in the table"
    for name, it in outcomes.items():
        gap = f"{it.longest_gap_s:.1f}" if it.longest_gap_s else ""
        stuck = "yes" if it.stuck else "no"
        counts = map(str, (it.jobs, it.lost, it.repeated))
        table.add_row(name, *counts, stuck, gap, f"{it.seconds:.0f}")
    sums = (sum(getattr(it, of) for it in outcomes.values()) for of in ("jobs", "lost", "repeated"))
    table.add_row(f"{len(outcomes)} trials", *map(str, sums), end_section=True)
    return table


if __name__ == "__main__":
    main()
