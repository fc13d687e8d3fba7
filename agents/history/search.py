"""What is searched for in the history, and the conditions that say so in SQL.

Lists are newest first and are walked along an index. Of the columns that are looked for the one
that leaves the fewest rows is left to the index, and the others are asked of each row: with two to
choose from, a database without statistics may take the wrong one.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import ColumnElement, exists, tuple_

from agents.history.cursors import Place
from agents.history.tables import ACTIVITIES, ATTEMPTS, DELIVERIES

# The places of rows in each list's order, for cursors of the right form.
ACTIVITY_PLACE: Final[Place] = (0, "")
DELIVERY_PLACE: Final[Place] = (0, "")
ATTEMPT_PLACE: Final[Place] = (0, 0, 0)


@dataclass(frozen=True, slots=True)
class Window:
    """From `begin_ms` until before `end_ms`, in milliseconds since the epoch; None is open."""

    begin_ms: int | None = None
    end_ms: int | None = None


ALWAYS: Final = Window()


@dataclass(frozen=True, slots=True)
class ActivitySearch:
    """Which activities; None asks for nothing."""

    phase: str | None = None
    kind: str | None = None
    source: str | None = None
    window: Window = ALWAYS


@dataclass(frozen=True, slots=True)
class DeliverySearch:
    """Which deliveries; None asks for nothing."""

    webhook_id: str | None = None
    activity_id: str | None = None
    event_id: str | None = None
    status: str | None = None
    phase: str | None = None
    reason: str | None = None
    is_test: bool | None = None
    channel: str | None = None
    trigger_id: str | None = None
    replay_id: str | None = None
    window: Window = ALWAYS


@dataclass(frozen=True, slots=True)
class AttemptSearch:
    """Which attempts; None asks for nothing. `status_class` is 4 for 400 to 499."""

    webhook_id: str | None = None
    activity_id: str | None = None
    delivery_id: str | None = None
    status: int | None = None
    status_class: int | None = None
    outcome: str | None = None
    reason: str | None = None
    phase: str | None = None
    source: str | None = None
    url: str | None = None
    is_test: bool | None = None
    channel: str | None = None
    trigger_id: str | None = None
    replay_id: str | None = None
    window: Window = ALWAYS


def activities_where(search: ActivitySearch) -> Iterator[ColumnElement[bool]]:
    """The conditions of a search for activities of one account."""
    of = ACTIVITIES.c
    yield from _equal(of, phase=search.phase, kind=search.kind, source=search.source)
    yield from _within(of.at_ms, search.window)


def deliveries_where(search: DeliverySearch) -> Iterator[ColumnElement[bool]]:
    """The conditions of a search for deliveries of one account."""
    of = DELIVERIES.c
    narrow = {"activity_id": search.activity_id}
    wide = {"webhook_id": search.webhook_id, "status": search.status}
    yield from _by_the_narrowest(of, narrow, wide)
    yield from _equal(of, event_id=search.event_id, phase=search.phase, last_reason=search.reason)
    yield from _equal(of, is_test=search.is_test, channel=search.channel)
    yield from _equal(of, trigger_id=search.trigger_id, replay_id=search.replay_id)
    yield from _within(of.first_queued_at_ms, search.window)


def attempts_where(search: AttemptSearch) -> Iterator[ColumnElement[bool]]:
    """The conditions of a search for attempts of one account."""
    of = ATTEMPTS.c
    narrow = {"delivery_id": search.delivery_id, "activity_id": search.activity_id}
    yield from _by_the_narrowest(of, narrow, {"webhook_id": search.webhook_id})
    yield from _equal(of, status=search.status, outcome=search.outcome)
    yield from _equal(of, status_class=search.status_class, reason=search.reason)
    yield from _equal(of, phase=search.phase, is_test=search.is_test, channel=search.channel)
    yield from _equal(of, trigger_id=search.trigger_id, replay_id=search.replay_id)
    if search.source is not None:
        yield exists().where(
            ACTIVITIES.c.account_id == of.account_id,
            ACTIVITIES.c.activity_id == of.activity_id,
            ACTIVITIES.c.source == search.source,
        )
    if search.url is not None:
        yield of.url.icontains(search.url, autoescape=True)
    yield from _within(of.at_ms, search.window)


def after(order: tuple[ColumnElement[Any], ...], place: Place) -> ColumnElement[bool]:
    """The rows after a place in a list whose columns of `order` all descend.

    That they are not beyond its first value is said as well: that alone is looked up in an index.
    """
    return (order[0] <= place[0]) & (tuple_(*order) < tuple_(*place))


def _by_the_narrowest(
    of: Any,  # noqa: ANN401 - a table's columns
    narrow: dict[str, str | None],
    wide: dict[str, str | None],
) -> Iterator[ColumnElement[bool]]:
    """Equality for each column that is asked for; all of `wide` where none of `narrow` is."""
    asked = [name for name, value in narrow.items() if value is not None]
    for name, value in {**narrow, **wide}.items():
        if value is not None:
            is_left_to_index = not asked or name == asked[0]
            # of an expression there is no index
            yield (of[name] if is_left_to_index else of[name].concat("")) == value


def _equal(of: Any, **wanted: object) -> Iterator[ColumnElement[bool]]:  # noqa: ANN401 - as above
    for name, value in wanted.items():
        if value is not None:
            yield of[name] == value


def _within(column: ColumnElement[Any], window: Window) -> Iterator[ColumnElement[bool]]:
    if window.begin_ms is not None:
        yield column >= window.begin_ms
    if window.end_ms is not None:
        yield column < window.end_ms
