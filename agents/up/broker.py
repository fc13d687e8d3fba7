"""The embedded broker as one of the services that `up` keeps running."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from agents.broker.embedded import EmbeddedBroker
from agents.broker.properties import LOG_FILE

ROLE: Final = "broker"


class BrokerService:
    """Kafka, on the port that it had at first; its data survives each restart."""

    role = ROLE
    name = ROLE

    def __init__(self, broker: EmbeddedBroker, data_dir: Path) -> None:
        """Look after `broker`, which runs already on `data_dir`."""
        self._broker = broker
        self._data_dir = data_dir

    @property
    def alive(self) -> bool:
        """Whether Kafka runs."""
        return self._broker.alive

    @property
    def pid(self) -> int | None:
        """Kafka's process id while it runs."""
        return self._broker.kafka_pid

    def start(self, inherited: int) -> None:  # noqa: ARG002 - the broker has a lock of its own
        """Start it again; raises `OperationError`."""
        self._broker.start()

    def stop(self) -> None:
        """Let it close its files and end."""
        self._broker.stop()

    def ending(self) -> str:
        """Where to look for why it ended."""
        return f"see {self._data_dir / 'kafka' / LOG_FILE}"
