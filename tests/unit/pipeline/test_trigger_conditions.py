"""A trigger's conditions: rules as in a filter, opening hours and weekdays in a time zone."""

from datetime import UTC, datetime

import pytest

from pipeline.trigger_conditions import ALWAYS, Moment, compile_conditions, moment_of
from schemas.codec import Malformed, validate
from schemas.conditions import Conditions
from tests.support.builders import NOW_MS, an_activity

DENVER = "America/Denver"
# 2026-05-01 is a Friday; 17:48 in Denver.
FRIDAY = Moment(NOW_MS, DENVER)


def compiled(*conditions):
    return compile_conditions(validate(Conditions, {"all": list(conditions)}))


def at(text, zone=DENVER):
    """The moment at which clocks in `zone`, on MDT in summer, show `text`."""
    return moment_of(f"{text}-06:00", zone, 0)


def holds(condition, moment):
    return compiled(condition).accepts({}, moment)


def test_without_conditions_everything_is_accepted():
    assert compile_conditions(None) is ALWAYS
    assert ALWAYS.accepts({}, FRIDAY)
    assert ALWAYS.unmet({}, FRIDAY) == ()


def test_one_group_must_hold_as_a_whole():
    long_call = {"field": "talk_time", "op": "gte", "value": 40}
    sunday = {"op": "weekday", "days": ["sun"]}
    activity = an_activity(talk_time=42)
    assert not compiled(long_call, sunday).accepts(activity, FRIDAY)
    either = validate(Conditions, {"any": [{"all": [sunday]}, {"all": [long_call]}]})
    assert compile_conditions(either).accepts(activity, FRIDAY)
    assert compile_conditions(either).unmet(activity, FRIDAY) == ()


def test_each_group_says_what_did_not_hold():
    written = {
        "any": [
            {"all": [{"field": "talk_time", "op": "gte", "value": 60}]},
            {"all": [{"op": "weekday", "days": ["sat", "sun"]}]},
            {"all": [{"op": "schedule_open", "time_zone": "Europe/Paris"}]},
        ]
    }
    unmet = compile_conditions(validate(Conditions, written)).unmet(an_activity(), FRIDAY)
    rule, weekday, hours = map(str, unmet)
    assert rule == "talk_time gte 60 does not hold: it is 42"
    assert weekday == "weekday sat, sun does not hold: it was fri 17:48 in America/Denver"
    was = "it was sat 01:48 in Europe/Paris"
    asked = "schedule_open mon, tue, wed, thu, fri 09:00-17:00"
    assert hours == f"{asked} does not hold: {was}"


@pytest.mark.parametrize(
    ("local", "is_open"),
    [
        ("2026-05-01T08:59:59", False),
        ("2026-05-01T09:00:00", True),
        ("2026-05-01T16:59:59", True),
        ("2026-05-01T17:00:00", False),
        ("2026-05-02T12:00:00", False),  # Saturday
    ],
)
def test_hours_are_open_from_their_beginning_until_before_their_end(local, is_open):
    assert holds({"op": "schedule_open"}, at(local)) is is_open
    assert holds({"op": "schedule_closed"}, at(local)) is not is_open


@pytest.mark.parametrize(
    ("local", "is_open"),
    [
        ("2026-05-01T21:59:00", False),
        ("2026-05-01T22:00:00", True),
        ("2026-05-02T05:59:00", True),  # Saturday, but of Friday's night
        ("2026-05-02T06:00:00", False),
        ("2026-05-02T23:00:00", False),
        ("2026-05-01T01:00:00", False),  # of Thursday's night
    ],
)
def test_hours_over_midnight_belong_to_the_day_they_began_on(local, is_open):
    night = {"op": "schedule_open", "days": ["fri"], "opens": "22:00", "closes": "06:00"}
    assert holds(night, at(local)) is is_open


def test_a_whole_day_ends_at_24_00():
    day = {"op": "schedule_open", "days": ["fri"], "opens": "00:00", "closes": "24:00"}
    assert holds(day, at("2026-05-01T00:00:00"))
    assert holds(day, at("2026-05-01T23:59:59"))
    assert not holds(day, at("2026-05-02T00:00:00"))


def test_the_clock_is_the_accounts_through_the_change_to_summer_time():
    opening = {"op": "schedule_open", "days": ["sun"], "opens": "03:00", "closes": "04:00"}
    # On 2026-03-08 Denver's clocks go from 02:00 MST to 03:00 MDT, at 09:00 UTC.
    before = moment_of("2026-03-08T08:59:00+00:00", DENVER, 0)
    after = moment_of("2026-03-08T09:00:00+00:00", DENVER, 0)
    assert (holds(opening, before), holds(opening, after)) == (False, True)


def test_a_condition_may_have_a_time_zone_of_its_own():
    friday = {"op": "weekday", "days": ["fri"]}
    assert holds(friday, FRIDAY)
    assert not holds({**friday, "time_zone": "Asia/Tokyo"}, FRIDAY)


@pytest.mark.parametrize(
    ("occurred_at", "at_ms"),
    [
        ("2026-05-01T23:48:05Z", NOW_MS),
        ("2026-05-01T17:48:05-06:00", NOW_MS),
        ("2026-05-01T23:48:05", NOW_MS),  # UTC, unless it says otherwise
        (None, 7),
        ("yesterday", 7),
        ("0001-01-01T00:00:00+14:00", 7),
        ("9999-12-31T23:59:59-14:00", 7),
    ],
)
def test_the_moment_is_upstreams_where_it_is_usable(occurred_at, at_ms):
    assert moment_of(occurred_at, "UTC", 7) == Moment(at_ms, "UTC")


def test_a_moment_is_shown_by_the_clock_of_its_zone():
    assert FRIDAY.local(None).isoformat() == "2026-05-01T17:48:05-06:00"
    assert FRIDAY.local("UTC") == datetime(2026, 5, 1, 23, 48, 5, tzinfo=UTC)


def test_every_field_that_is_no_path_is_a_fault_with_its_place():
    with pytest.raises(Malformed) as caught:
        compiled({"op": "weekday", "days": ["mon"]}, {"field": "a..b", "op": "set"})
    (fault,) = caught.value.faults
    assert fault.field == "any[0].all[1].field"
