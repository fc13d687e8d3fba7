"""The index of the configs topic: what it holds after which records."""

import itertools

import pytest

from pipeline.configs import CROWD_MIN, Configs
from schemas.codec import encode
from schemas.config import ConfigKey, key_of
from tests.support.builders import a_key, a_replay, a_source, a_trigger, a_webhook, an_account
from tests.support.configs import configs_of, forget, keep


def written(record):
    return str(key_of(record)).encode(), encode(record)


def ids(held):
    return [each.webhook.id for each in held]


def test_an_index_without_records_knows_nothing():
    configs = Configs()
    assert configs.offset == -1
    assert len(configs) == 0
    assert configs.account(25) is None
    assert configs.webhook(25, "crm") is None
    assert configs.held_webhook(25, "crm") is None
    assert configs.webhooks_at(25, "end") == ()
    assert configs.webhooks_of(25) == ()


def test_each_kind_of_record_is_found_by_its_id():
    records = [an_account(), a_webhook(), a_trigger(), a_source(), a_key()]
    configs = configs_of(*records)
    assert configs.offset == 4
    assert configs.account(25) == records[0]
    assert configs.webhook(25, "crm") == records[1]
    assert configs.trigger(25, "tell-sales") == records[2]
    assert configs.get(ConfigKey(25, "source", "web-form")) == records[3]
    assert list(configs) == records
    assert len(configs) == 5


def test_an_accounts_records_of_a_kind_are_found_by_id():
    configs = configs_of(
        a_trigger(id="b"), a_trigger(id="a"), a_trigger(account_id=26), a_source(), a_webhook()
    )
    assert [it.id for it in configs.owned(25, "trigger")] == ["a", "b"]
    assert [it.id for it in configs.owned(25, "source")] == ["web-form"]
    assert [it.id for it in configs.owned(25, "webhook")] == ["crm"]
    assert configs.owned(25, "key") == ()
    assert configs.owned(27, "trigger") == ()


def test_a_deleted_record_is_no_longer_its_accounts():
    configs = configs_of(an_account(), a_trigger(), a_source())
    configs.apply(b"25/trigger/tell-sales", None, 10)
    assert configs.owned(25, "trigger") == ()
    assert len(configs.owned(25, "source")) == 1
    configs.apply(b"25/source/web-form", None, 11)
    configs.apply(b"25/account/25", None, 12)
    assert configs.owned(25, "source") == ()


def test_webhooks_are_found_by_account_and_position():
    configs = configs_of(
        a_webhook(id="b", position="end"),
        a_webhook(id="a", position="end", enabled=False),
        a_webhook(id="c", position="starts"),
        a_webhook(id="a", position="end", account_id=26),
    )
    assert sorted(ids(configs.webhooks_at(25, "end"))) == ["a", "b"]
    assert ids(configs.webhooks_at(25, "starts")) == ["c"]
    assert configs.webhooks_at(25, "sale") == ()
    assert ids(configs.webhooks_of(25)) == ["a", "b", "c"]
    assert configs.webhooks_at(26, "end")[0].webhook.account_id == 26


def test_an_update_moves_a_webhook_to_its_new_position_with_its_new_filter():
    configs = configs_of(
        a_webhook(position="end"),
        a_webhook(position="sale", filter={"all": [{"field": "x", "op": "set"}]}),
    )
    assert configs.webhooks_at(25, "end") == ()
    (held,) = configs.webhooks_at(25, "sale")
    assert not held.filter.accepts({})
    assert configs.held_webhook(25, "crm") == held


@pytest.mark.parametrize("value", [None, b""])
def test_a_tombstone_deletes(value):
    configs = configs_of(an_account(), a_webhook(id="a"), a_webhook(id="b"))
    key, _ = written(a_webhook(id="a"))
    assert configs.apply(key, value, 3) == ()
    assert configs.webhook(25, "a") is None
    assert ids(configs.webhooks_at(25, "end")) == ["b"]
    assert configs.apply(written(a_webhook(id="b"))[0], value, 4) == ()
    assert configs.webhooks_of(25) == ()
    assert configs.apply(written(an_account())[0], value, 5) == ()
    assert configs.apply(written(an_account())[0], value, 6) == ()
    assert (len(configs), configs.offset) == (0, 6)


