"""What is made of the broker's word on a member that holds nothing."""

import asyncio
from concurrent.futures import Future
from types import SimpleNamespace

import pytest
from confluent_kafka import KafkaError, KafkaException, TopicPartition

from agents.kafka import enrolment
from agents.kafka.enrolment import UNLISTED_S_MAX, Answer, Enrolment, Entry, GroupList
from agents.kafka.turning import Turning
from pipeline.stalls import STALL_S
from tests.support.brokers import settings_for

NONE, PLACES = frozenset(), frozenset({("jobs", 1), ("jobs", 0)})
SPARE = Answer(Entry(NONE, NONE))
GIVEN = Answer(Entry(PLACES, PLACES))
WAITING = Answer(Entry(NONE, PLACES))
UNLISTED = Answer(None)
NOT_TAKEN_UP = f"no progress: given by the group, and not taken up: jobs/0, jobs/1 for {STALL_S} s"
NO_MEMBER = (
    f"no progress: not a member of its group, though the broker answers, for {UNLISTED_S_MAX} s"
)


class Watched:
    """A member that holds nothing, what the broker says of it, and a clock that the test turns."""

    def __init__(self, monkeypatch, answer):
        self.now_s, self.ended, self.questions = 100.0, [], 0
        self.answer, self.is_stopping = answer, False
        self.on_question = lambda: None
        monkeypatch.setattr(enrolment, "time", SimpleNamespace(monotonic=lambda: self.now_s))
        monkeypatch.setattr(enrolment, "abort", self.ended.append)
        self.consumer = SimpleNamespace(holds_nothing=True, is_assigned=False, turning=Turning())
        self.enrolment = Enrolment(self.consumer, self.ask, lambda: self.is_stopping)

    @property
    def is_assigned(self):
        return self.enrolment.is_assigned

    async def ask(self):
        self.questions += 1
        self.on_question()
        return self.answer

    async def look_for(self, seconds):
        for _ in range(seconds // 2):
            self.now_s += 2
            await self.enrolment.look()


@pytest.fixture
def watched(monkeypatch):
    return lambda answer: Watched(monkeypatch, answer)


async def test_a_member_that_is_listed_with_nothing_is_a_spare_and_has_its_part(watched):
    member = watched(SPARE)
    assert not member.is_assigned
    await member.look_for(10 * UNLISTED_S_MAX)

    assert member.is_assigned
    assert member.ended == []


@pytest.mark.parametrize(
    ("answer", "limit_s", "reason"),
    [(GIVEN, STALL_S, NOT_TAKEN_UP), (UNLISTED, UNLISTED_S_MAX, NO_MEMBER)],
    ids=["given and not held", "not listed"],
)
async def test_a_member_without_its_part_ends(watched, answer, limit_s, reason):
    member = watched(answer)
    await member.look_for(limit_s)
    assert member.ended == []
    assert not member.is_assigned
    await member.look_for(2)
    assert member.ended == [reason]


async def test_what_others_have_to_give_up_first_is_waited_for_and_is_no_part_yet(watched):
    member = watched(WAITING)
    await member.look_for(10 * UNLISTED_S_MAX)

    assert member.ended == []
    assert not member.is_assigned


async def test_other_partitions_are_another_wait(watched):
    member = watched(GIVEN)
    await member.look_for(STALL_S)
    member.answer = Answer(Entry(frozenset({("jobs", 2)}), PLACES))
    await member.look_for(STALL_S)

    assert member.ended == []


@pytest.mark.parametrize("answer", [GIVEN, UNLISTED], ids=["given and not held", "not listed"])
class TestNoTimeCounts:
    async def test_while_the_broker_is_silent(self, watched, answer):
        member = watched(answer)
        for _ in range(5):
            await member.look_for(STALL_S - 2)
            member.answer = None
            await member.look_for(2)
            member.answer = answer

        assert member.ended == []

    async def test_while_the_process_is_frozen(self, watched, answer):
        member = watched(answer)
        for _ in range(5):
            await member.look_for(STALL_S - 2)
            member.now_s += 1_000

        assert member.ended == []

    async def test_in_a_callback(self, watched, answer):
        member = watched(answer)
        with member.consumer.turning.callback():
            await member.look_for(10 * UNLISTED_S_MAX)

        assert member.ended == []
        assert not member.is_assigned

    async def test_once_it_stops(self, watched, answer):
        member = watched(answer)
        member.is_stopping = True
        await member.look_for(10 * UNLISTED_S_MAX)

        assert member.ended == []

    async def test_while_it_holds_something_and_nothing_is_asked_then(self, watched, answer):
        member = watched(answer)
        member.consumer.holds_nothing = False
        await member.look_for(10 * UNLISTED_S_MAX)

        assert member.ended == []
        assert member.questions == 0


async def test_an_answer_that_an_assignment_overtook_counts_for_nothing(watched):
    member = watched(GIVEN)
    await member.look_for(STALL_S)
    member.on_question = lambda: setattr(member.consumer, "holds_nothing", False)
    await member.look_for(2)

    assert member.ended == []


async def test_while_something_is_held_the_client_says_what_is_assigned(watched):
    member = watched(SPARE)
    await member.look_for(2)
    member.consumer.holds_nothing = False
    assert not member.is_assigned
    member.consumer.is_assigned = True
    assert member.is_assigned


async def test_a_client_that_believes_it_has_its_part_is_not_believed_when_it_is_not_listed(
    watched,
):
    member = watched(UNLISTED)
    member.consumer.is_assigned = True
    assert member.is_assigned  # nothing is known yet
    await member.look_for(2)
    assert not member.is_assigned


async def test_an_old_answer_says_nothing(watched):
    member = watched(SPARE)
    await member.look_for(2)
    member.answer = None
    await member.look_for(6)
    assert member.is_assigned
    await member.look_for(2)
    assert not member.is_assigned


class Admin:
    """Lists these members, or raises."""

    def __init__(self, members):
        self.members = members

    def describe_consumer_groups(self, groups, request_timeout):
        assert request_timeout > 0
        future = Future()
        if isinstance(self.members, Exception):
            future.set_exception(self.members)
        else:
            future.set_result(SimpleNamespace(members=self.members))
        return {groups[0]: future}


def listed(member_id, given, meant):
    part = [None if it is None else SimpleNamespace(topic_partitions=it) for it in (given, meant)]
    return SimpleNamespace(member_id=member_id, assignment=part[0], target_assignment=part[1])


OTHER = listed("another", [TopicPartition("jobs", 7)], [TopicPartition("jobs", 7)])
ZERO = [TopicPartition("jobs", 0)]


@pytest.mark.parametrize(
    ("members", "answer"),
    [
        ([], UNLISTED),
        ([OTHER], UNLISTED),
        ([OTHER, listed("us", [], [])], SPARE),
        ([OTHER, listed("us", [], None)], SPARE),
        ([listed("us", [], ZERO)], Answer(Entry(NONE, frozenset({("jobs", 0)})))),
        ([listed("us", ZERO, [])], Answer(Entry(frozenset({("jobs", 0)}), NONE))),
        (KafkaException(KafkaError(KafkaError.NOT_COORDINATOR)), None),
    ],
    ids=["nobody", "others", "spare", "no target", "to be given", "given", "no answer"],
)
def test_a_member_is_found_by_its_id(monkeypatch, members, answer):
    monkeypatch.setattr(enrolment, "admin_client", lambda _: Admin(members))
    found = GroupList(settings_for("nowhere:1"), "senders", "us")

    assert asyncio.run(found.ask()) == answer
