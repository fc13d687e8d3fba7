"""Wall clocks that jump by a day, here or at whoever writes: nothing stuck, nothing early."""

from __future__ import annotations

from pathlib import Path

import pytest

from schemas.topics import JOBS_RETRY
from tests.support.parked import Parked, metric, names_of, now_ms
from tests.support.pipelines import Pipeline
from tests.support.shifted_clock import set_offset
from tests.support.waiting import eventually

QUIET_S = 60
DAY_MS = 24 * 60 * 60 * 1_000
SHORTEST_MS = 4_500  # of the tier of five seconds


@pytest.fixture
def clock(tmp_path) -> Path:
    file = tmp_path / "clock"
    set_offset(file, 0)
    return file


@pytest.fixture
def scheduler(pipeline: Pipeline, clock: Path):
    """One that has its partitions, and has looked where they end."""
    worker = pipeline.start(
        "scheduler", module="tests.support.shifted_agent", SHIFT_FILE=str(clock)
    )
    worker.wait_ready()
    eventually(lambda: all(known_partitions(worker, it) == 4 for it in ("5s", "10m")), QUIET_S)
    return worker


def known_partitions(worker, tier: str) -> float | None:
    return metric(worker, f'hookline_tier_partitions{{tier="{tier}"}}')


def comes(jobs, *names: str) -> None:
    wanted = {name.encode() for name in names}
    eventually(lambda: jobs.poll() is not None and wanted <= set(names_of(jobs)), QUIET_S)


def waited_ms(pipeline: Pipeline, jobs, name: str) -> float:
    """From a record being parked to its standing at its destination, by clocks that do not jump."""
    tier = pipeline.reader("retry.5s")
    eventually(lambda: tier.poll() is not None and name.encode() in names_of(tier), QUIET_S)
    parked, passed = (
        next(it.timestamp()[1] for it in reader.messages if it.key() == name.encode())
        for reader in (tier, jobs)
    )
    tier.close()
    return passed - parked


def disagreements(scheduler) -> int:
    return scheduler.log.read_text().count('"clocks.disagree"')


def test_a_sender_a_day_ahead_holds_nothing_up_for_longer_than_its_tier(pipeline, scheduler):
    parked, jobs = Parked(pipeline), pipeline.reader(JOBS_RETRY)
    for number in range(20):
        parked.park(f"ahead{number}", now_ms() + DAY_MS + 5_000)
        parked.park(f"right{number}", now_ms() + 5_000)
    parked.flush()
    comes(jobs, *(f"{kind}{number}" for kind in ("ahead", "right") for number in range(20)))

    assert waited_ms(pipeline, jobs, "ahead0") >= SHORTEST_MS
    assert 1 <= disagreements(scheduler) <= 4, "once for each partition, not for each record"
    told = metric(scheduler, 'hookline_scheduler_clock_disagreements_total{tier="5s"}')
    assert told == disagreements(scheduler)


def test_our_clock_going_back_a_day_while_a_head_is_held_makes_it_neither_late_nor_early(
    pipeline, scheduler, clock
):
    parked, jobs = Parked(pipeline), pipeline.reader(JOBS_RETRY)
    parked.park("held", now_ms() + 5_000)
    parked.flush()
    waiting = 'hookline_tier_waiting_records{tier="5s"}'
    eventually(lambda: metric(scheduler, waiting) == 1, QUIET_S)
    set_offset(clock, -DAY_MS)
    parked.park("after", now_ms() + 5_000)
    parked.flush()
    comes(jobs, "held", "after")

    for name in ("held", "after"):
        assert waited_ms(pipeline, jobs, name) >= SHORTEST_MS


def test_what_we_saw_arrive_does_not_go_early_when_our_clock_goes_forward_a_day(
    pipeline, scheduler, clock
):
    parked, jobs = Parked(pipeline), pipeline.reader(JOBS_RETRY)
    set_offset(clock, DAY_MS)
    parked.park("ten minutes", now_ms() + 600_000, tier="10m")
    parked.park("five seconds", now_ms() + 5_000)
    parked.flush()
    comes(jobs, "five seconds")

    assert set(names_of(jobs)) == {b"five seconds"}
    assert (
        waited_ms(pipeline, jobs, "five seconds") >= SHORTEST_MS - 1_000
    )  # it is asked each second
    assert disagreements(scheduler) >= 1


def test_retries_of_a_sender_a_day_behind_wait_for_their_tier(pipeline, scheduler):
    parked, jobs = Parked(pipeline), pipeline.reader(JOBS_RETRY)
    parked.park("ten minutes", now_ms() - DAY_MS + 600_000, tier="10m")
    parked.park("five seconds", now_ms() - DAY_MS + 5_000)
    parked.flush()
    comes(jobs, "five seconds")

    assert set(names_of(jobs)) == {b"five seconds"}
    assert disagreements(scheduler) >= 1
