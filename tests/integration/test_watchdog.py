"""Agents that stand still end themselves and say why; those that only have nothing to do do not."""

from __future__ import annotations

import time

import pytest

from schemas.topics import JOBS, JOBS_REPLAY, JOBS_RETRY
from tests.support.builders import a_webhook, an_account
from tests.support.pipelines import SCHEDULERS, SENDERS, TIER_TOPICS, Pipeline
from tests.support.waiting import eventually

FAULTY = "tests.support.faulty_agent"
LANES = [JOBS, JOBS_RETRY, JOBS_REPLAY]
STALL_S = 4
QUIET_S = 60


def start(pipeline: Pipeline, agent: str, fault: str):
    return pipeline.start(agent, module=FAULTY, FAULT=fault, STALL_S=str(STALL_S))


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        ("no_fetch", "no progress: unread: offset "),
        ("no_settlement", "no progress: unfinished: offset "),
        ("loop_hangs", "the event loop has hung"),
        ("thread_hangs", "the consuming thread has hung"),
    ],
)
def test_a_sender_that_stands_still_ends_with_70_and_says_why(pipeline, endpoint, fault, reason):
    pipeline.apply(an_account(), a_webhook(url=endpoint.url()))
    sender = start(pipeline, "sender", fault)
    sender.wait_ready()
    pipeline.produce_jobs(1, ["crm"])

    assert sender.process.wait(QUIET_S) == 70
    (line,) = [it for it in sender.log.read_text().splitlines() if '"process.aborted"' in it]
    # A hung thread reads nothing either, and each watch may be the first to see it.
    assert reason in line or (fault == "thread_hangs" and "no progress: unread: " in line)
    if "has hung" in line:
        (stack,) = [it for it in sender.log.read_text().splitlines() if '"thread.hangs"' in it]
        assert "time.sleep(FOR_EVER_S)" in stack


def test_what_a_stalled_sender_left_is_done_by_the_next_one(pipeline, endpoint):
    pipeline.apply(an_account(), a_webhook(url=endpoint.url()))
    pipeline.produce_jobs(1, ["crm"])
    assert start(pipeline, "sender", "thread_hangs").process.wait(QUIET_S) == 70
    pipeline.start("sender")

    eventually(lambda: pipeline.backlog(SENDERS, LANES) == 0, QUIET_S)
    assert len(endpoint.arrivals) == 1


def park(pipeline: Pipeline, due_in_s: float, tier: str) -> None:
    headers = {"due-at": str(round((time.time() + due_in_s) * 1_000)), "to": JOBS_RETRY}
    pipeline.producer.produce(pipeline.topic(f"retry.{tier}"), b"{}", b"k", headers=headers)
    pipeline.producer.flush(10)


def test_a_scheduler_whose_producer_never_reports_ends_with_70_and_says_why(pipeline):
    park(pipeline, 0, "5s")
    scheduler = start(pipeline, "scheduler", "no_reports")

    assert scheduler.process.wait(QUIET_S) == 70
    assert "no progress: unfinished: offset 0 of " in scheduler.log.read_text()


def test_agents_with_nothing_to_do_or_something_to_wait_for_go_on(pipeline, endpoint):
    endpoint.delay_s = 2 * STALL_S
    pipeline.apply(an_account(), a_webhook(url=endpoint.url(), timeout_s=30))
    park(pipeline, 3 * STALL_S, "1h")
    idle, scheduler = start(pipeline, "sender", "none"), start(pipeline, "scheduler", "none")
    idle.wait_ready()
    sender = start(pipeline, "sender", "none")
    sender.wait_ready()
    scheduler.wait_ready()
    pipeline.produce_jobs(1, ["crm"])

    eventually(lambda: pipeline.backlog(SENDERS, LANES) == 0, QUIET_S)
    eventually(lambda: pipeline.backlog(SCHEDULERS, TIER_TOPICS) == 0, QUIET_S)
    assert [it.alive for it in (idle, sender, scheduler)] == [True, True, True]
