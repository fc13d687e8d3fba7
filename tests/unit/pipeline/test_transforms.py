"""Each transform of a mapping: what it gives, and what it cannot take."""

import pytest

from pipeline.activity_fields import TEXT_CHARACTERS_MAX, UnfitError
from pipeline.dates import format_faults
from pipeline.transforms import Surroundings, is_blank, transformed
from tests.support.builders import a_source

AROUND = Surroundings({"first": "Ann", "n": 3}, ("US",), "America/Denver")


def after(value, *transforms, around=AROUND):
    mapping = [{"target": "name", "paths": ["x"], "transforms": [*transforms]}]
    return transformed(value, a_source(mapping=mapping).mapping[0].transforms, around)


def refused(value, transform, around=AROUND):
    with pytest.raises(UnfitError) as caught:
        after(value, transform, around=around)
    return str(caught.value)


@pytest.mark.parametrize(
    ("value", "transform", "result"),
    [
        (" Ann ", "trim", "Ann"),
        ("ÄB", "lower", "äb"),
        ("äb", "upper", "ÄB"),
        ("(720) 555-0123", "digits", "7205550123"),
        (42, "trim", "42"),
        ([" a ", "b"], "trim", ["a", "b"]),
        ("Ja", "bool", True),
        ("off", "bool", False),
        (True, "bool", True),
        (0, "bool", False),
        (12.5, "number", 12.5),
        ("1,234.50", "number", 1234.5),
        ("$.50", "number", 0.5),
        ("Rs.500", "number", 500),
        ("-5", "number", -5),
        ("1'000", "number", 1000),
        ("12 %", "number", 12),
        ("1.234,50 €", {"type": "number", "decimal": ","}, 1234.5),
        ("1 234,5", {"type": "number", "decimal": ","}, 1234.5),
        ("(720) 555-0123", "e164", "+17205550123"),
        ("030 123456", {"type": "e164", "region": "DE"}, "+4930123456"),
        (17205550123, "e164", "+17205550123"),
        ("a, b ,c", {"type": "split", "index": 1}, "b"),
        ("a|b", {"type": "split", "by": "|", "index": -1}, "b"),
        (["a", {"b": 1}], {"type": "split", "index": 1}, {"b": 1}),
        ("a,b", {"type": "split", "index": 2}, None),
        (["Ann", " ", None, "Lee "], "concat", "Ann Lee"),
        (["a", 1], {"type": "concat", "separator": "-"}, "a-1"),
        ("Ann", "concat", "Ann"),
        ("WEB", {"type": "lookup", "table": {"web ": "Website"}}, "Website"),
        ("x", {"type": "lookup", "table": {"web": 1}, "otherwise": "Other"}, "Other"),
        (" x ", {"type": "template", "template": "{{first}}{{value}}{{n}}"}, "Ann x 3"),
        (None, {"type": "template", "template": "{{first}}"}, "Ann"),
        ("x", {"type": "template", "template": "{{none}}"}, None),
    ],
)
def test_a_transform_gives_what_its_name_says(value, transform, result):
    assert after(value, transform) == result


@pytest.mark.parametrize(
    ("value", "transform", "why"),
    [
        ("maybe", "bool", "bool: must be true or false"),
        ({"a": 1}, "bool", "bool: must be true or false"),
        ({"a": 1}, "trim", "trim: must be text, and is an object or a list of them"),
        ("none", "number", "number: must hold one number"),
        ("5 of 7", "number", "number: must hold one number"),
        (True, "number", "number: must hold one number"),
        ("1.234,50", "number", "number: is no number with '.' before its fraction"),
        ("12", "e164", "e164: is no telephone number, neither with a country's code nor in US"),
        ("x", {"type": "lookup", "table": {"web": 1}}, "lookup: 'x' is not in the table"),
        ("x", {"type": "template", "template": "{{#a}}"}, "template: line 1, column 1"),
    ],
)
def test_what_a_transform_cannot_take_is_said_with_its_name(value, transform, why):
    assert refused(value, transform).startswith(why)


def test_a_number_without_a_country_is_read_where_one_is_told():
    nowhere = Surroundings({}, (), "UTC")
    assert "for national ones set the source's region" in refused("7205550123", "e164", nowhere)
    two = Surroundings({}, ("US", "DE"), "UTC")
    assert after("0171 2345678", "e164", around=two) == "+491712345678"
    assert refused("12", "e164", two).endswith("nor in US or DE")


def test_transforms_follow_each_other_until_nothing_is_left():
    assert after(" Ann Lee ", "trim", {"type": "split", "by": " "}, "upper") == "ANN"
    assert after("  ", "trim", "bool") is None


def test_a_text_is_bounded():
    assert "more than" in refused("x" * (TEXT_CHARACTERS_MAX + 1), "trim")
    long = {"type": "template", "template": "{{value}}" * 3}
    assert "more than" in refused("x" * TEXT_CHARACTERS_MAX, long)


@pytest.mark.parametrize("value", [None, "", " \n", [], {}])
def test_what_is_blank_was_not_given(value):
    assert is_blank(value)
    assert not is_blank([value])


@pytest.mark.parametrize(
    ("value", "settings", "iso", "unix"),
    [
        ("2026-05-01T23:48:05Z", {}, "2026-05-01T23:48:05+00:00", 1777679285),
        ("2026-05-01 17:48", {}, "2026-05-01T17:48:00-06:00", 1777679280),
        (1777679285, {}, "2026-05-01T23:48:05+00:00", 1777679285),
        ("1777679285123", {}, "2026-05-01T23:48:05.123000+00:00", 1777679285),
        ("Fri, 01 May 2026 23:48:05 +0200", {}, "2026-05-01T23:48:05+02:00", 1777672085),
        ("20260501", {}, "2026-05-01T00:00:00-06:00", 1777615200),
        ("5/1/2026", {"format": "%m/%d/%Y"}, "2026-05-01T00:00:00-06:00", 1777615200),
        (
            "01.05.2026   23:48",
            {"format": "%d.%m.%Y %H:%M", "time_zone": "Europe/Paris"},
            "2026-05-01T23:48:00+02:00",
            1777672080,
        ),
    ],
)
def test_a_time_is_read_however_it_is_written(value, settings, iso, unix):
    assert after(value, {"type": "date", **settings}) == iso
    assert after(value, {"type": "date", **settings, "to": "unix"}) == unix


@pytest.mark.parametrize(
    ("value", "written", "why"),
    [
        ("5/1/2026", None, "date: '5/1/2026' is no date in ISO 8601: give its format"),
        ("2026-13-01", "%Y-%m-%d", "date: '2026-13-01' is not written like %Y-%m-%d"),
        ("9" * 30, None, "is no date in ISO 8601"),
        ("0001-01-01", None, "is in the year 1"),
        ("x" * 101, None, "is no date: it is too long"),
    ],
)
def test_what_is_no_time_is_said(value, written, why):
    assert why in refused(value, {"type": "date", "format": written})


@pytest.mark.parametrize(
    ("written", "why"),
    [
        ("%d.%m.%Y %H:%M:%S %z", None),
        ("%B %d,  %Y at %I:%M %p", None),
        ("100%% %Y", None),
        ("%x", "%x is no directive"),
        ("%", "% is no directive"),
        ("%Y-%Y", "each directive may stand once"),
    ],
)
def test_a_format_is_checked_before_it_is_kept(written, why):
    faults = format_faults(written)
    assert (faults == ()) if why is None else (why in faults[0].message)
