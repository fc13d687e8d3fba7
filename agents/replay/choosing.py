"""What becomes of a replay's records: the history is asked, and `pipeline.replaying` decides."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import islice
from typing import Final, TypeVar

from agents import metrics
from agents.replay.parts import Parts
from pipeline.replaying import (
    Activity,
    Chosen,
    Known,
    OnRecord,
    Today,
    after_event,
    after_failure,
    after_match,
)
from schemas.event import Event
from schemas.failure import Failure
from schemas.job import Job
from schemas.replay import Replay

# One event may be asked for by very many webhooks; a database takes some thirty thousand values.
_IDS_MAX: Final = 1_000
# Far more than a topic repeats soon; a repeat that comes later costs a look by a sender.
_REMEMBERED_MAX: Final = 10_000

T = TypeVar("T")


class Choosing:
    """Decides for one replay; what it has begun lately it does not begin again."""

    def __init__(self, parts: Parts, replay: Replay) -> None:
        """Nothing was chosen yet."""
        self._parts = parts
        self._replay = replay
        self._begun: OrderedDict[str, None] = OrderedDict()

    async def of_failures(self, failures: Sequence[Failure]) -> list[Chosen]:
        """What becomes of failures that were asked for."""
        activities = await self._activities(it.job.event.activity_id for it in failures)
        deliveries = await self._deliveries(it.job.delivery_id for it in failures)
        record, today = OnRecord(deliveries, activities), self._today()
        return self._once(after_failure(self._replay, it, record, today) for it in failures)

    async def of_events(self, events: Sequence[tuple[Event, int]]) -> list[Chosen]:
        """What becomes of the deliveries that events of these times would ask for today."""
        activities = await self._activities(event.activity_id for event, _ in events)
        record, today = OnRecord(activities=activities), self._today()
        asked: list[tuple[Job, int]] = []
        for event, at_ms in events:
            jobs = after_event(self._replay, event, at_ms, record, today)
            asked += ((job, at_ms) for job in jobs)
        deliveries = await self._deliveries(job.delivery_id for job, _ in asked)
        record = replace(record, deliveries=deliveries)
        return self._once(
            after_match(self._replay, job, at_ms, record, today) for job, at_ms in asked
        )

    def _today(self) -> Today:
        parts = self._parts
        return Today(parts.configs(), parts.clock(), parts.settings.end_delayed_tier)

    async def _deliveries(self, ids: Iterable[str]) -> dict[str, Known]:
        ask = self._parts.history.known_deliveries
        found: dict[str, Known] = {}
        for some in groups(dict.fromkeys(ids), _IDS_MAX):
            found |= await ask(self._replay.account_id, some)
        return found

    async def _activities(self, ids: Iterable[str]) -> Mapping[str, Activity]:
        """Those activities as they are now, where that is what is sent."""
        if self._replay.mode == "original":
            return {}
        return await self._parts.history.known_activities(self._replay.account_id, {*ids})

    def _once(self, chosen: Iterable[Chosen]) -> list[Chosen]:
        return [self._unless_repeated(each) for each in chosen]

    def _unless_repeated(self, chosen: Chosen) -> Chosen:
        if chosen.job is None:
            return chosen
        if chosen.job.delivery_id in self._begun:
            return replace(chosen, job=None, skipped="repeat")
        self._begun[chosen.job.delivery_id] = None
        if len(self._begun) > _REMEMBERED_MAX:
            self._begun.popitem(last=False)
        return chosen


def count(chosen: Iterable[Chosen]) -> None:
    """Count what was begun and what was left, for the metrics."""
    for each in chosen:
        metrics.REPLAYED.labels(each.skipped or "begun").inc()


def groups(items: Iterable[T], size: int) -> Iterator[list[T]]:
    """The items in their order, so many at a time."""
    rest = iter(items)
    while some := list(islice(rest, size)):
        yield some
