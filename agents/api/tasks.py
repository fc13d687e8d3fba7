"""Background work of the API: what fails is logged and begun again, never the end of a process."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

import structlog

# Whatever made it fail may still be there; once a second costs nothing.
_AGAIN_S: Final = 1.0

_log = structlog.get_logger()


def kept_running(name: str, work: Callable[[], Awaitable[None]]) -> asyncio.Task[None]:
    """A task that does `work` until it is cancelled, again and again if it ends."""

    async def keep() -> None:
        while True:
            try:
                await work()
            except Exception as error:  # noqa: BLE001 - `up` serves this too, and must go on
                _log.error("api.task_failed", task=name, exc_info=error)
            await asyncio.sleep(_AGAIN_S)

    return asyncio.create_task(keep(), name=f"api {name}")
