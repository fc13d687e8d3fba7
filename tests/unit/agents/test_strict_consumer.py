"""The strict consumer's rules, on records that a fake broker hands it in any order."""

# ruff: noqa: SLF001 - Faust's extension points are its private methods

import asyncio
from collections import defaultdict
from types import SimpleNamespace

import pytest
from faust.transport.consumer import Consumer
from faust.types import TP

from agents.strict.consumer import COMMIT_EVENTS, StrictConsumer
from agents.strict.ledger import Ledger
from agents.strict.pump import Batches

ONE, TWO = TP("activities", 0), TP("activities", 1)
CONFIGS = TP("configs", 0)


class FakeConsumer(StrictConsumer):
    """No thread and no broker: fetches are given, seeks and commits are written down."""

    should_stop = False

    def __init__(self, *fetches, committed=None, first=0, end=100):  # no super(): it opens sockets
        self.app = SimpleNamespace(
            topics=SimpleNamespace(acks_enabled_for=lambda topic: topic == "activities"),
            monitor=SimpleNamespace(track_tp_end_offset=lambda *_: None),
            consumer_generation_id=1,
            should_stop=False,
        )
        self.scheduler = SimpleNamespace(
            iterate=lambda records: iter([(tp, it) for tp, found in records for it in found])
        )
        self.flow_active = True
        self.ledger = Ledger()
        self.fetches = list(fetches)
        self.sought = []
        self.commits = []
        self.committed_by_broker = committed or {}
        self.first, self.end = first, end
        self.broker_takes = True
        self._batches = Batches(None)
        self._is_behind = lambda: False
        self._seeking = asyncio.Lock()
        self._draining = 0
        self._uncommitted = 0
        self._revoked = False
        self._reread = {}
        for name in ("_read_offset", "_committed_offset"):
            setattr(self, name, defaultdict(lambda: None))
        self._acked, self._acked_index = defaultdict(list), defaultdict(set)

    async def _wait_next_records(self, timeout):  # noqa: ASYNC109, ARG002 - as upstream
        return self.fetches.pop(0), None

    def highwater(self, _):
        return self.end

    def assignment(self):
        return {ONE, TWO, CONFIGS}

    def _to_message(self, tp, offset):
        return SimpleNamespace(tp=tp, topic=tp.topic, offset=offset)

    async def seek_wait(self, positions):
        self.sought.append(dict(positions))

    async def seek_to_committed(self):
        return {ONE: None, TWO: None, CONFIGS: None, **self.committed_by_broker}

    async def earliest_offsets(self, *tps):
        return dict.fromkeys(tps, self.first)

    async def highwaters(self, *tps):
        return dict.fromkeys(tps, self.end)

    async def _commit(self, offsets):
        self.commits.append(dict(offsets))
        return self.broker_takes

    async def handed_out(self):
        return [(tp, message.offset) async for tp, message in self.getmany(1)]


def positioned(*fetches, at=0, **given):
    consumer = FakeConsumer(*fetches, **given)
    consumer.ledger.restart({ONE: at, TWO: at})
    return consumer


async def test_records_are_handed_out_in_unbroken_order():
    consumer = positioned([(ONE, [0, 1, 2]), (TWO, [0])])

    assert await consumer.handed_out() == [(ONE, 0), (ONE, 1), (ONE, 2), (TWO, 0)]


async def test_a_gap_is_read_again_before_it_is_believed():
    consumer = positioned([(ONE, [0, 3, 4])], [(ONE, [1, 2, 3, 4])])

    assert await consumer.handed_out() == [(ONE, 0)]
    assert consumer.sought == [{ONE: 1}]
    assert await consumer.handed_out() == [(ONE, 1), (ONE, 2), (ONE, 3), (ONE, 4)]


async def test_a_gap_that_is_there_at_the_second_look_is_passed():
    consumer = positioned([(ONE, [0, 3, 4])], [(ONE, [3, 4])])
    await consumer.handed_out()

    assert await consumer.handed_out() == [(ONE, 3), (ONE, 4)]
    assert consumer.sought == [{ONE: 1}]


