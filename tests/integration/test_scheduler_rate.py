"""After a day off the scheduler drains at a bounded rate, and no backlog starves another tier."""

from __future__ import annotations

from schemas.topics import JOBS_RETRY
from tests.support.parked import Parked, names_of
from tests.support.pipelines import SCHEDULERS
from tests.support.waiting import eventually

QUIET_S = 60
RATE = 300
BURST = RATE // 4
BACKLOG = 3_000
DUE = 20


def most_within(times_ms: list[int], span_ms: int) -> int:
    """The largest number of them in any span of that length."""
    most = first = 0
    for last, at_ms in enumerate(times_ms):
        while at_ms - times_ms[first] >= span_ms:
            first += 1
        most = max(most, last - first + 1)
    return most


def test_a_backlog_drains_at_the_rate_that_is_set_and_others_come_between(pipeline):
    # The broker's clock says when records came, not their producer's.
    pipeline.set_topic_config(JOBS_RETRY, "message.timestamp.type", "LogAppendTime")
    parked, jobs = Parked(pipeline), pipeline.reader(JOBS_RETRY)
    parked.park_due((f"old{number}" for number in range(BACKLOG)), ["24h"])
    pipeline.start("scheduler", HOOKLINE_SCHEDULER_RATE_MAX=str(RATE))
    eventually(lambda: jobs.poll() is not None and len(jobs.messages) >= RATE, QUIET_S)
    parked.park_due((f"due{number}" for number in range(DUE)), ["5s"])
    eventually(lambda: pipeline.backlog(SCHEDULERS, ["retry.24h", "retry.5s"]) == 0, QUIET_S)
    eventually(lambda: not jobs.poll(), QUIET_S)

    assert names_of(jobs).total() == BACKLOG + DUE
    came = sorted((it.timestamp()[1], it.key()) for it in jobs.messages)
    times_ms = [at_ms for at_ms, _ in came]
    # What waited in the client while the broker was busy comes with what follows it: a second's.
    for span_s in (2, 4, 8):
        assert most_within(times_ms, span_s * 1_000) <= BURST + RATE * (span_s + 1)
    assert len(came) <= BURST + RATE * ((times_ms[-1] - times_ms[0]) / 1_000 + 1)

    last_due = max(place for place, (_, name) in enumerate(came) if name.startswith(b"due"))
    assert last_due < len(came) * 3 // 4, "the other tier's waited for the end of the backlog"
