"""What topics forget before it was read, or may, is told and counted; never in silence."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner
from confluent_kafka import TopicPartition

from agents.cli.check import check
from schemas.topics import JOBS_RETRY
from tests.support.parked import Parked, metric, now_ms
from tests.support.pipelines import SCHEDULERS, Pipeline
from tests.support.waiting import eventually

QUIET_S = 60
WAITING = 30


def remove_all(pipeline: Pipeline, parked: Parked) -> int:
    """Remove every record that was parked, as retention would; how many that were."""
    ends: dict[tuple[str, int], int] = {}
    for topic, number, offset in parked.stands_at.values():
        ends[topic, number] = max(ends.get((topic, number), 0), offset + 1)
    places = [TopicPartition(*place, end) for place, end in ends.items()]
    for answer in pipeline.admin.delete_records(places).values():
        answer.result(20)
    return len(parked.stands_at)


def told(worker) -> list[dict]:
    """What the log says of removed records."""
    lines = map(json.loads, worker.log.read_text().splitlines())
    return [it for it in lines if it["event"] == "records.removed_before_read"]


def lost(worker) -> float | None:
    return metric(worker, 'hookline_records_removed_unread_total{topic="retry.10m"}')


def a_waiting_tier(pipeline: Pipeline) -> Parked:
    parked = Parked(pipeline)
    for number in range(WAITING):
        parked.park(f"w{number}", now_ms() + 600_000, tier="10m")
    parked.flush()
    return parked


def test_records_removed_while_their_partition_is_held_are_told_and_counted_once(pipeline):
    scheduler = pipeline.start("scheduler")
    parked = a_waiting_tier(pipeline)
    waiting = 'hookline_tier_waiting_records{tier="10m"}'
    scheduler.wait_ready()
    eventually(lambda: metric(scheduler, waiting) == WAITING, QUIET_S)
    assert metric(scheduler, 'hookline_tier_oldest_due_seconds{tier="10m"}') < 0
    remove_all(pipeline, parked)
    eventually(lambda: lost(scheduler) == WAITING, QUIET_S)

    assert sum(it["records"] for it in told(scheduler)) == WAITING
    eventually(lambda: metric(scheduler, waiting) == 0, QUIET_S)


def test_records_removed_while_no_scheduler_ran_are_told_by_the_next_one(pipeline):
    before = Parked(pipeline)
    before.park_due((f"b{number}" for number in range(WAITING)), ["10m"])
    first, jobs = pipeline.start("scheduler"), pipeline.reader(JOBS_RETRY)
    eventually(lambda: jobs.poll() is not None and len(jobs.messages) == WAITING, QUIET_S)
    eventually(lambda: pipeline.backlog(SCHEDULERS, ["retry.10m"]) == 0, QUIET_S)
    assert first.stop() == 0
    parked = a_waiting_tier(pipeline)
    numbers = {number for _, number, _ in before.stands_at.values()}
    assert {number for _, number, _ in parked.stands_at.values()} <= numbers
    remove_all(pipeline, parked)

    second = pipeline.start("scheduler")
    second.wait_ready()
    assert sum(it["records"] for it in told(second)) == WAITING
    assert lost(second) == WAITING


@pytest.mark.parametrize(
    ("name", "value"), [("retention.ms", "3600000"), ("retention.bytes", "1000000")]
)
def test_a_tier_that_may_lose_what_waits_in_it_is_an_error(pipeline, name, value):
    pipeline.set_topic_config("retry.6h", name, value)
    scheduler = pipeline.start("scheduler")
    scheduler.wait_ready()
    short = 'hookline_tier_retention_too_short{{tier="{}"}}'.format
    eventually(lambda: metric(scheduler, short("6h")) == 1, QUIET_S)

    assert metric(scheduler, short("3h")) == 0
    assert '"tier.retention_too_short"' in scheduler.log.read_text()
    environment = {
        "HOOKLINE_BOOTSTRAP_SERVERS": pipeline.bootstrap,
        "HOOKLINE_TOPIC_PREFIX": pipeline.prefix,
    }
    answers = json.loads(CliRunner().invoke(check, ["--json"], env=environment).stdout)
    (fault,) = [it for it in answers if it["check"] == "retention"]
    assert not fault["ok"]
    assert pipeline.topic("retry.6h") in fault["detail"]
    assert pipeline.topic("retry.3h") not in fault["detail"]
