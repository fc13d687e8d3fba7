"""Trials of the matcher with a count at the end: racing starts, and chaos for a while.

Counted are jobs, by event and webhook: one is lost when its event was acknowledged and it never
came, and repeated when it came more than once. `stuck` says that the group did not commit to the
end of every partition.
"""

from __future__ import annotations

import random
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from tests.support.matcher_load import Jobs, Load, owed
from tests.support.matchers import Installation, Worker
from tests.support.waiting import eventually

QUIET_S = 300  # a start on a full table, on a machine that does much else

# A matcher's session is ten seconds: frozen for longer, it has lost its partitions unknowingly.
ZOMBIE_S = 13.0


@dataclass(frozen=True)
class Outcome:
    """What a trial came to."""

    jobs: int
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
        share = 100 * self.repeated / max(1, self.jobs)
        gap = f", longest gap {self.longest_gap_s:.1f} s" if self.longest_gap_s else ""
        stuck = ", STUCK" if self.stuck else ""
        notes = "".join(f"\n    {note}" for note in self.notes)
        return (
            f"{self.jobs} jobs, {self.lost} lost, {self.repeated} repeated ({share:.1f} %)"
            f"{stuck}{gap}, {self.seconds:.1f} s{notes}"
        )


def racing_start(  # noqa: PLR0913 - a trial is its parameters
    installation: Installation,
    *,
    stagger_s: float = 0,
    waiting: int = 4_000,
    later: int = 40,
    webhooks: int = 2_000,
    fan_out: int = 1,
    **environment: str,
) -> Outcome:
    """Two workers of a new group start on a full table and waiting events; then some more come."""
    begin_s = time.monotonic()
    installation.create()
    installation.fill(webhooks, fan_out)
    ids = [f"first-{n}" for n in range(waiting)]
    published = installation.publish(ids)
    workers = [installation.start_worker(**environment)]
    time.sleep(stagger_s)
    workers.append(installation.start_worker(**environment))
    for worker in workers:
        worker.wait_ready(QUIET_S)
    jobs = Jobs(installation)
    jobs.wait_for(waiting * fan_out, QUIET_S)
    after = [f"later-{n}" for n in range(later)]
    published += installation.publish(after)
    wanted = owed([*ids, *after], fan_out)
    jobs.wait_for(len(wanted), QUIET_S)
    stuck = not committed_to(installation, published, QUIET_S)
    jobs.close()
    for worker in workers:
        worker.kill()
    lost = len(wanted - jobs.seen.keys())
    return Outcome(len(wanted), lost, jobs.repeated, stuck, time.monotonic() - begin_s)


def committed_to(installation: Installation, total: int, timeout_s: float) -> bool:
    """Whether the group commits up to `total` records over all partitions in time."""
    deadline_s = time.monotonic() + timeout_s
    while time.monotonic() < deadline_s:
        if sum(max(0, it) for it in installation.committed().values()) == total:
            return True
        time.sleep(0.2)
    return False


@dataclass
class Supervisor:
    """Two workers, each started again when it has ended, and why it ended."""

    installation: Installation
    environment: dict[str, str]
    workers: list[Worker] = field(default_factory=list)
    deaths: Counter[str] = field(default_factory=Counter)
    frozen: dict[int, float] = field(default_factory=dict)  # and until when

    def start(self) -> None:
        self.workers = [self.installation.start_worker(**self.environment) for _ in range(2)]
        for worker in self.workers:
            worker.wait_ready(QUIET_S)

    def disturb(self, number: int, how: str) -> None:
        """End a worker and start another, or freeze it for longer than its session lasts."""
        if number in self.frozen:  # it cannot be ended in order, and its time will come
            return
        if how == "SIGSTOP":
            self.workers[number].freeze()
            self.deaths["SIGSTOP, SIGCONT"] += 1
            self.frozen[number] = time.monotonic() + ZOMBIE_S
        else:
            self._restart(number, how)

    def _restart(self, number: int, how: str) -> None:
        worker = self.workers[number]
        if how == "SIGKILL":
            worker.kill()
        else:
            how = f"{how}, exit code {worker.stop(30)}"
        self.deaths[how] += 1
        self.workers[number] = self.installation.start_worker(**self.environment)

    def look(self) -> None:
        """Let the zombies go on whose time has come, and start what has ended by itself."""
        for number, until_s in list(self.frozen.items()):
            if time.monotonic() >= until_s:
                del self.frozen[number]
                self.workers[number].thaw()
        for number, worker in enumerate(self.workers):
            if not worker.alive:
                self._restart(number, "by itself")


def chaos(  # noqa: PLR0913 - a trial is its parameters
    installation: Installation,
    *,
    seconds: float,
    rate: int = 300,
    fan_out: int = 1,
    seed: int = 1,
    every_s: tuple[float, float] = (8, 15),
    terminate_share: float = 0.25,
    zombie_share: float = 0.0,
    broker: Any = None,
    **environment: str,
) -> Outcome:
    """Kill, end and freeze workers in turn under load; half-way kill `broker` and restart it."""
    draw = random.Random(seed)  # noqa: S311 - a schedule that can be repeated
    installation.create()
    installation.fill(500, fan_out)
    supervisor = Supervisor(installation, environment)
    supervisor.start()
    load = Load(installation, rate, fan_out)
    begin_s = time.monotonic()
    next_s, broker_s = draw.uniform(*every_s), seconds / 2 if broker else float("inf")
    while (now_s := time.monotonic() - begin_s) < seconds:
        supervisor.look()
        if now_s >= broker_s:
            broker.kill()
            broker.start()
            supervisor.deaths["broker SIGKILL"] += 1
            broker_s = float("inf")
        elif now_s >= next_s:
            how = _how(draw.random(), terminate_share, zombie_share)
            supervisor.disturb(draw.randrange(2), how)
            next_s = now_s + draw.uniform(*every_s)
        time.sleep(0.1)
    return _settle(load, supervisor, time.monotonic() - begin_s)


def _how(drawn: float, terminate_share: float, zombie_share: float) -> str:
    if drawn < terminate_share:
        return "SIGTERM"
    return "SIGSTOP" if drawn < terminate_share + zombie_share else "SIGKILL"


def _settle(load: Load, supervisor: Supervisor, seconds: float) -> Outcome:
    load.stop_publishing()
    deadline_s = time.monotonic() + QUIET_S
    while (load.missing or supervisor.frozen) and time.monotonic() < deadline_s:
        supervisor.look()
        time.sleep(0.1)
    stuck = not committed_to(supervisor.installation, len(load.acknowledged), QUIET_S)
    load.stop_reading()
    for worker in supervisor.workers:
        worker.kill()
    return Outcome(
        len(load.owed),
        len(load.missing),
        load.repeated,
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
    ids = [f"d{n}" for n in range(200)]
    published = installation.publish(ids)
    module = "tests.support.faulty_matcher"
    faulty = installation.start_worker(
        module=module, MATCHER_DROP="20", MATCHER_STALL_S=str(stall_s)
    )
    eventually(lambda: not faulty.alive, stall_s + 40)
    jobs = Jobs(installation)
    worker = installation.start_worker()
    wanted = owed(ids, 1)
    jobs.wait_for(len(wanted), QUIET_S)
    stuck = not committed_to(installation, published, QUIET_S)
    jobs.close()
    worker.kill()
    outcome = Outcome(
        len(wanted),
        len(wanted - jobs.seen.keys()),
        jobs.repeated,
        stuck,
        time.monotonic() - begin_s,
    )
    return faulty.process.returncode, outcome
