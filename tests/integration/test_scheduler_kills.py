"""Schedulers killed, stopped and frozen: nothing lost, and what is repeated was in flight."""

from __future__ import annotations

import logging
import signal

from schemas.topics import JOBS_RETRY
from tests.support.parked import Parked, names_of
from tests.support.pipelines import SCHEDULERS, TIER_TOPICS, Pipeline
from tests.support.waiting import eventually

_log = logging.getLogger(__name__)

QUIET_S = 60
RATE = 400
RECORDS = 6_000
TIERS = ["5s", "30s", "1h", "24h"]

# What may have gone out and not be committed yet: a second of two schedulers, and their bursts.
IN_FLIGHT_MAX = 2 * (RATE + RATE // 4)


def start(pipeline: Pipeline):
    return pipeline.start("scheduler", HOOKLINE_SCHEDULER_RATE_MAX=str(RATE))


class Drain:
    """Two schedulers with a backlog that is due, watched at its destination."""

    def __init__(self, pipeline: Pipeline) -> None:
        self.pipeline, self.parked = pipeline, Parked(pipeline)
        self.parked.park_due((f"j{number}" for number in range(RECORDS)), TIERS)
        self.jobs = pipeline.reader(JOBS_RETRY)
        self.workers = [start(pipeline), start(pipeline)]
        for worker in self.workers:
            worker.wait_ready()

    def passes(self, count: int) -> None:
        """Wait until so many more records have come, or all of them."""
        wanted = min(len(set(names_of(self.jobs))) + count, RECORDS)
        eventually(
            lambda: self.jobs.poll() is not None and len(set(names_of(self.jobs))) >= wanted,
            QUIET_S,
        )

    def repeats_at_the_end(self) -> int:
        """Wait for quiet; all of it must have come."""
        eventually(lambda: self.pipeline.backlog(SCHEDULERS, TIER_TOPICS) == 0, QUIET_S)
        eventually(lambda: not self.jobs.poll(), QUIET_S)
        counts = names_of(self.jobs)
        assert set(counts) == set(self.parked.stands_at)
        return counts.total() - RECORDS


def test_a_killed_scheduler_repeats_what_was_not_committed_yet_and_loses_nothing(pipeline):
    drain = Drain(pipeline)
    in_flight = []
    for number in range(4):
        drain.passes(600)
        drain.workers[number % 2].kill()
        in_flight.append(drain.parked.not_committed(drain.jobs))
        drain.workers[number % 2] = start(pipeline)
    repeats = drain.repeats_at_the_end()

    _log.info("repeated %d; not committed at the kills %s", repeats, in_flight)
    assert max(in_flight) <= IN_FLIGHT_MAX
    assert repeats <= sum(in_flight)


def test_a_scheduler_that_is_asked_to_stop_repeats_nothing(pipeline):
    drain = Drain(pipeline)
    for number in range(2):
        drain.passes(600)
        assert drain.workers[number].stop() == 0
        drain.workers[number] = start(pipeline)

    assert drain.repeats_at_the_end() == 0


def test_a_scheduler_that_was_frozen_while_others_took_over_passes_nothing_more_on(pipeline):
    drain = Drain(pipeline)
    drain.passes(600)
    frozen, other = drain.workers
    frozen.process.send_signal(signal.SIGSTOP)
    drain.passes(RECORDS)  # the other one has all partitions by then
    frozen.process.send_signal(signal.SIGCONT)
    eventually(lambda: "process.was_frozen" in frozen.log.read_text(), QUIET_S)
    eventually(lambda: frozen.ready, QUIET_S)
    repeats = drain.repeats_at_the_end()

    _log.info("repeated %d after a freeze", repeats)
    assert repeats <= IN_FLIGHT_MAX // 2
    assert frozen.alive
    assert other.alive
