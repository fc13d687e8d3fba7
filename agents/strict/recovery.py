"""Recovery in the order that loses nothing: seek, then let records flow, then resume partitions.

Faust resumes the partitions, then seeks, then clears the queues: what was fetched in between is
gone from the queues while its offsets are committed later. Here the partitions are positioned while
they are still paused, and a recovery whose assignment was revoked meanwhile ends without a trace.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, cast

from faust.tables.recovery import RebalanceAgain, Recovery
from faust.types import TP
from faust.types.transports import ConsumerT

from agents.strict.consumer import StrictConsumer

if TYPE_CHECKING:  # the application imports this module
    from agents.strict.app import StrictApp


class StrictRecovery(Recovery):
    """Ends a rebalance only with every partition at its committed offset."""

    async def on_recovery_completed(self, generation_id: int = 0) -> None:
        """Put the tables into service, then the streams."""
        app = cast("StrictApp", self.app)
        consumer = cast("StrictConsumer", app.consumer)
        await app.on_rebalance_complete.send()
        self._set_recovery_ended()
        for table in self.tables.values():
            await table.on_recovery_completed(
                self.actives_for_table[table], self.standbys_for_table[table]
            )
        if consumer.owns(generation_id) and consumer.assignment():
            await self._wait(consumer.perform_seek(), timeout=app.conf.broker_request_timeout)
        # From here to the end of `_resume` nothing awaits, so no revocation can come between.
        if consumer.owns(generation_id):
            self._resume(app, consumer)
            await app._fetcher.maybe_start()  # noqa: SLF001 - as Faust's own recovery does

    def _resume(self, app: StrictApp, consumer: StrictConsumer) -> None:
        self.completed.set()
        app.flow_control.resume()
        consumer.resume_flow()
        consumer.resume_partitions(
            {tp for tp in consumer.assignment() if not self._is_changelog_tp(tp)}
        )
        self.tables.on_actives_ready()
        if not app.assignor.assigned_standbys():
            self.tables.on_standbys_ready()
        app.on_rebalance_end()

    async def _seek_offsets(
        self, consumer: ConsumerT, tps: set[TP], offsets: Counter[TP], title: str
    ) -> None:
        """Seek the tables' partitions.

        An offset of None belongs to an assignment that is over; upstream lets it end the worker.
        What was read as an active partition is not read again as a standby: at each rebalance that
        would put the whole table before the next change to it.
        """
        positions = {}
        for tp in tps:
            known = (offsets.get(tp), self.active_offsets.get(tp) if title == "standby" else 0)
            if known[0] is None:
                raise RebalanceAgain
            positions[tp] = max(0, known[0], known[1] or 0)
        await consumer.seek_wait(positions)
