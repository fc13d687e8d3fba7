"""The Faust application with every strict piece in its place, and the settings they need."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, cast

from faust.app import App
from faust.types import Message
from faust.types.transports import TransportT
from mode.utils.objects import cached_property
from mode.utils.queues import FlowControlEvent
from yarl import URL

from agents.lifecycle import abort
from agents.strict.consumer import StrictConsumer
from agents.strict.flow import StrictFlowControl
from agents.strict.pump import Batches
from agents.strict.tables import FollowedTable, StrictTableManager
from agents.strict.transport import StrictTransport

# Measured together through the release gate (tests/chaos/matcher_gate.py): change none alone.
_SETTINGS: Final[dict[str, Any]] = {
    "store": "memory://",
    "web_enabled": False,
    "topic_allow_declare": False,  # `hookline topics create` does that
    "topic_disable_leader": True,
    "producer_acks": -1,
    "producer_linger": 0.005,
    "producer_max_batch_size": 262_144,
    "producer_request_timeout": 60,
    "broker_commit_interval": 1,
    "broker_session_timeout": 10,
    "broker_heartbeat_interval": 1,
    "broker_rebalance_timeout": 20,
    "broker_request_timeout": 30,
    # One fetch must not overrun the bound on what waits by much.
    "broker_max_poll_records": 500,
    # The client empties one partition's fetch before the next one's: with a backlog and the default
    # of 1 MiB the last of eight waits for the events of seven.
    "consumer_max_fetch_size": 262_144,
    "stream_buffer_maxsize": 4096,
    "stream_wait_empty": True,
    "table_standby_replicas": 0,
}


class StrictApp(App):
    """One agent, one acknowledged topic, one followed table; a crash anywhere ends the process."""

    def __init__(
        self,
        app_id: str,
        *,
        bootstrap_servers: str,
        followed_topic: str,
        batches: Batches[Message],
        is_behind: Callable[[], bool],
    ) -> None:
        """`batches` takes the agent's work; while `is_behind()` only the table is fetched."""
        self.followed_topic = followed_topic
        self.batches = batches
        self.is_behind = is_behind
        super().__init__(
            app_id,
            broker=[URL(f"kafka://{server}") for server in bootstrap_servers.split(",")],
            TableManager=StrictTableManager,
            GlobalTable=FollowedTable,
            **_SETTINGS,
        )

    @cached_property
    def flow_control(self) -> FlowControlEvent:
        """Flow control of the streams, the strict kind."""
        return StrictFlowControl(loop=self.loop)

    @property
    def strict_consumer(self) -> StrictConsumer:
        """The consumer, under its own type."""
        return cast("StrictConsumer", self.consumer)

    @property
    def is_assigned(self) -> bool:
        """Whether this worker is a member of its group, with at least the table to follow."""
        return self._assignment is not None and bool(self._assignment)

    def _new_transport(self) -> TransportT:
        return StrictTransport(self.conf.broker_consumer, self)

    def _create_directories(self) -> None:
        """Make none: the table lives in memory."""

    def _crash(self, reason: BaseException) -> None:
        """End the process: a part of Faust that died would be missed by nobody."""
        abort("a part of the stream processor crashed", reason)
