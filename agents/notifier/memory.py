"""What was told of failing webhooks, held for the partitions that are ours and kept on their topic.

A change is made here at once, and counts when it is on the topic: changes of one webhook that come
together go there as one record. Whoever made one waits for that before doing what it allows.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Final, TypeAlias

from agents.kafka.producer import Outgoing
from pipeline.throttling import is_empty, next_end_ms
from schemas.codec import encode
from schemas.notifier_state import NotifierState
from schemas.topics import NOTIFIER_STATE

# An account and one of its webhooks.
Key: TypeAlias = tuple[int, str]

# Whoever waits for a message does not notice; a hundred failures within it are one record.
_GATHER_S: Final = 0.05

Write: TypeAlias = Callable[[Outgoing], Awaitable[object]]


class Memory:
    """The states of webhooks; `run` writes them."""

    def __init__(self, write: Write, until_certain: Callable[[], Awaitable[None]]) -> None:
        """`write` returns when a record is on its topic, `until_certain` when we are a member."""
        self._write = write
        self._until_certain = until_certain
        self._states: dict[Key, NotifierState] = {}
        self._partitions: dict[int, set[Key]] = {}
        self._ends_ms: dict[Key, int] = {}
        self._unsaved: dict[Key, list[asyncio.Future[None]]] = {}
        self._changed = asyncio.Event()

    def __len__(self) -> int:
        """How many webhooks something is remembered of."""
        return len(self._states)

    @property
    def partitions(self) -> frozenset[int]:
        """The partitions whose webhooks are ours to remember."""
        return frozenset(self._partitions)

    def know(self, states: Mapping[int, Iterable[NotifierState]]) -> None:
        """Begin with partitions, by what stands on the topic."""
        for number, found in states.items():
            self._partitions[number] = set()
            for state in found:
                self._set(number, state)

    def forget(self, numbers: Iterable[int]) -> None:
        """Partitions are somebody else's: what is not written is not ours to write any more."""
        for number in numbers:
            for key in self._partitions.pop(number, ()):
                self._states.pop(key, None)
                self._ends_ms.pop(key, None)
                for saved in self._unsaved.pop(key, ()):
                    saved.cancel()

    def of(self, key: Key) -> NotifierState:
        """What is remembered of a webhook."""
        return self._states.get(key) or NotifierState(account_id=key[0], webhook_id=key[1])

    def all_of(self, number: int) -> list[NotifierState]:
        """What is remembered of the webhooks of a partition."""
        return [self._states[key] for key in self._partitions.get(number, ())]

    def due(self, now_ms: int) -> list[tuple[int, Key]]:
        """The webhooks of which a window has ended or a summary is due, each with its partition."""
        return [
            (number, key)
            for number, keys in self._partitions.items()
            for key in keys
            if key in self._ends_ms and self._ends_ms[key] <= now_ms
        ]

    def change(self, number: int, state: NotifierState) -> asyncio.Future[None]:
        """Remember this from now on; what is returned is done when it stands on the topic."""
        saved = asyncio.get_running_loop().create_future()
        if number not in self._partitions:
            saved.cancel()
            return saved
        key = (state.account_id, state.webhook_id)
        self._set(number, state)
        self._unsaved.setdefault(key, []).append(saved)
        self._changed.set()
        return saved

    async def run(self) -> None:
        """Write what has changed, until cancelled."""
        while True:
            await self._changed.wait()
            await asyncio.sleep(_GATHER_S)
            await self._until_certain()
            self._changed.clear()
            await asyncio.gather(*map(self._save, list(self._unsaved)))

    async def _save(self, key: Key) -> None:
        saved = self._unsaved.pop(key, None)
        if saved is None:  # it was forgotten this moment
            return
        await self._write(_record(self.of(key)))
        for each in saved:
            if not each.done():  # whoever waited may have been told that it is not ours any more
                each.set_result(None)

    def _set(self, number: int, state: NotifierState) -> None:
        key = (state.account_id, state.webhook_id)
        if is_empty(state):
            self._states.pop(key, None)
            self._partitions[number].discard(key)
            self._ends_ms.pop(key, None)
            return
        self._states[key] = state
        self._partitions[number].add(key)
        end_ms = next_end_ms(state)
        if end_ms is None:
            self._ends_ms.pop(key, None)
        else:
            self._ends_ms[key] = end_ms


def _record(state: NotifierState) -> Outgoing:
    return Outgoing(NOTIFIER_STATE, state.key, None if is_empty(state) else encode(state))
