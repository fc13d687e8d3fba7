"""Pages of searches in the history: which part is asked for, and the cursor of the next."""

from __future__ import annotations

from typing import Any

from agents.api.models.base import PageQuery
from agents.history.cursors import Place, cursor_after, read_cursor
from agents.history.queries import Found, Part


def part_of(query: PageQuery, kind: str, like: Place) -> Part:
    """The part of the list of `kind` that a query asks for; raises `Malformed` for its cursor."""
    place = None if query.cursor is None else read_cursor(query.cursor, kind, like)
    return Part(query.limit, place)


def next_cursor(found: Found[Any], kind: str) -> str | None:
    """The cursor of the next page; None on the last."""
    return None if found.next_place is None else cursor_after(kind, found.next_place)
