"""The one way in which a process of the API changes the configuration.

A change is decided in the light of the topic's newest record, written, read back by this process's
own view, and answered when every agent has had the time to read it. Writes that come together go
together, one of each account at a time: the records of an account refer to each other, and to no
other's.

Kafka cannot write on condition. So it is looked afterwards whether somebody else (another process,
`hookline apply`) wrote the same record in the milliseconds between decision and write; if so, their
record is put back and the change is decided anew, on top of it.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final, Protocol

import structlog

from agents.api.config_log import ConfigLog, NotWritten
from agents.api.problems import TOO_LARGE, Problem, unavailable
from agents.configs.view import ConfigRecord
from agents.kafka.log_ends import LogEnds
from pipeline.changes import Change, Plan, plan_changes
from pipeline.configs import CONFIG_STALENESS_MS_MAX, Configs
from pipeline.settings import Settings
from schemas.config import Config, ConfigKey, key_of
from schemas.topics import CONFIGS

# A client hears within five seconds that Kafka is away.
_ANSWER_S_MAX: Final = 4.5
# What is on the topic reaches this process's view in a few milliseconds.
_READ_BACK_S_MAX: Final = 1.5
# A batch is decided in one turn of the loop, at a few milliseconds for each change.
_BATCH_MAX: Final = 50
# So many wait for a moment only if clients write far faster than the broker does.
_WAITING_MAX: Final = 1_000
# Others rarely write the same record in the same millisecond, and never again and again.
_ROUNDS_MAX: Final = 5

# Keys matter to the API alone, a job that a rerun is about waits for it by its offset, and a replay
# moves on each second: that it was cancelled is read as soon as it is there.
_NOT_WAITED_FOR: Final = frozenset({"key", "rerun", "replay"})

# What to change, given the configuration as it is; raises `Problem` to refuse. It may be asked
# more than once, and only its last answer counts.
Decide = Callable[[Configs], Iterable[Change]]

_log = structlog.get_logger()


class View(Protocol):
    """This process's view of the configs topic."""

    @property
    def configs(self) -> Configs:
        """The newest configuration known; raises `Problem` when there is none."""

    async def reaches(self, offset: int) -> None:
        """Wait until the record at `offset` has been applied."""


@dataclass(frozen=True, slots=True)
class Written:
    """What was changed. Whoever has read the topic up to `offset` knows of it."""

    changes: tuple[Change, ...]
    offset: int


@dataclass(slots=True, eq=False)
class _Order:
    account_id: int
    decide: Decide
    done: asyncio.Future[Written]
    changes: tuple[Change, ...] = field(default=())

    def writes(self) -> dict[bytes, bytes | None]:
        """The records to write, by key."""
        return dict(Plan(self.changes).writes())

    def finish(self, result: Written | BaseException) -> None:
        """Tell whoever waits, if anybody still does."""
        if self.done.done():
            return
        if isinstance(result, Written):
            self.done.set_result(result)
        else:
            self.done.set_exception(result)


