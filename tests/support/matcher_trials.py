"""Trials of the matcher with a count at the end: racing starts, and chaos for a while.

An event is lost when its publication was acknowledged and no job came; it is repeated when more
than one came. `stuck` says that the group did not commit to the end of every partition.
"""

from __future__ import annotations

import json
import random
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from schemas.topics import JOBS
from tests.support.matchers import Installation, Worker
from tests.support.waiting import eventually

QUIET_S = 60


@dataclass(frozen=True)
class Outcome:
    """What a trial came to."""

    events: int
    lost: int
    repeated: int
    stuck: bool
    seconds: float
    longest_gap_s: float = 0.0
    notes: tuple[str, ...] = ()

    @property
    def good(self) -> bool:
        return not self.lost and not self.stuck

    def __str__(self) -> str:
        share = 100 * self.repeated / max(1, self.events)
        gap = f", longest gap {self.longest_gap_s:.1f} s" if self.longest_gap_s else ""
        stuck = ", STUCK" if self.stuck else ""
        notes = "".join(f"\n    {note}" for note in self.notes)
        return (
            f"{self.events} events, {self.lost} lost, {self.repeated} repeated ({share:.1f} %)"
            f"{stuck}{gap}, {self.seconds:.1f} s{notes}"
        )


def racing_start(
    installation: Installation,
    *,
    stagger_s: float = 0,
    waiting: int = 4_000,
    later: int = 40,
    webhooks: int = 2_000,
    **environment: str,
) -> Outcome:
    """Two workers of a new group start on a full table and waiting events; then some more come."""
    begin_s = time.monotonic()
    installation.create()
    installation.fill(webhooks)
    published = installation.publish(f"first-{n}" for n in range(waiting))
    workers = [installation.start_worker(**environment)]
    time.sleep(stagger_s)
    workers.append(installation.start_worker(**environment))
    for worker in workers:
        worker.wait_ready(QUIET_S)
    reader = installation.reader()
    seen = reader.wait_for(waiting, QUIET_S)
    published += installation.publish(f"later-{n}" for n in range(later))
    seen += reader.wait_for(later, 20)
    stuck = not committed_to(installation, published, 10)
    reader.close()
    for worker in workers:
        worker.kill()
    repeated = sum(seen.values()) - len(seen)
    return Outcome(published, published - len(seen), repeated, stuck, time.monotonic() - begin_s)


def committed_to(installation: Installation, total: int, timeout_s: float) -> bool:
    """Whether the group commits up to `total` records over all partitions in time."""
    deadline_s = time.monotonic() + timeout_s
    while time.monotonic() < deadline_s:
        if sum(max(0, it) for it in installation.committed().values()) == total:
            return True
        time.sleep(0.2)
    return False


class Load:
    """Publishes at a rate from a thread, and reads the jobs in another."""

    def __init__(self, installation: Installation, rate: int) -> None:
        self._installation = installation
        self._rate = rate
        self._stop = threading.Event()
        self.acknowledged: set[str] = set()
        self.seen: Counter[str] = Counter()
        self.longest_gap_s = 0.0
        self._threads = [threading.Thread(target=it) for it in (self._publish, self._read)]
        self._reading = True
        for thread in self._threads:
            thread.start()

    def stop_publishing(self) -> None:
        self._stop.set()
        self._threads[0].join()
        self._installation.producer.flush(120)

    def stop_reading(self) -> None:
        self._reading = False
        self._threads[1].join()

    @property
    def missing(self) -> set[str]:
        return self.acknowledged - self.seen.keys()

    def _publish(self) -> None:
        begin_s, number = time.monotonic(), 0
        while not self._stop.is_set():
            while number < (time.monotonic() - begin_s) * self._rate:
                self._publish_one(f"c{number}")
                number += 1
            self._installation.producer.poll(0)
            time.sleep(0.002)

    def _publish_one(self, event_id: str) -> None:
        def on_delivery(error: object, _: Any) -> None:
            if error is None:
                self.acknowledged.add(event_id)

        fields = {"event_id": event_id, "account_id": 25, "phase": "end"}
        value = json.dumps({**fields, "activity": {"id": event_id}}).encode()
        self._installation.producer.produce(
            self._installation.topic("activities"),
            value,
            event_id.encode(),
            on_delivery=on_delivery,
        )

    def _read(self) -> None:
        reader = self._installation.reader(JOBS)
        last_s: float | None = None
        while self._reading:
            came = reader.poll()
            reader.messages.clear()
            now_s = time.monotonic()
            if came and last_s is not None and not self._stop.is_set():
                self.longest_gap_s = max(self.longest_gap_s, now_s - last_s)
            last_s = now_s if came else last_s
            self.seen.update(json.loads(it.value())["event"]["event_id"] for it in came)
        reader.close()


