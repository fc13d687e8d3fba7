"""`up`'s own pages: how every agent is, at one address.

/live and /ready speak for the whole: ready is when every child is. /metrics are `up`'s own, mostly
restarts; /targets lists where each agent's are, in the form that Prometheus discovers by HTTP.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

import aiohttp
from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from agents.up.process import AgentProcess

# An agent whose loop turns answers in a millisecond.
_ANSWER_TIMEOUT_S: Final = aiohttp.ClientTimeout(total=1.0)


@dataclass(frozen=True, slots=True)
class Health:
    """How one child is. `pages` is the address of its own; broker and API have none."""

    name: str
    ready: bool
    pid: int | None
    restarts: int
    conditions: dict[str, bool]
    pages: str | None = None


Report = Callable[[], Awaitable[Sequence[Health]]]


def up_routes(report: Report) -> list[web.RouteDef]:
    """The routes, for an application of their own or a larger one."""

    async def live(_request: web.Request) -> web.Response:
        return web.json_response({"live": True})

    async def ready(_request: web.Request) -> web.Response:
        children = await report()
        is_ready = all(child.ready for child in children)
        body = {"ready": is_ready, "agents": [asdict(child) for child in children]}
        return web.json_response(body, status=200 if is_ready else 503)

    async def metrics(_request: web.Request) -> web.Response:
        return web.Response(body=generate_latest(), headers={"Content-Type": CONTENT_TYPE_LATEST})

    async def targets(request: web.Request) -> web.Response:
        addresses = {"up": request.host} | {
            child.name: child.pages.removeprefix("http://")
            for child in await report()
            if child.pages is not None
        }
        return web.json_response(
            [{"targets": [at], "labels": {"agent": name}} for name, at in addresses.items()]
        )

    return [
        web.get("/live", live),
        web.get("/ready", ready),
        web.get("/metrics", metrics),
        web.get("/targets", targets),
    ]


async def health_of(agents: Sequence[AgentProcess], restarts: Sequence[int]) -> list[Health]:
    """What each agent says of itself now; one that does not answer is not ready."""
    async with aiohttp.ClientSession(timeout=_ANSWER_TIMEOUT_S) as session:
        conditions = await asyncio.gather(*(_conditions(session, agent) for agent in agents))
    return [
        Health(
            agent.name,
            ready=bool(told) and all(told.values()),
            pid=agent.pid,
            restarts=count,
            conditions=told,
            pages=agent.pages,
        )
        for agent, told, count in zip(agents, conditions, restarts, strict=True)
    ]


async def _conditions(session: aiohttp.ClientSession, agent: AgentProcess) -> dict[str, bool]:
    if not agent.alive:
        return {}
    try:
        async with session.get(f"{agent.pages}/ready") as answer:
            told: Any = await answer.json()
            return {str(name): bool(holds) for name, holds in told["conditions"].items()}
    except (aiohttp.ClientError, TimeoutError, ValueError, KeyError, TypeError):
        return {}
