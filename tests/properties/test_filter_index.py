"""The index of filters over any filters and activities: it never misses one that accepts."""

from hypothesis import example, given
from hypothesis import strategies as st

from pipeline.comparisons import equals, likenesses
from pipeline.filter_index import FilterIndex
from pipeline.filters import compile_filter
from schemas.codec import validate
from schemas.filter import Filter
from tests.support.config_strategies import rule_documents

_FIELDS = ["f", "f.f", "caller_number", "Tag(s)", "custom_f"]
_numbers = st.integers(-3, 3) | st.floats(allow_nan=False, allow_infinity=False)
_few = st.sampled_from(["", "a", "A", "yes", "on", "1", "1.0", "303 555-0100", "+1 3035550100"])
_scalars = st.none() | st.booleans() | _numbers | _few | _numbers.map(str)
_values = _scalars | st.lists(_scalars, max_size=3) | _few.map("{0},b".format)
_activities = st.dictionaries(
    st.sampled_from(["f", "caller_number", "tag_list", "custom_f"]),
    _values | st.dictionaries(st.just("f"), _values),
)
_wanted = st.booleans() | _numbers | _few
_equalities = st.builds(
    lambda op, wanted: {"op": op, "value": [wanted, "b"] if op == "in" else wanted},
    st.sampled_from(["eq", "in", "contains"]),
    _wanted,
)
_rules = st.builds(
    lambda rule, field: {**rule, "field": field},
    _equalities | rule_documents,
    st.sampled_from(_FIELDS),
)
_groups = st.lists(_rules, min_size=1, max_size=3).map(lambda rules: {"all": rules})
_filters = st.none() | st.lists(_groups, min_size=1, max_size=3).map(lambda any_: {"any": any_})


@given(one=_scalars, other=_scalars, is_phone=st.booleans())
@example(one=1e22, other="1e+22", is_phone=False)
@example(one=10**50, other=str(10**50), is_phone=False)
def test_what_is_equal_has_a_likeness_in_common(one, other, is_phone):
    if equals(one, is_phone=is_phone)(other):
        common = set(likenesses(one, is_phone=is_phone)) & set(likenesses(other, is_phone=is_phone))
        assert common


@given(
    written=st.lists(_filters, max_size=8),
    removed=st.sets(st.integers(0, 7)),
    activity=_activities,
)
def test_a_filter_that_accepts_is_found_and_one_that_was_removed_is_not(written, removed, activity):
    index = FilterIndex()
    filters = {
        str(number): compile_filter(None if it is None else validate(Filter, it))
        for number, it in enumerate(written)
    }
    for name, filter_ in filters.items():
        index.add(name, name, filter_)
    kept = {name: it for name, it in filters.items() if int(name) not in removed}
    for name in filters.keys() - kept.keys():
        index.remove(name)

    found = index.found(activity)

    assert len(found) == len(set(found))
    assert {name for name, it in kept.items() if it.accepts(activity)} <= set(found) <= kept.keys()
