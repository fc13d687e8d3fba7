"""Running a trigger: what it asks for is answered, and an event that names it is written."""

import pytest

from agents.api import trigger_running
from agents.api.models.trying import RunBody
from agents.api.problems import Problem
from schemas.event import read_event
from schemas.ids import delivery_id
from tests.support.api_services import Services, call_of
from tests.support.builders import NOW_MS, a_trigger, an_activity

RUN = trigger_running.OPERATIONS[0].handler
ACTIONS = [
    {"type": "run_webhook", "webhook_id": "crm"},
    {"type": "tag", "add": ["new-lead"]},
    {"type": "email", "to": ["a@example.com"]},
    {"type": "custom_field", "name": "stage", "value": "won"},
]


@pytest.fixture
def services():
    return Services(now_ms=NOW_MS)


async def run(services, body=None):
    return (await RUN(call_of(services, body or RunBody(activity_id="1"), "tell-sales"))).body


async def refusal_of(services):
    with pytest.raises(Problem) as refused:
        await run(services)
    assert services.publisher.records == []
    return refused.value.status, refused.value.detail


async def test_the_answer_says_of_each_action_what_it_asks_for(services):
    services.configure(a_trigger(actions=ACTIONS, delay="2m"))
    answer = await run(services)
    (record,) = services.publisher.records
    event = read_event(record.value)

    assert (event.trigger_id, event.phase, event.origin) == ("tell-sales", "route", "run")
    assert (answer.event_id, answer.activity_id) == (event.event_id, event.activity_id)
    assert answer.delay == "2m"
    assert [it.result for it in answer.actions] == ["asked", "unchanged", "asked", "asked"]
    assert [(it.id or "")[:3] for it in answer.actions] == ["dl_", "", "nt_", "cm_"]
    assert answer.actions[0].id != delivery_id(event.event_id, "crm", 25)


async def test_what_would_not_run_is_refused_with_the_reason(services):
    assert (await refusal_of(services))[0] == 404
    services.configure(a_trigger(enabled=False))
    assert await refusal_of(services) == (
        *(409, "the trigger does not run (disabled): the trigger is disabled"),
    )
    long = {"all": [{"field": "talk_time", "op": "gte", "value": 60}]}
    services.configure(a_trigger(conditions=long))
    status, detail = await refusal_of(services)
    assert (status, "talk_time gte 60 does not hold: it is 42" in detail) == (409, True)
    services.history.content = an_activity(talk_time=60)
    assert (await run(services)).actions[0].result == "asked"


async def test_without_an_activity_there_is_nothing_to_run_it_for(services):
    services.configure(a_trigger())
    with pytest.raises(Problem) as refused:
        await run(services, RunBody())
    assert refused.value.status == 422
