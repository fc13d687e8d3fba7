"""Thousands of failed deliveries are replayed while events go on at their rate.

    python -m tests.chaos.replay --count 5000 --rate 200 --per-second 100

Everything is real: broker, matcher, sender, scheduler, recorder, API, receiver. In one run there
are a time without a replay, a time with one, and a time without again: the ratio of the live
deliveries' p95 tells what a replay costs them. Then as many failed deliveries are replayed again,
and the API's process is killed with SIGKILL half way and started anew. Exit code 1 when anything
was lost, or any delivery was answered with a 2xx more than once. The ratio is printed with the
conditions; on a machine that does much else it says little.
"""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import click

from schemas.topics import ACTIVITIES, ATTEMPTS
from schemas.webhook import Webhook
from tests.chaos.arrivals import Receiver, a_receiver, plain_webhooks
from tests.chaos.audits import audit_lines, audited
from tests.chaos.evidence import Attempts
from tests.chaos.upstream import Upstream, wants
from tests.support.api import Client
from tests.support.api_pipelines import START_S, a_pipeline_with_api, admin_of
from tests.support.brokers import a_broker
from tests.support.builders import ACCOUNT_ID, a_webhook, an_account
from tests.support.pipelines import Pipeline
from tests.support.waiting import eventually

AGENTS: Final = ("recorder", "matcher", "sender", "scheduler")
ENDPOINTS: Final = 50
# Events that are to fail are published so fast; nobody measures meanwhile.
FAILING_PER_S: Final = 250.0
WARM_S: Final = 10.0
QUIET_S: Final = 600.0
SETTLE_S: Final = 3.0
LOOK_EVERY_S: Final = 1.0


class TimedUpstream(Upstream):
    """Events whose moment of being published is kept, by id."""

    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        self.at_s: dict[str, float] = {}

    def _publish(self) -> None:
        at_s = time.time()
        super()._publish()
        self.at_s[next(reversed(self.published))] = at_s


@dataclass(frozen=True, slots=True)
class Span:
    """A time of the run, in epoch seconds."""

    name: str
    began_s: float
    ended_s: float


class Stage:
    """The installation, its receiver, and a client of its API."""

    def __init__(self, pipeline: Pipeline, receiver: Receiver) -> None:
        self.pipeline = pipeline
        self.receiver = receiver
        self.admin = admin_of(pipeline)
        self.attempts = Attempts(pipeline.bootstrap, pipeline.topic(ATTEMPTS))
        self.refused: set[str] = set()

    @property
    def account(self) -> Client:
        return self.admin.below(f"accounts/{ACCOUNT_ID}/")

    def upstream(self, rate: float, webhooks: Iterable[Webhook]) -> TimedUpstream:
        topic = self.pipeline.topic(ACTIVITIES)
        return TimedUpstream(self.pipeline.bootstrap, topic, rate, webhooks)

    def fail(self, count: int, webhooks: list[Webhook]) -> set[str]:
        """So many deliveries that have failed for good, on record; their ids."""
        self.receiver.flap(up=False)
        upstream = self.upstream(FAILING_PER_S, webhooks)
        upstream.start()
        eventually(lambda: len(upstream.published) >= count, QUIET_S)
        assert upstream.stop() == 0, "events were not acknowledged"
        owed = set(upstream.owed())

        def ended() -> bool:
            self.attempts.read()
            return owed <= self.attempts.ended

        eventually(ended, QUIET_S)
        self.receiver.flap(up=True)
        self.refused |= owed
        return owed

    def replayed(self, began: float, per_second: float, half_way: Callable[[], None]) -> int:
        """Replay what has failed since then, and call `half_way` there; how many were begun."""
        order = {"from": _moment(began), "per_second": per_second, "start": True}
        made = self.account.post("replays", order)
        assert made.status == 201, made.text
        path = f"replays/{made.body['id']}"
        self._wait(lambda: self.account.get(path).body["progress"] >= 0.5)
        half_way()
        ended = self._wait(lambda: _ended(self.account.get(path).body))
        assert ended["state"] == "done", ended
        click.echo(f"  {ended['counts']}", err=True)
        return int(ended["counts"]["begun"])

    def _wait(self, condition: Callable[[], Any]) -> Any:
        """Look once a second, as a person's command does: what looks more often costs the API."""
        deadline_s = time.monotonic() + QUIET_S
        while not (found := condition()):
            assert time.monotonic() < deadline_s, f"not within {QUIET_S:g} s"
            time.sleep(LOOK_EVERY_S)
        return found

    def kill_api(self) -> None:
        """SIGKILL, and another process in its place."""
        os.kill(self.pipeline.agents["api"].process.pid, signal.SIGKILL)
        self.pipeline.agents["api"] = self.pipeline.start("api", **self.pipeline.environment)
        self.pipeline.agents["api"].wait_ready(START_S)
        self.admin = Client(self.pipeline.agents["api"].port, self.admin.key)

    def wait_delivered(self, owed: set[str]) -> None:
        """Wait until all of these have been answered with a 2xx."""

        def delivered() -> bool:
            self.receiver.read()
            return owed <= self.receiver.delivered

        eventually(delivered, QUIET_S)


def _ended(replay: dict[str, Any]) -> dict[str, Any] | None:
    return replay if replay["state"] not in {"planning", "running"} else None


def _moment(at_s: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(at_s))


