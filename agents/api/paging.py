"""One page of a list of the configuration, which is all in memory and ordered by id.

A cursor is the id after which the next page begins, so records that come or go between two pages
neither repeat nor hide others.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from heapq import nsmallest
from typing import TypeVar, cast

from agents.api.models.base import PageQuery
from agents.api.problems import malformed
from agents.history.cursors import cursor_after, read_cursor
from schemas.codec import Malformed

T = TypeVar("T")
I = TypeVar("I", int, str)  # noqa: E741 - an id


def page_of(
    records: Iterable[T], query: PageQuery, kind: str, place: Callable[[T], I], first: I
) -> tuple[list[T], str | None]:
    """The records of the page, and the cursor of the next. `first` comes before every id."""
    after = first
    if query.cursor is not None:
        try:
            (value,) = read_cursor(query.cursor, kind, like=(first,))
        except Malformed as error:
            raise malformed("the query has faults", *error.faults) from None
        after = cast("I", value)
    rest = (record for record in records if place(record) > after)
    found = nsmallest(query.limit + 1, rest, key=place)
    shown = found[: query.limit]
    is_last = len(found) <= query.limit
    return shown, None if is_last else cursor_after(kind, (place(shown[-1]),))
