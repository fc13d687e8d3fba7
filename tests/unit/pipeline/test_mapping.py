"""Rows of a mapping: what each finds, what becomes of it, and what is wrong before it is kept."""

import pytest

from pipeline.activity_fields import ELEMENTS_MAX, TEXT_CHARACTERS_MAX
from pipeline.mapping import map_rows, mapping_faults
from pipeline.transforms import Surroundings
from tests.support.builders import a_source

NUMBER = "+17205550123"


def rows_of(*rows):
    return a_source(mapping=[*rows]).mapping


def mapped(payload, *rows, regions=("US",)):
    return map_rows(rows_of(*rows), payload, Surroundings(payload, regions, "America/Denver"))


def one(payload, **row):
    """Outcome, value and note of a single row."""
    (result,) = mapped(payload, {"target": "name", "paths": ["x"], **row})
    return result.outcome, result.value, result.note


def test_the_first_path_that_holds_something_is_taken():
    payload = {"a": " ", "b": None, "c": [], "d": {"e": "Ann"}, "f": "Bob"}
    (result,) = mapped(payload, {"target": "name", "paths": ["a", "b", "c", "d.e", "f"]})
    assert (result.target, result.outcome) == ("name", "mapped")
    assert (result.path, result.found, result.value) == ("d.e", "Ann", "Ann")
    assert result.fault is None


def test_concat_takes_all_that_its_paths_hold():
    payload = {"first": "Ann", "middle": "", "last": "Lee", "more": ["PhD", "MD"]}
    paths = ["first", "middle", "last", "more"]
    row = {"target": "name", "paths": paths, "transforms": ["concat"]}
    (result,) = mapped(payload, row)
    assert (result.path, result.found) == ("first", ["Ann", "Lee", "PhD", "MD"])
    assert result.value == "Ann Lee PhD MD"
    assert mapped({}, row)[0].outcome == "missing"


def test_a_template_needs_no_path():
    row = {"transforms": [{"type": "template", "template": "{{a}}!"}]}
    assert one({"a": "Ann"}, paths=[], **row) == ("mapped", "Ann!", "")
    assert one({"a": "Ann"}, paths=["none"], **row) == ("mapped", "Ann!", "")


def test_what_is_missing_is_the_default_or_a_fault_where_it_is_required():
    assert one({}) == ("missing", None, "")
    assert one({}, default=" ") == ("missing", None, "")
    assert one({}, default=[None]) == ("missing", None, "")
    assert one({}, default="Nobody", required=True) == ("default", "Nobody", "")
    why = "required, but missing; it is looked for at x"
    assert one({"x": ""}, required=True) == ("rejected", None, why)
    template = [{"type": "template", "template": "{{a}}"}]
    result = one({}, paths=[], transforms=template, required=True)
    assert result == ("rejected", None, "required, but missing")


def test_a_value_that_a_transform_leaves_blank_is_missing():
    split = [{"type": "split", "index": 5}]
    assert one({"x": "a,b"}, transforms=split) == ("missing", None, "")
    assert one({"x": "a,b"}, transforms=split, default="c") == ("default", "c", "")


BAD = {"target": "talk_time", "paths": ["x"]}
WHY = "must be a number, not below 0"


@pytest.mark.parametrize(
    ("row", "outcome", "value"),
    [
        ({}, "rejected", None),
        ({"on_error": "keep"}, "kept", "soon"),
        ({"on_error": "null"}, "nulled", None),
        ({"on_error": "null", "default": "7"}, "default", 7),
        ({"on_error": "null", "required": True}, "rejected", None),
    ],
)
def test_a_value_that_cannot_be_is_treated_as_the_row_says(row, outcome, value):
    (result,) = mapped({"x": "soon"}, {**BAD, **row})
    assert (result.outcome, result.value, result.note) == (outcome, value, WHY)
    assert (result.fault is None) is (outcome != "rejected")
    if result.fault is not None:
        assert str(result.fault) == f"talk_time: {WHY}"


def test_an_object_is_not_kept_as_no_field_holds_one():
    assert one({"x": {"a": 1}}, on_error="keep")[0] == "rejected"


def test_a_default_that_was_never_checked_is_a_fault():
    (result,) = mapped({}, {"target": "talk_time", "default": "soon"})
    assert (result.outcome, result.note) == ("rejected", f"the default {WHY}")


@pytest.mark.parametrize(
    ("target", "given", "value"),
    [
        ("name", 42, "42"),
        ("name", True, "true"),
        ("name", ["a", None, "", 1], "a, 1"),
        ("caller_number", "(720) 555-0123", NUMBER),
        ("caller_number", 7205550123, NUMBER),
        ("caller_number", 7205550123.0, NUMBER),
        ("business_number", "1 720 555 0123", NUMBER),
        ("duration", "61", 61),
        ("duration", 61.9, 61),
        ("latitude", "-39.75", -39.75),
        ("cost", "3.0", 3),
        ("sale.score", 4.0, 4),
        ("sale.conversion", "Sí", True),
        ("sale.conversion", False, False),
        ("tag_list", "a, b,, c", ["a", "b", "c"]),
        ("tag_list", ["a", " ", 3], ["a", "3"]),
        ("tag_list", 7, ["7"]),
        ("paid.campaign", "spring", "spring"),
        ("custom_x", 4.5, 4.5),
        ("custom_x", ["a", 1, None], ["a", 1, None]),
        ("custom_fields.x", False, False),
        ('custom_fields["a b"]', "c", "c"),
        ("custom_fields.custom_y", "c", "c"),
    ],
)
def test_a_value_of_another_type_becomes_that_of_the_field(target, given, value):
    (result,) = mapped({"x": given}, {"target": target, "paths": ["x"]})
    assert (result.outcome, result.value) == ("mapped", value)


