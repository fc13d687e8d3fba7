"""Time series in every time zone: each moment of the week has one day, and nothing is lost."""

import json
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo, available_timezones

from hypothesis import given
from hypothesis import strategies as st

from pipeline.filters import ACCEPTS_ALL
from pipeline.timeseries import timeseries_body, week_of
from tests.support.builders import an_activity, an_event
from tests.support.values import json_values

# The years for which zones have rules, and some beyond.
_moments = st.integers(40_000_000, 4_000_000_000)
_zones = st.sampled_from(sorted(available_timezones()))
_series = st.sampled_from(["count", "talk_time", "total_time", "by_source"])


def at(moment_s):
    return an_event(occurred_at=datetime.fromtimestamp(moment_s, UTC).isoformat())


@given(moment_s=_moments, zone=_zones, offset_s=st.integers(0, 8 * 24 * 3_600))
def test_each_moment_of_the_week_has_the_day_that_a_clock_there_shows(moment_s, zone, offset_s):
    week = week_of(at(moment_s), zone, now_s=0)
    assert all(b - a == timedelta(days=1) for a, b in zip(week.days, week.days[1:], strict=False))
    assert week.begin_s <= moment_s < week.end_s
    assert week.day_of({"unix_time": moment_s}) == 6
    tick_s = week.begin_s + offset_s
    shown = datetime.fromtimestamp(tick_s, ZoneInfo(zone)).date()
    day = week.day_of({"unix_time": tick_s})
    assert (day is None) is (tick_s >= week.end_s)
    assert day is None or week.days[day] == shown


@given(
    moment_s=_moments,
    zone=_zones,
    series=_series,
    history=st.lists(
        st.fixed_dictionaries(
            {"id": st.integers(0, 30)},
            optional={
                "unix_time": json_values | _moments,
                "talk_time": json_values,
                "duration": json_values,
                "source": json_values,
            },
        ),
        max_size=10,
    ),
)
def test_whatever_a_history_holds_there_are_seven_values_that_add_up(
    moment_s, zone, series, history
):
    event = at(moment_s)
    own = an_activity(unix_time=moment_s)
    event = event.model_copy(update={"activity": own})
    week = week_of(event, zone, now_s=0)
    body = json.loads(timeseries_body(series, event, history, week, ACCEPTS_ALL))
    assert len(body["days"]) == 7
    for row in body["data"]:
        assert len(row["values"]) == 7
        assert all(value >= 0 for value in row["values"])
        assert abs(sum(row["values"]) - row["total"]) < 1e-6
    assert sum(row["values"][6] for row in body["data"]) >= {"talk_time": 42, "total_time": 61}.get(
        series, 1
    )
