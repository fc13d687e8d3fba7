"""The pages every agent serves: /live, /ready and /metrics.

/live says that the process runs and its loop turns. /ready says whether it can do its work now, and
when it cannot, which condition is missing.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Mapping
from typing import Final, TypeAlias

import structlog
from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from agents.errors import OperationError
from pipeline.settings import Settings

# What an agent needs to be ready, each by name with whether it holds now.
Readiness: TypeAlias = Callable[[], Mapping[str, bool]]

# What else /ready says of an agent's work, which keeps nobody from calling it ready.
Told: TypeAlias = Callable[[], Mapping[str, object]]

# A page that is being answered when we stop has this long.
_SHUTDOWN_S: Final = 1.0

_log = structlog.get_logger()


async def serve_health(
    settings: Settings, readiness: Readiness, told: Told = dict
) -> web.AppRunner:
    """Start the pages on the health address; raises `OperationError` when the port is taken."""
    application = web.Application()
    application.add_routes(health_routes(readiness, told))
    listener = listening(
        settings.health_host,
        settings.health_port,
        mend="set HOOKLINE_HEALTH_PORT to a free port, or 0 for any",
    )
    runner = await serve_on(listener, application)
    _log.info("health.serving", port=runner.addresses[0][1])
    return runner


def listening(host: str, port: int, *, mend: str) -> socket.socket:
    """A socket that has the port from now on, for `serve_on`; `mend` ends the error's message.

    Raises `OperationError` when the port is taken.
    """
    try:
        return socket.create_server((host, port))
    except OSError as error:
        reason = os.strerror(error.errno or 0)
        raise OperationError(f"cannot listen on {host}:{port}: {reason}; {mend}") from None


async def serve_on(listener: socket.socket, application: web.Application) -> web.AppRunner:
    """Serve an application on a socket; `cleanup` of what is returned ends both."""
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=_SHUTDOWN_S)
    await runner.setup()
    await web.SockSite(runner, listener).start()
    return runner


def health_routes(readiness: Readiness, told: Told = dict) -> list[web.RouteDef]:
    """The three routes, for an application of their own or a larger one."""

    async def live(_request: web.Request) -> web.Response:
        return web.json_response({"live": True})

    async def ready(_request: web.Request) -> web.Response:
        conditions = dict(readiness())
        is_ready = all(conditions.values())
        return web.json_response(
            {"ready": is_ready, "conditions": conditions, **told()},
            status=200 if is_ready else 503,
        )

    async def metrics(_request: web.Request) -> web.Response:
        return web.Response(body=generate_latest(), headers={"Content-Type": CONTENT_TYPE_LATEST})

    return [web.get("/live", live), web.get("/ready", ready), web.get("/metrics", metrics)]
