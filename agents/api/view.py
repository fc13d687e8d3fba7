"""The configuration as the API sees it: it may not be there yet, and is sought again when lost.

Once it has been read, reading goes on with what is known, whatever becomes of the broker.
"""

from __future__ import annotations

import asyncio
from typing import Final

import structlog

from agents.api.problems import unavailable
from agents.configs.view import ConfigView
from pipeline.configs import Configs
from pipeline.settings import Settings

# A broker that is away is asked so often; a connection attempt costs it nothing.
_AGAIN_S: Final = 1.0

_log = structlog.get_logger()


class LiveView:
    """A view of the configs topic that is opened in the background, and again when it breaks."""

    def __init__(self, settings: Settings) -> None:
        """Nothing is read before `run` runs. To be made in its event loop."""
        self._settings = settings
        self._loop = asyncio.get_running_loop()
        self._view: ConfigView | None = None
        self._lost = asyncio.Event()
        self._opening: asyncio.Future[ConfigView | None] | None = None

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

    async def run(self) -> None:
        """Open the view, and again whenever it is lost, until cancelled."""
        while True:
            lost = asyncio.Event()
            # a thread cannot be cancelled, so what it opens is waited for in `close`
            self._opening = asyncio.ensure_future(asyncio.to_thread(self._opened, lost))
            opened = await asyncio.shield(self._opening)
            if opened is not None:
                before, self._view, self._lost = self._view, opened, lost
                if before is not None:
                    await asyncio.to_thread(before.close)
                await lost.wait()
            await asyncio.sleep(_AGAIN_S)

    async def close(self) -> None:
        """Stop following; `run` must have ended."""
        opened = None if self._opening is None else await self._opening
        for view in {self._view, opened}:
            if view is not None:
                await asyncio.to_thread(view.close)

    def _opened(self, lost: asyncio.Event) -> ConfigView | None:
        """A view that sets `lost` when it breaks; None when there can be none now."""

        def on_lost(error: Exception) -> None:
            _log.error("configs.lost", error=str(error))
            self._loop.call_soon_threadsafe(lost.set)

        try:
            return ConfigView(self._settings, self._loop, on_lost)
        except Exception as error:  # noqa: BLE001 - whatever it is, the next try may succeed
            _log.warning("configs.unreadable", error=str(error))
            return None

    def _known(self) -> ConfigView:
        if self._view is None:
            raise unavailable("kafka", "the configuration could not be read yet")
        return self._view
