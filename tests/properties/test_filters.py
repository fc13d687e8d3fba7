"""Filters over any JSON: an operator and its negation part all values that are there."""

import operator

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pipeline.fields import activity_field
from pipeline.filters import compile_filter
from schemas.codec import validate
from schemas.filter import OPS, Filter
from tests.support.config_strategies import rule_documents
from tests.support.values import json_values

FIELDS = ["f", "f[0]", "f.f", "caller_number", "Tag(s)", "Talk Time", "custom_f", "custom_fields.f"]
PAIRS = [("eq", "ne"), ("contains", "not_contains"), ("in", "not_in"), ("set", "not_set")]
NUMBERS = st.integers() | st.floats(allow_nan=False, allow_infinity=False)

_keys = st.sampled_from(
    ["f", "caller_number", "tag_list", "talk_time", "custom_f", "custom_fields", "source"]
)
_telephones = st.text("+()- .0123456789", max_size=16)
_values = json_values | _telephones | st.lists(_telephones | json_values, max_size=3)
activities = st.dictionaries(_keys, _values, max_size=4)
_scalars = st.booleans() | NUMBERS | st.text(max_size=8) | _telephones
_rules = rule_documents.flatmap(
    lambda rule: st.sampled_from(FIELDS).map(lambda field: {**rule, "field": field})
)


def a_filter(*rules):
    return compile_filter(validate(Filter, {"all": list(rules)}))


@pytest.mark.parametrize(("op", "negation"), PAIRS)
@given(data=st.data(), activity=activities, field=st.sampled_from(FIELDS))
def test_an_operator_and_its_negation_part_what_is_there(op, negation, data, activity, field):
    value = {"set": st.none(), "in": st.lists(_scalars, max_size=3)}.get(op, _scalars)
    wanted = data.draw(value)
    holds = a_filter({"field": field, "op": op, "value": wanted}).accepts(activity)
    denied = a_filter({"field": field, "op": negation, "value": wanted}).accepts(activity)
    if op == "set" or activity_field(field).find(activity) is not None:
        assert holds is not denied
    else:
        assert not holds
        assert not denied


@pytest.mark.parametrize(("op", "negation"), [("gt", "lte"), ("gte", "lt")])
@given(actual=NUMBERS, wanted=NUMBERS)
def test_an_order_and_its_opposite_part_all_numbers(op, negation, actual, wanted):
    holds = a_filter({"field": "f", "op": op, "value": wanted}).accepts({"f": actual})
    denied = a_filter({"field": "f", "op": negation, "value": wanted}).accepts({"f": actual})
    assert holds is not denied


@given(actual=NUMBERS, wanted=NUMBERS)
@example(actual=9007199254740993, wanted=9007199254740992.0)
def test_numbers_are_compared_exactly_also_when_written_as_text(actual, wanted):
    compares = {"eq": operator.eq, "gt": operator.gt, "lte": operator.le}
    for op, compare in compares.items():
        rule = {"field": "f", "op": op, "value": wanted}
        assert a_filter(rule).accepts({"f": actual}) is compare(actual, wanted)
        if isinstance(actual, int) and abs(actual) < 10**40:
            assert a_filter(rule).accepts({"f": str(actual)}) is compare(actual, wanted)


@given(rules=st.lists(_rules, min_size=1, max_size=3), activity=activities)
def test_no_activity_makes_a_filter_raise_and_the_reason_agrees_with_the_verdict(rules, activity):
    written = a_filter(*rules)
    assert written.accepts(activity) is (written.unmet(activity) == ())
    for unmet in written.unmet(activity):
        assert len(str(unmet)) < 10_000


@given(activity=st.dictionaries(st.text(max_size=8), json_values, max_size=4))
def test_every_operator_takes_every_value_of_any_activity(activity):
    for op in OPS:
        value = {"set": None, "not_set": None, "in": [1, "x"], "not_in": [1, "x"]}.get(op, 1)
        for name in activity:
            quoted = name.replace("\\", "\\\\").replace('"', '\\"')
            a_filter({"field": f'["{quoted}"]', "op": op, "value": value}).accepts(activity)
