"""The supervisor, with real children: restarts, back-off, and the order of the end."""

import asyncio
import os
import signal
from itertools import pairwise

import pytest

from agents.broker.files import try_lock
from agents.up.supervisor import Supervisor
from tests.support.crashing import Child
from tests.support.waiting import eventually

START_S = 20


@pytest.fixture
def lock(tmp_path):
    descriptor = try_lock(tmp_path / "lock")
    yield descriptor
    os.close(descriptor)


async def until(condition, timeout_s: float = START_S):
    return await asyncio.to_thread(eventually, condition, timeout_s)


@pytest.fixture
def told() -> list[str]:
    return []


async def test_a_child_that_is_killed_is_started_again_and_it_is_said(tmp_path, lock, told):
    child = Child("sender", "sender", tmp_path, [])
    supervisor = Supervisor([child], lock, told.append)
    await supervisor.start()
    pid = await until(lambda: child.process.pid)

    os.kill(pid, signal.SIGKILL)
    await until(lambda: len(child.started_at_s) == 2 and child.process.pid)

    assert child.process.pid != pid
    assert supervisor.restarts(child) == 1
    assert "sender died" in told[0]
    await supervisor.stop()
    assert not child.alive


async def test_a_child_that_goes_on_dying_is_started_ever_more_seldom(tmp_path, lock, told):
    child = Child("sender", "sender", tmp_path, [], script="raise SystemExit(3)")
    supervisor = Supervisor([child], lock, told.append)
    await supervisor.start()

    await until(lambda: len(child.started_at_s) >= 4)
    await supervisor.stop()

    waited_s = [later - sooner for sooner, later in pairwise(child.started_at_s)]
    assert waited_s[0] >= 0.5
    assert waited_s[1] >= 1
    assert waited_s[2] >= 2
    assert "exit code 3" in told[0]


async def test_roles_are_stopped_one_after_the_other(tmp_path, lock, told):
    log: list[str] = []
    children = [Child(name, name, tmp_path, log) for name in ("matcher", "sender", "broker")]
    supervisor = Supervisor(children, lock, told.append)
    await supervisor.start()

    await supervisor.stop()

    assert log == ["stop matcher", "stop sender", "stop broker"]
    assert told == []
