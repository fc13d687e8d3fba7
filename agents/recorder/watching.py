"""How far the recorder is behind, asked of the broker itself, and whether it still comes on.

Behind it may be for long: after a start, or while its database was away. That it stands still with
a database that answers is a fault nobody would notice, so the process ends and is started again.
"""

from __future__ import annotations

import time
from collections.abc import Mapping

from agents import metrics
from agents.clock import now_ms
from agents.kafka.log_ends import LogEnds
from agents.lifecycle import abort
from agents.recorder.recorder import Recorder
from pipeline.stalls import STALL_S, StallClock


class Watching:
    """Looks each second, in the event loop."""

    def __init__(self, recorder: Recorder) -> None:
        """Watch a recorder; nothing is known of it yet."""
        self.lag_records: Mapping[str, int] = {}
        self.behind_s = 0.0
        self._recorder = recorder
        self._log_ends = LogEnds(recorder.settings)
        self._clock = StallClock()

    async def run(self) -> None:
        """Look until cancelled."""
        await self._recorder.turning.each_second(self.look)

    async def look(self) -> None:
        """Look once; does not return when nothing has come on for too long."""
        positions = self._recorder.positions
        ends = await self._log_ends.ends(positions)
        if ends is None:
            self._clock.reset()
            return
        unread = {it: ends[it] - at for it, at in positions.items() if ends[it] > at}
        self._tell(unread)
        if not self._recorder.database_answers:
            self._clock.reset()
            return
        waits = {
            f"unread: offset {positions[it]} of {it[0]}/{it[1]}": float(STALL_S) for it in unread
        }
        reason = self._clock.stalled(time.monotonic(), waits)
        if reason is not None:
            abort(f"no progress: {reason}")

    def _tell(self, unread: Mapping[tuple[str, int], int]) -> None:
        names = self._recorder.names
        lags = dict.fromkeys(names.values(), 0)
        for (topic, _), records in unread.items():
            lags[names[topic]] += records
        written = self._recorder.written_at_ms
        oldest_ms = min((written[it] for it in unread if it in written), default=None)
        self.lag_records = lags
        self.behind_s = 0.0 if oldest_ms is None else max(now_ms() - oldest_ms, 0) / 1_000
        metrics.HISTORY_BEHIND.set(self.behind_s)
        for topic, records in lags.items():
            metrics.LAG.labels(topic).set(records)
