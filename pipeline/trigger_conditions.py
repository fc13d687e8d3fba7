"""A trigger's conditions, compiled once and then only asked: rules over fields, hours, weekdays.

Rules hold as a filter's do, over the activity and, where a delivery's failure runs the trigger,
over `failure`. Hours and weekdays are those of the moment in the account's time zone, or in one of
their own: opening hours hold from the minute they begin until before the one they end in.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, TypeAlias
from zoneinfo import ZoneInfo

from pipeline.filters import Condition, Unmet, condition_of
from schemas.codec import Fault, Malformed
from schemas.conditions import DAYS, Conditions, ScheduleHours, Weekday
from schemas.filter import Rule

# Moments that a calendar in any time zone has, until the year 2109: others are mistakes upstream.
_MOMENT_MS_MAX: Final = 2**42


@dataclass(frozen=True, slots=True)
class Moment:
    """A time in milliseconds since the epoch, and the time zone of the account it is about."""

    at_ms: int
    time_zone: str

    def local(self, own_zone: str | None) -> datetime:
        """The wall clock then, in `own_zone` where a condition has one."""
        zone = ZoneInfo(own_zone or self.time_zone)
        return datetime.fromtimestamp(self.at_ms // 1_000, UTC).astimezone(zone)


def moment_of(occurred_at: str | None, time_zone: str, else_ms: int) -> Moment:
    """The moment at which upstream says something happened; another where it says none."""
    try:
        told = datetime.fromisoformat(occurred_at or "")
    except ValueError:
        return Moment(else_ms, time_zone)
    told = told.replace(tzinfo=UTC) if told.tzinfo is None else told
    told_ms = int(told.timestamp() * 1_000)
    return Moment(told_ms if 0 <= told_ms < _MOMENT_MS_MAX else else_ms, time_zone)


@dataclass(frozen=True, slots=True)
class UnmetTime:
    """A condition on the time that did not hold, and what time it was."""

    asked: ScheduleHours | Weekday
    local: datetime

    def __str__(self) -> str:
        """One sentence for a person."""
        days = ", ".join(self.asked.days)
        hours = (
            "" if isinstance(self.asked, Weekday) else f" {self.asked.opens}-{self.asked.closes}"
        )
        was = f"{DAYS[self.local.weekday()]} {self.local:%H:%M} in {self.local.tzinfo}"
        return f"{self.asked.op} {days}{hours} does not hold: it was {was}"


@dataclass(frozen=True, slots=True)
class TimeCondition:
    """A condition on the moment."""

    asked: ScheduleHours | Weekday

    def holds(self, moment: Moment) -> bool:
        """Whether the moment is as the condition says."""
        asked, local = self.asked, moment.local(self.asked.time_zone)
        if isinstance(asked, Weekday):
            return DAYS[local.weekday()] in asked.days
        return _is_open(asked, local) is (asked.op == "schedule_open")

    def unmet(self, moment: Moment) -> UnmetTime:
        """Why it did not hold then."""
        return UnmetTime(self.asked, moment.local(self.asked.time_zone))


_Any: TypeAlias = Condition | TimeCondition


@dataclass(frozen=True, slots=True)
class CompiledConditions:
    """Conditions ready to be asked. Without groups they accept everything."""

    groups: tuple[tuple[_Any, ...], ...] = ()

    def accepts(self, fields: dict[str, Any], moment: Moment) -> bool:
        """Whether one of the groups holds; never raises, whatever the fields hold."""
        if not self.groups:
            return True
        return any(all(_holds(it, fields, moment) for it in group) for group in self.groups)

    def unmet(self, fields: dict[str, Any], moment: Moment) -> tuple[Unmet | UnmetTime, ...]:
        """Why they do not: each group's first condition that does not hold; empty if they do."""
        found: list[Unmet | UnmetTime] = []
        for group in self.groups:
            failed = next((it for it in group if not _holds(it, fields, moment)), None)
            if failed is None:
                return ()
            if isinstance(failed, TimeCondition):
                found.append(failed.unmet(moment))
            else:
                found.append(failed.unmet(fields))
        return tuple(found)


ALWAYS: Final = CompiledConditions()


def compile_conditions(written: Conditions | None) -> CompiledConditions:
    """The conditions, ready to be asked; raises `Malformed` with the path of each bad one."""
    if written is None:
        return ALWAYS
    faults: list[Fault] = []
    groups = [
        [
            _compiled(condition, f"any[{at}].all[{index}]", faults)
            for index, condition in enumerate(group.all)
        ]
        for at, group in enumerate(written.any)
    ]
    if faults:
        raise Malformed(tuple(faults))
    return CompiledConditions(tuple(tuple(filter(None, group)) for group in groups))


def _compiled(
    condition: Rule | ScheduleHours | Weekday, path: str, faults: list[Fault]
) -> _Any | None:
    if isinstance(condition, Rule):
        return condition_of(condition, path, faults)
    return TimeCondition(condition)


def _holds(condition: _Any, fields: dict[str, Any], moment: Moment) -> bool:
    if isinstance(condition, TimeCondition):
        return condition.holds(moment)
    return condition.holds(fields)


def _is_open(hours: ScheduleHours, local: datetime) -> bool:
    today, yesterday = (DAYS[(local.weekday() - back) % len(DAYS)] for back in (0, 1))
    opens, closes, now = _minute(hours.opens), _minute(hours.closes), local.hour * 60 + local.minute
    if opens < closes:
        return today in hours.days and opens <= now < closes
    return (today in hours.days and now >= opens) or (yesterday in hours.days and now < closes)


def _minute(clock: str) -> int:
    hour, _, minute = clock.partition(":")
    return int(hour) * 60 + int(minute)
