"""Filters: every operator on every kind of value, and the reasons given for a refusal."""

import time

import pytest

from pipeline.filters import ACCEPTS_ALL, compile_filter
from schemas.codec import Malformed
from tests.support.builders import an_activity
from tests.support.filters import a_filter, accepts, rule


@pytest.mark.parametrize(
    ("op", "wanted", "actual", "holds"),
    [
        # numbers, also where one side is text
        ("eq", 85, "85.00", True),
        ("eq", "85.00", 85, True),
        ("eq", 85, 85.0, True),
        ("eq", 0.1, "0.1", True),
        ("eq", 9007199254740993, "9007199254740992", False),
        ("eq", 85, "85 dollars", False),
        ("eq", "007", "7", False),  # two texts are compared as text
        ("ne", 85, "85.00", False),
        ("gt", 84.5, "85.00", True),
        ("gte", 30, 30, True),
        ("gte", 30, 29, False),
        ("lt", "9", "85", False),
        ("lte", "85", " 85.0 ", True),
        ("gt", 3, "many", False),
        ("lt", 3, "many", False),
        ("lt", 3, True, False),
        ("gt", -1, "1e5", False),
        ("gte", 3, float("nan"), False),
        ("lt", 3, float("inf"), False),
        ("gt", 3, 10**400, True),
        # text
        ("eq", "google ads", "Google Ads", True),
        ("eq", "straße", "STRASSE", True),
        ("eq", "Google", "Google Ads", False),
        ("ne", "google ads", "Google Ads", False),
        ("contains", "ADS", "Google Ads", True),
        ("contains", "bing", "Google Ads", False),
        ("not_contains", "bing", "Google Ads", True),
        ("not_contains", "ads", "Google Ads", False),
        ("starts_with", "goo", "Google Ads", True),
        ("ends_with", "ads", "Google Ads", True),
        ("ends_with", "goo", "Google Ads", False),
        ("contains", 9, 1492, True),
        ("gt", "2026-05-01", "2026-05-02", True),
        ("gt", "2026-05-01", 7, False),
        ("gt", True, 7, False),
        ("in", ["bing", "google ads"], "Google Ads", True),
        ("in", ["bing", 85], "85.00", True),
        ("in", [], "x", False),
        ("not_in", ["bing"], "Google Ads", True),
        ("not_in", ["google ads"], "Google Ads", False),
        # booleans
        ("eq", True, True, True),
        ("eq", True, "true", True),
        ("eq", "on", True, True),
        ("eq", True, "on", True),
        ("eq", False, "No", True),
        ("eq", True, "maybe", False),
        ("eq", "maybe", True, False),
        ("eq", True, 1, False),
        ("eq", 1, True, False),
        # lists: any element
        ("eq", "VIP", ["new", "vip"], True),
        ("ne", "vip", ["new", "vip"], False),
        ("in", ["a", "vip"], ["new", "vip"], True),
        ("not_in", ["a"], ["new", "vip"], True),
        ("contains", "vip", ["new", "vip-gold"], True),
        ("not_contains", "vip", ["new"], True),
        ("starts_with", "n", ["new"], True),
        ("gt", 3, [1, 4], True),
        ("eq", "x", [], False),
        ("ne", "x", [], True),
        ("eq", "x", [["x"], {"x": 1}, None], False),
        # objects
        ("eq", "x", {"x": 1}, False),
        ("contains", "x", {"x": 1}, False),
        ("gt", 1, {"x": 1}, False),
        # presence
        ("set", None, "x", True),
        ("set", None, 0, True),
        ("set", None, False, True),
        ("set", None, "", False),
        ("set", None, [], False),
        ("set", None, {}, False),
        ("set", None, {"x": 1}, True),
        ("not_set", None, "", True),
        ("not_set", None, "x", False),
    ],
)
def test_an_operator_holds_or_not(op, wanted, actual, holds):
    assert accepts("f", op, wanted, f=actual) is holds


