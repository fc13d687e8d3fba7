"""When a process may believe that it is a member of its group, and when it has to ask first."""

import pytest
from confluent_kafka import KafkaError

from agents.kafka.membership import FROZEN_S, UNANSWERED_S, Membership

HELD = frozenset({1, 2})


class Member:
    """A membership, and a clock that the test turns."""

    def __init__(self):
        self.now_s = 100.0
        self.membership = Membership(lambda: self.now_s)

    @property
    def is_certain(self):
        return self.membership.is_certain

    def runs_for(self, seconds):
        for _ in range(int(seconds * 10)):
            self.now_s += 0.1
            self.membership.beat()

    def freezes_for(self, seconds):
        self.now_s += seconds

    def asks(self):
        self.membership.asked(HELD)

    def hears(self, code=None):
        return self.membership.answered(None if code is None else KafkaError(code))


def test_a_process_that_runs_has_no_doubt():
    member = Member()
    for _ in range(20):
        member.runs_for(1)
        assert member.is_certain
        member.asks()
        member.runs_for(0.2)
        assert member.hears() == frozenset()
        assert member.is_certain


def test_after_a_freeze_whoever_looks_first_doubts_even_before_the_pulse_has_noticed():
    member = Member()
    member.freezes_for(FROZEN_S + 0.1)
    assert not member.is_certain
    member.membership.beat()
    assert not member.is_certain
    assert member.membership.needs_proof


def test_only_an_answer_to_a_question_asked_after_the_freeze_is_a_proof():
    member = Member()
    member.asks()
    member.freezes_for(3)
    member.membership.beat()
    member.hears()
    assert not member.is_certain
    member.asks()
    member.hears()
    assert member.is_certain


def test_a_freeze_that_the_pulse_notices_after_the_proof_needs_another():
    member = Member()
    member.freezes_for(3)
    member.asks()
    member.membership.beat()
    member.hears()
    assert not member.is_certain


@pytest.mark.parametrize(
    "code",
    [
        KafkaError.UNKNOWN_MEMBER_ID,
        KafkaError.FENCED_MEMBER_EPOCH,
        KafkaError.ILLEGAL_GENERATION,
        KafkaError.FENCED_INSTANCE_ID,
    ],
)
def test_a_refused_commit_ends_the_assignments_that_were_held_when_it_was_sent(code):
    member = Member()
    member.asks()

    assert member.hears(code) == HELD


@pytest.mark.parametrize(
    "code",
    [KafkaError.STALE_MEMBER_EPOCH, KafkaError.REQUEST_TIMED_OUT, KafkaError.NOT_COORDINATOR],
)
def test_any_other_error_ends_nothing_and_proves_nothing(code):
    member = Member()
    member.freezes_for(3)
    member.membership.beat()
    member.asks()
    assert member.hears(code) == frozenset()
    assert not member.is_certain


def test_a_question_that_stays_unanswered_casts_doubt_until_the_answer():
    member = Member()
    member.asks()
    member.runs_for(UNANSWERED_S + 0.2)
    assert not member.is_certain
    assert not member.membership.may_ask
    member.hears()
    assert member.is_certain
    assert member.membership.may_ask


def test_while_nobody_can_hear_an_answer_its_absence_says_nothing_but_a_freeze_does():
    member = Member()
    member.asks()
    with member.membership.deaf():
        member.runs_for(20)
        assert member.is_certain
        member.freezes_for(3)
        assert not member.is_certain
    member.asks()
    member.membership.beat()
    member.hears()
    assert not member.is_certain


def test_who_holds_nothing_has_nothing_to_doubt():
    member = Member()
    member.freezes_for(3)
    member.membership.beat()
    member.membership.holds_nothing()

    assert member.is_certain


def test_answers_belong_to_questions_in_their_order():
    member = Member()
    member.membership.asked(frozenset({1}))
    member.membership.asked(frozenset({2}))
    assert member.hears(KafkaError.UNKNOWN_MEMBER_ID) == frozenset({1})
    assert not member.membership.may_ask
    assert member.hears(KafkaError.UNKNOWN_MEMBER_ID) == frozenset({2})
    assert member.membership.may_ask


def test_an_answer_that_nobody_asked_for_says_nothing():
    assert Member().hears(KafkaError.UNKNOWN_MEMBER_ID) == frozenset()
