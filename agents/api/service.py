"""The API put together, alone or within `up`: nothing that happens in it ends the process."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from aiohttp import web

from agents.api.handling import Handling
from agents.api.operations import OPERATIONS
from agents.api.routing import routes_of
from agents.api.services import Services
from agents.api.view import LiveView
from agents.clock import now_ms
from agents.lifecycle import end_process_on_failure
from pipeline.settings import Settings


class ApiService:
    """Serves the operations. What it needs may come later, or go and come back."""

    def __init__(self, settings: Settings) -> None:
        """Nothing is opened yet. To be made in the event loop that it will serve in."""
        self.services = Services(settings, LiveView(settings), now_ms)
        self._handling = Handling(self.services)
        self._tasks: list[asyncio.Task[None]] = []

    def routes(self) -> list[web.RouteDef]:
        """The routes, for an application of their own or a larger one."""
        return routes_of(OPERATIONS, self._handling)

    async def start(self) -> None:
        """Begin to open what operations need; requests can be served at once."""
        self._tasks = [asyncio.create_task(self.services.view.run(), name="api view")]
        for task in self._tasks:
            end_process_on_failure(task)

    def conditions(self) -> Mapping[str, bool]:
        """What holds now of what the operations need, by name."""
        return {"configs_followed": self.services.view.is_followed}

    async def close(self) -> None:
        """Let go of everything."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.services.view.close()
