"""The storm: every kind of fault under load, over and over, and the books at the end.

    python -m tests.chaos.storm [--minutes 10] [--rate 300] [--seed 1] [--brokers 3] [--only KIND,…]

It brings Kafka, seven agents, upstream and endpoints, each a real process, with proxies between
them. Exit code 1 when anything was lost, invented, or stands still; then the seed and the time line
are printed again, and the directory with all logs is kept.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from collections.abc import Iterable
from contextlib import ExitStack
from pathlib import Path
from typing import Final

import click

from agents.kafka.groups import DELIVERING, GROUP_TOPICS
from agents.kafka.topics import create_topics
from schemas.topics import ACTIVITIES
from schemas.webhook import Webhook
from tests.chaos.arrivals import a_receiver, webhooks_for
from tests.chaos.audits import audit_lines, audited
from tests.chaos.cluster import Cluster
from tests.chaos.evidence import Run
from tests.chaos.faults import Stage
from tests.chaos.ledger import verdict
from tests.chaos.losses import own_incidents
from tests.chaos.processes import AGENTS, GUESTS, Fleet
from tests.chaos.proxy import Proxies, Proxy
from tests.chaos.report import tell
from tests.chaos.schedule import AWAY_S, KINDS, World, schedule
from tests.chaos.timeline import Timeline
from tests.chaos.upstream import Upstream
from tests.support.brokers import settings_for
from tests.support.builders import an_account
from tests.support.pipelines import Pipeline
from tests.support.waiting import eventually

# Proxies between senders and endpoints; each stands before its share of the webhooks' endpoints.
ENDPOINT_LINKS: Final = ("endpoint1", "endpoint2", "endpoint3", "endpoint4")

# No clock's jump, of an hour at most, makes a delivery to a good endpoint expire.
EXPIRE_FINE_S: Final = 3 * 3_600
# What endpoints that never answer hold up is over soon after the run.
EXPIRE_UNWELL_S: Final = 60

# A sender whose clock went back an hour may have put a job off for ten minutes.
QUIET_S: Final = 900
RECOVERY_S: Final = 90
COMMIT_S: Final = 60


class Storm:
    """One run, put together in `with` blocks of an `ExitStack`."""

    def __init__(self, options: argparse.Namespace, directory: Path, stack: ExitStack) -> None:
        self.options = options
        self.timeline = Timeline()
        proxies = stack.enter_context(Proxies())
        self.cluster = stack.enter_context(
            Cluster(directory / "kafka", (*AGENTS, GUESTS), proxies, options.brokers)
        )
        bootstrap = self.cluster.bootstrap_servers
        create_topics(settings_for(bootstrap))
        self.receiver = stack.enter_context(a_receiver(directory / "receiver"))
        self.endpoints = {link: proxies.add(self.receiver.port) for link in ENDPOINT_LINKS}
        webhooks = webhooks_for(self.receiver.port, expire_after_s=(EXPIRE_FINE_S, EXPIRE_UNWELL_S))
        self.webhooks = list(behind(self.endpoints, webhooks))
        self.pipeline = Pipeline(bootstrap, directory, prefix="")
        self.pipeline.apply(an_account(), *self.webhooks)
        self.upstream = Upstream(bootstrap, ACTIVITIES, options.rate, self.webhooks)
        self.run = Run(bootstrap, "", self.upstream, self.receiver)
        self.fleet = stack.enter_context(
            Fleet(directory / "agents", self.cluster.bootstrap_servers_for, self.timeline.tell)
        )

    def play(self) -> list[str]:
        """Start, storm, wait for quiet; what stands still at the end."""
        say = self.timeline.tell
        for name in AGENTS:
            self.fleet.start(name)
        self.fleet.wait_ready()
        say(f"all agents are ready; {self.options.rate} events a second from now on")
        seconds = self.options.minutes * 60
        world = World(self.options.brokers, ENDPOINT_LINKS, self.options.away_s)
        planned = schedule(self.options.seed, seconds, self.options.only, world)
        stage = Stage(self.fleet, self.cluster, self.endpoints, self.receiver)
        self.upstream.start()
        self.timeline.play(planned, seconds, stage)
        left = self.upstream.stop()
        say(f"upstream stopped: {len(self.upstream.acknowledged)} acknowledged, {left} not")
        is_quiet = self.run.wait_quiet(self.options.quiet_s, say=say)
        say("quiet" if is_quiet else f"NOT QUIET after {self.options.quiet_s} s")
        return [*left_open(self.run), *self.standing_still()]

    def standing_still(self) -> list[str]:
        """Agents that are not ready, and groups that have not committed all there is."""
        found = []
        try:
            self.fleet.wait_ready(RECOVERY_S)
        except AssertionError:
            agents = self.fleet.agents.values()
            found += [f"{it.name}: {it.conditions()}" for it in agents if not it.is_ready]
        for group in DELIVERING:
            topics = list(GROUP_TOPICS[group])
            try:
                eventually(lambda g=group, t=topics: self.pipeline.backlog(g, t) == 0, COMMIT_S)
            except AssertionError:
                found.append(f"{group}: {self.pipeline.backlog(group, topics)} not committed")
        return found


def behind(endpoints: dict[str, Proxy], webhooks: Iterable[Webhook]) -> Iterable[Webhook]:
    """The webhooks with their endpoints behind the proxies in turn."""
    proxies = list(endpoints.values())
    for number, webhook in enumerate(webhooks):
        proxy = proxies[number % len(proxies)]
        url = webhook.url.replace(f":{proxy.target}/", f":{proxy.port}/")
        yield webhook.model_copy(update={"url": url})


def left_open(run: Run) -> list[str]:
    """What is last on record of the deliveries that have not ended, those alike together."""
    owed = run.upstream.owed()
    left = owed.keys() - run.attempts.ended
    last = {it.delivery_id: it for it in run.attempts.records if it.delivery_id in left}
    alike: dict[str, list[str]] = {}
    for key in sorted(left):
        it = last.get(key)
        webhook = owed[key].rstrip("0123456789")
        what = f"attempt {it.attempt}, {it.reason}, {it.step}" if it else "nothing on record"
        alike.setdefault(f"{webhook}: {what}", []).append(key)
    return [f"{len(keys)} of {what}, such as {keys[0]}" for what, keys in alike.items()]


def tell_ends(fleet: Fleet) -> None:
    """How often which agents ended, and what memory they took."""
    for how, count in sorted(fleet.ends.items()):
        click.echo(f"  {count:4} x {how}")
    for name, samples in sorted(fleet.rss_mib.items()):
        values = [rss_mib for _, rss_mib in samples]
        click.echo(
            f"  {name}: {values[0]:.0f} MiB at first, {max(values):.0f} at most, "
            f"{values[-1]:.0f} at last"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--rate", type=int, default=300, help="events a second")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--brokers", type=int, choices=(1, 3), default=1)
    parser.add_argument("--away-s", type=float, default=AWAY_S, help="how long brokers are away")
    parser.add_argument("--quiet-s", type=float, default=QUIET_S, help="longest wait at the end")
    parser.add_argument("--only", type=_kinds, default=KINDS, metavar="KIND,…")
    parser.add_argument("--keep", action="store_true", help="keep the logs of a good run too")
    options = parser.parse_args()
    directory = Path(tempfile.mkdtemp(prefix="storm-"))
    click.echo(f"seed {options.seed}; logs are in {directory}, and are kept unless all is well")
    is_good = storm(options, directory)
    if is_good and not options.keep:
        shutil.rmtree(directory)
    sys.exit(0 if is_good else 1)


def storm(options: argparse.Namespace, directory: Path) -> bool:
    """Run and report; whether all went well."""
    with ExitStack() as stack:
        it = Storm(options, directory, stack)
        still = it.play()
        it.fleet.stop()
        faults = it.timeline.incidents
        incidents = [*faults, *own_incidents(it.fleet.directory, it.fleet.own_ends, faults)]
        found = verdict(it.run.books(incidents))
        audit = audited(it.cluster.bootstrap_servers)
    is_good = found.is_good and audit.is_good and not still and not it.timeline.errors
    tell_ends(it.fleet)
    tell(found, incidents, seed=options.seed, is_good=is_good)
    click.echo("\n".join(audit_lines(audit)))
    for line in (*(f"STANDING STILL: {each}" for each in still), *it.timeline.errors):
        click.echo(line)
    if not is_good:
        click.echo("\n".join(it.timeline.lines))
    return is_good


def _kinds(text: str) -> tuple[str, ...]:
    unknown = set(text.split(",")) - set(KINDS)
    if unknown:
        raise argparse.ArgumentTypeError(f"{', '.join(unknown)}: not among {', '.join(KINDS)}")
    return tuple(text.split(","))


if __name__ == "__main__":
    main()
