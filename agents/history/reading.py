"""The history as the API and the senders ask it: in threads, for a bounded time, of one account.

Nothing is opened before the first question. A database that is away raises `HistoryAwayError` and
is asked again at the next; a search that takes too long is given up and says so.
"""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Final, TypeVar

import structlog
from sqlalchemy import Connection, text
from sqlalchemy.exc import OperationalError, ProgrammingError, SQLAlchemyError

from agents.history import failing, inbound, queries, replaying
from agents.history.engine import CONNECTIONS_MAX, Database, is_away
from agents.history.inbound import InboundRow, InboundSearch
from agents.history.queries import Found, Part
from agents.history.rows import ActivityRow, AttemptRow, DeliveryRow, EventRow
from agents.history.search import ActivitySearch, AttemptSearch, DeliverySearch
from agents.history.writing import Partition
from pipeline.auto_disabling import Failing
from pipeline.replaying import Activity, Known
from pipeline.settings import Settings
from pipeline.timeseries import HistoryAwayError
from schemas.attempt import SentRequest

# What an index answers takes milliseconds; whoever waits longer had better narrow the search.
SEARCH_S_MAX: Final = 5.0
# SQLite counts the steps of its machine: that many take about a millisecond.
_STEPS_BETWEEN_LOOKS: Final = 100_000
_CANCELLED: Final = "57014"  # PostgreSQL's query_canceled

T = TypeVar("T")

_log = structlog.get_logger()


class SearchTooLongError(Exception):
    """A search was given up after `SEARCH_S_MAX` seconds."""


