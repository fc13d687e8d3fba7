"""The commits of a group's member: what they ask, and what the answers take away."""

# ruff: noqa: SLF001 - librdkafka calls what is private here

import pytest
from confluent_kafka import KafkaError

from tests.support.group_members import KEY, PLACE, a_member, ask, assign, open_job


@pytest.fixture
def member(monkeypatch):
    return a_member(monkeypatch)


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
