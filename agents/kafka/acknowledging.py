"""Writing until it is written: what was not acknowledged is written again for as long as it takes.

Only a record that is too large for its topic, which no patience makes smaller, is an error.
"""

from __future__ import annotations

import asyncio
from typing import Final

import structlog
from confluent_kafka import KafkaException, Message

from agents.kafka.producer import Outgoing, Publisher, is_too_large

_BACKOFF_S: Final = (0.5, 1.0, 2.0, 5.0, 10.0, 30.0)
# A request that was refused may have held smaller records beside the one that was too large.
_REFUSALS_MAX: Final = 2

_log = structlog.get_logger()


class UnwritableError(Exception):
    """A record is too large for its topic; the message says which, and how large."""


async def acknowledged(publisher: Publisher, record: Outgoing) -> Message:
    """Write a record, again and again if need be, until the broker has it."""
    tries = refusals = 0
    while True:
        try:
            return await publisher.send(record)
        except KafkaException as error:
            if is_too_large(error.args[0]):
                refusals += 1
                if refusals == _REFUSALS_MAX:
                    size_bytes = len(record.value or b"")
                    raise UnwritableError(
                        f"a record of {size_bytes} bytes is too large for {record.topic}"
                    ) from None
                continue
            wait_s = _BACKOFF_S[min(tries, len(_BACKOFF_S) - 1)]
            _log.error("record.not_written", topic=record.topic, error=str(error), again_s=wait_s)
            tries += 1
            await asyncio.sleep(wait_s)
