"""The scheduler's process: its pages, its signals, and what it asks the broker beside its work."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Coroutine, Mapping
from typing import Any, Final

import structlog

from agents.errors import OperationError
from agents.kafka.clients import admin_client
from agents.kafka.log_ends import LogEnds
from agents.kafka.reachability import Reachability
from agents.kafka.required import require_topics
from agents.kafka.retention import kept_in_tiers, tell_of_tiers
from agents.kafka.watchdog import watch
from agents.lifecycle import end_process_on_failure, stop_on_signals
from agents.scheduler.tiers import LogSpans, TierConsumer
from agents.web import serve_health
from pipeline.settings import Settings
from schemas.tiers import TIERS

# How exactly we know when a record arrived, should clocks turn out to disagree.
_SPANS_EVERY_S: Final = 1.0
# A retention that someone changed is told before it has removed much.
_RETENTION_EVERY_S: Final = 300.0
_RETENTION_AGAIN_S: Final = 5.0

_log = structlog.get_logger()


async def run_scheduler(settings: Settings) -> None:
    """Run until a signal, then wait for outstanding reports, commit and leave the group.

    Raises `OperationError` when the broker or its topics are not there.
    """
    loop = asyncio.get_running_loop()
    stopping = stop_on_signals(loop)
    tiers = TierConsumer(settings)
    require_topics(tiers)
    broker = Reachability(settings)

    def readiness() -> Mapping[str, bool]:
        is_assigned = tiers.is_assigned and tiers.is_certain
        return {"assigned": is_assigned, "broker_answers": broker.is_reachable}

    health = await serve_health(settings, readiness)
    asking = [
        _background("reachability", broker.run()),
        _background("log spans", _ask_for_spans(settings, tiers)),
        _background("retention", _check_retention(settings)),
        watch(tiers, stopping.is_set),
    ]
    tiers.start_thread()
    await stopping.wait()
    for task in asking:
        task.cancel()
    await loop.run_in_executor(None, tiers.stop)
    await health.cleanup()
    _log.info("scheduler.stopped")


def _background(name: str, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
    return end_process_on_failure(asyncio.create_task(work, name=name))


async def _ask_for_spans(settings: Settings, tiers: TierConsumer) -> None:
    """Tell the thread, again and again, where the logs of its partitions begin and end."""
    log_ends = LogEnds(settings)
    while True:
        places = tiers.log_places
        begins = await log_ends.beginnings(places)
        asked_at_s = time.monotonic()
        ends = await log_ends.ends(places)
        if begins is not None and ends is not None:
            tiers.tell(LogSpans(asked_at_s, time.monotonic(), begins, ends))
        await asyncio.sleep(_SPANS_EVERY_S)


async def _check_retention(settings: Settings) -> None:
    """Tell, at once and every few minutes, of tiers that do not keep records long enough.

    A topic without a leader, as it may be for a moment, is not seen: then sooner.
    """
    admin = admin_client(settings)
    while True:
        again_s = _RETENTION_AGAIN_S
        try:
            found = await asyncio.to_thread(kept_in_tiers, settings, admin)
            tell_of_tiers(found)
            if len(found) == len(TIERS):
                again_s = _RETENTION_EVERY_S
        except OperationError as error:  # a broker that is away is told of elsewhere
            _log.warning("retention.not_told", error=str(error))
        await asyncio.sleep(again_s)
