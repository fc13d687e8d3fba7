"""The API log: every attempt and every other end of a delivery, searched as a person would.

An attempt's id says where its record lies: `at_`, the partition and the offset.
"""

from __future__ import annotations

import re
from typing import Final

from agents.api.models.attempts import AttemptAnswer, AttemptPage, AttemptsQuery
from agents.api.operation import Call, Operation, Reply
from agents.api.problems import not_found
from agents.api.searching import next_cursor, part_of
from agents.history.search import ATTEMPT_PLACE

_TAG: Final = "Log"
_KIND: Final = "attempts"
_PATH: Final = "/api/v1/accounts/{account}/attempts"

# A partition has 31 bits and an offset 63.
_ID: Final = re.compile(r"at_(0|[1-9][0-9]{0,8})_(0|[1-9][0-9]{0,17})")


async def _list(call: Call) -> Reply:
    part = part_of(call.query, _KIND, ATTEMPT_PLACE)
    found = await call.services.history.attempts(call.account_id, call.query.search, part)
    items = [AttemptAnswer.of(row) for row in found.rows]
    return Reply(AttemptPage(items=items, next_cursor=next_cursor(found, _KIND)))


async def _read(call: Call) -> Reply:
    given = call.path["id"]
    place = _ID.fullmatch(given)
    row = None
    if place is not None:
        partition, offset = int(place[1]), int(place[2])
        row = await call.services.history.attempt(call.account_id, partition, offset)
    if row is None:
        raise not_found(f"attempt {given[:100]}")
    return Reply(AttemptAnswer.of(row))


OPERATIONS: Final[tuple[Operation, ...]] = (
    Operation(
        "GET",
        _PATH,
        _list,
        summary="Search the log",
        tag=_TAG,
        scope="read",
        query=AttemptsQuery,
        answer=AttemptPage,
        problems=(503,),
        description="Every attempt, with request, response, times and what follows, and every "
        "other end of a delivery; the latest first. All conditions of a search hold together. One "
        "that finds little in a long log can take too long, and is then refused: name a webhook, "
        "an activity or a span of time.",
    ),
    Operation(
        "GET",
        f"{_PATH}/{{id}}",
        _read,
        summary="Read an attempt",
        tag=_TAG,
        scope="read",
        answer=AttemptAnswer,
        problems=(503,),
    ),
)
