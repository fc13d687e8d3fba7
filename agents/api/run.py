"""The API alone: one server for its operations, its documentation, and the pages of every agent."""

from __future__ import annotations

import asyncio

import structlog
from aiohttp import web

from agents.api.service import ApiService
from agents.kafka.clients import bootstrap_servers
from agents.lifecycle import stop_on_signals
from agents.web import health_routes, listening, serve_on
from pipeline.settings import Settings

_log = structlog.get_logger()


async def run_api(settings: Settings) -> None:
    """Run until a signal; raises `OperationError` when the port is taken or no broker is named."""
    stopping = stop_on_signals(asyncio.get_running_loop())
    bootstrap_servers(settings)  # one that is away may come back, one that has no name will not
    listener = listening(
        settings.health_host,
        settings.api_port,
        mend="set HOOKLINE_API_PORT to a free port, or 0 for any",
    )
    service = ApiService(settings)
    await service.start()
    application = web.Application()
    application.add_routes([*health_routes(service.conditions), *service.routes()])
    runner = await serve_on(listener, application)
    _log.info("health.serving", port=runner.addresses[0][1])
    await stopping.wait()
    await runner.cleanup()
    await service.close()
    _log.info("api.stopped")
