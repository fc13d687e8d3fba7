"""A sender is killed with SIGKILL, again and again, while deliveries go on at their rate.

    python -m tests.chaos.sender_kill --kills 20 --rate 500 [--no-read-back]

Everything is real: broker, matcher, two senders, scheduler, receiver. A killed sender is started
again, and when both are at work the next kill comes. A repeat is a request that the killed sender
had made, or was making, and whose attempt it had not recorded: nobody can know whether the
endpoint took it. Exit code 1 when anything was lost, or more was repeated than was in flight.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import signal
import sys
import tempfile
import time
import urllib.request
from collections import defaultdict
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import click
import psutil

from schemas.topics import ACTIVITIES
from tests.chaos.arrivals import a_receiver, plain_webhooks
from tests.chaos.audits import audit_lines, audited
from tests.chaos.evidence import Run
from tests.chaos.ledger import AtKill, Books, Verdict, longest_gap, verdict
from tests.chaos.processes import Fleet
from tests.chaos.repeats import Incident
from tests.chaos.report import tell
from tests.chaos.upstream import Upstream
from tests.support.brokers import a_broker
from tests.support.builders import an_account
from tests.support.matchers import Worker
from tests.support.pipelines import Pipeline, a_pipeline
from tests.support.waiting import eventually

# An endpoint that takes its time keeps requests in flight at the moment of a kill.
ENDPOINT_MS: Final = 20
# What stood still has been delivered before the next kill, and then it goes on at its rate a while.
STEADY_S: Final = 3.0
CATCH_UP_S: Final = 60.0
READY_S: Final = 120.0  # also on a machine that has much else to do
BEHIND_S_MAX: Final = 0.5
QUIET_S: Final = 180.0
# The session is over after two seconds and the rest is the read-back; longer is worth a look.
SILENCE_WINDOW_S: Final = 15.0
GAUGES: Final = ("hookline_in_flight_requests", "hookline_unrecorded_requests")


@dataclass(frozen=True, slots=True)
class Kill:
    """A kill as the harness saw it; `gauges` is what the sender said of itself just before."""

    incident: Incident
    gauges: dict[str, int]


def gauges_of(worker: Worker) -> dict[str, int]:
    """Those of a sender's gauges that tell what is in flight; empty when it does not answer."""
    with (
        suppress(OSError),
        urllib.request.urlopen(f"http://127.0.0.1:{worker.port}/metrics", timeout=2) as answer,
    ):
        text = answer.read().decode()
        found = re.findall(rf"^({'|'.join(GAUGES)}) (\S+)$", text, re.MULTILINE)
        return {name: int(float(value)) for name, value in found}
    return {}


def kill(worker: Worker, cause: str = "sender_kill") -> Kill:
    """SIGKILL; the sender is held still for a moment before, to look at its connections."""
    gauges = gauges_of(worker)
    process = psutil.Process(worker.process.pid)
    os.kill(worker.process.pid, signal.SIGSTOP)
    at_s = time.time()
    eventually(lambda: process.status() == psutil.STATUS_STOPPED, 5)
    ports = frozenset(it.laddr.port for it in process.net_connections("tcp") if it.laddr)
    worker.kill()
    return Kill(Incident(cause, at_s, at_s, ports), gauges)


class Senders:
    """Two senders, each started again when it was killed, or when it has ended by itself."""

    def __init__(self, pipeline: Pipeline, module: str) -> None:
        self._pipeline = pipeline
        self._module = module
        self._workers = [self._start() for _ in range(2)]
        self.ends: list[int] = []  # exit codes of those that ended by themselves

    def _start(self) -> Worker:
        return self._pipeline.start("sender", module=self._module)

    def wait_ready(self) -> None:
        for worker in self._workers:
            worker.wait_ready(READY_S)

    def kill_oldest(self) -> Kill:
        killed = kill(self._workers.pop(0))
        self._workers.append(self._start())
        return killed

    def revive(self) -> None:
        for place, worker in enumerate(self._workers):
            if not worker.alive:
                self.ends.append(worker.process.returncode)
                self._workers[place] = self._start()


def run(senders: Senders, fleet: Fleet, run: Run, kills: int) -> list[Kill]:
    """Kill senders in turn while events come; wait until all is delivered."""
    senders.wait_ready()
    fleet.wait_ready(READY_S)
    run.upstream.start()
    found = []
    for number in range(kills):
        _catch_up(run, senders)
        _let_pass(STEADY_S, run, senders)
        found.append(senders.kill_oldest())
        _say(f"kill {number + 1}: its gauges said {found[-1].gauges}")
        senders.wait_ready()
    _let_pass(STEADY_S, run, senders)
    assert run.upstream.stop() == 0, "events were not acknowledged"
    run.wait_quiet(QUIET_S, say=_say, meanwhile=senders.revive)
    return found


