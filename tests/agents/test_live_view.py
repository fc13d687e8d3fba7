"""The API's view of the configuration: late, lost, found again, and closed at any moment."""

import asyncio
import threading

import pytest

from agents.api import tasks, view
from agents.api.problems import Problem
from agents.api.tasks import kept_running
from agents.api.view import LiveView
from agents.errors import OperationError
from pipeline.settings import Settings
from tests.support.waiting import eventually


class FakeView:
    """Stands for a `ConfigView`; the class knows all that were made."""

    def __init__(self, _settings, _loop, on_lost):
        self.configs = object()
        self.lose = on_lost
        self.closed = False
        FakeView.may_open.wait()
        if FakeView.failures:
            raise FakeView.failures.pop()
        FakeView.made.append(self)

    def close(self):
        assert not self.closed
        self.closed = True


@pytest.fixture(autouse=True)
def fakes(monkeypatch):
    FakeView.made, FakeView.failures, FakeView.may_open = [], [], threading.Event()
    FakeView.may_open.set()
    monkeypatch.setattr(view, "ConfigView", FakeView)
    monkeypatch.setattr(view, "_AGAIN_S", 0)
    monkeypatch.setattr(tasks, "_AGAIN_S", 0)


async def until(condition):
    await asyncio.to_thread(eventually, condition, 10)


async def ended(task, live):
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    await live.close()


async def test_before_it_was_ever_read_the_broker_is_what_is_missing():
    live = LiveView(Settings())

    with pytest.raises(Problem, match="kafka"):
        _ = live.configs
    assert not live.is_followed
    await live.close()


async def test_it_is_opened_as_soon_as_it_can_be():
    FakeView.failures = [OperationError("no broker"), RuntimeError("something else")]
    live = LiveView(Settings())
    task = asyncio.create_task(live.run())

    await until(lambda: live.is_followed)

    assert live.configs is FakeView.made[0].configs
    await ended(task, live)
    assert [it.closed for it in FakeView.made] == [True]


async def test_lost_it_is_known_as_it_was_until_it_is_opened_again():
    live = LiveView(Settings())
    task = asyncio.create_task(live.run())
    await until(lambda: live.is_followed)
    FakeView.may_open.clear()

    FakeView.made[0].lose(RuntimeError("fatal"))
    await until(lambda: not live.is_followed)
    assert live.configs is FakeView.made[0].configs

    FakeView.may_open.set()
    await until(lambda: live.is_followed)
    assert live.configs is FakeView.made[1].configs
    await ended(task, live)
    assert [it.closed for it in FakeView.made] == [True, True]


async def test_what_is_being_opened_when_it_ends_is_closed_too():
    FakeView.may_open.clear()
    live = LiveView(Settings())
    task = asyncio.create_task(live.run())
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    closing = asyncio.create_task(live.close())
    FakeView.may_open.set()

    await closing

    assert [it.closed for it in FakeView.made] == [True]


async def test_background_work_that_fails_is_begun_again():
    tries = []

    async def work():
        tries.append(1)
        if len(tries) < 3:
            raise RuntimeError("not yet")
        await asyncio.Event().wait()

    task = kept_running("work", work)
    await until(lambda: len(tries) == 3)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert task.cancelled()
