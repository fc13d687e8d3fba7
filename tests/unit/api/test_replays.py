"""Orders of replays: how many there may be, and which old ones go."""

from __future__ import annotations

import pytest

from agents.api import replays
from agents.api.models.replays import ReplayBody
from agents.api.problems import Problem
from agents.api.writing import Written
from tests.support.api_services import Services, call_of
from tests.support.builders import NOW_MS, a_replay

WEEK_MS = 7 * 24 * 60 * 60 * 1_000


class Writer:
    """Decides at once, and keeps what was decided."""

    def __init__(self, services):
        self.changes = ()
        self._services = services

    async def write(self, _account_id, decide):
        self.changes = tuple(decide(self._services.view.configs))
        return Written(self.changes, 0)


@pytest.fixture
def services():
    made = Services()
    made.writer = Writer(made)
    return made


async def ordered(services):
    """Order one; what is written, by action."""
    (create,) = (it.handler for it in replays.OPERATIONS if it.summary == "Plan or start a replay")
    await create(call_of(services, ReplayBody(), "-"))
    return [(it.action, it.key.id) for it in services.writer.changes]


def some(services, count, **fields):
    for number in range(count):
        services.configure(a_replay(id=f"rp-{number:04}", **fields))


async def test_ten_may_be_under_way(services):
    some(services, replays.UNDER_WAY_MAX - 1)
    services.configure(a_replay(id="ended", state="done", ended_at_ms=NOW_MS))
    ((action, replay_id),) = await ordered(services)
    assert (action, replay_id[:3]) == ("create", "rp-")
    services.configure(a_replay(id="tenth", state="planning"))
    with pytest.raises(Problem, match="10 replays of the account are under way"):
        await ordered(services)


@pytest.mark.parametrize(
    ("fields", "gone"),
    [
        ({"state": "done", "ended_at_ms": NOW_MS - WEEK_MS - 1}, 2),
        ({"state": "planned", "started_at_ms": NOW_MS - WEEK_MS - 1}, 2),
        ({"state": "cancelled", "ended_at_ms": NOW_MS - WEEK_MS}, 0),
    ],
)
async def test_of_many_the_oldest_go_when_a_week_old(services, fields, gone):
    some(services, replays.KEPT_MAX + 2, **fields)
    _, *deleted = await ordered(services)
    assert deleted == [("delete", f"rp-{replays.KEPT_MAX + n:04}") for n in range(gone)]


async def test_nobody_has_a_thousand(services):
    some(services, replays.REPLAYS_MAX, state="cancelled", ended_at_ms=NOW_MS)
    with pytest.raises(Problem, match="the account has 1000 replays"):
        await ordered(services)
