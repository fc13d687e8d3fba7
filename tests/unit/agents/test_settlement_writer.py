"""The order in which a settlement's records are written."""

import asyncio
from types import SimpleNamespace

from agents.sender.writer import SettlementWriter
from pipeline.outcomes import Answered, Exchange, outcome_of
from pipeline.retries import next_step
from pipeline.settlement import Taken, after_attempt
from schemas.attempt import Position, Response, Timings
from schemas.topics import ATTEMPTS, FAILURE_TRIGGERS, JOBS
from tests.support.builders import NOW_MS, a_job, a_webhook


class Broker:
    """Takes records, and acknowledges them when it is told to."""

    def __init__(self):
        self.topics = []
        self.reports = []

    def send(self, record):
        self.topics.append(record.topic)
        self.reports.append(asyncio.get_running_loop().create_future())
        return self.reports[-1]

    def acknowledge(self, offset):
        self.reports[-1].set_result(SimpleNamespace(offset=lambda: offset))


def a_first_failure():
    exchange = Exchange(None, Answered(Response(status=500)), Timings())
    outcome = outcome_of(exchange.result, now_ms=NOW_MS)
    taken = Taken(a_job(), Position(topic=JOBS, partition=0, offset=1), a_webhook())
    step = next_step(taken.job, outcome, a_webhook().retry, now_ms=NOW_MS, draw=0.5)
    return after_attempt(taken, exchange, outcome, step, now_ms=NOW_MS)


async def turned():
    for _ in range(10):
        await asyncio.sleep(0)


async def test_each_stage_is_acknowledged_before_the_next_is_written():
    """The failure, the retry, the attempt: a crash at any point repeats and never loses."""
    broker, settlement = Broker(), a_first_failure()
    writer = SettlementWriter(broker, broker, lambda name: name)
    writing = asyncio.create_task(writer.write(settlement, "trace"))
    expected = [FAILURE_TRIGGERS, settlement.parked.tier.topic, ATTEMPTS]
    for number in range(len(expected)):
        await turned()
        assert broker.topics == expected[: number + 1]
        assert not writing.done()
        broker.acknowledge(offset=40 + number)

    assert await asyncio.wait_for(writing, 1) == 42