class HistoryReader:
    """Asks the history. Every method raises `HistoryAwayError` while the database is away."""

    def __init__(self, settings: Settings) -> None:
        """Raises `OperationError` for a database address that cannot be read."""
        self._database = Database(settings)
        self._threads = ThreadPoolExecutor(CONNECTIONS_MAX, thread_name_prefix="history")

    async def activities(
        self, account_id: int, search: ActivitySearch, part: Part
    ) -> Found[ActivityRow]:
        """Activities without their content, the last told first."""
        return await self._ask(queries.activities, account_id, search, part)

    async def activity(self, account_id: int, activity_id: str) -> ActivityRow | None:
        """An activity with its content."""
        return await self._ask(queries.activity, account_id, activity_id)

    async def latest_activity(self, account_id: int) -> ActivityRow | None:
        """The activity that was told of last, with its content."""
        return await self._ask(queries.latest_activity, account_id)

    async def events(self, account_id: int, activity_id: str) -> tuple[EventRow, ...]:
        """The newest events of an activity without their content, the last first."""
        return await self._ask(queries.events, account_id, activity_id)

    async def event(self, account_id: int, event_id: str) -> EventRow | None:
        """An event with its content."""
        return await self._ask(queries.event, account_id, event_id)

    async def deliveries(
        self, account_id: int, search: DeliverySearch, part: Part
    ) -> Found[DeliveryRow]:
        """Deliveries, the last begun first."""
        return await self._ask(queries.deliveries, account_id, search, part)

    async def delivery(self, account_id: int, delivery_id: str) -> DeliveryRow | None:
        """One delivery."""
        return await self._ask(queries.delivery, account_id, delivery_id)

    async def attempts(
        self, account_id: int, search: AttemptSearch, part: Part
    ) -> Found[AttemptRow]:
        """Attempts with request and response, the last first."""
        return await self._ask(queries.attempts, account_id, search, part)

    async def attempt(self, account_id: int, partition: int, offset: int) -> AttemptRow | None:
        """The attempt whose record lies there, with request and response."""
        return await self._ask(queries.attempt, account_id, partition, offset)

    async def sent_request(self, account_id: int, delivery_id: str) -> SentRequest | None:
        """The newest request of a delivery that is still kept."""
        return await self._ask(queries.sent_request, account_id, delivery_id)

    async def began_between(
        self, account_id: int, begin_s: int, end_s: int, limit: int
    ) -> Sequence[bytes]:
        """The packed content of at most `limit` activities that began within these bounds."""
        return await self._ask(queries.began_between, account_id, begin_s, end_s, limit)

    async def inbound_requests(
        self, account_id: int, search: InboundSearch, part: Part, *, held: bool = False
    ) -> Found[InboundRow]:
        """Requests to sources, the last first; `held`: with what they held."""
        question = inbound.held_requests if held else inbound.inbound_requests
        return await self._ask(question, account_id, search, part)

    async def inbound_request(self, account_id: int, inbound_id: str) -> InboundRow | None:
        """One request to a source, with what it held."""
        return await self._ask(inbound.inbound_request, account_id, inbound_id)

    async def latest_sample(self, account_id: int, source_id: str) -> InboundRow | None:
        """The last request to a source that is kept as a whole."""
        return await self._ask(inbound.latest_sample, account_id, source_id)

    async def known_deliveries(
        self, account_id: int, delivery_ids: Collection[str]
    ) -> dict[str, Known]:
        """What is on record of these deliveries, by id."""
        return await self._ask(replaying.known_deliveries, account_id, delivery_ids)

    async def known_activities(
        self, account_id: int, activity_ids: Collection[str]
    ) -> dict[str, Activity]:
        """These activities as they are now, by id."""
        return await self._ask(replaying.known_activities, account_id, activity_ids)

    async def outcomes(self, account_id: int, replay_id: str) -> dict[str, int]:
        """How many of the deliveries that a replay began stand how, by status."""
        return await self._ask(replaying.outcomes, account_id, replay_id)

    async def recorded_up_to(self, partitions: Collection[Partition]) -> dict[Partition, int]:
        """Up to which offsets the history has these partitions."""
        return await self._ask(replaying.recorded_up_to, partitions)

    async def failing(self, account_id: int, webhook_id: str, since_ms: int) -> Failing | None:
        """The webhook's first and last failure since then and since its last delivery."""
        return await self._ask(failing.failing, account_id, webhook_id, since_ms)

    async def waiting(self, account_id: int, webhook_id: str, limit: int) -> int:
        """How many deliveries of the webhook have not ended; `limit` at most are counted."""
        return await self._ask(failing.waiting, account_id, webhook_id, limit)

    async def recorded_to(self, topic: str, partition: int) -> int:
        """Up to which offset a partition (of a topic with its prefix) is in the history."""
        return await self._ask(failing.recorded_to, topic, partition)

    def close(self) -> None:
        """Wait for what is being asked, and let go of the database."""
        self._threads.shutdown()
        self._database.close()

    async def _ask(self, question: Callable[..., T], *of: object) -> T:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._threads, self._answer, question, of)

    def _answer(self, question: Callable[..., T], of: tuple[object, ...]) -> T:
        self._require_file()
        with _explained(), self._database.reading() as connection, _limited(connection):
            return question(connection, *of)

    def _require_file(self) -> None:
        """To ask a file that is not there would make one, which nobody fills."""
        file = self._database.url.database
        if self._database.is_sqlite and not Path(str(file)).exists():
            raise HistoryAwayError(f"there is no {file}: has a recorder run on this directory?")


@contextmanager
def _explained() -> Iterator[None]:
    try:
        yield
    except SQLAlchemyError as error:
        if _was_given_up(error):
            raise SearchTooLongError from None
        # a table or a column that is not there: the recorder has yet to bring it up to date
        if is_away(error) or isinstance(error, ProgrammingError):
            _log.warning("history.away", error=str(error.__cause__ or error))
            raise HistoryAwayError("the history's database cannot be asked now") from None
        raise


def _was_given_up(error: SQLAlchemyError) -> bool:
    if not isinstance(error, OperationalError):
        return False
    state = getattr(error.orig, "sqlstate", None)
    return state == _CANCELLED or str(error.orig) == "interrupted"


@contextmanager
def _limited(connection: Connection) -> Iterator[None]:
    """Give up what takes longer than `SEARCH_S_MAX`."""
    driver = connection.connection.driver_connection
    if not isinstance(driver, sqlite3.Connection):
        milliseconds = round(SEARCH_S_MAX * 1_000)
        connection.execute(text(f"SET LOCAL statement_timeout = {milliseconds}"))
        yield
        return
    until_s = time.monotonic() + SEARCH_S_MAX
    driver.set_progress_handler(lambda: time.monotonic() > until_s, _STEPS_BETWEEN_LOOKS)
    try:
        yield
    finally:
        driver.set_progress_handler(None, 0)
