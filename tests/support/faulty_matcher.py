"""A matcher with a fault on purpose, to see that the rest of it notices. Run as a module.

MATCHER_SLOW_S: each batch takes this much longer. MATCHER_DROP: this many events are dropped from
the queue, as a bug would. MATCHER_STALL_S: how soon the watchdog acts.
"""

import asyncio
import os
from collections.abc import Sequence

import uvloop
from faust.types import Message

from agents.log import configure_logging
from agents.matcher import run as matcher
from agents.strict import Batches, watchdog
from pipeline.settings import Settings


class FaultyBatches(Batches[Message]):
    """Slow, or losing what it is given."""

    def __init__(self, work):
        self._to_drop = int(os.environ.get("MATCHER_DROP", "0"))
        slow_s = float(os.environ.get("MATCHER_SLOW_S", "0"))

        async def slowed(batch: Sequence[Message]) -> None:
            await asyncio.sleep(slow_s)
            await work(batch)

        super().__init__(slowed)

    def put(self, item: Message) -> None:
        if self._to_drop:
            self._to_drop -= 1
        else:
            super().put(item)


if __name__ == "__main__":
    matcher.Batches = FaultyBatches
    watchdog.STALL_S = float(os.environ.get("MATCHER_STALL_S", watchdog.STALL_S))
    settings = Settings.parse(os.environ)
    configure_logging(settings, agent="matcher")
    uvloop.run(matcher.run_matcher(settings))