@pytest.mark.parametrize(
    "key", [None, b"", b"25/webhook", b"x/webhook/crm", b"25/other/crm", b"\xff"]
)
def test_a_record_without_a_proper_key_is_reported_and_passed(key):
    configs = configs_of(a_webhook())
    (fault,) = configs.apply(key, b"{}", 1)
    assert fault.field == "key"
    assert (len(configs), configs.offset) == (1, 1)


@pytest.mark.parametrize(
    ("value", "field"),
    [
        (b"not json", ""),
        (b"[]", ""),
        (encode(a_webhook(id="other")), "key"),
        (
            encode(a_webhook(filter={"all": [{"field": "a..b", "op": "set"}]})),
            "filter.any[0].all[0].field",
        ),
        (b"\xff\xfe", ""),
    ],
)
def test_a_record_that_cannot_be_used_is_reported_and_leaves_nothing_under_its_key(value, field):
    configs = configs_of(an_account(), a_webhook())
    faults = configs.apply(b"25/webhook/crm", value, 2)
    assert [fault.field for fault in faults] == [field]
    assert configs.webhook(25, "crm") is None
    assert configs.webhooks_at(25, "end") == ()
    assert configs.account(25) is not None
    assert configs.offset == 2


def test_reading_a_record_again_changes_nothing():
    configs = configs_of(a_webhook(name="old"), a_webhook(name="new"))
    assert configs.apply(*written(a_webhook(name="old")), 0) == ()
    assert configs.webhook(25, "crm").name == "new"
    assert configs.offset == 1


def test_a_compacted_topic_gives_the_same_index_as_the_full_one():
    history = [
        a_webhook(name=name, position=at) for name, at in itertools.product("ab", ["end", "sale"])
    ]
    full = configs_of(*history)
    compacted = Configs()
    compacted.apply(*written(history[-1]), 3)
    assert list(compacted) == list(full)
    assert compacted.webhooks_of(25)
    assert ids(compacted.webhooks_of(25)) == ids(full.webhooks_of(25))
    assert compacted.offset == full.offset


def wanting(shard):
    return {"all": [{"field": "shard", "op": "eq", "value": shard}]}


def found(configs, shard):
    return ids(configs.candidates(25, "end", {"shard": shard}))


def test_of_a_crowd_those_are_candidates_whose_filters_may_accept():
    few = [a_webhook(id=f"w{n}", filter=wanting(n)) for n in range(CROWD_MIN - 1)]
    last = a_webhook(id="last", filter=wanting(3))
    assert len(found(configs_of(*few), 3)) == CROWD_MIN - 1
    configs = configs_of(*few, last, a_webhook(id="later", filter=wanting(4)))
    assert found(configs, 3) == ["w3", "last"]
    assert found(configs, 4) == ["w4", "later"]
    assert configs.candidates(25, "starts", {"shard": 3}) == ()
    assert configs.candidates(26, "end", {"shard": 3}) == ()


def test_a_webhook_of_a_crowd_changes_and_goes():
    crowd = [a_webhook(id=f"w{n}", filter=wanting(n)) for n in range(CROWD_MIN + 1)]
    configs = configs_of(*crowd, a_webhook(id="w0", filter=wanting(1)))
    assert found(configs, 0) == []
    assert found(configs, 1) == ["w1", "w0"]
    forget(configs, *crowd)
    assert found(configs, 1) == []


def test_the_replays_under_way_are_those_that_have_neither_ended_nor_gone():
    configs = configs_of(a_replay(), a_replay(id="plan", state="planning"), a_replay(id="other"))
    keep(configs, a_replay(state="done"))
    assert [it.id for it in configs.replays_under_way()] == ["plan", "other"]
    forget(configs, a_replay(id="other"))
    assert [it.id for it in configs.replays_under_way()] == ["plan"]
