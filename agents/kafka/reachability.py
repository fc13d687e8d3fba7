"""Whether the broker answers, asked every second: an agent that cannot reach it is not ready.

A consumer does not tell: librdkafka goes on trying in silence, and takes up its work again.
"""

from __future__ import annotations

import asyncio
import time
from math import inf
from typing import Final

from agents.kafka.log_ends import LogEnds
from pipeline.settings import Settings
from schemas.topics import CONFIGS

_EVERY_S: Final = 1.0
# Two questions in a row went unanswered.
_SILENCE_S_MAX: Final = 3.0


class Reachability:
    """Keeps asking; any topic will do, and every installation has this one."""

    def __init__(self, settings: Settings) -> None:
        """Nothing has been asked yet."""
        self._log_ends = LogEnds(settings)
        self._place = (settings.topic(CONFIGS), 0)
        self._answered_at_s = -inf

    @property
    def is_reachable(self) -> bool:
        """Whether the broker answered just now."""
        return time.monotonic() - self._answered_at_s <= _SILENCE_S_MAX

    async def run(self) -> None:
        """Ask again and again until cancelled."""
        while True:
            if await self._log_ends.ends([self._place]) is not None:
                self._answered_at_s = time.monotonic()
            await asyncio.sleep(_EVERY_S)
