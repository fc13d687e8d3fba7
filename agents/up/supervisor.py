"""Keep services running: start them again when they die, stop them in order, and say so.

A service that goes on dying is tried ever more seldom (pipeline/restarts.py), and never given up:
what it waits for may come back.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final, Protocol

from agents import metrics
from agents.errors import OperationError
from agents.lifecycle import end_process_on_failure
from pipeline.restarts import Restarts

# A death is noticed after so long at the latest.
_POLL_S: Final = 0.1


class Service(Protocol):
    """What is kept running. `start` and `stop` may take their time; they run in a thread."""

    name: str
    role: str

    @property
    def alive(self) -> bool:
        """Whether it runs."""

    def start(self, inherited: int) -> None:
        """Start it, holding the lock `inherited`; raises `OperationError` when it cannot start."""

    def stop(self) -> None:
        """Stop it if it runs; returns when it has ended."""

    def ending(self) -> str:
        """Why it ended by itself, in a few words."""


@dataclass(slots=True)
class _Kept:
    service: Service
    started_at_s: float = field(default_factory=time.monotonic)
    restarts: Restarts = field(default_factory=Restarts)


class Supervisor:
    """Services in the order in which they are stopped, those of one role together."""

    def __init__(self, services: Sequence[Service], lock: int, tell: Callable[[str], None]) -> None:
        """`lock` is the descriptor that the services hold; `tell` is for people."""
        self._kept = [_Kept(service) for service in services]
        self._lock = lock
        self._tell = tell
        self._stopping = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        """Start what does not run yet, and watch over everything from now on."""
        for kept in self._kept:
            if not kept.service.alive:
                await asyncio.to_thread(kept.service.start, self._lock)
            kept.started_at_s = time.monotonic()
            watching = asyncio.create_task(self._keep(kept), name=f"keep {kept.service.name}")
            self._tasks.append(end_process_on_failure(watching))

    def restarts(self, service: Service) -> int:
        """How often a service was started again."""
        return next(kept.restarts.count for kept in self._kept if kept.service is service)

    async def stop(self) -> None:
        """Stop everything, role after role; returns when all have ended."""
        self._stopping.set()
        await asyncio.gather(*self._tasks)
        for role in dict.fromkeys(kept.service.role for kept in self._kept):
            services = [kept.service for kept in self._kept if kept.service.role == role]
            await asyncio.gather(*(asyncio.to_thread(service.stop) for service in services))

    async def _keep(self, kept: _Kept) -> None:
        while not await self._stopped_within(_POLL_S):
            if not kept.service.alive:
                await self._start_again(kept, kept.service.ending())

    async def _start_again(self, kept: _Kept, reason: str) -> None:
        name, lived_s = kept.service.name, time.monotonic() - kept.started_at_s
        kept.restarts = kept.restarts.after(round(lived_s * 1_000))
        delay_s = kept.restarts.delay_ms / 1_000
        self._tell(f"{name} died after {lived_s:.1f} s ({reason}); next start in {delay_s:g} s")
        if await self._stopped_within(delay_s):
            return
        metrics.RESTARTS.labels(name).inc()
        kept.started_at_s = time.monotonic()
        try:
            await asyncio.to_thread(kept.service.start, self._lock)
        except OperationError as error:
            self._tell(f"{name} could not be started: {error}")
        else:
            self._tell(f"{name} was started again (restart {kept.restarts.count})")

    async def _stopped_within(self, seconds: float) -> bool:
        with suppress(TimeoutError):
            await asyncio.wait_for(self._stopping.wait(), seconds)
        return self._stopping.is_set()
