"""Triggers by the phases that run them, and sources by their tokens, as records come and go."""

from schemas.codec import encode
from schemas.config import key_of
from tests.support.builders import a_source, a_trigger
from tests.support.configs import configs_of, forget, keep

HASH, OTHER_HASH = "a" * 64, "b" * 64


def ids(held):
    return [each.trigger.id for each in held]


def test_a_trigger_is_found_by_id_and_at_each_of_its_positions():
    configs = configs_of(
        a_trigger(id="b", positions=["end", "sale", "end"]), a_trigger(id="a", positions=["end"])
    )
    assert ids(configs.triggers_at(25, "end")) == ["a", "b"]
    assert ids(configs.triggers_at(25, "sale")) == ["b"]
    assert configs.triggers_at(26, "end") == configs.triggers_at(25, "form") == ()
    assert ids(configs.triggers_of(25)) == ["a", "b"]
    assert configs.held_trigger(25, "b").trigger == configs.trigger(25, "b")
    assert configs.held_trigger(25, "c") is configs.held_trigger(26, "b") is None


def test_a_trigger_that_moves_is_no_longer_where_it_was():
    configs = configs_of(a_trigger(positions=["end"]), a_trigger(id="other", positions=["end"]))
    keep(configs, a_trigger(positions=["sale"]))
    assert ids(configs.triggers_at(25, "end")) == ["other"]
    assert ids(configs.triggers_at(25, "sale")) == ["tell-sales"]


def test_a_trigger_that_is_deleted_is_gone_from_everywhere():
    trigger = a_trigger(positions=["end", "end"])
    configs = configs_of(trigger)
    forget(configs, trigger)
    assert configs.triggers_of(25) == configs.triggers_at(25, "end") == ()
    assert configs.held_trigger(25, trigger.id) is None


def test_a_trigger_whose_conditions_cannot_be_used_counts_as_deleted():
    rule = {"all": [{"field": "a..b", "op": "set"}]}
    broken = a_trigger(conditions=rule)
    configs = configs_of(a_trigger())
    (fault,) = configs.apply(str(key_of(broken)).encode(), encode(broken), 1)
    assert fault.field == "conditions.any[0].all[0].field"
    assert configs.trigger(25, broken.id) is configs.held_trigger(25, broken.id) is None
    keep(configs, a_trigger())
    assert configs.trigger(25, broken.id) is not None


def test_a_source_is_found_by_the_hash_of_its_token():
    source = a_source(token_hash=HASH, enabled=False)
    configs = configs_of(source, a_source(id="without"))
    assert configs.source_of_token(HASH) == source
    assert configs.source_of_token(OTHER_HASH) is None
    keep(configs, a_source(token_hash=OTHER_HASH))
    assert configs.source_of_token(HASH) is None
    forget(configs, source, a_source(id="without"))
    assert configs.source_of_token(OTHER_HASH) is None


def test_of_two_sources_with_one_token_the_first_counts():
    first, second = a_source(token_hash=HASH), a_source(id="z", token_hash=HASH)
    configs = configs_of(second, first)
    assert configs.source_of_token(HASH) == first
    forget(configs, first)
    assert configs.source_of_token(HASH) == second
