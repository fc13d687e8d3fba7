"""Where topics begin and end now, asked of the broker each time: never an answer from a cache."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from contextlib import suppress
from typing import Final, TypeAlias, TypeVar

from confluent_kafka import KafkaException, TopicPartition
from confluent_kafka.admin import OffsetSpec  # type: ignore[attr-defined]  # it is public

from agents.kafka.clients import admin_client
from pipeline.settings import Settings

# A broker that takes longer is as good as away for whoever asks ten times a second.
_TIMEOUT_S: Final = 1.0

_LATEST: Final = OffsetSpec.latest()  # type: ignore[no-untyped-call]
_EARLIEST: Final = OffsetSpec.earliest()  # type: ignore[no-untyped-call]

# Anything that is a (topic, partition) pair: a tuple, or Faust's TP.
Place: TypeAlias = tuple[str, int]
P = TypeVar("P", bound=Place)


class LogEnds:
    """An admin client that asks for offsets. It connects at its first request."""

    def __init__(self, settings: Settings) -> None:
        """Use the brokers of the settings."""
        self._admin = admin_client(settings)

    async def ends(self, places: Iterable[P]) -> dict[P, int] | None:
        """The offset after the last record of each; None when the broker does not answer."""
        return await self._ask(tuple(places), _LATEST)

    async def beginnings(self, places: Iterable[P]) -> dict[P, int] | None:
        """The offset of the first record of each; None when the broker does not answer."""
        return await self._ask(tuple(places), _EARLIEST)

    async def _ask(self, places: tuple[P, ...], spec: OffsetSpec) -> dict[P, int] | None:
        if not places:
            return {}
        asked = {TopicPartition(*place): spec for place in places}
        found: dict[Place, int] = {}
        with suppress(KafkaException):
            futures = self._admin.list_offsets(asked, request_timeout=_TIMEOUT_S)
            answers = await asyncio.gather(*map(asyncio.wrap_future, futures.values()))
            for at, answer in zip(futures, answers, strict=True):
                found[at.topic, at.partition] = int(answer.offset)
        # A broker that is starting may also answer without an offset, which reads as a negative.
        if min(found.values(), default=-1) < 0:
            await asyncio.to_thread(self._refresh)
            return None
        return {place: found[place[0], place[1]] for place in places}

    def _refresh(self) -> None:
        """Ask who leads the partitions: after a broker's restart the client clings to the past.

        Measured: `list_offsets` went on failing with FENCED_LEADER_EPOCH for as long as we looked.
        """
        with suppress(KafkaException):
            self._admin.list_topics(timeout=_TIMEOUT_S)
