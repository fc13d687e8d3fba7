"""Whether the broker answers, asked every second: an agent that cannot reach it is not ready.

A consumer does not tell: librdkafka goes on trying in silence, and takes up its work again.
"""

from __future__ import annotations

import asyncio
import time
from typing import Final

import structlog

from agents.kafka.log_ends import LogEnds
from pipeline.settings import Settings
from schemas.topics import CONFIGS

_log = structlog.get_logger()

_EVERY_S: Final = 1.0
# Two questions in a row went unanswered.
_SILENCE_S_MAX: Final = 3.0


class Reachability:
    """Keeps asking; any topic will do, and every installation has this one."""

    def __init__(self, settings: Settings) -> None:
        """Begin with a broker that answered: whoever asks has just read from it."""
        self._log_ends = LogEnds(settings)
        self._place = (settings.topic(CONFIGS), 0)
        self._answered_at_s = time.monotonic()
        self._configs_end: int | None = None

    @property
    def is_reachable(self) -> bool:
        """Whether the broker answered just now."""
        return time.monotonic() - self._answered_at_s <= _SILENCE_S_MAX

    @property
    def configs_end(self) -> int | None:
        """Where the configs topic ended when the broker last answered; None before that."""
        return self._configs_end

    async def run(self) -> None:
        """Ask again and again until cancelled."""
        while True:
            was_reachable = self.is_reachable
            ends = await self._log_ends.ends([self._place])
            if ends is not None:
                self._answered_at_s = time.monotonic()
                self._configs_end = ends[self._place]
            if self.is_reachable != was_reachable:
                _log.warning("broker.back" if self.is_reachable else "broker.away")
            await asyncio.sleep(_EVERY_S)