@pytest.mark.parametrize("activity", [{}, {"f": None}])
@pytest.mark.parametrize(
    ("op", "wanted", "holds"),
    [
        ("eq", "x", False),
        ("gt", 1, False),
        ("gte", 0, False),
        ("lt", 1, False),
        ("lte", 1, False),
        ("contains", "", False),
        ("starts_with", "", False),
        ("ends_with", "", False),
        ("in", ["x"], False),
        ("set", None, False),
        ("ne", "x", False),
        ("not_contains", "x", False),
        ("not_in", ["x"], False),
        ("not_set", None, True),
    ],
)
def test_a_missing_value_satisfies_nothing_but_not_set(activity, op, wanted, holds):
    assert accepts("f", op, wanted, **activity) is holds
    assert accepts("a.b[0].f", op, wanted, a={"b": [activity]}) is holds


@pytest.mark.parametrize(
    ("op", "wanted", "holds"),
    [
        ("eq", "vip", False),
        ("contains", "vip", False),
        ("in", ["vip"], False),
        ("starts_with", "", False),
        ("set", None, False),
        ("ne", "vip", True),
        ("not_contains", "vip", True),
        ("not_in", ["vip"], True),
        ("not_set", None, True),
    ],
)
@pytest.mark.parametrize("field", ["tag_list", "message_media"])
def test_an_empty_list_is_not_missing(field, op, wanted, holds):
    assert accepts(field, op, wanted, **{field: []}) is holds


@pytest.mark.parametrize("hostile", ["1" * 500_000 + "x", " " * 500_000 + "x", "+1" * 250_000])
def test_a_hostile_value_costs_no_time(hostile):
    began_s = time.process_time()
    for op in ("eq", "contains", "gte"):
        for wanted in ("+17203584118", 17203584118):
            assert not accepts("caller_number", op, wanted, caller_number=hostile)
    assert time.process_time() - began_s < 1


def test_groups_are_alternatives_of_conditions_that_must_all_hold():
    written = a_filter(
        any=[
            {"all": [rule("source", "eq", "Bing")]},
            {"all": [rule("talk_time", "gte", 30), rule("tags", "eq", "vip")]},
        ]
    )
    assert written.accepts({"source": "bing"})
    assert written.accepts({"talk_time": 30, "tag_list": ["vip"]})
    assert not written.accepts({"talk_time": 30})
    assert not written.accepts({})


def test_without_a_filter_everything_is_accepted():
    assert compile_filter(None) is ACCEPTS_ALL
    assert ACCEPTS_ALL.accepts({})
    assert ACCEPTS_ALL.unmet({}) == ()


def test_the_first_condition_that_does_not_hold_is_named_for_each_group():
    written = a_filter(
        any=[
            {"all": [rule("source", "eq", "Google Ads"), rule("Talk Time", "gte", 60)]},
            {"all": [rule("tags", "in", ["vip", 7]), rule("x", "set")]},
        ]
    )
    assert [str(unmet) for unmet in written.unmet(an_activity())] == [
        "Talk Time gte 60 does not hold: it is 42",
        'tags in "vip", 7 does not hold: it is ["new-lead"]',
    ]
    (first, second) = written.unmet(an_activity(source="Bing", tag_list=["vip"]))
    assert (first.rule.field, first.rule.op, first.rule.value) == ("source", "eq", "Google Ads")
    assert first.actual == '"Bing"'
    assert str(second) == "x set does not hold: it is missing"
    assert written.unmet(an_activity(talk_time=60)) == ()


@pytest.mark.parametrize(
    ("actual", "shown"),
    [
        ("x" * 1000, '"' + "x" * 200 + '…"'),
        (list(range(100)), "[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, …]"),
        ([{"a": 1}, None], "[…, …]"),
        ({"a": 1}, "an object"),
        (True, "true"),
        pytest.param(10**5000, "…", id="5,001 digits"),
    ],
)
def test_an_explanation_stays_short_whatever_the_activity_holds(actual, shown):
    (unmet,) = a_filter(("f", "eq", "nothing like it")).unmet({"f": actual})
    assert unmet.actual == shown


def test_every_field_that_is_no_path_is_reported_with_its_place():
    with pytest.raises(Malformed) as caught:
        a_filter(
            any=[
                {"all": [rule("ok", "set"), rule("a..b", "set")]},
                {"all": [rule("a b", "set")]},
            ]
        )
    assert [fault.field for fault in caught.value.faults] == [
        "any[0].all[1].field",
        "any[1].all[0].field",
    ]
