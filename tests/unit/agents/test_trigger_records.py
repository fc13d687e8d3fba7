"""What a trigger asks for goes out as records, and what it does not ask for is told."""

import json

import pytest
import structlog
from prometheus_client import REGISTRY

from agents.kafka.outgoing import Received, asked_record, parked
from agents.matcher.joining import Joiner
from agents.triggered import note_judged
from pipeline.due import Due, due_of
from pipeline.trigger_actions import Late, LeftOut
from pipeline.triggering import Judgement
from schemas.codec import decode, encode
from schemas.command import Command
from schemas.event import read_event
from schemas.notice import Notice
from schemas.tiers import TIER_BY_NAME
from schemas.topics import ACTIVITIES, ACTIVITY_COMMANDS, NOTICES
from tests.support.builders import NOW_MS, a_notice, a_trigger, an_account, an_event
from tests.support.configs import configs_of

TRACE = f"00-{'a' * 32}-{'b' * 16}-01"
ACTIONS = [
    {"type": "run_webhook", "webhook_id": "crm"},
    {"type": "text", "to": ["+13035550100"]},
    {"type": "tag", "add": ["hot"]},
]


class Sent(list):
    """Records that are acknowledged as soon as they are sent."""

    async def send(self, record):
        self.append(record)


async def joined(trigger, event):
    sent = Sent()

    async def until_fresh():
        return None

    joiner = Joiner(
        configs_of(an_account(), trigger),
        send=sent.send,
        until_fresh=until_fresh,
        end_delayed_tier="1h",
    )
    headers = (("traceparent", TRACE.encode()),)
    received = Received("p-activities", 2, 7, 5, event.key, encode(event), headers)
    await joiner.join([received])
    return sent


def count(name, **labels):
    return REGISTRY.get_sample_value(name, labels) or 0


async def test_an_event_brings_what_its_triggers_ask_for_to_their_topics():
    run, notice, command = await joined(a_trigger(positions=["end"], actions=ACTIONS), an_event())

    assert (run.topic, run.key, read_event(run.value).origin) == (
        *(ACTIVITIES, an_event().key),
        "trigger",
    )
    told = decode(Notice, notice.value)
    assert (notice.topic, notice.key) == (NOTICES, told.key)
    assert notice.headers == {"id": told.notice_id, "attempt": "1", "traceparent": TRACE}
    asked = decode(Command, command.value)
    assert (command.topic, command.key) == (ACTIVITY_COMMANDS, an_event().key)
    assert command.headers == {"id": asked.command_id, "traceparent": TRACE}


async def test_with_a_delay_each_waits_in_the_tier_for_its_own_topic():
    trigger = a_trigger(positions=["end"], actions=ACTIONS, delay="5s")
    sent = await joined(trigger, an_event())

    assert {record.topic for record in sent} == {"retry.5s"}
    assert [due_of(it.headers).to for it in sent] == [ACTIVITIES, NOTICES, ACTIVITY_COMMANDS]
    assert [json.loads(it.value)["account_id"] for it in sent] == [25, 25, 25]


def test_a_record_that_waits_is_the_one_that_comes_out():
    notice = a_notice(attempt=3)
    record = asked_record(notice, TRACE)
    later = asked_record(Late(notice, TIER_BY_NAME["2m"], NOW_MS), TRACE)

    assert later == parked(record, TIER_BY_NAME["2m"], NOW_MS)
    assert due_of(later.headers) == Due(NOW_MS, NOTICES)
    assert (later.topic, later.key, later.value) == ("retry.2m", record.key, record.value)


@pytest.mark.parametrize(
    ("reason", "told"), [("fired", False), ("conditions", False), ("loop", True), ("depth", True)]
)
def test_a_trigger_that_is_not_run_is_counted_and_a_loop_is_told_of(reason, told):
    before = count("hookline_triggers_total", result=reason)
    with structlog.testing.capture_logs() as lines:
        note_judged(Judgement("t", reason, "why"), 25, "ev_1")

    assert count("hookline_triggers_total", result=reason) == before + 1
    assert [it["event"] for it in lines] == (["trigger.not_run"] if told else [])


def test_an_action_that_asks_for_nothing_is_told_of_unless_there_was_nothing_to_do():
    left_out = (LeftOut(0, "tag", "unchanged", ""), LeftOut(1, "custom_field", "render_error", "x"))
    with structlog.testing.capture_logs() as lines:
        note_judged(Judgement("t", "fired", "", (), left_out), 25, "ev_1")

    assert [(it["event"], it["action"], it["reason"]) for it in lines] == [
        ("trigger.action_left_out", 1, "render_error")
    ]
