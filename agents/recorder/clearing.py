"""When what is old is removed: a batch at a time between two writes, and then not for a minute."""

from __future__ import annotations

from collections import deque
from typing import Final

from sqlalchemy import Table

from agents import metrics
from agents.clock import now_ms
from agents.history.engine import Database
from agents.history.retention import ROWS_MAX, expiries, remove_expired
from pipeline.settings import Settings

_EVERY_S: Final = 60.0


class Clearing:
    """Removes as long as there is something to remove; for one thread."""

    def __init__(self, database: Database, settings: Settings) -> None:
        """Remove from `database` what is older than the settings say."""
        self._database = database
        self._settings = settings
        self._left: deque[tuple[Table, int]] = deque()
        self._next_at_s = 0.0

    def step(self, now_s: float) -> None:
        """Remove one batch, if it is time; raises what SQLAlchemy raises."""
        if not self._left:
            if now_s < self._next_at_s:
                return
            self._next_at_s = now_s + _EVERY_S
            self._left.extend(expiries(self._settings, now_ms()))
        table, before_ms = self._left[0]
        with self._database.writing() as connection:
            removed = remove_expired(connection, table, before_ms)
        metrics.HISTORY_REMOVED.labels(table.name).inc(removed)
        if removed < ROWS_MAX:
            self._left.popleft()
