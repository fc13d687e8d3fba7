"""A sender put together: view, client, producers and thread, and their end in the right order."""

from __future__ import annotations

import asyncio
from typing import Final

import structlog

from agents.configs.view import ConfigView
from agents.history.recent import RecentHistory
from agents.kafka.producer import Publisher
from agents.kafka.reachability import Reachability
from agents.kafka.required import require_topics
from agents.kafka.watchdog import watch
from agents.lifecycle import end_process_on_failure, spare_from_collections, stop_on_signals
from agents.sealing.keys import keys_for
from agents.sender.attempting import Attempter
from agents.sender.consumer import JobConsumer
from agents.sender.guard import EgressGuard
from agents.sender.http import HttpClient
from agents.sender.opener import SecretOpener
from agents.sender.preparer import Preparer
from agents.sender.worker import Worker
from agents.sender.writer import SettlementWriter
from agents.web import Readiness, serve_health
from pipeline.settings import Settings, parse_networks

# Attempts are gathered for so long: nobody waits for them but the offsets.
_ATTEMPTS_LINGER_MS: Final = 5
_FLUSH_S: Final = 10.0

_log = structlog.get_logger()


async def run_sender(settings: Settings) -> None:
    """Run until a signal; raises `OperationError` when the broker or its topics are not there."""
    loop = asyncio.get_running_loop()
    stopping = stop_on_signals(loop)
    opener = SecretOpener(keys_for(settings))
    view = ConfigView(settings, loop)  # read to its end before the first job
    spare_from_collections()
    guard = EgressGuard(parse_networks(settings.egress_allow))
    http = HttpClient(guard, allow_http=settings.allow_http)
    prompt = Publisher(settings, loop)
    gathering = Publisher(settings, loop, linger_ms=_ATTEMPTS_LINGER_MS)
    jobs = JobConsumer(settings, loop)
    require_topics(jobs)
    watched = frozenset(name.strip() for name in settings.webhook_metrics.split(","))
    writer = SettlementWriter(prompt, gathering, settings.topic, watched)
    recent = RecentHistory(settings)
    attempter = Attempter(view, http, Preparer(opener, recent, settings.public_url))
    worker = Worker(view, attempter, writer, jobs.complete, lambda: jobs.is_certain)

    broker = Reachability(settings)
    health = await serve_health(settings, _readiness(jobs, view, broker))
    background = [
        end_process_on_failure(asyncio.create_task(worker.tick(), name="tick")),
        end_process_on_failure(asyncio.create_task(broker.run(), name="reachability")),
        watch(jobs, stopping.is_set),
    ]
    jobs.start(worker)
    await stopping.wait()
    await worker.drain(settings.drain_timeout_s)
    for task in background:
        task.cancel()
    # Leaving the group asks this loop to let go of its partitions, so the loop must go on turning.
    await loop.run_in_executor(None, jobs.stop)
    for publisher in (prompt, gathering):
        await loop.run_in_executor(None, publisher.close, _FLUSH_S)
    view.close()
    await http.close()
    recent.close()
    await health.cleanup()
    _log.info("sender.stopped")


def _readiness(jobs: JobConsumer, view: ConfigView, broker: Reachability) -> Readiness:
    return lambda: {
        "assigned": jobs.is_assigned and jobs.is_certain,
        "configs_current": view.has_reached(broker.configs_end),
        "broker_answers": broker.is_reachable,
    }
