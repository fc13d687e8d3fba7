"""When a view of the configuration may be decided on, and when it may not."""

import asyncio

import pytest

from agents.matcher import freshness as freshness_module
from agents.matcher.freshness import Freshness


async def turns():
    for _ in range(5):
        await asyncio.sleep(0)


class View:
    """A topic's end and how much of it is held."""

    def __init__(self, monkeypatch):
        self.end, self.held, self.now_s = 0, 0, 0.0
        monkeypatch.setattr(freshness_module, "monotonic", lambda: self.now_s)
        self.freshness = Freshness(self.ask, lambda: self.held)

    async def ask(self):
        self.now_s += 0.05  # an answer takes its time
        return self.end


async def test_a_view_is_fresh_from_the_asking_on_for_a_bounded_time(monkeypatch):
    view = View(monkeypatch)
    assert not view.freshness.is_fresh

    await view.freshness.verify()  # asked at 0

    view.now_s = 0.2
    assert view.freshness.is_fresh
    view.now_s = 0.21
    assert not view.freshness.is_fresh


async def test_a_view_that_is_behind_is_not_fresh_until_it_has_caught_up(monkeypatch):
    view = View(monkeypatch)
    view.end = 3
    task = asyncio.create_task(view.freshness.verify())
    await turns()
    assert view.freshness.is_behind
    assert not view.freshness.is_fresh

    view.held = 3
    view.freshness.advanced()
    await task

    assert view.freshness.is_fresh
    assert not view.freshness.is_behind


async def test_a_broker_that_does_not_answer_makes_nothing_fresh(monkeypatch):
    view = View(monkeypatch)
    view.end = None

    await view.freshness.verify()

    assert not view.freshness.is_fresh


async def test_a_decision_waits_for_the_next_verification(monkeypatch):
    view = View(monkeypatch)
    waiting = asyncio.create_task(view.freshness.wait())
    await turns()
    assert not waiting.done()

    await view.freshness.verify()
    await asyncio.wait_for(waiting, 1)


async def test_a_topic_that_ends_before_what_was_read_ends_the_process(monkeypatch):
    view = View(monkeypatch)
    ended = []

    def end(reason):
        ended.append(reason)
        raise SystemExit

    monkeypatch.setattr(freshness_module, "abort", end)
    view.held = 5
    with pytest.raises(SystemExit):
        await view.freshness.verify()

    assert "made anew" in ended[0]
