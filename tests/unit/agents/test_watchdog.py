"""When a group's member is behind and stands still, and when it only seems to."""

from types import SimpleNamespace

import pytest

from agents.kafka import turning, watchdog
from agents.kafka.turning import CALLBACK_S_MAX, Turning
from agents.kafka.watchdog import Watchdog
from pipeline.stalls import STALL_S, Progress
from tests.support.brokers import settings_for

KEY, PLACE = ("jobs", 0), ("jobs", 0)
BEHIND = Progress(oldest_open=None, expected=3, end=0)


class Watched:
    """A watchdog over one partition with ten records, and a clock that the test turns."""

    def __init__(self, monkeypatch, progress=BEHIND):
        self.now_s, self.ended = 0.0, []
        self.ends, self.begins = {PLACE: 10}, {PLACE: 0}
        self.is_stopping = False
        clock = SimpleNamespace(monotonic=lambda: self.now_s)
        monkeypatch.setattr(watchdog, "time", clock)
        monkeypatch.setattr(turning, "time", clock)
        monkeypatch.setattr(watchdog, "abort", self.ended.append)
        monkeypatch.setattr(turning, "abort", self.ended.append)
        self.consumer = SimpleNamespace(
            settings=settings_for("nowhere:1"),
            progress={KEY: progress},
            fenced=frozenset(),
            open_s_max=0,
            turning=Turning(),
        )
        self.watchdog = Watchdog(
            self.consumer, self.ask_ends, self.ask_beginnings, lambda: self.is_stopping
        )

    async def ask_ends(self, _places):
        return self.ends

    async def ask_beginnings(self, places):
        return self.begins and {place: self.begins[place] for place in places}

    async def look_for(self, seconds):
        for _ in range(seconds):
            self.now_s += 1
            await self.watchdog.look()

    def see_each_other_for(self, seconds, *, turns=True, beats=True):
        for _ in range(seconds):
            self.now_s += 1
            if turns:
                self.consumer.turning.turned(1)
            if beats:
                self.consumer.turning.beat(2)


@pytest.mark.parametrize(
    ("progress", "reason"),
    [
        (BEHIND, "no progress: unread: offset 3 of jobs/0 for 30 s"),
        (Progress(None, None, 0), "no progress: unread: offset None of jobs/0 for 30 s"),
        (Progress(2, 10, 0), "no progress: unfinished: offset 2 of jobs/0 for 30 s"),
    ],
    ids=["unread", "never read", "unfinished"],
)
async def test_a_member_that_is_behind_and_stands_still_ends(monkeypatch, progress, reason):
    watched = Watched(monkeypatch, progress)
    await watched.look_for(STALL_S)
    assert watched.ended == []
    await watched.look_for(1)
    assert watched.ended == [reason]


@pytest.mark.parametrize(
    "progress",
    [Progress(None, 10, 0), Progress(None, 3, None)],
    ids=["all read", "rightly held back"],
)
async def test_a_member_that_is_not_behind_goes_on(monkeypatch, progress):
    watched = Watched(monkeypatch, progress)
    await watched.look_for(10 * STALL_S)

    assert watched.ended == []


async def test_records_that_were_removed_before_they_were_read_are_nothing_to_wait_for(monkeypatch):
    watched = Watched(monkeypatch)
    watched.begins = {PLACE: 10}
    await watched.look_for(10 * STALL_S)

    assert watched.ended == []


async def test_what_may_be_in_hand_for_long_is_given_that_time(monkeypatch):
    watched = Watched(monkeypatch, Progress(2, 10, None))
    watched.consumer.open_s_max = 50
    await watched.look_for(STALL_S + 50)
    assert watched.ended == []
    await watched.look_for(1)
    assert len(watched.ended) == 1


@pytest.mark.parametrize("silent", ["ends", "begins"])
async def test_time_does_not_count_while_the_broker_is_silent(monkeypatch, silent):
    watched = Watched(monkeypatch)
    answer = getattr(watched, silent)
    for _ in range(5):
        await watched.look_for(STALL_S - 1)
        setattr(watched, silent, None)
        await watched.look_for(1)
        setattr(watched, silent, answer)

    assert watched.ended == []


async def test_time_does_not_count_during_an_assignment_nor_at_the_end(monkeypatch):
    watched = Watched(monkeypatch)
    with watched.consumer.turning.callback():
        await watched.look_for(10 * STALL_S)
    watched.is_stopping = True
    await watched.look_for(10 * STALL_S)

    assert watched.ended == []


async def test_partitions_that_are_not_ours_have_to_be_given_up_in_time(monkeypatch):
    watched = Watched(monkeypatch, Progress(None, 10, 0))
    watched.consumer.fenced = frozenset({KEY})
    await watched.look_for(STALL_S + 1)

    assert watched.ended == ["no progress: not ours, and not given up: jobs/0 for 30 s"]


def test_threads_that_turn_leave_each_other_alone(monkeypatch):
    watched = Watched(monkeypatch)
    watched.see_each_other_for(10 * STALL_S)

    assert watched.ended == []


def test_the_consuming_thread_sees_that_the_loop_hangs(monkeypatch):
    watched = Watched(monkeypatch)
    watched.see_each_other_for(2)
    watched.see_each_other_for(STALL_S + 1, beats=False)

    assert watched.ended[0] == "no progress: the event loop has hung for 30 s"


def test_the_loop_sees_that_the_consuming_thread_hangs(monkeypatch):
    watched = Watched(monkeypatch)
    watched.see_each_other_for(2)
    watched.see_each_other_for(STALL_S + 1, turns=False)

    assert watched.ended[0] == "no progress: the consuming thread has hung for 30 s"


def test_a_callback_may_take_longer_but_not_for_ever(monkeypatch):
    watched = Watched(monkeypatch)
    watched.see_each_other_for(2)
    with watched.consumer.turning.callback():
        watched.see_each_other_for(CALLBACK_S_MAX - 1, turns=False)
        assert watched.ended == []
        watched.see_each_other_for(2, turns=False)
        assert len(watched.ended) >= 1


def test_a_loop_that_stops_looking_is_not_waited_for(monkeypatch):
    watched = Watched(monkeypatch)
    watched.see_each_other_for(2)
    watched.consumer.turning.beat(None)
    watched.see_each_other_for(10 * STALL_S, beats=False)

    assert watched.ended == []
