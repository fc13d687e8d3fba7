"""What follows from a try to send a message, and which records are copies."""

import pytest

from pipeline.notices import SCHEDULE, Carried, Refusal, carried_of, settled
from pipeline.repeats import Repeats, identity_of
from schemas.attempt import Position, Response, SentRequest, Timings
from tests.support.builders import NOW_MS, a_notice

HERE = Position(topic="notices", partition=3, offset=17)
REQUEST = SentRequest(method="SMTP", url="mailto:a@b.example", headers=(), body="", body_bytes=0)
OK = Response(status=250)
IN_VAIN = Carried("failed", "connect", again=("sales@example.com",))


def settle(notice, carried, **how):
    return settled(notice, carried, source=HERE, now_ms=NOW_MS + 50, draw=how.get("draw", 0.5))


def test_what_was_sent_is_on_record_with_its_channel_and_trigger():
    carried = Carried("delivered", "2xx", "", REQUEST, OK)

    found = settle(a_notice(), carried)

    attempt = found.attempt
    assert found.parked is None
    assert (attempt.delivery_id, attempt.webhook_id) == (a_notice().notice_id, "crm")
    assert (attempt.channel, attempt.trigger_id, attempt.lane) == ("email", "tell-sales", "new")
    assert (attempt.outcome, attempt.reason, attempt.next.step) == ("delivered", "2xx", "end")
    assert (attempt.activity_id, attempt.phase, attempt.depth) == ("4379952365", "end", 1)
    assert (attempt.request, attempt.response, attempt.source) == (REQUEST, OK, HERE)


def test_a_message_about_nothing_that_happened_is_on_record_too():
    notice = a_notice(event=None, failure=None, webhook_id=None, kind="announcement")

    attempt = settle(notice, Carried("blocked", "smtp_not_configured")).attempt

    assert (attempt.event_id, attempt.activity_id, attempt.phase, attempt.webhook_id) == ("",) * 4


@pytest.mark.parametrize(("attempt", "tier"), [*enumerate(SCHEDULE, 1)])
def test_each_try_in_vain_is_followed_by_another_after_its_tier(attempt, tier):
    found = settle(a_notice(attempt=attempt), IN_VAIN)

    later = found.parked.notice
    assert (found.parked.tier.name, later.attempt) == (tier, attempt + 1)
    assert later.due_at_ms == found.parked.due_at_ms == found.attempt.next.due_at_ms
    assert (found.attempt.next.step, found.attempt.next.tier) == ("retry", tier)
    assert found.attempt.lane == ("new" if attempt == 1 else "retry")


def test_after_the_last_tier_it_ends():
    found = settle(a_notice(attempt=len(SCHEDULE) + 1), IN_VAIN)

    assert (found.parked, found.attempt.next.step, found.attempt.outcome) == (None, "end", "failed")


def test_nothing_is_tried_after_it_has_expired():
    assert settle(a_notice(expires_at_ms=NOW_MS + 30_000), IN_VAIN).parked is None


def test_whom_it_reached_is_not_written_to_again():
    notice = a_notice(action={"type": "email", "to": ["a@b.example", "c@d.example"]})
    refusal = Refusal("c@d.example", 450, "try later", is_final=False)

    carried = carried_of(
        ("a@b.example",), (refusal,), request=REQUEST, response=OK, timings=Timings()
    )

    assert (carried.kind, carried.reason) == ("failed", "4xx")
    assert carried.detail == "accepted for 1; c@d.example refused: 450 try later"
    assert settle(notice, carried).parked.notice.action.to == ("c@d.example",)


@pytest.mark.parametrize(
    ("accepted", "refusals", "kind", "reason", "detail"),
    [
        (("a",), (), "delivered", "2xx", ""),
        (
            ("a",),
            (Refusal("b", 550, "no such user", is_final=True),),
            "delivered",
            "2xx",
            "accepted for 1; b refused: 550 no such user",
        ),
        ((), (Refusal("b", 550, "no", is_final=True),), "failed", "5xx", "b refused: 550 no"),
    ],
)
def test_what_is_refused_for_good_is_not_tried_again(accepted, refusals, kind, reason, detail):
    carried = carried_of(accepted, refusals, request=REQUEST, response=OK, timings=Timings())

    assert (carried.kind, carried.reason, carried.detail) == (kind, reason, detail)
    assert carried.again == ()


def test_a_copy_of_what_is_in_hand_or_done_is_one():
    repeats, first = Repeats(), identity_of(a_notice())

    assert repeats.admits(first, epoch=1)
    assert not repeats.admits(first, epoch=1)
    repeats.done([first])
    assert not repeats.admits(first, epoch=2)
    assert repeats.admits(identity_of(a_notice(attempt=2)), epoch=1)


def test_what_was_in_hand_when_its_partition_went_is_no_copy_when_it_comes_again():
    repeats, first = Repeats(), identity_of(a_notice())
    repeats.admits(first, epoch=1)
    repeats.admits(("nt_other", 1), epoch=2)

    repeats.let_go(frozenset({1}))

    assert repeats.admits(first, epoch=3)
    assert not repeats.admits(("nt_other", 1), epoch=3)


def test_the_oldest_are_forgotten_first():
    repeats = Repeats(remembered_max=2)
    repeats.done([("a", 1), ("b", 1), ("a", 1), ("c", 1)])

    assert repeats.admits(("b", 1), epoch=1)
    assert not repeats.admits(("a", 1), epoch=1)
    assert not repeats.admits(("c", 1), epoch=1)
