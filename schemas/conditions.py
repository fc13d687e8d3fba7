"""A trigger's conditions: the rules of a filter, and those that ask for the time.

Groups of which one must hold, as in a filter. Beside a rule over a field a group may have
`schedule_open` or `schedule_closed` (days and hours), and `weekday`, in the account's time zone or
one of its own. When a trigger runs because a delivery failed, `failure.status`, `failure.reason`,
`failure.stage` and `failure.attempts` are fields, too.
"""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal

from pydantic import Discriminator, Field, Tag, field_validator, model_validator

from schemas.codec import Many, Record
from schemas.common import TimeZone, form, shown
from schemas.filter import GROUPS_MAX, RULES_MAX, Rule, as_groups

Day = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
# In the order of the week, Monday first, as `datetime.weekday` counts.
DAYS: Final[tuple[Day, ...]] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")

_CLOCK: Final = r"([01][0-9]|2[0-3]):[0-5][0-9]|24:00"
Clock = Annotated[
    str,
    Field(json_schema_extra=shown(f"({_CLOCK})")),
    form(_CLOCK, "must be a time of day from 00:00 to 24:00, such as 09:30"),
]


def _each_once(days: tuple[Day, ...]) -> tuple[Day, ...]:
    if len(set(days)) < len(days):
        raise ValueError("names a day more than once")
    return days


class ScheduleHours(Record):
    """Whether the event's moment lies on one of `days`, from `opens` until before `closes`.

    Hours that end before they begin go on over midnight and belong to the day they began on.
    """

    op: Literal["schedule_open", "schedule_closed"]
    days: Annotated[Many[Day], Field(min_length=1)] = ("mon", "tue", "wed", "thu", "fri")
    opens: Clock = "09:00"
    closes: Clock = "17:00"
    time_zone: TimeZone | None = None

    _days = field_validator("days")(_each_once)

    @model_validator(mode="after")
    def _hours_are_some(self) -> ScheduleHours:
        if self.opens == self.closes:
            raise ValueError("closes: must differ from opens; all day is 00:00 to 24:00")
        return self


class Weekday(Record):
    """Whether the event's moment lies on one of `days`."""

    op: Literal["weekday"]
    days: Annotated[Many[Day], Field(min_length=1)]
    time_zone: TimeZone | None = None

    _days = field_validator("days")(_each_once)


_OF_TIME: Final = {"schedule_open": "hours", "schedule_closed": "hours", "weekday": "weekday"}


def _kind(value: Any) -> str:  # noqa: ANN401 - whatever was written
    op = value.get("op") if isinstance(value, dict) else getattr(value, "op", None)
    return _OF_TIME.get(op, "rule") if isinstance(op, str) else "rule"


Condition = Annotated[
    Annotated[Rule, Tag("rule")]
    | Annotated[ScheduleHours, Tag("hours")]
    | Annotated[Weekday, Tag("weekday")],
    Discriminator(_kind),
]


class ConditionGroup(Record):
    """Conditions that must all hold."""

    all: Annotated[Many[Condition], Field(min_length=1, max_length=RULES_MAX)]


class Conditions(Record):
    """Groups of which one must hold."""

    any: Annotated[Many[ConditionGroup], Field(min_length=1, max_length=GROUPS_MAX)]

    @model_validator(mode="before")
    @classmethod
    def _single_group(cls, value: Any) -> Any:  # noqa: ANN401 - whatever was written
        return as_groups(value)
