"""What a replay is carried out with: the parts of the process that has it, as it needs them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from agents.kafka.producer import Outgoing
from pipeline.changes import Change
from pipeline.configs import Configs
from pipeline.replaying import Activity, Known
from pipeline.settings import Settings

Decide = Callable[[Configs], Iterable[Change]]


class History(Protocol):
    """What is on record; it may be away, and raises then."""

    async def known_deliveries(
        self, account_id: int, delivery_ids: Collection[str]
    ) -> Mapping[str, Known]:
        """What is on record of these deliveries, by id."""

    async def known_activities(
        self, account_id: int, activity_ids: Collection[str]
    ) -> Mapping[str, Activity]:
        """These activities as they are now, by id."""

    async def recorded_up_to(
        self, partitions: Collection[tuple[str, int]]
    ) -> Mapping[tuple[str, int], int]:
        """Up to which offsets the history has these partitions, named with prefix."""


@dataclass(frozen=True, slots=True)
class Parts:
    """`write` changes the configuration, `publish` returns when its records are acknowledged.

    `is_passing` tells whether what was raised may pass by itself: then the same is tried again.
    """

    settings: Settings
    configs: Callable[[], Configs]
    clock: Callable[[], int]
    history: History
    publish: Callable[[Sequence[Outgoing]], Awaitable[object]]
    write: Callable[[int, Decide], Awaitable[object]]
    is_passing: Callable[[Exception], bool]
