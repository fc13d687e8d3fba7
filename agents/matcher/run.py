"""The matcher: reads `activities`, joins each event with the configuration, writes the jobs.

A Faust agent in its strict form (`agents.strict`): it commits an event only after everything that
follows from it is acknowledged, and it decides only on a configuration known to be current
(`agents.matcher.freshness`). The configuration is a Faust table over the compacted configs topic.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any, Final, cast

import structlog
from faust import EventT, StreamT
from faust.types import Message

from agents.configs.view import ConfigRecord, apply_records
from agents.errors import OperationError
from agents.kafka.clients import bootstrap_servers
from agents.kafka.groups import MATCHERS
from agents.kafka.log_ends import LogEnds
from agents.kafka.outgoing import Received
from agents.kafka.producer import Publisher
from agents.lifecycle import abort, end_process_on_failure, spare_from_collections, stop_on_signals
from agents.matcher.freshness import Freshness
from agents.matcher.joining import Joiner
from agents.strict import Batches, StrictApp, Watchdog
from agents.web import serve_health
from pipeline.configs import Configs
from pipeline.settings import Settings
from schemas.topics import ACTIVITIES, CONFIGS

# Leaving the group takes about a second; a broker that is away must not hold up the end for ever.
_STOP_S: Final = 15

_log = structlog.get_logger()


async def run_matcher(settings: Settings) -> None:
    """Run until a signal, then drain, commit and leave the group.

    Raises `OperationError` when the broker cannot be reached or has no topics for us.
    """
    stopping = stop_on_signals(asyncio.get_running_loop())
    matcher = Matcher(settings)
    await matcher.check()
    health = await serve_health(settings, matcher.readiness)
    try:
        await matcher.run(stopping)
    finally:
        await health.cleanup()


class Matcher:
    """One worker of the group."""

    def __init__(self, settings: Settings) -> None:
        """Put the parts together; nothing is asked of the broker yet."""
        self._settings = settings
        self._configs = Configs()
        self._log_ends = LogEnds(settings)
        self._freshness = Freshness(self._ask_end, lambda: self._configs.offset + 1)
        self._publisher = Publisher(settings, asyncio.get_running_loop())
        self._joiner = Joiner(
            self._configs,
            send=self._publisher.send,
            until_fresh=self._freshness.wait,
            end_delayed_tier=settings.end_delayed_tier,
        )
        self._batches: Batches[Message] = Batches(self._join)
        self._app = self._new_app()

    async def check(self) -> None:
        """Raise `OperationError` unless the broker answers and has the topics."""
        places = ((self._settings.topic(CONFIGS), 0), (self._settings.topic(ACTIVITIES), 0))
        if await self._log_ends.ends(places) is None:
            raise OperationError(
                f"cannot read {places[0][0]} and {places[1][0]} from "
                f"{bootstrap_servers(self._settings)}: is the broker there, and were the topics "
                "created (`hookline topics create`)?"
            )

    async def run(self, stopping: asyncio.Event) -> None:
        """Work until `stopping` is set, then stop cleanly."""
        app = self._app
        watchdog = Watchdog(app, self._log_ends.ends)
        tasks = [
            _task("pump", self._batches.run(app.strict_consumer.done)),
            _task("freshness", self._freshness.run()),
            _task("watchdog", watchdog.run()),
            _task("memory", self._spare_configs()),
            _task("faust", app.start()),
        ]
        await stopping.wait()
        try:
            await asyncio.wait_for(app.stop(), _STOP_S)
        except TimeoutError:
            abort(f"could not stop within {_STOP_S} s")
        for task in tasks:
            task.cancel()
        with suppress(asyncio.CancelledError):
            await asyncio.gather(*tasks)
        self._publisher.close(timeout_s=0)
        _log.info("matcher.stopped")

    async def _spare_configs(self) -> None:
        await self._freshness.wait()
        spare_from_collections()

    def readiness(self) -> Mapping[str, bool]:
        """Whether events are being matched now, by condition."""
        app = self._app
        return {
            "assigned": app.is_assigned,
            "table_recovered": app.tables.actives_ready and not app.rebalancing,
            "configs_fresh": self._freshness.is_fresh,
        }

    def _new_app(self) -> StrictApp:
        app = StrictApp(
            self._settings.topic(MATCHERS),
            bootstrap_servers=bootstrap_servers(self._settings),
            followed_topic=self._settings.topic(CONFIGS),
            batches=self._batches,
            is_behind=lambda: self._freshness.is_behind,
        )
        app.GlobalTable(
            "configs",
            key_type=bytes,
            value_type=bytes,
            partitions=1,
            recovery_buffer_size=1,  # the default of 1000 shows no change before the thousandth
            on_changelog_event=self._on_config,
        )
        activities = app.topic(
            self._settings.topic(ACTIVITIES),
            key_serializer="raw",  # Faust would decode JSON whatever the type, and fail on bad JSON
            value_serializer="raw",
            allow_empty=True,
        )
        app.agent(activities, name="matcher")(self._collect)
        return app

    async def _join(self, batch: Sequence[Message]) -> None:
        await self._joiner.join([_received(message) for message in batch])

    async def _collect(self, stream: StreamT[bytes]) -> None:
        """Be the agent: all it does is to hand each event over to the pump."""
        try:
            async for event in stream.events():
                self._batches.put(event.message)
        except Exception as error:  # noqa: BLE001 - raised out of here, it would acknowledge the event
            abort("the agent failed", error)

    async def _on_config(self, event: EventT[bytes]) -> None:
        """Take one record of the configs topic into the index; Faust would swallow an exception."""
        message = event.message
        try:
            apply_records(self._configs, [ConfigRecord(message.key, message.value, message.offset)])
        except Exception as error:  # noqa: BLE001 - a view with a hole decides wrongly
            abort(f"the config record at offset {message.offset} could not be applied", error)
        self._freshness.advanced()

    async def _ask_end(self) -> int | None:
        """The configs topic's next offset, or 0 when it holds nothing at all."""
        place = (self._settings.topic(CONFIGS), 0)
        ends = await self._log_ends.ends([place])
        if ends is None or self._configs.offset >= 0 or ends[place] == 0:
            return None if ends is None else ends[place]
        beginnings = await self._log_ends.beginnings([place])
        if beginnings is None:
            return None
        return 0 if beginnings[place] == ends[place] else ends[place]


def _received(message: Message) -> Received:
    headers = cast("Sequence[tuple[str, bytes | None]]", message.headers or ())
    return Received(
        message.topic,
        message.partition,
        message.offset,
        round(message.timestamp * 1_000) if message.timestamp else None,
        message.key,
        message.value,
        tuple((name, value or b"") for name, value in headers),
    )


def _task(name: str, work: Any) -> asyncio.Task[None]:  # noqa: ANN401 - any coroutine
    return end_process_on_failure(asyncio.create_task(work, name=name))
