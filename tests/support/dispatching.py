"""A dispatcher with jobs in it, and all it lets start."""

from __future__ import annotations

from pipeline.endpoints import Terms
from pipeline.lanes import Queued


def fill(dispatcher, webhook, count, *, ceiling=64, per_second=None, **given) -> None:
    fields = {"lane": "new", "since_ms": 0, **given}
    for number in range(count):
        job = f"{webhook}-{fields['lane']}-{number}"
        queued = Queued(webhook=webhook, job=job, **fields)
        assert dispatcher.add(queued, Terms(ceiling, per_second)) is None


def take_all(dispatcher) -> list[Queued]:
    taken = []
    while (queued := dispatcher.take(0)) is not None:
        taken.append(queued)
    return taken
