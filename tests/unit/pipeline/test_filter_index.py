"""What the index of filters leaves out: that nothing is missed is a property."""

import pytest

from pipeline.filter_index import FilterIndex
from pipeline.filters import compile_filter
from tests.support.filters import a_filter, rule


def an_index(**filters):
    index = FilterIndex()
    for name, filter_ in filters.items():
        index.add(name, name, filter_)
    return index


@pytest.mark.parametrize(
    ("field", "op", "value", "activity"),
    [
        ("source", "eq", "google", {"source": "GOOGLE"}),
        ("shard", "eq", 7, {"shard": "7.0"}),
        ("source", "in", ["bing", "google"], {"source": "google"}),
        ("Tag(s)", "contains", "hot", {"tag_list": "cold, hot"}),
        ("caller_number", "eq", "+1 303 555 0100", {"caller_number": "3035550100"}),
        ("is_new", "eq", True, {"is_new": "yes"}),
        ("f", "eq", "b", {"f": ["a", "b"]}),
    ],
)
def test_what_a_filter_wants_to_be_equal_finds_it(field, op, value, activity):
    index = an_index(wanting=a_filter((field, op, value)))
    assert index.found(activity) == ("wanting",)
    assert index.found({}) == ()
    assert index.found(dict.fromkeys(activity, "something else")) == ()


def test_what_wants_nothing_to_be_equal_is_always_found():
    index = an_index(
        all=compile_filter(None),
        long=a_filter(("talk_time", "gte", 30)),
        other=a_filter(("source", "ne", "google")),
        partly=a_filter(any=[{"all": [rule("f", "eq", 1)]}, {"all": [rule("f", "set")]}]),
    )
    assert index.found({"id": 1}) == ("all", "long", "other", "partly")


def test_each_group_of_a_filter_finds_it_once():
    groups = [{"all": [rule("f", "eq", 1)]}, {"all": [rule("g", "eq", 2)]}]
    index = an_index(either=a_filter(any=groups))
    for activity in ({"f": 1}, {"g": 2}, {"f": 1, "g": 2}):
        assert index.found(activity) == ("either",)
    assert index.found({"f": 2, "g": 1}) == ()


def test_what_many_have_in_common_does_not_hide_what_parts_them():
    filters = {
        f"w{number}": a_filter(("direction", "eq", "inbound"), ("shard", "eq", number))
        for number in range(100)
    }
    index = an_index(**filters)
    # The first was entered under the direction, as nothing was there yet.
    assert set(index.found({"direction": "inbound", "shard": 7})) == {"w0", "w7"}


def test_a_filter_that_nothing_meets_is_never_found():
    index = an_index(impossible=a_filter(("f", "in", [])))
    assert index.found({"f": 1}) == ()
    index.remove("impossible")


def test_what_was_removed_leaves_nothing_behind():
    index = an_index(
        one=a_filter(("f", "eq", 1)), same=a_filter(("f", "eq", 1)), all=compile_filter(None)
    )
    index.remove("one")
    assert index.found({"f": 1}) == ("all", "same")
    index.remove("same")
    index.remove("all")
    assert index.found({"f": 1}) == ()
    index.add("one", "again", a_filter(("g", "eq", 1)))
    assert index.found({"f": 1, "g": 1}) == ("again",)
