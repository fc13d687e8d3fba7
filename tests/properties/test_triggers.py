"""Triggers, whatever they are configured to run: every loop ends, and no chain is too long.

Webhooks that always fail, triggers that run each other's, and an upstream system that carries out
each command and tells of the change with the command's chain: from any event on all of it comes to
rest.
"""

from collections import deque

from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.chains import DEPTH_MAX, depth_of
from pipeline.matching import deliveries_for
from pipeline.trigger_actions import Late
from pipeline.trigger_faults import trigger_faults
from pipeline.triggering import judged_event, judged_failure
from schemas.codec import decode, encode, validate
from schemas.command import Command
from schemas.common import CHAIN_MAX
from schemas.event import Event, read_event
from schemas.job import Job
from schemas.trigger import Trigger
from tests.support.builders import (
    NOW_MS,
    a_failure,
    a_trigger,
    a_webhook,
    an_account,
    an_event,
)
from tests.support.config_strategies import trigger_documents
from tests.support.configs import configs_of
from tests.support.strategies import event_documents
from tests.support.values import texts

WEBHOOKS = ("w0", "w1", "w2")
TRIGGERS = ("t0", "t1", "t2", "t3", "t4")
PHASES = ("end", "sale", "manual_update")
# Five triggers with three actions each, one below the other, and three webhooks beside each time.
EVENTS_MAX = 20_000

moments = texts | st.just("2026-05-01T23:48Z")
positions = st.lists(st.sampled_from((*PHASES, "route")), max_size=3)
actions = st.sampled_from(
    [
        *({"type": "run_webhook", "webhook_id": webhook} for webhook in WEBHOOKS),
        {"type": "tag", "add": ["hot"]},
        {"type": "score", "conversion": True},
        {"type": "email", "to": ["a@example.com"]},
    ]
)
ons = st.sampled_from(["first", "final", "every"])


@st.composite
def configurations(draw):
    """Webhooks and triggers that name each other at will."""
    webhooks = [
        a_webhook(
            id=webhook,
            position=draw(st.sampled_from((*PHASES, "route"))),
            failure_trigger={"trigger_id": draw(st.sampled_from(TRIGGERS)), "on": draw(ons)},
        )
        for webhook in WEBHOOKS
    ]
    triggers = [
        a_trigger(
            id=trigger,
            positions=draw(positions),
            delay=draw(st.sampled_from([None, "5s"])),
            actions=draw(st.lists(actions, min_size=1, max_size=3)),
        )
        for trigger in TRIGGERS
    ]
    return configs_of(an_account(), *webhooks, *triggers)


def asked_by(event, configs):
    """What an event comes to: its triggers', and those of its webhooks, all of which fail."""
    judged = list(judged_event(event, configs, now_ms=NOW_MS))
    for job in deliveries_for(event, configs, now_ms=NOW_MS, end_delayed_tier="1h"):
        assert isinstance(job, Job)
        assert job.depth == depth_of(job.chain)
        failed = job.model_copy(update={"first_failed_at_ms": NOW_MS})
        for stage, each in (("first", job), ("again", failed), ("final", failed)):
            judgement = judged_failure(a_failure(stage=stage, job=each), configs, now_ms=NOW_MS)
            judged += [] if judgement is None else [judgement]
    for judgement in judged:
        for asked in judgement.asked:
            yield asked.record if isinstance(asked, Late) else asked


@given(
    drawn=event_documents,
    document=trigger_documents,
    occurred_at=moments,
)
@settings(max_examples=100, deadline=None)
def test_whatever_an_event_holds_judging_it_gives_records_that_can_be_read(
    drawn, document, occurred_at
):
    event = validate(Event, {**drawn, "occurred_at": occurred_at})
    positions = [event.phase] if event.trigger_id is None else []
    ids = {"id": event.trigger_id or "t", "account_id": event.account_id}
    trigger = validate(Trigger, {**document, **ids, "positions": positions, "enabled": True})
    if [*trigger_faults("", trigger)]:  # a rule over what is no path: nobody could save it
        trigger = trigger.model_copy(update={"conditions": None})
    configs = configs_of(an_account(id=event.account_id), trigger)
    for judgement in judged_event(event, configs, now_ms=NOW_MS):
        assert judgement.fired or (judgement.detail and not judgement.asked)
        assert len(judgement.asked) + len(judgement.left_out) in {0, len(trigger.actions)}
        for asked in judgement.asked:
            record = asked.record if isinstance(asked, Late) else asked
            assert decode(type(record), encode(record)) == record


@given(configs=configurations(), phase=st.sampled_from(PHASES))
@settings(max_examples=60, deadline=None)
def test_whatever_is_configured_every_loop_ends(configs, phase):
    waiting, seen = deque([an_event(phase)]), 0
    while waiting:
        seen += 1
        assert seen < EVENTS_MAX
        cause = waiting.popleft()
        for record in asked_by(cause, configs):
            assert depth_of(cause.chain) < depth_of(record.chain) <= DEPTH_MAX
            assert len(record.chain) <= CHAIN_MAX
            assert len(set(record.chain)) == len(record.chain)
            if isinstance(record, Event):
                waiting.append(read_event(encode(record)))
            elif isinstance(record, Command):
                told = an_event("sale", event_id=record.command_id, chain=record.chain)
                waiting.append(told)