class ConfigWriter:
    """Carries out the changes of one process, in batches."""

    def __init__(self, settings: Settings, view: View) -> None:
        """Put the parts together; nothing is asked of the broker yet."""
        self._place = (settings.topic(CONFIGS), 0)
        self._view = view
        self._log_ends = LogEnds(settings)
        self._log = ConfigLog(settings)
        self._waiting: deque[_Order] = deque()
        self._came = asyncio.Event()

    async def write(self, account_id: int, decide: Decide) -> Written:
        """Change records of one account; in effect on every agent when it returns.

        Raises what `decide` raises, and `Problem` within five seconds when Kafka is away.
        """
        if len(self._waiting) >= _WAITING_MAX:
            raise unavailable("kafka", f"{_WAITING_MAX} changes wait to be written already")
        order = _Order(account_id, decide, asyncio.get_running_loop().create_future())
        self._waiting.append(order)
        self._came.set()
        done, _ = await asyncio.wait([order.done], timeout=_ANSWER_S_MAX)
        if not done:
            order.done.cancel()
            raise unavailable("kafka", f"the broker took too long; {_UNCERTAIN}")
        written = order.done.result()
        if any(_is_waited_for(change) for change in written.changes):
            await asyncio.sleep(2 * CONFIG_STALENESS_MS_MAX / 1_000)
        return written

    async def put(self, record: Config, now: str) -> int:
        """Write a record, whatever is there; the offset from which on it is known.

        `now` is RFC 3339. Raises as `write` does.
        """
        written = await self.write(
            key_of(record).account_id,
            lambda configs: plan_changes([record], configs, now=now).changes,
        )
        return written.offset

    async def delete(self, keys: Iterable[ConfigKey]) -> None:
        """Delete what is there under the keys; raises as `write` does."""
        by_account: dict[int, list[ConfigKey]] = {}
        for key in keys:
            by_account.setdefault(key.account_id, []).append(key)
        await asyncio.gather(
            *(self.write(owner, _deletion(owned)) for owner, owned in by_account.items())
        )

    async def run(self) -> None:
        """Carry out what comes, until cancelled."""
        while True:
            await self._came.wait()
            self._came.clear()
            while batch := self._next_batch():
                await self._carry_out(batch)

    async def close(self) -> None:
        """Let go of the broker; `run` must have ended."""
        await asyncio.to_thread(self._log.close)

    def _next_batch(self) -> list[_Order]:
        """What waited longest: for each account its first change, as the next may depend on it."""
        batch: dict[int, _Order] = {}
        left: deque[_Order] = deque()
        for order in self._waiting:
            if order.done.done():
                continue
            if order.account_id in batch or len(batch) >= _BATCH_MAX:
                left.append(order)
            else:
                batch[order.account_id] = order
        self._waiting = left
        return [*batch.values()]

    async def _carry_out(self, batch: list[_Order]) -> None:
        for _ in range(_ROUNDS_MAX):
            try:
                batch = await self._round(batch)
            except Exception as error:  # noqa: BLE001 - each of them is answered with it
                if not isinstance(error, Problem):
                    _log.exception("configs.write_failed")
                _finish_all(batch, error)
                return
            if not batch:
                return
        _finish_all(batch, unavailable("kafka", "others keep changing the same records"))

    async def _round(self, batch: list[_Order]) -> list[_Order]:
        """Decide and write; those come back whose decision was overtaken by somebody's write."""
        await self._catch_up(batch)
        configs = self._view.configs
        base = configs.offset
        decided = [order for order in batch if _decided(order, configs)]
        writes = {key: value for order in decided for key, value in order.writes().items()}
        last, overwritten = await self._put(writes, base)
        again = [order for order in decided if not overwritten.keys().isdisjoint(order.writes())]
        while overwritten:
            last, overwritten = await self._put(overwritten, last)
        await self._read_back(last)
        for order in decided:
            if order not in again:
                order.finish(Written(order.changes, last))
        return again

    async def _catch_up(self, batch: list[_Order]) -> None:
        """Bring the view to the topic's present end."""
        ends = await self._log_ends.ends([self._place])
        if ends is None:
            problem = unavailable("kafka", "the broker does not answer, so nothing was written")
            _finish_all((*batch, *self._waiting), problem)  # nobody need wait for the same answer
            raise problem
        await self._read_back(ends[self._place] - 1)

    async def _read_back(self, offset: int) -> None:
        try:
            await asyncio.wait_for(self._view.reaches(offset), _READ_BACK_S_MAX)
        except TimeoutError:
            raise unavailable("kafka", f"the topic is not read at present; {_UNCERTAIN}") from None

    async def _put(
        self, writes: Mapping[bytes, bytes | None], base: int
    ) -> tuple[int, dict[bytes, bytes | None]]:
        """Write records that were decided on at offset `base`.

        The last offset comes back, and what others wrote between under the same keys.
        """
        if not writes:
            return base, {}
        try:
            offsets = await asyncio.to_thread(self._log.write, [*writes.items()])
            if offsets[-1] - base == len(writes):  # nobody else wrote anything
                return offsets[-1], {}
            came = await asyncio.to_thread(self._log.read, base + 1, offsets[-1])
        except NotWritten as error:
            if error.is_too_large:
                raise Problem(TOO_LARGE, "the record is larger than its topic takes") from None
            raise unavailable("kafka", f"{error}; {_UNCERTAIN}") from None
        return offsets[-1], _overwritten(dict(zip(writes, offsets, strict=True)), came)


_UNCERTAIN: Final = "the change may have been made all the same: read before you repeat it"


def _is_waited_for(change: Change) -> bool:
    return change.action != "unchanged" and change.key.kind not in _NOT_WAITED_FOR


def _deletion(keys: list[ConfigKey]) -> Decide:
    return lambda configs: [Change("delete", key) for key in keys if configs.get(key) is not None]


def _finish_all(orders: Iterable[_Order], error: Exception) -> None:
    for order in orders:
        order.finish(error)


def _decided(order: _Order, configs: Configs) -> bool:
    """Whether there is a decision; a refusal goes to whoever waits for it."""
    try:
        order.changes = tuple(order.decide(configs))
    except Exception as error:  # noqa: BLE001 - it is answered
        order.finish(error)
        return False
    return True


def _overwritten(
    ours: Mapping[bytes, int], came: Iterable[ConfigRecord]
) -> dict[bytes, bytes | None]:
    """What others wrote under our keys before we did: the newest value of each."""
    return {
        record.key: record.value
        for record in came
        if record.key is not None and record.offset < ours.get(record.key, -1)
    }
