"""Fixtures of tests with real sockets and databases, without a broker."""

from collections.abc import AsyncIterator

import pytest

from agents.history.engine import Database
from agents.history.reading import HistoryReader
from pipeline.settings import Settings
from tests.support.histories import a_reader


@pytest.fixture
async def reader(
    history: Database,  # noqa: ARG001 - it makes the tables
    database_settings: Settings,
) -> AsyncIterator[HistoryReader]:
    """A reader of the test's history, which has its tables."""
    async with a_reader(database_settings) as made:
        yield made
