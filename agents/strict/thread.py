"""The consumer's thread, with fetches as quick or as full as the rate asks for, and uvloop.

Faust fixes aiokafka's fetch wait at 1500 ms. One fetch is in flight per broker, and when every
activity partition holds unread records that fetch covers only the quiet configs topic: new events
then wait up to a second and a half. The fields are private to aiokafka, which reads them for each
fetch it sends.
"""

from __future__ import annotations

from time import monotonic
from typing import Any, Final

from faust.transport.consumer import RecordMap
from faust.transport.drivers.aiokafka import AIOKafkaConsumerThread, Transport
from faust.types import TP

from pipeline.gathering import Gathering

# 50 small requests a second when idle, and at most this much latency when the fetch is a poor one.
FETCH_WAIT_MS: Final = 20

# At rates where the processors matter more than milliseconds. 20 ms saved no more CPU than these.
GATHER_WAIT_MS: Final = 10
# What is there in that time at any rate that one matcher can do; more comes at once.
GATHER_BYTES: Final = 1024 * 1024


class QuickFetchThread(AIOKafkaConsumerThread):
    """aiokafka's consumer, asking for records at once, or for what comes in some milliseconds."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401 - as upstream
        """Begin with quick fetches."""
        super().__init__(*args, **kwargs)
        self._gathering = Gathering(now_s=monotonic())

    def _create_worker_consumer(self, transport: Transport) -> Any:  # noqa: ANN401 - untyped there
        consumer = super()._create_worker_consumer(transport)
        consumer._fetch_max_wait_ms = FETCH_WAIT_MS  # noqa: SLF001 - no other way to set it
        return consumer

    async def _fetch_records(
        self,
        consumer: Any,  # noqa: ANN401 - untyped there
        active_partitions: set[TP],
        timeout: float | None = None,  # noqa: ASYNC109 - as upstream
        max_records: int | None = None,
    ) -> RecordMap:
        found = await super()._fetch_records(consumer, active_partitions, timeout, max_records)
        was_on = self._gathering.is_on
        is_on = self._gathering.took(sum(map(len, found.values())), now_s=monotonic())
        if is_on != was_on:
            fetcher = consumer._fetcher  # noqa: SLF001 - no other way to change it
            fetcher._fetch_min_bytes = GATHER_BYTES if is_on else 1  # noqa: SLF001
            fetcher._fetch_max_wait_ms = GATHER_WAIT_MS if is_on else FETCH_WAIT_MS  # noqa: SLF001
        return found
