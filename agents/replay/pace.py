"""How fast a replay begins deliveries: at its rate, and never far ahead of the senders.

What waits on the replays' topic is what the senders' group has not committed there. Above some two
seconds' worth nothing is added, so that a cancelled replay leaves little behind, and no slow
endpoint fills the topic. The group is asked by a consumer that never joins it.
"""

from __future__ import annotations

import asyncio
import time
from concurrent.futures import Executor
from typing import Final

from confluent_kafka import Consumer, KafkaException, TopicPartition

from agents.kafka.clients import BROKER_TIMEOUT_S, consumer_config
from agents.kafka.groups import SENDERS
from agents.kafka.log_ends import LogEnds
from pipeline.rates import TokenBucket
from pipeline.settings import Settings
from schemas.topics import JOBS_REPLAY

# Senders commit once a second; with less than this a slow rate would wait for that each time.
_BACKLOG_S: Final = 2.0
_BACKLOG_MIN: Final = 20
# So many go at once: a hundredth of a second's worth. On a small machine a live delivery waits for
# whatever is begun together, and a tenth of a second's worth is seen in one of ten.
_BURST_S: Final = 0.01
# So many are chosen together: to ask the history for each by itself would cost more than the job.
_SLICE_S: Final = 0.5
_LOOK_EVERY_S: Final = 0.5


class Backlog:
    """What of the replays' topic the senders have not done. Answers are as old as a moment."""

    def __init__(self, settings: Settings, thread: Executor) -> None:
        """Nothing is asked yet; `thread` is where its consumer is used."""
        self._thread = thread
        numbers = range(settings.job_partitions)
        self._places = [(settings.topic(JOBS_REPLAY), number) for number in numbers]
        self._log_ends = LogEnds(settings)
        never = {"enable.auto.commit": False}
        self._consumer = Consumer(consumer_config(settings, SENDERS) | never)

    async def jobs(self) -> int | None:
        """How many jobs wait; None when the broker does not say."""
        loop = asyncio.get_running_loop()
        try:
            committed = await loop.run_in_executor(self._thread, self._committed)
        except KafkaException:
            return None
        ends = await self._log_ends.ends(self._places)
        unread = [place for place, offset in committed.items() if offset < 0]
        begins = await self._log_ends.beginnings(unread)
        if ends is None or begins is None:
            return None
        return sum(max(ends[it] - max(committed[it], begins.get(it, 0)), 0) for it in self._places)

    def close(self) -> None:
        """Let go of the broker."""
        self._consumer.close()

    def _committed(self) -> dict[tuple[str, int], int]:
        asked = [TopicPartition(*place) for place in self._places]
        found = self._consumer.committed(asked, timeout=BROKER_TIMEOUT_S)
        return {(it.topic, it.partition): it.offset for it in found}


class Pace:
    """Lets deliveries pass at their rate, in bursts of `burst` at most.

    `slice` is how many are to be chosen together.
    """

    def __init__(self, per_second: float, backlog: Backlog) -> None:
        """Begin now."""
        self.burst = max(1, int(per_second * _BURST_S))
        self.slice = max(1, int(per_second * _SLICE_S))
        self._backlog = backlog
        self._most = max(_BACKLOG_MIN, int(per_second * _BACKLOG_S))
        self._bucket = TokenBucket(self.burst, per_second, now_s=time.monotonic())
        self._allowed = 0
        self._looked_s = float("-inf")

    async def wait(self, count: int) -> None:
        """Return when `count` more may be begun; at most `burst`."""
        while True:
            now_s = time.monotonic()
            if self._bucket.try_take(now_s, count):
                break
            await asyncio.sleep(self._bucket.ready_at_s(now_s, count) - now_s)
        while True:
            if await self._is_little_waiting(count):
                return
            await asyncio.sleep(_LOOK_EVERY_S)

    async def _is_little_waiting(self, count: int) -> bool:
        """Whether they may be added to what waits, by what was seen a moment ago and sent since."""
        if time.monotonic() - self._looked_s >= _LOOK_EVERY_S or self._allowed < count:
            self._looked_s = time.monotonic()
            waiting = await self._backlog.jobs()
            self._allowed = 0 if waiting is None else max(self._most - waiting, 0)
        if self._allowed < count:
            return False
        self._allowed -= count
        return True
