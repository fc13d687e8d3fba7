"""The order in which a recovery ends, and the watchdog's look at it."""

# ruff: noqa: SLF001 - Faust's extension points are its private methods

from collections import Counter
from types import SimpleNamespace

import pytest
from faust.exceptions import ConsumerNotStarted
from faust.tables.recovery import RebalanceAgain
from faust.types import TP

from agents.strict import watchdog
from agents.strict.ledger import Ledger
from agents.strict.recovery import StrictRecovery
from agents.strict.watchdog import Watchdog

ONE, CONFIGS = TP("activities", 0), TP("configs", 0)


class Scene:
    """A recovery whose every step is written down; `owned` answers `owns` one after the other."""

    def __init__(self, owned=()):
        self.steps = []
        self.owned = list(owned)
        self.consumer = SimpleNamespace(
            owns=lambda _: self.owned.pop(0),
            assignment=lambda: {ONE, CONFIGS},
            perform_seek=lambda: self.later("seek"),
            resume_flow=lambda: self.steps.append("resume flow"),
            resume_partitions=lambda tps: self.steps.append(("resume", tps)),
            seek_wait=self.later,
        )
        self.app = SimpleNamespace(
            consumer=self.consumer,
            conf=SimpleNamespace(broker_request_timeout=1),
            on_rebalance_complete=SimpleNamespace(send=lambda: self.later("signal")),
            flow_control=SimpleNamespace(resume=lambda: self.steps.append("let flow")),
            _fetcher=SimpleNamespace(maybe_start=lambda: self.later("fetch")),
            assignor=SimpleNamespace(assigned_standbys=set),
            on_rebalance_end=lambda: self.steps.append("end"),
        )
        self.recovery = StrictRecovery.__new__(StrictRecovery)
        vars(self.recovery).update(
            app=self.app,
            tables=Tables(),
            completed=SimpleNamespace(set=lambda: None),
            actives_for_table={},
            standbys_for_table={},
            active_offsets=Counter(),
            _wait=self.wait,
            _set_recovery_ended=lambda: None,
        )

    async def later(self, step):
        self.steps.append(step)

    async def wait(self, work, timeout):  # noqa: ARG002, ASYNC109 - as upstream
        await work


class Tables(dict):
    changelog_topics = frozenset({"configs"})

    def on_actives_ready(self):
        """Nobody waits."""

    on_standbys_ready = on_actives_ready


async def test_partitions_are_sought_before_records_flow_and_resumed_last():
    scene = Scene([True, True])

    await scene.recovery.on_recovery_completed(1)

    resumed = ("resume", {ONE})
    assert scene.steps == ["signal", "seek", "let flow", "resume flow", resumed, "end", "fetch"]


async def test_a_recovery_of_an_assignment_that_is_over_resumes_nothing():
    before, during = Scene([False, False]), Scene([True, False])

    await before.recovery.on_recovery_completed(1)
    await during.recovery.on_recovery_completed(1)

    assert before.steps == ["signal"]
    assert during.steps == ["signal", "seek"]


async def test_an_offset_of_none_means_another_rebalance_and_not_the_end_of_the_worker():
    scene = Scene()

    with pytest.raises(RebalanceAgain):
        await scene.recovery._seek_offsets(scene.consumer, {CONFIGS}, Counter({CONFIGS: None}), "")


async def test_what_was_read_as_active_is_not_read_again_as_standby():
    scene = Scene()
    scene.recovery.active_offsets[CONFIGS] = 50
    old = Counter({CONFIGS: -1})

    await scene.recovery._seek_offsets(scene.consumer, {CONFIGS}, old, "active")
    await scene.recovery._seek_offsets(scene.consumer, {CONFIGS}, old, "standby")

    assert scene.steps == [{CONFIGS: 0}, {CONFIGS: 50}]


# The watchdog


