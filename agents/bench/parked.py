"""Which deliveries that have not arrived still wait in a tier, by what is on record of them.

The last attempt on record says when the next is due. One that is due later is parked and will come;
one that is overdue, has ended or left no record is lost, as far as a bench can know.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from agents.bench.plan import Plan
from agents.bench.publisher import event_id
from agents.clock import now_ms
from agents.sender.readback import read_back
from pipeline.settings import Settings
from pipeline.suppression import Noted
from schemas.ids import delivery_id

# An event's number and its webhook's.
Owed = tuple[int, int]


def still_parked(settings: Settings, plan: Plan, load: int, missing: set[Owed]) -> set[Owed]:
    """Those of a load's missing deliveries that are due later, as the attempts topic has it now.

    What is older than a sender would read back is not seen, and so not taken for parked.
    """
    if not missing:
        return set()
    by_number = {it.number: it for it in plan.endpoints}
    ids: dict[str, Owed] = {}
    for event, webhook in missing:
        it = by_number[webhook]
        ids[delivery_id(event_id(load, event), it.webhook_id, it.account_id)] = (event, webhook)
    noted = read_back(settings, dict.fromkeys(range(settings.job_partitions))).noted
    return due_later(ids, noted, now_ms())


def due_later(ids: Mapping[str, Owed], noted: Iterable[Noted], at_ms: int) -> set[Owed]:
    """Those whose last record puts them off to a later time; nothing follows from a late one."""
    last = {it.delivery_id: it for it in noted if it.step != "late" and it.delivery_id in ids}
    return {
        ids[name]
        for name, it in last.items()
        if it.step in {"retry", "defer"} and it.due_ms > at_ms
    }
