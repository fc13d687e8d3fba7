"""The last seven days of an account in figures: a value a day, for a dashboard.

A day is a calendar day of the account's time zone, so with daylight saving it has 23 or 25 hours;
the last of the seven is the day of the event. An activity counts on the day it began, once, however
often it is told; days without any are zero. What has no time of its own is not counted.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from itertools import chain
from typing import Any, Final, Literal, Protocol, TypeAlias
from zoneinfo import ZoneInfo

import pydantic_core

from pipeline.comparisons import decimal_of
from pipeline.filters import CompiledFilter
from pipeline.paths import as_text
from schemas.event import Event

Series: TypeAlias = Literal["count", "talk_time", "total_time", "by_source"]

DAYS: Final = 7
# A dashboard shows a few; whoever has thousands gets the largest by name, and the rest as one.
SOURCES_MAX: Final = 100
# No call lasts longer than the window; a larger figure is a mistake upstream and counts as none.
SECONDS_MAX: Final = DAYS * 24 * 60 * 60

NO_SOURCE: Final = "(none)"
OTHER_SOURCES: Final = "(other)"

# Beyond these years a calendar day may have no neighbour, or no number in seconds.
_YEARS: Final = range(1971, 9999)


class RecentActivities(Protocol):
    """Where the activities of the last days come from."""

    async def between(self, account_id: int, begin_s: int, end_s: int) -> Iterable[dict[str, Any]]:
        """The latest snapshot of each activity that began from `begin_s` until before `end_s`.

        Both are seconds since 1970. Raises `HistoryAwayError` while there is no telling, and
        `TooManyActivitiesError`.
        """


class HistoryAwayError(Exception):
    """The history cannot be asked now; later it may."""


class TooManyActivitiesError(ValueError):
    """An account has more activities in its week than one body is made of."""


@dataclass(frozen=True, slots=True)
class Week:
    """Seven local days, from `begin_s` until before `end_s` in seconds since 1970."""

    zone: ZoneInfo
    days: tuple[date, ...]
    begin_s: int
    end_s: int

    def day_of(self, activity: dict[str, Any]) -> int | None:
        """Which of the days, from 0, an activity began on; None when on none of them."""
        at_s = decimal_of(activity.get("unix_time"))
        if at_s is None or not self.begin_s <= at_s < self.end_s:
            return None
        return (datetime.fromtimestamp(int(at_s), self.zone).date() - self.days[0]).days


def week_of(event: Event, time_zone: str, *, now_s: int) -> Week:
    """The seven days up to the event's, or up to `now_s` when the event does not say its time."""
    zone = ZoneInfo(time_zone)
    last = (_occurred_at(event) or datetime.fromtimestamp(now_s, zone)).astimezone(zone).date()
    days = tuple(last - timedelta(days=back) for back in reversed(range(DAYS)))
    end = last + timedelta(days=1)
    return Week(zone, days, _midnight_s(days[0], zone), _midnight_s(end, zone))


def timeseries_body(
    series: Series,
    event: Event,
    history: Iterable[dict[str, Any]],
    week: Week,
    accepts: CompiledFilter,
) -> str:
    """The JSON body of a time-based format.

    The event's own activity counts as the event has it: the history may not have heard of it yet.
    """
    counted = list(_counted(series, chain((event.activity,), history), week, accepts))
    rows = _by_source(counted) if series == "by_source" else [_row(series, counted)]
    body = {
        "format": "timeseries_7d",
        "series": series,
        "account_id": event.account_id,
        "time_zone": week.zone.key,
        "days": [day.isoformat() for day in week.days],
        "data": rows,
    }
    return pydantic_core.to_json(body).decode()


@dataclass(frozen=True, slots=True)
class _Counted:
    """What an activity adds to its day; the activity itself may be long, and there may be many."""

    day: int
    value: Decimal
    source: str


def _counted(
    series: Series, activities: Iterable[dict[str, Any]], week: Week, accepts: CompiledFilter
) -> Iterator[_Counted]:
    """Each activity of the week that the filter accepts, as it is told first."""
    told: set[str] = set()
    for each in activities:
        activity_id = str(each.get("id"))
        if activity_id in told:
            continue
        told.add(activity_id)
        day = week.day_of(each)
        if day is not None and accepts.accepts(each):
            source = as_text(each.get("source")) or NO_SOURCE
            yield _Counted(day, _value(series, each), source)


def _row(name: str, counted: Iterable[_Counted]) -> dict[str, Any]:
    values = [Decimal(0)] * DAYS
    for each in counted:
        values[each.day] += each.value
    return {
        "name": name,
        "values": [*map(_plain, values)],
        "total": _plain(sum(values, Decimal(0))),
    }


def _by_source(counted: Iterable[_Counted]) -> list[dict[str, Any]]:
    """A row for each source, the largest first."""
    by_name: dict[str, list[_Counted]] = {}
    for each in counted:
        by_name.setdefault(each.source, []).append(each)
    ordered = sorted(by_name.items(), key=lambda pair: (-len(pair[1]), pair[0]))
    if len(ordered) > SOURCES_MAX:
        rest = [each for _, rows in ordered[SOURCES_MAX - 1 :] for each in rows]
        ordered = [*ordered[: SOURCES_MAX - 1], (OTHER_SOURCES, rest)]
    return [_row(name, rows) for name, rows in ordered]


def _value(series: Series, activity: dict[str, Any]) -> Decimal:
    if series in {"count", "by_source"}:
        return Decimal(1)
    seconds = decimal_of(activity.get("talk_time" if series == "talk_time" else "duration"))
    return seconds if seconds is not None and 0 <= seconds <= SECONDS_MAX else Decimal(0)


def _plain(value: Decimal) -> int | float:
    return int(value) if value == int(value) else float(value)


def _occurred_at(event: Event) -> datetime | None:
    """When the event happened, with its zone; None when it does not say so in RFC 3339."""
    try:
        at = datetime.fromisoformat(event.occurred_at or "")
    except ValueError:
        return None
    return at if at.tzinfo is not None and at.year in _YEARS else None


def _midnight_s(day: date, zone: ZoneInfo) -> int:
    """The day's first moment; where the clocks skip midnight, the moment after the gap."""
    return int(datetime.combine(day, time.min, zone).timestamp())
