"""The queues of one lane: what waits for each webhook, and which webhooks have a turn.

A webhook is in one turn at most: within its share of all requests, or beyond it.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from dataclasses import dataclass
from typing import Generic, Literal, TypeVar

from schemas.job import Lane

Turn = Literal["ready", "surplus"]
_T = TypeVar("_T")


@dataclass(slots=True, eq=False)
class Queued(Generic[_T]):
    """A job in the queue of its webhook since `since_ms`; a later job may take over its place."""

    webhook: str
    lane: Lane
    since_ms: int
    job: _T


class LaneQueues(Generic[_T]):
    """The queues of one lane, and which webhooks may start a job: within their share, or beyond."""

    def __init__(self) -> None:
        """Begin empty."""
        self.queues: dict[str, deque[Queued[_T]]] = {}
        self.ready: OrderedDict[str, None] = OrderedDict()
        self.surplus: OrderedDict[str, None] = OrderedDict()
        self.size = 0

    def place(self, webhook: str, turn: Turn | None) -> None:
        """Put a webhook into the turn it may take part in; it keeps a place it has."""
        if webhook not in self.queues:
            turn = None
        _keep(self.ready, webhook, keep=turn == "ready")
        _keep(self.surplus, webhook, keep=turn == "surplus")

    def append(self, queued: Queued[_T]) -> None:
        """Queue a job behind those of its webhook."""
        self.queues.setdefault(queued.webhook, deque()).append(queued)
        self.size += 1

    def retain(self, webhook: str, kept: list[Queued[_T]]) -> None:
        """Leave only `kept` in the queue of a webhook."""
        self.size -= len(self.queues[webhook]) - len(kept)
        if kept:
            self.queues[webhook] = deque(kept)
        else:
            del self.queues[webhook]

    def pop(self, webhook: str) -> Queued[_T]:
        """Take the oldest job of a webhook that has one."""
        queue = self.queues[webhook]
        queued = queue.popleft()
        self.size -= 1
        if not queue:
            del self.queues[webhook]
        return queued


def _keep(turn: OrderedDict[str, None], webhook: str, *, keep: bool) -> None:
    if not keep:
        turn.pop(webhook, None)
    elif webhook not in turn:
        turn[webhook] = None
