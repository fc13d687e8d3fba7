"""Matching over any configuration and any event: explained as decided, and the same each time."""

import json

from hypothesis import given
from hypothesis import strategies as st

from pipeline.configs import Configs
from pipeline.matching import deliveries_for, explain
from schemas.codec import encode
from schemas.config import key_of
from schemas.event import read_event
from schemas.job import Job
from schemas.phases import PHASE_IDS
from tests.support.builders import a_webhook, an_account, an_activity, an_event
from tests.support.values import json_values

_POSITIONS = ["end", "sale", "end_delayed", "route"]
_filters = st.sampled_from(
    [None, *({"all": [{"field": "talk_time", "op": op, "value": 42}]} for op in ("lt", "gte"))]
)
_webhooks = st.builds(
    a_webhook,
    id=st.sampled_from("abcd"),
    account_id=st.sampled_from([25, 26]),
    position=st.sampled_from(_POSITIONS),
    enabled=st.booleans(),
    filter=_filters,
)
_accounts = st.builds(
    an_account,
    id=st.sampled_from([25, 26]),
    features=st.booleans().map(lambda webhooks: {"webhooks": webhooks}),
)
_histories = st.lists(_accounts | _webhooks | st.tuples(_accounts | _webhooks), max_size=20)


@st.composite
def events(draw):
    phase = draw(st.sampled_from(PHASE_IDS))
    named = {"webhook_id": draw(st.sampled_from("abcx"))} if phase == "route" else {}
    activity = an_activity(talk_time=draw(st.sampled_from([None, 1, 42, "43"])))
    return an_event(
        phase, account_id=draw(st.sampled_from([25, 26, 27])), activity=activity, **named
    )


def configs_of(history):
    """The index after `history`, in which a record in a tuple stands for its deletion."""
    configs = Configs()
    for offset, entry in enumerate(history):
        record, is_gone = (entry[0], True) if isinstance(entry, tuple) else (entry, False)
        configs.apply(str(key_of(record)).encode(), None if is_gone else encode(record), offset)
    return configs


def decided(event, configs, now_ms=0):
    return deliveries_for(event, configs, now_ms=now_ms, end_delayed_tier="1h")


@given(history=_histories, event=events())
def test_a_webhook_is_called_exactly_when_it_is_explained_to_have_fired(history, event):
    configs = configs_of(history)
    jobs = [each for each in decided(event, configs) if isinstance(each, Job)]
    fired = [verdict.webhook_id for verdict in explain(event, configs) if verdict.fired]
    assert sorted(job.webhook_id for job in jobs) == fired


@given(history=_histories, event=events())
def test_a_resent_event_gives_the_same_deliveries(history, event):
    configs = configs_of(history)
    resent = read_event(encode(event))
    first, second = decided(event, configs), decided(resent, configs, now_ms=5_000)
    assert [_identity(each) for each in first] == [_identity(each) for each in second]
    assert len({_identity(each) for each in first}) == len(first)


@given(history=_histories, event=events())
def test_no_job_crosses_from_one_account_to_another(history, event):
    configs = configs_of(history)
    for each in decided(event, configs):
        if isinstance(each, Job):
            webhook = configs.webhook(each.account_id, each.webhook_id)
            assert each.account_id == event.account_id == webhook.account_id
            assert webhook.enabled


@given(history=_histories)
def test_the_index_by_position_holds_what_the_index_by_id_holds(history):
    configs = configs_of(history)
    webhooks = {key_of(record): record for record in configs if record.kind == "webhook"}
    by_position = {
        key_of(held.webhook): held.webhook
        for account_id in (25, 26)
        for position in _POSITIONS
        for held in configs.webhooks_at(account_id, position)
        if held.webhook.position == position
    }
    assert by_position == webhooks
    assert {key_of(h.webhook) for a in (25, 26) for h in configs.webhooks_of(a)} == set(webhooks)


@given(
    key=st.none() | st.binary(max_size=20) | st.just(b"25/webhook/crm"),
    value=st.none() | st.binary(max_size=40) | json_values.map(lambda it: json.dumps(it).encode()),
)
def test_no_record_on_the_topic_makes_the_index_raise(key, value):
    configs = configs_of([an_account(), a_webhook()])
    faults = configs.apply(key, value, 2)
    assert configs.offset == 2
    assert (configs.webhook(25, "crm") is None) is (key == b"25/webhook/crm")
    assert all(fault.message for fault in faults)


def _identity(each):
    return each.delivery_id if isinstance(each, Job) else each.event.event_id
