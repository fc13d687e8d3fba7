"""Histories for tests: one that is away, and rows written as a recorder writes them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from agents.history.engine import Database
from agents.history.reading import HistoryReader
from agents.history.writing import Rows, write
from pipeline.history import Place, attempt_rows, event_rows
from pipeline.inbound_history import inbound_rows
from pipeline.settings import Settings
from pipeline.timeseries import HistoryAwayError
from schemas.attempt import Attempt
from schemas.event import Event
from schemas.inbound import Inbound
from tests.support.builders import NOW_MS


class NoHistory:
    """A history that is away."""

    async def between(self, _account_id, _begin_s, _end_s):
        raise HistoryAwayError("it is away")


@asynccontextmanager
async def a_reader(settings: Settings) -> AsyncIterator[HistoryReader]:
    """A reader that is closed at the end."""
    reader = HistoryReader(settings)
    try:
        yield reader
    finally:
        reader.close()


def record(database: Database, *records: Event | Attempt | Inbound, first_offset: int = 0) -> None:
    """Write records as if they had been read from partition 0, events a millisecond apart."""
    rows = Rows()
    for offset, each in enumerate(records, start=first_offset):
        if isinstance(each, Event):
            rows.add(event_rows(each, Place(0, offset, came_at_ms(offset))))
        elif isinstance(each, Inbound):
            rows.add(inbound_rows(each))
        else:
            rows.add(attempt_rows(each, Place(0, offset, each.at_ms)))
    with database.writing() as connection:
        write(connection, rows, {}, {})


def came_at_ms(offset: int) -> int:
    """When the event at an offset came."""
    return NOW_MS + offset
