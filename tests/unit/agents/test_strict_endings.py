"""How an assignment of the strict consumer ends: what is in flight is finished and committed."""

# ruff: noqa: SLF001 - Faust's extension points are its private methods

import asyncio
from types import SimpleNamespace

import pytest
from faust.transport.consumer import Consumer

from agents.strict.pump import Batches
from tests.support.strict_consumers import ONE, TWO, positioned


class Ending:
    """A consumer with a batch in flight, another record waiting, and a broker that commits."""

    def __init__(self, monkeypatch):
        self.consumer = positioned([(ONE, [0, 1])])
        self.may_finish = asyncio.Event()
        self.consumer._batches = self.batches = Batches(self.work)
        self.consumer.commit = self.commit

        async def nothing_of_fausts_own(_):
            return

        monkeypatch.setattr(Consumer, "wait_empty", nothing_of_fausts_own)

    async def work(self, _):
        await self.may_finish.wait()

    async def commit(self):
        offset = self.consumer._new_offset(ONE)
        await self.consumer._commit_offsets({ONE: offset})

    async def begin(self):
        await self.consumer.handed_out()
        self.put(0)
        task = asyncio.create_task(self.batches.run(self.consumer.done))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert self.batches.in_flight
        self.put(1)
        return task

    def put(self, offset):
        self.batches.put(SimpleNamespace(tp=ONE, offset=offset, serialized_value_size=1))


async def test_an_assignment_ends_with_the_batch_in_flight_finished_and_committed(monkeypatch):
    ending = Ending(monkeypatch)
    pump = await ending.begin()
    ended = asyncio.create_task(ending.consumer.wait_empty())
    await asyncio.sleep(0.01)
    assert not ended.done()
    assert ending.consumer.commits == []

    ending.may_finish.set()
    await asyncio.wait_for(ended, 1)

    assert ending.consumer.commits == [{ONE: 1}]
    pump.cancel()


async def test_the_last_commit_is_tried_again_when_the_broker_does_not_take_it(monkeypatch):
    ending = Ending(monkeypatch)
    pump = await ending.begin()
    ending.consumer.broker_takes = False
    ended = asyncio.create_task(ending.consumer.wait_empty())
    await asyncio.sleep(0)
    ending.may_finish.set()
    await asyncio.wait_for(ended, 1)

    assert ending.consumer.commits == [{ONE: 1}] * 3
    pump.cancel()


@pytest.mark.parametrize("stops", [False, True])
async def test_partitions_that_go_are_forgotten_whether_or_not_the_worker_stops(monkeypatch, stops):
    ending, drained = Ending(monkeypatch), []
    pump = await ending.begin()
    ending.may_finish.set()
    ending.consumer.app.should_stop = stops

    async def go(_, revoked):
        drained.append(revoked)

    monkeypatch.setattr(Consumer, "on_partitions_revoked", go)
    await ending.consumer.on_partitions_revoked({ONE})

    assert drained == [{ONE}]
    assert ending.consumer.ledger.partitions == (TWO,)
    assert ending.consumer.commits == ([{ONE: 1}] if stops else [])
    pump.cancel()
