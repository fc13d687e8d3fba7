"""A group's member in its rebalances: bounded when partitions go, patient when they come."""

# ruff: noqa: SLF001 - librdkafka calls what is private here

import asyncio
import threading

import pytest
from confluent_kafka import TopicPartition

from agents.kafka import group_consumer
from agents.sender.consumer import _YIELDING_JOBS_MAX
from pipeline.assignments import WINDOW_JOBS_MAX
from schemas.topics import JOBS, JOBS_RETRY
from tests.support.group_members import KEY, PLACE, AbortedError, a_member, ask, assign, open_job


@pytest.fixture
def member(monkeypatch):
    return a_member(monkeypatch)


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
    assert member.consumer.paused == {KEY}
    member._on_lost(member.consumer, [PLACE])
    member._bound_window()  # nothing is open any more, and nothing held that could be resumed
    assert member.consumer.paused == {KEY}
    assign(member)
    assert member.consumer.paused == set()


def test_what_comes_while_too_much_is_open_is_not_read(member):
    member._is_standing_still = True
    assign(member)
    assert member.consumer.paused == {KEY}


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
    member.consumer.is_away = True
    member._on_revoke(member.consumer, [PLACE])

    assert member.consumer.steps[1:] == [("commit", [8], True), ("unassign", 1)]
    assert member.assignments.keys == []


def test_a_revocation_commits_again_when_the_group_has_moved_on_meanwhile(member):
    member._loop.is_slow = False
    assign(member)
    member.complete(open_job(member), None)
    member.consumer.stale_commits = 2
    member._on_revoke(member.consumer, [PLACE])

    assert member.consumer.steps[1:] == [*[("commit", [8], True)] * 3, ("unassign", 1)]


def test_a_revocation_commits_again_what_was_asked_and_not_answered(member):
    member._loop.is_slow = False
    assign(member)
    member.complete(open_job(member), None)
    member.after_turn()
    member.consumer.stale_commits = 1
    assert ask(member) == ("commit", [8], True)
    member._on_revoke(member.consumer, [PLACE])

    assert member.consumer.steps[2:] == [("commit", [8], True), ("unassign", 1)]


def test_a_revocation_goes_on_when_the_group_never_takes_its_commit(member, monkeypatch):
    monkeypatch.setattr(group_consumer, "REVOKE_S_MAX", 0.05)
    member._loop.is_slow = False
    assign(member)
    member.complete(open_job(member), None)
    member.consumer.stale_commits = 1_000
    member._on_revoke(member.consumer, [PLACE])

    assert member.consumer.steps[-1] == ("unassign", 1)
    assert member.assignments.keys == []


def test_a_member_that_stops_gives_its_partitions_up_and_leaves(member):
    member._loop.is_slow = False
    assign(member)
    member.complete(open_job(member), None)
    member._stopping.set()
    member._run()

    assert member.consumer.steps[1:] == [("commit", [8], True), ("close",)]


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


async def test_the_loop_of_a_real_process_takes_the_calls(member):
    member._loop = asyncio.get_running_loop()
    assign(member)
    open_job(member)
    await asyncio.to_thread(member._on_lost, member.consumer, [PLACE])
    await asyncio.sleep(0)

    assert member._receiver.told == ["lost"]


RETRIES = (JOBS_RETRY, 0)


def a_member_with_retries(member, *, jobs):
    member._on_assign(member.consumer, [PLACE, TopicPartition(*RETRIES)])
    return [member.assignments.handed_out(RETRIES, offset, 1) for offset in range(jobs)]


def test_retries_are_read_on_however_many_are_open_while_nobody_gives_way(member):
    a_member_with_retries(member, jobs=_YIELDING_JOBS_MAX)
    member.after_turn()
    assert member.consumer.paused == set()


def test_retries_that_give_way_are_read_on_only_as_fast_as_they_are_made(member):
    opened = a_member_with_retries(member, jobs=_YIELDING_JOBS_MAX)
    member._receiver.is_yielding = True
    member.after_turn()
    assert member.consumer.paused == {RETRIES}
    assert not member.may_resume(RETRIES)
    assert member.may_resume(KEY)
    for place in opened[: _YIELDING_JOBS_MAX // 2]:
        member.complete(place, None)
    member.after_turn()
    assert member.consumer.paused == {RETRIES}
    member.complete(opened[-1], None)
    member.after_turn()
    assert member.consumer.paused == set()


def test_retries_that_come_to_a_member_that_has_enough_of_them_are_not_read_yet(member):
    a_member_with_retries(member, jobs=_YIELDING_JOBS_MAX)
    member._receiver.is_yielding = True
    member.after_turn()
    more = TopicPartition(JOBS_RETRY, 1)
    member._on_assign(member.consumer, [TopicPartition(JOBS, 1), more])
    assert member.consumer.paused == {RETRIES, (more.topic, more.partition)}


def test_retries_are_read_again_once_nobody_gives_way_any_more(member):
    a_member_with_retries(member, jobs=_YIELDING_JOBS_MAX)
    member._receiver.is_yielding = True
    member.after_turn()
    member._receiver.is_yielding = False
    member.after_turn()
    assert member.consumer.paused == set()
