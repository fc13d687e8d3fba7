"""What searches of the history share: times, words that can be looked for, and a span of time.

Times are asked for and answered as RFC 3339, in UTC and to the millisecond.
"""

from __future__ import annotations

import re
from datetime import datetime
from typing import Annotated, Final

from pydantic import AfterValidator, AwareDatetime, BeforeValidator, Field

from agents.api.models.base import PageQuery
from agents.clock import timestamp
from agents.history.cursors import is_askable
from agents.history.search import Window
from schemas.event import ID_CHARACTERS_MAX

# The last millisecond that has four digits of a year.
_LAST_MS: Final = 253_402_300_799_999
# Whoever forgets to write the `+` of an offset as %2B sends a blank.
_BLANK_OFFSET: Final = re.compile(r"(T.*) (\d\d:\d\d)")


def _with_plus(value: object) -> object:
    return _BLANK_OFFSET.sub(r"\1+\2", value) if isinstance(value, str) else value


def _askable(word: str) -> str:
    if not is_askable(word):
        raise ValueError("must be text without NUL")
    return word


Moment = Annotated[AwareDatetime, BeforeValidator(_with_plus)]
Word = Annotated[str, Field(min_length=1, max_length=ID_CHARACTERS_MAX), AfterValidator(_askable)]


class SpanQuery(PageQuery):
    """The query of a list that can be narrowed to a span of time."""

    from_: Moment | None = Field(
        None,
        alias="from",
        description="From this time on (RFC 3339, such as `2026-05-01T00:00:00Z`).",
    )
    to: Moment | None = Field(None, description="Before this time (RFC 3339).")

    @property
    def window(self) -> Window:
        """The span in milliseconds."""
        return Window(milliseconds(self.from_), milliseconds(self.to))


def milliseconds(at: datetime | None) -> int | None:
    """A time that was asked for, None for none."""
    return None if at is None else round(at.timestamp() * 1_000)


def moment(at_ms: int) -> str:
    """A time as it is answered; one that no calendar has is brought to the nearest that has."""
    return timestamp(min(max(at_ms, 0), _LAST_MS))


def moment_or_none(at_ms: int | None) -> str | None:
    """The same where there may be no time."""
    return None if at_ms is None else moment(at_ms)
