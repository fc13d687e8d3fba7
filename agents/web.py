"""The pages every agent serves: /live, /ready and /metrics.

/live says that the process runs and its loop turns. /ready says whether it can do its work now, and
when it cannot, which condition is missing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeAlias

import structlog
from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from agents.errors import OperationError
from pipeline.settings import Settings

# What an agent needs to be ready, each by name with whether it holds now.
Readiness: TypeAlias = Callable[[], Mapping[str, bool]]

_log = structlog.get_logger()


async def serve_health(settings: Settings, readiness: Readiness) -> web.AppRunner:
    """Start the pages on the health address; raises `OperationError` when the port is taken."""
    application = web.Application()
    application.add_routes(health_routes(readiness))
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, settings.health_host, settings.health_port)
    try:
        await site.start()
    except OSError as error:
        await runner.cleanup()
        raise OperationError(
            f"cannot serve the health pages on {settings.health_host}:{settings.health_port}: "
            f"{error.strerror}; set HOOKLINE_HEALTH_PORT to a free port, or 0"
        ) from None
    _log.info("health.serving", port=runner.addresses[0][1])
    return runner


def health_routes(readiness: Readiness) -> list[web.RouteDef]:
    """The three routes, for an application of their own or a larger one."""

    async def live(_request: web.Request) -> web.Response:
        return web.json_response({"live": True})

    async def ready(_request: web.Request) -> web.Response:
        conditions = dict(readiness())
        is_ready = all(conditions.values())
        return web.json_response(
            {"ready": is_ready, "conditions": conditions}, status=200 if is_ready else 503
        )

    async def metrics(_request: web.Request) -> web.Response:
        return web.Response(body=generate_latest(), headers={"Content-Type": CONTENT_TYPE_LATEST})

    return [web.get("/live", live), web.get("/ready", ready), web.get("/metrics", metrics)]
