"""Under which key each record of what follows is written, and which ids are the same again."""

from schemas.codec import validate
from schemas.command import Command
from schemas.ids import command_id, inbound_id, notice_id
from schemas.inbound import Inbound
from schemas.notifier_state import NotifierState
from tests.support.builders import NOW_MS, a_job, a_notice


def test_notices_about_a_webhook_lie_where_its_jobs_lie():
    assert a_notice(webhook_id="crm").key == a_job(webhook_id="crm").key
    assert NotifierState(account_id=25, webhook_id="crm").key == a_job(webhook_id="crm").key


def test_notices_about_no_webhook_keep_the_order_of_their_trigger():
    assert a_notice(webhook_id=None, trigger_id="greet").key == b"25:trigger/greet"


def test_commands_lie_where_the_events_of_their_activity_lie():
    command = validate(
        Command,
        {
            "command_id": command_id("ev_1", "hot", 0, 25),
            "account_id": 25,
            "activity_id": "7",
            "trigger_id": "hot",
            "event_id": "ev_1",
            "at_ms": NOW_MS,
            "action": {"type": "tag", "add": ["hot"]},
        },
    )
    assert command.key == b"25:7"


def test_requests_to_a_source_keep_their_order():
    inbound = Inbound(
        inbound_id=inbound_id("web-form", 25, "x"),
        account_id=25,
        source_id="web-form",
        at_ms=NOW_MS,
        method="POST",
        outcome="accepted",
    )
    assert inbound.key == b"25:web-form"


def test_what_a_trigger_asks_for_has_the_same_id_again_and_each_action_its_own():
    assert notice_id("ev_1", "hot", 0, 25) == notice_id("ev_1", "hot", 0, 25)
    ids = {make("ev_1", "hot", at, 25) for make in (notice_id, command_id) for at in (0, 1)}
    assert len(ids) == 4
    assert {len(each) for each in ids} == {29}
    assert {each[:3] for each in ids} == {"nt_", "cm_"}
