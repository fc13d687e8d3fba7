"""The scheduler on a real broker: nothing early, nothing lost, whatever happens to the process."""

from __future__ import annotations

import json
import time
from collections import Counter

from schemas.codec import decode
from schemas.dead_letter import DeadLetter
from schemas.topics import ACTIVITIES, DEAD_LETTERS, JOBS_RETRY
from tests.support.pipelines import SCHEDULERS, TIER_TOPICS, Pipeline
from tests.support.waiting import eventually

QUIET_S = 40


def park(pipeline: Pipeline, name: str, due_at_ms: float, *, tier: str = "5s", **headers) -> None:
    given = {"due-at": str(round(due_at_ms)), "to": JOBS_RETRY, "id": name, **headers}
    pipeline.producer.produce(
        pipeline.topic(f"retry.{tier}"),
        key=name.encode(),
        value=json.dumps({"name": name}).encode(),
        headers=given,
    )


def now_ms() -> float:
    return time.time() * 1_000


def test_what_is_due_goes_to_its_topic_unchanged_and_nothing_goes_early(pipeline):
    due_ms = {f"j{number}": now_ms() + 300 * number for number in range(12)}
    for name, due in due_ms.items():
        park(pipeline, name, due)
    park(pipeline, "event", now_ms() + 500, tier="1h", to=ACTIVITIES)
    pipeline.producer.flush(10)
    pipeline.start("scheduler")
    jobs, events = pipeline.reader(JOBS_RETRY), pipeline.reader(ACTIVITIES)
    eventually(lambda: jobs.poll() is not None and len(jobs.messages) == 12, QUIET_S)
    eventually(lambda: events.poll() is not None and len(events.messages) == 1, QUIET_S)

    for message in jobs.messages:
        headers = dict(message.headers())
        assert message.timestamp()[1] >= int(headers["due-at"])
        assert json.loads(message.value()) == {"name": message.key().decode()}
        assert headers["id"] == message.key()
    eventually(lambda: pipeline.backlog(SCHEDULERS, TIER_TOPICS) == 0, QUIET_S)


def test_a_head_that_is_not_due_is_not_committed_and_survives_a_kill(pipeline):
    park(pipeline, "late", now_ms() + 12_000, tier="10m")
    park(pipeline, "soon", now_ms(), tier="30s")
    pipeline.producer.flush(10)
    first = pipeline.start("scheduler")
    jobs = pipeline.reader(JOBS_RETRY)
    eventually(lambda: jobs.poll() is not None and len(jobs.messages) == 1, QUIET_S)
    first.kill()
    assert pipeline.backlog(SCHEDULERS, ["retry.10m"]) == 1

    pipeline.start("scheduler")
    names = {b"soon", b"late"}  # the first may come again: its commit was not due yet
    eventually(
        lambda: jobs.poll() is not None and {m.key() for m in jobs.messages} == names, QUIET_S
    )
    (late,) = [message for message in jobs.messages if message.key() == b"late"]
    assert late.timestamp()[1] >= int(dict(late.headers())["due-at"])


def test_a_record_without_a_due_time_becomes_a_dead_letter_and_holds_nothing_up(pipeline):
    pipeline.producer.produce(pipeline.topic("retry.2m"), key=b"x", value=b"whatever")
    park(pipeline, "x", now_ms(), tier="2m")
    pipeline.producer.flush(10)
    pipeline.start("scheduler")
    letters, jobs = pipeline.reader(DEAD_LETTERS), pipeline.reader(JOBS_RETRY)
    eventually(lambda: letters.poll() is not None and len(letters.messages) == 1, QUIET_S)
    eventually(lambda: jobs.poll() is not None and len(jobs.messages) == 1, QUIET_S)

    letter = decode(DeadLetter, letters.messages[0].value())
    assert [fault.field for fault in letter.faults] == ["headers.due-at", "headers.to"]


def test_a_record_too_large_for_its_destination_becomes_a_dead_letter(pipeline):
    pipeline.set_topic_config(JOBS_RETRY, "max.message.bytes", "2000")
    park(pipeline, "large", now_ms(), padding="x" * 5_000)
    park(pipeline, "small", now_ms())
    pipeline.producer.flush(10)
    pipeline.start("scheduler")
    letters, jobs = pipeline.reader(DEAD_LETTERS), pipeline.reader(JOBS_RETRY)
    eventually(lambda: letters.poll() is not None and len(letters.messages) == 1, QUIET_S)
    eventually(lambda: jobs.poll() is not None and len(jobs.messages) == 1, QUIET_S)
    eventually(lambda: pipeline.backlog(SCHEDULERS, TIER_TOPICS) == 0, QUIET_S)

    letter = decode(DeadLetter, letters.messages[0].value())
    assert letter.faults[0].message == "17 bytes are too many for jobs.retry"
    assert dict(letter.headers)["padding"] == "x" * 5_000
    assert jobs.messages[0].key() == b"small"


def test_five_thousand_due_records_pass_through_a_kill_and_none_is_lost(pipeline):
    names = [f"j{number}" for number in range(5_000)]
    for name in names:
        park(pipeline, name, now_ms(), tier="30s")
    pipeline.producer.flush(10)
    first = pipeline.start("scheduler")
    jobs = pipeline.reader(JOBS_RETRY)
    eventually(lambda: jobs.poll() is not None and len(jobs.messages) >= 500, QUIET_S)
    first.kill()
    pipeline.start("scheduler")
    eventually(lambda: pipeline.backlog(SCHEDULERS, ["retry.30s"]) == 0, QUIET_S)
    eventually(lambda: not jobs.poll(), QUIET_S)

    counts = Counter(message.key().decode() for message in jobs.messages)
    assert set(counts) == set(names)


def test_sigterm_commits_all_that_went_out_and_exits_0(pipeline):
    for number in range(200):
        park(pipeline, f"j{number}", now_ms())
    pipeline.producer.flush(10)
    scheduler = pipeline.start("scheduler")
    jobs = pipeline.reader(JOBS_RETRY)
    eventually(lambda: jobs.poll() is not None and len(jobs.messages) == 200, QUIET_S)
    assert scheduler.stop() == 0
    assert pipeline.backlog(SCHEDULERS, TIER_TOPICS) == 0


def test_without_its_topics_an_agent_says_so_and_ends(broker, tmp_path):
    bare = Pipeline(broker, tmp_path)
    scheduler = bare.start("scheduler")

    assert scheduler.process.wait(QUIET_S) == 1
    assert "hookline topics create" in scheduler.log.read_text()
