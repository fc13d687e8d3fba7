"""The API put together, alone or within `up`: nothing that happens in it ends the process."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from functools import partial

from aiohttp import web

from agents.api.documents import documentation_routes
from agents.api.failures import problem_of
from agents.api.handling import Handling
from agents.api.inbound_taking import InboundTaking
from agents.api.operations import OPERATIONS
from agents.api.problems import UNAVAILABLE
from agents.api.publishing import ApiPublisher
from agents.api.rerunning import keep_house
from agents.api.routing import routes_of
from agents.api.services import Services
from agents.api.tasks import kept_running
from agents.api.tester import Tester
from agents.api.view import LiveView
from agents.api.writing import ConfigWriter
from agents.clock import now_ms
from agents.history.reading import HistoryReader
from agents.replay.keeper import Keeper
from agents.replay.parts import Parts
from pipeline.settings import Settings


class ApiService:
    """Serves the operations. What it needs may come later, or go and come back."""

    def __init__(self, settings: Settings) -> None:
        """Nothing is asked of anybody yet. To be made in the event loop that it will serve in."""
        view = LiveView(settings)
        self.services = Services(
            settings,
            now_ms,
            view,
            writer=ConfigWriter(settings, view),
            history=HistoryReader(settings),
            publisher=ApiPublisher(settings),
            tester=Tester(settings),
        )
        self._handling = Handling(self.services)
        self._keeper = Keeper(_parts(self.services))
        self._inbound = InboundTaking(self.services, self._handling)
        self._tasks: list[asyncio.Task[None]] = []
        self._keeping: asyncio.Task[None] | None = None

    def routes(self) -> list[web.RouteDef]:
        """The routes, for an application of their own or a larger one."""
        public_url = self.services.settings.public_url
        return [
            *routes_of(OPERATIONS, self._handling),
            *self._inbound.routes(),
            *documentation_routes(OPERATIONS, self._handling, public_url),
        ]

    async def start(self) -> None:
        """Begin to open what operations need; requests can be served at once."""
        self._tasks = [
            kept_running("view", self.services.view.run),
            kept_running("writer", self.services.writer.run),
            kept_running("housekeeping", partial(keep_house, self.services)),
        ]
        self._keeping = kept_running("replays", self._keeper.run)

    def conditions(self) -> Mapping[str, bool]:
        """What has to hold before requests are sent here.

        Neither the broker's silence nor the database's counts: reading, or else writing, goes on.
        """
        return {"configs_followed": self.services.view.is_followed}

    async def close(self) -> None:
        """Let go of everything; replays are left while their records can be written."""
        if self._keeping is not None:
            self._keeping.cancel()
            await asyncio.gather(self._keeping, return_exceptions=True)
        await self._keeper.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.services.writer.close()
        await self.services.publisher.close()
        await self.services.tester.close()
        await self.services.view.close()
        await asyncio.to_thread(self.services.history.close)


def _parts(services: Services) -> Parts:
    """What replays are carried out with."""
    return Parts(
        services.settings,
        lambda: services.view.configs,
        services.clock,
        services.history,
        services.publisher.publish,
        services.writer.write,
        lambda error: problem_of(error).status == UNAVAILABLE.status,
    )
