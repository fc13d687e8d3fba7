"""A group's member in its rebalances: bounded when partitions go, patient when they come."""

# ruff: noqa: SLF001 - librdkafka calls what is private here

import asyncio
import threading

import pytest
from confluent_kafka import KafkaError, KafkaException, TopicPartition

from agents.kafka import group_consumer
from agents.sender.consumer import JobConsumer
from pipeline.assignments import WINDOW_JOBS_MAX, Span
from schemas.topics import JOBS
from tests.support.brokers import settings_for

KEY = (JOBS, 0)
PLACE = TopicPartition(JOBS, 0)


class AbortedError(Exception):
    """What `abort` does in these tests."""


class Client:
    """Kafka's consumer as far as it is used: each commit waits until it `may_commit`."""

    def __init__(self, config):
        self.config = config
        self.refusals = 0
        self.steps = []
        self.paused = set()  # kept for partitions that go, as librdkafka does
        self.may_commit = threading.Event()
        self.may_commit.set()

    def committed(self, partitions, timeout):
        assert timeout > 0
        if self.refusals:
            self.refusals -= 1
            raise KafkaException(KafkaError(KafkaError._TRANSPORT))
        return partitions

    def commit(self, *, offsets, asynchronous):
        self.steps.append(("commit", [it.offset for it in offsets], asynchronous))
        if not asynchronous:
            self.may_commit.wait()

    def incremental_assign(self, partitions):
        self.steps.append(("assign", len(partitions)))

    def pause(self, partitions):
        self.paused.update(it.partition for it in partitions)

    def resume(self, partitions):
        self.paused.difference_update(it.partition for it in partitions)

    def incremental_unassign(self, partitions):
        self.steps.append(("unassign", len(partitions)))

    def close(self):
        assert self.may_commit.is_set()
        self.steps.append(("close",))

    def answer(self, code=None):
        self.config["on_commit"](None if code is None else KafkaError(code), [])


class Loop:
    """An event loop that turns only when the test lets it."""

    def __init__(self, *, is_slow=True):
        self.is_slow, self.calls = is_slow, []

    def call_soon_threadsafe(self, call, *arguments):
        self.calls.append(lambda: call(*arguments))
        if not self.is_slow:
            self.turn()

    def turn(self):
        while self.calls:
            self.calls.pop(0)()


class Told:
    """The event loop's side: what it was told, in order."""

    def __init__(self):
        self.told = []

    def on_revoked(self, _epochs, released):
        self.told.append("revoked")
        released()

    def on_lost(self, _epochs):
        self.told.append("lost")


@pytest.fixture
def member(monkeypatch):
    """A sender's consumer with one partition and one open job, whose loop does not turn."""

    def aborted(reason, _error=None):
        raise AbortedError(reason)

    monkeypatch.setattr(group_consumer, "Consumer", Client)
    monkeypatch.setattr(group_consumer, "abort", aborted)
    monkeypatch.setattr(group_consumer, "_PREPARE_AGAIN_S", 0)
    monkeypatch.setattr(JobConsumer, "prepare", lambda _self, _partitions: {0: Span(0, 0)})
    made = JobConsumer(settings_for("nowhere:1"), Loop())
    made._receiver = Told()
    return made


def open_job(member, offset=7):
    return member.assignments.handed_out(KEY, offset, 1)


def assign(member):
    member._on_assign(member.consumer, [PLACE])


def ask(member):
    """Send a commit, as each turn may."""
    member.commits.ask(now_s=1e9)
    return member.consumer.steps[-1]


def test_a_broker_that_is_away_during_an_assignment_is_asked_again(member):
    member.consumer.refusals = 3
    assign(member)

    assert member.assignments.keys == [KEY]
    assert member.consumer.steps == [("assign", 1)]
    assert member.is_assigned


def test_a_partition_that_was_paused_when_it_went_is_read_when_it_comes_back(member):
    assign(member)
    for offset in range(WINDOW_JOBS_MAX):
        open_job(member, offset)
    member._bound_window()
    assert member.consumer.paused == {0}
    member._on_lost(member.consumer, [PLACE])
    member._bound_window()  # nothing is open any more, and nothing held that could be resumed
    assert member.consumer.paused == {0}
    assign(member)
    assert member.consumer.paused == set()


def test_what_comes_while_too_much_is_open_is_not_read(member):
    member._is_standing_still = True
    assign(member)
    assert member.consumer.paused == {0}


def test_a_broker_that_stays_away_during_an_assignment_ends_the_process(member, monkeypatch):
    monkeypatch.setattr(group_consumer, "_PREPARE_S_MAX", 0)
    member.consumer.refusals = 1

    with pytest.raises(AbortedError, match="assigned, but for 0 s not readable: jobs/0"):
        assign(member)
    assert member.consumer.steps == []


