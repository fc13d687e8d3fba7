"""The configuration as the API sees it: it may not be there yet, and is sought again when lost.

Once it has been read, reading goes on with what is known, whatever becomes of the broker.
"""

from __future__ import annotations

import asyncio
from typing import Final

import structlog

from agents.api.problems import unavailable
from agents.configs.view import ConfigView
from agents.errors import OperationError
from pipeline.configs import Configs
from pipeline.settings import Settings

# A broker that is away is asked so often; a connection attempt costs it nothing.
_AGAIN_S: Final = 1.0

_log = structlog.get_logger()


class LiveView:
    """A view of the configs topic that is opened in the background, and again when it breaks."""

    def __init__(self, settings: Settings) -> None:
        """Nothing is read before `run` runs."""
        self._settings = settings
        self._view: ConfigView | None = None
        self._lost = asyncio.Event()

    @property
    def configs(self) -> Configs:
        """The newest configuration known; raises the problem when none was ever read."""
        return self._known().configs

    @property
    def is_followed(self) -> bool:
        """Whether changes arrive."""
        return self._view is not None and not self._lost.is_set()

    async def reaches(self, offset: int) -> None:
        """Wait until the record at `offset` has been applied."""
        await self._known().reaches(offset)

    def has_reached(self, end: int | None) -> bool:
        """Whether all that stood on the topic when it ended there is applied; None is unknown."""
        return self._view is not None and self._view.has_reached(end)

    async def run(self) -> None:
        """Open the view, and again whenever it is lost, until cancelled."""
        while True:
            opened = await self._opened()
            if opened is None:
                await asyncio.sleep(_AGAIN_S)
                continue
            before, self._view = self._view, opened
            if before is not None:
                await asyncio.to_thread(before.close)
            await self._lost.wait()
            await asyncio.sleep(_AGAIN_S)

    async def close(self) -> None:
        """Stop following; `run` must have ended."""
        if self._view is not None:
            await asyncio.to_thread(self._view.close)

    async def _opened(self) -> ConfigView | None:
        self._lost.clear()
        loop = asyncio.get_running_loop()

        def on_lost(error: Exception) -> None:
            _log.error("configs.lost", error=str(error))
            loop.call_soon_threadsafe(self._lost.set)

        try:
            return await asyncio.to_thread(ConfigView, self._settings, loop, on_lost)
        except OperationError as error:
            _log.warning("configs.unreadable", error=str(error))
            return None

    def _known(self) -> ConfigView:
        if self._view is None:
            raise unavailable("kafka", "the configuration could not be read yet")
        return self._view
