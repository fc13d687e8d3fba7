"""Time series: seven local days up to the event's, zeros filled, whatever the clocks do."""

import json
from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from pipeline.filters import ACCEPTS_ALL, compile_filter
from pipeline.timeseries import SOURCES_MAX, timeseries_body, week_of
from schemas.codec import validate
from schemas.filter import Filter
from tests.support.builders import an_activity, an_event

DENVER = "America/Denver"
NOW_S = 1_777_679_285  # 2026-05-01 17:48:05 in Denver
WEEK = [f"2026-{day}" for day in ("04-25", "04-26", "04-27", "04-28", "04-29", "04-30", "05-01")]


def at(local, time_zone=DENVER):
    """Seconds since 1970 of a local time such as `2026-05-01 17:48`."""
    return int(datetime.fromisoformat(local).replace(tzinfo=ZoneInfo(time_zone)).timestamp())


def a_call(id_, local, **fields):
    return an_activity(id=id_, unix_time=at(local), **fields)


def body(series, *history, event=None, time_zone=DENVER, accepts=ACCEPTS_ALL):
    event = event or an_event(activity=a_call(1, "2026-05-01 17:40"))
    week = week_of(event, time_zone, now_s=NOW_S)
    return json.loads(timeseries_body(series, event, history, week, accepts))


def values(series, *history, **given):
    (row,) = body(series, *history, **given)["data"]
    assert row["total"] == sum(row["values"])
    return row["values"]


def test_the_body_names_its_days_and_has_a_value_for_each():
    assert body("count", a_call(2, "2026-04-25 00:00")) == {
        "format": "timeseries_7d",
        "series": "count",
        "account_id": 25,
        "time_zone": DENVER,
        "days": WEEK,
        "data": [{"name": "count", "values": [1, 0, 0, 0, 0, 0, 1], "total": 2}],
    }


def test_a_day_is_the_accounts_own():
    evening = a_call(2, "2026-04-30 23:59")
    assert values("count", evening) == [0, 0, 0, 0, 0, 1, 1]
    assert values("count", evening, time_zone="UTC") == [0, 0, 0, 0, 0, 0, 2]
    # In Tokyo it is the next morning already.
    assert body("count", time_zone="Asia/Tokyo")["days"][-1] == "2026-05-02"


@pytest.mark.parametrize(
    ("local", "day"),
    [
        ("2026-04-24 23:59:59", None),
        ("2026-04-25 00:00:00", 0),
        ("2026-04-25 23:59:59", 0),
        ("2026-04-26 00:00:00", 1),
        ("2026-05-01 23:59:59", 6),
        ("2026-05-02 00:00:00", None),
    ],
)
def test_the_week_is_bounded_by_local_midnights(local, day):
    week = week_of(an_event(), DENVER, now_s=NOW_S)
    assert week.day_of(a_call(2, local)) == day
    assert (week.begin_s, week.end_s) == (at("2026-04-25 00:00"), at("2026-05-02 00:00"))


@pytest.mark.parametrize(
    ("time_zone", "day", "hours"),
    [
        (DENVER, "2026-03-08", 23),
        (DENVER, "2026-11-01", 25),
        ("America/Havana", "2026-03-08", 23),  # midnight itself is skipped
        ("America/Havana", "2026-11-01", 25),  # midnight comes twice
        ("Australia/Lord_Howe", "2026-04-05", 24.5),
        ("UTC", "2026-03-08", 24),
        ("Pacific/Apia", "2011-12-30", 0),  # the date line moved: nobody there had this day
    ],
)
def test_a_day_on_which_the_clocks_change_has_all_of_its_hours(time_zone, day, hours):
    event = an_event(occurred_at=f"{day}T12:00:00Z", activity=an_activity())
    week = week_of(event, time_zone, now_s=NOW_S)
    index = [each.isoformat() for each in week.days].index(day)
    ticks = range(week.begin_s, week.end_s, 1_800)
    counted = [week.day_of({"unix_time": tick}) for tick in ticks]
    assert counted.count(index) / 2 == hours
    assert None not in counted
    assert counted == sorted(counted)


@pytest.mark.parametrize(
    ("occurred_at", "last_day"),
    [
        ("2026-05-01T23:48:05Z", "2026-05-01"),
        ("2026-05-02T05:59:00+00:00", "2026-05-01"),
        ("2026-05-02T00:00:00-06:00", "2026-05-02"),
        # none of these says when, so it is now
        (None, "2026-05-01"),
        ("", "2026-05-01"),
        ("yesterday", "2026-05-01"),
        ("2026-04-01T00:00:00", "2026-05-01"),
        ("0001-01-01T00:00:00Z", "2026-05-01"),
        ("9999-12-31T23:59:59Z", "2026-05-01"),
    ],
)
def test_the_last_day_is_that_of_the_event(occurred_at, last_day):
    week = week_of(an_event(occurred_at=occurred_at), DENVER, now_s=NOW_S)
    assert week.days[-1].isoformat() == last_day
    assert len(week.days) == 7


