"""The consumer's thread, with a fetch wait of 20 ms and uvloop.

Faust fixes aiokafka's fetch wait at 1500 ms. One fetch is in flight per broker, and when every
activity partition holds unread records that fetch covers only the quiet configs topic: new events
then wait up to a second and a half. The field is private to aiokafka, and read when it starts.
"""

from __future__ import annotations

from typing import Any, Final

from faust.transport.drivers.aiokafka import AIOKafkaConsumerThread, Transport

# 50 small requests a second when idle, and at most this much latency when the fetch is a poor one.
FETCH_WAIT_MS: Final = 20


class QuickFetchThread(AIOKafkaConsumerThread):
    """aiokafka's consumer, asking for records more often."""

    def _create_worker_consumer(self, transport: Transport) -> Any:  # noqa: ANN401 - untyped there
        consumer = super()._create_worker_consumer(transport)
        consumer._fetch_max_wait_ms = FETCH_WAIT_MS  # noqa: SLF001 - no other way to set it
        return consumer
