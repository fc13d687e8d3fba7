"""Plans over any records: carried out they hold what was wanted, and a second time do nothing."""

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline.changes import BOOKKEEPING, plan_changes
from pipeline.configs import Configs
from pipeline.filters import compile_filter
from pipeline.trigger_conditions import compile_conditions
from schemas.account import Account
from schemas.codec import Malformed
from schemas.config import key_of
from schemas.source import Source
from schemas.trigger import Trigger
from schemas.webhook import Webhook
from tests.support.strategies import records

_anything = st.one_of(records(Account), records(Webhook), records(Trigger), records(Source))


def _is_usable(record):
    try:
        compile_filter(getattr(record, "filter", None))
        compile_conditions(getattr(record, "conditions", None))
    except Malformed:
        return False
    return True


_wanted = st.lists(_anything.filter(_is_usable), max_size=4, unique_by=key_of)


def carry_out(plan, configs):
    for key, value in plan.writes():
        assert configs.apply(key, value, configs.offset + 1) == ()


def said(record):
    return record.model_dump(exclude={*BOOKKEEPING, "token_hash"})


@settings(suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much])
@given(before=_wanted, wanted=_wanted, prune=st.booleans())
def test_a_plan_carried_out_holds_what_was_wanted_and_is_then_empty(before, wanted, prune):
    configs = Configs()
    carry_out(plan_changes(before, configs, now="then"), configs)
    plan = plan_changes(wanted, configs, now="now", prune=prune)
    carry_out(plan, configs)
    for record in wanted:
        assert said(configs.get(key_of(record))) == said(record)
    again = plan_changes(wanted, configs, now="later", prune=prune)
    assert again.count("unchanged") == len(wanted)
    assert list(again.writes()) == []