@pytest.mark.parametrize(
    ("target", "given", "why"),
    [
        ("name", {"a": 1}, "must be text, and is an object or a list of them"),
        ("name", [{"a": 1}], "must be text, and is an object or a list of them"),
        ("name", "x" * (TEXT_CHARACTERS_MAX + 1), "characters, more than"),
        ("caller_number", "12", "is no telephone number"),
        ("duration", -1, "must be a number, not below 0"),
        ("duration", 2**53, "is too large"),
        ("latitude", "north", "must be a number"),
        ("sale.score", 6, "must be a whole number from 0 to 5"),
        ("sale.score", 4.5, "must be a whole number from 0 to 5"),
        ("sale.conversion", "perhaps", "must be true or false"),
        ("tag_list", [*map(str, range(ELEMENTS_MAX + 1))], "tags, more than"),
        ("custom_x", {"a": 1}, "must be text"),
        ("custom_x", ["a"] * (ELEMENTS_MAX + 1), "elements, more than"),
    ],
)
def test_a_value_that_is_not_of_the_field_s_kind_is_refused(target, given, why):
    (result,) = mapped({"x": given}, {"target": target, "paths": ["x"]})
    assert result.outcome == "rejected"
    assert why in result.note


@pytest.mark.parametrize(
    ("country", "regions"), [("DE", ("US",)), ("+49", ()), ("49", ("FR",)), ("Germany", ("DE",))]
)
def test_a_country_beside_a_number_says_how_to_read_it(country, regions):
    payload = {"phone": "0171 2345678", "land": country}
    rows = (
        {"target": "caller_number", "paths": ["phone"]},
        {"target": "country_code", "paths": ["land"]},
    )
    number, code = mapped(payload, *rows, regions=regions)
    assert number.value == "+491712345678"
    assert code.value == country


def faults(*rows):
    return {fault.field: fault.message for fault in mapping_faults(rows_of(*rows))}


def test_a_mapping_is_checked_before_it_is_kept():
    assert (
        faults(
            {"target": "caller_number", "paths": ["phone"], "transforms": ["trim", "e164"]},
            {"target": "name", "paths": ["a", "b"], "transforms": ["concat"]},
            {"target": "source", "default": "Website"},
            {"target": "notes", "transforms": [{"type": "template", "template": "{{a}}"}]},
            {
                "target": "unix_time",
                "paths": ["t"],
                "transforms": [{"type": "date", "format": "%Y"}],
            },
        )
        == {}
    )


@pytest.mark.parametrize(
    ("row", "field", "why"),
    [
        ({"target": "a b"}, ".target", "not a path"),
        ({"target": "caler_number"}, ".target", "is no field of an activity"),
        ({"target": "id"}, ".target", "is no field of an activity"),
        ({"target": "sale"}, ".target", "is no field of an activity"),
        ({"target": "paid.a.b"}, ".target", "is no field of an activity"),
        ({"target": "tag_list[0]"}, ".target", "lists cannot be filled in part"),
        ({"target": "custom_fields"}, ".target", "a custom field's name has 1 to 100"),
        ({"target": "custom_fields.a.b"}, ".target", "a custom field's name has 1 to 100"),
        ({"target": "custom_fields.fields"}, ".target", "a custom field's name has 1 to 100"),
        ({"target": f"custom_{'x' * 101}"}, ".target", "a custom field's name has 1 to 100"),
        ({"target": "name", "paths": ["ok", "a..b"]}, ".paths[1]", "not a path"),
        ({"target": "name", "paths": []}, ".paths", "needs a path, a default, or a template"),
        ({"target": "duration", "default": "long"}, ".default", "must be a number"),
        ({"target": "caller_number", "default": "7205550123"}, ".default", "set the source's"),
        ({"transforms": ["trim", "concat"]}, ".transforms[1]", "must be the first transform"),
        (
            {"transforms": ["trim", {"type": "template", "template": "{{"}]},
            ".transforms[1].template",
            "line 1, column 1",
        ),
        (
            {"transforms": [{"type": "date", "format": "%Q"}]},
            ".transforms[0].format",
            "%Q is no directive",
        ),
    ],
)
def test_what_is_wrong_with_a_row_is_named_by_its_place(row, field, why):
    found = faults({"target": "name", "paths": ["x"]} | row)
    assert [*found] == [f"[0]{field}"]
    assert why in found[f"[0]{field}"]


def test_a_field_is_filled_by_one_row():
    rows = [{"target": each, "paths": ["x"]} for each in ("custom_a", "name", "custom_fields.a")]
    assert faults(*rows) == {"[2].target": "is filled by mapping[0]: add to its paths"}
