"""Records that operations write: acknowledged, or the problem that says so within five seconds.

A person waits for the answer, so nothing is tried for as long as an agent would; and a producer
that cannot go on is replaced, where an agent would end.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Final

import structlog
from confluent_kafka import KafkaError, KafkaException, Message

from agents.api.problems import TOO_LARGE, Problem, unavailable
from agents.kafka.producer import Outgoing, Publisher, is_too_large
from pipeline.settings import Settings

# The answer is there within 5 s, whatever the broker does.
_DELIVERY_TIMEOUT_MS: Final = 4_000
# Reports of what timed out come at the producer's next look, twice a second.
_REPORTS_TIMEOUT_S: Final = 4.8
# Nobody waits any more for what is still unwritten when the API ends.
_FLUSH_S: Final = 1.0

_log = structlog.get_logger()


class ApiPublisher:
    """The producer of the API."""

    def __init__(self, settings: Settings) -> None:
        """Start a producer; it connects by itself. To be made in its event loop."""
        self._settings = settings
        self._loop = asyncio.get_running_loop()
        self._is_lost = False
        self._publisher = self._new()

    async def publish(self, records: Sequence[Outgoing]) -> list[Message]:
        """The reports of records that were all written; else the problem is raised.

        After that problem some of them may have been written all the same.
        """
        if self._is_lost:
            await self._replace()
        reports = [self._publisher.send(record) for record in records]
        try:
            return await asyncio.wait_for(asyncio.gather(*reports), _REPORTS_TIMEOUT_S)
        except TimeoutError:
            raise _away("the broker does not answer") from None
        except KafkaException as error:
            reason: KafkaError = error.args[0]
            if is_too_large(reason):
                raise Problem(TOO_LARGE, "a record is too large for its topic") from None
            raise _away(reason.str()) from None
        finally:
            for report in reports:
                report.cancel()  # what nobody reads must not be complained about

    async def close(self) -> None:
        """Let go of the broker."""
        await asyncio.to_thread(self._publisher.close, _FLUSH_S)

    async def _replace(self) -> None:
        self._is_lost = False
        before, self._publisher = self._publisher, self._new()
        await asyncio.to_thread(before.close, 0)

    def _new(self) -> Publisher:
        return Publisher(
            self._settings,
            self._loop,
            delivery_timeout_ms=_DELIVERY_TIMEOUT_MS,
            on_error=self._on_error,
        )

    def _on_error(self, error: KafkaError) -> None:
        """Run in the producer's thread: only a fatal error matters."""
        if error.fatal():
            _log.error("publisher.lost", error=error.str())
            self._is_lost = True


def _away(reason: str) -> Problem:
    return unavailable("kafka", f"{reason}; it may have been written all the same")
