"""The forms that all models of the API share.

A body is strict JSON, in which an unknown field is a fault; a query is text, whose values are read
as the numbers and truths they stand for; an answer has every field, also those without a value.
"""

from __future__ import annotations

from typing import Annotated, Final, Generic, TypeVar

from pydantic import BaseModel, ConfigDict, Field

from schemas.codec import Record

PAGE_ITEMS_MAX: Final = 200
PAGE_ITEMS: Final = 50
# Longer than any cursor of ours.
_CURSOR_CHARACTERS_MAX: Final = 2_000

ItemT = TypeVar("ItemT")


class Body(Record):
    """What a request holds."""


class Query(Record):
    """What stands behind the question mark."""

    model_config = ConfigDict(strict=False)


class PageQuery(Query):
    """The query of a list. Filters of a list are fields of a subclass."""

    limit: Annotated[int, Field(ge=1, le=PAGE_ITEMS_MAX)] = Field(
        PAGE_ITEMS, description="How many items a page has at most."
    )
    cursor: str | None = Field(
        None,
        max_length=_CURSOR_CHARACTERS_MAX,
        description="`next_cursor` of the page before; leave it out for the first page.",
    )


class Answer(BaseModel):
    """What an operation answers."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Page(Answer, Generic[ItemT]):
    """One page of a list."""

    items: list[ItemT]
    next_cursor: str | None = Field(description="Asks for the next page; null on the last.")
