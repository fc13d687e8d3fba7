"""Activities as the history has them, and the target of resource links.

The content is that of the latest snapshot: the same JSON that webhooks carry.
"""

from __future__ import annotations

from typing import Final

import pydantic_core

from agents.api.models.activities import (
    ActivitiesQuery,
    ActivityAnswer,
    ActivityContent,
    ActivityPage,
    ActivitySummary,
)
from agents.api.operation import Call, Operation, Reply
from agents.api.problems import not_found
from agents.api.searching import next_cursor, part_of
from agents.history.cursors import is_askable
from agents.history.rows import ActivityRow
from agents.history.search import ACTIVITY_PLACE

_TAG: Final = "Activities"
_KIND: Final = "activities"
_PATH: Final = "/api/v1/accounts/{account}/activities"


async def _list(call: Call) -> Reply:
    part = part_of(call.query, _KIND, ACTIVITY_PLACE)
    found = await call.services.history.activities(call.account_id, call.query.search, part)
    items = [ActivitySummary.of(row) for row in found.rows]
    return Reply(ActivityPage(items=items, next_cursor=next_cursor(found, _KIND)))


async def _read(call: Call) -> Reply:
    row = await _activity(call)
    events = await call.services.history.events(call.account_id, row.activity_id)
    return Reply(ActivityAnswer.whole(row, events))


async def _content(call: Call) -> Reply:
    row = await _activity(call)
    return Reply(pydantic_core.to_json(row.content))


async def _activity(call: Call) -> ActivityRow:
    """The activity that the path names; its content is kept as long as itself."""
    activity_id = call.path["id"]
    row: ActivityRow | None = None
    if is_askable(activity_id):
        row = await call.services.history.activity(call.account_id, activity_id)
    if row is None or row.content is None:
        raise not_found(f"activity {activity_id[:100]}")
    return row


OPERATIONS: Final[tuple[Operation, ...]] = (
    Operation(
        "GET",
        _PATH,
        _list,
        summary="List activities",
        tag=_TAG,
        scope="read",
        query=ActivitiesQuery,
        answer=ActivityPage,
        problems=(503,),
        description="The one that something was told of last comes first.",
    ),
    Operation(
        "GET",
        f"{_PATH}/{{id}}",
        _read,
        summary="Read an activity",
        tag=_TAG,
        scope="read",
        answer=ActivityAnswer,
        problems=(503,),
        description="Its latest snapshot, and the events that were told of it.",
    ),
    Operation(
        "GET",
        "/api/v1/accounts/{account}/calls/{id}",
        _content,
        summary="Read what a resource link names",
        tag=_TAG,
        scope="read",
        answer=ActivityContent,
        problems=(503,),
        description="The activity alone, as it is now. Webhooks with `body_type: resource_link` "
        "send the address of this, with `.json` at its end. Texts, chats and forms are found here "
        "as well as calls.",
        has_json_path=True,
    ),
)
