"""One replay while this process has its lease: the run, its record now and then, and its end.

The run stops within a fraction of a second of the record's being cancelled, and when the lease
could not be renewed in time. What keeps it from going on for a while (Kafka or the history is
away) is said in the record and waited for.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Final

import structlog
from confluent_kafka import KafkaException

from agents.clock import timestamp
from agents.replay.parts import Parts
from agents.replay.run import NoAnswerError, ReplayRun
from pipeline.changes import Change, plan_changes
from pipeline.configs import Configs
from pipeline.replay_runs import LEASE_MS, broken_off, claimed, completed, let_go, moved_on
from schemas.config import ConfigKey
from schemas.replay import Replay

# How long a run may go on when it was cancelled.
_LOOK_EVERY_S: Final = 0.1
# A record of the configuration costs live events some 50 ms while the matchers take it in (measured
# on two cores): once in three seconds is seen by one in sixty, once a second by one in twenty.
_RENEW_EVERY_S: Final = 3.0
# A lease that is older than this may soon be somebody else's.
_RENEWED_WITHIN_S: Final = LEASE_MS / 1_000 * 0.6
_AGAIN_S: Final = 1.0
# What raised so often, one time after the other, is a fault of ours and will not pass.
_FAULTS_MAX: Final = 3
_LET_GO_S_MAX: Final = 2.0

# How the record moves on; None when that is not this process's to write.
Move = Callable[[Replay | None], Replay | None]

_log = structlog.get_logger()


class Keeping:
    """A replay in the hands of the process `name`."""

    def __init__(self, parts: Parts, key: ConfigKey, name: str) -> None:
        """Nothing is claimed yet."""
        self._parts = parts
        self._key = key
        self._name = name
        self._renewed_s = 0.0

    async def keep(self) -> None:
        """Claim it and carry it out, until it ends or is not ours any more."""
        held = await self._moved(lambda it: claimed(it, self._name, self._parts.clock()))
        if held is None:
            return
        _log.info("replay.taken_up", replay=str(self._key), state=held.state)
        run = ReplayRun(self._parts, held)
        work = asyncio.create_task(self._work(run), name=f"run {held.id}")
        try:
            while not work.done() and await self._is_ours(run):
                await asyncio.wait([work], timeout=_LOOK_EVERY_S)
            if work.done():
                await self._end(run, work.exception())
        except BaseException:
            await _stopped(work)  # before it is said how far it has come
            await self._let_go(run)
            raise
        finally:
            await _stopped(work)

    async def _work(self, run: ReplayRun) -> None:
        """Carry it out; what may pass is waited for."""
        faults = 0
        while True:
            before = run.progress.counts.read
            try:
                await run.carry_out()
            except Exception as error:
                if not self._is_passing(error):
                    faults = 1 if run.progress.counts.read > before else faults + 1
                    _log.exception("replay.failed", replay=str(self._key))
                    if faults >= _FAULTS_MAX:
                        raise
                run.hindered(f"tried again in a moment: {_said(error)}")
                await asyncio.sleep(_AGAIN_S)
            else:
                return

    def _is_passing(self, error: Exception) -> bool:
        return isinstance(error, KafkaException | NoAnswerError) or self._parts.is_passing(error)

    async def _is_ours(self, run: ReplayRun) -> bool:
        """Whether to go on: nobody has ended it or taken it over, as far as this process knows."""
        stored = self._stored(self._parts.configs())
        if stored is None or not stored.is_under_way or stored.runner != self._name:
            return False
        if time.monotonic() - self._renewed_s < _RENEW_EVERY_S:
            return True
        try:
            progress, now_ms = run.progress, self._parts.clock()
            return (
                await self._moved(lambda it: moved_on(it, self._name, progress, now_ms)) is not None
            )
        except Exception as error:
            if time.monotonic() - self._renewed_s > _RENEWED_WITHIN_S:
                raise
            _log.warning("replay.not_renewed", replay=str(self._key), error=str(error))
            return True

    async def _end(self, run: ReplayRun, error: BaseException | None) -> None:
        now_ms = self._parts.clock()
        if error is None:
            ended = await self._moved(lambda it: completed(it, self._name, run.progress, now_ms))
        else:
            run.hindered(f"a fault of ours, see the API's log: {_said(error)}")
            ended = await self._moved(lambda it: broken_off(it, self._name, run.progress, now_ms))
        if ended is not None:
            counts = ended.planned or ended.counts
            _log.info("replay.ended", replay=str(self._key), state=ended.state, begun=counts.begun)

    async def _let_go(self, run: ReplayRun) -> None:
        """Leave it to whoever comes next, at once if Kafka is there; else the lease runs out."""
        try:
            moved = self._moved(lambda it: let_go(it, self._name, run.progress))
            await asyncio.wait_for(moved, _LET_GO_S_MAX)
        except Exception as error:  # noqa: BLE001 - it is left all the same
            _log.warning("replay.not_let_go", replay=str(self._key), error=str(error))

    async def _moved(self, move: Move) -> Replay | None:
        """Write the record as `move` has it, on top of the newest; None when that has none."""
        moved: Replay | None = None

        def decide(configs: Configs) -> tuple[Change, ...]:
            nonlocal moved
            moved = move(self._stored(configs))
            if moved is None:
                return ()
            now = timestamp(self._parts.clock())
            return plan_changes([moved], configs, now=now).changes

        began_s = time.monotonic()
        await self._parts.write(self._key.account_id, decide)
        self._renewed_s = began_s
        return moved

    def _stored(self, configs: Configs) -> Replay | None:
        stored = configs.get(self._key)
        return stored if isinstance(stored, Replay) else None


async def _stopped(work: asyncio.Task[None]) -> None:
    work.cancel()
    await asyncio.gather(work, return_exceptions=True)


def _said(error: BaseException) -> str:
    return str(error)[:200] or type(error).__name__