def test_talk_time_and_total_time_are_sums_of_seconds():
    calls = [
        a_call(2, "2026-05-01 09:00", talk_time=10, duration=25),
        a_call(3, "2026-05-01 10:00", talk_time="20.5", duration="30"),
        a_call(4, "2026-04-29 10:00", talk_time=0, duration=32),
    ]
    assert values("talk_time", *calls) == [0, 0, 0, 0, 0, 0, 72.5]
    assert values("total_time", *calls) == [0, 0, 0, 0, 32, 0, 116]


@pytest.mark.parametrize(
    "seconds",
    [None, "", "long", True, -1, 604_801, 10**400, float("nan"), float("inf"), [7], {"s": 7}],
)
def test_a_duration_that_cannot_be_one_counts_as_none(seconds):
    event = an_event(activity=a_call(1, "2026-05-01 17:40", talk_time=seconds))
    assert values("talk_time", event=event) == [0] * 7
    assert values("count", event=event) == [0, 0, 0, 0, 0, 0, 1]


@pytest.mark.parametrize(
    "unix_time", [None, "", "noon", True, -1, 0, 10**400, 1e300, "1777679285e9", [1_777_679_285]]
)
def test_an_activity_without_a_time_in_the_week_is_not_counted(unix_time):
    event = an_event(activity=an_activity(unix_time=unix_time))
    assert values("count", event=event) == [0] * 7


@pytest.mark.parametrize("unix_time", [1_777_679_285.75, "1777679285", "1777679285.9"])
def test_a_time_may_have_a_fraction_or_be_written_as_text(unix_time):
    event = an_event(activity=an_activity(unix_time=unix_time))
    assert values("count", event=event) == [0, 0, 0, 0, 0, 0, 1]


def test_each_source_has_a_row_the_largest_first():
    calls = [
        a_call(2, "2026-04-25 09:00", source="Bing"),
        a_call(3, "2026-04-26 09:00", source="Bing"),
        a_call(4, "2026-04-26 10:00", source=""),
        a_call(5, "2026-04-26 10:00", source=None),
        a_call(6, "2026-04-26 10:00", source="Bing"),
    ]
    assert body("by_source", *calls)["data"] == [
        {"name": "Bing", "values": [1, 2, 0, 0, 0, 0, 0], "total": 3},
        {"name": "(none)", "values": [0, 2, 0, 0, 0, 0, 0], "total": 2},
        {"name": "Google Ads", "values": [0, 0, 0, 0, 0, 0, 1], "total": 1},
    ]
    nothing = an_event(activity=an_activity(unix_time=None))
    assert body("by_source", event=nothing)["data"] == []


def test_beyond_a_hundred_sources_the_rest_is_one_row():
    calls = [a_call(i, "2026-04-30 09:00", source=f"s{i:03}") for i in range(2, SOURCES_MAX + 1)]
    assert len(body("by_source", *calls)["data"]) == SOURCES_MAX
    assert all(row["total"] == 1 for row in body("by_source", *calls)["data"])
    more = [a_call(i, "2026-04-30 09:00", source=f"t{i:03}") for i in range(200, 300)]
    rows = body("by_source", *calls, *more)["data"]
    assert len(rows) == SOURCES_MAX
    assert rows[-1] == {"name": "(other)", "values": [0, 0, 0, 0, 0, 101, 0], "total": 101}


def test_the_webhooks_filter_holds_for_what_is_counted_too():
    rule = {"field": "Tracking Source", "op": "eq", "value": "Bing"}
    accepts = compile_filter(validate(Filter, {"all": [rule]}))
    calls = [a_call(2, "2026-04-30 09:00", source="bing"), a_call(3, "2026-04-30 10:00")]
    assert values("count", *calls, accepts=accepts) == [0, 0, 0, 0, 0, 1, 0]


def test_an_activity_counts_once_and_the_events_own_as_the_event_has_it():
    ended = an_event(activity=a_call(1, "2026-05-01 17:40", talk_time=10))
    started = a_call("1", "2026-05-01 17:40", talk_time=None)
    assert values("count", started, started, event=ended) == [0, 0, 0, 0, 0, 0, 1]
    assert values("talk_time", started, event=ended) == [0, 0, 0, 0, 0, 0, 10]