class Watched:
    """A watchdog over one partition, and a clock that the test turns."""

    def __init__(self, monkeypatch):
        self.now_s, self.ended, self.ends = 0.0, [], {ONE: 5}
        monkeypatch.setattr(watchdog, "monotonic", lambda: self.now_s)
        monkeypatch.setattr(watchdog, "abort", self.ended.append)
        ledger = Ledger()
        ledger.restart({ONE: 0})
        ledger.hand_out(ONE, 0)
        self.app = SimpleNamespace(
            rebalancing=False,
            followed_topic=CONFIGS.topic,
            topics=SimpleNamespace(acks_enabled_for=lambda topic: topic == "activities"),
            tables=SimpleNamespace(recovery=SimpleNamespace(active_offsets={})),
            consumer=SimpleNamespace(ledger=ledger, assignment=lambda: {ONE, CONFIGS}),
        )
        self.watchdog = Watchdog(self.app, self.ask)

    async def ask(self, tps):
        ours = self.app.consumer.assignment() - {CONFIGS}
        assert set(tps) == ({CONFIGS} if self.app.rebalancing else ours)
        return self.ends

    async def look_for(self, seconds):
        for _ in range(seconds):
            self.now_s += 1
            await self.watchdog.look()


async def test_a_stall_ends_the_process(monkeypatch):
    watched = Watched(monkeypatch)

    await watched.look_for(watchdog.STALL_S + 1)

    assert "activities/0" in watched.ended[0]


async def test_an_unread_partition_may_wait_while_others_are_read_but_not_for_ever(monkeypatch):
    watched = Watched(monkeypatch)
    other = TP("activities", 1)
    watched.app.consumer.assignment = lambda: {ONE, other, CONFIGS}
    watched.app.consumer.ledger = ledger = Ledger()
    ledger.restart({ONE: 3, other: 0})
    watched.ends = {ONE: 5, other: 10**6}
    for offset in range(watchdog.BACKLOG_S):
        ledger.hand_out(other, offset)
        ledger.finish(other, offset)
        await watched.look_for(1)
    assert watched.ended == []
    await watched.look_for(watchdog.STALL_S)

    assert "unread: offset 3 of activities/0" in watched.ended[0]


async def test_time_does_not_count_while_the_broker_is_away_or_a_rebalance_goes_on(monkeypatch):
    watched = Watched(monkeypatch)
    await watched.look_for(watchdog.STALL_S - 1)
    watched.ends = None
    await watched.look_for(1)
    watched.ends = {ONE: 5}
    await watched.look_for(watchdog.STALL_S - 1)
    watched.app.rebalancing = True
    await watched.look_for(1)
    watched.app.rebalancing = False
    await watched.look_for(watchdog.STALL_S - 1)

    assert watched.ended == []


async def test_time_during_which_the_process_was_frozen_does_not_count(monkeypatch):
    watched = Watched(monkeypatch)
    await watched.look_for(2)
    watched.now_s += 1_000
    await watched.look_for(2)

    assert watched.ended == []


async def test_a_rebalance_without_end_ends_the_process(monkeypatch):
    watched = Watched(monkeypatch)
    watched.app.rebalancing = True

    await watched.look_for(watchdog.REBALANCE_S + 1)

    assert "rebalance" in watched.ended[0]


async def test_a_consumer_that_has_not_started_yet_is_waited_for_as_a_rebalance_is(monkeypatch):
    async def ends_of_the_table(tps):
        assert set(tps) == {CONFIGS}
        return {CONFIGS: 5}

    def not_started():
        raise ConsumerNotStarted("Consumer thread not yet started")

    watched = Watched(monkeypatch)
    watched.app.consumer.assignment = not_started
    watched.watchdog._log_ends = ends_of_the_table
    await watched.look_for(watchdog.REBALANCE_S)
    assert watched.ended == []
    await watched.look_for(1)

    assert "rebalance" in watched.ended[0]


async def test_a_rebalance_may_last_while_the_broker_is_away(monkeypatch):
    watched = Watched(monkeypatch)
    watched.app.rebalancing = True
    watched.ends = None
    await watched.look_for(10 * watchdog.REBALANCE_S)
    watched.ends = {CONFIGS: 5}
    await watched.look_for(watchdog.REBALANCE_S - 1)

    assert watched.ended == []


async def test_a_rebalance_may_last_while_the_table_is_being_read(monkeypatch):
    watched = Watched(monkeypatch)
    watched.app.rebalancing = True
    for offset in range(5):
        watched.app.tables.recovery.active_offsets[CONFIGS] = offset
        await watched.look_for(watchdog.REBALANCE_S - 1)

    assert watched.ended == []