def test_a_stop_does_not_wait_for_a_broker_that_is_away_during_an_assignment(member):
    member.consumer.refusals = 10**9
    threading.Timer(0.05, member._stopping.set).start()
    assign(member)

    assert member.consumer.steps == [("assign", 1)]


def test_a_revocation_ends_though_neither_the_loop_nor_the_broker_answers(member, monkeypatch):
    monkeypatch.setattr(group_consumer, "REVOKE_S_MAX", 0.2)
    monkeypatch.setattr("agents.sender.consumer.RELEASE_S_MAX", 0.1)
    assign(member)
    member.complete(open_job(member), None)
    member.consumer.may_commit.clear()
    member._on_revoke(member.consumer, [PLACE])

    assert member.consumer.steps[1:] == [("commit", [8], False), ("unassign", 1)]
    assert member.assignments.keys == []
    member.commits.leave()  # with a commit under way the client must not be closed
    member.consumer.may_commit.set()


def test_a_member_that_stops_gives_its_partitions_up_and_leaves(member):
    member._loop.is_slow = False
    assign(member)
    member.complete(open_job(member), None)
    member._stopping.set()
    member._run()

    assert member.consumer.steps[1:] == [("commit", [8], False), ("close",)]


def test_the_times_of_a_revocation_add_up_to_two_seconds():
    assert group_consumer.RELEASE_S_MAX < group_consumer.REVOKE_S_MAX == 2


def test_lost_partitions_are_let_go_without_a_commit_and_without_waiting(member):
    assign(member)
    member.complete(open_job(member), None)
    member._on_lost(member.consumer, [PLACE])

    assert member.consumer.steps[1:] == [("unassign", 1)]
    assert not member.is_assigned
    assert member.assignments.keys == []


def test_the_loop_may_not_decide_before_it_has_heard_that_partitions_were_lost(member):
    assign(member)
    open_job(member)
    assert member.is_certain
    member._on_lost(member.consumer, [PLACE])
    assert not member.is_certain
    member._loop.turn()
    assert member._receiver.told == ["lost"]
    assert member.is_certain


def test_a_revocation_tells_first_that_it_comes_and_then_that_it_is_over(member):
    member._loop.is_slow = False
    assign(member)
    open_job(member)
    member._on_revoke(member.consumer, [PLACE])

    assert member._receiver.told == ["revoked", "lost"]


def test_a_refused_commit_takes_the_partitions_away_before_the_client_does(member):
    assign(member)
    open_job(member)
    assert ask(member) == ("commit", [7], True)
    member.consumer.answer(KafkaError.UNKNOWN_MEMBER_ID)
    assert member.assignments.keys == []
    assert not member.is_assigned
    assert member.fenced == {KEY}

    member._on_lost(member.consumer, [PLACE])
    assign(member)
    assert member.fenced == frozenset()
    assert member.assignments.keys == [KEY]


def test_a_refusal_that_comes_after_a_new_assignment_does_not_touch_it(member):
    assign(member)
    open_job(member)
    ask(member)
    member._on_lost(member.consumer, [PLACE])
    assign(member)
    member.consumer.answer(KafkaError.UNKNOWN_MEMBER_ID)

    assert member.assignments.keys == [KEY]
    assert member.is_assigned


def test_what_is_open_is_asked_about_again_and_again_and_what_is_not_is_left_alone(member):
    assign(member)
    place = open_job(member)
    for _ in range(3):
        assert ask(member) == ("commit", [7], True)
        member.consumer.answer()
        member.commits._asked_at_s = 0
    member.complete(place, None)
    member.after_turn()
    assert ask(member) == ("commit", [8], True)
    member.consumer.answer()
    member.commits._asked_at_s = 0
    steps = len(member.consumer.steps)
    ask(member)
    assert len(member.consumer.steps) == steps


def test_in_doubt_a_partition_of_which_nothing_was_read_is_asked_about_too(member):
    assign(member)
    member.commits.membership._freezes += 1
    assert not member.is_certain
    assert ask(member) == ("commit", [0], True)
    member.consumer.answer()
    assert member.is_certain


def test_only_one_question_is_under_way(member):
    assign(member)
    open_job(member)
    ask(member)
    member.commits._asked_at_s = 0
    ask(member)

    assert [step for step in member.consumer.steps if step[0] == "commit"] == [
        ("commit", [7], True)
    ]


async def test_the_loop_of_a_real_process_takes_the_calls(member):
    member._loop = asyncio.get_running_loop()
    assign(member)
    open_job(member)
    await asyncio.to_thread(member._on_lost, member.consumer, [PLACE])
    await asyncio.sleep(0)

    assert member._receiver.told == ["lost"]
