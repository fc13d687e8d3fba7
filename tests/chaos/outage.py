"""The broker is away for minutes while events go on: memory stays flat, and nothing is lost.

    python -m tests.chaos.outage --minutes 10 --rate 200

Upstream's own producer keeps what it may not write yet. The resident memory of every agent is
looked at each second. Agents that end by themselves meanwhile are started again and counted. Exit
code 1 when anything was lost or stood still, or an agent grew by more than GROWTH_MIB_MAX.
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import click

from agents.broker.embedded import EmbeddedBroker
from agents.kafka.groups import DELIVERING, GROUP_TOPICS
from schemas.topics import ACTIVITIES
from tests.chaos.arrivals import a_receiver, webhooks_for
from tests.chaos.audits import audit_lines, audited
from tests.chaos.evidence import Run
from tests.chaos.ledger import verdict
from tests.chaos.processes import Fleet
from tests.chaos.repeats import Incident
from tests.chaos.report import tell
from tests.chaos.upstream import Upstream
from tests.support.builders import an_account
from tests.support.pipelines import a_pipeline
from tests.support.waiting import eventually

AGENTS: Final = ("matcher1", "matcher2", "sender1", "sender2", "scheduler1")
# No delivery expires while the broker is away.
EXPIRE_AFTER_S: Final = 24 * 3_600
# Allocators settle in a minute under load; what comes afterwards is growth.
BEFORE_S: Final = 60.0
AFTER_S: Final = 20.0
# What a fetch or a batch of retries may hold for a while; ten minutes of events would be far more.
GROWTH_MIB_MAX: Final = 30.0
_QUIET_S: Final = 600.0
_COMMIT_S: Final = 60.0
_LOOK_S: Final = 0.5


@dataclass(frozen=True, slots=True)
class Memory:
    """One agent's largest resident memory in MiB before, during and after the outage."""

    agent: str
    before: float
    during: float
    after: float

    @property
    def growth(self) -> float:
        return self.during - self.before


def memory_of(
    samples: Mapping[str, Sequence[tuple[float, float]]], began_s: float, ended_s: float
) -> list[Memory]:
    """By agent, from samples of (time, MiB)."""

    def most(values: Sequence[tuple[float, float]], since_s: float, until_s: float) -> float:
        return max((mib for at_s, mib in values if since_s <= at_s < until_s), default=0.0)

    return [
        Memory(
            name,
            most(values, 0, began_s),
            most(values, began_s, ended_s),
            most(values, ended_s, float("inf")),
        )
        for name, values in sorted(samples.items())
    ]


class Outage:
    """One run, put together in an `ExitStack`."""

    def __init__(self, given: argparse.Namespace, directory: Path, stack: ExitStack) -> None:
        self.given = given
        self.broker = stack.enter_context(EmbeddedBroker(directory))
        servers = self.broker.bootstrap_servers
        self.pipeline = stack.enter_context(a_pipeline(servers, directory))
        self.receiver = stack.enter_context(a_receiver(directory / "receiver"))
        webhooks = webhooks_for(self.receiver.port, expire_after_s=(EXPIRE_AFTER_S, EXPIRE_AFTER_S))
        self.pipeline.apply(an_account(), *webhooks)
        topic = self.pipeline.topic(ACTIVITIES)
        self.upstream = Upstream(servers, topic, given.rate, webhooks)
        self.run = Run(servers, self.pipeline.prefix, self.upstream, self.receiver)
        self.fleet = stack.enter_context(
            Fleet(
                directory / "agents",
                lambda _: servers,
                _say,
                HOOKLINE_TOPIC_PREFIX=self.pipeline.prefix,
            )
        )

    def play(self) -> Incident:
        """Load, outage, load, and what is left of it; the outage."""
        for name in AGENTS:
            self.fleet.start(name)
        self.fleet.wait_ready()
        self.upstream.start()
        self._let_pass(self.given.before_s)
        began_s = time.time()
        self.broker.kill()
        _say(f"the broker is away, for {self.given.minutes:g} minutes")
        self._let_pass(self.given.minutes * 60)
        _say(f"{self.upstream.waiting} events wait upstream; the broker starts again")
        self.broker.start()
        ended_s = time.time()
        self._let_pass(AFTER_S)
        left = self.upstream.stop(_QUIET_S)
        _say(f"upstream stopped: {len(self.upstream.acknowledged)} acknowledged, {left} not")
        self.run.wait_quiet(_QUIET_S, say=_say)
        return Incident("broker_away", began_s, ended_s)

    def _let_pass(self, seconds: float) -> None:
        deadline_s = time.monotonic() + seconds
        while time.monotonic() < deadline_s:
            self.run.read()
            time.sleep(_LOOK_S)

    def standing_still(self) -> list[str]:
        """The groups that have not committed all there is, and how much."""
        found = []
        for group in DELIVERING:
            topics = list(GROUP_TOPICS[group])
            try:
                eventually(
                    lambda g=group, t=topics: self.pipeline.backlog(g, t) == 0,
                    _COMMIT_S,
                )
            except AssertionError:
                found.append(f"{group}: {self.pipeline.backlog(group, topics)} not committed")
        return found


def tell_memory(memory: Sequence[Memory]) -> None:
    """A line for each agent."""
    click.echo("agent        MiB before  during   after  growth during")
    for it in memory:
        click.echo(
            f"{it.agent:<12} {it.before:>10.0f} {it.during:>7.0f} {it.after:>7.0f}"
            f" {it.growth:>14.1f}"
        )


def _say(text: str) -> None:
    click.echo(f"{time.strftime('%H:%M:%S')}  {text}", err=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--rate", type=float, default=200, help="events a second")
    parser.add_argument("--before-s", type=float, default=BEFORE_S, help="load before the outage")
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    directory = Path(tempfile.mkdtemp(prefix="outage-"))
    with ExitStack() as stack:
        it = Outage(given, directory, stack)
        incident = it.play()
        still = it.standing_still()
        it.fleet.stop()
        found = verdict(it.run.books([incident]))
        audit = audited(it.broker.bootstrap_servers, it.pipeline.prefix)
    memory = memory_of(it.fleet.rss_mib, incident.began_s, incident.ended_s)
    is_flat = all(each.growth <= GROWTH_MIB_MAX for each in memory)
    is_complete = found.is_good and audit.is_good
    good = is_complete and is_flat and not still and not it.upstream.errors
    if not given.json:
        tell_memory(memory)
    tell(found, [incident], is_json=given.json, is_good=good)
    for line in (*audit_lines(audit), *still, *it.upstream.errors[:5], *_ends(it.fleet)):
        _say(line)
    if good:
        shutil.rmtree(directory)
    else:
        _say(f"logs are in {directory}")
    raise SystemExit(0 if good else 1)


def _ends(fleet: Fleet) -> list[str]:
    return [f"{count} x {how}" for how, count in sorted(fleet.ends.items())]


if __name__ == "__main__":
    main()
