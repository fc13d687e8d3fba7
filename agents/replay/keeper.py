"""The replays that a process carries out: those of all accounts that nobody else is at."""

from __future__ import annotations

import asyncio
import secrets
from typing import Final

import structlog

from agents import metrics
from agents.replay.keeping import Keeping
from agents.replay.parts import Parts
from pipeline.replay_runs import claimed
from schemas.config import ConfigKey, key_of
from schemas.replay import Replay

# Each reads ahead some 8 MB and asks the history ten times a second; others wait for their turn.
RUNS_MAX: Final = 4
# How long a new one waits to be taken up.
_LOOK_EVERY_S: Final = 0.1

_log = structlog.get_logger()


class Keeper:
    """Takes replays up, and leaves them when the process ends."""

    def __init__(self, parts: Parts) -> None:
        """Nothing is taken up yet."""
        self._parts = parts
        self._name = secrets.token_hex(8)
        self._kept: dict[ConfigKey, asyncio.Task[None]] = {}

    async def run(self) -> None:
        """Take up what is free, until cancelled."""
        while True:
            for key in [key for key, task in self._kept.items() if task.done()]:
                self._drop(key)
            for replay in self._under_way():
                self._take_up(replay)
            metrics.REPLAYS.set(len(self._kept))
            await asyncio.sleep(_LOOK_EVERY_S)

    async def close(self) -> None:
        """Stop all, and leave them to whoever comes next; `run` must have ended."""
        for task in self._kept.values():
            task.cancel()
        await asyncio.gather(*self._kept.values(), return_exceptions=True)

    def _under_way(self) -> tuple[Replay, ...]:
        try:
            return self._parts.configs().replays_under_way()
        except Exception as error:
            if not self._parts.is_passing(error):
                raise
            return ()  # the configuration was never read yet

    def _take_up(self, replay: Replay) -> None:
        key = key_of(replay)
        is_free = claimed(replay, self._name, self._parts.clock()) is not None
        if is_free and key not in self._kept and len(self._kept) < RUNS_MAX:
            keeping = Keeping(self._parts, key, self._name)
            self._kept[key] = asyncio.create_task(keeping.keep(), name=f"replay {replay.id}")

    def _drop(self, key: ConfigKey) -> None:
        error = self._kept.pop(key).exception()
        if error is not None:  # Kafka was away: it is taken up again, here or elsewhere
            _log.warning("replay.left", replay=str(key), error=str(error))