async def test_repeats_are_skipped():
    consumer = positioned([(ONE, [0, 1])], [(ONE, [0, 1, 2])])
    await consumer.handed_out()

    assert await consumer.handed_out() == [(ONE, 2)]


async def test_a_record_of_a_partition_without_a_position_is_sought_and_not_handed_out():
    consumer = positioned([(TWO, [5])])
    consumer.ledger.forget([TWO])

    assert await consumer.handed_out() == []
    assert consumer.sought == [{ONE: 0, TWO: 0}]
    assert consumer.ledger.expected(TWO) == 0


async def test_the_tables_records_pass_whatever_their_order():
    consumer = positioned([(CONFIGS, [7, 3])])

    assert await consumer.handed_out() == [(CONFIGS, 7), (CONFIGS, 3)]


async def test_a_partition_with_nothing_committed_is_sought_to_earliest():
    consumer = positioned(committed={TWO: 40}, first=10)

    await consumer.perform_seek()

    assert consumer.sought == [{ONE: 10, TWO: 40}]


async def test_a_committed_offset_that_the_log_no_longer_has_counts_for_nothing():
    consumer = positioned(committed={ONE: 5, TWO: 400}, first=10, end=100)

    await consumer.perform_seek()

    assert consumer.sought == [{ONE: 10, TWO: 10}]


async def test_no_seek_while_an_assignment_ends():
    draining, revoked, stopping = positioned(), positioned(), positioned()
    draining._draining = 1
    revoked._revoked = True
    stopping.app.should_stop = True
    for consumer in (draining, revoked, stopping):
        await consumer.perform_seek()

        assert consumer.sought == []


async def test_a_seek_during_which_the_assignment_ended_leaves_the_ledger_alone():
    consumer = positioned([(ONE, [0])], committed={ONE: 7})
    await consumer.handed_out()

    async def revoke_meanwhile(positions):
        consumer._revoked = bool(positions)

    consumer.seek_wait = revoke_meanwhile
    await consumer.perform_seek()

    assert consumer.ledger.expected(ONE) == 1


async def test_only_the_unbroken_run_of_finished_records_is_committed():
    consumer = positioned([(ONE, [0, 1, 2])])
    await consumer.handed_out()

    consumer.done([SimpleNamespace(tp=ONE, offset=1), SimpleNamespace(tp=ONE, offset=2)])
    assert consumer._new_offset(ONE) == 0
    consumer.done([SimpleNamespace(tp=ONE, offset=0)])
    assert consumer._new_offset(ONE) == 3


async def test_many_finished_events_are_committed_before_the_second_is_over():
    consumer = positioned()
    scheduled = []
    consumer.commit = lambda: "a commit"
    consumer.add_future = scheduled.append
    for _ in range(COMMIT_EVENTS - 1):
        consumer.done([SimpleNamespace(tp=ONE, offset=0)])
    assert scheduled == []

    consumer.done([SimpleNamespace(tp=ONE, offset=0)] * 2)
    consumer.done([SimpleNamespace(tp=ONE, offset=0)])

    assert scheduled == ["a commit"]


async def test_fausts_own_acknowledgements_decide_nothing_and_are_thrown_away():
    consumer = positioned([(ONE, [0, 1])])
    await consumer.handed_out()
    consumer._acked[ONE] += [0, 1]
    consumer._acked_index[ONE] |= {0, 1}

    assert consumer._new_offset(ONE) == 0
    assert consumer._acked[ONE] == []


async def test_a_commit_that_failed_counts_for_nothing():
    consumer = positioned()
    consumer.broker_takes = False

    assert not await consumer._commit_offsets({ONE: 7})
    assert consumer._committed_offset[ONE] is None
    consumer.broker_takes = True
    assert await consumer._commit_offsets({ONE: 7})
    assert consumer._committed_offset[ONE] == 7


async def test_offsets_of_lost_partitions_are_not_committed():
    consumer = positioned()

    assert not await consumer._commit_offsets({TP("activities", 9): 7})
    assert consumer.commits == []


async def test_an_assignment_that_was_revoked_is_no_longer_owned():
    consumer = positioned()
    assert consumer.owns(1)

    consumer._revoked = True

    assert not consumer.owns(1)


# How an assignment ends


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
