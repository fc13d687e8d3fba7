"""One replay, carried out from wherever it stands to its end: read, choose, begin, count.

Records are gone through in slices of half a second's worth. The cursor passes a slice only when all
that it begins is acknowledged; after a kill the last slices are gone through again, and what they
begin again the senders drop.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Final

import structlog

from agents.kafka.log_ends import LogEnds
from agents.kafka.outgoing import replayed_job, trace_of
from agents.replay.choosing import Choosing, count, groups
from agents.replay.pace import Backlog, Pace
from agents.replay.parts import Parts
from agents.replay.stream import Batch, Read, Stream
from pipeline.replay_runs import Progress, with_chosen, with_read
from pipeline.replaying import Chosen, wants
from schemas.codec import Malformed, decode
from schemas.event import Event, read_event
from schemas.failure import Failure
from schemas.job import Job
from schemas.replay import Replay
from schemas.topics import ACTIVITIES, ATTEMPTS, FAILURE_TRIGGERS

# A plan begins nothing, so it may look at more together: as many as the history is asked for.
_PLAN_SLICE: Final = 200
_HISTORY_LOOK_S: Final = 0.5

_log = structlog.get_logger()


class NoAnswerError(Exception):
    """The broker did not say where a topic ends."""


@dataclass(frozen=True, slots=True)
class _Item:
    """A record that was asked for, and where it lies."""

    read: Read
    record: Failure | Event


class ReplayRun:
    """The run of one replay in this process; `progress` is how far it has come."""

    def __init__(self, parts: Parts, replay: Replay) -> None:
        """Nothing happens yet."""
        self.progress = Progress.of(replay)
        self._parts = parts
        self._replay = replay
        self._is_plan = replay.state == "planning"
        self._is_of_failures = replay.selection.source == "failures"
        self._choosing = Choosing(parts, replay)

    async def carry_out(self) -> None:
        """Go on from where it stands; raises what keeps it from that, and may be called again."""
        settings = self._parts.settings
        # The consumers are used by this thread alone, also when the run is given up meanwhile.
        thread = ThreadPoolExecutor(1, thread_name_prefix="replay")
        loop = asyncio.get_running_loop()
        stream = Stream(settings, FAILURE_TRIGGERS if self._is_of_failures else ACTIVITIES)
        backlog = Backlog(settings, thread)
        pace = Pace(self._replay.per_second, backlog)
        try:
            await loop.run_in_executor(thread, self._place, stream)
            await self._await_history()
            while not stream.is_over:
                items, batch = await loop.run_in_executor(thread, self._read, stream)
                await self._go_through(items, pace)
                self.progress = with_read(self.progress, batch.cursor, batch.count)
        finally:
            thread.submit(stream.close)
            thread.submit(backlog.close)
            thread.shutdown(wait=False)

    def hindered(self, detail: str) -> None:
        """Say what it waits for."""
        self.progress = replace(self.progress, detail=detail)

    def _place(self, stream: Stream) -> None:
        if not self.progress.ends:
            wanted = self._replay.selection
            span = stream.span(wanted.from_ms, wanted.to_ms)
            begins, ends = span.begins, span.ends
            self.progress = replace(self.progress, begins=begins, cursor=begins, ends=ends)
        removed = stream.begin(self.progress.cursor, self.progress.ends)
        if removed:
            _log.warning("replay.records_removed", replay=self._replay.id, records=removed)

    async def _await_history(self) -> None:
        """Let the history know all that had ended when this began: what it knows is left alone."""
        settings = self._parts.settings
        places = [(settings.topic(ATTEMPTS), number) for number in range(settings.job_partitions)]
        ends = await LogEnds(settings).ends(places)
        if ends is None:
            raise NoAnswerError("the broker does not say where its topics end")
        while True:
            known = await self._parts.history.recorded_up_to(places)
            behind = sum(max(ends[place] - known.get(place, 0), 0) for place in places)
            if not behind:
                return
            self.hindered(f"the recorder is {behind} attempts behind")
            await asyncio.sleep(_HISTORY_LOOK_S)

    def _read(self, stream: Stream) -> tuple[list[_Item], Batch]:
        """The next records, and those of them that were asked for, decoded; in the thread."""
        batch = stream.read(self._replay.account_id)
        return [item for read in batch.records for item in self._wanted(read)], batch

    def _wanted(self, read: Read) -> Iterator[_Item]:
        wanted = self._replay.selection
        try:
            if self._is_of_failures:
                failure = decode(Failure, read.value)
                if self._is_its(failure.job) and wants(wanted, failure):
                    yield _Item(read, failure)
            elif wanted.from_ms <= read.at_ms < wanted.to_ms:
                event = read_event(read.value)
                if self._is_its(event):
                    yield _Item(read, event)
        except Malformed as malformed:
            place = f"{read.place}:{read.offset}"
            _log.warning("replay.unreadable", at=place, error=str(malformed))

    def _is_its(self, record: Job | Event) -> bool:
        return record.account_id == self._replay.account_id

    async def _go_through(self, items: Sequence[_Item], pace: Pace) -> None:
        for some in groups(items, _PLAN_SLICE if self._is_plan else pace.slice):
            chosen = await self._chosen(some)
            if not self._is_plan:
                await self._begin(chosen, pace)
            passed = {item.read.place: item.read.offset + 1 for item in some}
            self.progress = with_chosen(with_read(self.progress, passed, 0), chosen)

    async def _chosen(self, items: Sequence[_Item]) -> list[Chosen]:
        failures = [it.record for it in items if isinstance(it.record, Failure)]
        events = [(it.record, it.read.at_ms) for it in items if isinstance(it.record, Event)]
        if self._is_of_failures:
            return await self._choosing.of_failures(failures)
        return await self._choosing.of_events(events)

    async def _begin(self, chosen: Sequence[Chosen], pace: Pace) -> None:
        jobs = (each.job for each in chosen if each.job is not None)
        for some in groups(jobs, pace.burst):
            await pace.wait(len(some))
            await self._parts.publish([replayed_job(job, trace_of({})) for job in some])
        count(chosen)
