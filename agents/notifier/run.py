"""A notifier put together: view, channels, producer, thread, and their end in the right order."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, Final

import structlog

from agents.configs.view import ConfigView
from agents.history.reading import HistoryReader
from agents.kafka.producer import Publisher
from agents.kafka.reachability import Reachability
from agents.kafka.required import require_topics
from agents.kafka.watchdog import watch
from agents.lifecycle import end_process_on_failure, spare_from_collections, stop_on_signals
from agents.notifier.carrying import Carrier
from agents.notifier.consumer import NoticeConsumer, count_window
from agents.notifier.disabling import Disabling
from agents.notifier.mailing import Mailer
from agents.notifier.texting import Texter
from agents.notifier.worker import Worker
from agents.notifier.writing import Writer
from agents.sender.guard import EgressGuard
from agents.sender.http import HttpClient
from agents.web import Readiness, serve_health
from pipeline.settings import Settings, parse_networks

_FLUSH_S: Final = 10.0

_log = structlog.get_logger()


async def run_notifier(settings: Settings) -> None:
    """Run until a signal; raises `OperationError` when the broker or its topics are not there."""
    loop = asyncio.get_running_loop()
    stopping = stop_on_signals(loop)
    view = ConfigView(settings, loop)  # read to its end before the first failure
    spare_from_collections()
    http = HttpClient(
        EgressGuard(parse_networks(settings.egress_allow)), allow_http=settings.allow_http
    )
    publisher = Publisher(settings, loop)
    notices = NoticeConsumer(settings, loop)
    require_topics(notices)
    count_window(notices)
    history = HistoryReader(settings)
    writer = Writer(publisher)
    carrier = Carrier(view, history, Mailer(settings), Texter(settings, http), settings.public_url)
    worker = Worker(view, carrier, writer, notices, settings.notice_throttle_s * 1_000)
    disabling = Disabling(settings, view, history, worker.memory, writer)

    broker = Reachability(settings)
    health = await serve_health(settings, _readiness(notices, view, broker))
    background = [
        _background("worker", worker.run()),
        _background("disabling", disabling.run()),
        _background("reachability", broker.run()),
        watch(notices, stopping.is_set),
    ]
    notices.start(worker)
    await stopping.wait()
    await worker.drain(settings.drain_timeout_s)
    for task in background:
        task.cancel()
    # Leaving the group asks this loop to let go of its partitions, so the loop must go on turning.
    await loop.run_in_executor(None, notices.stop)
    await loop.run_in_executor(None, publisher.close, _FLUSH_S)
    view.close()
    await http.close()
    await loop.run_in_executor(None, history.close)
    await health.cleanup()
    _log.info("notifier.stopped")


def _background(name: str, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
    return end_process_on_failure(asyncio.create_task(work, name=name))


def _readiness(notices: NoticeConsumer, view: ConfigView, broker: Reachability) -> Readiness:
    return lambda: {
        "assigned": notices.is_assigned and notices.is_certain,
        "configs_current": view.has_reached(broker.configs_end),
        "broker_answers": broker.is_reachable,
    }
