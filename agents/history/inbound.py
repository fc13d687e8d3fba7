"""Requests to sources, as the history has them: what is searched for, and what is found.

A request is open when it was rejected for what it says, and nothing that was made of it later was
accepted.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final, Self

import pydantic_core
from sqlalchemy import ColumnElement, Connection, RowMapping, Select, exists, select

from agents.history.cursors import Place
from agents.history.queries import (
    Found,
    Part,
    columns_of,
    descending,
    found_in,
    rows_of_part,
    with_content,
)
from agents.history.search import ALWAYS, Window
from agents.history.tables import INBOUND, INBOUND_BODIES
from pipeline.history import unpacked
from schemas.codec import Fault
from schemas.inbound import FINAL_REASONS

INBOUND_PLACE: Final[Place] = (0, "")


@dataclass(frozen=True, slots=True)
class InboundSearch:
    """Which requests; None asks for nothing. `is_open`: only those to be mapped again."""

    source_id: str | None = None
    outcome: str | None = None
    reason: str | None = None
    activity_id: str | None = None
    is_open: bool = False
    window: Window = ALWAYS


@dataclass(frozen=True, slots=True)
class Held:
    """What a request held: `body` is in base64, `query` without its question mark."""

    query: str
    headers: tuple[tuple[str, str], ...]
    body: str


@dataclass(frozen=True, slots=True)
class InboundRow:
    """A request; `held` is None when that has expired, and where nobody asked for it."""

    account_id: int
    inbound_id: str
    source_id: str
    source_version: int | None
    at_ms: int
    method: str
    content_type: str
    body_bytes: int
    cut: bool
    remote: str | None
    outcome: str
    reason: str
    faults: tuple[Fault, ...]
    activity_id: str | None
    event_ids: tuple[str, ...]
    remapped_from: str | None
    held: Held | None = None

    @classmethod
    def of(cls, row: RowMapping) -> Self:
        """The request in a row, which may have the `content` of what it held."""
        fields: dict[str, Any] = {**row}
        content = fields.pop("content", None)
        faults = pydantic_core.from_json(fields.pop("faults"))
        event_ids = pydantic_core.from_json(fields.pop("event_ids"))
        return cls(
            **fields,
            faults=tuple(Fault(it["field"], it["message"]) for it in faults),
            event_ids=tuple(event_ids),
            held=None if content is None else _held(content),
        )


def _held(content: bytes) -> Held:
    kept = unpacked(content)
    headers = tuple((name, value) for name, value in kept["headers"])
    return Held(kept["query"], headers, kept["body"])


_BY_TIME: Final = (INBOUND.c.at_ms, INBOUND.c.inbound_id)
_COLUMNS: Final = columns_of(INBOUND)
_WITH_HELD: Final = with_content(_COLUMNS, INBOUND, INBOUND_BODIES)


def inbound_requests(
    connection: Connection, account_id: int, search: InboundSearch, part: Part
) -> Found[InboundRow]:
    """Requests without what they held, the last first."""
    return _listed(connection, select(*_COLUMNS), account_id, search, part)


def held_requests(
    connection: Connection, account_id: int, search: InboundSearch, part: Part
) -> Found[InboundRow]:
    """The same with what they held."""
    return _listed(connection, _WITH_HELD, account_id, search, part)


def inbound_request(connection: Connection, account_id: int, inbound_id: str) -> InboundRow | None:
    """One request with what it held."""
    of = INBOUND.c
    asked = _WITH_HELD.where(of.account_id == account_id, of.inbound_id == inbound_id)
    row = connection.execute(asked).mappings().first()
    return None if row is None else InboundRow.of(row)


def latest_sample(connection: Connection, account_id: int, source_id: str) -> InboundRow | None:
    """The last request to a source that is kept as a whole."""
    of = INBOUND.c
    asked = _WITH_HELD.where(
        of.account_id == account_id,
        of.source_id == source_id,
        of.cut.is_(False),
        INBOUND_BODIES.c.content.is_not(None),
    )
    row = connection.execute(asked.order_by(*descending(_BY_TIME)).limit(1)).mappings().first()
    return None if row is None else InboundRow.of(row)


def _listed(
    connection: Connection,
    wanted: Select[Any],
    account_id: int,
    search: InboundSearch,
    part: Part,
) -> Found[InboundRow]:
    where = [INBOUND.c.account_id == account_id, *_where(search)]
    rows = rows_of_part(connection, wanted, where, _BY_TIME, part)
    return found_in(
        [InboundRow.of(row) for row in rows], part, lambda row: (row.at_ms, row.inbound_id)
    )


def _where(search: InboundSearch) -> Iterator[ColumnElement[bool]]:
    of = INBOUND.c
    wanted = {
        "source_id": search.source_id,
        "outcome": search.outcome,
        "reason": search.reason,
        "activity_id": search.activity_id,
    }
    yield from (of[name] == value for name, value in wanted.items() if value is not None)
    if search.window.begin_ms is not None:
        yield of.at_ms >= search.window.begin_ms
    if search.window.end_ms is not None:
        yield of.at_ms < search.window.end_ms
    if search.is_open:
        yield of.outcome == "rejected"
        yield of.reason.not_in(FINAL_REASONS)
        yield of.remapped_from.is_(None)
        yield ~_came_of_it()


def _came_of_it() -> ColumnElement[bool]:
    """Whether what was made of the request later was accepted."""
    later = INBOUND.alias("later")
    return exists().where(
        later.c.account_id == INBOUND.c.account_id,
        later.c.remapped_from == INBOUND.c.inbound_id,
        later.c.outcome == "accepted",
    )
