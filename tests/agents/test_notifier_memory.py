"""What a notifier remembers is written before it counts, and goes with its partition."""

from __future__ import annotations

import asyncio

import pytest

from agents.notifier.memory import Memory
from schemas.codec import decode
from schemas.notifier_state import Disabling, NotifierState

CRM = NotifierState(account_id=25, webhook_id="crm", disabling=Disabling(since_ms=1, step=50))
ERP = CRM.model_copy(update={"webhook_id": "erp"})
KEY = (25, "crm")


def stepped(step: int) -> NotifierState:
    return CRM.model_copy(update={"disabling": Disabling(since_ms=1, step=step)})


class Topic:
    """What was written; writing waits until it may."""

    def __init__(self):
        self.records = []
        self.may_write = asyncio.Event()
        self.may_write.set()

    async def write(self, record):
        await self.may_write.wait()
        self.records.append(record)

    @property
    def steps(self) -> list[int | None]:
        return [it.value and decode(NotifierState, it.value).disabling.step for it in self.records]


@pytest.fixture
async def topic():
    return Topic()


@pytest.fixture
async def memory(topic):
    async def at_once():
        return None

    made = Memory(topic.write, at_once)
    running = asyncio.create_task(made.run())
    yield made
    running.cancel()


async def test_changes_that_come_together_are_one_record_and_all_are_told(memory, topic):
    memory.know({3: ()})
    saved = [memory.change(3, stepped(step)) for step in (50, 70, 90)]

    await asyncio.wait_for(asyncio.gather(*saved), 5)

    assert topic.steps == [90]
    assert topic.records[0].key == b"25:crm"
    assert len(memory) == 1
    assert memory.all_of(3) == [stepped(90)]


async def test_nothing_that_is_empty_is_kept(memory, topic):
    memory.know({3: [CRM]})
    empty = CRM.model_copy(update={"disabling": None})

    await asyncio.wait_for(memory.change(3, empty), 5)

    assert topic.steps == [None]
    assert (len(memory), memory.of(KEY)) == (0, empty)


async def test_what_is_not_ours_is_neither_changed_nor_written(memory, topic):
    memory.know({3: [CRM]})
    waiting = memory.change(3, stepped(70))
    memory.forget([3])

    assert waiting.cancelled()
    assert memory.change(3, stepped(90)).cancelled()
    assert (len(memory), memory.partitions, memory.due(2**52)) == (0, frozenset(), [])
    memory.know({4: ()})
    await asyncio.wait_for(memory.change(4, ERP), 5)
    assert [it.key for it in topic.records] == [b"25:erp"]