def _catch_up(run: Run, senders: Senders) -> None:
    """Wait until no more is under way than half a second of events; for a minute at most."""
    deadline_s = time.monotonic() + CATCH_UP_S
    while time.monotonic() < deadline_s:
        _let_pass(0.1, run, senders)
        behind = len(run.upstream.published) - len(run.receiver.delivered)
        if behind <= run.upstream.rate * BEHIND_S_MAX:
            return
    _say(f"not caught up within {CATCH_UP_S:g} s: {behind} under way")


def _let_pass(seconds: float, run: Run, senders: Senders) -> None:
    """Time in which the load goes on."""
    deadline_s = time.monotonic() + seconds
    while time.monotonic() < deadline_s:
        senders.revive()
        run.read()
        time.sleep(0.1)


def _say(text: str) -> None:
    click.echo(text, err=True)


def silences(books: Books, incidents: Iterable[Incident]) -> list[float]:
    """After each kill, the longest time without a request in any of the killed one's partitions."""
    partition = {it.webhook: it.partition for it in books.records}
    came: dict[int, list[float]] = defaultdict(list)
    for request in books.requests:
        came[partition.get(request.webhook, -1)].append(request.at_s)
    found = []
    for it in incidents:
        its = {
            partition.get(request.webhook, -1)
            for request in books.requests
            if request.port in (it.ports or ()) and 0 <= it.began_s - request.at_s < STEADY_S
        }
        window = (it.began_s, it.began_s + SILENCE_WINDOW_S)
        found.append(max((longest_gap(came[number], window)[0] for number in its), default=0.0))
    return found


def tell_kills(kills: list[Kill], at_kills: tuple[AtKill, ...], silent_s: list[float]) -> None:
    """A line for each kill."""
    click.echo(
        "kill  by the books: not on record, unanswered | by its gauges: in flight, not on record"
        " | repeats  silence"
    )
    for number, (each, books, silence_s) in enumerate(zip(kills, at_kills, silent_s, strict=True)):
        flying, unrecorded = (each.gauges.get(name, "-") for name in GAUGES)
        click.echo(
            f"{number + 1:>4}  {books.unrecorded:>28}, {books.unanswered:>10} | "
            f"{flying:>24}, {unrecorded:>13} | {books.repeats:>7}  {silence_s:.1f} s"
        )


def is_good(found: Verdict) -> bool:
    """Nothing lost, and no kill cost more than was in flight."""
    return found.is_good and all(it.repeats <= it.unrecorded for it in found.kills)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--rate", type=float, default=500, help="deliveries a second")
    parser.add_argument("--no-read-back", action="store_true", help="senders without it")
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that all agents end with this
    directory = Path(tempfile.mkdtemp(prefix="sender-kill-"))
    good = play(given, directory)
    if good:
        shutil.rmtree(directory)
    else:
        _say(f"logs are in {directory}")
    raise SystemExit(0 if good or given.no_read_back else 1)


def play(given: argparse.Namespace, directory: Path) -> bool:
    """Run and report; whether all went well."""
    with (
        a_broker("embedded", directory) as broker,
        a_pipeline(broker, directory) as pipeline,
        a_receiver(directory / "receiver") as receiver,
    ):
        webhooks = plain_webhooks(receiver.port, delay_ms=ENDPOINT_MS)
        pipeline.apply(an_account(), *webhooks)
        upstream = Upstream(broker, pipeline.topic(ACTIVITIES), given.rate, webhooks)
        it = Run(broker, pipeline.prefix, upstream, receiver)
        prefix = {"HOOKLINE_TOPIC_PREFIX": pipeline.prefix}
        with Fleet(directory / "agents", lambda _: broker, _say, **prefix) as fleet:
            for name in ("matcher1", "scheduler1"):
                fleet.start(name)
            module = "tests.support.without_readback" if given.no_read_back else "agents.cli"
            senders = Senders(pipeline, module)
            kills = run(senders, fleet, it, given.kills)
        incidents = [each.incident for each in kills]
        books = it.books(incidents)
        audit = audited(broker, pipeline.prefix)
    found = verdict(books)
    rate = len(books.requests) / (upstream.ended_s - upstream.began_s)
    if not given.json:
        click.echo(f"{given.kills} SIGKILL at {rate:.0f} deliveries/s")
        tell_kills(kills, found.kills, silences(books, incidents))
    ends = [*fleet.ends, *(f"sender: by itself, exit code {it}" for it in senders.ends)]
    _say("ended by themselves: " + ("; ".join(ends) or "none"))
    good = is_good(found) and audit.is_good
    _say("\n".join(audit_lines(audit)))
    tell(found, incidents, is_json=given.json, is_good=good)
    return good


if __name__ == "__main__":
    main()