@dataclass
class Supervisor:
    """Two workers, each started again when it has ended, and why it ended."""

    installation: Installation
    environment: dict[str, str]
    workers: list[Worker] = field(default_factory=list)
    deaths: Counter[str] = field(default_factory=Counter)

    def start(self) -> None:
        self.workers = [self.installation.start_worker(**self.environment) for _ in range(2)]
        for worker in self.workers:
            worker.wait_ready(QUIET_S)

    def restart(self, number: int, how: str) -> None:
        worker = self.workers[number]
        if how == "SIGKILL":
            worker.kill()
        else:
            how = f"{how}, exit code {worker.stop(30)}"
        self.deaths[how] += 1
        self.workers[number] = self.installation.start_worker(**self.environment)

    def revive(self) -> None:
        for number, worker in enumerate(self.workers):
            if not worker.alive:
                self.restart(number, "by itself")


def chaos(  # noqa: PLR0913 - a trial is its parameters
    installation: Installation,
    *,
    seconds: float,
    rate: int = 300,
    seed: int = 1,
    every_s: tuple[float, float] = (8, 15),
    terminate_share: float = 0.25,
    broker: Any = None,
    **environment: str,
) -> Outcome:
    """Kill and end workers in turn under load; once, half-way, kill and restart `broker`."""
    draw = random.Random(seed)  # noqa: S311 - a schedule that can be repeated
    installation.create()
    installation.fill(500)
    supervisor = Supervisor(installation, environment)
    supervisor.start()
    load = Load(installation, rate)
    begin_s = time.monotonic()
    next_s, broker_s = draw.uniform(*every_s), seconds / 2 if broker else float("inf")
    while (now_s := time.monotonic() - begin_s) < seconds:
        supervisor.revive()
        if now_s >= broker_s:
            broker.kill()
            broker.start()
            supervisor.deaths["broker SIGKILL"] += 1
            broker_s = float("inf")
        elif now_s >= next_s:
            how = "SIGTERM" if draw.random() < terminate_share else "SIGKILL"
            supervisor.restart(draw.randrange(2), how)
            next_s = now_s + draw.uniform(*every_s)
        time.sleep(0.1)
    return _settle(load, supervisor, time.monotonic() - begin_s)


def _settle(load: Load, supervisor: Supervisor, seconds: float) -> Outcome:
    load.stop_publishing()
    deadline_s = time.monotonic() + QUIET_S
    while load.missing and time.monotonic() < deadline_s:
        supervisor.revive()
        time.sleep(0.1)
    total = len(load.acknowledged)
    stuck = not committed_to(supervisor.installation, total, 20)
    load.stop_reading()
    for worker in supervisor.workers:
        worker.kill()
    return Outcome(
        total,
        len(load.missing),
        sum(load.seen.values()) - len(load.seen),
        stuck,
        seconds,
        load.longest_gap_s,
        tuple(f"{how}: {count}" for how, count in sorted(supervisor.deaths.items())),
    )


def dropped_queue(installation: Installation, *, stall_s: float) -> tuple[int, Outcome]:
    """A worker loses its queue; its exit code, and the count after an ordinary one took over."""
    begin_s = time.monotonic()
    installation.create()
    installation.fill(10)
    published = installation.publish(f"d{n}" for n in range(200))
    module = "tests.support.faulty_matcher"
    faulty = installation.start_worker(
        module=module, MATCHER_DROP="20", MATCHER_STALL_S=str(stall_s)
    )
    eventually(lambda: not faulty.alive, stall_s + 40)
    reader = installation.reader()
    worker = installation.start_worker()
    seen = reader.wait_for(published, QUIET_S)
    stuck = not committed_to(installation, published, 10)
    reader.close()
    worker.kill()
    repeated = sum(seen.values()) - len(seen)
    outcome = Outcome(published, published - len(seen), repeated, stuck, time.monotonic() - begin_s)
    return faulty.process.returncode, outcome
