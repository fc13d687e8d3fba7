"""Deliveries: one event owed to one webhook, how it stands and what happened to it."""

from __future__ import annotations

from typing import Final

from agents.api.models.attempts import (
    DeliveriesQuery,
    DeliveryAnswer,
    DeliveryPage,
    DeliverySummary,
)
from agents.api.operation import Call, Operation, Reply
from agents.api.problems import not_found
from agents.api.searching import next_cursor, part_of
from agents.history.cursors import is_askable
from agents.history.queries import Part
from agents.history.search import DELIVERY_PLACE, AttemptSearch

_TAG: Final = "Deliveries"
_KIND: Final = "deliveries"
_PATH: Final = "/api/v1/accounts/{account}/deliveries"
# More than fifty attempts and what is put off between them, for all but the oddest delivery.
_LOG_ITEMS_MAX: Final = 200


async def _list(call: Call) -> Reply:
    part = part_of(call.query, _KIND, DELIVERY_PLACE)
    found = await call.services.history.deliveries(call.account_id, call.query.search, part)
    items = [DeliverySummary.of(row) for row in found.rows]
    return Reply(DeliveryPage(items=items, next_cursor=next_cursor(found, _KIND)))


async def _read(call: Call) -> Reply:
    history, delivery_id = call.services.history, call.path["id"]
    row = None
    if is_askable(delivery_id):
        row = await history.delivery(call.account_id, delivery_id)
    if row is None:
        raise not_found(f"delivery {delivery_id[:100]}")
    search = AttemptSearch(delivery_id=delivery_id)
    log = await history.attempts(call.account_id, search, Part(_LOG_ITEMS_MAX))
    return Reply(DeliveryAnswer.whole(row, log.rows))


OPERATIONS: Final[tuple[Operation, ...]] = (
    Operation(
        "GET",
        _PATH,
        _list,
        summary="List deliveries",
        tag=_TAG,
        scope="read",
        query=DeliveriesQuery,
        answer=DeliveryPage,
        problems=(503,),
        description="The one that was queued last comes first.",
    ),
    Operation(
        "GET",
        f"{_PATH}/{{id}}",
        _read,
        summary="Read a delivery",
        tag=_TAG,
        scope="read",
        answer=DeliveryAnswer,
        problems=(503,),
        description="How it stands, and its log.",
    ),
)
