"""The ledger, the pump, the flow control and the stall clock, each alone."""

import asyncio
from types import SimpleNamespace

import pytest
from faust.types import TP
from mode.utils.queues import ThrowableQueue

from agents.strict import pump
from agents.strict.flow import StrictFlowControl
from agents.strict.ledger import Ledger
from agents.strict.pump import BATCH_EVENTS_MAX, WAITING_EVENTS_MAX, Batches

ONE = TP("activities", 0)


def an_item(number=0, size=10):
    return SimpleNamespace(number=number, serialized_value_size=size)


# The ledger


def test_nothing_may_be_committed_before_something_was_handed_out():
    ledger = Ledger()
    ledger.restart({ONE: 5})

    assert (ledger.expected(ONE), ledger.committable(ONE), ledger.oldest_open(ONE)) == (
        5,
        None,
        None,
    )


def test_the_commit_stands_at_the_oldest_open_record():
    ledger = Ledger()
    ledger.restart({ONE: 5})
    for offset in (5, 6, 9):  # 7 and 8 are gone from the log
        ledger.hand_out(ONE, offset)

    ledger.finish(ONE, 6)
    assert (ledger.committable(ONE), ledger.oldest_open(ONE)) == (5, 5)
    ledger.finish(ONE, 5)
    assert ledger.committable(ONE) == 9
    ledger.finish(ONE, 9)
    assert (ledger.committable(ONE), ledger.oldest_open(ONE)) == (10, None)


def test_a_forgotten_partition_takes_no_results():
    ledger = Ledger()
    ledger.restart({ONE: 0})
    ledger.hand_out(ONE, 0)
    ledger.forget([ONE])

    ledger.finish(ONE, 0)

    assert ledger.partitions == ()
    assert ledger.expected(ONE) is None
    assert ledger.committable(ONE) is None


# The pump


class Bench:
    """A pump whose work ends when the test says so."""

    def __init__(self):
        self.batches = Batches(self.work)
        self.begun: list[list[int]] = []
        self.done: list[int] = []
        self.gate = asyncio.Event()

    async def work(self, batch):
        self.begun.append([it.number for it in batch])
        await self.gate.wait()

    def note(self, batch):
        self.done += [it.number for it in batch]

    def put(self, *numbers):
        for number in numbers:
            self.batches.put(an_item(number))


@pytest.fixture
async def bench():
    bench = Bench()
    task = asyncio.create_task(bench.batches.run(bench.note))
    yield bench
    task.cancel()


async def turns():
    for _ in range(5):
        await asyncio.sleep(0)


async def test_what_arrives_during_a_batch_is_the_next_one(bench):
    bench.put(1)
    await turns()
    bench.put(2, 3)
    await turns()
    assert bench.begun == [[1]]

    bench.gate.set()
    await turns()

    assert bench.begun == [[1], [2, 3]]
    assert bench.done == [1, 2, 3]


async def test_a_batch_is_bounded(bench):
    bench.gate.set()
    bench.put(*range(BATCH_EVENTS_MAX + 1))
    await turns()

    assert [len(it) for it in bench.begun] == [BATCH_EVENTS_MAX, 1]


async def test_holding_drops_what_waits_and_counts_the_batch_in_flight(bench):
    bench.put(1)
    await turns()
    bench.put(2)
    bench.batches.hold()
    bench.put(3)
    bench.gate.set()

    assert await bench.batches.idle(1)
    assert bench.done == [1]
    assert bench.begun == [[1]]


async def test_after_a_seek_the_batch_in_flight_no_longer_counts(bench):
    bench.put(1)
    await turns()
    bench.batches.restart()
    bench.put(2)
    bench.gate.set()
    await turns()

    assert bench.done == [2]


async def test_waiting_for_a_batch_in_flight_is_bounded(bench):
    bench.put(1)
    await turns()

    assert bench.batches.in_flight
    assert not await bench.batches.idle(0.01)


async def test_a_failed_batch_ends_the_process_and_is_not_done(monkeypatch):
    ended = []

    def end(reason, error):
        ended.append((reason, error))
        raise SystemExit

    async def fail(_):
        raise ValueError("no such luck")

    monkeypatch.setattr(pump, "abort", end)
    batches, done = Batches(fail), []
    batches.put(an_item())
    with pytest.raises(SystemExit):
        await batches.run(done.extend)

    assert "no such luck" in str(ended[0][1])
    assert done == []


async def test_a_crowd_is_counted_in_events_and_in_bytes():
    many, large = Batches(None), Batches(None)
    for _ in range(WAITING_EVENTS_MAX):
        assert not many.crowded
        many.put(an_item())
    large.put(an_item(size=pump.WAITING_BYTES_MAX))

    assert many.crowded
    assert large.crowded
    large.hold()
    assert not large.crowded


async def test_nothing_is_dropped_because_too_much_waits(bench):
    """What was fetched while it became too much has to be kept: fetching pauses, nothing else."""
    bench.gate.set()
    bench.put(*range(WAITING_EVENTS_MAX + 10))
    await turns()
    await asyncio.wait_for(bench.batches.idle(1), 1)

    assert bench.done == list(range(WAITING_EVENTS_MAX + 10))


# The flow control


async def test_resuming_a_flow_that_was_on_keeps_what_is_queued():
    flow = StrictFlowControl()
    queue = ThrowableQueue(flow_control=flow, clear_on_resume=True, maxsize=10)
    flow.resume()
    queue.put_nowait("event")

    flow.resume()
    assert queue.qsize() == 1
    flow.suspend()
    flow.resume()
    assert queue.qsize() == 0