def refusing_webhooks(port: int) -> list[Webhook]:
    """Webhooks whose endpoints refuse everything for a while; no retry is made."""
    return [
        a_webhook(
            id=f"r{n}",
            url=f"http://127.0.0.1:{port}/r{n}/picky",
            filter=wants(1_000 + n),
            retry={"schedule": []},
        )
        for n in range(ENDPOINTS)
    ]


def latencies_ms(live: TimedUpstream, receiver: Receiver, span: Span) -> list[float]:
    """From being published to the first request, of the events published in a time."""
    ids = {delivery: event for event, delivery in _deliveries(live)}
    first: dict[str, float] = {}
    for it in receiver.requests:
        event = ids.get(it.delivery_id)
        if event is not None and event not in first:
            first[event] = it.at_s
    return sorted(
        (first[event] - at_s) * 1_000
        for event, at_s in live.at_s.items()
        if span.began_s <= at_s < span.ended_s and event in first
    )


def _deliveries(live: TimedUpstream) -> Iterable[tuple[str, str]]:
    owed = live.possible()  # one webhook for each shard: in the order of the events
    return zip(live.published, owed, strict=True)


def percentile(ordered: list[float], share: float) -> float:
    return ordered[min(int(len(ordered) * share), len(ordered) - 1)]


def play(given: argparse.Namespace, stage: Stage) -> bool:
    """Run and report; whether all went well."""
    port = stage.receiver.port
    live_webhooks, refusing = plain_webhooks(port, ENDPOINTS), refusing_webhooks(port)
    stage.pipeline.apply(an_account(), *live_webhooks, *refusing)
    began_s = time.time() - 1
    failed = stage.fail(given.count, refusing)
    click.echo(f"{len(failed)} deliveries have failed", err=True)
    live = stage.upstream(given.rate, live_webhooks)
    live.start()
    time.sleep(WARM_S)
    load = [f"{it:.2f}" for it in os.getloadavg()]
    spans = [_span("without", given.seconds)]
    at_s = time.time()
    begun = stage.replayed(began_s, given.per_second, lambda: None)
    spans.append(Span("with", at_s, time.time()))
    time.sleep(SETTLE_S)
    spans.append(_span("without", given.seconds))
    assert live.stop() == 0, "events were not acknowledged"
    stage.wait_delivered({*live.owed(), *failed})
    click.echo(f"live {given.rate:g}/s, replayed {begun} at {given.per_second:g}/s at most")
    click.echo(f"{len(os.sched_getaffinity(0))} cores, load averages at the start {load}")
    tell(live, stage.receiver, spans)

    again_s = time.time() - 1
    failed_again = stage.fail(given.count, refusing)
    begun = stage.replayed(again_s, given.per_second, stage.kill_api)
    stage.wait_delivered(failed_again)
    click.echo(f"killed half way: {len(failed_again)} failed, {begun} begun")
    return is_good(stage, {*live.owed()})


def _span(name: str, seconds: float) -> Span:
    began_s = time.time()
    time.sleep(seconds)
    return Span(name, began_s, time.time())


def tell(live: TimedUpstream, receiver: Receiver, spans: list[Span]) -> None:
    """A line for each time, and the ratio."""
    p95: dict[str, list[float]] = {"with": [], "without": []}
    for span in spans:
        found = latencies_ms(live, receiver, span)
        p95[span.name] += found
        click.echo(
            f"{span.name:>8} a replay, {span.ended_s - span.began_s:5.1f} s, {len(found)} "
            f"deliveries: p50 {percentile(found, 0.5):.1f}, p95 {percentile(found, 0.95):.1f}, "
            f"p99 {percentile(found, 0.99):.1f} ms"
        )
    both = {name: percentile(sorted(found), 0.95) for name, found in p95.items()}
    ratio = both["with"] / both["without"]
    click.echo(f"p95 with {both['with']:.1f}, without {both['without']:.1f} ms: {ratio:.2f}x")


def is_good(stage: Stage, live: set[str]) -> bool:
    """Whether each delivery was answered with a 2xx once, and the topics tell of no loss."""
    stage.receiver.read()
    answered = Counter(
        it.delivery_id
        for it in stage.receiver.requests
        if it.number in stage.receiver.answers and stage.receiver.answers[it.number].is_success
    )
    replayed = Counter(answered[delivery] for delivery in stage.refused)
    others = Counter(answered[delivery] for delivery in live)
    found = audited(stage.pipeline.bootstrap, stage.pipeline.prefix)
    click.echo(f"2xx for each replayed delivery: {dict(replayed)}, for each live: {dict(others)}")
    click.echo("\n".join(audit_lines(found)))
    return {*replayed} == {*others} == {1} and not found.balance.lost


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--count", type=int, default=5_000, help="failed deliveries")
    parser.add_argument("--rate", type=float, default=200, help="live events a second")
    parser.add_argument("--per-second", type=float, default=100, help="of the replay")
    parser.add_argument("--seconds", type=float, default=30, help="without a replay, each time")
    given = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that all agents end with this
    directory = Path(tempfile.mkdtemp(prefix="replay-"))
    with (
        a_broker("embedded", directory) as broker,
        a_pipeline_with_api(broker, directory, *AGENTS) as pipeline,
        a_receiver(directory / "receiver") as receiver,
    ):
        good = play(given, Stage(pipeline, receiver))
    if good:
        shutil.rmtree(directory)
    else:
        click.echo(f"logs are in {directory}", err=True)
    raise SystemExit(0 if good else 1)


if __name__ == "__main__":
    main()
