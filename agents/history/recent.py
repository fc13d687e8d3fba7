"""The activities of an account's week, for time-based bodies, out of the history.

One week is read at a time, so that a busy account's does not take the turns of everything else,
and one that was read a moment ago is used again: the event's own activity is added by whoever asks.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from agents.history.reading import HistoryReader, SearchTooLongError
from pipeline.history import unpacked
from pipeline.settings import Settings
from pipeline.timeseries import HistoryAwayError, TooManyActivitiesError

# Ten a minute for a week. Compressed, so many take some 60 MB.
ACTIVITIES_MAX: Final = 100_000
# Shorter than the recorder may be behind, so what is used again is hardly older than what is read.
_FRESH_S: Final = 1.0


@dataclass(frozen=True, slots=True)
class _Read:
    """What was read, for which account and week, and when."""

    week: tuple[int, int, int]
    activities: Sequence[bytes]
    at_s: float


class RecentHistory:
    """The history's side of `pipeline.timeseries.RecentActivities`."""

    def __init__(self, settings: Settings) -> None:
        """Nothing is opened before it is asked; raises `OperationError` for an unusable address."""
        self._reader = HistoryReader(settings)
        self._turn = asyncio.Lock()
        self._last: _Read | None = None

    async def between(self, account_id: int, begin_s: int, end_s: int) -> Iterable[dict[str, Any]]:
        """The latest snapshot of each activity that began from then until before then.

        Raises `HistoryAwayError`, or `TooManyActivitiesError` beyond `ACTIVITIES_MAX`.
        """
        week = (account_id, begin_s, end_s)
        async with self._turn:
            if self._last is None or self._last.week != week or _age_s(self._last) > _FRESH_S:
                self._last = _Read(week, await self._read(week), time.monotonic())
            return map(unpacked, self._last.activities)

    def close(self) -> None:
        """Let go of the database."""
        self._reader.close()

    async def _read(self, week: tuple[int, int, int]) -> Sequence[bytes]:
        try:
            found = await self._reader.began_between(*week, ACTIVITIES_MAX + 1)
        except SearchTooLongError:
            raise HistoryAwayError("reading the week's activities took too long") from None
        if len(found) > ACTIVITIES_MAX:
            raise TooManyActivitiesError(
                f"the account has more than {ACTIVITIES_MAX:,} activities in its week, "
                "too many for one body"
            )
        return found


def _age_s(read: _Read) -> float:
    return time.monotonic() - read.at_s
